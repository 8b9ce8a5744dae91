import ArgumentParser
import Configuration
import Control
import MeshNode

@main
struct MeshNodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mesh-node",
    abstract: "Runs this host's node of the mesh until it is told to leave (SIGTERM, Ctrl-C or `mesh-ctl leave`).",
    discussion: """
        mesh-ctl network create izlude && mesh-node
        mesh-node --dir /var/lib/mesh --set network.profile=wan

      Exit codes: 0 left, 1 failed with the reason shown, 5 another process lives with this identity, 69 no peer
      answered within --join-timeout, 73 cannot write data, 77 a key file is open to others, 78 configuration.
      """,
    version: "mesh-node \(ProductVersion.text)")

  @Option(
    name: .long,
    help: ArgumentHelp("The folder of the node's files (default: $MESH_DIR, or `mesh` here).", valueName: "folder"))
  var dir: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The configuration (default: p2p_athena.conf in the node's folder or in conf).", valueName: "file"))
  var config: String?

  @Option(
    name: .customLong("set"), help: ArgumentHelp("A setting for this run; may be repeated.", valueName: "key=value"))
  var settings: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp("Give up when no peer has answered within this time, e.g. 30s.", valueName: "time"))
  var joinTimeout: JoinTimeout?

  @Flag(name: .long, help: "Check the configuration and end: 0 or 78.")
  var checkConfig = false

  @Flag(name: .long, help: "Come up, join, leave again and end: a rehearsal.")
  var runOnce = false

  @Option(name: .long, help: ArgumentHelp("Sets node.log_format.", valueName: "auto|text|logfmt|json"))
  var logFormat: LogFormat?

  @Option(
    name: .long,
    help: ArgumentHelp("Sets node.log_level.", valueName: "trace|debug|info|notice|warning|error|critical"))
  var logLevel: LogLevel?

  @Flag(name: .long, help: "Print the manual page, for man(1), and end.")
  var manual = false

  func run() throws {
    if manual { return print(MeshNodeCommand.page.text, terminator: "") }
    var options = RunOptions()
    options.folder = dir
    options.configuration = config
    options.assignments = settings
    if let logFormat { options.assignments.append("node.log_format=\(logFormat.rawValue)") }
    if let logLevel { options.assignments.append("node.log_level=\(logLevel.rawValue)") }
    options.joinTimeout = joinTimeout?.nanoseconds
    options.runsOnce = runOnce
    if checkConfig {
      let loaded = Configured(options).loaded
      print(Reports.check(loaded))
      throw ArgumentParser.ExitCode(loaded.settings == nil ? Control.ExitCode.configuration.rawValue : 0)
    }
    throw ArgumentParser.ExitCode(Startup.run(options).rawValue)
  }
}

extension MeshNodeCommand {
  static var page: ManualPage {
    // Wide, so that words are not broken where the manual fills its lines anyway.
    let help = helpMessage(columns: 400)
    var page = ManualPage(program: "mesh-node", section: 8, abstract: configuration.abstract, synopsis: "[options]")
    page.heading("DESCRIPTION")
    page.discussion(help: help)
    page.heading("OPTIONS")
    page.options(help: help)
    page.heading("SIGNALS")
    page.entries([
      ("SIGTERM, SIGINT", "Say goodbye and end; a second one ends at once."),
      ("SIGHUP", "Read the configuration again."),
    ])
    page.heading("ENVIRONMENT")
    page.entries([
      ("MESH_DIR", "The node's folder, where no --dir is given."),
      ("NOTIFY_SOCKET, WATCHDOG_USEC", "Of systemd: readiness, status and signs of life are told there."),
    ])
    page.heading("SEE ALSO")
    page.paragraph("mesh-ctl(1)")
    return page
  }
}

extension LogFormat: ExpressibleByArgument {}
extension LogLevel: ExpressibleByArgument {}

/// `30s`, `500ms`, `2m`; a bare number is seconds.
struct JoinTimeout: ExpressibleByArgument {
  var nanoseconds: UInt64

  init?(argument: String) {
    let number = argument.prefix { $0.isASCII && $0.isNumber }
    let units: [Substring: UInt64] = ["": 1_000, "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000]
    guard let count = UInt64(number), let unit = units[argument[number.endIndex...]], count > 0,
      count <= 86_400_000 / unit
    else { return nil }
    nanoseconds = count * unit * 1_000_000
  }
}
