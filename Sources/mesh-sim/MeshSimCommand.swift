import ArgumentParser

@main
struct MeshSimCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "mesh-sim")
}
