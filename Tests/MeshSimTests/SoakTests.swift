import MeshSim
import Testing

/// Random worlds. What they do is in `docs/simulation.md`; `mesh-sim soak` runs as many as one likes.
@Suite struct SoakTests {
  @Test func theSameSeedTwiceIsTheSameRun() {
    for seed in [3] as [UInt64] {
      let first = Soak.run(seed: seed)
      let second = Soak.run(seed: seed)
      #expect(first.hash == second.hash, "seed \(seed)")
      #expect(first.events == second.events, "seed \(seed)")
    }
  }

  @Test func differentSeedsAreDifferentRuns() {
    #expect(Soak.run(seed: 1).hash != Soak.run(seed: 2).hash)
  }

  /// Few, because each costs as much as ten worlds of whole nodes, which have the same gossip in them.
  @Test(arguments: [1...6, 7...12, 13...18, 19...24] as [ClosedRange<UInt64>])
  func randomWorldsHoldTogether(seeds: ClosedRange<UInt64>) {
    for seed in seeds {
      let result = Soak.run(seed: seed)
      #expect(result.violation == nil, "\(result.violation.map { "\($0)" } ?? "") after \(result.faults)")
    }
  }

  /// Seeds whose worlds have failed once, each with what was wrong then.
  @Test(
    arguments: [
      // A suspicion that began in a turn in which others came too was measured by the wrong number of living hosts.
      1_044,
      // A node that had left was asked why a suspicion that it held did not end.
      104,
      // A host that had lost its disk also had a clock that went back two hours (the simulation's fault).
      727,
    ] as [UInt64])
  func worldsThatHaveFailed(seed: UInt64) {
    let result = Soak.run(seed: seed)
    #expect(result.violation == nil, "\(result.violation.map { "\($0)" } ?? "") after \(result.faults)")
  }
}
