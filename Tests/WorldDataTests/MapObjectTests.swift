import Hashing
import Testing
import Wire
import WorldData

@Suite struct MapObjectTests {
  private static let size = MapSize(width: 3, height: 2)
  private static let cells: [UInt8] = [0, 1, 0, 5, 1, 3]

  private func small() throws -> MapObject {
    try Self.cells.withUnsafeBytes { try MapObject(size: #require(Self.size), cells: $0) }
  }

  @Test("golden address: BLAKE2b-256(\"map/1\" ‖ width ‖ height ‖ cells), made by another implementation")
  func goldenAddress() throws {
    #expect(try small().address.hex == "9402de16a3d9028bd8cf002cfab27e60ddc4e7c3aecea63bd0aaa3ddd420da1c")
  }

  @Test("the address is of the cells, not of the stream")
  func addressOfCells() throws {
    let packed = try small()
    // The same cells as one stored block: 78 01, block of 6 bytes, Adler-32.
    let stored: [UInt8] = [0x78, 0x01, 0x01, 6, 0, 0xf9, 0xff] + Self.cells + adlerOf(Self.cells)
    let other = try MapObject(size: #require(Self.size), stream: stored)
    #expect(other.stream != packed.stream)
    #expect(other.address == packed.address)
    let turned = try Self.cells.withUnsafeBytes {
      try MapObject(size: #require(MapSize(width: 2, height: 3)), cells: $0)
    }
    #expect(turned.address != packed.address, "the shape is part of the address")
  }

  private func adlerOf(_ bytes: [UInt8]) -> [UInt8] {
    var a: UInt32 = 1
    var b: UInt32 = 0
    for byte in bytes {
      a = (a + UInt32(byte)) % 65_521
      b = (b + a) % 65_521
    }
    return [
      UInt8(truncatingIfNeeded: b >> 8), UInt8(truncatingIfNeeded: b), UInt8(a >> 8), UInt8(truncatingIfNeeded: a),
    ]
  }

  @Test("sizes: 1 to 262,144 cells, whatever the shape")
  func sizes() {
    #expect(MapSize(width: 512, height: 512) != nil)
    #expect(MapSize(width: 32_767, height: 8) != nil)
    #expect(MapSize(width: 513, height: 512) == nil)
    #expect(MapSize(width: 0, height: 5) == nil)
    #expect(MapSize(width: -1, height: -1) == nil)
    #expect(MapSize(width: 32_768, height: 1) == nil)
  }

  @Test("what is written is read")
  func roundTrip() throws {
    let object = try Made.object(200, 180, seed: 3)
    #expect(object.encoded.count == object.encodedSize)
    #expect(try read(object.encoded) { reader throws(WireError) in try MapObject(&reader) } == object)
  }

  @Test("any flipped bit of an encoded object is refused")
  func flippedBits() throws {
    let bytes = try Made.object(40, 30, seed: 4).encoded
    for bit in 0..<bytes.count * 8 {
      #expect(throws: WireError.self, "bit \(bit)") {
        try read(bytes.flipping(bit: bit)) { reader throws(WireError) in try MapObject(&reader) }
      }
    }
  }

  @Test("any flipped bit of a bare stream is refused, or does not change a cell")
  func flippedStream() throws {
    let object = try Made.object(40, 30, seed: 5)
    for bit in 0..<object.stream.count * 8 {
      guard let other = try? MapObject(size: object.size, stream: object.stream.flipping(bit: bit)) else { continue }
      #expect(other.address == object.address, "bit \(bit)")
    }
  }

  @Test("a cut object is refused at every length")
  func cut() throws {
    let bytes = try small().encoded
    for length in 0..<bytes.count {
      #expect(throws: WireError.self) {
        try read(Array(bytes[..<length])) { reader throws(WireError) in try MapObject(&reader) }
      }
    }
  }

  @Test("a stream that gives more or fewer cells, or is followed by something, is refused")
  func wrongSize() throws {
    let object = try Made.object(30, 30, seed: 6)
    for size in [MapSize(width: 30, height: 29), MapSize(width: 30, height: 31), MapSize(width: 512, height: 512)] {
      #expect(throws: MapObjectError.stream) { try MapObject(size: #require(size), stream: object.stream) }
    }
    #expect(throws: MapObjectError.stream) { try MapObject(size: object.size, stream: object.stream + [0]) }
    #expect(throws: MapObjectError.stream) { try MapObject(size: object.size, stream: []) }
  }

  @Test("a bomb ends at the declared cells, and a long stream is not looked at")
  func bomb() throws {
    let large = try #require(MapSize(width: 512, height: 512))
    let zeros = [UInt8](repeating: 0, count: large.cells)
    let tight = try zeros.withUnsafeBytes { try MapObject(size: large, cells: $0) }
    #expect(tight.stream.count < 400)
    // Said to be tiny, would give 262,144.
    #expect(throws: MapObjectError.stream) {
      try MapObject(size: #require(MapSize(width: 1, height: 1)), stream: tight.stream)
    }
    #expect(throws: MapObjectError.streamTooLong(MapObject.streamLimit + 1)) {
      try MapObject(size: large, stream: [UInt8](repeating: 0, count: MapObject.streamLimit + 1))
    }
    // Cells that do not compress below the limit do not become an object.
    var chance = Chance(seed: 1)
    let noise = (0..<large.cells).map { _ in UInt8(truncatingIfNeeded: chance.next() >> 20) }
    #expect(throws: MapObjectError.self) { try noise.withUnsafeBytes { try MapObject(size: large, cells: $0) } }
  }

  @Test("digests as text")
  func hex() throws {
    let address = try small().address
    #expect(Digest(hex: address.hex) == address)
    #expect(Digest(hex: address.hex.dropLast()) == nil)
    #expect(Digest(hex: address.hex + "0") == nil)
    #expect(Digest(hex: address.hex.uppercased()) == nil, "one address has one text: it is a file's name")
  }
}
