import CSodium
import Hashing
package import Wire

/// Why a handshake cannot go on. After any of them it is over: the caller drops it.
package enum NoiseError: Error, Hashable, Sendable {
  /// The message is shorter than the pattern's fixed part, or the payload does not fit the room given for it.
  case length
  /// A tag is wrong: another key, another network, another version or altered bytes.
  case authentication
  /// A Diffie-Hellman result is zero: the peer's key is of small order.
  case weakKey
  /// The caller reads when it should write, goes on after the end, or has not given a key that the pattern needs.
  case misuse
  /// The secret arena is full.
  case noSecretMemory
}

/// An X25519 key pair. The private half stays in the arena.
package final class ExchangeKeyPair {
  package static let keySize = 32
  package let publicKey: [UInt8]
  private let privateKey: Secret

  /// `nil` unless the key has 32 bytes.
  package init?(privateKey: Secret) {
    guard privateKey.count == ExchangeKeyPair.keySize else { return nil }
    self.privateKey = privateKey
    var publicKey = [UInt8](repeating: 0, count: ExchangeKeyPair.keySize)
    guard privateKey.withBytes({ crypto_scalarmult_base(&publicKey, $0.octets) }) == 0 else { return nil }
    self.publicKey = publicKey
  }

  /// A new pair; `nil` when the arena is full.
  package convenience init?(arena: SecretArena, entropy: any Entropy) {
    guard let key = arena.allocate(ExchangeKeyPair.keySize) else { return nil }
    key.withMutableBytes { entropy.fill($0) }
    self.init(privateKey: key)
  }

  /// X25519 (RFC 7748); false when the result is zero, which means that the other key is of small order.
  package func shared(with publicKey: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Bool {
    guard publicKey.count == 32, output.count == 32 else { return false }
    return privateKey.withBytes { crypto_scalarmult(output.octets, $0.octets, publicKey.octets) } == 0
  }

  /// The private half, for the key file and the sealed box of a welcome only.
  func withPrivateBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R { privateKey.withBytes(body) }
}

/// The keys that a finished handshake leaves, 32 bytes each.
package struct NoiseKeys {
  package let initiatorToResponder: Secret
  package let responderToInitiator: Secret
  /// A third HKDF output on the final chaining key, which does not change the first two. Keys of streams come from it.
  package let exporter: Secret

  /// The key with which a role sends.
  package func sending(_ role: NoiseRole) -> Secret {
    role == .initiator ? initiatorToResponder : responderToInitiator
  }

  package func receiving(_ role: NoiseRole) -> Secret {
    role == .initiator ? responderToInitiator : initiatorToResponder
  }
}

/// What one side brings to a handshake.
package struct NoiseCredentials {
  package var staticKey: ExchangeKeyPair?
  package var remoteStatic: [UInt8]?
  /// In the order of the psk tokens, 32 bytes each.
  package var psks: [Secret]
  /// Fixed only in test vectors.
  package var ephemeral: ExchangeKeyPair?

  package init(
    staticKey: ExchangeKeyPair? = nil, remoteStatic: [UInt8]? = nil, psks: [Secret] = [],
    ephemeral: ExchangeKeyPair? = nil
  ) {
    self.staticKey = staticKey
    self.remoteStatic = remoteStatic
    self.psks = psks
    self.ephemeral = ephemeral
  }
}

/// One side of a Noise handshake: `Noise_<pattern>_25519_ChaChaPoly_<hash>`.
///
/// Messages are read in two steps, so that the caller can decide on the sender between them: `beginReading` runs the
/// tokens up to the one that reveals the sender's static key, `finishReading` does the rest. In IKpsk2 the first step
/// costs one Diffie-Hellman operation.
package final class NoiseHandshake {
  package let role: NoiseRole
  package let pattern: HandshakePattern
  /// The peer's static key, once it is known.
  package private(set) var remoteStatic: [UInt8]?
  /// The static-static result: given by the caller when it knows that of this peer (it never changes for two keys), or
  /// left here by the handshake for the caller to keep.
  package var staticShared: Secret?

  private var symmetric: NoiseSymmetricState
  private let arena: SecretArena
  private let entropy: any Entropy
  private let staticKey: ExchangeKeyPair?
  private var ephemeral: ExchangeKeyPair?
  private var remoteEphemeral: [UInt8]?
  private let psks: [Secret]
  private var usedPSKs = 0
  private var messageIndex = 0
  /// Where `beginReading` stopped.
  private var reading: (token: Int, offset: Int)?
  private var hasFailed = false

  /// - Throws: `misuse` when a key that the pattern needs is missing, `noSecretMemory`.
  package init(
    _ pattern: HandshakePattern, hash: NoiseHash = .blake2b, role: NoiseRole, prologue: UnsafeRawBufferPointer,
    credentials: NoiseCredentials, arena: SecretArena, entropy: any Entropy
  ) throws(NoiseError) {
    self.pattern = pattern
    self.role = role
    self.arena = arena
    self.entropy = entropy
    staticKey = credentials.staticKey
    remoteStatic = credentials.remoteStatic
    ephemeral = credentials.ephemeral
    psks = credentials.psks
    guard
      let symmetric = NoiseSymmetricState(
        hash: hash, name: "Noise_\(pattern.name)_25519_ChaChaPoly_\(hash.rawValue)", arena: arena)
    else { throw .noSecretMemory }
    self.symmetric = symmetric
    symmetric.mixHash(prologue)
    let isInitiator = role == .initiator
    if pattern.initiatorStaticIsKnown { try mixKnown(isInitiator ? staticKey?.publicKey : remoteStatic) }
    if pattern.responderStaticIsKnown { try mixKnown(isInitiator ? remoteStatic : staticKey?.publicKey) }
    let wanted = pattern.messages.joined().count { $0 == .psk }
    guard psks.count == wanted, psks.allSatisfy({ $0.count == 32 }) else { throw .misuse }
  }

  private func mixKnown(_ key: [UInt8]?) throws(NoiseError) {
    guard let key, key.count == 32 else { throw .misuse }
    key.withUnsafeBytes { symmetric.mixHash($0) }
  }

  /// All messages are done; `split` may be called.
  package var isComplete: Bool { messageIndex == pattern.messages.count && !hasFailed }
  /// It is this side's turn to write.
  package var writesNext: Bool { !isComplete && (messageIndex % 2 == 0) == (role == .initiator) }
  /// The transcript's hash; final and the same on both sides once the handshake is complete.
  package var handshakeHash: [UInt8] { symmetric.transcript }

  /// Bytes that the next message adds to its payload.
  package var overhead: Int {
    guard messageIndex < pattern.messages.count else { return 0 }
    var hasKey = symmetric.hasKey
    var size = 0
    for token in pattern.messages[messageIndex] {
      switch token {
      case .e:
        size += 32
        hasKey = hasKey || pattern.hasPSK
      case .s: size += hasKey ? 48 : 32
      case .ee, .es, .se, .ss, .psk: hasKey = true
      }
    }
    return size + (hasKey ? ChaChaPoly.tagSize : 0)
  }

  // MARK: Writing

  /// Appends the next message to `writer`, which has `overhead` + `payload.count` bytes of room.
  package func write(payload: UnsafeRawBufferPointer, into writer: inout Writer) throws(NoiseError) {
    guard !hasFailed, writesNext else { throw .misuse }
    guard writer.room >= overhead + payload.count else { throw .length }
    do throws(NoiseError) {
      for token in pattern.messages[messageIndex] { try write(token, into: &writer) }
      symmetric.encryptAndHash(payload, into: &writer)
    } catch {
      hasFailed = true
      throw error
    }
    messageIndex += 1
  }

  private func write(_ token: NoiseToken, into writer: inout Writer) throws(NoiseError) {
    switch token {
    case .e:
      if ephemeral == nil { ephemeral = ExchangeKeyPair(arena: arena, entropy: entropy) }
      guard let ephemeral else { throw .noSecretMemory }
      writer.append(ephemeral.publicKey)
      mixEphemeral(ephemeral.publicKey)
    case .s:
      guard let staticKey else { throw .misuse }
      staticKey.publicKey.withUnsafeBytes { symmetric.encryptAndHash($0, into: &writer) }
    default: try mix(token)
    }
  }

  // MARK: Reading

  /// Runs the next message's tokens up to and with the sender's static key. Without such a token in this message it
  /// does nothing yet. `message` must be the same in `finishReading`.
  package func beginReading(_ message: UnsafeRawBufferPointer) throws(NoiseError) {
    guard let place = messageTokens.firstIndex(of: .s) else { return }
    try read(message, through: place)
  }

  /// Reads the rest of the next message (all of it when `beginReading` was not called) and returns its payload's size.
  ///
  /// - Parameter payload: room for `message.count` − `overhead` bytes; it may not overlap the message.
  package func finishReading(
    _ message: UnsafeRawBufferPointer, payload: UnsafeMutableRawBufferPointer
  ) throws(NoiseError) -> Int {
    try read(message, through: messageTokens.count - 1)
    let offset = reading?.offset ?? 0
    guard message.count >= offset else { throw fail(.length) }
    let rest = UnsafeRawBufferPointer(rebasing: message[offset...])
    guard let count = symmetric.decryptAndHash(rest, into: payload) else {
      throw fail(
        rest.count < symmetric.tagSize || payload.count < rest.count - symmetric.tagSize ? .length : .authentication)
    }
    reading = nil
    messageIndex += 1
    return count
  }

  private var messageTokens: [NoiseToken] {
    messageIndex < pattern.messages.count ? pattern.messages[messageIndex] : []
  }

  private func fail(_ error: NoiseError) -> NoiseError {
    hasFailed = true
    return error
  }

  private func read(_ message: UnsafeRawBufferPointer, through last: Int) throws(NoiseError) {
    guard !hasFailed, !isComplete, !writesNext else { throw .misuse }
    let start = reading ?? (token: 0, offset: 0)
    var reader = Reader(message)
    do throws(NoiseError) {
      try skip(start.offset, &reader)
      let tokens = messageTokens
      for index in start.token..<max(last + 1, start.token) { try read(tokens[index], from: &reader) }
    } catch {
      throw fail(error)
    }
    reading = (max(last + 1, start.token), reader.offset)
  }

  private func skip(_ count: Int, _ reader: inout Reader) throws(NoiseError) {
    do { _ = try reader.take(count) } catch { throw .length }
  }

  private func take(_ count: Int, _ reader: inout Reader) throws(NoiseError) -> UnsafeRawBufferPointer {
    do { return try reader.take(count) } catch { throw .length }
  }

  private func read(_ token: NoiseToken, from reader: inout Reader) throws(NoiseError) {
    switch token {
    case .e:
      let key = [UInt8](try take(32, &reader))
      remoteEphemeral = key
      mixEphemeral(key)
    case .s:
      guard remoteStatic == nil else { throw .misuse }
      let sealed = try take(32 + symmetric.tagSize, &reader)
      var key = [UInt8](repeating: 0, count: 32)
      guard key.withUnsafeMutableBytes({ symmetric.decryptAndHash(sealed, into: $0) }) != nil else {
        throw .authentication
      }
      remoteStatic = key
    default: try mix(token)
    }
  }

  // MARK: Tokens that both sides run alike

  private func mixEphemeral(_ key: [UInt8]) {
    key.withUnsafeBytes {
      symmetric.mixHash($0)
      if pattern.hasPSK { symmetric.mixKey($0) }
    }
  }

  private func mix(_ token: NoiseToken) throws(NoiseError) {
    let isInitiator = role == .initiator
    switch token {
    case .ee: try mixShared(ephemeral, remoteEphemeral)
    case .es: try isInitiator ? mixShared(ephemeral, remoteStatic) : mixShared(staticKey, remoteEphemeral)
    case .se: try isInitiator ? mixShared(staticKey, remoteEphemeral) : mixShared(ephemeral, remoteStatic)
    case .ss: try mixStaticShared()
    case .psk:
      guard usedPSKs < psks.count else { throw .misuse }
      psks[usedPSKs].withBytes { symmetric.mixKeyAndHash($0) }
      usedPSKs += 1
    case .e, .s: throw .misuse
    }
  }

  private func mixShared(_ mine: ExchangeKeyPair?, _ theirs: [UInt8]?) throws(NoiseError) {
    guard let mine, let theirs else { throw .misuse }
    try withTemporaryBytes(32) { shared throws(NoiseError) in
      guard theirs.withUnsafeBytes({ mine.shared(with: $0, into: shared) }) else { throw .weakKey }
      symmetric.mixKey(UnsafeRawBufferPointer(shared))
    }
  }

  private func mixStaticShared() throws(NoiseError) {
    if staticShared == nil {
      guard let staticKey, let remoteStatic else { throw .misuse }
      guard let shared = arena.allocate(32) else { throw .noSecretMemory }
      let isUsable = shared.withMutableBytes { output in
        remoteStatic.withUnsafeBytes { staticKey.shared(with: $0, into: output) }
      }
      guard isUsable else { throw .weakKey }
      staticShared = shared
    }
    guard let staticShared, staticShared.count == 32 else { throw .misuse }
    staticShared.withBytes { symmetric.mixKey($0) }
  }

  // MARK: The end

  /// The session's keys. The chaining key is wiped; a second call is `misuse`.
  package func split() throws(NoiseError) -> NoiseKeys {
    guard isComplete else { throw .misuse }
    hasFailed = true
    ephemeral = nil
    guard let first = arena.allocate(32), let second = arena.allocate(32), let third = arena.allocate(32) else {
      throw .noSecretMemory
    }
    symmetric.split(first, second, third)
    return NoiseKeys(initiatorToResponder: first, responderToInitiator: second, exporter: third)
  }
}
