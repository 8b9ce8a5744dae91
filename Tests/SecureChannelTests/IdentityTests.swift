import SecureChannel
import Testing
import Wire

@Suite struct IdentityTests {
  private let arena = SecretArena()!

  @Test func aHostKeyHasOneText() throws {
    var chance = Chance(seed: 41)
    for _ in 0..<200 {
      let bytes = (0..<64).map { _ in UInt8(truncatingIfNeeded: chance.next()) }
      let key = try #require(HostKey(exchange: Array(bytes[..<32]), signing: Array(bytes[32...])))
      let text = key.description
      #expect(text.utf8.count == 86)
      #expect(HostKey(text) == key)
      // 64 bytes are 512 bits, 86 characters 516: the four spare ones must be zero.
      let last = try #require(text.last)
      let other = try #require("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".first { $0 != last })
      let read = HostKey(String(text.dropLast()) + String(other))
      #expect(read == nil || read != key)
    }
  }

  @Test(arguments: [
    "", "A", String(repeating: "A", count: 85), String(repeating: "A", count: 87),
    String(repeating: "A", count: 85) + "B", String(repeating: "A", count: 85) + "+",
    String(repeating: "A", count: 85) + "=", String(repeating: "ä", count: 43),
  ])
  func otherTextsAreRefused(text: String) { #expect(HostKey(text) == nil) }

  @Test func keysOfAnotherSizeAreRefused() {
    #expect(HostKey(exchange: [1], signing: [UInt8](repeating: 0, count: 32)) == nil)
    #expect(HostKey(exchange: [UInt8](repeating: 0, count: 32), signing: []) == nil)
  }

  @Test func base64URLIsTheInverseOfItselfAndCanonical() {
    var chance = Chance(seed: 42)
    for size in 0..<70 {
      let bytes = (0..<size).map { _ in UInt8(truncatingIfNeeded: chance.next()) }
      #expect(Base64URL.bytes(of: Base64URL.text(of: bytes).utf8) == bytes)
    }
    #expect(Base64URL.text(of: [0xfb, 0xff, 0xbf]) == "-_-_")
    for text in ["A", "AB", "AAB", "AAAAA", "+A", "AA=="] { #expect(Base64URL.bytes(of: text.utf8) == nil) }
  }

  @Test func anIdentityComesBackFromItsFile() throws {
    let identity = try #require(Identity(arena: arena, entropy: SeededEntropy(43)))
    let file = identity.withFile { Array($0) }
    #expect(file.count == Identity.fileSize)
    let again = try #require(file.withUnsafeBytes { Identity(file: $0, arena: arena) })
    #expect(again.key == identity.key)
    let text = [UInt8]("message".utf8)
    let signature = text.withUnsafeBytes { again.signing.sign($0) }
    #expect(text.withUnsafeBytes { SigningKeyPair.verify(signature, $0, publicKey: identity.key.signing) })
    #expect(again.withFile { Array($0) } == file)
  }

  @Test func aDamagedKeyFileIsRefused() throws {
    let identity = try #require(Identity(arena: arena, entropy: SeededEntropy(44)))
    let file = identity.withFile { Array($0) }
    for bit in 0..<file.count * 8 {
      var altered = file
      altered[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(altered.withUnsafeBytes { Identity(file: $0, arena: arena) } == nil, "bit \(bit)")
    }
    for count in 0..<file.count {
      #expect(file[..<count].withUnsafeBytes { Identity(file: $0, arena: arena) } == nil)
    }
    #expect((file + [0]).withUnsafeBytes { Identity(file: $0, arena: arena) } == nil)
  }

  @Test func aNetworkComesBackFromItsFile() throws {
    let test = TestNetwork(seed: 45)
    let second = try #require(OperatorSigner(arena: test.arena, entropy: test.entropy))
    let network = try #require(
      Network(name: "geffen-2", operators: [test.signer.key, second.key], secret: test.network.secret))
    let file = network.withFile { Array($0) }
    let again = try #require(file.withUnsafeBytes { Network(file: $0, arena: arena) })
    #expect(again.name == "geffen-2")
    #expect(again.operators == network.operators)
    #expect(again.id == network.id)
    #expect(again.secret.equals(network.secret))
    for bit in 0..<file.count * 8 {
      var altered = file
      altered[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(altered.withUnsafeBytes { Network(file: $0, arena: arena) } == nil, "bit \(bit)")
    }
    for count in 0..<file.count {
      #expect(file[..<count].withUnsafeBytes { Network(file: $0, arena: arena) } == nil)
    }
  }

  @Test func theNetworkIDIsTheFoundersAndTheNames() throws {
    let test = TestNetwork(seed: 46)
    let second = try #require(OperatorSigner(arena: test.arena, entropy: test.entropy))
    func id(_ name: String, _ operators: [OperatorKey]) throws -> NetworkID {
      try #require(Network(name: name, operators: operators, secret: test.network.secret)).id
    }
    let own = try id("prontera", [test.signer.key])
    #expect(own == test.network.id)
    #expect(try id("prontera", [test.signer.key, second.key]) == own, "a second operator changes nothing")
    #expect(try id("prontera", [second.key]) != own)
    #expect(try id("pronterb", [test.signer.key]) != own)
    #expect(UInt64(test.network.tag) == own.rawValue & 0xffff)
  }

  @Test(arguments: ["", "Prontera", "a b", "a_b", "ä", String(repeating: "a", count: 32), "a\u{1b}[0m", "a\n"])
  func badNamesAreRefused(name: String) {
    let test = TestNetwork(seed: 47)
    #expect(!MeshName.isValid(name.utf8))
    #expect(Network(name: name, operators: [test.signer.key], secret: test.network.secret) == nil)
  }

  @Test func aNetworkHasOneToFourOperators() {
    let test = TestNetwork(seed: 48)
    #expect(Network(name: "a", operators: [], secret: test.network.secret) == nil)
    #expect(
      Network(name: "a", operators: Array(repeating: test.signer.key, count: 4), secret: test.network.secret) != nil)
    #expect(
      Network(name: "a", operators: Array(repeating: test.signer.key, count: 5), secret: test.network.secret) == nil)
    #expect(Network(name: "a", operators: [test.signer.key], secret: test.arena.store([1, 2])) == nil)
  }

  @Test func systemEntropyFillsAndDiffers() throws {
    let entropy = try #require(SodiumEntropy())
    var first = [UInt8](repeating: 0, count: 64)
    var second = first
    first.withUnsafeMutableBytes { entropy.fill($0) }
    second.withUnsafeMutableBytes { entropy.fill($0) }
    #expect(first != second)
    #expect(Set(first).count > 16)
  }
}
