/// 32 bytes of BLAKE2b-256, kept inline: a key of tables.
package struct Digest: Hashable, Sendable {
  package static let size = 32

  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  package init(of bytes: UnsafeRawBufferPointer) {
    withUnsafeMutableBytes(of: &words) { Blake2b.hash(bytes, into: $0) }
  }

  package init(of running: consuming Blake2b) {
    precondition(running.outputSize == Digest.size)
    let bytes = running.finish()
    withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
  }

  /// `nil` unless there are 32 bytes.
  package init?(bytes: UnsafeRawBufferPointer) {
    guard bytes.count == Digest.size else { return nil }
    withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: bytes) }
  }

  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    withUnsafeBytes(of: words) { body($0) }
  }

  /// The first 8 bytes, read little-endian.
  package var low: UInt64 { words.0.littleEndian }

  package static func == (left: Digest, right: Digest) -> Bool {
    left.words.0 == right.words.0 && left.words.1 == right.words.1 && left.words.2 == right.words.2
      && left.words.3 == right.words.3
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}
