import MapShard
import Wire

/// What was ever promised to anybody, kept outside of the nodes: the acknowledged log of each shard, entry by entry, the
/// records, who acts. Everything that nodes say is compared with it.
struct MeshLedger {
  struct Shard {
    /// The committed log; the entry of sequence s at s - 1.
    var log: ContiguousArray<Entry> = []
    /// Greatest sequence of a critical entry that a client was told of.
    var criticalTop: UInt64 = 0
    /// Greatest sequence of any entry that a client was told of.
    var toldTop: UInt64 = 0
    /// Last sequence of each client in the log.
    var applied: [UInt64: UInt64] = [:]
    /// Every record that anybody has learned, by version.
    var records: [UInt64: Record] = [:]
    var newest: Record?
    /// The newest that a voter held whose process has ended.
    var lastVoted: Record?
    /// When all members of the newest record were down at once: what was only in memory may be gone since.
    var allDownAt: UInt64?
    /// A recovery began after every member had lost its disk: nobody holds what they had.
    var isLost = false
  }

  /// What the present process of a machine has said.
  struct Seen {
    var records: ContiguousArray<Record?>
    var committed: ContiguousArray<UInt64>
  }

  var shards: ContiguousArray<Shard>
  var seen: ContiguousArray<Seen>
  /// Machines whose disk has failed since it was last read: what they find there may be damaged.
  var excused: Set<Int> = []
  /// Of all processes that a machine has had, and of those whose disk is gone since.
  var lives: ContiguousArray<Set<Life>>
  var lostLives: Set<Life> = []

  // Figures of the run.
  var acknowledged = 0
  var reads = 0
  var reigns = 0
  var recoveries = 0
  var disksLost = 0
  var lostNormal = 0

  init(shards: Int, machines: Int) {
    self.shards = ContiguousArray(repeating: Shard(), count: shards)
    lives = ContiguousArray(repeating: [], count: machines)
    seen = ContiguousArray(
      repeating: Seen(
        records: ContiguousArray(repeating: nil, count: shards), committed: ContiguousArray(repeating: 0, count: shards)
      ),
      count: machines)
  }

  mutating func started(_ machine: Int, as life: Life) {
    lives[machine].insert(life)
    for shard in shards.indices {
      seen[machine].records[shard] = nil
      seen[machine].committed[shard] = 0
    }
  }
}

extension MeshLedger.Shard {
  /// What a read of a key may give while the log grew from `start` entries to what it is now; `nil`: there is no value.
  func readable(_ key: [UInt8], since start: Int) -> [Entry?] {
    (min(start, log.count)...log.count).map { count in
      log[..<count].last { $0.key == key }.flatMap { $0.change == .put ? $0 : nil }
    }
  }

  /// An entry that a host calls committed. Returns what is wrong with it.
  mutating func commit(_ entry: Entry, at time: UInt64) -> MeshComplaint? {
    let sequence = entry.position.sequence
    if sequence <= UInt64(log.count) {
      let known = log[Int(sequence) - 1]
      guard known.position != entry.position else { return nil }
      if let complaint = lose(from: sequence) { return complaint }
    }
    guard sequence == UInt64(log.count) + 1 else { return nil }
    if let before = log.last, !entry.follows(before.position) {
      return .init(.oneHistory, "committed entry \(sequence) does not follow on the one before")
    }
    if entry.client != 0 {
      if let last = applied[entry.client], last >= entry.clientSequence {
        return .init(
          .onceOnly, "request \(entry.clientSequence) of client \(hexadecimal(entry.client)) is applied after \(last)")
      }
      applied[entry.client] = entry.clientSequence
    }
    log.append(entry)
    return nil
  }

  /// Another history goes on before this entry: that is right for normal entries after all members were down, and for
  /// all after they have all lost their disks.
  mutating func lose(from sequence: UInt64) -> MeshComplaint? {
    if sequence <= criticalTop, !isLost {
      return .init(
        .acknowledgedStays, "critical entry \(criticalTop) was acknowledged, and another history goes on at \(sequence)"
      )
    }
    if allDownAt == nil, sequence <= toldTop {
      return .init(
        .acknowledgedStays,
        "entry \(toldTop) was acknowledged, another history goes on at \(sequence), and never were all members down")
    }
    log.removeLast(log.count - Int(sequence) + 1)
    toldTop = min(toldTop, UInt64(log.count))
    criticalTop = min(criticalTop, UInt64(log.count))
    applied.removeAll(keepingCapacity: true)
    for entry in log where entry.client != 0 { applied[entry.client] = entry.clientSequence }
    return nil
  }
}

/// The checks of whole nodes; their numbers follow on those of gossip's.
enum MeshRule: Int {
  case oneActs = 21
  case acknowledgedStays = 22
  case onceOnly = 23
  case neverFalls = 24
  case healed = 25
  case diskIsWhole = 26
  case oneHistory = 27
  case readsCommitted = 28
  case stopped = 29
  case calm = 30

  var name: String {
    switch self {
    case .oneActs: "one host acts for a shard"
    case .acknowledgedStays: "what was acknowledged stays"
    case .onceOnly: "each request is applied once"
    case .neverFalls: "records are one per version and never fall"
    case .healed: "healed in time"
    case .diskIsWhole: "a disk that was not damaged is whole"
    case .oneHistory: "all hosts have one history"
    case .readsCommitted: "reads see what was acknowledged"
    case .stopped: "no shard is stopped"
    case .calm: "nobody keeps anybody busy"
    }
  }
}

/// What a check found.
struct MeshComplaint {
  let rule: MeshRule
  let text: String

  init(_ rule: MeshRule, _ text: String) {
    self.rule = rule
    self.text = text
  }
}
