import ArgumentParser
import Control
import Glibc

@main
struct MeshCtlCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mesh-ctl",
    abstract: "Shows, explains and steers the mesh.",
    usage: "mesh-ctl [options] <command>",
    discussion: """
      Without a command: the status of this machine's node.

        mesh-ctl status                    is everything well?
        mesh-ctl maps                      who owns what
        mesh-ctl network create izlude     a new network, on the operator's machine
        mesh-ctl init --name prt-2         a new host: prints its request line
        mesh-ctl admit LINE                the operator's answer: prints a welcome line
        mesh-ctl accept LINE               the new host is a member
      """,
    version: "mesh-ctl \(ProductVersion.text)",
    subcommands: [
      StatusCommand.self, MembersCommand.self, RingCommand.self, MapsCommand.self, MapCommand.self,
      EventsCommand.self, DoctorCommand.self, DrainCommand.self, UndrainCommand.self, PinCommand.self,
      UnpinCommand.self, VotersCommand.self, TakeoverCommand.self, StateCommand.self, NetworkCommand.self,
      InitCommand.self, AdmitCommand.self, AcceptCommand.self, RenewCommand.self, RevokeCommand.self, LeaveCommand.self,
      ReloadCommand.self, AuditCommand.self,
      KeyCommand.self, WorldCommand.self, ConfigCommand.self, ExplainCommand.self, VersionCommand.self,
      SchemaCommand.self, CompletionCommand.self, ManualCommand.self,
      LabCommand.self,
    ],
    defaultSubcommand: nil)

  @OptionGroup var global: GlobalOptions

  static func main() {
    // A mask is inherited: a parent that blocks signals in its threads must not make a watching command immortal.
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { sigaddset(&signals, signal) }
    sigprocmask(SIG_UNBLOCK, &signals, nil)
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let code as ArgumentParser.ExitCode {
      Glibc.exit(code.rawValue)
    } catch {
      if exitCode(for: error) != .success, let advice = Misspelling.advice(CommandLine.arguments) {
        Console.write(advice, to: STDERR_FILENO)
        Glibc.exit(ExitCode.usage.rawValue)
      }
      exit(withError: error)
    }
  }

  func run() throws {
    try Console.run(global, canWatch: true) { console throws(Fault) in
      do throws(Fault) {
        return try console.repeating { () throws(Fault) in try StatusCommand.show(console) }
      } catch {
        guard error.code == ErrorCode.noNode.rawValue else { throw error }
        console.print(
          """
          no node runs here (\(try console.socketPath()))
            start this machine's node:        mesh-node
            make a new network:               mesh-ctl network create NAME
            join one as a new host:           mesh-ctl init --name NAME
            all commands:                     mesh-ctl --help

          """)
        return .noNode
      }
    }
  }
}

extension Console {
  /// Runs the body of a command and ends the process with its code.
  static func run(_ options: GlobalOptions, canWatch: Bool = false, _ body: (Console) throws(Fault) -> ExitCode) throws
  {
    let console = Console(options)
    let code: ExitCode
    do throws(Fault) {
      guard canWatch || !options.watch else {
        throw Fault(
          .badOption,
          ["option": "--watch", "reason": "goes with status, members, ring, maps, map and doctor", "command": "status"])
      }
      code = try body(console)
    } catch {
      console.report(error)
      code = error.exitCode
    }
    throw ArgumentParser.ExitCode(code.rawValue)
  }
}
