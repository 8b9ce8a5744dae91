import CSodium

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

  package static let stateSize = crypto_generichash_blake2b_statebytes()
  package static let stateAlignment = 64

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
