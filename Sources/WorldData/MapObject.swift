package import Hashing
package import Wire

/// Cells of a map in both directions.
package struct MapSize: Hashable, Sendable, CustomStringConvertible {
  /// rAthena's MAX_MAP_SIZE: cells of one map, whatever its shape.
  package static let cellLimit = 512 * 512

  package let width: UInt16
  package let height: UInt16

  /// `nil` unless there are 1 to 262,144 cells and both sides fit the 15 bits that a map cache has for them.
  package init?(width: Int, height: Int) {
    guard (1...Int(Int16.max)).contains(width), (1...Int(Int16.max)).contains(height),
      width * height <= MapSize.cellLimit
    else { return nil }
    self.width = UInt16(width)
    self.height = UInt16(height)
  }

  package var cells: Int { Int(width) * Int(height) }
  package var description: String { "\(width) x \(height)" }
}

package enum MapObjectError: Error, Hashable, Sendable {
  /// The stream is no zlib stream of exactly so many cells.
  case stream
  /// The stream is longer than what fits a batch.
  case streamTooLong(Int)
}

/// The cells of one map, as the zlib stream of a map cache: what hosts exchange and keep. Only made from a stream that
/// inflates to exactly its size; `address` is computed from what came out.
///
/// Encoding: {width 2, height 2, length of the stream 4, stream, check 8}. The check (first 8 bytes of BLAKE2b-256 over
/// "map-object/1" ‖ all before it) is against accidents: bits of a stream that do not change its cells would go unnoticed
/// otherwise. Against the ill-meaning there is the address.
package struct MapObject: Hashable, Sendable {
  /// So that every object fits a batch of 64 KiB. The largest stock map has 12,990 bytes.
  package static let streamLimit = 64_000
  package static let overhead = 16

  package let size: MapSize
  package let stream: [UInt8]
  /// The content address: BLAKE2b-256 over "map/1" ‖ width 2 ‖ height 2 ‖ decoded cells, row by row. Two streams of the
  /// same cells have the same address.
  package let address: Digest

  package init(size: MapSize, stream: [UInt8]) throws(MapObjectError) {
    guard stream.count <= MapObject.streamLimit else { throw .streamTooLong(stream.count) }
    guard
      let address = MapObject.withCells(
        of: size, stream: stream, { cells in MapObject.address(of: size, cells: cells) })
    else { throw .stream }
    self.size = size
    self.stream = stream
    self.address = address
  }

  /// Compresses cells, for maps that have no stream yet and for those whose stream is too long.
  package init(size: MapSize, cells: UnsafeRawBufferPointer) throws(MapObjectError) {
    guard cells.count == size.cells, let stream = Zlib.deflate(cells, level: 9) else { throw .stream }
    guard stream.count <= MapObject.streamLimit else { throw .streamTooLong(stream.count) }
    self.size = size
    self.stream = stream
    address = MapObject.address(of: size, cells: cells)
  }

  package static func address(of size: MapSize, cells: UnsafeRawBufferPointer) -> Digest {
    var hash = Blake2b()
    hash.update("map/1")
    withUnsafeBytes(of: (size.width.littleEndian, size.height.littleEndian)) { hash.update($0) }
    hash.update(cells)
    return Digest(of: hash)
  }

  /// Lends the decoded cells: one byte each, index x + y * width.
  package func withCells<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value? {
    MapObject.withCells(of: size, stream: stream, body)
  }

  /// `nil` when the stream does not give exactly these cells. At most 256 KiB are used, whatever the stream says.
  static func withCells<Value>(
    of size: MapSize, stream: [UInt8], _ body: (UnsafeRawBufferPointer) -> Value
  ) -> Value? {
    let cells = UnsafeMutableRawBufferPointer.allocate(byteCount: size.cells, alignment: 16)
    defer { cells.deallocate() }
    guard stream.withUnsafeBytes({ Zlib.inflate($0, into: cells) }) else { return nil }
    return body(UnsafeRawBufferPointer(cells))
  }

  package var encodedSize: Int { stream.count + MapObject.overhead }

  package func write(to writer: inout Writer) {
    let start = writer.count
    writer.u16(size.width)
    writer.u16(size.height)
    writer.u32(UInt32(stream.count))
    writer.append(stream)
    writer.u64(MapObject.check(writer.written(from: start)))
  }

  package var encoded: [UInt8] { Octets.written(encodedSize) { write(to: &$0) } }

  /// Inflates the stream: costs up to about 1 ms for the largest map.
  package init(_ reader: inout Reader) throws(WireError) {
    let raw = try RawMapObject(&reader)
    do throws(MapObjectError) {
      try self.init(size: raw.size, stream: [UInt8](raw.stream))
    } catch {
      throw .invalid
    }
  }

  static func check(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash = Blake2b()
    hash.update("map-object/1")
    hash.update(bytes)
    return Digest(of: hash).low
  }
}

/// An object whose check is right, its stream not yet inflated: a size that was not asked for costs nothing.
struct RawMapObject {
  let size: MapSize
  let stream: UnsafeRawBufferPointer

  init(_ reader: inout Reader) throws(WireError) {
    let start = reader.offset
    guard let size = MapSize(width: Int(try reader.u16()), height: Int(try reader.u16())) else { throw .invalid }
    guard let length = Int(exactly: try reader.u32()), length <= MapObject.streamLimit else { throw .tooLarge }
    stream = try reader.take(length)
    let check = MapObject.check(reader.slice(from: start))
    guard try reader.u64() == check else { throw .invalid }
    self.size = size
  }
}

enum Octets {
  /// What `body` writes, at most `room` bytes.
  static func written(_ room: Int, _ body: (inout Writer) -> Void) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(buffer))
      body(&writer)
      assert(!writer.overflowed)
      count = writer.count
    }
  }
}

extension Digest {
  /// 64 hexadecimal digits.
  package var hex: String {
    withBytes { bytes in
      let digits = Array("0123456789abcdef".utf8)
      var text: [UInt8] = []
      for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
      }
      return String(decoding: text, as: UTF8.self)
    }
  }

  /// Reads 64 hexadecimal digits; anything else is `nil`.
  package init?(hex: some StringProtocol) {
    var bytes: [UInt8] = []
    var high: UInt8?
    for character in hex.utf8 {
      let value: UInt8
      switch character {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = character - UInt8(ascii: "a") + 10
      default: return nil
      }
      guard bytes.count < Digest.size else { return nil }
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    guard high == nil, let digest = bytes.withUnsafeBytes({ Digest(bytes: $0) }) else { return nil }
    self = digest
  }
}

extension Reader {
  mutating func digest() throws(WireError) -> Digest {
    guard let digest = Digest(bytes: try take(Digest.size)) else { throw .truncated }
    return digest
  }
}

extension Writer {
  mutating func digest(_ digest: Digest) { digest.withBytes { append($0) } }
}
