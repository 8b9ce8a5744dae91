import ArgumentParser
import Configuration
import Control
import Glibc
import KeyStore
import SecureChannel
import Wire
import WorldData

struct WorldBuildCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build", abstract: "Make a world from map caches, the list of maps and the settings.",
    discussion: """
        mesh-ctl world build --rathena /srv/rathena
        mesh-ctl world build --rathena /srv/rathena --previous izlude-3.world
        mesh-ctl world build --map-cache db/re/map_cache.dat --map-cache db/map_cache.dat --shards 'auto 32'

      Caches are searched in the order in which they are given; rAthena's is db/import, db/re (or db/pre-re), db. What
      placement uses (replication_factor, host_requirements and so on) is taken from the configuration and travels in
      the world. The result is a file that `world sign` signs and `world publish` brings into the mesh.
      """)

  @OptionGroup var global: GlobalOptions

  @Option(name: .long, help: ArgumentHelp("A map_cache.dat; may be repeated.", valueName: "file"))
  var mapCache: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp("rAthena's root: caches, list of maps, and the files that all hosts share.", valueName: "folder")
  )
  var rathena: String?

  @Flag(name: .long, help: "Pre-renewal: db/pre-re instead of db/re.")
  var preRenewal = false

  @Option(
    name: .long,
    help: ArgumentHelp("The list of maps (default: conf/map_athena.conf of --rathena, or all maps).", valueName: "file")
  )
  var maps: String?

  @Option(
    name: .long,
    help: ArgumentHelp("auto N, per-map, or a shard file (default: map_settings.shards).", valueName: "rule"))
  var shards: ShardRuleArgument?

  @Option(
    name: .long,
    help: ArgumentHelp("The world before: its shards, salt and voters stay, its version is raised.", valueName: "file"))
  var previous: String?

  @Flag(name: .long, help: "With --previous: group the maps anew. Shards with other maps lose their state.")
  var regroup = false

  @Flag(name: .long, help: "With --previous: a new salt. Nearly every shard moves.")
  var newSalt = false

  @Option(name: .long, help: ArgumentHelp("The version (default: 1, or the next one).", valueName: "n"))
  var number: UInt64?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "A first voter, host:store; 1, 3 or 5 (default: this machine's node). `world show` prints a node's.",
      valueName: "host:store"))
  var voter: [VoterArgument] = []

  @Option(
    name: .long,
    help: ArgumentHelp("Size of mmo_charstatus in this rAthena build, when it is known.", valueName: "bytes"))
  var charStatusSize: UInt32 = 0

  @Option(name: [.short, .long], help: ArgumentHelp("Where to (default: NETWORK-VERSION.world).", valueName: "file"))
  var output: String?

  func validate() throws {
    guard !mapCache.isEmpty || rathena != nil else { throw ValidationError("give --rathena or --map-cache.") }
    guard previous != nil || !(regroup || newSalt) else {
      throw ValidationError("--regroup and --new-salt go with --previous.")
    }
    guard number != 0 else { throw ValidationError("--number begins with 1.") }
    guard voter.isEmpty || World.voterCounts.contains(voter.count) else { throw ValidationError("1, 3 or 5 --voter.") }
  }

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let keyring = try Keyring(console)
      let network = try keyring.files.network()
      let before = try previous.map { path throws(Fault) in try previousWorld(path, network) }
      let inputs = try WorldInputs(caches: mapCache, rathena: rathena, isRenewal: !preRenewal, maps: maps)
      for note in inputs.list.notes { console.say("note: \(note.place.shown): \(note.text.printable(limit: 120))") }
      let voters = try chooseVoters(before, console)
      let builder = try told(inputs) { () throws(WorldBuilder.Failure) in
        try WorldBuilder(inputs.list, in: inputs.search)
      }
      let grouping = try grouping(builder, console)
      let shards = try told(inputs) { () throws(WorldBuilder.Failure) in
        try builder.shards(grouping, previous: regroup ? nil : before)
      }
      let objects = try read(builder, inputs, console)
      let world = World(
        network: network.id, version: number ?? before.map { $0.version &+ 1 } ?? 1, notBefore: console.now.seconds,
        expiry: console.now.seconds + WorldSignCommand.standardDays * 86_400, salt: salt(before, keyring),
        voters: voters, settings: try console.setup().settings.world,
        tree: inputs.tree.map { WorldTree(listing: $0, charStatusSize: charStatusSize) },
        maps: zip(builder.maps, objects).map { WorldMap(name: $0.name, size: $1.size, address: $1.address) },
        shards: shards)
      return try finish(world, objects, network, console)
    }
  }

  private func told<Value>(
    _ inputs: WorldInputs, _ body: () throws(WorldBuilder.Failure) -> Value
  ) throws(Fault) -> Value {
    do throws(WorldBuilder.Failure) {
      return try body()
    } catch {
      throw error.fault(inputs)
    }
  }

  private func previousWorld(_ path: String, _ network: Network) throws(Fault) -> World {
    let world = try WorldFile(path).world
    guard world.network == network.id else {
      throw Fault(
        .worldFile,
        ["file": path, "reason": "it is of the network \(world.network), not of \(network.name) (\(network.id))"],
        at: path)
    }
    return world
  }

  private func salt(_ before: World?, _ keyring: Keyring) -> [UInt8] {
    if let before, !newSalt { return before.salt }
    var salt = [UInt8](repeating: 0, count: World.saltSize)
    salt.withUnsafeMutableBytes { keyring.entropy.fill($0) }
    return salt
  }

  /// Those that are given, those of the world before, or the node of this machine.
  private func chooseVoters(_ before: World?, _ console: Console) throws(Fault) -> [WorldVoter] {
    if let before {
      guard voter.isEmpty || voter.map(\.voter) == before.voters else {
        throw Fault(
          .worldInput,
          [
            "reason": "`--voter` names other voters than the world before (\(before.voters.shown)): "
              + "the register is with those, and nodes refuse a world that names others"
          ])
      }
      return before.voters
    }
    if !voter.isEmpty { return voter.map(\.voter) }
    do throws(Fault) {
      let reply: WorldReply = try console.connect().ask(.world(.show))
      if let voter = WorldVoter(reply.voter) { return [voter] }
      throw Fault(.badReply, ["socket": try console.socketPath(), "reason": "`voter` is not host:store"])
    } catch {
      var told = error
      told.notes.append("The first world names its voters: this machine's node is asked, or give --voter HOST:STORE.")
      throw told
    }
  }

  private func grouping(_ builder: WorldBuilder, _ console: Console) throws(Fault) -> WorldBuilder.Grouping {
    let configured = try console.setup().settings.maps.shards
    switch shards?.rule ?? configured {
    case .automatic(let shards): return .automatic(shards: shards)
    case .perMap: return .perMap
    case .file(let path):
      let bytes = try WorldFile.content(path, limit: ShardFile.sizeLimit)
      let file = ShardFile(bytes, known: builder.names) { word, names in
        let near = names.min { Misspelling.distance($0, word) < Misspelling.distance($1, word) }
        return near.flatMap { Misspelling.distance($0, word) <= max(1, word.count / 3) ? $0 : nil }
      }
      if let first = file.problems.first {
        throw Fault(
          .worldShards, ["file": path, "errors": Plural.of(file.problemCount, "error")],
          at: "\(path):\(first.line):\(first.column)",
          evidence: file.problems.map { problem in
            "\(problem.line):\(problem.column)  \(problem.text.printable(limit: 160))"
              + (problem.meant.map { "; did you mean `\($0)`?" } ?? "")
          } + (file.problemCount > file.problems.count ? ["…"] : []))
      }
      return .file(file)
    }
  }

  private func read(
    _ builder: WorldBuilder, _ inputs: WorldInputs, _ console: Console
  ) throws(Fault) -> [MapObject] {
    let progress = ProgressLine("maps", of: builder.maps.count, console)
    var objects: [MapObject] = []
    for index in builder.maps.indices {
      objects.append(try told(inputs) { () throws(WorldBuilder.Failure) in try builder.object(index) })
      progress.show(objects.count, builder.maps[index].name.text)
    }
    progress.end()
    return objects
  }

  private func finish(
    _ world: World, _ objects: [MapObject], _ network: Network, _ console: Console
  ) throws(Fault) -> ExitCode {
    let document: SignedWorld
    do throws(World.Flaw) {
      document = try SignedWorld(unsigned: world)
    } catch {
      throw Fault(.worldInput, ["reason": error.cause])
    }
    guard let bundle = WorldBundle(document, objects: objects) else {
      preconditionFailure("a builder gives the object of every map")
    }
    let path = output ?? "\(network.name)-\(world.version).world"
    let bytes = bundle.bytes
    try WorldFile.write(bytes, to: path)
    let file = WorldFile(bundle, path: path, size: bytes.count)
    let sentence =
      "version \(world.version) of \(network.name): \(Plural.of(world.maps.count, "map")) in "
      + "\(Plural.of(world.shards.count, "shard")), \(Figures.bytes(UInt64(bytes.count)))"
      + (world.tree.map { ", tree of \(Plural.of($0.listing.files.count, "file"))" } ?? "") + "\n"
    console.say("next: mesh-ctl world sign \(path)")
    console.show(
      file.reply(isSigned: false), text: sentence + path + "\n", plain: "\(world.version)\t\(path)\n",
      verdict: path + "\n")
    return .ok
  }
}

/// `auto 64`, `per-map` or a path.
struct ShardRuleArgument: ExpressibleByArgument {
  var rule: ShardRule

  init?(argument: String) {
    let words = argument.split(separator: " ")
    if words.first == "auto" {
      guard words.count == 2, let count = Int(words[1]), (1...World.mapLimit).contains(count) else { return nil }
      rule = .automatic(shards: count)
    } else if argument == "per-map" {
      rule = .perMap
    } else if argument.isEmpty {
      return nil
    } else {
      rule = .file(argument)
    }
  }
}

struct VoterArgument: ExpressibleByArgument {
  var voter: WorldVoter

  init?(argument: String) {
    guard let voter = WorldVoter(argument) else { return nil }
    self.voter = voter
  }
}

extension Settings {
  /// What travels in the world.
  fileprivate var world: WorldSettings {
    var result = WorldSettings()
    result.replicationFactor = UInt8(clamping: maps.replicationFactor)
    result.minReplication = UInt8(clamping: maps.minimumReplication)
    result.minHosts = UInt16(clamping: maps.minimumHosts)
    result.maxMapsPerHost = UInt32(clamping: maps.maximumMapsPerHost ?? 0)
    result.ownersTrustClass = UInt8(clamping: maps.ownersTrustClass)
    result.autoDistribute = maps.movesByItself
    result.minCores = UInt16(clamping: hostRequirements.cpuCores)
    result.minMemoryBytes = hostRequirements.memoryBytes
    result.minBandwidthBitsPerSecond = hostRequirements.bandwidthBitsPerSecond
    result.minUptimePerMille = UInt16(clamping: hostRequirements.uptimePerMille)
    return result
  }
}
