import MapShard
import Wire

extension ShardExperiment {
  /// kill -9 of an owner's host under load; from the kill to the first write that a successor acknowledges.
  package static let takeover = ShardExperiment(
    name: "takeover", summary: "kill an owner under load: time until its successor acknowledges writes",
    anchors: [
      Anchor("model of this protocol, 50 and 500 hosts", "model, 20,000 draws", [("gap_p50_s", 1.2)]),
      Anchor("etcd", Takeover.measured, [("gap_p50_s", 1.0)]),
      Anchor("Redis Cluster, node timeout 1 s", Takeover.measured, [("gap_p50_s", 2.3)]),
      Anchor("Redis Cluster, node timeout 5 s", Takeover.measured, [("gap_p50_s", 8.0)]),
      Anchor("NATS JetStream", Takeover.measured, [("gap_p50_s", 4.5)]),
    ], runs: 200
  ) { trial in
    var gaps: [Double] = []
    var withSecond: [Double] = []
    var withoutPower: [Double] = []
    var lost = 0
    var duplicated = 0
    var acknowledged = 0
    for run in 0..<trial.runs {
      // In every fifth world the power of the owner's host fails, in another one a second member dies with it.
      let way = Takeover.Way(rawValue: run % 5) ?? .kill
      var world = Takeover(seed: trial.seed(of: run))
      let gap = world.run(way)
      trial.keepViolation(of: world.world, run: run)
      if (run + 1) % 50 == 0 { trial.progress("\(run + 1) of \(trial.runs)") }
      acknowledged += world.world.acknowledgements
      lost += world.lost
      duplicated += world.duplicated
      if world.lost + world.duplicated > 0 {
        trial.fail("\(world.lost) acknowledged writes are missing, \(world.duplicated) applied twice", run: run)
      }
      guard let gap else {
        trial.fail("nobody has taken the shard after 20 s", run: run)
        continue
      }
      switch way {
      case .kill: gaps.append(gap)
      case .powerLoss: withoutPower.append(gap)
      case .two: withSecond.append(gap)
      }
    }
    trial.report("gap_p50_s", percentile(gaps, 0.5))
    trial.report("gap_p99_s", percentile(gaps, 0.99))
    trial.report("gap_power_loss_p50_s", percentile(withoutPower, 0.5))
    trial.report("gap_power_loss_p99_s", percentile(withoutPower, 0.99))
    trial.report("gap_two_dead_p50_s", percentile(withSecond, 0.5))
    trial.report("gap_two_dead_p99_s", percentile(withSecond, 0.99))
    trial.report("acknowledged", Double(acknowledged))
    trial.report("lost", Double(lost))
    trial.report("duplicated", Double(duplicated))
  }
}

/// One world whose owner dies.
private struct Takeover {
  static let measured = "measured once, one machine, real processes"

  var world: ShardWorld
  private(set) var lost = 0
  private(set) var duplicated = 0

  enum Way: Int {
    /// kill -9: the kernel closes the connections.
    case kill = 0
    /// Nobody is told.
    case powerLoss = 1
    case two = 2
  }

  init(seed: UInt64) {
    var settings = ShardWorldSettings(seed: seed, hosts: 5)
    settings.replicas = 3
    settings.spareFirst = true
    settings.clients = 8
    settings.thinkTime = Nanoseconds.milliseconds(20)
    settings.network.loss = 0.01
    world = ShardWorld.settled(settings) ?? ShardWorld(settings)
  }

  /// Seconds from the kill to the first acknowledgement of the successor, or, where two of three copies have died, until
  /// it acts; `nil` when there was none.
  mutating func run(_ way: Way) -> Double? {
    guard let owner = world.actingMachine(0) else { return nil }
    // Anywhere between two heartbeats.
    world.run(for: world.chance.below(Nanoseconds.seconds(1)))
    let killedAt = world.time
    let reign = world.newestRecord(of: 0)?.epoch ?? .none
    world.apply(way == .powerLoss ? .powerLoss(owner) : .crash(owner))
    if way == .two, let second = world.members(of: 0).first(where: { $0 != owner }) { world.apply(.crash(second)) }
    let isTaken = world.run(until: killedAt + Nanoseconds.seconds(20)) { world in
      // The last of three copies is below the minimum: all clients may be waiting with critical writes.
      world.ledger.shards[0].reign > reign
        || way == .two && world.actingMachine(0) != nil && world.newestRecord(of: 0)?.epoch ?? .none > reign
    }
    let gap = Double(world.time - killedAt) / 1e9
    world.run(for: Nanoseconds.seconds(2))
    tally(world.actingMachine(0))
    return isTaken ? gap : nil
  }

  /// What was acknowledged and is not in the successor's log, and what is in it twice.
  private mutating func tally(_ owner: Int?) {
    guard let owner else { return }
    let log = world.machines[owner].disk.written[0]
    for entry in world.ledger.shards[0].committed where !log.holds(entry.position) { lost += 1 }
    var applied: [UInt64: UInt64] = [:]
    for entry in log.entries where entry.client != 0 {
      if let last = applied[entry.client], entry.clientSequence <= last { duplicated += 1 }
      applied[entry.client] = max(applied[entry.client] ?? 0, entry.clientSequence)
    }
  }
}
