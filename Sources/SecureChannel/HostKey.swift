package import Wire

/// The two public keys that make a host's identity, 64 bytes: X25519 (handshakes) then Ed25519 (records).
///
/// People paste it as 86 characters of unpadded base64url: that is the `public-key` of a bootstrap line.
package struct HostKey: Hashable, Sendable {
  package static let size = 64
  /// X25519 public key, 32 bytes.
  package let exchange: [UInt8]
  /// Ed25519 public key, 32 bytes.
  package let signing: [UInt8]

  /// `nil` unless both are 32 bytes.
  package init?(exchange: [UInt8], signing: [UInt8]) {
    guard exchange.count == 32, signing.count == 32 else { return nil }
    self.exchange = exchange
    self.signing = signing
  }
}

/// The operator's statement about a host; see `security.md` 3.2.
package struct Certificate: Hashable, Sendable {
  package static let size = 320
}
