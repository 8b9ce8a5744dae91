import MapShard
import ShardSim
import Testing
import Wire

/// One host through several lives, each ended at any moment by a crash of the machine or of the process alone: what was reported durable must be there, what
/// is there must have been written, and nothing may look damaged.
struct CrashWorld {
  let host: LogHost
  private var shards = [shardA, shardB, ShardID(rawValue: 0xc3)]

  init(seed: UInt64) {
    var chance = Chance(seed: seed)
    var settings = LogSettings(store: 77)
    settings.segmentSize = (8 << 10) << chance.below(4)
    settings.batchLimit = (1 << 10) << chance.below(3)
    settings.snapshotEntries = 5 + chance.below(60)
    settings.snapshotBytes = 8 << 10
    settings.snapshotAge = Nanoseconds.seconds(UInt64(1 + chance.below(4)))
    settings.logWindow = Nanoseconds.seconds(UInt64(chance.below(4)))
    // The first pass comes a second after the start.
    settings.scrubPeriod = Nanoseconds.seconds(24)
    settings.scrubRate = 1 << 30
    host = LogHost(seed: seed, settings)
    host.uncommitted = chance.below(30)
    host.slowest = Nanoseconds.milliseconds(UInt64(1 + chance.below(60)))
  }

  /// Complaints after a number of lives.
  func run(lives: Int) -> [String] {
    for life in 1...lives {
      for _ in 0..<host.chance.below(120) { step() }
      if host.chance.happens(0.3) { host.kill() } else { host.crash() }
      let complaints = host.complaints()
      if !complaints.isEmpty { return complaints.map { "life \(life): \($0)" } }
      host.accept()
      if host.chance.happens(0.2) { host.run(milliseconds: 1_500) }
      for case .damaged(let fault) in host.events { return ["life \(life): the scrub finds \(fault)"] }
    }
    return []
  }

  private func step() {
    let shard = shards[host.chance.below(shards.count)]
    switch host.chance.below(100) {
    case 0..<45: host.write(shard, 1 + host.chance.below(4), valueSize: 200, urgency)
    case 45..<52: host.write(shard, 20, valueSize: 100, urgency)
    case 52..<60:
      host.append(
        .register(
          key: UInt64(host.chance.below(4)),
          [UInt8](repeating: UInt8(host.chance.below(256)), count: host.chance.below(200))))
    case 60..<66: host.append(.reign(shard, record(of: shard), sealed: Epoch(3)), .lazy)
    case 66..<72: cut(shard)
    case 72..<76: install(shard)
    case 76..<78: host.append(.forget(shard))
    case 78..<80: host.disk.space = host.chance.happens(0.5) ? host.disk.taken + 2_000 : .max
    default: host.run(milliseconds: UInt64(host.chance.below(host.chance.happens(0.05) ? 3_000 : 90)))
    }
  }

  private var urgency: Urgency { host.chance.happens(0.4) ? .urgent : .lazy }

  private func record(of shard: ShardID) -> ProvenRecord {
    let me = Member(host: HostID(rawValue: 5), life: Life(rawValue: 6))
    let record = Record(
      shard: shard, epoch: Epoch(3), version: 1 + host.chance.next() >> 8, owner: me, members: [me], reason: .touch)
    return ProvenRecord(record: record, voterSet: 1, proof: [])
  }

  /// Cuts above what is committed and goes on in a later reign; now and then, as after a reign that lost entries, anywhere.
  private func cut(_ shard: ShardID) {
    let state = host.state(of: shard)
    let committed = host.committed[shard] ?? 0
    let isLoss = host.chance.happens(0.1)
    let cuts = state.line.filter { isLoss || $0.sequence >= committed }
    guard !cuts.isEmpty else { return }
    let target = cuts[host.chance.below(cuts.count)]
    if target.sequence < committed { host.lossCuts.insert(shard) }
    if isLoss { host.committed[shard] = min(committed, target.sequence) }
    host.append(.truncate(shard, to: target))
    host.write(shard, 1 + host.chance.below(3), epoch: state.position.epoch.rawValue + 1, urgency)
    // Part of what is there now is committed.
    let last = host.state(of: shard).position.sequence
    host.committed[shard] = max(host.committed[shard] ?? 0, last - min(last, UInt64(host.chance.below(3))))
  }

  private func install(_ shard: ShardID) {
    let current = host.state(of: shard).position
    var state = LogHost.State()
    state.position = Position(
      epoch: Epoch(current.epoch.rawValue + 1), sequence: current.sequence + UInt64(host.chance.below(50)),
      hash: host.chance.next())
    for _ in 0..<host.chance.below(60) {
      let key = Array("key-\(host.chance.below(80))".utf8)
      state.items[key] = ShardContent.Item(
        key: key, value: [UInt8](repeating: UInt8(host.chance.below(256)), count: host.chance.below(300)),
        entryClass: .critical, sequence: state.position.sequence)
    }
    host.append(.install(LogHost.content(shard, state)))
    host.committed[shard] = state.position.sequence
  }
}

@Suite("Recovery after crashes")
struct RecoveryCrashTests {
  /// Optimised builds go through a thousand.
  static var seeds: Int {
    var isDebug = false
    assert(
      {
        isDebug = true; return true
      }())
    return isDebug ? 60 : 1_000
  }

  @Test("nothing durable is ever missing, nothing is cut that was durable, nothing looks damaged")
  func crashes() {
    for seed in 1...RecoveryCrashTests.seeds {
      let complaints = CrashWorld(seed: UInt64(seed)).run(lives: 4)
      guard complaints.isEmpty else {
        Issue.record("seed \(seed): \(complaints.joined(separator: "\n"))")
        return
      }
    }
  }
}
