import ArgumentParser
import FoundationEssentials
import MeshSim

struct SoakCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "soak",
    abstract: "Runs random worlds with random faults until a check fails.",
    discussion: "One seed: 5 to 48 nodes, 10 simulated minutes, 3 to 8 faults, then healing.")

  @Option(help: "Worlds to run.")
  var seeds: Int

  @Option(help: "The first seed.")
  var firstSeed: UInt64 = 1

  @Flag(help: "One JSON object instead of lines.")
  var json = false

  func validate() throws {
    if seeds < 1 { throw ValidationError("--seeds must be at least 1") }
  }

  func run() throws {
    let clock = ContinuousClock()
    let began = clock.now
    var report = SoakReport(firstSeed: firstSeed)
    var failed: Violation?
    for seed in firstSeed..<(firstSeed &+ UInt64(seeds)) {
      let result = Soak.run(seed: seed)
      report.add(result)
      if seeds == 1, !json { printWorld(result) }
      if report.seeds % 50 == 0 { complain("\(report.seeds) of \(seeds) seeds") }
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
        "\(report.seeds) seeds from \(firstSeed), \(report.nodes) nodes, \(report.events) events, "
          + "\(report.violations) violations; \(shortNumber(report.wallSeconds)) s of wall time")
    }
    if let failed {
      complain("\(failed)")
      throw ExitCode(1)
    }
  }

  private func printWorld(_ result: SoakResult) {
    print("seed \(result.seed): \(result.nodes) nodes, \(result.events) events, trace hash \(result.hashText)")
    for fault in result.faults { print("  \(fault)") }
  }
}
