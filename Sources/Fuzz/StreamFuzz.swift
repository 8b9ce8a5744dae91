import Hashing
import SecureChannel
import Wire

/// Bytes on an accepted connection, cut in pieces as they come.
func fuzzStream(_ bytes: UnsafeRawBufferPointer) {
  var channel = FuzzWorld.shared.channel()
  var effects = ChannelEffects(buffer: MessageBuffer())
  let now = FuzzWorld.shared.now
  let connection = ConnectionID(rawValue: ConnectionID.acceptedBit | 1)
  channel.handle(.accepted(connection, from: FuzzWorld.peerEndpoint), now: now, into: &effects)
  var reader = Reader(bytes)
  while let length = try? reader.u8() {
    guard let slice = try? reader.take(min(Int(length), reader.remaining)) else { break }
    channel.handle(.received(connection, slice), now: now, into: &effects)
    for case .write in effects.connections { preconditionFailure("a stranger got an answer") }
    effects.removeAll()
    effects.buffer.removeAll()
  }
  keep(channel.counters[.droppedPreface])
}

/// Pieces of a stream, each led by two bytes: 15 bits of length (0 lets a second pass), and the mark of a last chunk.
private struct Pieces {
  private static let lastFlag: UInt16 = 0x8000
  private static let limit = 16 << 10
  private var reader: Reader

  init(_ reader: Reader) { self.reader = reader }

  mutating func next() -> (bytes: [UInt8], isLast: Bool)? {
    guard let word = try? reader.u16() else { return nil }
    let length = min(Int(word & ~Pieces.lastFlag), Pieces.limit, reader.remaining)
    guard let bytes = try? reader.take(length) else { return nil }
    return ([UInt8](bytes), word & Pieces.lastFlag != 0)
  }
}

/// A link with a host that seals what it likes. The first byte: bit 0, pieces are raw bytes of the connection instead of
/// chunks; bit 1, the channel under test opens the link; bit 2, it sends and consumes meanwhile.
func fuzzLink(_ bytes: UnsafeRawBufferPointer) {
  var reader = Reader(bytes)
  guard let mode = try? reader.u8() else { return }
  let host = HostileHost.met()
  let other = host.world.other.hostID
  let stream: HostileStream?
  if mode & 2 == 0 {
    stream = host.open(nil)
  } else {
    host.command(.wantLink(other, true))
    stream = host.acceptAnnounced()
  }
  guard let stream else { preconditionFailure("no link") }
  var pieces = Pieces(reader)
  while let (piece, isLast) = pieces.next() {
    if piece.isEmpty {
      host.pass(seconds: 1)
    } else if mode & 1 != 0 {
      host.receive(stream.header() + piece, on: stream.connection)
    } else {
      host.receive(stream.chunk(piece, isLast: isLast), on: stream.connection)
    }
    for case .linkFrame(_, let channel, let body) in host.takeEvents() {
      precondition(!body.isEmpty && body.count <= 1 << 20, "a frame beyond its limits")
      if mode & 4 != 0 { host.command(.linkCredit(channel, body.count, other)) }
    }
    if mode & 4 != 0 { host.command(.linkFrame(.replication, [UInt8](repeating: 7, count: 700), to: other)) }
  }
  host.pass(seconds: 1)
  keep(host.channel.counters[.streamErrors])
}

/// A transfer with such a host. The first byte: bit 0, raw bytes instead of chunks; bit 1, the channel under test is the
/// sender; bit 2, size and hash are announced as they are; the rest names the purpose.
func fuzzTransfer(_ bytes: UnsafeRawBufferPointer) {
  var reader = Reader(bytes)
  guard let mode = try? reader.u8() else { return }
  let host = HostileHost.met()
  let purposes = TransferPurpose.allCases
  let purpose = purposes[Int(mode >> 3) % purposes.count]
  var announced = 1_000
  let stream: HostileStream?
  if mode & 2 != 0 {
    host.command(.transfer(purpose, [UInt8](repeating: 3, count: 300), to: host.world.other.hostID, id: 5))
    stream = host.acceptAnnounced()
  } else {
    var content: [UInt8] = []
    if mode & 4 != 0 {
      var pieces = Pieces(reader)
      while let (piece, _) = pieces.next() { if piece.first == 0 { content += piece.dropFirst() } }
      announced = content.count
    }
    stream = host.open(purpose, size: UInt64(announced), hash: content.withUnsafeBytes { Digest(of: $0) })
  }
  guard let stream else { preconditionFailure("no transfer") }
  var pieces = Pieces(reader)
  while let (piece, isLast) = pieces.next() {
    if piece.isEmpty {
      host.pass(seconds: 1)
    } else if mode & 1 != 0 {
      host.receive(stream.header() + piece, on: stream.connection)
    } else {
      host.receive(stream.chunk(piece, isLast: isLast), on: stream.connection)
    }
  }
  host.pass(seconds: 2)
  for case .transferReceived(_, let purpose, let content) in host.takeEvents() {
    precondition(content.count == announced && content.count <= purpose.sizeLimit, "not what was announced")
    keep(content.count)
  }
}
