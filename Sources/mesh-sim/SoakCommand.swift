import ArgumentParser
import FoundationEssentials
import MeshSim
import ShardSim

struct SoakCommand: ParsableCommand {
  /// What a seed is played in.
  enum World: String, CaseIterable, ExpressibleByArgument {
    /// Whole nodes: gossip and ownership together.
    case mesh
    /// The same, and hosts come back with empty disks.
    case disks
    /// Membership alone, in worlds of up to 48 nodes.
    case gossip
    /// Ownership alone.
    case shards
  }

  static let configuration = CommandConfiguration(
    commandName: "soak",
    abstract: "Runs random worlds with random faults until a check fails.",
    discussion: """
      mesh: 3 to 6 whole nodes (gossip, channel, shards, log, steward) and clients, 60 simulated seconds.
      disks: the same worlds, in which one or two hosts that do not vote lose their disks besides.
      gossip: membership of 5 to 48 nodes, 10 simulated minutes. shards: ownership of 3 to 6 hosts, 40 simulated seconds.
      """)

  @Option(help: "Seeds to run.")
  var seeds: Int

  @Option(help: "The first seed.")
  var firstSeed: UInt64 = 1

  @Option(help: "Which worlds: \(World.allCases.map(\.rawValue).joined(separator: ", ")).")
  var world = World.mesh

  @Flag(help: "Prints the trace, one line per event (--world shards --seeds 1).")
  var trace = false

  @Flag(help: "One JSON object instead of lines.")
  var json = false

  func validate() throws {
    if seeds < 1 { throw ValidationError("--seeds must be at least 1") }
    if trace, world != .shards || seeds > 1 || json {
      throw ValidationError("--trace is for one world: --world shards --seeds 1")
    }
  }

  func run() throws {
    let clock = ContinuousClock()
    let began = clock.now
    var report = SoakReport(world: world.rawValue, firstSeed: firstSeed)
    var failed: String?
    for seed in firstSeed..<(firstSeed &+ UInt64(seeds)) {
      let result = play(seed)
      report.add(result)
      if seeds == 1, !json { printWorld(result) }
      if report.seeds % 50 == 0 { complain("\(report.seeds) of \(seeds) seeds") }
      if let violation = result.violation {
        failed = violation.description
        break
      }
    }
    report.wallSeconds = Double((clock.now - began) / .milliseconds(1)) / 1_000
    if json {
      print(try JSONText.of(report))
    } else {
      print(
        "\(report.seeds) seeds from \(firstSeed), \(report.nodes) nodes, \(report.events) events, "
          + (report.acknowledged > 0 ? "\(report.acknowledged) acknowledged writes, " : "")
          + "\(report.violations) violations; \(shortNumber(report.wallSeconds)) s of wall time")
    }
    if let failed {
      complain(failed)
      throw ExitCode(1)
    }
  }

  private func play(_ seed: UInt64) -> SoakOutcome {
    switch world {
    case .mesh: SoakOutcome(MeshSoak.run(seed: seed))
    case .disks: SoakOutcome(MeshSoak.run(seed: seed, losesDisks: true))
    case .gossip: SoakOutcome(Soak.run(seed: seed))
    case .shards: SoakOutcome(ShardSoak.run(seed: seed, isNarrated: trace))
    }
  }

  private func printWorld(_ result: SoakOutcome) {
    for line in result.trace { print(line) }
    print("seed \(result.seed): \(result.nodes) nodes, \(result.events) events, trace hash \(result.hashText)")
    for fault in result.faults { print("  \(fault)") }
  }
}

/// What one world did, whichever it was.
struct SoakOutcome {
  let seed: UInt64
  let nodes: Int
  let events: UInt64
  let hash: UInt64
  let hashText: String
  let faults: [String]
  var acknowledged = 0
  /// One line per event, where it was asked for.
  var trace: [String] = []
  /// In full, and in one line.
  let violation: (description: String, summary: String)?

  init(_ result: SoakResult) {
    self.init(
      seed: result.seed, nodes: result.nodes, events: result.events, hash: result.hash,
      hashText: result.hashText, faults: result.faults,
      violation: result.violation.map { ("\($0)", $0.summary) })
  }

  init(_ result: MeshSoakResult) {
    self.init(
      seed: result.seed, nodes: result.hosts, events: result.events, hash: result.hash,
      hashText: result.hashText, faults: result.faults,
      acknowledged: result.acknowledged, violation: result.violation.map { ("\($0)", $0.summary) })
  }

  init(_ result: ShardSoakResult) {
    self.init(
      seed: result.seed, nodes: result.hosts, events: result.events, hash: result.hash,
      hashText: result.hashText, faults: result.faults,
      acknowledged: result.acknowledged, trace: result.lines,
      violation: result.violation.map { ("\($0)", $0.summary) })
  }

  private init(
    seed: UInt64, nodes: Int, events: UInt64, hash: UInt64, hashText: String, faults: [String], acknowledged: Int = 0,
    trace: [String] = [], violation: (description: String, summary: String)?
  ) {
    self.seed = seed
    self.nodes = nodes
    self.events = events
    self.hash = hash
    self.hashText = hashText
    self.faults = faults
    self.acknowledged = acknowledged
    self.trace = trace
    self.violation = violation
  }
}
