import Control
import Foundation
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
    for code in ErrorCode.allCases {
      var words = code.text.help.split(separator: " ").map(String.init)
      guard words.removeFirst() == "mesh-ctl" else { continue }
      words = words.map { $0 == "{host}" ? "prt-1" : $0 == "{command}" ? "admit" : $0 }
      if words.last == "--help" {
        // An unknown command with --help shows the help of what is above it.
        let outcome = try await Program.run(words)
        let usage = (["USAGE:", "mesh-ctl"] + words.dropLast()).joined(separator: " ") + " "
        #expect(outcome.code == 0 && outcome.output.contains(usage), "\(code.rawValue): \(code.text.help)")
      } else {
        let outcome = try await Program.run(["--socket", "/nonexistent/s", "--dir", "/nonexistent"] + words)
        #expect(outcome.code != 64, "\(code.rawValue): \(code.text.help): \(outcome.errors)")
      }
    }
  }
}
