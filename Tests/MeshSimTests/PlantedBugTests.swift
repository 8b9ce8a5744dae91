import Gossip
import MeshSim
import ShardSim
import Testing
import Wire

/// Rules broken on purpose: each must be found by the checks, and the same worlds must be clean without the bug.
@Suite struct PlantedBugTests {
  struct Bug: Sendable, CustomTestStringConvertible {
    let name: String
    let sabotage: Sabotage
    /// Looks for a violation in world number `attempt`, and says which.
    let world: @Sendable (UInt64, Sabotage) -> String?
    var attempts: UInt64 = 12

    var testDescription: String { name }
  }

  static let soak: @Sendable (UInt64, Sabotage) -> String? = { Soak.run(seed: $0, sabotage: $1).violation?.summary }

  /// Run `attempt` of an experiment, with so many nodes.
  static func experiment(_ experiment: Experiment, nodes: Int) -> @Sendable (UInt64, Sabotage) -> String? {
    { attempt, sabotage in
      var options = ExperimentOptions()
      options.nodes = nodes
      options.runs = 1
      options.seed = attempt
      options.sabotage = sabotage
      return experiment.run(options).violations.first?.summary
    }
  }

  /// A settled world of ten nodes with faults at given seconds; all must agree at the end.
  static func world(_ faults: [(second: UInt64, fault: Fault)], until end: UInt64)
    -> @Sendable (UInt64, Sabotage) -> String?
  {
    { seed, sabotage in
      var settings = WorldSettings(seed: seed, hosts: 10)
      settings.sabotage = sabotage
      let world = ModelSimulation(settings)
      world.startAll(within: Nanoseconds.seconds(1))
      for (second, fault) in faults { world.schedule(fault, at: Nanoseconds.seconds(second)) }
      world.run(until: Nanoseconds.seconds(end))
      world.expectAgreement("at the end")
      return world.violation?.summary
    }
  }

  static let ofTheCore: [Bug] = [
    Bug(name: "a quorum of one", sabotage: Sabotage(gossip: .quorumOfOne), world: soak),
    Bug(
      name: "tombstones by address", sabotage: Sabotage(gossip: .tombstonesByAddress),
      world: world([(30, .crash(3)), (30, .crash(4)), (60, .restartAt(3, addressOf: 4))], until: 150)),
    Bug(name: "tombstones forgotten", sabotage: Sabotage(gossip: .tombstonesForgotten), world: soak),
    Bug(name: "death is final", sabotage: Sabotage(gossip: .deathIsFinal), world: soak),
    Bug(name: "the digest misses changes", sabotage: Sabotage(gossip: .digestMissesChanges), world: soak),
    Bug(name: "left without the subject", sabotage: Sabotage(gossip: .leftWithoutTheSubject), world: soak),
    Bug(name: "hold-down missing", sabotage: Sabotage(gossip: .holdDownMissing), world: soak),
    Bug(name: "stale timers obeyed", sabotage: Sabotage(gossip: .staleTimersObeyed), world: soak),
    Bug(
      name: "re-queue without change", sabotage: Sabotage(gossip: .requeuedWithoutChange),
      world: experiment(.quiet, nodes: 16)),
    Bug(name: "load as rumours", sabotage: Sabotage(gossip: .loadAsRumours), world: experiment(.quiet, nodes: 16)),
    Bug(name: "refutation missing", sabotage: Sabotage(gossip: .refutationMissing), world: soak),
    // Rumours reach nearly everybody: it takes about 60 worlds until one is missed by one host alone.
    Bug(name: "tables never compared", sabotage: Sabotage(gossip: .syncMissing), world: { soak($0 + 60, $1) }),
  ]

  static let ofTheShell: [Bug] = [
    Bug(
      name: "timers before socket", sabotage: Sabotage(shell: .timersBeforeSocket),
      world: experiment(.starved, nodes: 32), attempts: 15),
    Bug(name: "generation not persisted", sabotage: Sabotage(shell: .generationNotPersisted), world: soak),
    Bug(name: "deadlines early", sabotage: Sabotage(shell: .deadlinesEarly), world: soak),
  ]

  @Test(arguments: ofTheShell)
  func theChecksFind(bug: Bug) { find(bug) }

  @Test(
    .enabled(if: Sabotage.reachesTheCore, "rules of the core can be broken with MESH_PLANTED_BUGS=1 only"),
    arguments: ofTheCore)
  func theChecksFind(bugOfTheCore bug: Bug) { find(bug) }

  private func find(_ bug: Bug) {
    for attempt in 1...bug.attempts {
      guard let violation = bug.world(attempt, bug.sabotage) else { continue }
      let clean = bug.world(attempt, Sabotage())
      #expect(clean == nil, "without '\(bug.name)' world \(attempt) is not clean: \(clean.map { "\($0)" } ?? "")")
      print("'\(bug.name)' found in world \(attempt): \(violation)")
      return
    }
    Issue.record("no check found '\(bug.name)' in \(bug.attempts) worlds")
  }
}
