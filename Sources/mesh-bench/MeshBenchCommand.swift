import ArgumentParser

@main
struct MeshBenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mesh-bench",
    abstract:
      "Measures what docs/measurements.md states. Compare within one run only: machines differ, and are shared.",
    subcommands: [
      AllCommand.self, CoreCommand.self, IdleCommand.self, FloodCommand.self, FloodPeerCommand.self, LogCommand.self,
      PlacementCommand.self, StateCommand.self, FailoverCommand.self,
    ])
}

/// Everything, in one table.
struct AllCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "all", abstract: "Cores, floods, placement, shard log, replicated state and idle mesh: one table.")

  @OptionGroup var idle: IdleOptions
  @OptionGroup var floods: FloodOptions
  @Option(help: "The folder into which Debian's redis-server, etcd-server and etcd-client were unpacked.")
  var peers: String?
  @Option(help: "For how long each system takes replicated writes in each run, in seconds.") var stateSeconds = 15.0
  @Option(help: "Runs of replicated writes.") var stateRuns = 3
  @Option(help: "How often an owner (etcd: the leader) is killed.") var stateKills = 3
  @Flag(inversion: .prefixedNo, help: "Run etcd's own load generator too, for a minute.") var etcdCheck = true
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let state = StateRun(
      binaries: idle.binaries, peers: peers, seconds: stateSeconds, runs: stateRuns, kills: stateKills,
      runsEtcdCheck: etcdCheck)
    let rows =
      try CoreCommand.rows(nodes: idle.nodes) + FloodRun(floods).rows() + PlacementCommand.parse([]).benchRows()
      + LogCommand.parse([]).benchRows() + state.rows() + IdleMesh(idle).rows()
    try BenchOutput.print(rows, json: json)
  }
}
