import Hashing
import Wire

/// A whole content that we send.
struct OutgoingTransfer {
  /// Bytes that are hashed in one turn, about 1 ms: a snapshot of 64 MiB in one piece would hold up everything else.
  static let hashedAtOnce = 1 << 20

  let id: UInt64
  let content: [UInt8]
  var hash = ContentHash()
  /// Of all of the content, once that is known.
  var digest: Digest?
  var offset = 0
  var isWritten = false

  init(id: UInt64, content: [UInt8]) {
    self.id = id
    self.content = content
  }

  /// Hashes the next part and returns its size; the last part brings the digest.
  mutating func hashOn() -> Int {
    let start = hash.count
    let end = min(start + OutgoingTransfer.hashedAtOnce, content.count)
    content[start..<end].withUnsafeBytes { hash.take($0) }
    if end == content.count { digest = hash.finish() }
    return end - start
  }
}

/// A whole content that we receive. Nothing of it is used before all of it is right.
struct IncomingTransfer {
  let size: Int
  let hash: Digest
  var content: [UInt8] = []
  /// Of what has come so far.
  let running = ContentHash()
  /// Our answer is written: the connection ends once the peer has it.
  var isAnswered = false
}

/// The hash of a content that is taken piece by piece.
final class ContentHash {
  private var running: Blake2b? = Blake2b()
  private(set) var count = 0

  func take(_ bytes: UnsafeRawBufferPointer) {
    running?.update(bytes)
    count += bytes.count
  }

  /// Once.
  func finish() -> Digest? {
    guard let running = running.take() else { return nil }
    return Digest(of: running)
  }
}

/// One-shot streams with size and hash.
///
/// A chunk is {flags 1, [raw size 2,] bytes}: flag 1 means that the bytes are one lz4 block. The receiver answers with
/// one last chunk {1} when size and hash are right.
extension Channel {
  private static let compressedFlag: UInt8 = 1
  private static let goodAnswer: UInt8 = 1
  /// Raw bytes of a chunk, beside its flags.
  private static let pieceSize = SealedStream.chunkLimit - 1
  /// lz4 is tried for pieces from this size on.
  static let compressionThreshold = 512

  mutating func startTransfer(
    _ purpose: TransferPurpose, _ content: [UInt8], to host: HostID, id: UInt64, now: Now,
    into effects: inout ChannelEffects
  ) {
    func refuse(_ reason: TransferFailure, _ effects: inout ChannelEffects) {
      counters.add(.transfersFailed)
      effects.events.append(.transferFailed(id: id, reason))
    }
    guard host != self.host, let peer = peer(making: host, now: now), peers[peer].key != nil else {
      return refuse(.noSession, &effects)
    }
    guard content.count <= purpose.sizeLimit else { return refuse(.tooLarge, &effects) }
    guard !peers[peer].conduct.isDeprioritised(at: now.monotonic), !roster.isRevoked(host) else {
      return refuse(.refused, &effects)
    }
    guard streams.transfers(of: peer) < StreamLimits.transfersPerPeer, streams.transfers < StreamLimits.transfers
    else { return refuse(.limit, &effects) }
    let stream = Stream(
      peer: peer, host: host, isOpener: true, purpose: purpose, phase: .waiting, now: now.monotonic)
    stream.outgoing = OutgoingTransfer(id: id, content: content)
    streams.add(stream)
    guard content.count > OutgoingTransfer.hashedAtOnce else { return hashOn(stream, now: now, into: &effects) }
    stream.phase = .hashing
    scheduleHashing(now: now, into: &effects)
  }

  /// The next turn of those whose content is not yet hashed: one part of the first of them.
  mutating func hashOn(now: Now, into effects: inout ChannelEffects) {
    hashingIsScheduled = false
    if let stream = streams.streams.first(where: { $0.phase == .hashing }) {
      hashOn(stream, now: now, into: &effects)
    }
    scheduleHashing(now: now, into: &effects)
  }

  /// Announces a stream once its content's hash is known.
  private mutating func hashOn(_ stream: Stream, now: Now, into effects: inout ChannelEffects) {
    counters.add(.transferBytesHashed, stream.outgoing?.hashOn() ?? 0)
    guard stream.outgoing?.digest != nil else { return }
    stream.phase = .waiting
    stream.createdAt = now.monotonic
    announce(stream, now: now, into: &effects)
  }

  /// In the next turn, so that whatever came meanwhile goes first.
  private mutating func scheduleHashing(now: Now, into effects: inout ChannelEffects) {
    guard !hashingIsScheduled, streams.streams.contains(where: { $0.phase == .hashing }) else { return }
    hashingIsScheduled = true
    effects.deadlines.append(Deadline(at: now.monotonic, timer: Timer(kind: ChannelTimer.hashing)))
  }

  mutating func pumpTransfer(_ stream: Stream, now: Now, into effects: inout ChannelEffects) {
    guard let sealed = stream.sealed, let outgoing = stream.outgoing else { return }
    var offset = outgoing.offset
    var isWritten = outgoing.isWritten
    while !isWritten, sealed.hasRoom {
      let end = min(offset + Channel.pieceSize, outgoing.content.count)
      let isLast = end == outgoing.content.count
      let wasWritten = outgoing.content[offset..<end].withUnsafeBytes { piece in
        Channel.withTransferChunk(piece, compresses: settings.compresses) {
          writeChunk(stream, $0, isLast: isLast, into: &effects)
        }
      }
      // The buffer of this turn is full: the next beat goes on.
      guard wasWritten else { break }
      offset = end
      isWritten = isLast
    }
    stream.outgoing?.offset = offset
    stream.outgoing?.isWritten = isWritten
  }

  private static func withTransferChunk(
    _ piece: UnsafeRawBufferPointer, compresses: Bool, _ body: (UnsafeRawBufferPointer) -> Bool
  ) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: SealedStream.chunkLimit, alignment: 16) { chunk in
      var writer = Writer(chunk)
      if compresses, piece.count >= compressionThreshold {
        // Not worth it unless it saves a tenth.
        let room = UnsafeMutableRawBufferPointer(rebasing: chunk[3..<3 + piece.count - piece.count / 10])
        if let count = Compression.compress(piece, into: room) {
          writer.u8(Channel.compressedFlag)
          writer.u16(UInt16(truncatingIfNeeded: piece.count))
          return body(UnsafeRawBufferPointer(rebasing: chunk[..<(3 + count)]))
        }
      }
      writer.u8(0)
      writer.append(piece)
      return body(writer.written)
    }
  }

  /// - Throws: when the peer breaks the rules.
  mutating func receiveTransferChunk(
    _ stream: Stream, _ chunk: SealedStream.Chunk, now: Now, into effects: inout ChannelEffects
  ) throws(WireError) {
    if let outgoing = stream.outgoing {
      var reader = Reader(chunk.bytes)
      guard outgoing.isWritten, chunk.isLast, try reader.u8() == Channel.goodAnswer, reader.isAtEnd else {
        throw .invalid
      }
      counters.add(.transfersSent)
      end(stream, reset: false, into: &effects)
      effects.events.append(.transferSent(id: outgoing.id))
      return
    }
    try takePiece(stream, chunk.bytes)
    if chunk.isLast { try finishTransfer(stream, into: &effects) }
  }

  private func takePiece(_ stream: Stream, _ bytes: UnsafeRawBufferPointer) throws(WireError) {
    var reader = Reader(bytes)
    guard let size = stream.incoming?.size, let have = stream.incoming?.content.count else { throw .invalid }
    switch try reader.u8() {
    case 0:
      guard reader.remaining <= size - have else { throw .tooLarge }
      let raw = try reader.take(reader.remaining)
      stream.incoming?.running.take(raw)
      stream.incoming?.content.append(contentsOf: raw)
    case Channel.compressedFlag:
      let rawSize = Int(try reader.u16())
      guard rawSize <= size - have, rawSize <= Channel.pieceSize,
        let raw = Compression.decompress(try reader.take(reader.remaining), size: rawSize, limit: Channel.pieceSize)
      else { throw .tooLarge }
      raw.withUnsafeBytes { stream.incoming?.running.take($0) }
      stream.incoming?.content.append(contentsOf: raw)
    default: throw .invalid
    }
  }

  private mutating func finishTransfer(_ stream: Stream, into effects: inout ChannelEffects) throws(WireError) {
    guard let incoming = stream.incoming, incoming.content.count == incoming.size, let purpose = stream.purpose,
      incoming.running.finish() == incoming.hash
    else { throw .invalid }
    stream.incoming = nil
    counters.add(.transfersReceived)
    _ = withUnsafeBytes(of: Channel.goodAnswer) { writeChunk(stream, $0, isLast: true, into: &effects) }
    end(stream, reset: false, into: &effects)
    effects.events.append(.transferReceived(stream.host, purpose, incoming.content))
  }

  mutating func keepTransfer(_ stream: Stream, now: Now, into effects: inout ChannelEffects) {
    if stream.sealed?.inFlight == 0 { pump(stream, now: now, into: &effects) }
    let elapsed = now.monotonic &- stream.openedAt
    let isIdle = now.monotonic &- stream.progressAt >= StreamLimits.idle
    guard isIdle || isTooSlow(stream, after: elapsed) else { return }
    counters.add(.streamTimeouts)
    fail(stream, .timedOut, now: now, into: &effects)
  }

  /// Slower than 16 KiB/s in either direction, once it had 5 s to begin. After the last byte only the idle limit counts.
  private func isTooSlow(_ stream: Stream, after elapsed: UInt64) -> Bool {
    guard elapsed >= StreamLimits.rateGrace else { return false }
    let done: Int
    if let outgoing = stream.outgoing {
      if outgoing.isWritten { return false }
      done = outgoing.offset
    } else {
      done = stream.incoming?.content.count ?? 0
    }
    return UInt64(done) < StreamLimits.minimumRate * (elapsed / Nanoseconds.seconds(1))
  }
}
