import ArgumentParser
import Control
import MeshLab

struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "What `--json` prints: all kinds of objects, or the JSON Schema of one.",
    discussion: """
      Inside one major version fields are only added; ignore what you do not know.

        mesh-ctl schema
        mesh-ctl schema mesh.members/1
        mesh-ctl schema members
      """)

  @OptionGroup var global: GlobalOptions

  @Argument(help: ArgumentHelp("A schema, or a command that prints it.", valueName: "name"))
  var name: [String] = []

  static var all: [ReplySchema] { ReplySchema.all + [ReplySchema(LabReply.self, "lab run")] }

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      guard !name.isEmpty else {
        let reply = SchemasReply(SchemaCommand.all)
        console.show(
          reply, text: reply.text(for: console.terminal), plain: reply.plain,
          verdict: "\(reply.schemas.count) schemas\n")
        return .ok
      }
      let wanted = name.joined(separator: " ")
      guard let schema = SchemaCommand.all.first(where: { $0.name == wanted || $0.commands.contains(wanted) }) else {
        throw Fault(
          .badOption, ["option": wanted, "reason": "is nothing that --json prints", "command": "schema"])
      }
      console.page(schema.document)
      return .ok
    }
  }
}
