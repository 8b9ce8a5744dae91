import ArgumentParser
import FoundationEssentials
import Glibc
import MeshLab

/// Kills the owner of shards again and again, under load, on one mesh of real processes. Ends with 1 when an
/// acknowledged write is missing or was applied twice.
struct FailoverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "failover",
    abstract: "How long shards take no writes when their owner is killed, and whether anything gets lost.",
    discussion: """
      Each round: writers on every shard, SIGKILL of an owner, its shards elsewhere, its restart, all copies in sync
      again. Then everything is read back. A host that has died is given nothing for a minute: with fewer nodes there
      are longer waits between the kills.
      """)

  @Option(help: "The folder with mesh-node and mesh-ctl.") var binaries: String
  @Option(help: "How often an owner is killed.") var kills = 50
  @Option(help: "How many nodes.") var nodes = 8
  @Option(help: "How many of them vote: 1, 3 or 5. A single voter is never killed, and owns everything in the end.")
  var voters = 3
  @Option(help: "Writers on each shard.") var writers = 1
  @Flag(help: "Keep the folder with logs and data.") var keep = false
  @Flag(help: "Print JSON.") var json = false

  /// Figures of DESIGN 12 for `lan-fast`, in seconds.
  private static let budget = (median: 1.5, p99: 3.0)

  struct Result: Encodable {
    var kills: Int
    /// Gaps that were measured: one for each shard of each killed owner.
    var gaps: Int
    var gapP50S: Double
    var gapP99S: Double
    var gapSlowestS: Double
    /// The longest pause of a shard whose owner lived.
    var othersPauseS: Double
    var acknowledged: Int
    var missing: Int
    var duplicated: Int
    /// Acknowledgements of an older reign or out of order.
    var misordered: Int
  }

  func validate() throws {
    guard kills >= 1 else { throw ValidationError("--kills is at least 1") }
    guard (3...64).contains(nodes) else { throw ValidationError("--nodes is a number from 3 to 64") }
    guard [1, 3, 5].contains(voters), voters <= nodes else { throw ValidationError("--voters is 1, 3 or 5") }
  }

  func run() throws {
    var world = LabWorld.small
    world.voters = voters
    var options = Lab.Options(binaries: binaries)
    options.keepsFolder = keep
    let lab = try LabRun(nodes: nodes, options: options, world: world, say: BenchNote.say).start().lab
    defer { lab.stop() }
    var load = LabLoad.Options()
    load.writersPerShard = writers
    var failover = LabFailover(lab, voters: voters, load: load)
    failover.isPaced = true
    BenchInterrupt.watch()
    for round in 1...kills where !BenchInterrupt.came {
      let kill = try failover.killOwner(BenchNote.say)
      BenchNote.say(
        "\(round) of \(kills): \(kill.victim) owned \(kill.gaps.count) shards, longest gap \((kill.gaps.max() ?? 0).shown) s, "
          + "others paused at most \(kill.othersPause.shown) s, back after \(kill.backSeconds.shown) s")
    }
    BenchNote.say("reading back ...")
    let verdict = failover.verify()
    let gaps = failover.gaps
    let result = Result(
      kills: failover.kills.count, gaps: gaps.count, gapP50S: gaps.quantile(0.5), gapP99S: gaps.quantile(0.99),
      gapSlowestS: gaps.last ?? 0, othersPauseS: failover.kills.map(\.othersPause).max() ?? 0,
      acknowledged: verdict.acknowledged, missing: verdict.missing.count, duplicated: verdict.duplicated.count,
      misordered: verdict.misordered.count)
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      encoder.keyEncodingStrategy = .convertToSnakeCase
      print(String(decoding: try encoder.encode(result), as: UTF8.self))
    } else {
      print(FailoverCommand.text(result))
    }
    for finding in verdict.findings { BenchNote.say(finding) }
    if !verdict.isClean { throw ExitCode.failure }
  }

  private static func text(_ result: Result) -> String {
    let rows = [
      BenchRow(
        what: "owner killed → its shards take writes again, p50 of \(result.gaps) shards, \(result.kills) kills",
        measured: result.gapP50S, unit: "s", budget: budget.median),
      BenchRow(what: "the same, p99", measured: result.gapP99S, unit: "s", budget: budget.p99),
      BenchRow(what: "the same, slowest", measured: result.gapSlowestS, unit: "s"),
      BenchRow(what: "longest pause of a shard whose owner lived", measured: result.othersPauseS, unit: "s"),
      BenchRow(
        what: "acknowledged writes missing", measured: Double(result.missing), unit: "of \(result.acknowledged)",
        budget: 0),
      BenchRow(what: "writes applied twice", measured: Double(result.duplicated), unit: "", budget: 0),
      BenchRow(
        what: "acknowledged out of order or in an older reign", measured: Double(result.misordered), unit: "", budget: 0
      ),
    ]
    return BenchTable.text(rows)
  }
}
