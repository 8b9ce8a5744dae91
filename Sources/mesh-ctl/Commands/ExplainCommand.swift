import ArgumentParser
import Control

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "What an error code or a setting means.",
    discussion: "  mesh-ctl explain M012\n  mesh-ctl explain network.listen", aliases: ["why"])

  @OptionGroup var global: GlobalOptions

  @Argument(help: "An error code (M012, C020) or the name of a setting.")
  var topic: String

  func run() throws {
    try Console.run(global) { console throws(Fault) in try Topics.explain(topic, console) }
  }
}

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "The versions of this program and of the node.", discussion: "  mesh-ctl version")

  @OptionGroup var global: GlobalOptions

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let status: StatusReply? = try? console.connect(timeout: .seconds(1)).ask(.status)
      let reply = VersionReply(
        program: ProductVersion.text, control: ControlRequest.version, node: status?.own.version)
      let lines =
        "mesh-ctl \(reply.program), control protocol \(reply.control)\n"
        + (reply.node.map { "mesh-node \($0.printable(limit: 40)) runs here\n" } ?? "")
      console.show(reply, text: lines, plain: lines, verdict: "\(reply.program)\n")
      return .ok
    }
  }
}
