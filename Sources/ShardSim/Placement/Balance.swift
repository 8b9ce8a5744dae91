import MapShard
import Wire

extension PlacementExperiment {
  /// All shards are placed at once on hosts of unequal capacity: how full is the fullest?
  package static let balance = PlacementExperiment(
    name: "balance", summary: "all shards are placed on unequal hosts; load of the fullest over the mean",
    anchors: PlacementAnchors.balance, sizes: [5, 500, 50], loads: [.equal, .zipfHead, .zipfCapped], runs: 20
  ) { trial in
    var ours: [Double] = []
    var floors: [Double] = []
    var rivals = [[Double]](repeating: [], count: Rival.allCases.count)
    for run in 0..<trial.runs {
      if run % 10 == 0 { trial.progress(run) }
      let world = trial.world(run: run)
      var ranking = Ranking(salt: world.salt)
      let view = world.view
      let placement = Placement(view, ranking: &ranking)
      trial.keep(PlacementCheck.violations(of: placement, on: view), run: run)
      var carried = Carried()
      for (shard, placed) in zip(view.shards.sorted { $0.id < $1.id }, placement.shards) {
        if let owner = placed.owner { carried.add(shard.load, to: owner) }
      }
      ours.append(carried.maximumOverMean(world.hosts))
      floors.append(Rival.floor(world))
      for (index, rival) in Rival.allCases.enumerated() { rivals[index].append(rival.maximumOverMean(world)) }
    }
    trial.reportMean("max_over_mean", ours)
    trial.report("worst_max_over_mean", ours.max() ?? 0)
    trial.reportMean("floor", floors)
    for (rival, values) in zip(Rival.allCases, rivals) { trial.reportMean("\(rival.rawValue)_max_over_mean", values) }
  }
}
