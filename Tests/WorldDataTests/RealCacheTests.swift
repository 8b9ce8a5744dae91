import Hashing
import Testing
import Wire
import WorldData

/// The stock map caches: every map is read, addressed, packed into a world, rebuilt and compared.
@Suite(.enabled(if: SharedData.isThere, SharedData.absence)) struct RealCacheTests {
  @Test(
    "the files as they are",
    arguments: [
      ("map_cache.dat", 1_288), ("re_map_cache.dat", 8), ("prere_map_cache.dat", 8), ("import_map_cache.dat", 0),
    ])
  func files(name: String, maps: Int) throws {
    let bytes = try SharedData.bytes(name)
    let cache = try MapCache(bytes)
    #expect(cache.entries.count == maps)
    // Read and written again it is the same file, byte for byte.
    let again = MapCache.bytes(of: try cache.entries.map { ($0.name, try cache.object($0)) })
    #expect(again == bytes)
  }

  /// BLAKE2b-256 over {name, 0, address} of the 1,265 maps in order, made by another implementation.
  @Test(
    "1,265 maps: found in rAthena's order, golden addresses, rebuilt with equal cells",
    arguments: [
      ("re", "47b8df054a6f7dc3bf0172ad7805f49af97d34390c74cde241e135fd37c83bd4", 104_823_864, 928),
      ("prere", "cd6e0d15a404f9dbb3d14ded2309ae4b0146103549458e69585886ba78332914", 104_815_288, 931),
    ])
  func stockWorld(part: String, golden: String, cells: Int, distinct: Int) throws {
    let builder = try WorldBuilder(MapList(names: SharedData.names()), in: SharedData.search(part))
    #expect(builder.maps.count == 1_265)
    let objects = try builder.maps.indices.map { try builder.object($0) }
    var hash = Blake2b()
    for (map, object) in zip(builder.maps, objects) {
      hash.update([UInt8](map.name.text.utf8) + [0])
      object.address.withBytes { hash.update($0) }
    }
    #expect(Digest(of: hash).hex == golden)
    #expect(objects.reduce(0) { $0 + $1.size.cells } == cells)
    #expect(Set(objects.map(\.address)).count == distinct)
    #expect(builder.maps.first { $0.name.text == "prontera" }?.found.cache == 1, "the towns are in the second cache")

    let shards = try builder.shards(.automatic(shards: 64))
    let maps = zip(builder.maps, objects).map { (name: $0.name, object: $1) }
    let world = Made.world(maps, shards: shards)
    #expect(world.flaw == nil)
    let signed = try Made.signed(world)
    #expect((55_000...70_000).contains(signed.bytes.count), "a manifest of \(signed.bytes.count) bytes")
    let bundle = try WorldBundle(#require(WorldBundle(signed, objects: objects)).bytes)
    let rebuilt = try MapCache(bundle.mapCache)
    #expect(rebuilt.entries.map(\.name) == builder.maps.map(\.name))
    for (entry, object) in zip(rebuilt.entries, objects) {
      #expect(try rebuilt.object(entry).address == object.address)
    }
  }

  @Test("auto 64 of the stock maps: 64 shards, bounded, towns with their houses")
  func shards() throws {
    let builder = try WorldBuilder(MapList(names: SharedData.names()), in: SharedData.search("re"))
    let shards = try builder.shards(.automatic(shards: 64))
    #expect(shards.count == 64)
    let cells = shards.map { $0.maps.reduce(0) { $0 + builder.maps[$1].found.entry.size.cells } }
    #expect((cells.max() ?? 0) <= cells.reduce(0, +) / 64 * 3 / 2)
    func shard(_ name: String) -> String? {
      shards.first { $0.maps.contains { builder.maps[$0].name.text == name } }?.name.text
    }
    for family in [
      ["1@tower", "2@tower", "6@tower"], ["geffen", "geffen_in"], ["izlude", "izlude_in"], ["alberta", "alberta_in"],
    ] {
      #expect(Set(family.map(shard)).count == 1, "\(family)")
    }
    #expect(try builder.shards(.automatic(shards: 64)) == shards)
    #expect(try builder.shards(.perMap).count == 1_265)
  }

  @Test("flipped bits in a real file are detected wherever they are, or change no cell")
  func flippedBits() throws {
    let bytes = try SharedData.bytes("re_map_cache.dat")
    let good = try MapCache(bytes)
    let addresses = try good.entries.map { try good.object($0).address }
    var chance = Chance(seed: 5)
    for _ in 0..<400 {
      let bit = chance.below(bytes.count * 8)
      guard let cache = try? MapCache(bytes.flipping(bit: bit)),
        let found = try? cache.entries.map({ try cache.object($0).address })
      else { continue }
      // A name may have become another one; the cells are what they were.
      #expect(found == addresses || cache.entries.map(\.name) != good.entries.map(\.name), "bit \(bit)")
    }
  }
}
