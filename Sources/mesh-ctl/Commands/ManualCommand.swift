import ArgumentParser
import Control

struct ManualCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "manual", abstract: "The manual page, for man(1).",
    discussion: """
        mesh-ctl manual > /usr/local/share/man/man1/mesh-ctl.1
        mesh-node --manual > /usr/local/share/man/man8/mesh-node.8
      """)

  @OptionGroup var global: GlobalOptions

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      console.print(ManualCommand.page.text)
      return .ok
    }
  }

  static var page: ManualPage {
    let root = MeshCtlCommand.self
    let help = root.helpMessage(columns: width)
    var page = ManualPage(
      program: "mesh-ctl", section: 1, abstract: root.configuration.abstract, synopsis: "[options] command")
    page.heading("DESCRIPTION")
    page.discussion(help: help)
    page.heading("OPTIONS")
    page.paragraph("Every command takes these, before or after its name.")
    page.options(help: help)
    page.heading("COMMANDS")
    for command in root.configuration.subcommands { add(command, under: "mesh-ctl", to: &page) }
    page.heading("EXIT STATUS")
    page.entries(ExitCode.table)
    page.heading("ENVIRONMENT")
    page.entries([
      ("MESH_DIR", "The node's folder, where no --dir is given."),
      ("MESH_SOCKET", "The control socket, where no --socket is given."),
      ("NO_COLOR, CLICOLOR_FORCE, TERM", "Colours, as everywhere."),
      ("MESH_PAGER, PAGER", "What shows text that is longer than the terminal; empty or cat: nothing does."),
    ])
    page.heading("SEE ALSO")
    page.paragraph("mesh-node(8)")
    return page
  }

  /// Wide, so that words are not broken where the manual fills its lines anyway.
  private static let width = 400

  private static func add(_ command: any ParsableCommand.Type, under parent: String, to page: inout ManualPage) {
    let name = "\(parent) \(command.configuration.commandName ?? "")"
    if command.configuration.subcommands.isEmpty {
      page.command(name, help: MeshCtlCommand.helpMessage(for: command, columns: width))
    }
    for inner in command.configuration.subcommands { add(inner, under: name, to: &page) }
  }
}
