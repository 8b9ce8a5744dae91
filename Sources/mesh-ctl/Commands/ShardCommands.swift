import ArgumentParser
import Control

struct RingCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ring", abstract: "How shards are spread: weight, share, load, maps and copies of each host.",
    discussion: """
        mesh-ctl ring

      Weights and loads are known to the steward, the first living voter; elsewhere these columns are empty.
      """)

  @OptionGroup var global: GlobalOptions

  func run() throws {
    try Console.run(global, canWatch: true) { console throws(Fault) in
      try console.repeating { () throws(Fault) in
        let reply: RingReply = try console.connect().ask(.shards(.ring))
        let screen = RingScreen(for: console.terminal)
        console.show(
          reply, text: screen.text(reply), plain: RingScreen.plain(reply, header: console.wantsHeader),
          verdict: screen.verdict(reply) + "\n")
        return .ok
      }
    }
  }
}

struct MapsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "maps", abstract: "Every shard with its maps, its owner and its copies, worst first.",
    discussion: """
        mesh-ctl maps
        mesh-ctl maps --state unowned --state short
        mesh-ctl maps --host prt-2 --name 'prt_*'
      """)

  @OptionGroup var global: GlobalOptions

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Only shards in this state (short: with too few copies); may be repeated.",
      valueName: "acting|held|moving|unowned|short|pinned"))
  var state: [ShardFilter.Kind] = []

  @Option(
    name: .customLong("host"),
    help: ArgumentHelp("Only shards that this host owns or holds a copy of; may be repeated.", valueName: "name"))
  var hosts: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Only shards with this name or with such a map; `*` stands for anything; may be repeated.", valueName: "pattern"))
  var name: [String] = []

  func run() throws {
    try Console.run(global, canWatch: true) { console throws(Fault) in
      try console.repeating { () throws(Fault) in
        var reply: MapsReply = try console.connect().ask(.shards(.maps))
        let filter = ShardFilter(kinds: state, hosts: hosts, names: name)
        let screen = MapsScreen(for: console.terminal)
        // The verdict is about the mesh, not about the filter.
        let (verdict, text) = (screen.verdict(reply), screen.text(reply, filter: filter))
        reply.shards.removeAll { !filter.matches($0) }
        console.show(
          reply, text: text, plain: MapsScreen.plain(reply, header: console.wantsHeader), verdict: verdict)
        return .ok
      }
    }
  }
}

extension ShardFilter.Kind: ExpressibleByArgument {}

struct MapCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "map", abstract: "Where one map is: its shard, its owner and its copies.",
    discussion: """
        mesh-ctl map prontera

      Why it is there is told by `mesh-ctl explain prontera`.
      """)

  @OptionGroup var global: GlobalOptions

  @Argument(help: ArgumentHelp("A map or a shard of the active world.", valueName: "map"))
  var map: String

  func run() throws {
    try Console.run(global, canWatch: true) { console throws(Fault) in
      try console.repeating { () throws(Fault) in
        let reply: PlacementReply = try console.connect().ask(.shards(.explain(map: map)))
        let screen = PlacementScreen(for: console.terminal)
        console.show(
          reply, text: screen.facts(reply), plain: PlacementScreen.plainFacts(reply), verdict: screen.verdict(reply))
        return .ok
      }
    }
  }
}
