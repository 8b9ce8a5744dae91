import Wire

extension Experiment {
  /// A few nodes get one turn of their loop, then stand for a while, again and again for 120 s.
  package static let starved = Experiment(
    name: "starved", summary: "loops that get one turn, then stand for 0.3–4.8 s, for 120 s", anchors: Anchors.starved,
    sizes: [128], loss: 0, runs: 15
  ) { trial in
    let pauses: [UInt64] = [300, 600, 1_200, 2_400, 4_800].map(Nanoseconds.milliseconds)
    let counts = [1, 4, 16]
    var tally = StallTally()
    for run in 0..<trial.runs {
      trial.progress("run \(run + 1) of \(trial.runs)")
      let cell = trial.cell(of: run, pauses.count * counts.count)
      tally.add(
        trial.disturb(run: run, count: counts[cell / pauses.count], for: Nanoseconds.seconds(120), harmless: true) {
          .starve($0, pause: pauses[cell % pauses.count], for: Nanoseconds.seconds(120))
        })
    }
    trial.report("evictions_of_healthy", Double(tally.ofHealthy))
    trial.report("evictions_of_starved", Double(tally.ofStalled))
    trial.report("false_suspicions_of_healthy", Double(tally.suspicionsOfHealthy))
  }

  /// One node stands as a whole, for up to 5 s and for longer.
  package static let frozen = Experiment(
    name: "frozen", summary: "one node stands as a whole (SIGSTOP) for 0.5–60 s", anchors: Anchors.frozen,
    sizes: [8, 64], loss: 0.01, runs: 24
  ) { trial in
    let spans: [UInt64] = [500, 1_000, 2_000, 3_000, 4_000, 5_000, 20_000, 60_000].map(Nanoseconds.milliseconds)
    var short = StallTally()
    var long = StallTally()
    for run in 0..<trial.runs {
      trial.progress("run \(run + 1) of \(trial.runs)")
      let span = spans[trial.cell(of: run, spans.count)]
      let found = trial.disturb(run: run, count: 1, for: span, harmless: true) { .freeze($0, for: span) }
      if span <= Nanoseconds.seconds(5) { short.add(found) } else { long.add(found) }
    }
    trial.report("evictions_of_healthy", Double(short.ofHealthy + long.ofHealthy))
    trial.report("evictions_of_frozen_up_to_5_s", Double(short.ofStalled))
    trial.report("evictions_of_frozen_beyond_5_s", Double(long.ofStalled))
    trial.report("false_suspicions_of_healthy", Double(short.suspicionsOfHealthy + long.suspicionsOfHealthy))
  }

  /// Lifeguard's interval experiment: C nodes are blocked for D, open for I, and so on for 120 s.
  package static let lifeguardInterval = Experiment(
    name: "lifeguard-interval", summary: "Lifeguard's grid of nodes that are blocked for D and open for I, for 120 s",
    anchors: Anchors.lifeguardInterval, sizes: [128], loss: 0, runs: 60
  ) { trial in
    let blocked: [UInt64] = [500, 2_000, 8_000, 16_000, 33_000].map(Nanoseconds.milliseconds)
    let open: [UInt64] = [16, 256, 1_024, 4_096].map(Nanoseconds.milliseconds)
    let counts = [4, 16, 32]
    let cells = counts.count * blocked.count * open.count
    let span = Nanoseconds.seconds(120)
    func tally(_ trial: inout Trial, _ kind: Fault.BlockKind) -> StallTally {
      var tally = StallTally()
      for run in 0..<trial.runs {
        if run % 6 == 0 { trial.progress("\(kind), run \(run + 1) of \(trial.runs)") }
        let cell = trial.cell(of: run, cells)
        let block = blocked[cell / open.count % blocked.count]
        let pause = open[cell % open.count]
        tally.add(
          trial.disturb(run: run, count: counts[cell / (open.count * blocked.count)], for: span, spread: block + pause)
          { .blockAndOpen($0, blocked: block, open: pause, for: span, kind) })
      }
      return tally
    }
    let worker = tally(&trial, .worker)
    trial.report("false_positives", Double(worker.ofHealthy))
    trial.report("false_positives_at_healthy", Double(worker.ofHealthyAtHealthy))
    let queue = tally(&trial, .queue)
    trial.report("false_positives_queue_and_flush", Double(queue.ofHealthy))
    trial.report("false_positives_at_healthy_queue_and_flush", Double(queue.ofHealthyAtHealthy))
  }

  /// Lifeguard's threshold experiment: C nodes are blocked once, for D.
  package static let lifeguardThreshold = Experiment(
    name: "lifeguard-threshold", summary: "C nodes are blocked once for D (sends queue, and are flushed at the end)",
    anchors: Anchors.lifeguardThreshold, sizes: [128], loss: 0, runs: 50
  ) { trial in
    let blocked: [UInt64] = [1, 2, 4, 8, 12, 16, 20, 24, 28, 33].map(Nanoseconds.seconds)
    let counts = [1, 4, 8, 16, 32]
    var tally = StallTally()
    for run in 0..<trial.runs {
      if run % 5 == 0 { trial.progress("run \(run + 1) of \(trial.runs)") }
      let cell = trial.cell(of: run, blocked.count * counts.count)
      let span = blocked[cell % blocked.count]
      tally.add(
        trial.disturb(run: run, count: counts[cell / blocked.count], for: span) { .block($0, for: span, .queue) })
    }
    trial.report("false_positives", Double(tally.ofHealthy))
    trial.report("false_positives_at_healthy", Double(tally.ofHealthyAtHealthy))
  }
}

/// What stalled nodes did to a mesh. "Of" says who was declared dead or suspect, "at" who believed it.
struct StallTally {
  var ofHealthy = 0
  var ofHealthyAtHealthy = 0
  var ofStalled = 0
  var suspicionsOfHealthy = 0

  mutating func add(_ other: StallTally) {
    ofHealthy += other.ofHealthy
    ofHealthyAtHealthy += other.ofHealthyAtHealthy
    ofStalled += other.ofStalled
    suspicionsOfHealthy += other.suspicionsOfHealthy
  }
}

extension Trial {
  /// The place of a run in a grid of `count` cells. It follows from the seed, so one run can be done again alone.
  func cell(of run: Int, _ count: Int) -> Int { Int((seed(of: run) &- 1) % UInt64(count)) }

  /// Applies a fault to some nodes of a settled world, for `span`, and watches for 15 s more.
  /// `spread`: the faults begin at random moments within so long.
  /// `harmless`: no healthy node may be evicted, or even be suspected by a stalled one (check 14).
  mutating func disturb(
    run: Int, count: Int, for span: UInt64, spread: UInt64 = 0, harmless: Bool = false, _ fault: (Int) -> Fault
  ) -> StallTally {
    var chance = chance(of: run)
    let world = settledWorld(run: run)
    world.run(for: chance.below(Nanoseconds.seconds(2)))
    let stalled = chance.choose(min(count, nodes - 1), of: nodes)
    world.observations.removeAll()
    for machine in stalled { world.schedule(fault(machine), at: world.time + chance.below(spread + 1)) }
    world.run(for: span + spread + Nanoseconds.seconds(15))
    keepViolation(of: world, run: run)
    var tally = StallTally()
    for entry in world.observations.entries {
      let ofHealthy = !stalled.contains(Int(entry.subject))
      switch entry.kind {
      case .dead where ofHealthy:
        tally.ofHealthy += 1
        if !stalled.contains(Int(entry.observer)) { tally.ofHealthyAtHealthy += 1 }
      case .dead: tally.ofStalled += 1
      case .suspected where ofHealthy: tally.suspicionsOfHealthy += 1
      default: break
      }
    }
    if harmless, loss == 0 {
      expect(
        tally.ofHealthy == 0 && tally.suspicionsOfHealthy == 0, check: 14, "stalls harm nobody else",
        "\(tally.ofHealthy) evictions and \(tally.suspicionsOfHealthy) suspicions of healthy nodes", in: world, run: run
      )
    }
    return tally
  }
}

extension Chance {
  /// `count` different numbers below `bound`, sorted.
  mutating func choose(_ count: Int, of bound: Int) -> [Int] {
    var numbers = Array(0..<bound)
    for place in 0..<min(count, bound) { numbers.swapAt(place, place + below(bound - place)) }
    return numbers.prefix(count).sorted()
  }
}
