import ArgumentParser
import FoundationEssentials
import ShardSim

struct ShardsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shards",
    abstract: "Runs the real core of shard ownership in simulated worlds with disks, crashes and cuts.",
    subcommands: [ShardsSoak.self, ShardsSearch.self, ShardsExperiment.self])
}

struct ShardsSoak: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "soak", abstract: "Runs random worlds with random faults until an invariant fails.",
    discussion: "One seed: 3 to 6 hosts, 1 to 3 shards, 40 simulated seconds, then everything must be healed.")

  @Option(help: "Worlds to run.")
  var seeds: Int

  @Option(help: "The first seed.")
  var firstSeed: UInt64 = 1

  @Flag(help: "Prints the trace of a failing seed, one line per event; of a single seed always.")
  var trace = false

  @Flag(help: "One JSON object instead of lines.")
  var json = false

  func validate() throws {
    if seeds < 1 { throw ValidationError("--seeds must be at least 1") }
  }

  func run() throws {
    let clock = ContinuousClock()
    let began = clock.now
    var report = ShardSoakReport(firstSeed: firstSeed)
    var failed: ShardViolation?
    for seed in firstSeed..<(firstSeed &+ UInt64(seeds)) {
      var result = ShardSoak.run(seed: seed, isNarrated: trace && seeds == 1)
      if result.violation != nil, trace, seeds > 1 { result = ShardSoak.run(seed: seed, isNarrated: true) }
      report.add(result)
      if seeds == 1, !json { printWorld(result) }
      if report.seeds % 500 == 0 { complain("\(report.seeds) of \(seeds) seeds") }
      if let violation = result.violation {
        failed = violation
        break
      }
    }
    report.wallSeconds = Double((clock.now - began) / .milliseconds(1)) / 1_000
    if json {
      print(try JSONText.of(report))
    } else {
      print(
        "\(report.seeds) seeds from \(firstSeed), \(report.events) events, \(report.acknowledged) acknowledged writes, "
          + "\(report.reigns) reigns, \(report.recoveries) recoveries, \(report.violations) violations; "
          + "\(shortNumber(report.wallSeconds)) s of wall time")
    }
    if let failed {
      complain("\(failed)")
      throw ExitCode(1)
    }
  }

  private func printWorld(_ result: ShardSoakResult) {
    for line in result.lines { print(line) }
    print("seed \(result.seed): \(result.hosts) hosts, \(result.events) events, trace hash \(result.hashText)")
    for fault in result.faults { print("  \(fault)") }
  }
}

struct ShardsSearch: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Tries every order of messages, deadlines, syncs and faults in a world of three hosts.",
    discussion: "One shard, one voter, from a settled state, up to a number of steps and a budget of each fault.")

  @Option(
    help: "One setting by its name; all without it: \(ShardSearch.Setting.all.map(\.name).joined(separator: ", ")).")
  var setting: String?

  @Option(help: "More steps than the setting has.")
  var deeper = 0

  @Option(help: "Transitions after which a setting is given up.")
  var limit = 20_000_000

  func validate() throws {
    if let setting, !ShardSearch.Setting.all.contains(where: { $0.name == setting }) {
      throw ValidationError("there is no setting '\(setting)'")
    }
    if !(0...100).contains(deeper) { throw ValidationError("--deeper must be 0 to 100") }
  }

  func run() throws {
    var hasFailed = false
    for var one in ShardSearch.Setting.all where setting == nil || one.name == setting {
      one.depth += deeper
      let clock = ContinuousClock()
      let began = clock.now
      let result = ShardSearch.run(one, limit: limit)
      let took = Double((clock.now - began) / .milliseconds(1)) / 1_000
      print(
        "\(padded(one.name, to: 22)) \(result.states) states, \(result.transitions) transitions, depth \(one.depth)"
          + "\(result.isComplete ? "" : " (given up)"), \(shortNumber(took)) s")
      if let violation = result.violation {
        hasFailed = true
        complain("\(violation.summary)")
        for step in result.path { complain("  \(step)") }
      }
    }
    if hasFailed { throw ExitCode(1) }
  }
}

struct ShardsExperiment: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "experiment", abstract: "Runs one experiment with ownership and prints its figures.")

  @Argument(help: "\(ShardExperiment.all.map { "\($0.name): \($0.summary)" }.joined(separator: "; "))")
  var name: String

  @Option(help: "Worlds to run.")
  var runs: Int?

  @Option(help: "Seed of the first world; the others follow.")
  var seed: UInt64 = 1

  @Flag(help: "One JSON object instead of a table.")
  var json = false

  func validate() throws {
    if ShardExperiment.named(name) == nil {
      throw ValidationError(
        "there is no experiment '\(name)': \(ShardExperiment.all.map(\.name).joined(separator: ", "))")
    }
    if let runs, runs < 1 { throw ValidationError("--runs must be at least 1") }
  }

  func run() throws {
    guard let experiment = ShardExperiment.named(name) else { throw ExitCode.validationFailure }
    let clock = ContinuousClock()
    let began = clock.now
    let result = experiment.run(runs: runs, seed: seed)
    let took = Double((clock.now - began) / .milliseconds(1)) / 1_000
    if json {
      print(try JSONText.of(ShardExperimentReport(result, wallSeconds: took)))
    } else {
      print("\(result.experiment): \(result.runs) runs from seed \(result.seed); \(shortNumber(took)) s of wall time")
      let width = (result.metrics.map(\.name.count).max() ?? 0) + 2
      for (name, value) in result.metrics { print("  \(padded(name, to: width))\(shortNumber(value))") }
      print("  violations: \(result.violations.count)")
    }
    for note in result.notes { complain(note) }
    for violation in result.violations { complain("\(violation)") }
    if !result.violations.isEmpty || !result.notes.isEmpty { throw ExitCode(1) }
  }
}

/// What `mesh-sim shards experiment --json` prints.
struct ShardExperimentReport: Encodable {
  let experiment: String
  let runs: Int
  let seed: UInt64
  var metrics: [String: Double] = [:]
  let violations: Int
  /// One line each: what failed and how to see it again.
  let failures: [String]
  let wallSeconds: Double

  enum CodingKeys: String, CodingKey {
    case experiment, runs, seed, metrics, violations, failures
    case wallSeconds = "wall_seconds"
  }

  init(_ result: ShardExperiment.Result, wallSeconds: Double) {
    experiment = result.experiment
    runs = result.runs
    seed = result.seed
    for (name, value) in result.metrics { metrics[name] = value }
    violations = result.violations.count
    failures = result.violations.map(\.summary) + result.notes
    self.wallSeconds = wallSeconds
  }
}

/// What `mesh-sim shards soak --json` prints.
struct ShardSoakReport: Encodable {
  let firstSeed: UInt64
  var seeds = 0
  var events: UInt64 = 0
  var acknowledged = 0
  var reigns = 0
  var recoveries = 0
  var violations = 0
  var failures: [String] = []
  var failedSeed: UInt64?
  /// Over the trace hashes of all seeds: the same seeds give the same hash.
  var hash = "0000000000000000"
  var wallSeconds = 0.0
  private var combined: UInt64 = 0

  enum CodingKeys: String, CodingKey {
    case seeds, events, acknowledged, reigns, recoveries, violations, failures, hash
    case firstSeed = "first_seed"
    case failedSeed = "failed_seed"
    case wallSeconds = "wall_seconds"
  }

  init(firstSeed: UInt64) { self.firstSeed = firstSeed }

  mutating func add(_ result: ShardSoakResult) {
    seeds += 1
    events += result.events
    acknowledged += result.acknowledged
    reigns += result.reigns
    recoveries += result.recoveries
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
