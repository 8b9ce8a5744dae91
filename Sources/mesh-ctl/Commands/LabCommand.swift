import ArgumentParser
import Control
import Glibc
import MeshLab

struct LabCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lab", abstract: "A mesh of real processes on this machine, to look at and to break.",
    subcommands: [LabRunCommand.self])
}

struct LabRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Start a small mesh until Ctrl-C, or show one crash and return.",
    discussion: """
        mesh-ctl lab run               5 nodes until Ctrl-C
        mesh-ctl lab run --once        start, kill one, wait until all know, bring it back, stop

      Uses 127.0.0.1 and a folder of its own only, and leaves nothing behind.
      """)

  @OptionGroup var global: GlobalOptions

  @Option(name: .long, help: "How many nodes.")
  var nodes = 5

  @Flag(name: .long, help: "Show one crash and one return, then end.")
  var once = false

  func validate() throws {
    guard (2...64).contains(nodes) else { throw ValidationError("--nodes is a number from 2 to 64") }
  }

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let lab = LabRun(nodes: nodes, binaries: ownFolder(), say: console.say)
      do throws(LabError) {
        if once {
          let reply = try lab.once()
          console.show(reply, text: reply.text, plain: reply.text, verdict: reply.text)
        } else {
          Interrupt.watch()
          try lab.stay { Interrupt.came }
        }
        return .ok
      } catch {
        throw Fault(.labFailed, ["reason": error.description])
      }
    }
  }

  /// The folder of this program; `mesh-node` stands beside it.
  private func ownFolder() -> String {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    let own = count > 0 ? String(decoding: path[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) : "./mesh-ctl"
    return own.lastIndex(of: "/").map { String(own[..<$0]) } ?? "."
  }
}

/// Ctrl-C and SIGTERM while a lab runs: the lab must take its processes down.
private enum Interrupt {
  nonisolated(unsafe) private static var flag: sig_atomic_t = 0

  static func watch() {
    for number in [SIGINT, SIGTERM, SIGHUP] { signal(number) { _ in Interrupt.flag = 1 } }
  }

  static var came: Bool { flag != 0 }
}
