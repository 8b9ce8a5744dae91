import ShardSim
import Testing

/// The partition table of the ownership specification, a test for each row.
@Suite struct PartitionTests {
  @Test(arguments: PartitionRow.allCases)
  func rowOfTheTable(row: PartitionRow) {
    for seed in 1...4 as ClosedRange<UInt64> {
      let outcome = row.run(seed: seed)
      #expect(outcome.failure == nil, "\(row.rawValue), seed \(seed): \(outcome.failure ?? "")")
    }
  }
}
