import SecureChannel
import Testing
import Wire

/// The public Wycheproof vectors of our four primitives, whole files.
@Suite(.enabled(if: SharedData.isThere, SharedData.absence)) struct WycheproofTests {
  private struct File<Group: Decodable>: Decodable {
    let numberOfTests: Int
    let testGroups: [Group]
  }

  private struct ExchangeGroup: Decodable {
    struct Row: Decodable {
      let tcId: Int
      let flags: [String]
      let `public`: String
      let `private`: String
      let shared: String
      let result: String
    }

    let tests: [Row]
  }

  @Test func x25519() throws {
    let file = try SharedData.decode(File<ExchangeGroup>.self, from: "wycheproof-x25519.json")
    let arena = try #require(SecretArena())
    var rows = 0
    var refused = 0
    for row in file.testGroups.flatMap(\.tests) {
      let pair = try #require(ExchangeKeyPair(privateKey: arena.store(octets(row.private))))
      var shared = [UInt8](repeating: 0, count: 32)
      let isUsable = shared.withUnsafeMutableBytes { output in
        octets(row.public).withUnsafeBytes { pair.shared(with: $0, into: output) }
      }
      // A zero result is refused; every other one has to be right, "acceptable" or not.
      let isZero = !row.shared.contains { $0 != "0" }
      #expect(isUsable == !isZero, "case \(row.tcId)")
      if isUsable { #expect(hexadecimal(shared) == row.shared, "case \(row.tcId)") } else { refused += 1 }
      if row.result == "valid" { #expect(isUsable, "case \(row.tcId)") }
      rows += 1
    }
    #expect(rows == file.numberOfTests && rows == 518)
    #expect(refused == 31)
    print("wycheproof x25519: \(rows) cases, \(refused) zero results refused")
  }

  private struct SignatureGroup: Decodable {
    struct Key: Decodable { let pk: String }

    struct Row: Decodable {
      let tcId: Int
      let msg: String
      let sig: String
      let result: String
    }

    let publicKey: Key
    let tests: [Row]
  }

  @Test func ed25519() throws {
    let file = try SharedData.decode(File<SignatureGroup>.self, from: "wycheproof-ed25519.json")
    var rows = 0
    var otherSizes = 0
    for group in file.testGroups {
      for row in group.tests {
        let signature = octets(row.sig)
        // Our signatures have 64 bytes by type: others cannot even be read.
        var isValid = false
        if let read = signature.withUnsafeBytes({ exactly64($0) }) {
          isValid = octets(row.msg).withUnsafeBytes {
            SigningKeyPair.verify(read, $0, publicKey: octets(group.publicKey.pk))
          }
        } else {
          otherSizes += 1
        }
        #expect(isValid == (row.result == "valid"), "case \(row.tcId)")
        rows += 1
      }
    }
    #expect(rows == file.numberOfTests && rows == 151)
    print("wycheproof ed25519: \(rows) cases, \(otherSizes) of them of another length")
  }

  private func exactly64(_ bytes: UnsafeRawBufferPointer) -> Signature? {
    var reader = Reader(bytes)
    guard let signature = try? reader.signature(), reader.isAtEnd else { return nil }
    return signature
  }

  private struct CipherGroup: Decodable {
    struct Row: Decodable {
      let tcId: Int
      let key: String
      let iv: String
      let aad: String
      let msg: String
      let ct: String
      let tag: String
      let result: String
    }

    let tests: [Row]
  }

  private typealias Seal = (
    UnsafeMutableRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer
  ) -> Void
  private typealias Open = (
    UnsafeMutableRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer
  ) -> UnsafeMutableRawBufferPointer?

  @Test func chaCha20Poly1305() throws {
    try cipher(
      "chacha20_poly1305", cases: 325, nonceSize: 12,
      seal: { ChaChaPoly.seal(inPlace: $0, key: $1, nonce: $2, authenticating: $3) },
      open: { ChaChaPoly.open(inPlace: $0, key: $1, nonce: $2, authenticating: $3) })
  }

  @Test func xChaCha20Poly1305() throws {
    try cipher(
      "xchacha20_poly1305", cases: 315, nonceSize: 24,
      seal: { XChaChaPoly.seal(inPlace: $0, key: $1, nonce: $2, authenticating: $3) },
      open: { XChaChaPoly.open(inPlace: $0, key: $1, nonce: $2, authenticating: $3) })
  }

  private func cipher(_ name: String, cases: Int, nonceSize: Int, seal: Seal, open: Open) throws {
    let file = try SharedData.decode(File<CipherGroup>.self, from: "wycheproof-\(name).json")
    var rows = 0
    var otherNonces = 0
    for row in file.testGroups.flatMap(\.tests) {
      rows += 1
      let sealed = octets(row.ct) + octets(row.tag)
      let opened = use(sealed, row) { bytes, key, nonce, header in open(bytes, key, nonce, header).map { Array($0) } }
      if row.iv.utf8.count != nonceSize * 2 {
        otherNonces += 1
        #expect(row.result == "invalid" && opened == nil, "case \(row.tcId)")
        continue
      }
      #expect((opened != nil) == (row.result == "valid"), "case \(row.tcId)")
      if let opened {
        #expect(hexadecimal(opened) == row.msg, "case \(row.tcId)")
        let plain = octets(row.msg) + [UInt8](repeating: 0, count: 16)
        let again = use(plain, row) { bytes, key, nonce, header -> [UInt8] in
          seal(bytes, key, nonce, header)
          return Array(bytes)
        }
        #expect(again == sealed, "case \(row.tcId)")
      }
    }
    #expect(rows == file.numberOfTests && rows == cases)
    print("wycheproof \(name): \(rows) cases, \(otherNonces) other nonce sizes refused")
  }

  private func use<R>(
    _ text: [UInt8], _ row: CipherGroup.Row,
    _ body: (UnsafeMutableRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> R
  ) -> R {
    var text = text
    return text.withUnsafeMutableBytes { text in
      octets(row.key).withUnsafeBytes { key in
        octets(row.iv).withUnsafeBytes { nonce in
          octets(row.aad).withUnsafeBytes { body(text, key, nonce, $0) }
        }
      }
    }
  }
}
