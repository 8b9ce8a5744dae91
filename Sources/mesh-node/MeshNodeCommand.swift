import ArgumentParser

@main
struct MeshNodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "mesh-node")
}
