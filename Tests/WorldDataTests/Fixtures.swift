import Foundation
import Hashing
import Testing
import Wire
import WorldData

/// Real map caches, which stand beside the package and are not part of it.
enum SharedData {
  static let folder = URL(filePath: #filePath).appending(path: "../../../../shared/data/map_cache").standardizedFileURL
  static let isThere = FileManager.default.fileExists(atPath: folder.path())
  static let absence: Comment = "skipped: ../shared/data is not there"

  static func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: folder.appending(path: name))) }

  /// In rAthena's order: import, renewal or not, common.
  static func search(_ part: String) throws -> MapCacheSearch {
    MapCacheSearch([
      try MapCache(bytes("import_map_cache.dat")), try MapCache(bytes("\(part)_map_cache.dat")),
      try MapCache(bytes("map_cache.dat")),
    ])
  }

  static func names() throws -> [MapName] {
    String(decoding: try bytes("maps_athena.txt"), as: UTF8.self).split(separator: "\n").compactMap { MapName($0) }
  }
}

extension MapName {
  /// For names that tests write down.
  static func of(_ text: String) -> MapName {
    guard let name = MapName(text) else { preconditionFailure("not a map's name: \(text)") }
    return name
  }
}

extension ShardName {
  static func of(_ text: String) -> ShardName {
    guard let name = ShardName(text) else { preconditionFailure("not a shard's name: \(text)") }
    return name
  }
}

/// Made-up maps, worlds and an operator whose "signature" is a keyed hash.
enum Made {
  static let network = NetworkID(rawValue: 0x1234)
  static let operatorID: UInt32 = 7
  static let day: UInt64 = 86_400
  /// Unix seconds.
  static let today: UInt64 = 1_800_000_000
  static var now: Now { Now(monotonic: Nanoseconds.seconds(1_000), wall: Nanoseconds.seconds(today)) }

  static func sign(_ body: UnsafeRawBufferPointer) -> Signature {
    [UInt8]("operator".utf8).withUnsafeBytes { key in
      Signature { Blake2b.hash(body, key: key, into: $0) }
    }
  }

  static let verify: WorldVerification = { id, signature, body in id == operatorID && signature == sign(body) }

  /// Cells as maps have them: mostly 0 and 1, in patches.
  static func object(_ width: Int, _ height: Int, seed: UInt64) throws -> MapObject {
    let size = try #require(MapSize(width: width, height: height))
    var chance = Chance(seed: seed)
    var cells: [UInt8] = []
    while cells.count < size.cells {
      let kind: UInt8 = chance.happens(0.1) ? 5 : UInt8(chance.below(2))
      cells += [UInt8](repeating: kind, count: min(size.cells - cells.count, 1 + chance.below(20)))
    }
    return try cells.withUnsafeBytes { try MapObject(size: size, cells: $0) }
  }

  /// Names like stock ones, sorted.
  static func names(_ count: Int) -> [MapName] {
    (0..<count).map { number in
      let region = ["alb", "gef", "izl", "moc", "pay", "prt"][number % 6]
      return MapName.of("\(region)_f\(number / 6 + 10)")
    }.sorted()
  }

  static func maps(_ count: Int, seed: UInt64 = 1) throws -> [(name: MapName, object: MapObject)] {
    try names(count).enumerated().map { index, name in
      (name, try object(20 + index % 7, 20 + index % 5, seed: seed &+ UInt64(index)))
    }
  }

  static func world(
    _ maps: [(name: MapName, object: MapObject)], version: UInt64 = 1, shards: [WorldShard]? = nil,
    notBefore: UInt64 = today - day, expiry: UInt64 = today + 90 * day, salt: UInt8 = 9, voter: UInt64 = 0xa1
  ) -> World {
    World(
      network: network, version: version, notBefore: notBefore, expiry: expiry,
      salt: [UInt8](repeating: salt, count: World.saltSize),
      voters: [WorldVoter(host: HostID(rawValue: voter), store: 0xb2)], settings: WorldSettings(), tree: nil,
      maps: maps.map { WorldMap(name: $0.name, size: $0.object.size, address: $0.object.address) },
      shards: shards
        ?? maps.enumerated().map { WorldShard(name: ShardName.of($1.name.text), maps: [$0]) }.sorted {
          $0.name < $1.name
        })
  }

  static func signed(_ world: World) throws -> SignedWorld {
    try SignedWorld(world, operatorKeyID: operatorID, sign: sign)
  }

  /// A document that takes a tree along.
  static func tree() throws -> WorldTree {
    let files = ["conf/battle.conf", "db/re/item_db.yml", "db/re/mob_db.yml", "npc/cities/prontera.txt"]
    let listing = TreeListing(files.enumerated().map { TreeListing.File(path: $1, check: UInt64($0) * 77 + 5) })
    return WorldTree(listing: try #require(listing), charStatusSize: 8_856)
  }
}

/// Reads with a decoder that takes a reader, to its end.
func read<Value>(_ bytes: [UInt8], _ body: (inout Reader) throws(WireError) -> Value) throws -> Value {
  try bytes.withUnsafeBytes { buffer in
    var reader = Reader(buffer)
    return try body(&reader)
  }
}

func written(_ room: Int, _ body: (inout Writer) -> Void) -> [UInt8] {
  [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
    var writer = Writer(UnsafeMutableRawBufferPointer(buffer))
    body(&writer)
    count = writer.count
  }
}

extension [UInt8] {
  func flipping(bit: Int) -> [UInt8] {
    var copy = self
    copy[bit / 8] ^= 1 << UInt8(bit % 8)
    return copy
  }
}
