import Gossip
package import ShardSim
import Wire

/// What a run of an experiment is asked for; what is `nil` is the experiment's own choice (its row of DESIGN 12).
package struct ExperimentOptions: Sendable {
  package var nodes: Int?
  package var profile: Profile = .lan
  /// Loss of every datagram, 0...1.
  package var loss: Double?
  package var runs: Int?
  package var seed: UInt64 = 1
  package var sabotage = Sabotage()
  /// The long ones (hours of simulated time) run a twelfth of their time, for a test suite.
  package var isShortened = false
  /// Told now and then how far the experiment is.
  package var progress: @Sendable (String) -> Void = { _ in }

  package init() {}

  /// With the profile of that name; `nil` when there is none.
  package init?(profile name: String) {
    guard let profile = Profile(rawValue: name) else { return nil }
    self.profile = profile
  }

  package static let profiles = Profile.allCases.map(\.rawValue)
}

/// An experiment: a fixed way to build worlds, disturb them and count.
package struct Experiment: Sendable {
  package let name: String
  /// One line for `mesh-sim list`.
  package let summary: String
  package let anchors: [Anchor]
  /// Sizes that it runs without `--nodes`. Metrics of the last one bear plain names, those of the others end with
  /// `_of_N`.
  package let sizes: [Int]
  package let loss: Double
  package let runs: Int
  let body: @Sendable (inout Trial) -> Void

  package func run(_ options: ExperimentOptions) -> ExperimentResult {
    let sizes = options.nodes.map { [$0] } ?? self.sizes
    let loss = options.loss ?? self.loss
    let runs = options.runs ?? self.runs
    let nodes = sizes.map(String.init).joined(separator: ",")
    var result = ExperimentResult(
      experiment: name,
      options: [
        ("nodes", sizes.count == 1 ? .number(Double(sizes[0])) : .text(nodes)),
        ("profile", .text(options.profile.rawValue)), ("loss", .number(loss)), ("runs", .number(Double(runs))),
        ("seed", .number(Double(options.seed))),
      ], anchors: anchors)
    for size in sizes {
      var trial = Trial(experiment: self, nodes: size, loss: loss, runs: runs, options: options)
      body(&trial)
      let suffix = size == sizes.last ? "" : "_of_\(size)"
      result.metrics += trial.metrics.map { ($0.name + suffix, $0.value) }
      result.violations += trial.violations
    }
    return result
  }

  package static let all: [Experiment] = [
    .crash, .quiet, .bootstrap, .uniformLoss, .starved, .frozen, .lossyEgress, .flipFlop, .partition, .massRestart,
    .lifeguardInterval, .lifeguardThreshold,
  ]

  package static func named(_ name: String) -> Experiment? { all.first { $0.name == name } }
}

/// One size of one experiment while it runs.
struct Trial {
  let experiment: Experiment
  let nodes: Int
  let loss: Double
  let runs: Int
  let options: ExperimentOptions
  var metrics: [(name: String, value: Double)] = []
  var violations: [ExperimentResult.Failure] = []

  init(experiment: Experiment, nodes: Int, loss: Double, runs: Int, options: ExperimentOptions) {
    self.experiment = experiment
    self.nodes = nodes
    self.loss = loss
    self.runs = runs
    self.options = options
  }

  mutating func report(_ name: String, _ value: Double) { metrics.append((name, value)) }

  func progress(_ text: String) { options.progress("\(experiment.name), \(nodes) nodes: \(text)") }

  /// The seed of one run; runs are numbered from 0.
  func seed(of run: Int) -> UInt64 { options.seed &+ UInt64(run) }

  /// The chance for what a run does to its world.
  func chance(of run: Int) -> Chance { Chance(seed: mix64(seed(of: run) ^ 0x6578_7065)) }

  /// A check of what a whole run has shown.
  mutating func expect(_ holds: Bool, check: Int, _ name: String, _ text: String, in world: ModelSimulation, run: Int) {
    guard !holds else { return }
    world.fail(check, name, text, nil)
    keepViolation(of: world, run: run)
  }

  mutating func keepViolation(of world: ModelSimulation, run: Int) {
    guard var violation = world.violation else { return }
    violation.seed = seed(of: run)
    violation.replay =
      "mesh-sim experiment \(experiment.name) --nodes \(nodes) --profile \(options.profile.rawValue) --loss \(loss) "
      + "--runs 1 --seed \(seed(of: run))"
    violations.append(ExperimentResult.Failure(violation.summary, description: violation.description))
  }
}
