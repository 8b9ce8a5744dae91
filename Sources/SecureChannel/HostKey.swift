import Hashing
package import Wire

/// The two public keys that make a host's identity, 64 bytes: X25519 (handshakes) then Ed25519 (records).
///
/// People paste it as 86 characters of unpadded base64url: that is the `public-key` of a bootstrap line.
package struct HostKey: Hashable, Sendable {
  package static let size = 64
  /// Characters of the text form.
  package static let textSize = 86
  /// X25519 public key, 32 bytes.
  package let exchange: [UInt8]
  /// Ed25519 public key, 32 bytes.
  package let signing: [UInt8]
  /// The first 8 bytes of BLAKE2b-256("mesh-id/1" ‖ exchange ‖ signing), read big-endian.
  package let hostID: HostID

  /// `nil` unless both are 32 bytes.
  package init?(exchange: [UInt8], signing: [UInt8]) {
    guard exchange.count == 32, signing.count == 32 else { return nil }
    self.exchange = exchange
    self.signing = signing
    var hash = Blake2b()
    hash.update("mesh-id/1")
    hash.update(exchange)
    hash.update(signing)
    hostID = HostID(rawValue: Digest(of: hash).low.byteSwapped)
  }
}

extension HostKey: CustomStringConvertible, LosslessStringConvertible {
  package var description: String { Base64URL.text(of: exchange + signing) }

  /// Reads 86 characters of base64url; anything else is `nil`.
  package init?(_ text: String) {
    guard text.utf8.count == HostKey.textSize, let bytes = Base64URL.bytes(of: text.utf8), bytes.count == HostKey.size
    else { return nil }
    self.init(exchange: [UInt8](bytes[..<32]), signing: [UInt8](bytes[32...]))
  }
}

extension Reader {
  package mutating func hostKey() throws(WireError) -> HostKey {
    let exchange = [UInt8](try take(32))
    let signing = [UInt8](try take(32))
    guard let key = HostKey(exchange: exchange, signing: signing) else { throw .invalid }
    return key
  }
}

extension Writer {
  package mutating func hostKey(_ key: HostKey) {
    append(key.exchange)
    append(key.signing)
  }
}

/// Unpadded base64url (RFC 4648, 5). One byte string has one text: stray bits at the end are refused.
package enum Base64URL {
  private static let alphabet = [UInt8]("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  package static func text(of bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count * 4 + 2) / 3)
    var bits: UInt32 = 0
    var count = 0
    for byte in bytes {
      bits = bits << 8 | UInt32(byte)
      count += 8
      while count >= 6 {
        count -= 6
        text.append(alphabet[Int(bits >> UInt32(count) & 63)])
      }
    }
    if count > 0 { text.append(alphabet[Int(bits << UInt32(6 - count) & 63)]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// The value of one character; `nil` when it is not of the alphabet.
  package static func value(of character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
    case UInt8(ascii: "-"): 62
    case UInt8(ascii: "_"): 63
    default: nil
    }
  }

  /// `nil` for a character outside of the alphabet, an impossible length or stray bits.
  package static func bytes(of text: some Sequence<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var count = 0
    for character in text {
      guard let value = value(of: character) else { return nil }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        bits &= 1 << UInt32(count) - 1
      }
    }
    return count < 6 && bits == 0 ? bytes : nil
  }
}
