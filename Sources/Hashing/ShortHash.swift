import CSodium

/// SipHash-2-4 (libsodium's `crypto_shorthash`) under a 16-byte key: fast and keyed, for tables and placement. It is not
/// collision resistant against who knows the key.
package struct ShortHash: Hashable, Sendable {
  package static let keySize = 16

  private let low: UInt64
  private let high: UInt64

  /// `nil` unless `key` has 16 bytes.
  package init?(key: UnsafeRawBufferPointer) {
    guard key.count == ShortHash.keySize else { return nil }
    low = key.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
    high = key.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
  }

  package func callAsFunction(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var result: UInt64 = 0
    withUnsafeBytes(of: (low, high)) { key in
      withUnsafeMutableBytes(of: &result) { output -> Void in
        crypto_shorthash(output.octets, bytes.octets, UInt64(bytes.count), key.octets)
      }
    }
    return UInt64(littleEndian: result)
  }

  /// Of two 64-bit words, little-endian, one after the other.
  package func callAsFunction(_ first: UInt64, _ second: UInt64) -> UInt64 {
    withUnsafeBytes(of: (first.littleEndian, second.littleEndian)) { self($0) }
  }
}
