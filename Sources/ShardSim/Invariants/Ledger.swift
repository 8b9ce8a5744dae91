import MapShard
import Wire

/// Everything that was ever said to anybody, beside what the hosts hold: the invariants of E11 are checked against it
/// after every turn.
struct Ledger {
  /// An entry that is part of the acknowledged log.
  struct Committed: Sendable {
    let position: Position
    let entryClass: EntryClass
    let client: UInt64
    let clientSequence: UInt64
    let key: [UInt8]
    let value: [UInt8]
    /// World time of the acknowledgement that made it part of it.
    let at: UInt64
  }

  /// What is known of an entry wherever it is.
  struct Content: Hashable, Sendable {
    let predecessor: Position
    let hash: UInt64
  }

  struct EntryName: Hashable, Sendable {
    let epoch: Epoch
    let sequence: UInt64
  }

  struct Shard: Sendable {
    /// The acknowledged log; entry of sequence s at s - 1.
    var committed: ContiguousArray<Committed> = []
    /// Greatest sequence of a critical entry in it.
    var criticalTop: UInt64 = 0
    /// Reign of the latest acknowledgement.
    var reign = Epoch.none
    /// Last applied sequence of each client in the acknowledged log.
    var applied: [UInt64: UInt64] = [:]
    var contents: [EntryName: Content] = [:]
    /// Every record that anybody learned, by version.
    var records: [UInt64: Record] = [:]
    /// The greatest of them.
    var newest: Record?
    /// Reign of the operator's last word past the rules: owners before it count for nothing.
    var uncleanReign = Epoch.none
    /// Whether something has changed that P4 depends on.
    var isDirty = false
    /// The machine that acted last, as long as it does.
    var actor: Int?
    /// World time since when nobody acts.
    var silentSince: UInt64 = 0
    /// Spans without an acting host that ended, in nanoseconds, with the time of their end.
    var gaps: [(endedAt: UInt64, span: UInt64)] = []

    var acknowledgedTop: Position { committed.last?.position ?? .start }
  }

  /// What a machine's process said or was seen to know.
  struct Seen: Sendable {
    /// Last record learned of each shard, in this life.
    var records: ContiguousArray<Record?>
    /// Shards for which it acted when its last turn began.
    var actedBefore: ContiguousArray<Bool>
  }

  let ids: [ShardID]
  var shards: ContiguousArray<Shard>
  var seen: ContiguousArray<Seen>
  /// Machines whose disk has lost what it had promised: it counts for nothing until they hold everything again.
  var untrusted: Set<Int> = []
  var voters: [Int]
  var turns: UInt64 = 0

  // Figures of the run.
  var acknowledgements = 0
  var reads = 0
  /// Acknowledged normal entries that a recovery from restart of all members did not bring back.
  var lostNormal = 0
  var reigns = 0
  var recoveries = 0

  init(shards: [ShardID], machines: Int, voters: [Int]) {
    ids = shards
    self.voters = voters
    self.shards = ContiguousArray(repeating: Shard(), count: shards.count)
    seen = ContiguousArray(
      repeating: Seen(
        records: ContiguousArray(repeating: nil, count: shards.count),
        actedBefore: ContiguousArray(repeating: false, count: shards.count)), count: machines)
  }

  func acknowledged(_ shard: ShardID) -> UInt64 { shards[shard.index].acknowledgedTop.sequence }

  // MARK: Processes

  mutating func started(_ machine: Int) {
    for shard in ids.indices {
      seen[machine].records[shard] = nil
      shards[shard].isDirty = true
    }
  }

  mutating func ended(_ machine: Int, at time: UInt64) {
    for shard in ids.indices {
      if shards[shard].actor == machine { falls(silent: shard, at: time) }
      seen[machine].records[shard] = nil
      shards[shard].isDirty = true
    }
  }

  /// As far as the machine has said.
  func owns(_ machine: Int, _ shard: Int, _ member: Member) -> Bool {
    seen[machine].records[shard]?.owner == member
  }
}

extension Ledger {
  mutating func acts(_ machine: Int, _ shard: Int, at time: UInt64) {
    guard shards[shard].actor != machine else { return }
    if shards[shard].actor == nil { shards[shard].gaps.append((time, time - shards[shard].silentSince)) }
    shards[shard].actor = machine
  }

  mutating func falls(silent shard: Int, at time: UInt64) {
    guard shards[shard].actor != nil else { return }
    shards[shard].actor = nil
    shards[shard].silentSince = time
  }
}
