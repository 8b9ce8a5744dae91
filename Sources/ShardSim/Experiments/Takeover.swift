import MapShard
import Wire

extension ShardExperiment {
  /// kill -9 of an owner's host under load; from the kill to the first write that a successor acknowledges.
  package static let takeover = ShardExperiment(
    name: "takeover", summary: "kill an owner under load: time until its successor acknowledges writes", runs: 200
  ) { trial in
    var gaps: [Double] = []
    var withSecond: [Double] = []
    var lost = 0
    var duplicated = 0
    var acknowledged = 0
    for run in 0..<trial.result.runs {
      let seed = trial.result.seed &+ UInt64(run)
      // In every fifth world a second member dies with the owner.
      let kills = run % 5 == 4 ? 2 : 1
      var world = Takeover(seed: seed)
      let gap = world.run(killing: kills)
      trial.keepViolation(of: world.world, seed: seed)
      acknowledged += world.world.acknowledgements
      lost += world.lost
      duplicated += world.duplicated
      guard let gap else {
        lost += 1
        continue
      }
      if kills == 1 { gaps.append(gap) } else { withSecond.append(gap) }
    }
    trial.report("gap_p50_s", percentile(gaps, 0.5))
    trial.report("gap_p99_s", percentile(gaps, 0.99))
    trial.report("gap_two_dead_p50_s", percentile(withSecond, 0.5))
    trial.report("gap_two_dead_p99_s", percentile(withSecond, 0.99))
    trial.report("acknowledged", Double(acknowledged))
    trial.report("lost", Double(lost))
    trial.report("duplicated", Double(duplicated))
  }
}

/// One world whose owner dies.
private struct Takeover {
  var world: ShardWorld
  private(set) var lost = 0
  private(set) var duplicated = 0

  init(seed: UInt64) {
    var settings = ShardWorldSettings(seed: seed, hosts: 5)
    settings.replicas = 3
    settings.spareFirst = true
    settings.clients = 8
    settings.thinkTime = Nanoseconds.milliseconds(20)
    settings.network.loss = 0.01
    world = ShardWorld.settled(settings) ?? ShardWorld(settings)
  }

  /// Seconds from the kill to the first acknowledgement of the successor; `nil` when there was none.
  mutating func run(killing count: Int) -> Double? {
    guard let owner = world.actingMachine(0) else { return nil }
    // Anywhere between two heartbeats.
    world.run(for: world.chance.below(Nanoseconds.seconds(1)))
    let killedAt = world.time
    let reign = world.newestRecord(of: 0)?.epoch ?? .none
    world.apply(.powerLoss(owner))
    if count > 1, let second = world.members(of: 0).first(where: { $0 != owner }) { world.apply(.powerLoss(second)) }
    let isTaken = world.run(until: killedAt + Nanoseconds.seconds(20)) { $0.ledger.shards[0].reign > reign }
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
