import FoundationEssentials

/// JSON as the control socket and `--json` write it: one object on one line, snake_case, keys sorted.
package enum JSONLine {
  /// The value as one line, line feed included.
  package static func encode(_ value: some Encodable) -> [UInt8] { encode(value, pretty: false) }

  /// `pretty` is for people's eyes: several lines.
  package static func encode(_ value: some Encodable, pretty: Bool) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting =
      pretty ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted] : [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    // Encoding our own value types cannot fail: every one is made of strings, numbers, lists and such types.
    guard let data = try? encoder.encode(value) else { preconditionFailure("a reply that JSON cannot express") }
    return [UInt8](data) + [0x0a]
  }

  /// A property's name as it stands in JSON: `rttSeconds` is `rtt_seconds`.
  static func fieldName(_ property: String) -> String {
    var name = ""
    for character in property {
      if character.isUppercase, !name.isEmpty { name += "_" }
      name += character.lowercased()
    }
    return name
  }

  /// `nil` when the line is not such an object.
  package static func decode<Value: Decodable>(_ type: Value.Type, from line: some Collection<UInt8>) -> Value? {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try? decoder.decode(type, from: Data(line))
  }
}

/// base64url without padding (RFC 4648, 5), as pastes and the control socket use it. One text per byte string: a
/// decoder that took several would let two lines name one certificate. (The room of the keys has the same; this one
/// stays inside, because a room that holds only words should not import cryptography for it.)
enum Base64URL {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count * 4 + 2) / 3)
    var word: UInt32 = 0
    var bits = 0
    for byte in bytes {
      word = word << 8 | UInt32(byte)
      bits += 8
      while bits >= 6 {
        bits -= 6
        text.append(alphabet[Int(word >> UInt32(bits) & 63)])
      }
    }
    if bits > 0 { text.append(alphabet[Int(word << UInt32(6 - bits) & 63)]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// `nil` for a foreign character, a length that no bytes have, or leftover bits that are not zero.
  static func decode(_ text: some StringProtocol) -> [UInt8]? {
    var bytes: [UInt8] = []
    var word: UInt32 = 0
    var bits = 0
    for character in text.utf8 {
      let value: UInt32
      switch character {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = UInt32(character - UInt8(ascii: "A"))
      case UInt8(ascii: "a")...UInt8(ascii: "z"): value = UInt32(character - UInt8(ascii: "a")) + 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = UInt32(character - UInt8(ascii: "0")) + 52
      case UInt8(ascii: "-"): value = 62
      case UInt8(ascii: "_"): value = 63
      default: return nil
      }
      word = (word << 6 | value) & 0xffff
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
      }
    }
    guard bits < 6, word & (1 << UInt32(bits) - 1) == 0 else { return nil }
    return bytes
  }
}

extension String {
  /// The text with control characters shown as `\x1b`, so that a name from outside cannot steer a terminal, and cut to
  /// `limit` characters.
  package func printable(limit: Int = .max) -> String {
    var result = ""
    var count = 0
    for scalar in unicodeScalars {
      guard count < limit else { return result + "…" }
      count += 1
      let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
      // Bidirectional overrides reorder what a person reads.
      let isOverride = (0x202a...0x202e).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
      if isControl || isOverride {
        result += "\\x" + String(scalar.value, radix: 16)
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
