import MapShard
import Wire

/// An experiment with ownership: a fixed way to build worlds, disturb them and measure.
package struct ShardExperiment: Sendable {
  package let name: String
  /// One line for `mesh-sim list`.
  package let summary: String
  package let anchors: [Anchor]
  /// Worlds that it runs unless told otherwise.
  package let runs: Int
  let body: @Sendable (inout ShardTrial) -> Void

  package func run(
    runs: Int? = nil, seed: UInt64 = 1, progress: @escaping @Sendable (String) -> Void = { _ in }
  ) -> ExperimentResult {
    var trial = ShardTrial(experiment: self, runs: runs ?? self.runs, seed: seed, progress: progress)
    body(&trial)
    return trial.result
  }

  package static let all: [ShardExperiment] = [.takeover, .partitions]

  package static func named(_ name: String) -> ShardExperiment? { all.first { $0.name == name } }
}

/// A run of an experiment.
struct ShardTrial {
  let runs: Int
  let seed: UInt64
  private let tell: @Sendable (String) -> Void
  private(set) var result: ExperimentResult

  init(experiment: ShardExperiment, runs: Int, seed: UInt64, progress: @escaping @Sendable (String) -> Void) {
    self.runs = runs
    self.seed = seed
    tell = progress
    result = ExperimentResult(
      experiment: experiment.name,
      options: [("runs", .number(Double(runs))), ("seed", .number(Double(seed)))],
      anchors: experiment.anchors)
  }

  mutating func report(_ name: String, _ value: Double) { result.metrics.append((name, value)) }

  func progress(_ text: String) { tell("\(result.experiment): \(text)") }

  /// The seed of one run; runs are numbered from 0.
  func seed(of run: Int) -> UInt64 { seed &+ UInt64(run) }

  mutating func fail(_ text: String, run: Int) {
    result.violations.append(ExperimentResult.Failure("\(text); replay: \(replay(run))"))
  }

  mutating func keepViolation(of world: ShardWorld, run: Int) {
    guard var violation = world.violation else { return }
    violation.replay = replay(run)
    result.violations.append(ExperimentResult.Failure(violation.summary, description: violation.description))
  }

  private func replay(_ run: Int) -> String {
    "mesh-sim experiment \(result.experiment) --runs 1 --seed \(seed(of: run))"
  }
}
