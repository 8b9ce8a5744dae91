import CSodium
import Wire

/// The few things that the whole room asks of libsodium.
package enum Sodium {
  /// True once libsodium has chosen its implementations and opened the system's random source.
  package static let isReady = sodium_init() >= 0

  /// Compares in a time that depends on the length only. Different lengths are unequal.
  package static func equal(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    guard left.count == right.count else { return false }
    guard let a = left.baseAddress, let b = right.baseAddress else { return true }
    return sodium_memcmp(a, b, left.count) == 0
  }

  /// Overwrites bytes so that the compiler cannot leave it out.
  package static func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
    if let base = bytes.baseAddress { sodium_memzero(base, bytes.count) }
  }
}

/// Random bytes of the operating system, through libsodium.
package final class SodiumEntropy: Entropy {
  /// `nil` when libsodium cannot start (no random source).
  package init?() {
    guard Sodium.isReady else { return nil }
  }

  package func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    if let base = bytes.baseAddress { randombytes_buf(base, bytes.count) }
  }
}
