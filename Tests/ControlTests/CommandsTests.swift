import Configuration
import Control
import Foundation
import Synchronization
import Testing

/// `mesh-ctl` itself, against a socket that answers as a node would.
@Suite(.serialized)
struct CommandsTests {
  private let node: FakeNode

  init() throws { node = try FakeNode.sample() }

  private func run(_ arguments: String..., environment: [String: String] = [:]) async throws -> Program.Outcome {
    try await Program.run(["--socket", node.path, "--utc"] + arguments, environment: environment)
  }

  @Test func pipedScreensAreTheGoldenOnes() async throws {
    let status = try await run("status")
    Golden.expect(status.output, is: "status-degraded-piped")
    #expect(status.code == 3 && status.errors.isEmpty)
    let members = try await run("members")
    Golden.expect(members.output, is: "members-piped")
    #expect(members.code == 0)
    Golden.expect(try await run("events").output, is: "events-piped")
    Golden.expect(try await run("members", "--plain").output, is: "members-plain")
  }

  @Test func terminalScreensAreTheGoldenOnes() async throws {
    for (columns, name, environment) in [
      (80, "80x24", ["TERM": "xterm", "NO_COLOR": "1"]), (80, "80x24", ["TERM": "dumb"]),
      (120, "120x40-colour", ["TERM": "xterm"]),
    ] {
      for command in ["status", "members", "events"] {
        let outcome = try await Program.runOnTerminal(
          ["--socket", node.path, "--utc", command], environment: environment, columns: columns)
        let golden = command == "status" ? "status-degraded-\(name)" : "\(command)-\(name)"
        Golden.expect(outcome.output.replacing("\r\n", with: "\n"), is: golden)
      }
    }
  }

  @Test func quietIsTheVerdict() async throws {
    let outcome = try await run("status", "-q")
    #expect(outcome.output == "izlude: DEGRADED  5 of 6 hosts alive; gef-2 does not answer on 203.0.113.9:7001\n")
    #expect(outcome.code == 3)
    #expect(try await run("status", "-q", "--exit-zero").code == 0)
  }

  @Test func jsonIsTheReply() async throws {
    let status = try await run("status", "--json")
    #expect(JSONLine.decode(StatusReply.self, from: Array(status.output.utf8)) == Samples.degraded)
    let members = try await run("--json", "members", "--state", "dead")
    let reply = JSONLine.decode(MembersReply.self, from: Array(members.output.utf8))
    #expect(reply?.members.map(\.name) == ["gef-2"])
  }

  @Test func noCommandIsStatus() async throws {
    let outcome = try await run()
    Golden.expect(outcome.output, is: "status-degraded-piped")
    #expect(outcome.code == 3)
  }

  @Test func plainAndWideHasTitles() async throws {
    let titles = [
      ("members", "ST\tHOST\tADDRESS\tROLE\tMAPS\tCPU\tMEM\tLAG\tRTT\tLOSS\tSEEN\tWHY"),
      ("events", "TIME\tEVENT\tHOST\tCODE\tTEXT"), ("doctor", "STATUS\tCHECK\tCODE\tFINDING\tFIX"),
    ]
    for (command, title) in titles {
      let plain = try await run(command, "--plain").output
      let wide = try await run(command, "--plain", "--wide").output
      #expect(wide.split(separator: "\n").first.map(String.init) == title)
      #expect(plain.split(separator: "\n").first.map(String.init) != title)
    }
  }

  @Test func reloadingTellsWhatChanged() async throws {
    let outcome = try await run("reload")
    #expect(
      outcome.output
        == "reloaded p2p_athena.conf; changed: p2p_settings.node.log_level; after a restart: p2p_settings.network.listen\n"
    )
    #expect(outcome.errors == "warning: C031: `x` is not known\n" && outcome.code == 0)
    #expect(
      try await run("reload", "--plain").output
        == "now\tp2p_settings.node.log_level\nrestart\tp2p_settings.network.listen\n")
    let node = try FakeNode(
      .answer { _ in [Fault(.configurationBroken, ["errors": "2 errors"], evidence: ["a:1:2: C020"]).line()] })
    let broken = try await Program.run(["--socket", node.path, "reload"])
    #expect(broken.code == 78 && broken.errors.contains("the configuration has 2 errors"))
  }

  @Test func leavingWaitsUntilItIsOver() async throws {
    let outcome = try await run("leave")
    #expect(outcome.output == "left\n" && outcome.code == 0)
  }

  @Test func pipedOutputHasNoEscapes() async throws {
    for command in ["status", "members", "events", "doctor"] {
      #expect(try await !run(command).output.utf8.contains(0x1b), "\(command)")
      #expect(
        try await !run(command, environment: ["NO_COLOR": "1", "CLICOLOR_FORCE": "1"]).output.utf8.contains(0x1b))
      #expect(
        try await !run(command, "--color", "never", environment: ["CLICOLOR_FORCE": "1"]).output.utf8.contains(0x1b))
    }
    #expect(try await run("status", environment: ["CLICOLOR_FORCE": "1"]).output.utf8.contains(0x1b))
    #expect(try await run("status", "--color", "always").output.utf8.contains(0x1b))
  }

  @Test func watchingLooksAgainUntilItIsEnded() async throws {
    let looks = Mutex(0)
    let node = try FakeNode(
      .answer { _ in
        looks.withLock { $0 += 1 }
        return [Samples.healthy.line()]
      })
    let path = node.path
    let outcome = try await Program.runUntil(
      { looks.withLock { $0 } >= 3 }, ["--socket", path, "-w", "--every", "20ms"])
    #expect(outcome.code == 143)
    #expect(outcome.output.components(separatedBy: "izlude: OK").count > 2)
    #expect(!outcome.output.utf8.contains(0x1b))
    let wrong = try await run("events", "-w")
    #expect(wrong.code == 64 && wrong.errors.contains("M060"))
  }

  @Test func aNodeThatEndsEndsTheEvents() async throws {
    let node = try FakeNode(.bytes(Samples.events.line()))
    let outcome = try await Program.run(["--socket", node.path, "events", "-f", "--plain"])
    #expect(outcome.code == 69 && outcome.errors.contains("the node closed the connection"))
    Golden.expect(outcome.output, is: "events-plain")
  }

  @Test func waitingForAState() async throws {
    let outcome = try await run("status", "--wait", "healthy", "--for", "300ms")
    #expect(outcome.code == 6 && outcome.errors.contains("M064"))
    #expect(try await run("status", "--wait", "member").code == 3)
  }

  @Test func socketFromTheEnvironment() async throws {
    let outcome = try await Program.run(["status", "-q"], environment: ["MESH_SOCKET": node.path])
    #expect(outcome.code == 3)
  }
}

@Suite(.serialized)
struct ExitCodesTests {
  @Test func withoutANode() async throws {
    for command in ["status", "members", "events", "leave"] {
      let outcome = try await Program.run([command])
      #expect(outcome.code == 69, "\(command)")
      #expect(outcome.errors.contains("error[M001]: no node answers on mesh/data/control.sock"))
      #expect(outcome.output.isEmpty)
    }
    let hint = try await Program.run([])
    #expect(hint.code == 69 && hint.output.split(separator: "\n").count == 5)
  }

  @Test func usageIs64WithAdvice() async throws {
    let rows: [([String], String)] = [
      (["statsu"], "did you mean `mesh-ctl status`?"), (["--json", "membres"], "did you mean `mesh-ctl members`?"),
      (["--socket", "/x", "evnts"], "did you mean `mesh-ctl events`?"), (["fly"], "mesh-ctl --help"),
      (["status", "--jsn"], "--json"), (["events", "--since", "10q"], "10q"), (["events", "--limit", "0"], "4096"),
      (["members", "--state", "asleep"], "suspect"), (["members", "--role", "king"], "observer"),
      (["explain"], "topic"),
      (["explain", "M999"], "M999"), (["doctor", "teeth"], "udp-in"), (["status", "--timeout", "1e400"], "--timeout"),
    ]
    for (arguments, advice) in rows {
      let outcome = try await Program.run(arguments)
      #expect(outcome.code == 64, "\(arguments)")
      #expect((outcome.errors + outcome.output).contains(advice), "\(arguments): \(outcome.errors)")
    }
  }

  @Test func helpAndVersionAre0() async throws {
    for arguments in [
      ["--help"], ["status", "--help"], ["help", "members"], ["version"], ["--version"], ["explain", "m012"],
    ] {
      let outcome = try await Program.run(arguments)
      #expect(outcome.code == 0 && !outcome.output.isEmpty, "\(arguments)")
    }
  }

  @Test func aSilentNodeIsTold() async throws {
    let node = try FakeNode(.silent)
    let outcome = try await Program.run(["--socket", node.path, "--timeout", "700ms", "status"])
    #expect(outcome.code == 69)
    #expect(outcome.errors.contains("waiting for the node on \(node.path)") && outcome.errors.contains("M003"))
  }

  @Test func faultsAreJSONToo() async throws {
    let outcome = try await Program.run(["--json", "status"])
    let fault = JSONLine.decode(Fault.self, from: Array(outcome.output.utf8))
    #expect(fault?.code == "M001" && outcome.code == 69)
  }

  /// Every help command that a code shows is one that this program takes.
  @Test func everyHelpCommandParses() async throws {
    let commands =
      ErrorCode.allCases.map { ($0.rawValue, $0.text.help) }
      + MessageCode.allCases.map { ($0.rawValue, $0.helpCommand) }
    var seen: Set<String> = []
    for (code, command) in commands where seen.insert(command).inserted {
      var words = command.split(separator: " ").map(String.init)
      guard words.removeFirst() == "mesh-ctl", words.first != "lab" else { continue }
      words = words.map { $0 == "{host}" ? "prt-1" : $0 == "{command}" ? "admit" : $0 }
      if words.last == "--help" {
        // An unknown command with --help shows the help of what is above it.
        let outcome = try await Program.run(words)
        let usage = (["USAGE:", "mesh-ctl"] + words.dropLast()).joined(separator: " ") + " "
        #expect(outcome.code == 0 && outcome.output.contains(usage), "\(code): \(command)")
      } else {
        let outcome = try await Program.run(["--socket", "/nonexistent/s", "--dir", "/nonexistent"] + words)
        #expect(outcome.code != 64, "\(code): \(command): \(outcome.errors)")
      }
    }
  }

  @Test func everyTopicIsExplained() async throws {
    for topic in ["M001", "m089", "C020", "security_level", "p2p_settings.network.port_range", "network.listen"] {
      let outcome = try await Program.run(["explain", topic, "--json"])
      let reply = JSONLine.decode(ExplanationReply.self, from: Array(outcome.output.utf8))
      #expect(outcome.code == 0 && (reply?.explanation.count ?? 0) > 40, "\(topic)")
    }
  }
}

/// `mesh-ctl config` and how the node's folder is found.
@Suite(.serialized)
struct ConfigurationCommandsTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func run(_ arguments: String..., environment: [String: String] = [:]) async throws -> Program.Outcome {
    try await Program.run(arguments, in: folder.path, environment: environment)
  }

  private func write(_ text: String, to name: String) throws {
    let file = URL(filePath: folder.path + "/" + name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
    chmod(file.path, 0o644)
  }

  @Test func errorsHavePlaces() async throws {
    try write("p2p_settings: {\n  securty_level: high\n  network: { port_range: 7999-7000 }\n}\n", to: "bad.conf")
    let text = try await run("config", "check", "bad.conf")
    #expect(
      text.code == 78 && text.output.contains("bad.conf:2:3") && text.output.contains("did you mean `security_level`?"))
    let json = try await run("config", "check", "bad.conf", "--json")
    let reply = JSONLine.decode(ConfigCheckReply.self, from: Array(json.output.utf8))
    #expect(reply?.errors == 2 && reply?.messages.map(\.code) == ["C020", "C021"])
    // Whatever needs to know where the files are stops there.
    for command in [["status"], ["key"], ["config", "show"]] {
      let outcome = try await Program.run(["--config", "bad.conf"] + command, in: folder.path)
      #expect(
        outcome.code == 78 && outcome.errors.contains("M035") && outcome.errors.contains("bad.conf:2:3"), "\(command)")
    }
    let missing = try await run("config", "check", "none.conf")
    #expect(missing.code == 78)
    // A named socket needs no configuration.
    #expect(try await run("--config", "bad.conf", "--socket", "/nonexistent", "status").code == 69)
  }

  @Test func folderOfTheNodeIsFoundByTheSameRules() async throws {
    func socket(_ arguments: [String], _ environment: [String: String] = [:]) async throws -> String {
      let outcome = try await Program.run(arguments + ["status"], in: folder.path, environment: environment)
      return String(outcome.errors.split(separator: "\n").first?.split(separator: " ").last ?? "")
    }
    #expect(try await socket([]) == "mesh/data/control.sock")
    #expect(try await socket(["--dir", "/x y"]).hasSuffix("y/data/control.sock"))
    #expect(try await socket([], ["MESH_DIR": "/e"]) == "/e/data/control.sock")
    #expect(try await socket(["--dir", "/x"], ["MESH_DIR": "/e"]) == "/x/data/control.sock")
    #expect(try await socket(["--set", "node.data_dir=/d"]) == "/d/control.sock")
    #expect(try await socket(["--dir", "/x", "--set", "node.control_socket=/s"]) == "/s")
    // One of the two can still be put elsewhere.
    #expect(try await socket(["--dir", "/x", "--set", "node.data_dir=/d"]) == "/d/control.sock")
    try write("p2p_settings.node.data_dir: /rathena\n", to: "conf/p2p_athena.conf")
    #expect(try await socket([]) == "/rathena/control.sock")
    try write("p2p_settings.node.data_dir: /own\n", to: "mesh/p2p_athena.conf")
    #expect(try await socket([]) == "/own/control.sock")
    // --dir is about this node's files, whatever its configuration says.
    #expect(try await socket(["--dir", "mesh"]) == "mesh/data/control.sock")
    #expect(try await socket(["--config", "conf/p2p_athena.conf"]) == "/rathena/control.sock")
  }

  @Test func showAndExplain() async throws {
    try write("p2p_settings.network.port_range: 7100-7199\n", to: "mesh/p2p_athena.conf")
    let shown = try await run("config", "show", "--changed", "--origin")
    #expect(shown.output.hasPrefix("p2p_settings.network.port_range: 7100-7199 "))
    #expect(shown.output.hasSuffix("# mesh/p2p_athena.conf:1\n") && shown.output.filter { $0 == "\n" }.count == 1)
    let all = try await run("config", "show", "--json")
    let reply = JSONLine.decode(ConfigReply.self, from: Array(all.output.utf8))
    #expect(reply?.settings.count == Schema.settings.count && reply?.files == ["mesh/p2p_athena.conf"])
    #expect(
      try await run("config", "show", "--defaults").output.contains("p2p_settings.network.port_range: 7000-7999\n"))
    let explained = try await run("config", "explain", "network.port_range")
    #expect(explained.code == 0 && explained.output.contains("7100-7199   (mesh/p2p_athena.conf:1)"))
    let unknown = try await run("config", "explain", "network.port_rnge")
    #expect(unknown.code == 64 && unknown.errors.contains("did you mean `port_range`"))
  }
}

/// docs/commands.md against the program.
@Suite(.serialized)
struct CommandsDocumentTests {
  private let text: String

  init() throws {
    let file = Golden.folder.appending(path: "../../../docs/commands.md").standardizedFileURL
    text = try String(contentsOf: file, encoding: .utf8)
  }

  @Test func everyCommandHasItsPlace() async throws {
    func names(_ path: [String]) async throws -> [String] {
      let help = try await Program.run(path + ["--help"]).output
      guard let list = help.components(separatedBy: "SUBCOMMANDS:\n").dropFirst().first else { return [] }
      return list.split(separator: "\n").filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.hasPrefix("  See") }
        .compactMap { $0.split(whereSeparator: { $0 == " " || $0 == "," }).first.map(String.init) }
    }
    var commands: [[String]] = []
    for name in try await names([]) {
      let below = try await names([name])
      commands += below.isEmpty ? [[name]] : below.map { [name, $0] }
    }
    #expect(commands.count >= 19)
    for command in commands {
      #expect(text.contains("### mesh-ctl \(command.joined(separator: " "))\n"), "\(command)")
    }
  }

  /// Examples stand in code blocks, one a line; words in capitals are to be replaced.
  @Test func everyExampleParses() async throws {
    var isCode = false
    var count = 0
    for line in text.split(separator: "\n") {
      if line.hasPrefix("```") { isCode.toggle() }
      // A lab would really run; its own tests do that.
      guard isCode, line.hasPrefix("mesh-ctl "), !line.hasPrefix("mesh-ctl lab") else { continue }
      // A screen that is watched would go on until somebody stops it.
      guard !line.contains(" --watch") else { continue }
      // A comment stands behind three blanks.
      let command = line.components(separatedBy: "   ")[0]
      var words = command.split(separator: " ").dropFirst().map(String.init)
      if let first = words.firstIndex(where: { $0.hasPrefix("\"") }) { words[first...] = ["x"] }
      let outcome = try await Program.run(
        ["--socket", "/nonexistent/s", "--dir", "/nonexistent", "--timeout", "100ms", "--no-input"]
          + words.map { $0.replacing("'", with: "").replacing("30s", with: "100ms") })
      // Refusals of a missing terminal are also 64; they have a code of their own.
      #expect(outcome.code != 64 || outcome.errors.contains("M056"), "\(command): \(outcome.errors)")
      count += 1
    }
    #expect(count >= 25)
  }
}
