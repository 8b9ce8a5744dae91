import Hashing
import Wire

/// Noise's SymmetricState and CipherState (5.1, 5.2). Chaining key and key share one slot of the arena.
final class NoiseSymmetricState {
  private let hash: NoiseHash
  /// h; the first `hash.size` bytes count.
  private(set) var transcript: [UInt8]
  /// Chaining key at 0 (`hash.size` bytes), cipher key at 64 (32 bytes).
  private let keys: Secret
  private(set) var hasKey = false
  private var counter: UInt64 = 0

  init?(hash: NoiseHash, name: String, arena: SecretArena) {
    guard let keys = arena.allocate(128) else { return nil }
    self.hash = hash
    self.keys = keys
    transcript = [UInt8](repeating: 0, count: hash.size)
    var name = name
    name.withUTF8 { bytes in
      let bytes = UnsafeRawBufferPointer(bytes)
      transcript.withUnsafeMutableBytes { output in
        if bytes.count <= hash.size { output.copyMemory(from: bytes) } else { hash.hash(bytes, into: output) }
      }
    }
    keys.withMutableBytes { $0.copyBytes(from: transcript) }
  }

  var tagSize: Int { hasKey ? ChaChaPoly.tagSize : 0 }

  func mixHash(_ bytes: UnsafeRawBufferPointer) {
    transcript.withUnsafeMutableBytes { hash.hash(UnsafeRawBufferPointer($0), bytes, into: $0) }
  }

  func mixKey(_ input: UnsafeRawBufferPointer) {
    withKeys { chainingKey, key in
      hash.expandChain(UnsafeRawBufferPointer(chainingKey), input, chainingKey, key)
    }
    setKey()
  }

  func mixKeyAndHash(_ input: UnsafeRawBufferPointer) {
    withTemporaryBytes(hash.size) { mixed in
      withKeys { chainingKey, key in
        hash.expandChain(UnsafeRawBufferPointer(chainingKey), input, chainingKey, mixed, key)
      }
      mixHash(UnsafeRawBufferPointer(mixed))
    }
    setKey()
  }

  private func setKey() {
    hasKey = true
    counter = 0
  }

  /// Appends the sealed bytes; the caller has checked the room.
  func encryptAndHash(_ plaintext: UnsafeRawBufferPointer, into writer: inout Writer) {
    guard hasKey else {
      writer.append(plaintext)
      mixHash(plaintext)
      return
    }
    withTemporaryBytes(plaintext.count + ChaChaPoly.tagSize) { sealed in
      sealed.copyMemory(from: plaintext)
      withCipherKey { key, nonce in
        transcript.withUnsafeBytes {
          ChaChaPoly.seal(inPlace: sealed, key: key, nonce: nonce, authenticating: $0)
        }
      }
      counter &+= 1
      mixHash(UnsafeRawBufferPointer(sealed))
      writer.append(UnsafeRawBufferPointer(sealed))
    }
  }

  /// The size of the plaintext, which is in `output`; `nil` when the tag is wrong or the room too small.
  func decryptAndHash(_ sealed: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
    let count = sealed.count - tagSize
    guard count >= 0, output.count >= count else { return nil }
    guard hasKey else {
      output.copyMemory(from: sealed)
      mixHash(sealed)
      return count
    }
    let isGenuine = withTemporaryBytes(sealed.count) { work in
      work.copyMemory(from: sealed)
      let opened = withCipherKey { key, nonce in
        transcript.withUnsafeBytes {
          ChaChaPoly.open(inPlace: work, key: key, nonce: nonce, authenticating: $0)
        }
      }
      guard let opened else { return false }
      output.copyMemory(from: UnsafeRawBufferPointer(opened))
      return true
    }
    guard isGenuine else { return nil }
    counter &+= 1
    mixHash(sealed)
    return count
  }

  func split(_ first: Secret, _ second: Secret, _ third: Secret) {
    withKeys { chainingKey, _ in
      first.withMutableBytes { a in
        second.withMutableBytes { b in
          third.withMutableBytes { c in
            hash.expandChain(UnsafeRawBufferPointer(chainingKey), .none, a, b, c)
          }
        }
      }
    }
    keys.withMutableBytes { Sodium.wipe($0) }
    hasKey = false
  }

  private func withKeys(_ body: (UnsafeMutableRawBufferPointer, UnsafeMutableRawBufferPointer) -> Void) {
    keys.withMutableBytes { bytes in
      body(
        UnsafeMutableRawBufferPointer(rebasing: bytes[..<hash.size]),
        UnsafeMutableRawBufferPointer(rebasing: bytes[64..<96]))
    }
  }

  private func withCipherKey<R>(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> R) -> R {
    keys.withBytes { bytes in
      ChaChaPoly.withNonce(counter) { nonce in body(UnsafeRawBufferPointer(rebasing: bytes[64..<96]), nonce) }
    }
  }
}
