import Hashing
import Wire

/// 16 bytes that prove to a node under load that a HELLO's sender receives at its address.
struct Cookie {
  /// An initiator uses a cookie for so long: the responder renews its secret then.
  static let life = Nanoseconds.seconds(120)
  static let size = 16

  var bytes: (UInt64, UInt64)
  var receivedAt: UInt64

  func isUsable(at now: UInt64) -> Bool { now &- receivedAt < Cookie.life }
}

/// The responder's side: cookies are a keyed hash of the source's address, so nothing is remembered per source.
struct CookieJar {
  /// The secret is renewed each 120 s; the one before is accepted for 10 s more.
  private static let grace = Nanoseconds.seconds(10)

  private let arena: SecretArena
  private let entropy: any Entropy
  private let localPort: UInt16
  private var secret: Secret?
  private var previous: Secret?
  private var renewedAt: UInt64 = 0

  init(arena: SecretArena, entropy: any Entropy, localPort: UInt16) {
    self.arena = arena
    self.entropy = entropy
    self.localPort = localPort
  }

  /// Writes the cookie of a source; false when the arena is full.
  mutating func write(for source: Endpoint, into output: UnsafeMutableRawBufferPointer, at now: UInt64) -> Bool {
    renew(at: now)
    guard let secret else { return false }
    CookieJar.cookie(of: source, localPort: localPort, secret: secret, into: output)
    return true
  }

  /// True when `mac2` is the keyed hash of `message` under a cookie that this source has.
  mutating func isProven(
    _ source: Endpoint, message: UnsafeRawBufferPointer, mac2: UnsafeRawBufferPointer, at now: UInt64
  ) -> Bool {
    renew(at: now)
    let accepted = now &- renewedAt <= CookieJar.grace ? [secret, previous] : [secret]
    return accepted.contains { candidate in
      guard let candidate else { return false }
      return withTemporaryBytes(2 * Cookie.size) { scratch in
        let cookie = UnsafeMutableRawBufferPointer(rebasing: scratch[..<Cookie.size])
        let expected = UnsafeMutableRawBufferPointer(rebasing: scratch[Cookie.size...])
        CookieJar.cookie(of: source, localPort: localPort, secret: candidate, into: cookie)
        Blake2b.hash(message, key: UnsafeRawBufferPointer(cookie), into: expected)
        return Sodium.equal(UnsafeRawBufferPointer(expected), mac2)
      }
    }
  }

  private mutating func renew(at now: UInt64) {
    if secret != nil, now &- renewedAt < Cookie.life { return }
    guard let fresh = arena.allocate(32) else { return }
    fresh.withMutableBytes { entropy.fill($0) }
    // After a long pause the last secret is as old as that: it proves nothing any more.
    previous = now &- renewedAt < 2 * Cookie.life ? secret : nil
    secret = fresh
    renewedAt = now
  }

  private static func cookie(
    of source: Endpoint, localPort: UInt16, secret: Secret, into output: UnsafeMutableRawBufferPointer
  ) {
    let text = (source.high.bigEndian, source.low.bigEndian, source.port.bigEndian, localPort.bigEndian)
    withUnsafeBytes(of: text) { bytes in
      // 20 bytes: the tuple has no padding before its end.
      secret.withBytes { Blake2b.hash(UnsafeRawBufferPointer(rebasing: bytes[..<20]), key: $0, into: output) }
    }
  }
}

/// mac1 and the seal of cookies, by the public key of whoever receives the HELLO or sends the COOKIE.
package struct GreetingKeys {
  /// Keys mac1 of every message to that host. Only members can make it: it is keyed with the network secret.
  let mac1: Secret
  /// Seals its cookies; made of public values, so that it only keeps a cookie out of the hands of bystanders.
  let cookie: Digest

  /// `nil` when the arena is full.
  package init?(of exchangeKey: [UInt8], network: Network, arena: SecretArena) {
    guard let mac1 = arena.allocate(32) else { return nil }
    network.secret.withBytes { secret in
      mac1.withMutableBytes { output in
        var hash = Blake2b(key: secret)
        hash.update("mac1")
        hash.update(exchangeKey)
        hash.update(network.id.rawValue)
        hash.finish(into: output)
      }
    }
    var hash = Blake2b()
    hash.update("cookie")
    hash.update(exchangeKey)
    self.mac1 = mac1
    cookie = Digest(of: hash)
  }

  package func writeMac1(of message: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) {
    mac1.withBytes { Blake2b.hash(message, key: $0, into: output) }
  }

  func isMac1(_ mac: UnsafeRawBufferPointer, of message: UnsafeRawBufferPointer) -> Bool {
    withTemporaryBytes(DatagramSize.mac) { expected in
      writeMac1(of: message, into: expected)
      return Sodium.equal(UnsafeRawBufferPointer(expected), mac)
    }
  }
}
