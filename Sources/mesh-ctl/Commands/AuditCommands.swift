import ArgumentParser
import Control
import Glibc
import KeyStore

struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Who has changed what through this node's control socket.",
    discussion: "  mesh-ctl audit --limit 20\n  mesh-ctl audit verify",
    subcommands: [AuditShowCommand.self, AuditVerifyCommand.self], defaultSubcommand: AuditShowCommand.self)
}

struct AuditShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "The latest changes, oldest first. Needs no node.",
    discussion: "  mesh-ctl audit show --limit 20")

  @OptionGroup var global: GlobalOptions

  @Option(name: .long, help: "At most so many.")
  var limit = 50

  func validate() throws {
    guard limit > 0 else { throw ValidationError("--limit is 1 or more.") }
  }

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let reply = try AuditTrail(folder: console.setup().folder.data).entries(limit: limit)
      console.show(
        reply, text: AuditScreen.text(reply, names: AuditShowCommand.userName, for: console.terminal),
        plain: AuditScreen.plain(reply, header: console.wantsHeader),
        verdict: "\(Plural.of(reply.entries.count, "change"))\n")
      return .ok
    }
  }

  static func userName(_ user: UInt32) -> String? {
    guard let entry = getpwuid(user), let name = entry.pointee.pw_name else { return nil }
    return String(cString: name)
  }
}

struct AuditVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Walks the chain of hashes: was a line changed, moved or removed? Needs no node.",
    discussion: """
      Exit code 4 when the chain is broken. Note the head elsewhere to be able to tell later whether lines are missing
      at the end.

        mesh-ctl audit verify
        mesh-ctl audit verify --head HASH
      """)

  @OptionGroup var global: GlobalOptions

  @Option(name: .long, help: ArgumentHelp("A head that was noted earlier must be among the lines.", valueName: "hash"))
  var head: String?

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let trail = try AuditTrail(folder: console.setup().folder.data)
      let reply = try trail.check(containing: head)
      console.show(
        reply, text: AuditScreen.text(reply, subject: "audit log", for: console.terminal), plain: reply.plain,
        verdict: AuditScreen.verdict(reply, subject: "audit log", for: console.terminal))
      return reply.isWhole ? .ok : .unhealthy
    }
  }
}
