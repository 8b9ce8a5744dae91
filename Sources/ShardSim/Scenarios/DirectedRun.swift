package import MapShard
import Wire

/// A fault at its moment: what random faults hit too rarely. Each run begins in a settled world, ends healed, and is
/// repeated with other seeds, so that delays and clocks differ.
package struct DirectedRun: Sendable {
  package let name: String
  let adjust: @Sendable (inout ShardWorldSettings) -> Void
  /// `owner` acts for shard 0.
  let play: @Sendable (inout ShardWorld, _ owner: Int) -> Void

  init(
    _ name: String, adjust: @escaping @Sendable (inout ShardWorldSettings) -> Void = { _ in },
    play: @escaping @Sendable (inout ShardWorld, Int) -> Void
  ) {
    self.name = name
    self.adjust = adjust
    self.play = play
  }

  package func run(seed: UInt64, planted: ShardBugs = [], isNarrated: Bool = false) -> ShardViolation? {
    var settings = ShardWorldSettings(seed: mix64(seed ^ 0x6469_72), hosts: 5)
    settings.replicas = 3
    settings.minimum = 1
    settings.spareFirst = true
    settings.clients = 4
    settings.thinkTime = Nanoseconds.milliseconds(60)
    adjust(&settings)
    settings.isNarrated = isNarrated
    settings.core.plant(planted)
    var world = ShardWorld(settings)
    world.settle()
    if world.violation == nil, let owner = world.actingMachine(0) {
      world.run(for: world.chance.below(Nanoseconds.milliseconds(400)))
      play(&world, owner)
      world.reflexes = []
    }
    if world.violation == nil {
      world.heal()
      world.expectHealed(by: world.time + Nanoseconds.seconds(15))
    }
    var violation = world.violation
    violation?.replay = "directed run '\(name)', seed \(seed)"
    return violation
  }

  package static func named(_ name: String) -> DirectedRun? { all.first { $0.name == name } }
}

extension ShardWorld {
  /// A member other than the owner.
  func follower(of shard: Int, besides owner: Int, _ number: Int = 0) -> Int {
    let others = members(of: shard).filter { $0 != owner }
    return others.isEmpty ? (owner + 1) % machines.count : others[number % others.count]
  }

  /// Runs until the machine has asked for a change of that kind and does not know the outcome.
  mutating func runUntilAsked(_ kind: ChangeKind, by machine: Int, within span: UInt64) -> Bool {
    let shard = shards[0]
    return run(until: time + span) { $0.machines[machine].core?.view(of: shard)?.proposal?.kind == kind }
  }

  func hasVoters(_ first: Int, _ second: Int, in set: UInt64) -> Bool {
    [first, second].allSatisfy { machines[$0].core?.votingSet == set }
  }

  /// The disk is gone; the process starts with an empty one, under another store id.
  mutating func loseDisk(_ machine: Int) {
    if machines[machine].isRunning { apply(.powerLoss(machine)) }
    machines[machine].disk.lose()
    machines[machine].store = chance.next() | 1
    ledger.untrusted.insert(machine)
  }

  mutating func cut(_ first: Int, _ second: Int, for span: UInt64) {
    for (from, to) in [(first, second), (second, first)] {
      apply(.cut(from: from, to: to))
      schedule(.mend(from: from, to: to), at: time + span)
    }
  }
}
