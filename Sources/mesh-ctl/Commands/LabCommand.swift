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
    commandName: "run", abstract: "Start a small mesh with a world until Ctrl-C, or show one crash and return.",
    discussion: """
        mesh-ctl lab run                      5 nodes until Ctrl-C
        mesh-ctl lab run --once               start, write, kill an owner, bring it back, read everything back, stop
        mesh-ctl lab run --rathena /srv/rathena --shards per-map

      Without --map-cache or --rathena the world has a few dozen small maps that are made for it.
      Uses 127.0.0.1 and a folder of its own only, and leaves nothing behind.
      """)

  @OptionGroup var global: GlobalOptions

  @Option(name: .long, help: "How many nodes.")
  var nodes = 5

  @Option(
    name: .long, parsing: .upToNextOption,
    help: ArgumentHelp("One map_cache.dat or several, in the order in which they are searched.", valueName: "file"))
  var mapCache: [String] = []

  @Option(name: .long, help: ArgumentHelp("rAthena's root, for its real maps.", valueName: "folder"))
  var rathena: String?

  @Option(name: .long, help: ArgumentHelp("auto N, per-map, or a shard file (default: auto 64).", valueName: "rule"))
  var shards: String?

  @Option(name: .long, help: ArgumentHelp("How many hosts vote.", valueName: "1|3|5"))
  var voters = 1

  @Flag(name: .long, help: "Show the crash of an owner and its return, then end.")
  var once = false

  func validate() throws {
    guard (3...64).contains(nodes) else { throw ValidationError("--nodes is a number from 3 to 64") }
    guard [1, 3, 5].contains(voters), voters <= nodes else { throw ValidationError("--voters is 1, 3 or 5") }
    guard mapCache.isEmpty || rathena == nil else { throw ValidationError("--map-cache or --rathena, not both") }
  }

  private var world: LabWorld {
    var world = LabWorld.small
    if let rathena { world = LabWorld(.rathena(absolute(rathena))) }
    if !mapCache.isEmpty { world = LabWorld(.caches(mapCache.map(absolute))) }
    world.shards = shards ?? world.shards
    world.voters = voters
    return world
  }

  /// A path that means the same elsewhere; one that is not there is told by the command that reads it.
  private func absolute(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let lab = LabRun(nodes: nodes, options: Lab.Options(binaries: ownFolder()), world: world, say: console.say)
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
