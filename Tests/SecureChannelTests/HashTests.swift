import Hashing
import SecureChannel
import Testing

@Suite struct HashTests {
  /// RFC 7693, appendix A, and appendix E's self-test over many lengths, plain and keyed.
  @Test func blake2bOfTheRFC() {
    var abc = Blake2b(outputSize: 64)
    abc.update("abc")
    #expect(
      hexadecimal(abc.finish())
        == "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc95"
        + "18d38aa8dbf1925ab92386edd4009923")
    var total = Blake2b(outputSize: 32)
    for size in [20, 32, 48, 64] {
      for length in [0, 3, 128, 129, 255, 1_024] {
        let input = sequence(length, seed: length)
        total.update(hash(input, size: size))
        total.update(hash(input, size: size, key: sequence(size, seed: size)))
      }
    }
    #expect(
      hexadecimal(total.finish()) == "c23a7800d98123bd10f506c61e29da5603d763b8bbad2e737f5e765a7bccd475")
  }

  /// The deterministic sequence of RFC 7693, appendix E.
  private func sequence(_ length: Int, seed: Int) -> [UInt8] {
    var a = 0xdead_4bad &* UInt32(truncatingIfNeeded: seed)
    var b: UInt32 = 1
    return (0..<length).map { _ in
      let t = a &+ b
      a = b
      b = t
      return UInt8(truncatingIfNeeded: t >> 24)
    }
  }

  private func hash(_ input: [UInt8], size: Int, key: [UInt8] = []) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: size)
    output.withUnsafeMutableBytes { output in
      input.withUnsafeBytes { input in key.withUnsafeBytes { Blake2b.hash(input, key: $0, into: output) } }
    }
    var pieces = Blake2b(outputSize: size, key: key.withUnsafeBytes { $0 })
    pieces.update(Array(input.prefix(7)))
    pieces.update(Array(input.dropFirst(7)))
    #expect(pieces.finish() == output)
    return output
  }

  /// RFC 4231 (HMAC-SHA-256), cases 1, 2, 6 and 7: short and long keys.
  @Test(arguments: [
    (
      "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      String(repeating: "aa", count: 131),
      "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
  ])
  func hmacSHA256(key: String, text: String, code: String) {
    #expect(hexadecimal(hmac(.sha256, octets(key), octets(text))) == code)
  }

  /// HMAC-BLAKE2b-512 has a block of 128 bytes; values of Python's hmac over hashlib.blake2b, for a short key, a key of
  /// one block and a longer one. Keyed BLAKE2b gives others.
  @Test(arguments: [
    (
      4,
      "ebe336a003bccbffe34ae5efbc690339a753b0dddef8007111f32ffebf52da870281dab6ab8e2c5481bc73b7777ab473bf5c8afd28447cb6a7c7d46dd202d20e"
    ),
    (
      128,
      "a23f247c5af57f819850774dc67d6b1690225e444f738035a8a9a1ac663f47debe4db2941371f6095c614338d316cc29773d41c7af9e714e7b052676358d590b"
    ),
    (
      200,
      "a40c306db2192b762947da7250adc891badc90355abe47a4d49f14d68dfae7b9230d489f31eaa48b22b14a3fb414e51ac19b53af1652d3956a459d722f11262e"
    ),
  ])
  func hmacBLAKE2b(keySize: Int, code: String) {
    let key = (0..<keySize).map { UInt8(truncatingIfNeeded: $0) }
    #expect(hexadecimal(hmac(.blake2b, key, Array("what do ya want for nothing?".utf8))) == code)
  }

  private func hmac(_ hash: NoiseHash, _ key: [UInt8], _ text: [UInt8]) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: hash.size)
    output.withUnsafeMutableBytes { output in
      key.withUnsafeBytes { key in text.withUnsafeBytes { hash.hmac(key: key, $0, into: output) } }
    }
    return output
  }

  private struct Case: Sendable {
    let hash: NoiseHash
    let input: String
    let salt: String
    let info: String
    let key: String
    let output: String
  }

  private static func span(_ range: ClosedRange<UInt8>) -> String { hexadecimal(range) }

  /// RFC 5869, appendix A, cases 1 to 3; and the same inputs through BLAKE2b (Python's hmac).
  private static let cases = [
    Case(
      hash: .sha256, input: String(repeating: "0b", count: 22), salt: span(0...12), info: span(0xf0...0xf9),
      key: "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
      output: "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
    Case(
      hash: .sha256, input: span(0...0x4f), salt: span(0x60...0xaf), info: span(0xb0...0xff),
      key: "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
      output: "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
        + "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"),
    Case(
      hash: .sha256, input: String(repeating: "0b", count: 22), salt: "", info: "",
      key: "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
      output: "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"),
    Case(
      hash: .blake2b, input: span(0...0x4f), salt: span(0x60...0xaf), info: span(0xb0...0xff),
      key:
        "9eddca55c30bd643eb09b91a6a7b2763096333338d4fd2145899d746b415c07422c9ff0aecdefa0fb1cae869492a499ad01f9e0a1a29b13067a97805455ad54f",
      output:
        "bb19eccde3ff3f41a8b3a147eb4fa640599a4e2194aadd98c0458f7ec05ac995238f9b6002d5bcbfa7c67975965de73ff014e55acff823162d6d5c04498501b1acb5e99058466d1a440ffc544f408e89f555"
    ),
  ]

  @Test(arguments: 0..<4) func hkdf(index: Int) {
    let row = HashTests.cases[index]
    let hash = row.hash
    var key = [UInt8](repeating: 0, count: hash.size)
    var output = [UInt8](repeating: 0, count: row.output.utf8.count / 2)
    key.withUnsafeMutableBytes { key in
      octets(row.salt).withUnsafeBytes { salt in
        octets(row.input).withUnsafeBytes { hash.extract(salt: salt, $0, into: key) }
      }
    }
    output.withUnsafeMutableBytes { output in
      key.withUnsafeBytes { key in
        octets(row.info).withUnsafeBytes { hash.expand(key: key, info: $0, into: output) }
      }
    }
    #expect(hexadecimal(key) == row.key)
    #expect(hexadecimal(output) == row.output)
  }

  /// Outputs 1 and 2 do not change when a third is asked for: the exporter rests on that.
  @Test(arguments: [NoiseHash.blake2b, .sha256]) func aThirdOutputChangesNothing(hash: NoiseHash) {
    let chainingKey = [UInt8](repeating: 7, count: hash.size)
    let input = [UInt8](repeating: 9, count: 32)
    func outputs(_ count: Int) -> [[UInt8]] {
      var all = [UInt8](repeating: 0, count: count * hash.size)
      all.withUnsafeMutableBytes { all in
        let parts = (0..<count).map {
          UnsafeMutableRawBufferPointer(rebasing: all[$0 * hash.size..<($0 + 1) * hash.size])
        }
        chainingKey.withUnsafeBytes { chainingKey in
          input.withUnsafeBytes { input in
            if count == 2 {
              hash.expandChain(chainingKey, input, parts[0], parts[1])
            } else {
              hash.expandChain(chainingKey, input, parts[0], parts[1], parts[2])
            }
          }
        }
      }
      return (0..<count).map { Array(all[$0 * hash.size..<($0 + 1) * hash.size]) }
    }
    let two = outputs(2)
    let three = outputs(3)
    #expect(two == Array(three[..<2]))
    #expect(Set(three).count == 3)
  }
}
