/// The only identity of a host: the first 8 bytes (read big-endian, so that text and number sort alike) of
/// BLAKE2b-256("mesh-id/1" ‖ X25519 public key ‖ Ed25519 public key). Shown as 16 hexadecimal digits.
package struct HostID: Hashable, Comparable, Sendable, CustomStringConvertible, LosslessStringConvertible {
  package let rawValue: UInt64

  @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Reads 16 hexadecimal digits; anything else is `nil`.
  package init?(_ text: String) {
    guard text.utf8.count == 16, text.utf8.allSatisfy(\.isHexadecimalDigit), let value = UInt64(text, radix: 16)
    else { return nil }
    rawValue = value
  }

  package var description: String {
    let digits = String(rawValue, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  @inlinable package static func < (left: HostID, right: HostID) -> Bool { left.rawValue < right.rawValue }
}

extension UInt8 {
  fileprivate var isHexadecimalDigit: Bool {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }
}

/// First 8 bytes of BLAKE2b-256 over the operator's public key and the network's name (little-endian on the wire).
package struct NetworkID: Hashable, Sendable, CustomStringConvertible {
  package let rawValue: UInt64

  @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }

  package var description: String {
    let digits = String(rawValue, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

/// The time of one call into a core, given by the caller; a core has no clock of its own.
package struct Now: Hashable, Sendable {
  /// Nanoseconds of CLOCK_BOOTTIME: never steps, goes on during suspend. Deadlines, ages and rates use it.
  package var monotonic: UInt64
  /// Nanoseconds since 1970 UTC. Certificates, TAI64N labels and what people read use it; it may step.
  package var wall: UInt64

  @inlinable package init(monotonic: UInt64, wall: UInt64) {
    self.monotonic = monotonic
    self.wall = wall
  }

  /// Whole Unix seconds.
  @inlinable package var wallSeconds: UInt64 { wall / 1_000_000_000 }
}

/// Spans of time in the unit of `Now.monotonic`.
package enum Nanoseconds {
  @inlinable package static func milliseconds(_ count: UInt64) -> UInt64 { count * 1_000_000 }
  @inlinable package static func seconds(_ count: UInt64) -> UInt64 { count * 1_000_000_000 }
}

/// Roles that the operator's certificate gives a host. Unknown bits make a certificate invalid.
package struct Roles: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  @inlinable package init(rawValue: UInt8) { self.rawValue = rawValue }

  package static let host = Roles(rawValue: 1)
  package static let bridge = Roles(rawValue: 2)
  package static let observer = Roles(rawValue: 4)
  package static let home = Roles(rawValue: 8)
  package static let door = Roles(rawValue: 16)
  package static let all: Roles = [.host, .bridge, .observer, .home, .door]

  /// Names in the order of their bits, as people write them.
  package static let names: [(name: String, role: Roles)] = [
    ("host", .host), ("bridge", .bridge), ("observer", .observer), ("home", .home), ("door", .door),
  ]
}
