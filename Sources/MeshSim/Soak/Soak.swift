import Gossip
import Wire

/// What one soak world did.
package struct SoakResult: Sendable {
  package let seed: UInt64
  package let nodes: Int
  package let hash: UInt64
  package let events: UInt64
  /// What was done to the world, in order.
  package let faults: [String]
  package let violation: Violation?

  package var hashText: String { hexadecimal(hash) }
}

/// Random worlds with random faults: 5 to 48 nodes, 10 simulated minutes, 3 to 8 faults, then healing and the question
/// whether all agree again.
package enum Soak {
  private static let faultsBegin = Nanoseconds.seconds(60)
  private static let faultsEnd = Nanoseconds.seconds(390)
  /// From here on nothing is wrong any more; the rest of the time is for agreeing.
  private static let healing = Nanoseconds.seconds(420)
  private static let end = Nanoseconds.seconds(600)

  package static func run(seed: UInt64, sabotage: Sabotage = Sabotage()) -> SoakResult {
    var chance = Chance(seed: mix64(seed ^ 0x736f_616b))
    let settings = settings(seed: seed, sabotage: sabotage, &chance)
    let world = ModelSimulation(settings)
    world.startAll(within: Nanoseconds.seconds(1 + chance.below(10)))
    var plan = SoakPlan(hosts: settings.hosts, spare: settings.hosts, begin: faultsBegin, end: faultsEnd)
    plan.draw(3 + chance.below(6), &chance)
    for (at, fault) in plan.faults { world.schedule(fault, at: at) }
    world.schedule(.heal, at: healing)
    for machine in plan.returning {
      world.schedule(.restart(machine), at: healing + chance.below(Nanoseconds.seconds(5)))
    }
    world.run(until: faultsBegin)
    world.expectAgreement("before any fault")
    world.run(until: end)
    world.expectAgreement("after healing")
    var violation = world.violation
    violation?.seed = seed
    violation?.replay = "mesh-sim soak --world gossip --seeds 1 --first-seed \(seed)"
    return SoakResult(
      seed: seed, nodes: settings.hosts, hash: world.trace.hash, events: world.counters.events,
      faults: plan.faults.sorted { $0.at < $1.at }.map { "\(seconds($0.at)) s  \($0.fault)" }, violation: violation)
  }

  private static func settings(seed: UInt64, sabotage: Sabotage, _ chance: inout Chance) -> WorldSettings {
    var settings = WorldSettings(seed: mix64(seed), hosts: 5 + chance.below(44))
    settings.spares = 1
    settings.contributors = chance.below(2) == 0 ? 0 : 3 + chance.below(settings.hosts)
    settings.profile = chance.below(4) == 0 ? .lanFast : .lan
    settings.network.loss = Double(chance.below(3)) / 100
    settings.network.duplication = Double(chance.below(3)) / 100
    settings.network.reordering = Double(chance.below(3)) / 100
    settings.load = chance.below(4) == 0
    settings.twin = chance.below(settings.hosts)
    settings.sabotage = sabotage
    return settings
  }
}
