/// A 64-byte signature (Ed25519; large simulations put a keyed hash in its first 8 bytes). Kept inline: thousands of
/// records are held at once.
package struct Signature: Hashable, Sendable {
  package static let size = 64

  private var words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

  /// All zero: never valid.
  package init() { words = (0, 0, 0, 0, 0, 0, 0, 0) }

  /// Fills the 64 bytes.
  package init(_ fill: (UnsafeMutableRawBufferPointer) -> Void) {
    self.init()
    withUnsafeMutableBytes(of: &words) { fill($0) }
  }

  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    withUnsafeBytes(of: words) { body($0) }
  }

  package static func == (left: Signature, right: Signature) -> Bool {
    left.words.0 == right.words.0 && left.words.1 == right.words.1 && left.words.2 == right.words.2
      && left.words.3 == right.words.3 && left.words.4 == right.words.4 && left.words.5 == right.words.5
      && left.words.6 == right.words.6 && left.words.7 == right.words.7
  }

  package func hash(into hasher: inout Hasher) {
    // The first two words of a valid signature are as good as random.
    hasher.combine(words.0)
    hasher.combine(words.1)
  }
}

extension Reader {
  package mutating func signature() throws(WireError) -> Signature {
    let bytes = try take(Signature.size)
    return Signature { $0.copyMemory(from: bytes) }
  }
}

extension Writer {
  package mutating func signature(_ signature: Signature) { signature.withBytes { append($0) } }
}
