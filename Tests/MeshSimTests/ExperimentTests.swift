import MeshSim
import ShardSim
import Testing

/// Short forms of all experiments, with the figures that membership promises. `mesh-sim experiment` runs the long ones.
@Suite struct ExperimentTests {
  private func run(
    _ experiment: Experiment, nodes: Int, runs: Int, profile: Profile = .lan, shortened: Bool = false
  ) -> ExperimentResult {
    var options = ExperimentOptions()
    options.nodes = nodes
    options.runs = runs
    options.profile = profile
    options.isShortened = shortened
    let result = experiment.run(options)
    #expect(result.violations.isEmpty, "\(result.violations.first.map { "\($0)" } ?? "")")
    return result
  }

  private func expect(_ result: ExperimentResult, _ metric: String, atMost limit: Double) {
    guard let value = result.metric(metric) else {
      Issue.record("\(result.experiment) has no metric \(metric)")
      return
    }
    #expect(value <= limit, "\(result.experiment): \(metric) is \(value), at most \(limit) was promised")
  }

  struct Detection: Sendable {
    let profile: Profile
    let nodes: Int
    let seconds: Double
  }

  @Test(arguments: [
    Detection(profile: .lan, nodes: 8, seconds: 5), Detection(profile: .lan, nodes: 64, seconds: 7.5),
    Detection(profile: .lanFast, nodes: 8, seconds: 3.2), Detection(profile: .lanFast, nodes: 64, seconds: 5),
    Detection(profile: .wan, nodes: 8, seconds: 12), Detection(profile: .wan, nodes: 64, seconds: 20),
  ])
  func aCrashIsKnownToAll(_ detection: Detection) {
    let result = run(.crash, nodes: detection.nodes, runs: detection.nodes > 8 ? 16 : 25, profile: detection.profile)
    expect(result, "all_p50_s", atMost: detection.seconds)
    expect(result, "not_known_to_all_within_180_s", atMost: 0)
  }

  @Test func lossEvictsNobody() {
    let result = run(.uniformLoss, nodes: 64, runs: 1, shortened: true)
    expect(result, "evictions_of_healthy", atMost: 0)
  }

  @Test func stalledLoopsHarmNobodyElse() {
    expect(run(.starved, nodes: 32, runs: 5), "evictions_of_healthy", atMost: 0)
    let frozen = run(.frozen, nodes: 16, runs: 8)
    expect(frozen, "evictions_of_healthy", atMost: 0)
  }

  @Test func sickNodesDoNotShakeTheRing() {
    let lossy = run(.lossyEgress, nodes: 64, runs: 1)
    expect(lossy, "evictions_of_healthy", atMost: 4)
    expect(lossy, "ring_changes_per_view", atMost: 2.5)
    let flipping = run(.flipFlop, nodes: 64, runs: 1)
    expect(flipping, "evictions_of_healthy", atMost: 4)
    expect(flipping, "ring_changes_per_view", atMost: 2.5)
  }

  @Test func blockedNodesAccuseFewWrongly() {
    let interval = run(.lifeguardInterval, nodes: 64, runs: 3)
    expect(interval, "false_positives", atMost: 61)
    expect(interval, "false_positives_at_healthy", atMost: 0)
    expect(run(.lifeguardThreshold, nodes: 64, runs: 3), "false_positives_at_healthy", atMost: 0)
  }

  @Test func bootstrapThroughOneSeedIsFast() {
    let result = run(.bootstrap, nodes: 128, runs: 1)
    expect(result, "all_see_all_s", atMost: 20)
    expect(result, "not_complete_within_300_s", atMost: 0)
  }

  @Test func quietCostsTheSameAtEverySize() throws {
    let small = run(.quiet, nodes: 16, runs: 1)
    let large = run(.quiet, nodes: 64, runs: 1)
    let few = try #require(small.metric("bytes_per_second_per_node"))
    let many = try #require(large.metric("bytes_per_second_per_node"))
    #expect(many < 400)
    #expect(abs(many - few) <= 0.05 * few, "\(few) B/s at 16 nodes, \(many) B/s at 64")
  }

  @Test func partitionsHeal() {
    let result = run(.partition, nodes: 24, runs: 4)
    expect(result, "evictions_by_the_merge", atMost: 0)
    expect(result, "not_healed_within_600_s", atMost: 0)
    // Three heal ticks and an exchange of tables.
    expect(result, "healed_max_s", atMost: 100)
  }

  @Test func aMassRestartIsOverSoon() {
    expect(run(.massRestart, nodes: 64, runs: 2), "complete_max_s", atMost: 30)
  }

  @Test func everyExperimentHasAnchorsAndAName() {
    for experiment in Experiment.all {
      #expect(!experiment.anchors.isEmpty, "\(experiment.name)")
      #expect(Experiment.named(experiment.name)?.name == experiment.name)
    }
  }
}
