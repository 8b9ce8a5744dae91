/// What a placement experiment is asked for; what is `nil` is the experiment's own choice (its rows of the specification).
package struct PlacementOptions: Sendable {
  package var hosts: Int?
  package var shards = 1_200
  /// Capacities are powers of two between these.
  package var capacities = (least: 1, most: 8)
  package var load: LoadShape?
  package var runs: Int?
  package var seed: UInt64 = 1
  package var progress: @Sendable (String) -> Void = { _ in }

  package init() {}

  /// Reads `1:8`; `nil` when that is no range of weights.
  package static func capacities(_ text: String) -> (least: Int, most: Int)? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let least = parts[0], let most = parts[1], least >= 1, most <= 64, least <= most else {
      return nil
    }
    return (least, most)
  }
}

/// How load is spread over the shards.
package enum LoadShape: String, Sendable, CaseIterable {
  case equal
  /// Zipf with 40 % on the first shard (s = 1.516).
  case zipfHead = "zipf-head"
  /// Zipf with s = 1 and no shard above 2 % of all load: the hot map is split.
  case zipfCapped = "zipf-capped"
}

/// An experiment on placement: builds worlds of hosts and shards and counts. Each runs the product's own placement and,
/// in the same worlds, the algorithms that others use.
package struct PlacementExperiment: Sendable {
  package let name: String
  /// One line for `mesh-sim list`.
  package let summary: String
  package let anchors: [Anchor]
  /// Numbers of hosts. Metrics of the last bear plain names, those of the others end with `_of_N`.
  package let sizes: [Int]
  /// Metrics of the last bear plain names, those of the others have its name in theirs.
  package let loads: [LoadShape]
  package let runs: Int
  let body: @Sendable (inout PlacementTrial) -> Void

  package func run(_ options: PlacementOptions) -> ExperimentResult {
    let sizes = options.hosts.map { [$0] } ?? self.sizes
    let loads = options.load.map { [$0] } ?? self.loads
    let runs = options.runs ?? self.runs
    var result = ExperimentResult(
      experiment: name,
      options: [
        ("hosts", sizes.count == 1 ? .number(Double(sizes[0])) : .text(sizes.map(String.init).joined(separator: ","))),
        ("shards", .number(Double(options.shards))),
        ("capacities", .text("\(options.capacities.least):\(options.capacities.most)")),
        ("load", .text(loads.map(\.rawValue).joined(separator: ","))), ("runs", .number(Double(runs))),
        ("seed", .number(Double(options.seed))),
      ], anchors: anchors)
    for load in loads {
      for size in sizes {
        var trial = PlacementTrial(name: name, hosts: size, load: load, runs: runs, options: options)
        body(&trial)
        let suffix =
          (load == loads.last ? "" : "_" + load.rawValue.map { $0 == "-" ? "_" : String($0) }.joined())
          + (size == sizes.last ? "" : "_of_\(size)")
        result.metrics += trial.metrics.map { ($0.name + suffix, $0.value) }
        result.violations += trial.violations
      }
    }
    return result
  }

  package static let all: [PlacementExperiment] = [.balance, .movement, .churn]

  package static func named(_ name: String) -> PlacementExperiment? { all.first { $0.name == name } }
}

/// One size and load of one experiment while it runs.
struct PlacementTrial {
  let name: String
  let hosts: Int
  let load: LoadShape
  let runs: Int
  let options: PlacementOptions
  private(set) var metrics: [(name: String, value: Double)] = []
  private(set) var violations: [ExperimentResult.Failure] = []

  init(name: String, hosts: Int, load: LoadShape, runs: Int, options: PlacementOptions) {
    self.name = name
    self.hosts = hosts
    self.load = load
    self.runs = runs
    self.options = options
  }

  mutating func report(_ name: String, _ value: Double) { metrics.append((name, value)) }

  mutating func reportMean(_ name: String, _ values: [Double]) {
    report(name, values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count))
  }

  func progress(_ run: Int) { options.progress("\(name), \(hosts) hosts, \(load.rawValue): run \(run + 1) of \(runs)") }

  func world(run: Int) -> PlacementWorld {
    PlacementWorld(
      hosts: hosts, shards: options.shards, capacities: options.capacities, load: load,
      seed: options.seed &+ UInt64(run))
  }

  mutating func keep(_ found: [String], run: Int) {
    guard let first = found.first else { return }
    violations.append(
      ExperimentResult.Failure(
        "\(first) (\(found.count) in all); replay: mesh-sim experiment \(name) --hosts \(hosts) --load \(load.rawValue) "
          + "--runs 1 --seed \(options.seed &+ UInt64(run))"))
  }
}
