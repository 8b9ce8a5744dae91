import ArgumentParser
import FoundationEssentials
import MeshSim
import ShardSim

struct ExperimentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "experiment",
    abstract: "Runs one experiment and prints its figures beside those of other systems.",
    discussion: "Without options it runs as its row in the list of budgets says.")

  @Argument(
    help: "Its name; see 'mesh-sim list'.",
    completion: .list(
      Experiment.all.map(\.name) + PlacementExperiment.all.map(\.name) + ShardExperiment.all.map(\.name)))
  var name: String

  @Option(help: "Nodes of the mesh, 2 to 4000.")
  var nodes: Int?

  @Option(help: "lan, lan-fast or wan.")
  var profile = "lan"

  @Option(help: "Loss of every datagram, 0 to 1.")
  var loss: Double?

  @Option(help: "Hosts that shards are placed on, 2 to 2000 (balance, movement, churn).")
  var hosts: Int?

  @Option(help: "Shards, 1 to 8192 (balance, movement, churn).")
  var shards: Int?

  @Option(help: "Capacities of hosts, drawn from the powers of two between, e.g. 1:8 (balance, movement, churn).")
  var capacities: String?

  @Option(help: "How load is spread: equal, zipf-head or zipf-capped (balance, movement, churn).")
  var load: String?

  @Option(help: "Worlds to run.")
  var runs: Int?

  @Option(help: "Seed of the first world; the others follow.")
  var seed: UInt64 = 1

  @Flag(help: "One JSON object instead of a table.")
  var json = false

  func validate() throws {
    if PlacementExperiment.named(name) == nil, hosts != nil || shards != nil || capacities != nil || load != nil {
      throw ValidationError("--hosts, --shards, --capacities and --load are for balance, movement and churn")
    }
    if Experiment.named(name) == nil, nodes != nil || loss != nil || profile != "lan" {
      throw ValidationError("'\(name)' has no --nodes, --loss or --profile")
    }
    if let runs, runs < 1 { throw ValidationError("--runs must be at least 1") }
    _ = try prepared()
  }

  func run() throws {
    let experiment = try prepared()
    let clock = ContinuousClock()
    let began = clock.now
    let result = experiment()
    let took = Double((clock.now - began) / .milliseconds(1)) / 1_000
    if json {
      print(try JSONText.of(ExperimentReport(result, wallSeconds: took)))
    } else {
      printTable(result, wallSeconds: took)
    }
    for violation in result.violations { complain("\(violation)") }
    if !result.violations.isEmpty { throw ExitCode(1) }
  }

  /// The experiment of that name with its options, whatever it is about.
  private func prepared() throws -> () -> ExperimentResult {
    if let experiment = Experiment.named(name) {
      let options = try meshOptions()
      return { experiment.run(options) }
    }
    if let experiment = PlacementExperiment.named(name) {
      let options = try placementOptions()
      return { experiment.run(options) }
    }
    if let experiment = ShardExperiment.named(name) {
      return { experiment.run(runs: runs, seed: seed) { complain($0) } }
    }
    throw ValidationError("there is no experiment '\(name)'; 'mesh-sim list' names them")
  }

  private func meshOptions() throws -> ExperimentOptions {
    guard var options = ExperimentOptions(profile: profile) else {
      throw ValidationError("there is no profile '\(profile)': \(ExperimentOptions.profiles.joined(separator: ", "))")
    }
    if let nodes, !(2...4_000).contains(nodes) { throw ValidationError("--nodes must be 2 to 4000") }
    if let loss, !(0...1).contains(loss) { throw ValidationError("--loss must be 0 to 1, e.g. 0.01 for 1 %") }
    options.nodes = nodes
    options.loss = loss
    options.runs = runs
    options.seed = seed
    options.progress = { complain($0) }
    return options
  }

  private func placementOptions() throws -> PlacementOptions {
    var options = PlacementOptions()
    options.hosts = hosts
    options.runs = runs
    options.seed = seed
    options.progress = { complain($0) }
    if let hosts, !(2...2_000).contains(hosts) { throw ValidationError("--hosts must be 2 to 2000") }
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

  private func printTable(_ result: ExperimentResult, wallSeconds: Double) {
    let options = result.options.map { "\($0.name) \($0.value.text)" }.joined(separator: ", ")
    print("\(result.experiment): \(options); \(shortNumber(wallSeconds)) s of wall time")
    let width = (result.metrics.map(\.name.count).max() ?? 0) + 2
    for (name, value) in result.metrics { print("  \(padded(name, to: width))\(shortNumber(value))") }
    print("  violations: \(result.violations.count)")
    if !result.anchors.isEmpty { print("beside it:") }
    for anchor in result.anchors {
      let values = anchor.values.map { "\($0.metric) \(shortNumber($0.value))" }.joined(separator: ", ")
      print("  \(anchor.system)\(values.isEmpty ? "" : ": \(values)")  [\(anchor.source)]")
    }
  }
}

extension ExperimentResult.OptionValue {
  var text: String {
    switch self {
    case .number(let number): shortNumber(number)
    case .text(let text): text
    }
  }
}
