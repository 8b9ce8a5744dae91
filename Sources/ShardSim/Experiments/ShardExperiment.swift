import MapShard
import Wire

/// An experiment with ownership: a fixed way to build worlds, disturb them and measure.
package struct ShardExperiment: Sendable {
  package let name: String
  /// One line for people.
  package let summary: String
  /// Worlds that it runs unless told otherwise.
  package let runs: Int
  let body: @Sendable (inout ShardTrial) -> Void

  package struct Result: Sendable {
    package let experiment: String
    package let runs: Int
    package let seed: UInt64
    package var metrics: [(name: String, value: Double)] = []
    /// Lines for people that say more than numbers.
    package var notes: [String] = []
    package var violations: [ShardViolation] = []

    package func metric(_ name: String) -> Double? { metrics.first { $0.name == name }?.value }
  }

  package func run(runs: Int? = nil, seed: UInt64 = 1) -> Result {
    var trial = ShardTrial(result: Result(experiment: name, runs: runs ?? self.runs, seed: seed))
    body(&trial)
    return trial.result
  }

  package static let all: [ShardExperiment] = [.takeover, .partitions]

  package static func named(_ name: String) -> ShardExperiment? { all.first { $0.name == name } }
}

/// A run of an experiment.
struct ShardTrial {
  var result: ShardExperiment.Result

  mutating func report(_ name: String, _ value: Double) { result.metrics.append((name, value)) }

  mutating func keepViolation(of world: ShardWorld, seed: UInt64) {
    guard var violation = world.violation else { return }
    violation.replay = "mesh-sim shards experiment \(result.experiment) --runs 1 --seed \(seed)"
    result.violations.append(violation)
  }
}

/// The value below which a share of the samples lies (nearest rank). 0 for no samples.
func percentile(_ samples: [Double], _ share: Double) -> Double {
  guard !samples.isEmpty else { return 0 }
  let sorted = samples.sorted()
  let place = share * Double(sorted.count)
  let rank = Int(place) + (Double(Int(place)) < place ? 1 : 0)
  return sorted[max(0, min(sorted.count - 1, rank - 1))]
}
