import ShardSim
import Testing

@Suite struct ShardExperimentTests {
  /// The budget of a takeover (DESIGN 12), without the figures of real machines: that of the protocol alone (E10).
  @Test func takeoverIsWithinItsBudget() throws {
    let result = ShardExperiment.takeover.run(runs: 40)
    #expect(result.violations.isEmpty, "\(result.violations.map(\.summary))")
    #expect(try #require(result.metric("gap_p50_s")) <= 1.5)
    #expect(try #require(result.metric("gap_p99_s")) <= 3)
    #expect(result.metric("lost") == 0)
    #expect(result.metric("duplicated") == 0)
  }

  @Test func experimentsHaveNames() {
    for experiment in ShardExperiment.all { #expect(ShardExperiment.named(experiment.name)?.name == experiment.name) }
    #expect(ShardExperiment.named("none") == nil)
  }
}
