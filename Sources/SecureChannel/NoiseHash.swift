import CSodium
import Hashing

/// The two hash functions of our Noise suites, with the real HMAC (RFC 2104) and HKDF (RFC 5869) over them.
/// Keyed BLAKE2b is *not* HMAC; Noise asks for HMAC.
package enum NoiseHash: String, Sendable {
  case blake2b = "BLAKE2b"
  case sha256 = "SHA256"

  /// HASHLEN of the Noise specification.
  package var size: Int { self == .blake2b ? 64 : 32 }
  var blockSize: Int { self == .blake2b ? 128 : 64 }

  package func hash(_ parts: UnsafeRawBufferPointer..., into output: UnsafeMutableRawBufferPointer) {
    RunningHash.run(self, into: output) { running in
      for part in parts { running.update(part) }
    }
  }

  /// - Parameter output: `size` bytes; may be the same memory as a part.
  package func hmac(
    key: UnsafeRawBufferPointer, _ parts: UnsafeRawBufferPointer..., into output: UnsafeMutableRawBufferPointer
  ) {
    hmac(key: key, parts, into: output)
  }

  private func hmac(
    key: UnsafeRawBufferPointer, _ parts: [UnsafeRawBufferPointer], into output: UnsafeMutableRawBufferPointer
  ) {
    withTemporaryBytes(blockSize) { block in
      block.initializeMemory(as: UInt8.self, repeating: 0)
      if key.count > blockSize {
        hash(key, into: UnsafeMutableRawBufferPointer(rebasing: block[..<size]))
      } else {
        block.copyMemory(from: key)
      }
      for index in block.indices { block[index] ^= 0x36 }
      RunningHash.run(self, into: output) { inner in
        inner.update(UnsafeRawBufferPointer(block))
        for part in parts { inner.update(part) }
      }
      for index in block.indices { block[index] ^= 0x36 ^ 0x5c }
      RunningHash.run(self, into: output) { outer in
        outer.update(UnsafeRawBufferPointer(block))
        outer.update(UnsafeRawBufferPointer(output))
      }
    }
  }

  /// HKDF-Extract.
  package func extract(
    salt: UnsafeRawBufferPointer, _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) {
    hmac(key: salt, [input], into: output)
  }

  /// HKDF-Expand of at most 255 × `size` bytes. With an empty `info` it is the second half of Noise's HKDF.
  package func expand(
    key: UnsafeRawBufferPointer, info: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) {
    precondition(output.count <= 255 * size)
    withTemporaryBytes(size) { block in
      var previous = UnsafeRawBufferPointer.none
      var counter: UInt8 = 1
      var filled = 0
      while filled < output.count {
        withUnsafeBytes(of: counter) { hmac(key: key, [previous, info, $0], into: block) }
        let count = min(size, output.count - filled)
        UnsafeMutableRawBufferPointer(rebasing: output[filled..<filled + count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: block[..<count]))
        filled += count
        counter &+= 1
        previous = UnsafeRawBufferPointer(block)
      }
    }
  }

  /// HKDF of the Noise specification: one output of `size` bytes each for the buffers given (2 or 3).
  package func expandChain(
    _ chainingKey: UnsafeRawBufferPointer, _ input: UnsafeRawBufferPointer,
    _ outputs: UnsafeMutableRawBufferPointer...
  ) {
    withTemporaryBytes(size * 4) { scratch in
      let extracted = UnsafeMutableRawBufferPointer(rebasing: scratch[..<size])
      let expanded = UnsafeMutableRawBufferPointer(rebasing: scratch[size..<size * (1 + outputs.count)])
      extract(salt: chainingKey, input, into: extracted)
      expand(key: UnsafeRawBufferPointer(extracted), info: .none, into: expanded)
      for (index, output) in outputs.enumerated() {
        let from = UnsafeRawBufferPointer(rebasing: expanded[index * size..<(index + 1) * size])
        output.copyMemory(from: UnsafeRawBufferPointer(rebasing: from.prefix(output.count)))
      }
    }
  }
}

/// BLAKE2b-512 or SHA-256 in pieces, over memory that the caller lends.
private struct RunningHash {
  private let kind: NoiseHash
  private let state: UnsafeMutableRawPointer

  private init(_ kind: NoiseHash, state: UnsafeMutableRawPointer) {
    self.kind = kind
    self.state = state
    switch kind {
    case .blake2b: crypto_generichash_blake2b_init(OpaquePointer(state), nil, 0, kind.size)
    case .sha256: crypto_hash_sha256_init(state.assumingMemoryBound(to: crypto_hash_sha256_state.self))
    }
  }

  /// Hashes what `body` feeds; the state, which may have seen secrets, is wiped.
  static func run(_ kind: NoiseHash, into output: UnsafeMutableRawBufferPointer, _ body: (RunningHash) -> Void) {
    precondition(output.count == kind.size)
    let size = max(Blake2b.stateSize, MemoryLayout<crypto_hash_sha256_state>.size)
    withTemporaryBytes(size, alignment: Blake2b.stateAlignment) { memory in
      guard let base = memory.baseAddress else { return }
      let running = RunningHash(kind, state: base)
      body(running)
      switch kind {
      case .blake2b: crypto_generichash_blake2b_final(OpaquePointer(base), output.octets, output.count)
      case .sha256:
        crypto_hash_sha256_final(base.assumingMemoryBound(to: crypto_hash_sha256_state.self), output.octets)
      }
    }
  }

  func update(_ bytes: UnsafeRawBufferPointer) {
    switch kind {
    case .blake2b: crypto_generichash_blake2b_update(OpaquePointer(state), bytes.octets, UInt64(bytes.count))
    case .sha256:
      crypto_hash_sha256_update(
        state.assumingMemoryBound(to: crypto_hash_sha256_state.self), bytes.octets, UInt64(bytes.count))
    }
  }
}

/// Scratch memory that may hold secrets: on the stack where it fits, wiped afterwards.
func withTemporaryBytes<R, Failure: Error>(
  _ count: Int, alignment: Int = 16, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> R
) throws(Failure) -> R {
  try withUnsafeTemporaryAllocation(byteCount: count, alignment: alignment) { bytes throws(Failure) in
    defer { Sodium.wipe(bytes) }
    return try body(bytes)
  }
}
