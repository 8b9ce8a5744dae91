import Hashing
import SecureChannel
import Testing
import Wire

@Suite struct OperatorTests {
  private let arena = SecretArena()!
  private let entropy = SeededEntropy(81)

  private func open(_ file: [UInt8], _ passphrase: String) throws(OperatorFileError) -> OperatorSigner {
    let result = file.withUnsafeBytes { file in
      Array(passphrase.utf8).withUnsafeBytes { passphrase in
        Result { () throws(OperatorFileError) in try OperatorFile.open(file, passphrase: passphrase, arena: arena) }
      }
    }
    return try result.get()
  }

  private func seal(_ signer: OperatorSigner, _ passphrase: String) throws(OperatorFileError) -> [UInt8] {
    let result = Array(passphrase.utf8).withUnsafeBytes { passphrase in
      Result { () throws(OperatorFileError) in
        try OperatorFile.seal(signer, passphrase: passphrase, arena: arena, entropy: entropy)
      }
    }
    return try result.get()
  }

  @Test func aKeyComesBackWithItsPassphraseOnly() throws {
    let signer = try #require(OperatorSigner(arena: arena, entropy: entropy))
    let file = try seal(signer, "correct horse")
    #expect(file.count == OperatorFile.size)
    let publicKey = file.withUnsafeBytes { file in
      Result { () throws(OperatorFileError) in try OperatorFile.publicKey(of: file) }
    }
    #expect(try publicKey.get() == signer.key)
    let again = try open(file, "correct horse")
    #expect(again.key == signer.key)
    let text: [UInt8] = [1, 2, 3]
    let signature = text.withUnsafeBytes { again.sign(domain: "test/1", $0) }
    #expect(text.withUnsafeBytes { signer.key.verify(signature, domain: "test/1", $0) })
    #expect(!text.withUnsafeBytes { signer.key.verify(signature, domain: "test/2", $0) })
    #expect(throws: OperatorFileError.wrongPassphrase) { try open(file, "correct horsf") }
  }

  /// The checksum refuses altered files before 256 MiB are spent on them.
  @Test func damagedFilesAreRefused() throws {
    let signer = try #require(OperatorSigner(arena: arena, entropy: entropy))
    let file = try seal(signer, "p")
    for bit in 0..<file.count * 8 {
      var altered = file
      altered[bit / 8] ^= 1 << UInt8(bit % 8)
      let expected: OperatorFileError = bit < 64 ? .notAnOperatorKey : .damaged
      #expect(throws: expected, "bit \(bit)") { try open(altered, "p") }
    }
    for count in 0..<file.count {
      #expect(throws: count < 8 ? OperatorFileError.notAnOperatorKey : .damaged) {
        try open(Array(file[..<count]), "p")
      }
    }
  }

  /// A file that is whole but asks for too much, or shows a public key that is not its seed's.
  @Test func craftedFilesAreRefused() throws {
    let signer = try #require(OperatorSigner(arena: arena, entropy: entropy))
    let file = try seal(signer, "p")
    func crafted(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
      var bytes = Array(file[..<152])
      change(&bytes)
      return bytes + bytes.withUnsafeBytes { Digest(of: $0) }.withBytes { Array($0[..<8]) }
    }
    #expect(throws: Never.self) { try open(crafted { _ in }, "p") }
    for place in [8, 11, 15] {
      #expect(throws: OperatorFileError.damaged) { try open(crafted { $0[place] = 0xff }, "p") }
    }
    #expect(throws: OperatorFileError.damaged) { try open(crafted { $0[8] = 0 }, "p") }
    #expect(throws: OperatorFileError.damaged) { try open(crafted { $0[60] ^= 1 }, "p") }
    #expect(throws: OperatorFileError.wrongPassphrase) { try open(crafted { $0[100] ^= 1 }, "p") }
  }

  @Test func anEmptyPassphraseIsRefused() throws {
    let signer = try #require(OperatorSigner(arena: arena, entropy: entropy))
    #expect(throws: OperatorFileError.emptyPassphrase) { try seal(signer, "") }
  }

  @Test func twoFilesOfOneKeyShareNothing() throws {
    let signer = try #require(OperatorSigner(arena: arena, entropy: entropy))
    let first = try seal(signer, "p")
    let second = try seal(signer, "p")
    #expect(first[16..<56] != second[16..<56])
    #expect(first[88..<136] != second[88..<136])
  }
}
