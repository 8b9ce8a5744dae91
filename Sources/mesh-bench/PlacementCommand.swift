import ArgumentParser
import FoundationEssentials
import Glibc
import MapShard
import ShardSim

/// How long placement takes: processor time of this thread, the median of several runs.
struct PlacementCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "placement", abstract: "Processor time of a whole placement, of one join and one leave.")

  @Option(help: "Shards.") var shards = 1_200
  @Option(help: "Runs of each.") var runs = 21
  @Flag(help: "Print JSON.") var json = false

  struct Row: Encodable {
    var hosts: Int
    /// From nothing: every score of every host for every shard.
    var wholeMilliseconds: Double
    /// A host more, or less, with what is kept from before.
    var joinMilliseconds: Double
    var leaveMilliseconds: Double
    /// One decision of the steward when nothing has changed.
    var decisionMilliseconds: Double
  }

  func validate() throws {
    if !(1...8_192).contains(shards) { throw ValidationError("--shards must be 1 to 8192") }
    if runs < 1 { throw ValidationError("--runs must be at least 1") }
  }

  func run() throws {
    let rows = [5, 50, 500].map(measure)
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      encoder.keyEncodingStrategy = .convertToSnakeCase
      print(String(decoding: try encoder.encode(rows), as: UTF8.self))
      return
    }
    print(
      "| \(shards) shards, processor time, median of \(runs) | whole | one join | one leave | steward, nothing new |")
    print("|---|---|---|---|---|")
    for row in rows {
      print(
        "| \(row.hosts) hosts | \(milliseconds(row.wholeMilliseconds)) | \(milliseconds(row.joinMilliseconds)) "
          + "| \(milliseconds(row.leaveMilliseconds)) | \(milliseconds(row.decisionMilliseconds)) |")
    }
  }

  /// The same for the one table, with the targets of DESIGN 12.
  func benchRows() -> [BenchRow] {
    [(hosts: 50, whole: 5.0), (500, 60)].flatMap { hosts, whole in
      let row = measure(hosts: hosts)
      let name = "placement, \(shards) shards on \(hosts) hosts, processor time"
      return [
        BenchRow(what: "\(name): whole", measured: row.wholeMilliseconds, unit: "ms", budget: whole),
        BenchRow(what: "\(name): one join", measured: row.joinMilliseconds, unit: "ms", budget: 1),
        BenchRow(what: "\(name): one leave", measured: row.leaveMilliseconds, unit: "ms"),
      ]
    }
  }

  private func milliseconds(_ value: Double) -> String { "\((value * 1_000).rounded() / 1_000) ms" }

  private func measure(hosts: Int) -> Row {
    var world = PlacementWorld(
      hosts: hosts + 1, shards: shards, capacities: (least: 1, most: 8), load: .zipfCapped, seed: 1)
    let larger = world.view
    world.hosts.removeLast()
    var smaller = world.view
    var kept = Ranking(salt: world.salt)
    let placed = Placement(smaller, ranking: &kept)
    let whole = median { _ in
      var ranking = Ranking(salt: world.salt)
      return timed { Placement(smaller, ranking: &ranking) }
    }
    // With records, as in a mesh that runs.
    for (index, shard) in placed.shards.enumerated() {
      let row = smaller.shards.firstIndex { $0.id == shard.id } ?? index
      smaller.shards[row].standing = ShardStanding(owner: shard.owner, members: shard.replicas)
    }
    var grown = larger
    grown.shards = smaller.shards
    let join = median { _ in
      var ranking = kept
      return timed { Placement(grown, ranking: &ranking) }
    }
    var keptGrown = kept
    _ = Placement(grown, ranking: &keptGrown)
    let leave = median { _ in
      var ranking = keptGrown
      return timed { Placement(smaller, ranking: &ranking) }
    }
    var steward = Steward(firstPlan: 1)
    let view = StewardView(placement: smaller, admittedHolders: hosts)
    let decision = median { run in
      let now = StewardedMesh.time(afterSeconds: UInt64(run))
      return timed { steward.decide(view, now: now).placement }
    }
    return Row(
      hosts: hosts, wholeMilliseconds: whole, joinMilliseconds: join, leaveMilliseconds: leave,
      decisionMilliseconds: decision)
  }

  private func median(_ run: (Int) -> Double) -> Double {
    let times = (0..<runs).map(run).sorted()
    return times[times.count / 2]
  }

  /// In milliseconds. The result is looked at, so that nothing can leave it out.
  private func timed(_ work: () -> Placement) -> Double {
    let began = processorTime()
    let placement = work()
    let took = processorTime() - began
    precondition(placement.shards.count == shards)
    return took * 1_000
  }

  private func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
