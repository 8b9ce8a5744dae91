import Hashing
import SecureChannel
import Testing
import Wire

/// IKpsk2 as the mesh uses it.
@Suite struct NoiseTests {
  /// Two sides with fixed keys.
  private struct Pair {
    let arena = SecretArena()!
    let entropy: SeededEntropy
    let first: ExchangeKeyPair
    let second: ExchangeKeyPair
    let secret: Secret
    let prologue = [UInt8]("mesh/1 test".utf8)

    init(seed: UInt64) {
      entropy = SeededEntropy(seed)
      first = ExchangeKeyPair(arena: arena, entropy: entropy)!
      second = ExchangeKeyPair(arena: arena, entropy: entropy)!
      secret = Network.newSecret(arena: arena, entropy: entropy)!
    }

    func initiator(psk: Secret? = nil, prologue: [UInt8]? = nil) throws -> NoiseHandshake {
      try (prologue ?? self.prologue).withUnsafeBytes {
        try NoiseHandshake(
          .ikPSK2, role: .initiator, prologue: $0,
          credentials: NoiseCredentials(staticKey: first, remoteStatic: second.publicKey, psks: [psk ?? secret]),
          arena: arena, entropy: entropy)
      }
    }

    func responder(ephemeral: ExchangeKeyPair? = nil) throws -> NoiseHandshake {
      try prologue.withUnsafeBytes {
        try NoiseHandshake(
          .ikPSK2, role: .responder, prologue: $0,
          credentials: NoiseCredentials(staticKey: second, psks: [secret], ephemeral: ephemeral), arena: arena,
          entropy: entropy)
      }
    }
  }

  @Test func theReaderStopsAtTheSendersKey() throws {
    let pair = Pair(seed: 21)
    let initiator = try pair.initiator()
    let responder = try pair.responder()
    let message = try initiator.write([1, 2, 3])
    #expect(responder.remoteStatic == nil)
    try responder.begin(message)
    #expect(responder.remoteStatic == pair.first.publicKey)
    #expect(responder.staticShared == nil, "the second Diffie-Hellman operation has not been done yet")
    #expect(try responder.read(message) == [1, 2, 3])
    #expect(responder.staticShared != nil)
  }

  @Test func aKeptStaticResultIsUsedInsteadOfTheOperation() throws {
    let pair = Pair(seed: 22)
    let firstContact = try pair.initiator()
    let responder = try pair.responder()
    let message = try firstContact.write([])
    #expect(try responder.read(message).isEmpty)
    let kept = try #require(responder.staticShared)
    let initiatorKept = try #require(firstContact.staticShared)
    #expect(kept.equals(initiatorKept))

    let again = try pair.initiator()
    again.staticShared = kept
    let other = try pair.responder()
    other.staticShared = kept
    let second = try again.write([7])
    #expect(try other.read(second, inTwoSteps: true) == [7])

    // A wrong one is really used: the payload cannot be opened.
    let misled = try pair.responder()
    misled.staticShared = pair.arena.store([UInt8](repeating: 1, count: 32))
    #expect(throws: NoiseError.authentication) { try misled.read(second) }
  }

  @Test func everyFlippedBitOfBothMessagesIsRefused() throws {
    let pair = Pair(seed: 23)
    let initiator = try pair.initiator()
    let message = try initiator.write([UInt8](repeating: 5, count: 20))
    for bit in 0..<message.count * 8 {
      var altered = message
      altered[bit / 8] ^= 1 << UInt8(bit % 8)
      let responder = try pair.responder()
      #expect(throws: NoiseError.self, "bit \(bit)") { try responder.read(altered) }
      #expect(throws: NoiseError.misuse, "a failed handshake is over") { try responder.read(message) }
    }
    let ephemeral = ExchangeKeyPair(arena: pair.arena, entropy: SeededEntropy(99))
    let responder = try pair.responder(ephemeral: ephemeral)
    _ = try responder.read(message)
    let answer = try responder.write([UInt8](repeating: 6, count: 16))
    for bit in stride(from: 0, to: answer.count * 8, by: 1) {
      var altered = answer
      altered[bit / 8] ^= 1 << UInt8(bit % 8)
      // The same initiator again, from the same entropy: a failed one cannot read twice.
      let twin = Pair(seed: 23)
      let other = try twin.initiator()
      _ = try other.write([UInt8](repeating: 5, count: 20))
      #expect(throws: NoiseError.self, "bit \(bit)") { try other.read(altered) }
    }
    #expect(try initiator.read(answer) == [UInt8](repeating: 6, count: 16))
  }

  @Test func cutAndLongMessagesAreRefused() throws {
    let pair = Pair(seed: 24)
    let message = try pair.initiator().write([1, 2, 3])
    for count in 0..<message.count {
      let responder = try pair.responder()
      #expect(throws: NoiseError.self) { try responder.read(Array(message[..<count]), inTwoSteps: count % 2 == 0) }
    }
    #expect(throws: NoiseError.authentication) { try pair.responder().read(message + [0]) }
  }

  /// With psk2 the responder cannot notice another network secret, so it answers; the initiator does notice.
  @Test func anotherSecretIsNoticedByTheInitiator() throws {
    let pair = Pair(seed: 25)
    let stranger = try pair.initiator(psk: pair.arena.store([UInt8](repeating: 0, count: 32)))
    let responder = try pair.responder()
    _ = try responder.read(try stranger.write([]))
    let answer = try responder.write([])
    #expect(throws: NoiseError.authentication) { try stranger.read(answer) }
  }

  @Test func anotherPrologueIsNoticedByTheResponder() throws {
    let pair = Pair(seed: 26)
    let stranger = try pair.initiator(prologue: [UInt8]("mesh/1 tess".utf8))
    let message = try stranger.write([])
    #expect(throws: NoiseError.authentication) { try pair.responder().read(message) }
  }

  @Test func smallOrderEphemeralKeysAreRefused() throws {
    let pair = Pair(seed: 27)
    let message = try pair.initiator().write([])
    for key in SmallOrder.exchangeKeys {
      #expect(throws: NoiseError.weakKey, "\(hexadecimal(key))") {
        try pair.responder().read(key + message[32...])
      }
    }
  }

  @Test func theKeysAgreeAndDiffer() throws {
    let pair = Pair(seed: 28)
    let initiator = try pair.initiator()
    let responder = try pair.responder()
    _ = try responder.read(try initiator.write([]))
    _ = try initiator.read(try responder.write([]))
    let mine = try initiator.split()
    let theirs = try responder.split()
    #expect(mine.sending(.initiator).equals(theirs.receiving(.responder)))
    #expect(mine.receiving(.initiator).equals(theirs.sending(.responder)))
    #expect(mine.exporter.equals(theirs.exporter))
    #expect(Set([mine.initiatorToResponder.octets, mine.responderToInitiator.octets, mine.exporter.octets]).count == 3)
    #expect(throws: NoiseError.misuse) { try initiator.split() }
  }

  @Test func stepsOutOfTurnAreMisuse() throws {
    let pair = Pair(seed: 29)
    let initiator = try pair.initiator()
    let responder = try pair.responder()
    #expect(throws: NoiseError.misuse) { try responder.write([]) }
    #expect(throws: NoiseError.misuse) { try initiator.read([UInt8](repeating: 0, count: 96)) }
    #expect(throws: NoiseError.misuse) { try initiator.split() }
    let message = try initiator.write([])
    #expect(throws: NoiseError.misuse) { try initiator.write([]) }
    #expect(try responder.read(message).isEmpty, "a call out of turn has not spoiled anything")
  }

  @Test func missingKeysAreMisuse() {
    let pair = Pair(seed: 30)
    for credentials in [
      NoiseCredentials(staticKey: pair.first, psks: [pair.secret]),
      NoiseCredentials(staticKey: pair.first, remoteStatic: pair.second.publicKey),
      NoiseCredentials(staticKey: pair.first, remoteStatic: [1, 2, 3], psks: [pair.secret]),
      NoiseCredentials(
        staticKey: pair.first, remoteStatic: pair.second.publicKey, psks: [pair.arena.store([1, 2, 3])]),
    ] {
      #expect(throws: NoiseError.misuse) {
        try NoiseHandshake(
          .ikPSK2, role: .initiator, prologue: .none, credentials: credentials, arena: pair.arena,
          entropy: pair.entropy)
      }
    }
  }

  @Test func aFullArenaIsAnErrorAndNothingElse() throws {
    let pair = Pair(seed: 31)
    let initiator = try pair.initiator()
    var taken: [Secret] = []
    while let secret = pair.arena.allocate(32) { taken.append(secret) }
    #expect(throws: NoiseError.noSecretMemory) { try initiator.write([]) }
    #expect(throws: NoiseError.noSecretMemory) { try pair.responder() }
    taken.removeAll()
    let responder = try pair.responder()
    #expect(try responder.read(try pair.initiator().write([4])) == [4])
  }

  @Test func handshakesLeaveNoSecretBehind() throws {
    let pair = Pair(seed: 32)
    let before = pair.arena.used
    do {
      let initiator = try pair.initiator()
      let responder = try pair.responder()
      _ = try responder.read(try initiator.write([]))
      _ = try initiator.read(try responder.write([]))
      let keys = try initiator.split()
      #expect(keys.exporter.count == 32)
      #expect(pair.arena.used > before)
    }
    #expect(pair.arena.used == before)
  }

  @Test(arguments: ["IK", "IKpsk2", "XXpsk0+psk3", "KKpsk0", "NNpsk1"]) func knownNames(name: String) throws {
    #expect(try #require(HandshakePattern(named: name)).name == name)
  }

  @Test(arguments: ["", "psk0", "ZZ", "IKpsk3", "IKpsk-1", "IKpsk", "IKpsk0+", "IKpskx", "IKhfs", "ik", "IK "])
  func unknownNames(name: String) { #expect(HandshakePattern(named: name) == nil) }
}

/// Public X25519 keys whose products are zero, in all their encodings below 2^256 that libsodium knows.
enum SmallOrder {
  static let exchangeKeys: [[UInt8]] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ].map(octets)
}
