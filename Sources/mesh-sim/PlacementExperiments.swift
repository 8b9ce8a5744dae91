import ArgumentParser
import ShardSim

extension ExperimentCommand {
  func placementOptions() throws -> PlacementOptions {
    var options = PlacementOptions()
    options.hosts = hosts
    options.runs = runs
    options.seed = seed
    options.progress = { complain($0) }
    if let hosts, !(2...2_000).contains(hosts) { throw ValidationError("--hosts must be 2 to 2000") }
    if let runs, runs < 1 { throw ValidationError("--runs must be at least 1") }
    if let shards {
      guard (1...8_192).contains(shards) else { throw ValidationError("--shards must be 1 to 8192") }
      options.shards = shards
    }
    if let capacities {
      guard let range = PlacementOptions.capacities(capacities) else {
        throw ValidationError("--capacities must be two weights between 1 and 64, e.g. 1:8")
      }
      options.capacities = range
    }
    if let load {
      guard let shape = LoadShape(rawValue: load) else {
        throw ValidationError("there is no load '\(load)': equal, zipf-head or zipf-capped")
      }
      options.load = shape
    }
    return options
  }

  func run(_ experiment: PlacementExperiment, _ options: PlacementOptions, json: Bool) throws {
    let clock = ContinuousClock()
    let began = clock.now
    let result = experiment.run(options)
    let took = Double((clock.now - began) / .milliseconds(1)) / 1_000
    if json {
      print(try JSONText.of(PlacementReport(result, wallSeconds: took)))
    } else {
      printTable(result, wallSeconds: took)
    }
    for violation in result.violations { complain(violation) }
    if !result.violations.isEmpty { throw ExitCode(1) }
  }

  private func printTable(_ result: PlacementResult, wallSeconds: Double) {
    let options = result.options.map { "\($0.name) \($0.value)" }.joined(separator: "; ")
    print("\(result.experiment): \(options); \(shortNumber(wallSeconds)) s of wall time")
    let width = (result.metrics.map(\.name.count).max() ?? 0) + 2
    for (name, value) in result.metrics { print("  \(padded(name, to: width))\(shortNumber(value))") }
    print("  violations: \(result.violations.count)")
    print("beside it (other worlds of the same kind):")
    for anchor in result.anchors {
      let values = anchor.values.map { "\($0.metric) \(shortNumber($0.value))" }.joined(separator: ", ")
      print("  \(anchor.system): \(values)  [\(anchor.source)]")
    }
  }
}

/// What `mesh-sim experiment balance|movement|churn --json` prints: the same shape as the other experiments'.
struct PlacementReport: Encodable {
  let experiment: String
  var options: [String: String] = [:]
  var metrics: [String: Double] = [:]
  var anchors: [String: [String: ExperimentReport.Value]] = [:]
  let violations: Int
  let failures: [String]
  let wallSeconds: Double

  enum CodingKeys: String, CodingKey {
    case experiment, options, metrics, anchors, violations, failures
    case wallSeconds = "wall_seconds"
  }

  init(_ result: PlacementResult, wallSeconds: Double) {
    experiment = result.experiment
    for (name, value) in result.options { options[name] = value }
    for (name, value) in result.metrics { metrics[name] = value }
    for anchor in result.anchors {
      var row: [String: ExperimentReport.Value] = ["source": .text(anchor.source)]
      for (metric, value) in anchor.values { row[metric] = .number(value) }
      anchors[anchor.system] = row
    }
    violations = result.violations.count
    failures = result.violations
    self.wallSeconds = wallSeconds
  }
}
