import FoundationEssentials
import Glibc
import MeshSim
import ShardSim

/// Progress and failures go to standard error, so that standard output stays a table or one JSON object.
func complain(_ text: String) {
  var line = text + "\n"
  // A closed standard error is no reason to fail.
  line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

enum JSONText {
  static func of(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}

/// What `mesh-sim experiment --json` prints.
struct ExperimentReport: Encodable {
  let experiment: String
  var options: [String: ExperimentResult.OptionValue] = [:]
  var metrics: [String: Double] = [:]
  /// Figures of other systems by their names, each with its source.
  var anchors: [String: [String: ExperimentResult.OptionValue]] = [:]
  let violations: Int
  /// One line each: what failed and how to see it again.
  let failures: [String]
  let wallSeconds: Double

  enum CodingKeys: String, CodingKey {
    case experiment, options, metrics, anchors, violations, failures
    case wallSeconds = "wall_seconds"
  }

  init(_ result: ExperimentResult, wallSeconds: Double) {
    experiment = result.experiment
    for (name, value) in result.options { options[name] = value }
    for (name, value) in result.metrics { metrics[name] = value }
    for anchor in result.anchors {
      var row: [String: ExperimentResult.OptionValue] = ["source": .text(anchor.source)]
      for (metric, value) in anchor.values { row[metric] = .number(value) }
      anchors[anchor.system] = row
    }
    violations = result.violations.count
    failures = result.violations.map(\.summary)
    self.wallSeconds = wallSeconds
  }
}

extension ExperimentResult.OptionValue: Encodable {
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .number(let number): try container.encode(number)
    case .text(let text): try container.encode(text)
    }
  }
}

/// What `mesh-sim soak --json` prints.
struct SoakReport: Encodable {
  /// Which worlds: `mesh`, `gossip` or `shards`.
  let world: String
  let firstSeed: UInt64
  var seeds = 0
  var nodes = 0
  /// Writes that clients were told of; 0 in worlds without clients.
  var acknowledged = 0
  var events: UInt64 = 0
  var violations = 0
  var failures: [String] = []
  var failedSeed: UInt64?
  /// Over the trace hashes of all seeds: the same seeds give the same hash.
  var hash = "0000000000000000"
  var wallSeconds = 0.0
  private var combined: UInt64 = 0

  enum CodingKeys: String, CodingKey {
    case world, seeds, nodes, acknowledged, events, violations, failures, hash
    case firstSeed = "first_seed"
    case failedSeed = "failed_seed"
    case wallSeconds = "wall_seconds"
  }

  init(world: String, firstSeed: UInt64) {
    self.world = world
    self.firstSeed = firstSeed
  }

  mutating func add(_ result: SoakOutcome) {
    seeds += 1
    nodes += result.nodes
    events += result.events
    acknowledged += result.acknowledged
    combined = (combined ^ result.hash) &* 0x9e37_79b9_7f4a_7c15
    let digits = String(combined, radix: 16)
    hash = String(repeating: "0", count: 16 - digits.count) + digits
    if let violation = result.violation {
      violations += 1
      failures.append(violation.summary)
      failedSeed = result.seed
    }
  }
}
