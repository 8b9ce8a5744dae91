import CSodium
import Hashing
package import Wire

/// An Ed25519 key pair. The private half stays in the arena.
package final class SigningKeyPair {
  package static let seedSize = 32
  package let publicKey: [UInt8]
  /// Seed 32 ‖ public key 32, as libsodium wants it.
  private let secretKey: Secret

  /// `nil` unless the seed has 32 bytes and the arena has room.
  package init?(seed: UnsafeRawBufferPointer, arena: SecretArena) {
    guard seed.count == SigningKeyPair.seedSize, let secretKey = arena.allocate(64) else { return nil }
    var publicKey = [UInt8](repeating: 0, count: 32)
    guard secretKey.withMutableBytes({ crypto_sign_seed_keypair(&publicKey, $0.octets, seed.octets) }) == 0 else {
      return nil
    }
    self.publicKey = publicKey
    self.secretKey = secretKey
  }

  package func sign(_ message: UnsafeRawBufferPointer) -> Signature {
    Signature { output in
      secretKey.withBytes {
        _ = crypto_sign_detached(output.octets, nil, message.octets, UInt64(message.count), $0.octets)
      }
    }
  }

  /// For the key file only.
  func withSeed<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    secretKey.withBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<SigningKeyPair.seedSize])) }
  }

  /// True when `signature` over `message` is right for an Ed25519 public key of 32 bytes. Small-order keys and
  /// non-canonical signatures are refused by libsodium.
  package static func verify(
    _ signature: Signature, _ message: UnsafeRawBufferPointer, publicKey: [UInt8]
  ) -> Bool {
    guard publicKey.count == 32 else { return false }
    return signature.withBytes {
      crypto_sign_verify_detached($0.octets, message.octets, UInt64(message.count), publicKey) == 0
    }
  }
}

/// What is signed: a domain, so that a signature of one use is worthless in another, then the message.
enum SignedText {
  static func with<R>(
    domain: StaticString, _ parts: UnsafeRawBufferPointer..., body: (UnsafeRawBufferPointer) -> R
  ) -> R {
    let size = parts.reduce(domain.utf8CodeUnitCount) { $0 + $1.count }
    return withUnsafeTemporaryAllocation(byteCount: size, alignment: 16) { bytes in
      var writer = Writer(bytes)
      writer.append(UnsafeRawBufferPointer(start: domain.utf8Start, count: domain.utf8CodeUnitCount))
      for part in parts { writer.append(part) }
      return body(writer.written)
    }
  }
}

/// This host's own keys: X25519 for handshakes, Ed25519 for records.
package final class Identity {
  /// Magic 8, X25519 private key 32, Ed25519 seed 32, checksum 8.
  package static let fileSize = 80
  private static let magic = [UInt8]("MESHKEY1".utf8)

  package let exchange: ExchangeKeyPair
  package let signing: SigningKeyPair
  package let key: HostKey

  package var hostID: HostID { key.hostID }

  private init?(exchange: ExchangeKeyPair, signing: SigningKeyPair) {
    guard let key = HostKey(exchange: exchange.publicKey, signing: signing.publicKey) else { return nil }
    self.exchange = exchange
    self.signing = signing
    self.key = key
  }

  /// New keys; `nil` when the arena is full.
  package convenience init?(arena: SecretArena, entropy: any Entropy) {
    guard let exchange = ExchangeKeyPair(arena: arena, entropy: entropy) else { return nil }
    let signing = withTemporaryBytes(SigningKeyPair.seedSize) { seed in
      entropy.fill(seed)
      return SigningKeyPair(seed: UnsafeRawBufferPointer(seed), arena: arena)
    }
    guard let signing else { return nil }
    self.init(exchange: exchange, signing: signing)
  }

  /// Reads the content of a key file; `nil` when it is not one, is damaged, or the arena is full.
  package convenience init?(file: UnsafeRawBufferPointer, arena: SecretArena) {
    guard file.count == Identity.fileSize,
      Sodium.equal(UnsafeRawBufferPointer(rebasing: file[..<8]), Identity.magic),
      Checksum.isRight(file),
      let privateKey = arena.store(UnsafeRawBufferPointer(rebasing: file[8..<40])),
      let exchange = ExchangeKeyPair(privateKey: privateKey),
      let signing = SigningKeyPair(seed: UnsafeRawBufferPointer(rebasing: file[40..<72]), arena: arena)
    else { return nil }
    self.init(exchange: exchange, signing: signing)
  }

  /// Lends the content of a key file for the time of the call; it is wiped afterwards. The shell writes it with mode 0600.
  package func withFile<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    withTemporaryBytes(Identity.fileSize) { bytes in
      var writer = Writer(bytes)
      writer.append(Identity.magic)
      exchange.withPrivateBytes { writer.append($0) }
      signing.withSeed { writer.append($0) }
      Checksum.append(to: &writer)
      return body(writer.written)
    }
  }
}

/// 8 bytes of BLAKE2b at the end of our files: a torn or edited file is told from a strange one.
enum Checksum {
  static let size = 8

  static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 { Digest(of: bytes).low }

  /// Covers everything that `writer` holds.
  static func append(to writer: inout Writer) { writer.u64(of(writer.written)) }

  static func isRight(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var reader = Reader(bytes)
    guard let body = try? reader.take(bytes.count - size), let sum = try? reader.u64() else { return false }
    return sum == of(body)
  }
}

extension Sodium {
  static func equal(_ left: UnsafeRawBufferPointer, _ right: [UInt8]) -> Bool {
    right.withUnsafeBytes { equal(left, $0) }
  }
}
