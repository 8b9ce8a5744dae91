import CSodium
import Hashing
package import Wire

/// The operator's signing key, in memory only while something is being signed. It lives offline, in a file that a
/// passphrase encrypts.
package final class OperatorSigner {
  package let key: OperatorKey
  /// Of signed words about shards and voters.
  package static let orderDomain: StaticString = "mesh-order/1"
  private let pair: SigningKeyPair

  /// A new key; `nil` when the arena is full.
  package convenience init?(arena: SecretArena, entropy: any Entropy) {
    let pair = withTemporaryBytes(SigningKeyPair.seedSize) { seed in
      entropy.fill(seed)
      return SigningKeyPair(seed: UnsafeRawBufferPointer(seed), arena: arena)
    }
    guard let pair else { return nil }
    self.init(pair)
  }

  fileprivate init?(_ pair: SigningKeyPair) {
    guard let key = OperatorKey(pair.publicKey) else { return nil }
    self.key = key
    self.pair = pair
  }

  /// Signs domain ‖ bytes. Each kind of document has a domain of its own, so that a signature cannot be moved between
  /// kinds: "mesh-cert/1", "mesh-revoke/1", "mesh-welcome/1", and those of the world and of voter sets.
  package func sign(domain: StaticString, _ bytes: UnsafeRawBufferPointer) -> Signature {
    SignedText.with(domain: domain, bytes) { pair.sign($0) }
  }

  fileprivate func withSeed<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R { pair.withSeed(body) }
}

package enum OperatorFileError: Error, Hashable, Sendable {
  /// Not an operator key file, or of another version.
  case notAnOperatorKey
  /// Cut or altered outside of the encrypted part.
  case damaged
  case wrongPassphrase
  /// An empty passphrase protects nothing.
  case emptyPassphrase
  /// Argon2id could not get its 256 MiB.
  case noMemory
  case noSecretMemory

  package var cause: String {
    switch self {
    case .notAnOperatorKey: "this is not an operator key file of this version"
    case .damaged: "the operator key file is cut or damaged"
    case .wrongPassphrase: "the passphrase is wrong"
    case .emptyPassphrase: "the passphrase is empty"
    case .noMemory: "the passphrase check needs 256 MiB of free memory"
    case .noSecretMemory: "the memory for secrets is full"
    }
  }
}

/// The operator's key at rest, 160 bytes: Argon2id (`crypto_pwhash`, MODERATE: 3 passes over 256 MiB) makes a key from
/// the passphrase, XSalsa20-Poly1305 (`crypto_secretbox`) seals the seed with it.
///
/// | offset | size | field |
/// |---|---|---|
/// | 0 | 8 | magic "MESHOPK1" |
/// | 8 | 4 + 4 | passes; memory in KiB |
/// | 16 | 16 | salt |
/// | 32 | 24 | nonce |
/// | 56 | 32 | public key, readable without the passphrase |
/// | 88 | 48 | seed 32, sealed |
/// | 136 | 16 | zero |
/// | 152 | 8 | checksum |
package enum OperatorFile {
  package static let size = 160
  private static let magic = [UInt8]("MESHOPK1".utf8)
  private static let sealedSize = SigningKeyPair.seedSize + 16
  private static let saltSize = 16
  private static let nonceSize = 24
  /// What a file may ask of this machine at most: a strange file must not take all memory.
  private static let passesLimit: UInt32 = 16
  private static let memoryLimit: UInt32 = 1 << 20

  private struct Fields {
    var passes: UInt32
    var memory: UInt32
    var salt: [UInt8]
    var nonce: UnsafeRawBufferPointer
    var publicKey: [UInt8]
    var sealed: UnsafeRawBufferPointer
  }

  /// The content of a key file.
  package static func seal(
    _ signer: OperatorSigner, passphrase: UnsafeRawBufferPointer, arena: SecretArena, entropy: any Entropy
  ) throws(OperatorFileError) -> [UInt8] {
    guard passphrase.count > 0 else { throw .emptyPassphrase }
    var salt = [UInt8](repeating: 0, count: saltSize)
    var nonce = [UInt8](repeating: 0, count: nonceSize)
    salt.withUnsafeMutableBytes { entropy.fill($0) }
    nonce.withUnsafeMutableBytes { entropy.fill($0) }
    let passes = UInt32(crypto_pwhash_OPSLIMIT_MODERATE)
    let memory = UInt32(crypto_pwhash_MEMLIMIT_MODERATE >> 10)
    let key = try derive(passphrase, salt: salt, passes: passes, memory: memory, arena: arena)
    var sealed = [UInt8](repeating: 0, count: sealedSize)
    key.withBytes { key in
      signer.withSeed { seed in
        _ = crypto_secretbox_easy(&sealed, seed.octets, UInt64(seed.count), nonce, key.octets)
      }
    }
    var file = [UInt8](repeating: 0, count: size)
    file.withUnsafeMutableBytes { buffer in
      var writer = Writer(buffer)
      writer.append(magic)
      writer.u32(passes)
      writer.u32(memory)
      writer.append(salt)
      writer.append(nonce)
      writer.append(signer.key.bytes)
      writer.append(sealed)
      writer.zeros(16)
      Checksum.append(to: &writer)
    }
    return file
  }

  /// The public key in a key file; no passphrase is needed.
  package static func publicKey(of file: UnsafeRawBufferPointer) throws(OperatorFileError) -> OperatorKey {
    guard let key = OperatorKey(try fields(of: file).publicKey) else { throw .notAnOperatorKey }
    return key
  }

  package static func open(
    _ file: UnsafeRawBufferPointer, passphrase: UnsafeRawBufferPointer, arena: SecretArena
  ) throws(OperatorFileError) -> OperatorSigner {
    let fields = try fields(of: file)
    guard passphrase.count > 0 else { throw .emptyPassphrase }
    let key = try derive(passphrase, salt: fields.salt, passes: fields.passes, memory: fields.memory, arena: arena)
    return try withTemporaryBytes(SigningKeyPair.seedSize) { seed throws(OperatorFileError) in
      let status = key.withBytes {
        crypto_secretbox_open_easy(
          seed.octets, fields.sealed.octets, UInt64(fields.sealed.count), fields.nonce.octets, $0.octets)
      }
      guard status == 0 else { throw .wrongPassphrase }
      guard let pair = SigningKeyPair(seed: UnsafeRawBufferPointer(seed), arena: arena) else { throw .noSecretMemory }
      // The readable public key is not under the seal: it must be the one that the seed gives.
      guard pair.publicKey == fields.publicKey, let signer = OperatorSigner(pair) else { throw .damaged }
      return signer
    }
  }

  private static func fields(of file: UnsafeRawBufferPointer) throws(OperatorFileError) -> Fields {
    guard file.starts(with: magic) else { throw .notAnOperatorKey }
    guard file.count == size, Checksum.isRight(file) else { throw .damaged }
    var reader = Reader(file)
    do {
      _ = try reader.take(magic.count)
      let fields = Fields(
        passes: try reader.u32(), memory: try reader.u32(), salt: [UInt8](try reader.take(saltSize)),
        nonce: try reader.take(nonceSize), publicKey: [UInt8](try reader.take(OperatorKey.size)),
        sealed: try reader.take(sealedSize))
      guard (1...passesLimit).contains(fields.passes), (8...memoryLimit).contains(fields.memory) else {
        throw OperatorFileError.damaged
      }
      return fields
    } catch {
      throw .damaged
    }
  }

  private static func derive(
    _ passphrase: UnsafeRawBufferPointer, salt: [UInt8], passes: UInt32, memory: UInt32,
    arena: SecretArena
  ) throws(OperatorFileError) -> Secret {
    guard let key = arena.allocate(32) else { throw .noSecretMemory }
    let status = key.withMutableBytes { output in
      crypto_pwhash(
        output.octets, 32, UnsafeRawPointer(passphrase.octets).assumingMemoryBound(to: CChar.self),
        UInt64(passphrase.count), salt, UInt64(passes), Int(memory) << 10, crypto_pwhash_ALG_ARGON2ID13)
    }
    guard status == 0 else { throw .noMemory }
    return key
  }
}
