import MapShard
import Wire

/// The log of one host's disk: what was written, and how much of it is certainly there.
///
/// One sync is in flight at a time and covers what was written before it began. A crash keeps what is durable and, of
/// the rest, any subset; recovery reads up to the first record that is missing.
struct SimulatedDisk: Sendable {
  enum Health: Hashable, Sendable { case well, failing, full }

  /// Written and not durable, oldest first.
  private(set) var pending: ContiguousArray<(token: UInt64, record: LogRecord)> = []
  /// So many of them will be durable when the sync in flight ends.
  private(set) var syncing: Int?
  var health = Health.well
  /// Time a sync takes, in nanoseconds.
  var latency = SimulatedDisk.quick
  /// What the durable records of each shard add up to, and what all that were written do.
  private(set) var durable: ContiguousArray<LogModel>
  private(set) var written: ContiguousArray<LogModel>
  /// Newest durable body under each key of the register.
  private(set) var register: [UInt64: [UInt8]] = [:]
  /// Shards that were damaged at rest since the process last read the disk.
  private(set) var damaged: Set<Int> = []
  private let shards: [ShardID]
  /// What the next crash does to what is not durable; `nil`: chance decides.
  var keepsAllInCrash: Bool?

  static let quick = Nanoseconds.milliseconds(1)...Nanoseconds.milliseconds(4)

  init(shards: [ShardID]) {
    self.shards = shards
    durable = ContiguousArray(shards.map { LogModel(shard: $0) })
    written = durable
  }

  var hasUnsynced: Bool { (syncing ?? 0) < pending.count }

  mutating func write(_ token: UInt64, _ record: LogRecord) {
    pending.append((token, record))
    SimulatedDisk.fold(record, into: &written)
  }

  mutating func beginSync() { syncing = pending.count }

  /// The token up to which everything is durable now, and whether state of the register was among it.
  mutating func endSync() -> (token: UInt64, votes: Bool)? {
    guard let count = syncing, count > 0 else { return nil }
    syncing = nil
    let token = pending[count - 1].token
    let votes = pending[..<count].contains { $0.record.isOfTheRegister }
    settle(count)
    return (token, votes)
  }

  var hasUnsyncedVotes: Bool { pending.contains { $0.record.isOfTheRegister } }

  /// The sync in flight failed.
  mutating func abandonSync() { syncing = nil }

  /// What a crash leaves of the records that were not durable.
  mutating func crash(_ chance: inout Chance) {
    // Each record that was not durable may have got there or not; recovery stops at the first gap.
    let likelihood = keepsAllInCrash.map { $0 ? 1 : 0 } ?? chance.unit()
    keepsAllInCrash = nil
    var kept = 0
    while kept < pending.count, chance.happens(likelihood) { kept += 1 }
    settle(kept)
    pending = []
    syncing = nil
    written = durable
  }

  mutating func damage(_ shard: Int) { damaged.insert(shard) }

  mutating func lose() {
    let shards = shards
    self = SimulatedDisk(shards: shards)
  }

  mutating func repair() {
    health = .well
    latency = SimulatedDisk.quick
  }

  /// What a new process reads. A damaged shard lacks entries from somewhere on, and says so.
  mutating func recover(_ chance: inout Chance) -> RecoveredShards {
    var recovered = RecoveredShards()
    recovered.register = register
    for (index, shard) in shards.enumerated() {
      if damaged.contains(index) {
        let keep = chance.below(UInt64(durable[index].entries.count + 1)) + durable[index].base.sequence
        durable[index].truncate(to: Position(epoch: .none, sequence: keep, hash: 0))
      }
      let log = durable[index]
      guard log.last != .start || log.record != nil else { continue }
      var one = RecoveredShard(content: log.content)
      one.entries = log.entries
      one.record = log.record
      one.sealed = log.sealed
      if damaged.contains(index) {
        one.damage = StoreFault(kind: .batch, file: "log", offset: 0, shards: [shard])
      }
      recovered.shards[shard] = one
    }
    damaged = []
    written = durable
    return recovered
  }

  private mutating func settle(_ count: Int) {
    for index in 0..<count {
      if case .register(let key, let body) = pending[index].record { register[key] = body }
      SimulatedDisk.fold(pending[index].record, into: &durable)
    }
    pending.removeFirst(count)
  }

  private static func fold(_ record: LogRecord, into logs: inout ContiguousArray<LogModel>) {
    switch record {
    case .entries(let shard, let entries): logs[shard.index].append(entries)
    case .truncate(let shard, let position): logs[shard.index].truncate(to: position)
    case .reign(let shard, let record, let sealed): logs[shard.index].note(record, sealed: sealed)
    case .install(let content): logs[content.shard.index].install(content)
    case .forget(let shard): logs[shard.index].forget()
    case .register: break
    }
  }
}

extension LogRecord {
  var isOfTheRegister: Bool { if case .register = self { true } else { false } }
}

extension ShardID {
  /// Shards of worlds are numbered.
  static let first: UInt64 = 0x5000

  var index: Int { Int(truncatingIfNeeded: rawValue &- ShardID.first) }
}
