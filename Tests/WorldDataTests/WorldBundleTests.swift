import Testing
import Wire
import WorldData

@Suite struct WorldBundleTests {
  private func bundle(_ count: Int = 12) throws -> WorldBundle {
    var maps = try Made.maps(count)
    // Two maps with the same cells share one object.
    maps[5].object = maps[2].object
    return try #require(WorldBundle(Made.signed(Made.world(maps)), objects: maps.map(\.object)))
  }

  @Test("what is written is read; equal cells are stored once")
  func roundTrip() throws {
    let bundle = try bundle()
    #expect(bundle.objects.count == 11)
    var steps: [Int] = []
    let other = try WorldBundle(bundle.bytes) { done, total in
      steps.append(done)
      #expect(total == 11)
    }
    #expect(other.document == bundle.document)
    #expect(other.objects == bundle.objects)
    #expect(steps == Array(1...11))
    #expect(WorldBundle(bundle.document, objects: Array(bundle.objects.dropFirst())) == nil)
  }

  @Test("any flipped bit is detected, and a damaged map is named")
  func flippedBits() throws {
    let bundle = try bundle(6)
    let bytes = bundle.bytes
    for bit in 0..<bytes.count * 8 {
      #expect(throws: WorldBundle.Failure.self, "bit \(bit)") { try WorldBundle(bytes.flipping(bit: bit)) }
    }
    let offset = 12 + bundle.document.bytes.count + 4 + bundle.objects[0].encodedSize + 20
    #expect(throws: WorldBundle.Failure.object(bundle.document.world.maps[1].name)) {
      try WorldBundle(bytes.flipping(bit: offset * 8))
    }
  }

  @Test("a cut bundle, a longer one and another file")
  func cut() throws {
    let bytes = try bundle(6).bytes
    for length in stride(from: 0, to: bytes.count, by: 7) {
      #expect(throws: WorldBundle.Failure.self) { try WorldBundle(Array(bytes[..<length])) }
    }
    #expect(throws: WorldBundle.Failure.trailing) { try WorldBundle(bytes + [1]) }
    #expect(throws: WorldBundle.Failure.notABundle) { try WorldBundle([UInt8](repeating: 7, count: 100)) }
  }

  @Test("the map cache of a bundle has every map by name, with its cells, and the same bytes each time")
  func mapCache() throws {
    let bundle = try bundle()
    let bytes = bundle.mapCache
    #expect(try WorldBundle(bundle.bytes).mapCache == bytes)
    let cache = try MapCache(bytes)
    #expect(cache.entries.map(\.name) == bundle.document.world.maps.map(\.name))
    for (entry, map) in zip(cache.entries, bundle.document.world.maps) {
      #expect(try cache.object(entry).address == map.address)
    }
  }
}
