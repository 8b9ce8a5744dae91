import ShardSim
import Testing

/// Faults at their moments: right after a compare-and-set, within a promise, before an answer arrives.
@Suite struct DirectedRunTests {
  @Test(arguments: DirectedRun.all.map(\.name))
  func holdsTogether(name: String) throws {
    let run = try #require(DirectedRun.named(name))
    for seed in 1...3 as ClosedRange<UInt64> {
      let violation = run.run(seed: seed)
      #expect(violation == nil, "\(name), seed \(seed): \(violation.map { "\($0)" } ?? "")")
    }
  }
}
