import ShardSim
import Wire

extension Experiment {
  /// Every wire loses 1 % for 24 hours.
  package static let uniformLoss = Experiment(
    name: "uniform-loss", summary: "every wire loses 1 % for 24 simulated hours", anchors: Anchors.uniformLoss,
    sizes: [64], loss: 0.01, runs: 1
  ) { trial in
    let hours: UInt64 = trial.options.isShortened ? 2 : 24
    var evictions = 0
    var suspicions = 0
    for run in 0..<trial.runs {
      let world = trial.settledWorld(run: run)
      world.observations.removeAll()
      for hour in 1...hours {
        world.run(for: Nanoseconds.seconds(3_600))
        trial.progress("hour \(hour) of \(hours)")
      }
      trial.keepViolation(of: world, run: run)
      for entry in world.observations.entries {
        if entry.kind == .dead { evictions += 1 }
        if entry.kind == .suspected, entry.observer != entry.subject { suspicions += 1 }
      }
    }
    trial.report("evictions_of_healthy", Double(evictions))
    trial.report(
      "suspicions_seen_per_hour_and_node", Double(suspicions) / Double(hours) / Double(trial.nodes * trial.runs))
    trial.report("simulated_hours", Double(hours) * Double(trial.runs))
  }

  /// The network falls in two for a while and is mended.
  package static let partition = Experiment(
    name: "partition", summary: "the network falls in two for 10 s to 1 h, then is mended", anchors: Anchors.partition,
    sizes: [32], loss: 0, runs: 16
  ) { trial in
    let lengths: [UInt64] = [10, 60, 600, 3_600].map(Nanoseconds.seconds)
    // Hosts of the smaller side, in parts of the mesh.
    let shares = [0.5, 0.25, 0.03, 0.5]
    var healed: [Double] = []
    var merges = 0
    var failed = 0
    for run in 0..<trial.runs {
      trial.progress("run \(run + 1) of \(trial.runs)")
      var chance = trial.chance(of: run)
      let cell = trial.cell(of: run, lengths.count * shares.count)
      let world = trial.settledWorld(run: run)
      let size = max(1, Int(Double(trial.nodes) * shares[cell / lengths.count]))
      let side = chance.choose(min(size, trial.nodes - 1), of: trial.nodes)
      world.apply(.split(side.reduce(0) { $0 | 1 << UInt64($1) }))
      world.run(for: lengths[cell % lengths.count])
      world.apply(.mendSplit)
      let mended = world.time
      // What was under way before the mending may still end in a death; what the merge does comes after.
      world.observations.removeAll()
      let complete = world.run(atMost: Nanoseconds.seconds(600), checkingEvery: Nanoseconds.milliseconds(500)) {
        world.allSeeAll && world.rootsAgree
      }
      trial.keepViolation(of: world, run: run)
      trial.expect(complete, check: 15, "partitions heal", "not one table 600 s after mending", in: world, run: run)
      if complete { healed.append(Double(world.time - mended) / 1e9) } else { failed += 1 }
      let sideOf = { (machine: Int32) in side.contains(Int(machine)) }
      merges += world.observations.entries.count { $0.kind == .dead && sideOf($0.observer) == sideOf($0.subject) }
    }
    trial.report("healed_p50_s", percentile(healed, 0.5))
    trial.report("healed_max_s", healed.max() ?? 0)
    trial.report("evictions_by_the_merge", Double(merges))
    trial.report("not_healed_within_600_s", Double(failed))
  }

  /// All nodes are killed and started again within 10 s; one in ten has lost its disk.
  package static let massRestart = Experiment(
    name: "mass-restart", summary: "all nodes restart within 10 s, one in ten with an empty disk",
    anchors: Anchors.massRestart, sizes: [64], loss: 0.01, runs: 10
  ) { trial in
    var complete: [Double] = []
    var failed = 0
    for run in 0..<trial.runs {
      trial.progress("run \(run + 1) of \(trial.runs)")
      var chance = trial.chance(of: run)
      let world = trial.settledWorld(run: run)
      let began = world.time
      for machine in 0..<trial.nodes {
        let at = began + chance.below(Nanoseconds.seconds(8))
        world.schedule(.crash(machine), at: at)
        let again = at + Nanoseconds.seconds(1) + chance.below(Nanoseconds.seconds(1))
        world.schedule(chance.below(10) == 0 ? .restartEmpty(machine) : .restart(machine), at: again)
      }
      world.run(for: Nanoseconds.seconds(10))
      let done = world.run(atMost: Nanoseconds.seconds(600), checkingEvery: Nanoseconds.milliseconds(250)) {
        world.isComplete
      }
      trial.keepViolation(of: world, run: run)
      trial.expect(done, check: 16, "mass restart", "not complete after 600 s", in: world, run: run)
      if done { complete.append(Double(world.time - began) / 1e9) } else { failed += 1 }
    }
    trial.report("complete_p50_s", percentile(complete, 0.5))
    trial.report("complete_max_s", complete.max() ?? 0)
    trial.report("not_complete_within_600_s", Double(failed))
  }
}
