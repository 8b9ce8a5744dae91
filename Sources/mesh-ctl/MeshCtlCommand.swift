import ArgumentParser

@main
struct MeshCtlCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "mesh-ctl")
}
