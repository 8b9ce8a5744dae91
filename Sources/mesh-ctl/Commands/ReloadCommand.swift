import ArgumentParser
import Control

struct ReloadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload", abstract: "This machine's node reads its configuration again.",
    discussion: """
      All of it is checked first; with an error nothing changes. node.log_level and host_requirements change at once,
      the rest is named and waits for a restart.

        mesh-ctl config check && mesh-ctl reload
      """)

  @OptionGroup var global: GlobalOptions

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let reply: ReloadReply = try console.connect().ask(.reload)
      for warning in reply.warnings { console.say("warning: \(warning.printable())") }
      let text = "reloaded \(reply.origin.printable()); \(reply.summary.printable())\n"
      console.show(reply, text: text, plain: reply.plain, verdict: "reloaded\n")
      return .ok
    }
  }
}
