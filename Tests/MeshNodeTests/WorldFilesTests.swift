import Control
import Foundation
import Glibc
import Hashing
import MeshNode
import Testing
import Wire
import WorldData

@Suite("Files of worlds")
final class WorldFilesTests {
  private let folder: String
  private let files: WorldFiles

  init() throws {
    folder =
      FileManager.default.temporaryDirectory.path + "/world-files-\(getpid())-\(UInt64.random(in: .min ... .max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    chmod(folder, 0o700)
    files = WorldFiles(dataFolder: folder)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private static func bundle(version: UInt64 = 1) throws -> WorldBundle {
    let names = ["geffen", "prontera", "prt_in"].compactMap { MapName($0) }
    let objects = try (0..<3).map { index in
      let size = try #require(MapSize(width: 20 + index, height: 10))
      let cells = (0..<size.cells).map { UInt8($0 / (2 + index) % 2) }
      return try cells.withUnsafeBytes { try MapObject(size: size, cells: $0) }
    }
    let world = World(
      network: NetworkID(rawValue: 5), version: version, notBefore: 1, expiry: .max,
      salt: [UInt8](repeating: 1, count: World.saltSize), voters: [WorldVoter(host: HostID(rawValue: 1), store: 2)],
      settings: WorldSettings(), tree: nil,
      maps: zip(names, objects).map { WorldMap(name: $0, size: $1.size, address: $1.address) },
      shards: names.enumerated().compactMap { index, name in
        ShardName(name.text).map { WorldShard(name: $0, maps: [index]) }
      })
    let document = try SignedWorld(world, operatorKeyID: 7) { _ in Signature { $0[0] = 9 } }
    return try #require(WorldBundle(document, objects: objects))
  }

  private func flip(_ path: String, byte: Int) throws {
    var bytes = try [UInt8](Data(contentsOf: URL(filePath: path)))
    bytes[byte] ^= 0x10
    try Data(bytes).write(to: URL(filePath: path))
    chmod(path, 0o600)
  }

  private func path(_ object: MapObject) -> String { "\(folder)/worlds/objects/\(object.address.hex)" }

  @Test("what is kept is found again, and what is forgotten is gone")
  func roundTrip() throws {
    let bundle = try Self.bundle()
    #expect(try files.load().documents.isEmpty)
    let state = WorldState(active: bundle.document.mark, newest: bundle.document.mark)
    try files.keep(.objects(bundle.objects))
    try files.keep(.document(bundle.document))
    try files.keep(.state(state))
    let found = try files.load()
    #expect(found.documents == [bundle.document.bytes])
    #expect(found.objects == Set(bundle.objects.map(\.address)))
    #expect(found.state == state)
    #expect(found.notices.isEmpty)
    try files.keep(.forget([bundle.document.mark], [bundle.objects[0].address]))
    let rest = try files.load()
    #expect(rest.documents.isEmpty && rest.objects.count == 2)
    var status = stat()
    #expect(stat(path(bundle.objects[1]), &status) == 0 && status.st_mode & 0o777 == 0o600)
  }

  @Test("a damaged object is set aside at a start and when it is wanted; the next one takes its place")
  func damage() throws {
    let bundle = try Self.bundle()
    _ = try files.load()
    try files.keep(.objects(bundle.objects))
    try flip(path(bundle.objects[1]), byte: 12)
    let found = try files.load()
    #expect(found.objects.count == 2)
    #expect(found.notices.map(\.file) == [path(bundle.objects[1])])
    #expect(found.notices.map(\.movedTo) == [path(bundle.objects[1]) + ".damaged"])
    try flip(path(bundle.objects[2]), byte: 12)
    #expect(files.object(bundle.objects[2].address) == nil)
    let serve = WorldEffects.Serve(to: HostID(rawValue: 3), mark: bundle.document.mark, maps: [0, 1, 2])
    let batch = files.batch(serve, of: bundle.document.world)
    #expect(batch.lost == [bundle.objects[1].address, bundle.objects[2].address])
    let bytes = try #require(batch.bytes)
    let objects = try bytes.withUnsafeBytes { buffer in
      var reader = Reader(buffer)
      return try ObjectBatch(&reader, of: bundle.document, asked: [0, 1, 2]).objects
    }
    #expect(objects == [bundle.objects[0]])
    #expect(files.scrub(bundle.objects.map(\.address)) == Array(bundle.objects[1...]).map(\.address))
    try files.keep(.objects(bundle.objects))
    #expect(try files.load().objects.count == 3)
    #expect(files.scrub(bundle.objects.map(\.address)).isEmpty)
  }

  @Test("a damaged state is set aside; leftovers of a write that was cut off are removed")
  func state() throws {
    let mark = try Self.bundle().document.mark
    _ = try files.load()
    try files.keep(.state(WorldState(active: mark, newest: mark)))
    try flip(folder + "/worlds/state", byte: 20)
    let leftover = folder + "/worlds/objects/.\(mark.root.hex).77"
    #expect(FileManager.default.createFile(atPath: leftover, contents: Data([1])))
    let found = try files.load()
    #expect(found.state == WorldState() && found.notices.count == 1)
    #expect(!FileManager.default.fileExists(atPath: leftover))
  }

  @Test("a world file is read whole, and only for whom it belongs to")
  func worldFile() throws {
    _ = try files.load()
    let bundle = try Self.bundle()
    let file = folder + "/one.world"
    try Data(bundle.bytes).write(to: URL(filePath: file))
    chmod(file, 0o600)
    #expect(throws: Fault.self) { try files.bundle(file, askedBy: getuid() &+ 12_345) }
    chmod(file, 0o644)
    _ = try files.bundle(file, askedBy: getuid() &+ 12_345)
    let read = try files.bundle(file, askedBy: getuid())
    #expect(read.document == bundle.document)
    #expect(try files.load().objects.isEmpty, "nothing is written before the document is examined")
    try files.keep(.objects(read.objects))
    #expect(try files.load().objects.count == 3)
    try flip(file, byte: 200)
    for bad in [file, folder, folder + "/nothing"] {
      #expect(throws: Fault.self) { try files.bundle(bad, askedBy: getuid()) }
    }
  }

  @Test("the map cache for the local map-server has the maps that were asked for, whole, or is not written")
  func mapCache() throws {
    let bundle = try Self.bundle()
    _ = try files.load()
    try files.keep(.objects(bundle.objects))
    let path = folder + "/map_cache.dat"
    try files.writeMapCache(Array(bundle.document.world.maps[1...]), to: path)
    let cache = try MapCache([UInt8](Data(contentsOf: URL(filePath: path))))
    #expect(cache.entries.map(\.name.text) == ["prontera", "prt_in"])
    #expect(try cache.entries.map { try cache.object($0) } == Array(bundle.objects[1...]))
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o644)
    try flip(self.path(bundle.objects[1]), byte: 12)
    #expect(throws: Fault.self) { try files.writeMapCache(bundle.document.world.maps, to: path) }
  }

  @Test("what people see: versions, what is missing, why one waits, and the fault of each refusal")
  func reports() throws {
    let bundle = try Self.bundle(version: 4)
    var store = WorldStore(network: NetworkID(rawValue: 5)) { _, _, _ in true }
    _ = store.recover(
      state: WorldState(), documents: [bundle.document.bytes], objects: Set(bundle.objects.map(\.address)))
    let voter = WorldVoter(host: HostID(rawValue: 1), store: 2)
    let early = Now(monotonic: 1, wall: 0)
    let sync = WorldSync(store: store, seed: 1)
    let reply = WorldReply(sync, voter: voter, now: early)
    #expect(reply.active == nil && reply.versions.map(\.version) == [4])
    #expect(reply.versions[0].state == .complete && reply.versions[0].waits?.contains("1970-01-01T00:00:01") == true)
    #expect(reply.health == .unhealthy)
    store.lose([bundle.objects[0].address])
    let less = WorldReply(WorldSync(store: store, seed: 1), voter: voter, now: early)
    #expect(less.versions[0].state == .incomplete && less.versions[0].mapsHere == 2)
    let refusals: [WorldRefusal] = [
      .malformed, .signature, .otherNetwork(NetworkID(rawValue: 1)), .older(version: 1, than: 2), .conflict(version: 1),
      .known, .unasked, .unknownVersion(3), .notYet(until: 1), .expired(at: 1), .incomplete(missing: 1),
      .tree(.missing("npc/a.txt")), .charStatus(here: 1, world: 2),
    ]
    for refusal in refusals {
      #expect(!refusal.cause.isEmpty)
      let fault = refusal.fault(version: 4, network: "izlude", maps: 3)
      #expect(!fault.sentence.contains("{"), "\(fault.sentence)")
      #expect(fault.exitCode != .ok)
    }
  }
}
