import ArgumentParser
import Control

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Checks this host: ten checks, each with its evidence and the command that mends it.",
    discussion:
      "Exit code 4 when a check failed.\n\n  mesh-ctl doctor\n  mesh-ctl doctor udp-in\n  mesh-ctl doctor --fix")

  @OptionGroup var global: GlobalOptions

  @Argument(help: ArgumentHelp("One check: config, clock, udp-out, udp-in, tcp-in, mtu, nat, hardware, disk or keys."))
  var check: DoctorCheck?

  @Flag(name: .long, help: "Mend what can be mended safely: modes of files, a missing data folder, a stale socket.")
  var fix = false

  /// The node asks peers to try to reach this host and waits for them.
  static let patience = Duration.seconds(20)

  func run() throws {
    try Console.run(global, canWatch: true) { console throws(Fault) in
      try console.repeating { () throws(Fault) in
        let local = LocalChecks(console, fixes: fix)
        let wanted = check.map { [$0] } ?? DoctorCheck.allCases
        let remote = nodeFindings(wanted, console)
        let here = wanted.filter { check in !check.isMadeByNode && !remote.contains { $0.name == check.rawValue } }
        let reply = DoctorReply(at: console.now, checks: local.run(here) + remote)
        let subject = local.hostName
        console.show(
          reply, text: DoctorScreen.text(reply, subject: subject, for: console.terminal),
          plain: DoctorScreen.plain(reply, header: console.wantsHeader),
          verdict: DoctorScreen.verdict(reply, subject: subject, for: console.terminal))
        return DoctorScreen.exitCode(reply)
      }
    }
  }

  /// Without a node its checks are skipped, and the screen says so; the others still help.
  private func nodeFindings(_ wanted: [DoctorCheck], _ console: Console) -> [Finding] {
    // The node sees the limits of its container as well, so it is asked about the hardware too.
    let wanted = wanted.filter { $0.isMadeByNode || $0 == .hardware }
    guard !wanted.isEmpty else { return [] }
    do throws(Fault) {
      let client = try console.connect(timeout: max(global.timeout.duration, DoctorCommand.patience))
      let reply: DoctorReply = try client.ask(.doctor(checks: check == nil ? [] : wanted.map(\.rawValue)))
      // All that the node tells, also checks that this program does not know yet; but what is ours is made here.
      return reply.checks.filter { finding in
        DoctorCheck(rawValue: finding.name).map { wanted.contains($0) } ?? (check == nil)
      }
    } catch {
      return wanted.filter(\.isMadeByNode).map { Finding($0, .skip, error.sentence) }
    }
  }
}

extension DoctorCheck: ExpressibleByArgument {}
