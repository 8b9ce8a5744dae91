import Control
import Foundation
import SecureChannel
import Synchronization
import Testing
import Wire
import WorldData

/// `mesh-ctl world`, with made-up map caches and a real operator's key.
@Suite(.serialized)
struct WorldCommandsTests {
  private let folder: TemporaryDirectory
  private static let voter = "00000000000000a1:00000000000000b2"

  init() async throws {
    folder = try TemporaryDirectory()
    try put("passphrase", Array("correct horse battery\n".utf8))
    chmod(folder.path + "/passphrase", 0o600)
    let made = try await run("network", "create", "izlude", "--passphrase-file", "passphrase")
    try #require(made.code == 0, "\(made.errors)")
    // The towns are in the second cache of rAthena's order only; `geffen` is in both, and the first one counts.
    try put("ra/db/import/map_cache.dat", MapCache.bytes(of: []))
    try put("ra/db/re/map_cache.dat", MapCache.bytes(of: [try map("prontera", 30, 20), try map("geffen", 12, 12)]))
    try put("ra/db/map_cache.dat", MapCache.bytes(of: [try map("geffen", 9, 9), try map("prt_in", 10, 10)]))
    try put("ra/conf/map_athena.conf", Array("map_port: 5121\nimport: conf/maps_athena.conf\n".utf8))
    try put("ra/conf/maps_athena.conf", Array("map: prontera\nmap: prt_in\nmap: geffen\n//map: nowhere\n".utf8))
    try put("ra/npc/a.txt", Array("a\n".utf8))
  }

  private func map(_ name: String, _ width: Int, _ height: Int) throws -> (name: MapName, object: MapObject) {
    let size = try #require(MapSize(width: width, height: height))
    let cells = (0..<size.cells).map { UInt8($0 / 3 % 2) }
    return (try #require(MapName(name)), try cells.withUnsafeBytes { try MapObject(size: size, cells: $0) })
  }

  private func put(_ name: String, _ bytes: [UInt8]) throws {
    let url = URL(filePath: folder.path + "/" + name)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
  }

  private func content(_ name: String) throws -> [UInt8] {
    try [UInt8](Data(contentsOf: URL(filePath: folder.path + "/" + name)))
  }

  private func run(_ arguments: String...) async throws -> Program.Outcome {
    try await Program.run(arguments, in: folder.path)
  }

  private func build(_ more: String...) async throws -> Program.Outcome {
    try await Program.run(
      ["world", "build", "--rathena", "ra", "--voter", WorldCommandsTests.voter] + more, in: folder.path)
  }

  private func sign(_ file: String) async throws -> Program.Outcome {
    try await run("world", "sign", file, "--passphrase-file", "passphrase")
  }

  @Test func aWorldIsBuiltSignedAndVerified() async throws {
    let built = try await build("--shards", "per-map")
    #expect(built.code == 0 && built.lastLine == "izlude-1.world", "\(built.errors)")
    let unsigned = try await run("world", "verify", "izlude-1.world")
    #expect(unsigned.code == 4 && unsigned.errors.contains("M074"))
    #expect(try await sign("izlude-1.world").code == 0)
    let bundle = try WorldBundle(content("izlude-1.world"))
    let world = bundle.document.world
    #expect(world.maps.map(\.name.text) == ["geffen", "prontera", "prt_in"])
    #expect(world.maps[0].size == MapSize(width: 12, height: 12), "rAthena's order of search")
    #expect(world.shards.map(\.name.text) == ["geffen", "prontera", "prt_in"])
    #expect(world.voters.map(\.description) == [WorldCommandsTests.voter])
    #expect(
      world.tree?.listing.files.map(\.path) == [
        "conf/map_athena.conf", "conf/maps_athena.conf", "db/import/map_cache.dat", "db/map_cache.dat",
        "db/re/map_cache.dat", "npc/a.txt",
      ])
    #expect(world.expiry - world.notBefore == 90 * 86_400)
    let verified = try await run("world", "verify", "izlude-1.world", "--rathena", "ra")
    #expect(verified.code == 0 && verified.output.contains("the rAthena tree is the same"), "\(verified.errors)")
    // Signed by the operator of this network, over every byte.
    let arena = try #require(SecretArena())
    let network = try #require(content("mesh/keys/network").withUnsafeBytes { Network(file: $0, arena: arena) })
    let key = network.operators[0]
    #expect(bundle.document.isValid { $0 == key.id && key.verify($1, domain: SignedWorld.domain, $2) })
    let shown = try await run("--json", "world", "show", "izlude-1.world")
    let reply = try #require(JSONLine.decode(WorldFileReply.self, from: Array(shown.output.utf8)))
    #expect(reply.signed && reply.maps == 3 && reply.shardMaps?.map(\.name) == ["geffen", "prontera", "prt_in"])
    #expect(reply.root == bundle.document.mark.root.hex && reply.treeFiles == 6)
  }

  @Test func damageAndOtherTreesAreNamed() async throws {
    _ = try await build()
    _ = try await sign("izlude-1.world")
    var bytes = try content("izlude-1.world")
    let size = try WorldBundle(bytes).document.bytes.count
    bytes[12 + size + 4 + 12] ^= 1
    try put("bad.world", bytes)
    let bad = try await run("world", "verify", "bad.world")
    #expect(bad.code == 65 && bad.errors.contains("M071") && bad.errors.contains("the cells of geffen are damaged"))
    try put("cut.world", Array(bytes.prefix(300)))
    #expect(try await run("world", "verify", "cut.world").code == 65)
    try put("ra/npc/a.txt", Array("b\n".utf8))
    try put("ra/npc/b.txt", [])
    try put("ra/conf/import/inter_conf.txt", Array("secret".utf8))
    let tree = try await run("world", "verify", "izlude-1.world", "--rathena", "ra")
    #expect(tree.code == 4 && tree.errors.contains("error[M076]"))
    #expect(tree.errors.contains("npc/a.txt has another content") && tree.errors.contains("npc/b.txt is not in"))
    #expect(!tree.errors.contains("inter_conf"))
  }

  @Test func laterVersionsKeepSaltShardsAndVoters() async throws {
    _ = try await build("--shards", "auto 2")
    _ = try await sign("izlude-1.world")
    try put("ra/conf/maps_athena.conf", Array("map: prontera\nmap: geffen\n".utf8))
    let later = try await run("world", "build", "--rathena", "ra", "--previous", "izlude-1.world")
    #expect(later.code == 0 && later.lastLine == "izlude-2.world", "\(later.errors)")
    let first = try WorldBundle(content("izlude-1.world")).document.world
    let second = try WorldBundle(content("izlude-2.world")).document.world
    #expect(second.version == 2 && second.salt == first.salt && second.voters == first.voters)
    let others = try await run(
      "world", "build", "--rathena", "ra", "--previous", "izlude-1.world", "--voter",
      "00000000000000a1:00000000000000b3")
    #expect(others.code == 65 && others.errors.contains("M070") && others.errors.contains("names other voters"))
    let difference = try await run("--json", "world", "diff", "izlude-1.world", "izlude-2.world", "--detailed-exitcode")
    let reply = try #require(JSONLine.decode(WorldDiffReply.self, from: Array(difference.output.utf8)))
    #expect(difference.code == 2 && reply.removedMaps == ["prt_in"] && reply.movedMaps.isEmpty)
    let same = try await run("world", "diff", "izlude-1.world", "izlude-1.world", "--detailed-exitcode")
    #expect(same.code == 0 && same.output == "no difference\n")
    // Signed again it is a new version: that is how one goes back.
    let again = try await sign("izlude-1.world")
    #expect(again.errors.contains("it is version 2 now"))
    #expect(try WorldBundle(content("izlude-1.world")).document.world.version == 2)
  }

  @Test func inputsThatDoNotFitAreToldWithTheirPlace() async throws {
    try put("ra/conf/maps_athena.conf", Array("map: prontera\nmap: nowhere\n".utf8))
    let missing = try await build()
    #expect(missing.code == 65 && missing.errors.contains("M072"))
    #expect(missing.errors.contains("nowhere  (conf/maps_athena.conf:2)"))
    try put("ra/conf/maps_athena.conf", Array("map: prontera\nmap: geffen\n".utf8))
    try put("shards.txt", Array("shard a: prontera\nshard b: gefen\n".utf8))
    let shards = try await build("--shards", "shards.txt")
    #expect(shards.code == 65 && shards.errors.contains("--> shards.txt:2:10"))
    #expect(shards.errors.contains("did you mean `geffen`?"))
    try put("shards.txt", Array("shard a: prontera\n".utf8))
    let left = try await build("--shards", "shards.txt")
    #expect(left.code == 65 && left.errors.contains("geffen"))
    try put("ra/db/map_cache.dat", [1, 2, 3])
    let cache = try await build()
    #expect(cache.code == 65 && cache.errors.contains("ra/db/map_cache.dat is no map cache"))
    try put("ra/db/map_cache.dat", MapCache.bytes(of: []))
    let unasked = try await run("world", "build", "--rathena", "ra")
    #expect(unasked.code == 69 && unasked.errors.contains("--voter"))
    #expect(try await run("world", "build").code == 64)
    #expect(try await build("-o", "gone/x.world").code == 73)
    #expect(try await run("world", "verify", "missing.world").code == 1)
    try put("other.world", [UInt8](repeating: 65, count: 500))
    let other = try await run("world", "show", "other.world")
    #expect(other.code == 65 && other.errors.contains("it does not begin like a world"))
  }

  @Test func theMapCacheIsWrittenBack() async throws {
    _ = try await build()
    for name in ["one.dat", "two.dat"] {
      #expect(try await run("world", "map-cache", "izlude-1.world", "-o", name).code == 0)
    }
    #expect(try content("one.dat") == content("two.dat"))
    let cache = try MapCache(content("one.dat"))
    let world = try WorldBundle(content("izlude-1.world")).document.world
    #expect(try cache.entries.map { try cache.object($0).address } == world.maps.map(\.address))
  }

  @Test func aNodeIsAskedAndItsAnswersAreShown() async throws {
    _ = try await build()
    let unsigned = try await run("--socket", "/nonexistent/s", "world", "publish", "izlude-1.world")
    #expect(unsigned.code == 4 && unsigned.errors.contains("M074"), "told before a node is asked")
    _ = try await sign("izlude-1.world")
    let document = try WorldBundle(content("izlude-1.world")).document
    let asked = Mutex<[ControlRequest]>([])
    let now = Samples.now
    func version(_ number: UInt64, _ state: WorldReply.State, here: Int, waits: String? = nil) -> WorldReply.Version {
      WorldReply.Version(
        version: number, root: document.mark.root.hex, state: state, maps: 3, mapsHere: here, shards: 3, notBefore: now,
        expiry: Timestamp(seconds: now.seconds + 40 * 86_400), waits: waits)
    }
    let reply = WorldReply(
      at: now, voter: WorldCommandsTests.voter, active: 1,
      versions: [
        version(2, .incomplete, here: 1), version(1, .active, here: 3),
      ],
      download: WorldReply.Download(
        version: 2, maps: 3, mapsHere: 1, bytes: 2_400_000, bytesPerSecond: 600_000, secondsLeft: 4))
    let node = try FakeNode(
      .answer { request in
        asked.withLock { $0.append(request) }
        switch request {
        case .world(.show): return [reply.line()]
        case .world(.document(let version)) where version == 1:
          return [WorldDocumentReply(version: version, document: document.bytes).line()]
        case .world(.document(let version)):
          return [Fault(.worldUnknown, ["version": "\(version)"]).line()]
        case .world(.publish):
          return [
            WorldChangeReply(at: now, version: 1, root: document.mark.root.hex, state: .active, missing: 0).line()
          ]
        case .world(.activate(let version)):
          return [Fault(.worldIncomplete, ["version": "\(version)", "have": "1", "total": "3"]).line()]
        default: return []
        }
      })
    func ask(_ arguments: String...) async throws -> Program.Outcome {
      try await Program.run(["--socket", node.path] + arguments, in: folder.path)
    }
    let shown = try await ask("world", "show")
    #expect(shown.code == 0, "\(shown.errors)")
    #expect(shown.output.hasPrefix("version 1 is active: 3 maps in 3 shards\n"))
    #expect(shown.output.contains("downloading version 2: 1 of 3 maps, 2.40 MB, 600 kB/s, 4 seconds left\n"))
    let history = try await ask("world", "history", "--plain")
    let versions: [String] = history.output.split(separator: "\n").map { line in
      line.split(separator: "\t").prefix(4).joined(separator: " ")
    }
    #expect(versions == ["2 incomplete 1 3", "1 active 3 3"])
    #expect(try await ask("world", "diff", "1", "izlude-1.world").output == "no difference\n")
    let unknown = try await ask("world", "diff", "9", "izlude-1.world")
    #expect(unknown.code == 65 && unknown.errors.contains("M077"))
    let published = try await ask("world", "publish", "izlude-1.world")
    #expect(published.code == 0, "\(published.errors)")
    let real = URL(filePath: folder.path + "/izlude-1.world").resolvingSymlinksInPath().path
    #expect(asked.withLock { $0 }.contains(.world(.publish(file: real))))
    let activated = try await ask("world", "activate", "2")
    #expect(activated.code == 3 && activated.errors.contains("M079"))
    // The first voter of a first world is this machine's node.
    let built = try await ask("world", "build", "--rathena", "ra", "-o", "mine.world")
    #expect(built.code == 0, "\(built.errors)")
    #expect(
      try WorldBundle(content("mine.world")).document.world.voters.map(\.description) == [WorldCommandsTests.voter])
  }

  @Test func repliesComeBackFromTheirLines() {
    func check<Value: Reply & Equatable>(_ value: Value) {
      #expect(JSONLine.decode(Value.self, from: value.line()) == value)
    }
    check(WorldDocumentReply(version: 3, document: [0, 255, 9]))
    #expect(WorldDocumentReply(version: 3, document: [0, 255, 9]).bytes == [0, 255, 9])
    check(WorldChangeReply(at: Samples.now, version: 1, root: "ab", state: .incomplete, missing: 7))
    check(WorldDiffReply(before: 1, after: 2))
    for line in [
      #"{"control":1,"request":"world-publish"}"#, #"{"control":1,"request":"world-publish","file":"relative"}"#,
      #"{"control":1,"request":"world-activate"}"#, #"{"control":1,"request":"world-document","version":-1}"#,
    ] { #expect(throws: Fault.self, "\(line)") { try ControlRequest(line: line.utf8) } }
  }
}
