/// A message inside a `MessageBuffer`.
package struct MessageRange: Hashable, Sendable {
  package let offset: Int
  package let count: Int

  @inlinable package init(offset: Int, count: Int) {
    self.offset = offset
    self.count = count
  }
}

/// The reusable buffer in which cores write the messages of one turn.
///
/// Each message has `headroom` free bytes before it and `tailroom` behind it, so that the secure channel adds its
/// header, frame headers, padding and tag in place. Ranges stay valid until `removeAll`; pointers only until the next
/// `append`, because the buffer may move when it grows. Not thread-safe.
package final class MessageBuffer {
  /// DATA header 16 + time frame 8 + frame header 4 = 28, rounded up to keep messages aligned.
  package static let headroom = 32
  /// Padding to 16 (at most 15) + tag 16.
  package static let tailroom = 32
  /// One turn's messages: 512 datagrams in, each answered by up to 6 packets of 1,188 B, would be 3.6 MB.
  package static let capacityLimit = 8 << 20

  private var base: UnsafeMutableRawPointer
  private var capacity: Int
  private var end = 0
  /// Messages refused because the buffer was at its limit.
  package private(set) var refused: UInt64 = 0

  package init(capacity: Int = 64 << 10) {
    self.capacity = max(capacity, 4 << 10)
    base = .allocate(byteCount: self.capacity, alignment: 16)
  }

  deinit { base.deallocate() }

  /// Writes one message of at most `maximum` bytes. `nil` when it overflowed its room, stayed empty, or the buffer is
  /// at its limit; nothing is kept then.
  package func append(maximum: Int, _ body: (inout Writer) -> Void) -> MessageRange? {
    let start = (end + MessageBuffer.headroom + 15) & ~15
    guard reserve(start + maximum + MessageBuffer.tailroom) else {
      refused &+= 1
      return nil
    }
    var writer = Writer(UnsafeMutableRawBufferPointer(start: base + start, count: maximum))
    body(&writer)
    guard !writer.overflowed, writer.count > 0 else { return nil }
    end = start + writer.count + MessageBuffer.tailroom
    return MessageRange(offset: start, count: writer.count)
  }

  /// A copy of `bytes` as a message.
  package func append(_ bytes: UnsafeRawBufferPointer) -> MessageRange? {
    append(maximum: bytes.count) { $0.append(bytes) }
  }

  package func bytes(of range: MessageRange) -> UnsafeMutableRawBufferPointer {
    precondition(range.offset >= 0 && range.count >= 0 && range.offset + range.count <= capacity)
    return UnsafeMutableRawBufferPointer(start: base + range.offset, count: range.count)
  }

  /// Forgets all messages; the memory is kept for the next turn.
  package func removeAll() { end = 0 }

  package var isEmpty: Bool { end == 0 }

  private func reserve(_ wanted: Int) -> Bool {
    if wanted <= capacity { return true }
    guard wanted <= MessageBuffer.capacityLimit else { return false }
    let larger = min(max(capacity * 2, wanted), MessageBuffer.capacityLimit)
    let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    moved.copyMemory(from: base, byteCount: end)
    base.deallocate()
    base = moved
    capacity = larger
    return true
  }
}
