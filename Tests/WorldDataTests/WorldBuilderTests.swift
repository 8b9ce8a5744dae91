import Testing
import Wire
import WorldData

@Suite struct WorldBuilderTests {
  private func cache(_ names: [String], cells: Int = 400) throws -> MapCache {
    let object = try Made.object(20, cells / 20, seed: 1)
    return try MapCache(MapCache.bytes(of: names.map { (MapName.of($0), object) }))
  }

  private func builder(_ names: [String]) throws -> WorldBuilder {
    try WorldBuilder(MapList(names: names.map(MapName.of)), in: MapCacheSearch([cache(names)]))
  }

  private func grouped(_ builder: WorldBuilder, _ shards: [WorldShard]) -> [String: [String]] {
    Dictionary(shards.map { ($0.name.text, $0.maps.map { builder.maps[$0].name.text }) }) { first, _ in first }
  }

  private let names = [
    "prt_fild01", "prt_fild02", "prontera", "prt_in", "gef_fild01", "geffen", "geffen_in", "pay_dun01", "payon",
    "1@tower", "2@tower", "3@tower",
  ]

  @Test("auto keeps regions together and the copies of a map for parties too")
  func regions() throws {
    let builder = try builder(names)
    let groups = grouped(builder, try builder.shards(.automatic(shards: 4)))
    #expect(groups["tower"] == ["1@tower", "2@tower", "3@tower"])
    #expect(groups["geffen"] == ["gef_fild01", "geffen", "geffen_in"])
    #expect(groups["pay"] == ["pay_dun01", "payon"])
    #expect(groups["prt"] == ["prontera", "prt_fild01", "prt_fild02", "prt_in"])
    #expect(try builder.shards(.automatic(shards: 100)).count == names.count)
    #expect(try builder.shards(.automatic(shards: 1)).count == 1)
  }

  @Test("per-map gives each map its own shard")
  func perMap() throws {
    let builder = try builder(names)
    let shards = try builder.shards(.perMap)
    #expect(shards.map(\.name.text) == names.sorted())
    #expect(shards.enumerated().allSatisfy { $1.maps == [$0] })
    let odd = try self.builder(["@odd"])
    #expect(throws: WorldBuilder.Failure.shardName(.of("@odd"))) { try odd.shards(.perMap) }
    #expect(try odd.shards(.automatic(shards: 3)).map(\.name.text) == ["maps"])
  }

  @Test("a shard file, with and without a rest")
  func file() throws {
    let builder = try builder(names)
    func shards(_ text: String) throws -> [String: [String]] {
      let file = ShardFile([UInt8](text.utf8), known: builder.names) { _, _ in nil }
      #expect(file.problems.isEmpty)
      return grouped(builder, try builder.shards(.file(file)))
    }
    let some = "shard capital: prontera prt_in\n"
    #expect(throws: WorldBuilder.Failure.self) { try shards(some) }
    #expect(throws: WorldBuilder.Failure.emptyShard(.of("void"))) { try shards("shard void:\nper-map") }
    let single = try shards(some + "per-map")
    #expect(single.count == names.count - 1)
    #expect(single["capital"] == ["prontera", "prt_in"])
    let few = try shards(some + "auto 3")
    #expect(few.count == 4)
    #expect(few.values.reduce(0) { $0 + $1.count } == names.count)
  }

  @Test("a later world keeps the shards of the one before; new maps join the likeliest one")
  func previous() throws {
    let before = try builder(names)
    let shards = try before.shards(.automatic(shards: 4))
    let maps = try before.maps.indices.map { (name: before.maps[$0].name, object: try before.object($0)) }
    let world = Made.world(maps, shards: shards)
    let after = try builder(names.filter { $0 != "prontera" } + ["geffen_cas", "4@tower", "alberta"])
    let groups = grouped(after, try after.shards(.automatic(shards: 9), previous: world))
    #expect(groups.keys.sorted() == shards.map(\.name.text))
    #expect(groups["geffen"] == ["alberta", "gef_fild01", "geffen", "geffen_cas", "geffen_in"])
    #expect(groups["tower"] == ["1@tower", "2@tower", "3@tower", "4@tower"])
    #expect(groups["prt"] == ["prt_fild01", "prt_fild02", "prt_in"])
    // `alberta` is like none: the first shard by name took it.
    // A world with nothing in common starts anew.
    let other = try builder(["x_1", "y_1"])
    #expect(try other.shards(.automatic(shards: 2), previous: world).count == 2)
  }

  @Test("a run of maps never has more cells than half as many again as the mean, where that is possible")
  func bound() throws {
    var chance = Chance(seed: 12)
    let maps = try (0..<200).map { index in
      (
        MapName.of("m\(chance.below(26))_\(index)"),
        try Made.object(10 + chance.below(20), 10 + chance.below(20), seed: 1)
      )
    }
    let search = MapCacheSearch([try MapCache(MapCache.bytes(of: maps))])
    let builder = try WorldBuilder(MapList(names: maps.map(\.0)), in: search)
    let shards = try builder.shards(.automatic(shards: 16))
    let cells = shards.map { $0.maps.reduce(0) { $0 + builder.maps[$1].found.entry.size.cells } }
    let mean = cells.reduce(0, +) / 16
    #expect(shards.count == 16)
    #expect((cells.max() ?? 0) <= mean * 3 / 2)
  }

  @Test("maps that no cache has are named with their line; too many maps are refused")
  func missing() throws {
    let list = try MapList(file: "f") { _ in .found([UInt8]("map: prontera\nmap: nowhere\nmap: gone".utf8)) }
    #expect(
      throws: WorldBuilder.Failure.missing(
        [
          .init(name: .of("gone"), place: .init(file: "f", line: 3)),
          .init(name: .of("nowhere"), place: .init(file: "f", line: 2)),
        ], total: 2)
    ) { try WorldBuilder(list, in: MapCacheSearch([cache(["prontera"])])) }
    #expect(throws: WorldBuilder.Failure.noMaps) { try builder([]) }
    let crowd = (0...World.mapLimit).map { MapName.of("m\($0)") }
    #expect(throws: WorldBuilder.Failure.tooManyMaps(World.mapLimit + 1)) {
      try WorldBuilder(MapList(names: crowd), in: MapCacheSearch([]))
    }
  }

  @Test("a damaged map is named with its cache")
  func damaged() throws {
    let good = try cache(["prontera"])
    var bytes = good.bytes
    bytes[40] ^= 1
    let builder = try WorldBuilder(
      MapList(names: [.of("prontera")]),
      in: MapCacheSearch([try MapCache([8, 0, 0, 0, 0, 0, 0, 0]), try MapCache(bytes)]))
    #expect(throws: WorldBuilder.Failure.cache(index: 1, .stream(map: .of("prontera"), offset: 28))) {
      try builder.object(0)
    }
  }
}
