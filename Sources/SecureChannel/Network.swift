import Hashing
package import Wire

/// The public half of an operator's signing key.
package struct OperatorKey: Hashable, Sendable {
  package static let size = 32
  /// Ed25519 public key, 32 bytes.
  package let bytes: [UInt8]
  /// First 4 bytes of BLAKE2b-256("mesh-operator/1" ‖ key), little-endian: how a certificate names its signer. It only
  /// chooses among the keys that a host trusts already; a made-up key with the same id is not among them.
  package let id: UInt32

  /// `nil` unless there are 32 bytes.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count == OperatorKey.size else { return nil }
    self.bytes = bytes
    var hash = Blake2b()
    hash.update("mesh-operator/1")
    hash.update(bytes)
    id = UInt32(truncatingIfNeeded: Digest(of: hash).low)
  }

  package func verify(_ signature: Signature, domain: StaticString, _ body: UnsafeRawBufferPointer) -> Bool {
    SignedText.with(domain: domain, body) { SigningKeyPair.verify(signature, $0, publicKey: bytes) }
  }
}

/// Names of hosts and networks: 1 to 31 of a–z, 0–9 and hyphen (`security.md` 3.2), so that a name is safe in a log
/// line, a table and a file name.
package enum MeshName {
  package static let limit = 31

  package static func isValid(_ name: some Sequence<UInt8>) -> Bool {
    var count = 0
    for byte in name {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): count += 1
      default: return false
      }
      if count > limit { return false }
    }
    return count > 0
  }
}

/// What every member knows of the network it belongs to.
package final class Network {
  /// Two at work while one replaces the other, two for spares.
  package static let operatorLimit = 4
  package static let secretSize = 32
  private static let magic = [UInt8]("MESHNET1".utf8)
  /// Magic 8, key count 1, name length 1, keys, name, secret 32, checksum 8.
  package static let fileSizeLimit = 10 + operatorLimit * OperatorKey.size + MeshName.limit + secretSize + Checksum.size

  package let name: String
  /// The founder first: the network's id comes from that key and stays when others take over signing.
  package let operators: [OperatorKey]
  /// First 8 bytes of BLAKE2b-256(founder's key ‖ name), little-endian.
  package let id: NetworkID
  /// Shared by all members: it keys mac1, and is the psk of handshakes.
  package let secret: Secret

  /// `nil` for a bad name, no or more than four operators, or a secret that has not 32 bytes.
  package init?(name: String, operators: [OperatorKey], secret: Secret) {
    guard MeshName.isValid(name.utf8), let founder = operators.first, operators.count <= Network.operatorLimit,
      secret.count == Network.secretSize
    else { return nil }
    self.name = name
    self.operators = operators
    self.secret = secret
    id = Network.id(founder: founder, name: name)
  }

  package static func id(founder: OperatorKey, name: String) -> NetworkID {
    var hash = Blake2b()
    hash.update(founder.bytes)
    hash.update([UInt8](name.utf8))
    return NetworkID(rawValue: Digest(of: hash).low)
  }

  /// What datagrams carry after type and version: the low 16 bits of the id. It tells networks apart in the kernel's
  /// filter and proves nothing.
  package var tag: UInt16 { UInt16(truncatingIfNeeded: id.rawValue) }

  package func operatorKey(id: UInt32) -> OperatorKey? { operators.first { $0.id == id } }

  /// A new network secret; `nil` when the arena is full.
  package static func newSecret(arena: SecretArena, entropy: any Entropy) -> Secret? {
    guard let secret = arena.allocate(secretSize) else { return nil }
    secret.withMutableBytes { entropy.fill($0) }
    return secret
  }

  /// Reads the content of a network file; `nil` when it is not one, is damaged, or the arena is full.
  package convenience init?(file: UnsafeRawBufferPointer, arena: SecretArena) {
    guard file.count <= Network.fileSizeLimit, Checksum.isRight(file) else { return nil }
    var reader = Reader(file)
    do throws(WireError) {
      guard Sodium.equal(try reader.take(8), Network.magic) else { return nil }
      let operatorCount = Int(try reader.u8())
      let nameSize = Int(try reader.u8())
      guard (1...Network.operatorLimit).contains(operatorCount) else { return nil }
      var operators: [OperatorKey] = []
      for _ in 0..<operatorCount {
        guard let key = OperatorKey([UInt8](try reader.take(OperatorKey.size))) else { return nil }
        operators.append(key)
      }
      let name = try reader.take(nameSize)
      guard let secret = arena.store(try reader.take(Network.secretSize)) else { return nil }
      _ = try reader.u64()
      try reader.expectEnd()
      self.init(name: String(decoding: name, as: UTF8.self), operators: operators, secret: secret)
    } catch {
      return nil
    }
  }

  /// Lends the content of a network file for the time of the call; it is wiped afterwards. The shell writes it with mode
  /// 0600, because the secret is in it.
  package func withFile<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    withTemporaryBytes(Network.fileSizeLimit) { bytes in
      var writer = Writer(bytes)
      writer.append(Network.magic)
      writer.u8(UInt8(operators.count))
      writer.u8(UInt8(name.utf8.count))
      for key in operators { writer.append(key.bytes) }
      writer.append([UInt8](name.utf8))
      secret.withBytes { writer.append($0) }
      Checksum.append(to: &writer)
      return body(writer.written)
    }
  }
}
