import Gossip
import ShardSim
import Wire

extension Experiment {
  /// One node is killed: when does the first, and when does the last other node declare it dead?
  package static let crash = Experiment(
    name: "crash", summary: "one node dies; seconds until the first and until all others know", anchors: Anchors.crash,
    sizes: [8, 64], loss: 0.01, runs: 100
  ) { trial in
    var first: [Double] = []
    var all: [Double] = []
    var missed = 0
    for run in 0..<trial.runs {
      if run % 20 == 0 { trial.progress("run \(run + 1) of \(trial.runs)") }
      var chance = trial.chance(of: run)
      let world = trial.settledWorld(run: run)
      world.run(for: chance.below(Nanoseconds.seconds(5)))
      let victim = chance.below(trial.nodes)
      let crashed = world.time
      world.observations.removeAll()
      world.crash(victim)
      let known = world.run(atMost: Nanoseconds.seconds(180), checkingEvery: Nanoseconds.milliseconds(100)) {
        world.machines(holding: .dead, of: victim).count == trial.nodes - 1
      }
      trial.keepViolation(of: world, run: run)
      guard known else {
        missed += 1
        continue
      }
      let times = world.observations.entries.filter { $0.kind == .dead && $0.subject == Int32(victim) }
        .map { Double($0.at - crashed) / 1e9 }
      first.append(times.min() ?? 0)
      all.append(times.max() ?? 0)
    }
    trial.report("first_p50_s", percentile(first, 0.5))
    trial.report("first_p99_s", percentile(first, 0.99))
    trial.report("all_p50_s", percentile(all, 0.5))
    trial.report("all_p99_s", percentile(all, 0.99))
    trial.report("not_known_to_all_within_180_s", Double(missed))
  }
}
