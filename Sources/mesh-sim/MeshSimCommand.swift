import ArgumentParser

@main
struct MeshSimCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mesh-sim",
    abstract: "Runs the mesh's real core in simulated worlds: virtual time, one seed, every fault.",
    discussion: "Exit codes: 0 all checks held, 1 a check failed, 64 wrong usage.",
    subcommands: [ListCommand.self, ExperimentCommand.self, SoakCommand.self, SearchCommand.self])
}
