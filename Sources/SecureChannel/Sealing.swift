import Wire

/// The bytes of one TCP stream: secretstream header 24, then chunks {length 4, ciphertext} with length and chunk
/// number authenticated. Order, loss, doubling and truncation are noticed.
final class SealedStream {
  /// Largest plaintext of a chunk.
  static let chunkLimit = 16 << 10
  private static let lengthSize = 4

  struct Chunk {
    /// Valid until the next chunk is opened.
    var bytes: UnsafeRawBufferPointer
    var isLast: Bool
  }

  private let sealing: SealingStream
  private var opening: OpeningStream?
  private let receiveKey: Secret
  private let rekeyBytes: Int

  /// Goes before everything else.
  var header: [UInt8] { sealing.header }
  /// Bytes handed to the connection and not yet with the kernel.
  var inFlight = 0
  private(set) var sentBytes: UInt64 = 0
  private(set) var receivedBytes: UInt64 = 0

  private var sentChunks: UInt64 = 0
  private var receivedChunks: UInt64 = 0
  private var sinceRekey = 0
  private(set) var rekeys = 0
  private var hasSentLast = false
  private var hasReceivedLast = false
  private var pending: [UInt8] = []
  private var consumed = 0

  /// `nil` when the arena is full.
  init?(keys: StreamKeys, isOpener: Bool, rekeyBytes: Int, arena: SecretArena, entropy: any Entropy) {
    guard
      let sealing = SealingStream(key: keys.sending(isOpener: isOpener), arena: arena, entropy: entropy)
    else { return nil }
    self.sealing = sealing
    self.rekeyBytes = rekeyBytes
    receiveKey = keys.receiving(isOpener: isOpener)
  }

  /// True while another chunk may be handed over.
  var hasRoom: Bool { inFlight < StreamLimits.inFlight && !hasSentLast }

  /// One chunk of 1 to 16,384 bytes, sealed into the buffer; `nil` when the buffer is at its limit.
  func seal(_ plain: UnsafeRawBufferPointer, isLast: Bool, into buffer: MessageBuffer) -> MessageRange? {
    guard !hasSentLast, plain.count > 0, plain.count <= SealedStream.chunkLimit else { return nil }
    let length = plain.count + SealingStream.overhead
    let message = buffer.append(maximum: SealedStream.lengthSize + length) { writer in
      writer.u32(UInt32(length))
      writer.zeros(length)
    }
    guard let message else { return nil }
    sinceRekey += plain.count
    let isRekeying = sinceRekey >= rekeyBytes
    if isRekeying {
      sinceRekey = 0
      rekeys += 1
    }
    let bytes = buffer.bytes(of: message)
    let output = UnsafeMutableRawBufferPointer(rebasing: bytes[SealedStream.lengthSize...])
    withUnsafeBytes(of: ChunkName(length: UInt32(length), number: sentChunks).bytes) {
      sealing.seal(plain, tag: isLast ? .final : isRekeying ? .rekey : .message, authenticating: $0, into: output)
    }
    sentChunks += 1
    sentBytes += UInt64(plain.count)
    inFlight += message.count
    hasSentLast = isLast
    return message
  }

  func append(_ bytes: UnsafeRawBufferPointer) {
    if consumed > 0 {
      pending.removeFirst(consumed)
      consumed = 0
    }
    pending.append(contentsOf: bytes)
  }

  /// Opens the next chunk into `output` (16,384 bytes); `nil` when more bytes are needed.
  ///
  /// - Throws: when a chunk is not the next of this stream, or comes after the last.
  func nextChunk(into output: ChunkBuffer, arena: SecretArena) throws(WireError) -> Chunk? {
    let (size, chunk) = try pending.withReadable { bytes throws(WireError) in
      var reader = Reader(bytes)
      _ = try reader.take(consumed)
      return try open(&reader, output, arena)
    }
    consumed += size
    return chunk
  }

  private func open(_ reader: inout Reader, _ output: ChunkBuffer, _ arena: SecretArena) throws(WireError)
    -> (Int, Chunk?)
  {
    var size = 0
    if opening == nil {
      guard reader.remaining >= SealingStream.headerSize else { return (0, nil) }
      let header = try reader.take(SealingStream.headerSize)
      opening = OpeningStream(key: receiveKey, header: header, arena: arena)
      size = SealingStream.headerSize
    }
    guard let opening else { throw .invalid }
    guard reader.remaining >= SealedStream.lengthSize else { return (size, nil) }
    let length = try reader.u32()
    guard let count = Int(exactly: length), count > SealingStream.overhead,
      count <= SealedStream.chunkLimit + SealingStream.overhead, !hasReceivedLast
    else { throw .invalid }
    guard reader.remaining >= count else { return (size, nil) }
    let sealed = try reader.take(count)
    let plainCount = count - SealingStream.overhead
    let plain = UnsafeMutableRawBufferPointer(rebasing: output.bytes[..<plainCount])
    let tag = withUnsafeBytes(of: ChunkName(length: length, number: receivedChunks).bytes) {
      opening.open(sealed, authenticating: $0, into: plain)
    }
    guard let tag else { throw .invalid }
    receivedChunks += 1
    receivedBytes += UInt64(plainCount)
    hasReceivedLast = tag == .final
    let chunk = Chunk(bytes: UnsafeRawBufferPointer(plain), isLast: tag == .final)
    return (size + SealedStream.lengthSize + count, chunk)
  }
}

/// Where chunks are opened; one for all streams.
final class ChunkBuffer {
  let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: SealedStream.chunkLimit, alignment: 16)

  deinit { bytes.deallocate() }
}

/// What is authenticated beside a chunk: its length and its number, 12 bytes.
private struct ChunkName {
  let bytes: (UInt32, UInt32, UInt32)

  init(length: UInt32, number: UInt64) {
    bytes = (
      length.littleEndian, UInt32(truncatingIfNeeded: number).littleEndian,
      UInt32(truncatingIfNeeded: number >> 32).littleEndian
    )
  }
}
