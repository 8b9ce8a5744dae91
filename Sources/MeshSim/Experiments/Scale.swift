import ShardSim
import Wire

extension Experiment {
  /// All nodes start within a second and know one seed.
  package static let bootstrap = Experiment(
    name: "bootstrap", summary: "all start within a second through one seed; seconds until all see all",
    anchors: Anchors.bootstrap, sizes: [1_000, 2_000], loss: 0, runs: 1
  ) { trial in
    var times: [Double] = []
    var bytes: [Double] = []
    var failed = 0
    for run in 0..<trial.runs {
      let world = trial.world(run: run) { $0.driftingClocks = true }
      world.start(0)
      world.run(for: Nanoseconds.seconds(5))
      var chance = trial.chance(of: run)
      let began = world.time
      for machine in 1..<trial.nodes {
        world.scheduleStart(machine, through: [0], at: began + chance.below(Nanoseconds.seconds(1)))
      }
      var shown: UInt64 = 0
      let complete = world.run(atMost: Nanoseconds.seconds(300), checkingEvery: Nanoseconds.milliseconds(500)) {
        if world.time > shown {
          shown = world.time + Nanoseconds.seconds(5)
          trial.progress("\(seconds(world.time - began)) s, \(world.smallestView) hosts in the smallest view")
        }
        return world.isComplete
      }
      trial.keepViolation(of: world, run: run)
      if complete {
        times.append(Double(world.time - began) / 1e9)
        bytes.append(Double(world.counters.datagramBytes) / Double(trial.nodes))
      } else {
        failed += 1
      }
    }
    trial.report("all_see_all_s", percentile(times, 0.5))
    trial.report("all_see_all_max_s", times.max() ?? 0)
    trial.report("datagram_kilobytes_per_node", percentile(bytes, 0.5) / 1e3)
    trial.report("not_complete_within_300_s", Double(failed))
  }

  /// Nothing happens for 10 minutes. Sessions stand between all pairs, of all ages, as after hours.
  package static let quiet = Experiment(
    name: "quiet", summary: "nothing changes for 10 minutes; what a node sends", anchors: Anchors.quiet,
    sizes: [16, 64, 100, 256, 1_000], loss: 0, runs: 1
  ) { trial in
    let span = Nanoseconds.seconds(600)
    let headers = 28.0
    func traffic(_ trial: inout Trial, load: Bool) -> ChannelModel.Traffic {
      trial.progress(load ? "with load records" : "without load records")
      let world = trial.warmWorld(run: 0, load: load)
      let before = world.traffic
      let sentBefore = world.checks.census
      world.run(for: span)
      trial.keepViolation(of: world, run: 0)
      let sent = world.checks.census.since(sentBefore)
      trial.expect(
        sent.others == 0 || trial.loss > 0, check: 20, "quiet",
        "messages other than ping, ack and load were sent although nothing changed: \(sent.othersByType)",
        in: world, run: 0)
      return world.traffic.since(before)
    }
    let scale = Double(trial.nodes) * Double(span) / 1e9
    let bare = traffic(&trial, load: false)
    let loaded = traffic(&trial, load: true)
    func bytes(_ traffic: ChannelModel.Traffic) -> Double {
      Double(traffic.gossipBytes) + headers * Double(traffic.gossipDatagrams)
    }
    trial.report("bytes_per_second_per_node", bytes(bare) / scale)
    trial.report("packets_per_second_per_node", Double(bare.gossipDatagrams) / scale)
    trial.report("load_bytes_per_second_per_node", (bytes(loaded) - bytes(bare)) / scale)
    trial.report(
      "channel_bytes_per_second_per_node",
      (Double(bare.channelBytes) + headers * Double(bare.channelDatagrams)) / scale)
    trial.report("message_bytes_per_second_per_node", Double(bare.messageBytes) / scale)
  }
}
