package import MapShard
import Wire

extension ShardExperiment {
  /// The partition table of `ownership.md` 3.12, row by row.
  package static let partitions = ShardExperiment(
    name: "partitions", summary: "every row of the partition table: who acts, who holds, how soon it heals",
    anchors: [], runs: 20
  ) { trial in
    for row in PartitionRow.allCases {
      var outcomes: [PartitionOutcome] = []
      for run in 0..<trial.runs {
        let outcome = row.run(seed: trial.seed(of: run))
        if outcome.world.violation != nil {
          trial.keepViolation(of: outcome.world, run: run)
        } else if let failure = outcome.failure {
          trial.fail("\(row.rawValue): \(failure)", run: run)
        }
        outcomes.append(outcome)
      }
      trial.progress("\(row.rawValue) done")
      trial.report("\(row.rawValue)_failed", Double(outcomes.count { $0.failure != nil }))
      trial.report("\(row.rawValue)_silent_p50_s", percentile(outcomes.map(\.silent), 0.5))
      trial.report("\(row.rawValue)_silent_max_s", outcomes.map(\.silent).max() ?? 0)
    }
  }
}

/// What a row of the table came to in one world.
package struct PartitionOutcome {
  package let world: ShardWorld
  /// Why it is not what the table says; `nil`: it is.
  package let failure: String?
  /// Seconds in which nobody acted, counted from the fault.
  package let silent: Double
}

/// The rows of the table.
package enum PartitionRow: String, CaseIterable, Sendable {
  case ownerCutOff = "owner_cut_off"
  case replicaCutOff = "replica_cut_off"
  case voterAlone = "voter_alone"
  case voterDown = "voter_down"
  case memberLostWithVoterAway = "member_lost_voter_away"
  case ownerLostWithVoterAway = "owner_lost_voter_away"
  case noMemberWithVoter = "no_member_with_voter"
  case oneWayLoss = "one_way_loss"
  case pause = "pause"
  case threeVotersOneDown = "three_voters_one_down"
  case everythingRestarts = "everything_restarts"

  package func run(seed: UInt64, planted: ShardBugs = []) -> PartitionOutcome {
    var settings = ShardWorldSettings(seed: mix64(seed), hosts: 4)
    settings.replicas = 3
    settings.minimum = 2
    settings.spareFirst = true
    settings.clients = 3
    if self == .threeVotersOneDown { settings.voters = [0, 1, 2] }
    settings.core.plant(planted)
    guard var world = ShardWorld.settled(settings), let owner = world.actingMachine(0) else {
      return PartitionOutcome(world: ShardWorld(settings), failure: "the world did not settle", silent: 0)
    }
    let began = world.time
    let failure = play(&world, owner)
    if world.violation == nil {
      world.run(for: 0)
      world.heal()
      world.expectHealed(by: world.time + Nanoseconds.seconds(14))
    }
    let ended = world.ledger.shards[0].gaps.filter { $0.endedAt >= began }
    return PartitionOutcome(
      world: world, failure: world.violation?.summary ?? failure,
      silent: Double(ended.map(\.span).reduce(0, +)) / 1e9)
  }

  private func play(_ world: inout ShardWorld, _ owner: Int) -> String? {
    let others = world.members(of: 0).filter { $0 != owner }
    guard others.count == 2 else { return "not three copies at the beginning" }
    let reign = world.newestRecord(of: 0)?.epoch ?? .none
    switch self {
    case .ownerCutOff:
      world.apply(.split(1 << UInt64(owner)))
      guard world.runUntilServed(0, notBy: owner, within: Nanoseconds.seconds(5)) != nil else { return "no takeover" }
      world.run(for: Nanoseconds.seconds(3))
      return world.actingMachine(0) == owner ? "the old owner acts" : nil
    case .replicaCutOff:
      world.apply(.split(1 << UInt64(others[0])))
      return staysServed(&world, by: owner, for: Nanoseconds.seconds(6), copies: 2)
    case .voterAlone:
      world.apply(.split(1))
      return staysServed(&world, by: owner, for: Nanoseconds.seconds(15), copies: 3)
    case .voterDown:
      world.apply(.powerLoss(0))
      return staysServed(&world, by: owner, for: Nanoseconds.seconds(15), copies: 3)
    case .memberLostWithVoterAway:
      world.apply(.powerLoss(0))
      world.run(for: Nanoseconds.milliseconds(100))
      world.apply(.powerLoss(others[0]))
      world.run(for: Nanoseconds.seconds(4))
      if world.isServed(0) { return "somebody acts though a member may be elsewhere" }
      world.apply(.restart(0))
      guard let span = world.runUntilServed(0, notBy: nil, within: Nanoseconds.seconds(6)) else {
        return "not resumed when the voter was there again"
      }
      return span > Nanoseconds.seconds(4) ? "resumed after \(seconds(span)) s" : nil
    case .ownerLostWithVoterAway:
      world.apply(.powerLoss(0))
      world.apply(.powerLoss(owner))
      world.run(for: Nanoseconds.seconds(6))
      if world.isServed(0) { return "somebody acts without a register" }
      world.apply(.restart(0))
      return world.runUntilServed(0, notBy: owner, within: Nanoseconds.seconds(6)) == nil ? "no takeover" : nil
    case .noMemberWithVoter:
      // The voter alone on one side, and the owner dies on the other: nobody may take over.
      world.apply(.split(1))
      world.apply(.powerLoss(owner))
      world.run(for: Nanoseconds.seconds(6))
      if world.isServed(0) { return "somebody acts without a register" }
      world.apply(.mendSplit(1))
      return world.runUntilServed(0, notBy: owner, within: Nanoseconds.seconds(8)) == nil ? "no takeover" : nil
    case .oneWayLoss:
      for other in 0..<world.settings.hosts where other != owner { world.apply(.cut(from: owner, to: other)) }
      guard world.runUntilServed(0, notBy: owner, within: Nanoseconds.seconds(6)) != nil else { return "no takeover" }
      world.run(for: Nanoseconds.seconds(2))
      return world.actingMachine(0) == owner ? "the old owner acts" : nil
    case .pause:
      world.apply(.pause(owner, for: Nanoseconds.seconds(6)))
      guard world.runUntilServed(0, notBy: owner, within: Nanoseconds.seconds(5)) != nil else { return "no takeover" }
      world.run(for: Nanoseconds.seconds(5))
      return (world.newestRecord(of: 0)?.epoch ?? .none) > reign ? nil : "no new reign"
    case .threeVotersOneDown:
      world.apply(.powerLoss(0))
      world.run(for: Nanoseconds.milliseconds(500))
      world.apply(.powerLoss(others[0]))
      let span = world.runUntilServed(0, notBy: nil, within: Nanoseconds.seconds(6))
      return span == nil ? "not served with two of three voters" : nil
    case .everythingRestarts:
      world.apply(.killAll(Array(0..<world.settings.hosts), backAfter: Nanoseconds.milliseconds(300)))
      world.run(for: Nanoseconds.milliseconds(200))
      return world.runUntilServed(0, notBy: nil, within: Nanoseconds.seconds(10)) == nil ? "no recovery" : nil
    }
  }

  /// The owner acts without a pause longer than a promise, and the set has so many copies at the end.
  private func staysServed(_ world: inout ShardWorld, by owner: Int, for span: UInt64, copies: Int) -> String? {
    let reign = world.newestRecord(of: 0)?.epoch
    let done = world.acknowledgements
    let end = world.time + span
    while world.time < end, world.violation == nil {
      world.run(for: Nanoseconds.milliseconds(50))
      if world.actingMachine(0) != owner { return "the owner does not act after \(seconds(world.time)) s" }
    }
    if world.newestRecord(of: 0)?.epoch != reign { return "another reign" }
    if world.copies(of: 0) != copies { return "\(world.copies(of: 0)) copies" }
    return world.acknowledgements > done ? nil : "nothing was acknowledged"
  }
}
