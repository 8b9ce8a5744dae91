import CSodium

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

/// BLAKE2b (RFC 7693), 16 to 64 bytes out, plain or keyed; and its running form for what comes in pieces.
package struct Blake2b: ~Copyable {
  /// `crypto_generichash_blake2b_state` asks for an alignment of 64, which Swift does not import.
  private let state: UnsafeMutableRawPointer
  /// Bytes that `finish` gives.
  package let outputSize: Int

  /// - Parameter key: 0 to 64 bytes; with a key the result is a message authentication code.
  package init(outputSize: Int = 32, key: UnsafeRawBufferPointer = .none) {
    precondition((16...64).contains(outputSize) && key.count <= 64)
    self.outputSize = outputSize
    state = .allocate(byteCount: Blake2b.stateSize, alignment: Blake2b.stateAlignment)
    crypto_generichash_blake2b_init(OpaquePointer(state), key.octets, key.count, outputSize)
  }

  deinit {
    sodium_memzero(state, Blake2b.stateSize)
    state.deallocate()
  }

  static let stateSize = crypto_generichash_blake2b_statebytes()
  static let stateAlignment = 64

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    crypto_generichash_blake2b_update(OpaquePointer(state), bytes.octets, UInt64(bytes.count))
  }

  package mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

  package mutating func update(_ text: StaticString) {
    update(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  package mutating func update(_ value: UInt64) {
    withUnsafeBytes(of: value.littleEndian) { update($0) }
  }

  /// Ends the hash: `output` has `outputSize` bytes.
  package consuming func finish(into output: UnsafeMutableRawBufferPointer) {
    precondition(output.count == outputSize)
    crypto_generichash_blake2b_final(OpaquePointer(state), output.octets, output.count)
  }

  package consuming func finish() -> [UInt8] {
    var output = [UInt8](repeating: 0, count: outputSize)
    output.withUnsafeMutableBytes { bytes -> Void in
      crypto_generichash_blake2b_final(OpaquePointer(state), bytes.octets, bytes.count)
    }
    return output
  }

  /// The whole hash in one call: `output.count` (16...64) is its length.
  package static func hash(
    _ bytes: UnsafeRawBufferPointer,
    key: UnsafeRawBufferPointer = .none,
    into output: UnsafeMutableRawBufferPointer
  ) {
    precondition((16...64).contains(output.count) && key.count <= 64)
    crypto_generichash_blake2b(
      output.octets, output.count, bytes.octets, UInt64(bytes.count), key.octets, key.count)
  }
}

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
