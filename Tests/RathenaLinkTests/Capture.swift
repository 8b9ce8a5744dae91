import CZlib
import Foundation
import RathenaLink
import Testing
import Wire

/// The recorded session of a real rAthena with two map-servers, which stands beside the package and is not part of it.
struct Capture {
  enum Kind: UInt8 { case fromClient, fromServer, opened, closedByClient, closedByServer }

  struct Record {
    let relay: Int
    let connection: Int
    let kind: Kind
    let bytes: [UInt8]
  }

  let records: [Record]

  static let file = URL(filePath: #filePath)
    .appending(path: "../../../../shared/data/captures/two-map-servers.rec.gz").standardizedFileURL
  static let isThere = FileManager.default.fileExists(atPath: file.path())
  static let absence: Comment = "skipped: ../shared/data is not there"

  /// 15-byte headers: relay, connection, kind, microseconds, length.
  init() throws {
    let bytes = try Capture.inflated([UInt8](try Data(contentsOf: Capture.file)))
    records = try bytes.withUnsafeBytes { buffer in
      var reader = Reader(buffer)
      var records: [Record] = []
      while !reader.isAtEnd {
        let (relay, connection) = (try reader.u8(), try reader.u8())
        let kind = try #require(Kind(rawValue: try reader.u8()))
        _ = try reader.u64()
        let count = Int(try reader.u32())
        records.append(
          Record(relay: Int(relay), connection: Int(connection), kind: kind, bytes: [UInt8](try reader.take(count))))
      }
      return records
    }
  }

  /// One direction of one connection, whole.
  struct Stream {
    let name: String
    let table: FrameTable
    let bytes: [UInt8]
  }

  /// The char-links: relays 0 and 1.
  var charLinks: [Stream] {
    var streams: [Stream] = []
    for relay in 0...1 {
      for connection in 0...1 {
        for (kind, table) in [(Kind.fromClient, FrameTable.toCharServer), (.fromServer, .toMapServer)] {
          let bytes = records.filter { $0.relay == relay && $0.connection == connection && $0.kind == kind }
            .flatMap(\.bytes)
          if !bytes.isEmpty {
            streams.append(Stream(name: "relay \(relay).\(connection) \(kind)", table: table, bytes: bytes))
          }
        }
      }
    }
    return streams
  }

  /// gzip (RFC 1952).
  private static func inflated(_ packed: [UInt8]) throws -> [UInt8] {
    var state = z_stream()
    // 15 window bits, +16 for the gzip header.
    try #require(inflateInit2_(&state, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK)
    defer { inflateEnd(&state) }
    var input = packed
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    try input.withUnsafeMutableBufferPointer { input in
      state.next_in = input.baseAddress
      state.avail_in = UInt32(input.count)
      var status = Z_OK
      while status == Z_OK {
        let produced = chunk.withUnsafeMutableBufferPointer { chunk -> Int in
          state.next_out = chunk.baseAddress
          state.avail_out = UInt32(chunk.count)
          status = inflate(&state, Z_NO_FLUSH)
          return chunk.count - Int(state.avail_out)
        }
        output += chunk[..<produced]
      }
      try #require(status == Z_STREAM_END)
    }
    return output
  }
}

/// Cuts a whole stream, or fails.
func frames(_ bytes: [UInt8], _ table: FrameTable) throws -> [[UInt8]] {
  var cutter = FrameCutter(table: table)
  var frames: [[UInt8]] = []
  try bytes.withUnsafeBytes { bytes in try cutter.cut(bytes) { frames.append([UInt8]($0)) } }
  #expect(cutter.remainder.isEmpty)
  return frames
}

func written(_ room: Int, _ body: (inout Writer) -> Void) -> [UInt8] {
  [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
    var writer = Writer(UnsafeMutableRawBufferPointer(buffer))
    body(&writer)
    count = writer.count
  }
}

extension [UInt8] {
  var command: UInt16 { count >= 2 ? UInt16(self[0]) | UInt16(self[1]) << 8 : 0 }

  func frame<Value>(_ table: FrameTable, _ body: (Frame) throws -> Value) throws -> Value {
    try withUnsafeBytes { try body(try Frame($0, table: table)) }
  }

  /// As `2b21 80841e00 f0490200`.
  init(hex: String) {
    let digits = hex.filter { !$0.isWhitespace }
    self = stride(from: 0, to: digits.count, by: 2).map { place in
      let start = digits.index(digits.startIndex, offsetBy: place)
      return UInt8(digits[start...].prefix(2), radix: 16) ?? 0
    }
  }
}
