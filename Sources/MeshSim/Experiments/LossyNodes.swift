import ShardSim
import Wire

extension Experiment {
  private static let sickNodes = 2
  private static let span = Nanoseconds.seconds(300)

  /// Two nodes lose 80 % of what they send, for 300 s.
  package static let lossyEgress = Experiment(
    name: "lossy-egress", summary: "two nodes lose 80 % of what they send, for 300 s", anchors: Anchors.lossyEgress,
    sizes: [128], loss: 0, runs: 4
  ) { trial in
    countEvictions(&trial) { sick in .egressLoss(sick, 0.8) }
  }

  /// Nothing reaches two nodes for 20 s, then everything, then nothing again, for 300 s.
  package static let flipFlop = Experiment(
    name: "flip-flop", summary: "two nodes hear nothing for 20 s, all for 20 s, and so on for 300 s",
    anchors: Anchors.flipFlop, sizes: [128], loss: 0, runs: 4
  ) { trial in
    countEvictions(&trial) { sick in .flipFlop(sick, half: Nanoseconds.seconds(20), for: span) }
  }

  /// Evictions of healthy nodes in all views, and changes of the ring as the healthy see it.
  private static func countEvictions(_ trial: inout Trial, _ fault: (Int) -> Fault) {
    var evictions = 0
    var evictionsAtHealthy = 0
    var changes = 0
    var views = 0
    var firstEvictions: [Double] = []
    for run in 0..<trial.runs {
      trial.progress("run \(run + 1) of \(trial.runs)")
      var chance = trial.chance(of: run)
      // Every hold-down of the start has passed.
      let world = trial.settledWorld(run: run, settle: Nanoseconds.seconds(30))
      let sick = chance.choose(min(sickNodes, trial.nodes - 1), of: trial.nodes)
      let begin = world.time
      world.observations.removeAll()
      for machine in sick { world.apply(fault(machine)) }
      world.run(for: span)
      trial.keepViolation(of: world, run: run)
      views += trial.nodes - sick.count
      var first: UInt64?
      for entry in world.observations.entries {
        let isSick = sick.contains(Int(entry.subject))
        let sawHealthy = !sick.contains(Int(entry.observer))
        switch entry.kind {
        case .dead where !isSick:
          evictions += 1
          if sawHealthy { evictionsAtHealthy += 1 }
        case .dead where sawHealthy: first = first ?? entry.at
        case .stableUp where sawHealthy, .stableDown where sawHealthy: changes += 1
        default: break
        }
      }
      if let first { firstEvictions.append(Double(first - begin) / 1e9) }
    }
    trial.report("evictions_of_healthy", Double(evictions))
    trial.report("ring_changes_per_view", Double(changes) / Double(max(1, views)))
    trial.report("evictions_of_healthy_at_healthy", Double(evictionsAtHealthy))
    trial.report("first_eviction_of_the_sick_p50_s", percentile(firstEvictions, 0.5))
  }
}
