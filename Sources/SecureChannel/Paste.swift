import Hashing

/// One line of text that people carry between machines: a prefix word, then unpadded base64url of
/// {length 2, body, checksum 4}. The length tells a cut paste, the checksum a damaged one. White space anywhere is
/// ignored, because terminals and mail programs break lines.
enum Paste {
  enum Kind: String, CaseIterable {
    case request = "mesh-request-1:"
    case welcome = "mesh-welcome-1:"

    /// The prefix without its version.
    var word: Substring { rawValue.dropLast(2) }
  }

  static let checksumSize = 4
  /// Characters that are looked at; our longest line is below 1,000.
  static let textLimit = 4_096

  /// Characters of a line with a body of so many bytes.
  static func textSize(_ kind: Kind, body: Int) -> Int {
    kind.rawValue.utf8.count + ((2 + body + checksumSize) * 4 + 2) / 3
  }

  static func line(_ kind: Kind, _ body: [UInt8]) -> String {
    let size = UInt16(truncatingIfNeeded: body.count + checksumSize)
    let content = [UInt8(truncatingIfNeeded: size), UInt8(truncatingIfNeeded: size >> 8)] + body
    return kind.rawValue + Base64URL.text(of: content + checksum(kind, content))
  }

  static func body(_ kind: Kind, of text: String) throws(AdmissionError) -> [UInt8] {
    let characters = text.utf8.prefix(textLimit + 1).filter { !isSpace($0) }
    guard !characters.isEmpty else { throw .empty }
    guard text.utf8.count <= textLimit else { throw .tooLong }
    guard characters.starts(with: kind.rawValue.utf8) else { throw strangeStart(characters, wanted: kind) }
    let content = try decode(characters.dropFirst(kind.rawValue.utf8.count))
    guard content.count >= 2 else { throw .cut }
    let size = 2 + Int(content[0]) + Int(content[1]) << 8
    guard content.count >= size else { throw .cut }
    guard content.count == size else { throw .tooLong }
    guard size >= 2 + checksumSize else { throw .damaged }
    let covered = Array(content.dropLast(checksumSize))
    guard Array(content.suffix(checksumSize)) == checksum(kind, covered) else { throw .damaged }
    return Array(covered.dropFirst(2))
  }

  private static func isSpace(_ character: UInt8) -> Bool {
    switch character {
    case UInt8(ascii: " "), 0x09...0x0d: true
    default: false
    }
  }

  private static func strangeStart(_ characters: [UInt8], wanted: Kind) -> AdmissionError {
    if wanted.rawValue.utf8.starts(with: characters) { return .cut }
    if let other = Kind.allCases.first(where: { $0 != wanted && characters.starts(with: $0.word.utf8) }) {
      return .otherKind(wanted: wanted.word.asText, found: other.word.asText)
    }
    return characters.starts(with: wanted.word.utf8) ? .otherVersion : .notAPaste(wanted: wanted.word.asText)
  }

  /// Stray bits at the end are left out: they are what a cut leaves, and the length notices that.
  private static func decode(_ characters: ArraySlice<UInt8>) throws(AdmissionError) -> [UInt8] {
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var count = 0
    for character in characters {
      guard let value = Base64URL.value(of: character) else { throw .strangeCharacter(character) }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        bits &= 1 << UInt32(count) - 1
      }
    }
    return bytes
  }

  private static func checksum(_ kind: Kind, _ content: [UInt8]) -> [UInt8] {
    let sum = (Array(kind.rawValue.utf8) + content).withUnsafeBytes { Digest(of: $0) }
    return sum.withBytes { Array($0.prefix(checksumSize)) }
  }
}

extension Substring {
  /// `mesh-request-` as people say it: `mesh-request`.
  fileprivate var asText: String { String(dropLast()) }
}
