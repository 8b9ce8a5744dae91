import Hashing
import Wire

/// A whole content that we send.
struct OutgoingTransfer {
  let id: UInt64
  let content: [UInt8]
  let hash: Digest
  var offset = 0
  var isWritten = false
}

/// A whole content that we receive. Nothing of it is used before all of it is right.
struct IncomingTransfer {
  let size: Int
  let hash: Digest
  var content: [UInt8] = []
  /// Our answer is written: the connection ends once the peer has it.
  var isAnswered = false
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
    stream.outgoing = OutgoingTransfer(id: id, content: content, hash: content.withUnsafeBytes { Digest(of: $0) })
    streams.add(stream)
    announce(stream, now: now, into: &effects)
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
      stream.incoming?.content.append(contentsOf: try reader.take(reader.remaining))
    case Channel.compressedFlag:
      let rawSize = Int(try reader.u16())
      guard rawSize <= size - have, rawSize <= Channel.pieceSize,
        let raw = Compression.decompress(try reader.take(reader.remaining), size: rawSize, limit: Channel.pieceSize)
      else { throw .tooLarge }
      stream.incoming?.content.append(contentsOf: raw)
    default: throw .invalid
    }
  }

  private mutating func finishTransfer(_ stream: Stream, into effects: inout ChannelEffects) throws(WireError) {
    guard let incoming = stream.incoming, incoming.content.count == incoming.size, let purpose = stream.purpose,
      incoming.content.withUnsafeBytes({ Digest(of: $0) }) == incoming.hash
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
