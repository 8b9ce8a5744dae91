import Testing
import Wire
import WorldData

@Suite struct MapCacheTests {
  private func cache(_ maps: [(name: MapName, object: MapObject)]) throws -> MapCache {
    try MapCache(MapCache.bytes(of: maps))
  }

  @Test("the layout, byte by byte")
  func layout() throws {
    let cells: [UInt8] = [7, 7]
    let object = try cells.withUnsafeBytes { try MapObject(size: #require(MapSize(width: 2, height: 1)), cells: $0) }
    let bytes = MapCache.bytes(of: [(.of("a_1"), object)])
    let length = UInt8(object.stream.count)
    #expect(Array(bytes[..<8]) == [28 + length, 0, 0, 0, 1, 0, 0, 0])
    #expect(Array(bytes[8..<20]) == Array("a_1".utf8) + [UInt8](repeating: 0, count: 9))
    #expect(Array(bytes[20..<28]) == [2, 0, 1, 0, length, 0, 0, 0])
    #expect(Array(bytes[28...]) == object.stream)
  }

  @Test("what is written is read, in the order of the file")
  func roundTrip() throws {
    let maps = try Made.maps(20)
    let cache = try cache(maps.reversed())
    #expect(cache.entries.map(\.name) == maps.map(\.name).reversed())
    for (name, object) in maps {
      let entry = try #require(cache[name])
      #expect(try cache.object(entry) == object)
    }
    #expect(cache[.of("nowhere")] == nil)
    #expect(try MapCache([8, 0, 0, 0, 0, 0, 0, 0]).entries.isEmpty)
  }

  @Test("of a name that comes twice the first one counts, in one file and over several")
  func first() throws {
    let one = try Made.object(10, 10, seed: 1)
    let two = try Made.object(11, 10, seed: 2)
    let three = try Made.object(12, 10, seed: 3)
    let name = MapName.of("prontera")
    let twice = try cache([(name, one), (name, two)])
    #expect(try twice.object(#require(twice[name])) == one)
    let search = MapCacheSearch([
      try cache([]), try cache([(name, two)]), try cache([(name, three), (.of("geffen"), one)]),
    ])
    let found = try #require(search[name])
    #expect(found.cache == 1)
    #expect(try search.object(found) == two)
    #expect(search[.of("geffen")]?.cache == 2)
    #expect(search.names == [.of("geffen"), name])
  }

  @Test("each way of being broken has its reason and place")
  func broken() throws {
    let good = MapCache.bytes(of: try Made.maps(3))
    func failure(_ change: (inout [UInt8]) -> Void) -> MapCacheError? {
      var bytes = good
      change(&bytes)
      do {
        let cache = try MapCache(bytes)
        for entry in cache.entries { _ = try cache.object(entry) }
        return nil
      } catch {
        return error
      }
    }
    #expect(failure { _ in } == nil)
    #expect(failure { $0.removeLast() } == .otherSize(said: UInt32(good.count), is: good.count - 1))
    #expect(failure { $0 = [1, 2, 3] } == .cut(entry: 0, offset: 0))
    #expect(failure { $0[4] = 2 } != nil)
    #expect(failure { $0[4] = 4 } == .cut(entry: 4, offset: good.count))
    #expect(failure { $0[8] = 0 } == .name(entry: 1, offset: 8))
    #expect(failure { $0[8] = UInt8(ascii: "/") } == .name(entry: 1, offset: 8))
    #expect(failure { for index in 8..<20 { $0[index] = 0x61 } } == .name(entry: 1, offset: 8), "no final zero")
    let name = try MapCache(good).entries[0].name
    #expect(failure { $0[21] = 0x80 } == .size(map: name, width: 20 - 32_768, height: 20))
    #expect(
      failure {
        $0[20] = 0; $0[21] = 0
      } == .size(map: name, width: 0, height: 20))
    #expect(
      failure {
        $0[21] = 0x7f; $0[23] = 0x7f
      } == .size(map: name, width: 0x7f14, height: 0x7f14))
    #expect(failure { $0[20] = 21 } == .stream(map: name, offset: 28))
    #expect(failure { $0[40] ^= 4 } == .stream(map: name, offset: 28))
    #expect(failure { $0[27] = 0x80 } == .stream(map: name, offset: 28))
    #expect(failure { $0[27] = 0x7f } == .cut(entry: 1, offset: 8))
    let longer = good.count + 3
    #expect(
      failure {
        $0 += [1, 2, 3]; $0[0] = UInt8(longer & 255); $0[1] = UInt8(longer >> 8)
      } == .trailing(offset: good.count))
    for failure in [MapCacheError.tooLarge, .cut(entry: 1, offset: 8), .trailing(offset: 9)] {
      #expect(!failure.cause.isEmpty)
    }
  }

  @Test("a stream that is too long for an object is compressed anew")
  func recompressed() throws {
    // 40,000 cells in stored blocks of one cell each: 6 bytes a cell, and the same cells.
    let size = try #require(MapSize(width: 200, height: 200))
    let cells = [UInt8](repeating: 0, count: size.cells)
    var stream: [UInt8] = [0x78, 0x01]
    for index in 0..<size.cells { stream += [index == size.cells - 1 ? 1 : 0, 1, 0, 0xfe, 0xff, 0] }
    // Adler-32 of zeros: a stays 1, b counts them.
    let b = size.cells % 65_521
    stream += [UInt8(b >> 8), UInt8(b & 255), 0, 1]
    let name = MapName.of("wasteful")
    let total = 28 + stream.count
    let bytes = written(total) { writer in
      writer.u32(UInt32(total))
      writer.u16(1)
      writer.u16(0)
      writer.append([UInt8]("wasteful".utf8) + [0, 0, 0, 0])
      writer.u16(200)
      writer.u16(200)
      writer.u32(UInt32(stream.count))
      writer.append(stream)
    }
    let cache = try MapCache(bytes)
    let object = try cache.object(#require(cache[name]))
    #expect(object.stream.count < 1_000)
    #expect(object.address == cells.withUnsafeBytes { MapObject.address(of: size, cells: $0) })
  }
}
