import SecureChannel
import Wire

/// One-shot streams of one node (DESIGN 4.4): at most 2 per peer and 16 in all.
struct TransferTable {
  static let limit = 16
  static let limitPerPeer = 2
  /// Accepted connections that have not yet said which stream they carry.
  static let unnamedLimit = 64

  struct Outgoing {
    enum Stage { case needsSession, announced, connecting, writing, written }

    let id: UInt64
    let peer: Int
    let purpose: TransferPurpose
    let content: [UInt8]
    let stream: UInt64
    var stage = Stage.needsSession
    var attempt = 0
    var connection: ConnectionID?
    var offset = 0
    var progress: UInt64
  }

  struct Incoming {
    let peer: Int
    let purpose: TransferPurpose
    let stream: UInt64
    let size: Int
    let hash: UInt64
    var connection: ConnectionID?
    /// What came after the preface, chunk headers included.
    var raw: [UInt8] = []
    var progress: UInt64
  }

  var outgoing: [Outgoing] = []
  var incoming: [Incoming] = []
  var unnamed: [(connection: ConnectionID, bytes: [UInt8])] = []
  private let own: Int
  private var lastConnection: UInt64 = 0
  private var lastStream: UInt64 = 0

  init(own: Int) { self.own = own }

  func hasRoom(for peer: Int) -> Bool {
    let with = outgoing.count { $0.peer == peer } + incoming.count { $0.peer == peer }
    return outgoing.count + incoming.count < TransferTable.limit && with < TransferTable.limitPerPeer
  }

  mutating func nextConnection() -> ConnectionID {
    lastConnection += 1
    return ConnectionID(rawValue: lastConnection)
  }

  mutating func nextStream(boot: UInt64) -> UInt64 {
    lastStream += 1
    return mix64(boot &+ lastStream) ^ UInt64(own)
  }
}

/// How a stream looks on its connection: preface 48, header 24, chunks {length 4, up to 16,384 bytes, tag 17}.
enum StreamLayout {
  static let prefaceSize = 48
  static let headerSize = 24
  static let chunkSize = 16_384
  static let chunkHeaderSize = 4
  static let chunkTagSize = 17

  /// Bytes after the preface for a content of `size` bytes.
  static func rawSize(of size: Int) -> Int {
    headerSize + size + (size + chunkSize - 1) / chunkSize * (chunkHeaderSize + chunkTagSize)
  }

  /// The content without chunk headers; `nil` when the chunks are not well formed.
  static func content(of raw: [UInt8], size: Int) -> [UInt8]? {
    raw.withUnsafeBytes { bytes in
      var reader = Reader(bytes)
      var content: [UInt8] = []
      content.reserveCapacity(size)
      guard (try? reader.take(headerSize)) != nil else { return nil }
      while !reader.isAtEnd {
        guard let length = try? reader.u32(), let chunk = try? reader.take(Int(length)), length > chunkTagSize,
          length <= chunkSize + chunkTagSize
        else { return nil }
        content.append(contentsOf: chunk.dropLast(chunkTagSize))
      }
      return content
    }
  }
}
