import CSodium
import Hashing

/// Six known answers, checked at every start: a broken or wrongly built library must not guard a network.
package enum SelfTest {
  package enum Part: String, CaseIterable, Sendable {
    case hash, hmac, hkdf, cipher, exchange, signature
  }

  /// The parts that gave another answer than the published one; empty when all is well.
  package static func failures() -> [Part] {
    guard Sodium.isReady else { return Part.allCases }
    return Part.allCases.filter { !passes($0) }
  }

  static func passes(_ part: Part) -> Bool {
    switch part {
    case .hash: hash()
    case .hmac: hmac()
    case .hkdf: hkdf()
    case .cipher: cipher()
    case .exchange: exchange()
    case .signature: signature()
    }
  }

  /// RFC 7693, appendix A: BLAKE2b-512("abc").
  private static func hash() -> Bool {
    var running = Blake2b(outputSize: 64)
    running.update("abc")
    return running.finish()
      == hexadecimal(
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
          + "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923")
  }

  /// RFC 4231, test case 2, and the same input through HMAC-BLAKE2b-512 (computed with Python's hashlib and hmac).
  private static func hmac() -> Bool {
    let key = [UInt8]("Jefe".utf8)
    let text = [UInt8]("what do ya want for nothing?".utf8)
    func code(_ hash: NoiseHash) -> [UInt8] {
      var output = [UInt8](repeating: 0, count: hash.size)
      output.withUnsafeMutableBytes { output in
        key.withUnsafeBytes { key in text.withUnsafeBytes { hash.hmac(key: key, $0, into: output) } }
      }
      return output
    }
    return code(.sha256) == hexadecimal("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
      && code(.blake2b) == hexadecimal(hmacBLAKE2b)
  }

  private static let hmacBLAKE2b =
    "6ff884f8ddc2a6586b3c98a4cd6ebdf14ec10204b6710073eb5865ade37a2643"
    + "b8807c1335d107ecdb9ffeaeb6828c4625ba172c66379efcd222c2de11727ab4"

  /// RFC 5869, test case 1.
  private static func hkdf() -> Bool {
    let input = [UInt8](repeating: 0x0b, count: 22)
    let salt = hexadecimal("000102030405060708090a0b0c")
    let info = hexadecimal("f0f1f2f3f4f5f6f7f8f9")
    var key = [UInt8](repeating: 0, count: 32)
    var output = [UInt8](repeating: 0, count: 42)
    key.withUnsafeMutableBytes { key in
      salt.withUnsafeBytes { salt in input.withUnsafeBytes { NoiseHash.sha256.extract(salt: salt, $0, into: key) } }
    }
    output.withUnsafeMutableBytes { output in
      key.withUnsafeBytes { key in
        info.withUnsafeBytes { NoiseHash.sha256.expand(key: key, info: $0, into: output) }
      }
    }
    return output
      == hexadecimal("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
  }

  /// RFC 8439, 2.8.2; and the altered text is refused.
  private static func cipher() -> Bool {
    let text = [UInt8](
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
        .utf8)
    let key = [UInt8](0x80...0x9f)
    let nonce = hexadecimal("070000004041424344454647")
    let header = hexadecimal("50515253c0c1c2c3c4c5c6c7")
    var bytes = text + [UInt8](repeating: 0, count: ChaChaPoly.tagSize)
    return bytes.withUnsafeMutableBytes { bytes in
      key.withUnsafeBytes { key in
        nonce.withUnsafeBytes { nonce in
          header.withUnsafeBytes { header in
            ChaChaPoly.seal(inPlace: bytes, key: key, nonce: nonce, authenticating: header)
            let isRight = bytes.suffix(16).elementsEqual(hexadecimal("1ae10b594f09e26a7e902ecbd0600691"))
            let opened = ChaChaPoly.open(inPlace: bytes, key: key, nonce: nonce, authenticating: header)
            guard isRight, opened?.elementsEqual(text) ?? false else { return false }
            ChaChaPoly.seal(inPlace: bytes, key: key, nonce: nonce, authenticating: header)
            bytes[0] ^= 1
            return ChaChaPoly.open(inPlace: bytes, key: key, nonce: nonce, authenticating: header) == nil
          }
        }
      }
    }
  }

  /// RFC 7748, 5.2, first vector.
  private static func exchange() -> Bool {
    let scalar = hexadecimal("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
    let point = hexadecimal("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
    var output = [UInt8](repeating: 0, count: 32)
    guard crypto_scalarmult(&output, scalar, point) == 0 else { return false }
    return output == hexadecimal("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")
  }

  /// RFC 8032, 7.1, test 2; and another message is refused.
  private static func signature() -> Bool {
    let seed = hexadecimal("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    var publicKey = [UInt8](repeating: 0, count: 32)
    var secretKey = [UInt8](repeating: 0, count: 64)
    var signature = [UInt8](repeating: 0, count: 64)
    crypto_sign_seed_keypair(&publicKey, &secretKey, seed)
    crypto_sign_detached(&signature, nil, [0x72], 1, secretKey)
    return signature
      == hexadecimal(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
          + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
      && crypto_sign_verify_detached(signature, [0x72], 1, publicKey) == 0
      && crypto_sign_verify_detached(signature, [0x73], 1, publicKey) != 0
  }

  private static func hexadecimal(_ text: String) -> [UInt8] {
    let digits = text.utf8.map { $0 < 0x3a ? $0 &- 0x30 : $0 &- 0x57 }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}
