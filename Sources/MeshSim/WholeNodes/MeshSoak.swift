import SecureChannel
import Wire

/// What one soak world of whole nodes did.
package struct MeshSoakResult: Sendable {
  package let seed: UInt64
  package let hosts: Int
  package let hash: UInt64
  package let events: UInt64
  /// What was done to the world, in order.
  package let faults: [String]
  package let acknowledged: Int
  package let reads: Int
  package let reigns: Int
  package let recoveries: Int
  package let disksLost: Int
  package let violation: Violation?

  package var hashText: String { hexadecimal(hash) }
}

/// Random small worlds of whole nodes: gossip, channel, shards, log and steward together. They settle, faults come, all is
/// healed, and soon everything must be as it should be.
package enum MeshSoak {
  /// The steward has had time to place the shards.
  private static let faultsBegin = Nanoseconds.seconds(12)
  private static let faultsEnd = Nanoseconds.seconds(28)
  private static let healing = Nanoseconds.seconds(30)
  /// Who was told to leave while it stood still is gone by then.
  private static let lastDeparture = Nanoseconds.seconds(44)
  /// From here on everything should be as it should be; hosts that come to be counted on again may still move copies.
  private static let settling = Nanoseconds.seconds(50)
  private static let patience = Nanoseconds.seconds(30)
  /// Clients must have got on in the last part.
  private static let clientsFrom = Nanoseconds.seconds(45)

  /// - Parameter losesDisks: one or two hosts lose their disks besides.
  package static func run(seed: UInt64, losesDisks: Bool = false, sabotage: Sabotage = Sabotage()) -> MeshSoakResult {
    var chance = Chance(seed: mix64(seed ^ 0x736f_616b_33))
    var settings = settings(seed: seed, &chance)
    settings.sabotage = sabotage
    guard let world = SecureSimulation(secure: settings), let whole = world.whole else {
      preconditionFailure("no memory for the secrets of a simulated world")
    }
    world.startAll(within: Nanoseconds.seconds(1))
    if whole.settings.isPublished { world.queue.insert(.whole(.publish), at: Nanoseconds.seconds(2)) }
    for client in whole.clients.indices {
      world.queue.insert(
        .whole(.client(Int32(client))), at: Nanoseconds.seconds(3) + chance.below(Nanoseconds.seconds(1)))
    }
    var plan = MeshSoakPlan(settings: settings, whole.settings, begin: faultsBegin, end: faultsEnd)
    plan.draw(2 + chance.below(8), &chance)
    if losesDisks {
      // Of a generator of its own, so that the world is the same in all else.
      var chance = Chance(seed: mix64(seed ^ 0x6469_736b_73))
      plan.drawLostDisks(&chance)
    }
    for (at, fault) in plan.faults { world.schedule(fault, at: at) }
    world.schedule(.heal, at: healing)
    for machine in 0..<settings.hosts {
      world.schedule(.restart(machine), at: healing + 1 + chance.below(Nanoseconds.seconds(2)))
      world.schedule(.restart(machine), at: lastDeparture)
    }
    world.run(until: settling)
    // A rumour may be under way at any single moment.
    _ = world.run(atMost: patience, checkingEvery: Nanoseconds.seconds(1)) { world.areShardsSettled && world.isAgreed }
    world.expectAgreement("after healing")
    world.expectShardsSettled(clientsSince: clientsFrom)
    var violation = world.violation
    violation?.seed = seed
    violation?.replay = "mesh-sim soak\(losesDisks ? " --world disks" : "") --seeds 1 --first-seed \(seed)"
    return MeshSoakResult(
      seed: seed, hosts: settings.hosts, hash: world.trace.hash, events: world.counters.events,
      faults: plan.faults.sorted { $0.at < $1.at }.map { "\(seconds($0.at)) s  \($0.fault)" },
      acknowledged: whole.ledger.acknowledged, reads: whole.ledger.reads, reigns: whole.ledger.reigns,
      recoveries: whole.ledger.recoveries, disksLost: whole.ledger.disksLost, violation: violation)
  }

  private static func settings(seed: UInt64, _ chance: inout Chance) -> WorldSettings {
    var settings = WorldSettings(seed: mix64(seed), hosts: 3 + chance.below(4))
    settings.profile = chance.below(3) == 0 ? .lan : .lanFast
    settings.network.loss = Double(chance.below(3)) / 100
    settings.network.duplication = Double(chance.below(3)) / 100
    settings.network.reordering = Double(chance.below(3)) / 100
    if chance.below(4) == 0 { settings.twin = chance.below(settings.hosts) }
    var whole = WholeSettings()
    whole.shards = 2 + chance.below(3)
    whole.replicationFactor = 2 + chance.below(2)
    whole.minimum = 1 + chance.below(2)
    whole.voters = chance.below(3) == 0 ? 3 : 1
    whole.clients = 2 + chance.below(3)
    whole.isPublished = chance.below(4) == 0
    settings.whole = whole
    return settings
  }
}
