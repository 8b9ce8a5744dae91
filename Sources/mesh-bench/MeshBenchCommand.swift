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
    commandName: "all", abstract: "Cores, floods and idle mesh: one table.")

  @OptionGroup var idle: IdleOptions
  @OptionGroup var floods: FloodOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let rows = try CoreCommand.rows(nodes: idle.nodes) + FloodRun(floods).rows() + IdleMesh(idle).rows()
    try BenchOutput.print(rows, json: json)
  }
}
