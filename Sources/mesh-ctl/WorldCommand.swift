import ArgumentParser
import Control
import Glibc
import KeyStore
import SecureChannel
import Wire
import WorldData

struct WorldCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "world", abstract: "The maps and shards of the mesh: build, sign, publish, look.",
    discussion: """
        mesh-ctl world build --rathena /srv/rathena     makes izlude-1.world
        mesh-ctl world sign izlude-1.world              with the operator's key
        mesh-ctl world publish izlude-1.world           every host downloads it and makes it active
        mesh-ctl world show                             how far this host is
      """,
    subcommands: [
      WorldBuildCommand.self, WorldSignCommand.self, WorldPublishCommand.self, WorldActivateCommand.self,
      WorldShowCommand.self, WorldHistoryCommand.self, WorldDiffCommand.self, WorldVerifyCommand.self,
      WorldMapCacheCommand.self,
    ])
}

struct WorldPublishCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish", abstract: "Bring a signed world into the mesh through this machine's node.",
    discussion: """
        mesh-ctl world publish izlude-4.world

      The node verifies everything, keeps it and tells its peers, who fetch it from each other. Each host makes it
      active by itself once it has all of it and its time has come.
      """)

  /// Writing a thousand files durably takes its time on a slow disk.
  private static let shortestWait = Duration.seconds(60)

  @OptionGroup var global: GlobalOptions

  @Argument(help: ArgumentHelp("A signed world file of this user.", valueName: "file"))
  var file: String

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let document = try WorldFile(file).bundle.document
      guard document.isSigned else {
        throw Fault(
          .worldUntrusted, ["version": "\(document.world.version)", "network": document.world.network.description],
          at: file)
      }
      guard let resolved = realpath(file, nil) else {
        throw Fault(.cannotRead, ["file": file, "reason": String(cString: strerror(errno))], at: file)
      }
      defer { free(resolved) }
      let client = try console.connect(timeout: max(WorldPublishCommand.shortestWait, global.timeout.duration))
      let reply: WorldChangeReply = try client.ask(.world(.publish(file: String(cString: resolved))))
      let sentence = "version \(reply.version) is published; this host is \(reply.state.rawValue)\n"
      console.say("next: mesh-ctl world show")
      console.show(reply, text: sentence, plain: "\(reply.version)\t\(reply.state.rawValue)\n", verdict: sentence)
      return .ok
    }
  }
}

struct WorldActivateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "activate", abstract: "Make a version the active one at this host now, or say why it cannot be.",
    discussion: """
        mesh-ctl world activate 4

      A node does this by itself when it has the whole world and its time has come; the command tells the reason when
      it does not.
      """)

  @OptionGroup var global: GlobalOptions

  @Argument(help: ArgumentHelp("The version.", valueName: "version"))
  var version: UInt64

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let reply: WorldChangeReply = try console.connect().ask(.world(.activate(version: version)))
      let sentence = "version \(reply.version) is active\n"
      console.show(reply, text: sentence, plain: "\(reply.version)\t\(reply.state.rawValue)\n", verdict: sentence)
      return .ok
    }
  }
}

struct WorldShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "The worlds of this machine's node, or what is in a world file.",
    discussion: """
        mesh-ctl world show
        mesh-ctl world show izlude-4.world
        mesh-ctl world show izlude-4.world --shards
      """)

  @OptionGroup var global: GlobalOptions

  @Argument(help: ArgumentHelp("A world file; without: what the node has.", valueName: "file"))
  var file: String?

  @Flag(name: .long, help: "With a file: the maps of each shard.")
  var shards = false

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      guard let file else {
        let reply: WorldReply = try console.connect().ask(.world(.show))
        let screen = WorldScreen(for: console.terminal)
        console.show(
          reply, text: screen.text(reply), plain: WorldScreen.plain(reply), verdict: screen.verdict(reply) + "\n")
        return reply.health.exitCode
      }
      let world = try WorldFile(file)
      let keyring = try Keyring(console)
      // Whether it is signed by somebody whom this host trusts; without a network that cannot be told.
      let isSigned =
        keyring.files.hasNetwork
        ? world.bundle.document.isValid(try keyring.files.network().worldVerification) : world.bundle.document.isSigned
      var reply = world.reply(isSigned: isSigned)
      reply.shardMaps = world.world.shards.map { shard in
        WorldFileReply.Shard(
          name: shard.name.text, id: shard.id.description, cells: world.world.cells(of: shard),
          maps: shard.maps.map { world.world.maps[$0].name.text })
      }
      let screen = WorldScreen(for: console.terminal)
      console.show(
        reply, text: screen.text(reply, shards: shards), plain: WorldScreen.plain(reply),
        verdict: "version \(reply.version)\n")
      return .ok
    }
  }
}

struct WorldHistoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "The versions that this machine's node keeps.",
    discussion: """
        mesh-ctl world history
      """)

  @OptionGroup var global: GlobalOptions

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let reply: WorldReply = try console.connect().ask(.world(.show))
      let text = WorldScreen(for: console.terminal).history(reply)
      console.show(reply, text: text, plain: WorldScreen.plain(reply), verdict: text)
      return .ok
    }
  }
}

struct WorldDiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "What changed from one world to another.",
    discussion: """
        mesh-ctl world diff izlude-3.world izlude-4.world
        mesh-ctl world diff 3 izlude-4.world            3: a version that the node keeps
        mesh-ctl world diff 3 4 --detailed-exitcode     2 when they differ
      """)

  @OptionGroup var global: GlobalOptions

  @Argument(help: ArgumentHelp("A world file or a version.", valueName: "before"))
  var before: String

  @Argument(help: ArgumentHelp("A world file or a version.", valueName: "after"))
  var after: String

  @Flag(name: .long, help: "Exit code 2 when they differ.")
  var detailedExitcode = false

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let old = try world(before, console)
      let new = try world(after, console)
      let reply = WorldDiffReply(WorldDifference(from: old, to: new), before: old.version, after: new.version)
      let text = WorldScreen(for: console.terminal).text(reply)
      console.show(reply, text: text, plain: WorldScreen.plain(reply), verdict: reply.same ? "same\n" : "different\n")
      return detailedExitcode && !reply.same ? .changes : .ok
    }
  }

  private func world(_ name: String, _ console: Console) throws(Fault) -> World {
    guard let version = UInt64(name), !PrivateFile.exists(name) else { return try WorldFile(name).world }
    let reply: WorldDocumentReply = try console.connect().ask(.world(.document(version: version)))
    guard let bytes = reply.bytes, let document = try? SignedWorld(bytes) else {
      throw Fault(.badReply, ["socket": try console.socketPath(), "reason": "`document` is not a world"])
    }
    return document.world
  }
}

struct WorldMapCacheCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "map-cache", abstract: "Write a stock map_cache.dat with the maps of a world file.",
    discussion: """
        mesh-ctl world map-cache izlude-4.world --output db/import/map_cache.dat

      One file with every map of the world, sorted by name; from the same world file always the same bytes.
      """)

  @OptionGroup var global: GlobalOptions

  @Argument(help: ArgumentHelp("A world file.", valueName: "file"))
  var file: String

  @Option(name: [.short, .long], help: ArgumentHelp("Where to.", valueName: "file"))
  var output: String

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let world = try WorldFile(file)
      let bytes = world.bundle.mapCache
      try WorldFile.write(bytes, to: output)
      let sentence = "\(output): \(Plural.of(world.world.maps.count, "map")), \(Figures.bytes(UInt64(bytes.count)))\n"
      console.show(
        world.reply(isSigned: world.bundle.document.isSigned), text: sentence, plain: output + "\n", verdict: sentence)
      return .ok
    }
  }
}

extension WorldDiffReply {
  fileprivate init(_ difference: WorldDifference, before: UInt64, after: UInt64) {
    self.init(before: before, after: after)
    same = difference.isEmpty
    addedMaps = difference.addedMaps.map(\.text)
    removedMaps = difference.removedMaps.map(\.text)
    changedMaps = difference.changedMaps.map(\.text)
    addedShards = difference.addedShards.map(\.text)
    removedShards = difference.removedShards.map(\.text)
    movedMaps = difference.movedMaps.map { Move(map: $0.map.text, before: $0.before.text, after: $0.after.text) }
    changes = difference.changes.map { Change(what: $0.what, before: $0.before, after: $0.after) }
  }
}
