import ArgumentParser

@main
struct MeshBenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mesh-bench",
    abstract:
      "Measures what docs/measurements.md states. Compare within one run only: machines differ, and are shared.",
    subcommands: [IdleCommand.self, FloodCommand.self, FloodPeerCommand.self, PlacementCommand.self])
}
