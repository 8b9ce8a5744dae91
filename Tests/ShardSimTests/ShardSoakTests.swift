import ShardSim
import Testing

/// Random worlds. What they do is in `docs/ownership-simulation.md`; `mesh-sim soak --world shards` runs as many as one likes.
@Suite struct ShardSoakTests {
  @Test func theSameSeedTwiceIsTheSameRun() {
    for seed in [2, 7, 19] as [UInt64] {
      let first = ShardSoak.run(seed: seed)
      let second = ShardSoak.run(seed: seed)
      #expect(first.hash == second.hash, "seed \(seed)")
      #expect(first.events == second.events, "seed \(seed)")
    }
  }

  @Test func narratingChangesNothing() {
    let plain = ShardSoak.run(seed: 3)
    let narrated = ShardSoak.run(seed: 3, isNarrated: true)
    #expect(plain.hash == narrated.hash)
    #expect(plain.lines.isEmpty)
    #expect(!narrated.lines.isEmpty)
  }

  @Test func differentSeedsAreDifferentRuns() {
    #expect(ShardSoak.run(seed: 1).hash != ShardSoak.run(seed: 2).hash)
  }

  @Test(arguments: [1...25, 26...50, 51...75, 76...100] as [ClosedRange<UInt64>])
  func randomWorldsHoldTogether(seeds: ClosedRange<UInt64>) {
    var acknowledged = 0
    var reigns = 0
    for seed in seeds {
      let result = ShardSoak.run(seed: seed)
      acknowledged += result.acknowledged
      reigns += result.reigns
      #expect(result.violation == nil, "\(result.violation.map { "\($0)" } ?? "") after \(result.faults)")
    }
    // Worlds in which nothing happens would prove nothing.
    #expect(acknowledged > 1_000)
    #expect(reigns > 50)
  }
}
