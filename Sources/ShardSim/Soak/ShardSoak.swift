package import MapShard
import Wire

/// What one soak world did.
package struct ShardSoakResult: Sendable {
  package let seed: UInt64
  package let hosts: Int
  package let hash: UInt64
  package let events: UInt64
  /// What was done to the world.
  package let faults: [String]
  package let acknowledged: Int
  package let reigns: Int
  package let recoveries: Int
  package let lostNormal: Int
  package let violation: ShardViolation?
  /// The trace, of a narrated world.
  package let lines: [String]

  package var hashText: String { hexadecimal(hash) }
}

/// Random worlds with random faults and faults that wait for their moment; then everything is healed, and soon every
/// shard must be served, in all its copies.
package enum ShardSoak {
  private static let faultsBegin = Nanoseconds.seconds(4)
  private static let faultsEnd = Nanoseconds.seconds(22)
  private static let healing = Nanoseconds.seconds(24)
  private static let end = Nanoseconds.seconds(40)

  package static func run(seed: UInt64, planted: ShardBugs = [], isNarrated: Bool = false) -> ShardSoakResult {
    var chance = Chance(seed: mix64(seed ^ 0x736f_616b_32))
    let settings = settings(seed: seed, planted: planted, isNarrated: isNarrated, &chance)
    var world = ShardWorld(settings)
    world.startAll()
    var plan = ShardSoakPlan(settings: settings, shards: world.shards, begin: faultsBegin, end: faultsEnd)
    plan.draw(2 + chance.below(8), &chance)
    plan.drawReflexes(chance.below(5), &chance)
    for (at, fault) in plan.faults { world.schedule(fault, at: at) }
    world.run(until: faultsBegin)
    for reflex in plan.reflexes { world.add(reflex) }
    world.run(until: healing)
    world.reflexes = []
    world.heal()
    world.expectHealed(by: end)
    var violation = world.violation
    violation?.replay = "mesh-sim soak --world shards --seeds 1 --first-seed \(seed) --trace"
    return ShardSoakResult(
      seed: seed, hosts: settings.hosts, hash: world.trace.hash, events: world.events,
      faults: plan.faults.sorted { $0.at < $1.at }.map { "\(seconds($0.at)) s  \($0.fault)" }
        + plan.reflexes.map { "\($0)" },
      acknowledged: world.ledger.acknowledgements, reigns: world.ledger.reigns, recoveries: world.ledger.recoveries,
      lostNormal: world.ledger.lostNormal, violation: violation, lines: world.trace.lines)
  }

  private static func settings(
    seed: UInt64, planted: ShardBugs, isNarrated: Bool, _ chance: inout Chance
  ) -> ShardWorldSettings {
    var settings = ShardWorldSettings(seed: mix64(seed), hosts: 3 + chance.below(4))
    settings.shards = 1 + chance.below(3)
    settings.replicas = 2 + chance.below(3)
    settings.minimum = 1 + chance.below(2)
    settings.spareFirst = chance.below(3) == 0
    settings.voters = chance.below(3) == 0 ? [0, 1, 2] : [0]
    settings.clients = 2 + chance.below(3)
    settings.network.loss = Double(chance.below(4)) / 100
    settings.network.duplication = Double(chance.below(4)) / 100
    settings.network.reordering = Double(chance.below(4)) / 100
    if chance.below(4) == 0 { settings.network.carrierLag = Nanoseconds.milliseconds(50) }
    settings.isNarrated = isNarrated
    settings.core.plant(planted)
    return settings
  }
}

extension ShardSettings {
  /// Without effect unless `MESH_PLANTED_BUGS` is defined.
  package mutating func plant(_ bugs: ShardBugs) {
    #if MESH_PLANTED_BUGS
      planted = bugs
    #endif
  }

  /// Whether rules can be broken in this build.
  package static var canBeBroken: Bool {
    #if MESH_PLANTED_BUGS
      true
    #else
      false
    #endif
  }
}
