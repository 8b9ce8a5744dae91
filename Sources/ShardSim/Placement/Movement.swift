import MapShard
import Wire

extension PlacementExperiment {
  /// A host of capacity 4 joins, or leaves for good: what moves, over the least that must?
  package static let movement = PlacementExperiment(
    name: "movement", summary: "a host joins, one leaves; owners and copies moved over the least possible",
    anchors: PlacementAnchors.movement, sizes: [5, 500, 50], loads: [.equal, .zipfHead, .zipfCapped], runs: 20
  ) { trial in
    var join = MovementTally()
    var leave = MovementTally()
    for run in 0..<trial.runs {
      if run % 5 == 0 { trial.progress(run) }
      var world = trial.world(run: run)
      world.hosts[world.chance.below(world.hosts.count)].weight = 4
      let joiner = world.newHost(weight: 4)
      var mesh = StewardedMesh(world)
      mesh.settle(atMost: 900)

      var joined = mesh
      joined.forgetCounts()
      joined.join(joiner)
      joined.settle(atMost: 900)
      let capacity = joined.world.hosts.reduce(0) { $0 + $1.weight }
      let share = Double(trial.options.shards * joiner.weight) / Double(capacity)
      let held = joined.members.filter { $0.contains(joiner.id) }.count
      join.add(
        moves: Double(joined.unforcedMoves) / share, copies: held == 0 ? 1 : Double(joined.copies) / Double(held),
        balance: joined.maximumOverMean())
      trial.keep(joined.violations(), run: run)

      var left = mesh
      left.forgetCounts()
      guard let leaver = left.world.hosts.first(where: { $0.weight == 4 })?.id else { continue }
      let owned = left.owners.filter { $0 == leaver }.count
      let copiesHeld = left.members.filter { $0.contains(leaver) }.count
      left.lose(leaver)
      left.forget(leaver)
      left.settle(atMost: 900)
      let moved = left.forcedMoves + left.unforcedMoves
      leave.add(
        moves: owned == 0 ? 1 : Double(moved) / Double(owned),
        copies: copiesHeld == 0 ? 1 : Double(left.copies) / Double(copiesHeld), balance: left.maximumOverMean())
      trial.keep(left.violations(), run: run)
    }
    join.report("join_", &trial)
    leave.report("leave_", &trial)
    trial.reportMean("moves_over_minimum", join.moves)
  }
}

private struct MovementTally {
  var moves: [Double] = []
  var copies: [Double] = []
  var balance: [Double] = []

  mutating func add(moves: Double, copies: Double, balance: Double) {
    self.moves.append(moves)
    self.copies.append(copies)
    self.balance.append(balance)
  }

  func report(_ prefix: String, _ trial: inout PlacementTrial) {
    trial.reportMean(prefix + "moves_over_minimum", moves)
    trial.reportMean(prefix + "copies_over_minimum", copies)
    trial.reportMean(prefix + "max_over_mean", balance)
  }
}

extension StewardedMesh {
  /// Every shard has an owner that is in sync, and as many distinct copies as it should.
  func violations() -> [String] {
    let wanted = min(world.view.rules.replicationFactor, living.count)
    return world.shards.compactMap { shard in
      guard let standing = shard.standing, let owner = standing.owner else { return "\(shard.id) has no owner" }
      if !standing.members.contains(owner) { return "\(shard.id): its owner is not in sync" }
      if Set(standing.members).count != standing.members.count { return "\(shard.id): two copies at one host" }
      if standing.members.count < wanted { return "\(shard.id) has \(standing.members.count) copies" }
      return nil
    }
  }
}
