/// The characters of the dialect: blanks, comments, names, texts. `Parser` puts them together.
///
///     file    := { entry }
///     entry   := name (":" | "=") value | name [":"] "{" { entry } "}" | "import" ":" path | "@include" path
///     name    := word { "." word }
///     value   := "text" | "[" value { "," value } "]" | bare
///     bare    := anything up to newline , ; } ] or a blank and a comment; trimmed
///     comment := "//" or "#" at the start of a line or after a blank; /* … */
///     ends    := newline, ";" or ","
struct Lexer {
  let bytes: [UInt8]
  var at: Int
  var problems = Problems()
  /// A bare value goes to the end of the text (`--set`): there is nothing else that it could end at.
  var bareTakesAll = false

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    at = 0
  }

  var next: UInt8? { at < bytes.count ? bytes[at] : nil }

  func peek(_ distance: Int) -> UInt8? { at + distance < bytes.count ? bytes[at + distance] : nil }

  func text(from start: Int) -> String { String(decoding: bytes[start..<at], as: UTF8.self) }

  /// Blanks and comments, up to the end of the line.
  mutating func skipBlanks() {
    while let byte = next {
      if Lexer.isBlank(byte) {
        at += 1
      } else if startsComment(at: at) {
        skipComment()
      } else {
        return
      }
    }
  }

  /// Blanks, comments and ends of lines.
  mutating func skipLines() {
    while let byte = next {
      if Lexer.isBlank(byte) || byte == UInt8(ascii: "\n") {
        at += 1
      } else if startsComment(at: at) {
        skipComment()
      } else {
        return
      }
    }
  }

  /// What may stand between two entries: the above and `;` or `,`.
  mutating func skipEnds() {
    skipLines()
    while let byte = next, byte == UInt8(ascii: ";") || byte == UInt8(ascii: ",") {
      at += 1
      skipLines()
    }
  }

  var isAtEndOfLine: Bool { next == nil || next == UInt8(ascii: "\n") }

  /// Where one entry ends: the end of a line, `;`, `,` or the `}` of its section.
  var isAtEndOfEntry: Bool {
    switch next {
    case nil, UInt8(ascii: "\n"), UInt8(ascii: ";"), UInt8(ascii: ","), UInt8(ascii: "}"): true
    default: false
    }
  }

  /// Reads over what is left of a broken line and says whether it opened a section.
  mutating func skipBrokenLine() -> Bool {
    var last: UInt8 = 0
    while let byte = next, byte != UInt8(ascii: "\n") {
      if Lexer.isBlank(byte), startsComment(at: at + 1) {
        at += 1
        skipComment()
        continue
      }
      if byte == UInt8(ascii: "}"), last != UInt8(ascii: "{") { break }
      if !Lexer.isBlank(byte) { last = byte }
      at += 1
    }
    return last == UInt8(ascii: "{")
  }

  // MARK: Names

  static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: byte >= 0x80  // A letter with an accent is a typing mistake in a name, not the end of it.
    }
  }

  /// The name at the cursor; empty when there is none.
  mutating func name() -> Range<Int> {
    let start = at
    while let byte = next, Lexer.isNameByte(byte) { at += 1 }
    return start..<at
  }

  // MARK: Values

  /// A bare text: it is not empty unless there is nothing before the end of the entry.
  mutating func bare() -> Range<Int> {
    let start = at
    var end = at
    scan: while let byte = next {
      if bareTakesAll {
        at += 1
        if !Lexer.isBlank(byte) { end = at }
        continue
      }
      switch byte {
      case UInt8(ascii: "\n"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "}"), UInt8(ascii: "]"): break scan
      default: break
      }
      if Lexer.isBlank(byte) {
        if startsComment(at: at + 1) { break }
        at += 1
      } else {
        at += 1
        end = at
      }
    }
    return start..<end
  }

  /// A text in quotes; the cursor is at the first one. `nil` when it is not closed in its line.
  mutating func quoted() -> String? {
    let start = at
    at += 1
    var result: [UInt8] = []
    while let byte = next, byte != UInt8(ascii: "\n") {
      if byte == UInt8(ascii: "\"") {
        at += 1
        return String(decoding: result, as: UTF8.self)
      }
      if byte == UInt8(ascii: "\\") {
        escape(into: &result)
      } else {
        result.append(byte)
        at += 1
      }
    }
    problems.add(
      Problem(.openText, start..<at, "this text is never closed", help: "put a `\"` at its end, in the same line"))
    return nil
  }

  private mutating func escape(into result: inout [UInt8]) {
    let start = at
    at += 1
    let simple: UInt8? =
      switch next {
      case UInt8(ascii: "n"): UInt8(ascii: "\n")
      case UInt8(ascii: "t"): UInt8(ascii: "\t")
      case UInt8(ascii: "r"): UInt8(ascii: "\r")
      case UInt8(ascii: "\""): UInt8(ascii: "\"")
      case UInt8(ascii: "\\"): UInt8(ascii: "\\")
      default: nil
      }
    if let simple {
      result.append(simple)
      at += 1
      return
    }
    if next == UInt8(ascii: "u"), peek(1) == UInt8(ascii: "{") {
      at += 2
      let digits = at
      while let byte = next, Character(Unicode.Scalar(byte)).isHexDigit, at - digits < 8 { at += 1 }
      let value = UInt32(text(from: digits), radix: 16)
      if next == UInt8(ascii: "}"), let value, let scalar = Unicode.Scalar(value) {
        result.append(contentsOf: String(Character(scalar)).utf8)
        at += 1
        return
      }
    } else if next != nil, !isAtEndOfLine {
      at += 1
      while let byte = next, byte & 0xc0 == 0x80 { at += 1 }
    }
    let found = Printable.text(text(from: start))
    problems.add(
      Problem(
        .unknownEscape, start..<at, "`\(found)` is not an escape",
        help: "known are \\n \\t \\r \\\" \\\\ and \\u{1F600}; a single backslash is written \\\\"))
  }

  // MARK: Comments

  static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
  }

  /// `//` and `#` start a comment at the start of a line, after a blank and after what ends an entry, so that
  /// `name:#1` and `http://x` keep their text; `/*` does between any two words.
  private func startsComment(at position: Int) -> Bool {
    guard position < bytes.count else { return false }
    switch bytes[position] {
    case UInt8(ascii: "#"): return isFree(position)
    case UInt8(ascii: "/"):
      guard position + 1 < bytes.count else { return false }
      if bytes[position + 1] == UInt8(ascii: "*") { return true }
      return bytes[position + 1] == UInt8(ascii: "/") && isFree(position)
    default: return false
    }
  }

  private func isFree(_ position: Int) -> Bool {
    guard position > 0 else { return true }
    let before = bytes[position - 1]
    return !Lexer.isNameByte(before) && before != UInt8(ascii: ":") && before != UInt8(ascii: "=")
  }

  private mutating func skipComment() {
    let start = at
    guard next == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") else {
      while let byte = next, byte != UInt8(ascii: "\n") { at += 1 }
      return
    }
    at += 2
    while at < bytes.count {
      if bytes[at] == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
        at += 2
        return
      }
      at += 1
    }
    problems.add(
      Problem(.openComment, start..<start + 2, "this comment is never closed", help: "put a `*/` at its end"))
  }
}

/// What is wrong with the bytes of a source before anything is read in it, if anything.
enum Characters {
  static func problem(in source: SourceText) -> Problem? {
    let bytes = source.bytes
    if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
      return Problem(
        .notUTF8, 0..<0, "this file is UTF-16", help: "save it as UTF-8 (in Notepad: Save as, Encoding, UTF-8)")
    }
    var offset = 0
    while offset < bytes.count {
      let byte = bytes[offset]
      if byte < 0x80 {
        if byte < 0x20, byte != 0x09, byte != 0x0a, byte != 0x0d { return control(byte, at: offset) }
        if byte == 0x7f { return control(byte, at: offset) }
        offset += 1
      } else if let length = scalarLength(bytes, at: offset) {
        offset += length
      } else {
        return Problem(
          .notUTF8, offset..<offset, "byte 0x\(String(byte, radix: 16)) is not UTF-8",
          help: "save the file as UTF-8; text of an old code page is best left out")
      }
    }
    return nil
  }

  private static func control(_ byte: UInt8, at offset: Int) -> Problem {
    let digits = String(byte, radix: 16)
    let name = byte == 0 ? "a NUL byte" : "the control character 0x\(digits.utf8.count < 2 ? "0" : "")\(digits)"
    return Problem(
      .controlCharacter, offset..<offset + 1, "\(name) stands in the text",
      help: "remove it; is this a text file? save it as UTF-8")
  }

  /// Length of the well-formed scalar at `offset` (Unicode, table 3-7), `nil` when it is none.
  private static func scalarLength(_ bytes: [UInt8], at offset: Int) -> Int? {
    func byte(_ distance: Int) -> UInt8 { offset + distance < bytes.count ? bytes[offset + distance] : 0 }
    func follows(_ distance: Int) -> Bool { byte(distance) & 0xc0 == 0x80 }
    switch byte(0) {
    case 0xc2...0xdf: return follows(1) ? 2 : nil
    case 0xe0: return (0xa0...0xbf).contains(byte(1)) && follows(2) ? 3 : nil
    case 0xed: return (0x80...0x9f).contains(byte(1)) && follows(2) ? 3 : nil
    case 0xe1...0xef: return follows(1) && follows(2) ? 3 : nil
    case 0xf0: return (0x90...0xbf).contains(byte(1)) && follows(2) && follows(3) ? 4 : nil
    case 0xf1...0xf3: return follows(1) && follows(2) && follows(3) ? 4 : nil
    case 0xf4: return (0x80...0x8f).contains(byte(1)) && follows(2) && follows(3) ? 4 : nil
    default: return nil
    }
  }
}

extension Lexer {
  static func hasDoubleDot(_ name: String) -> Bool {
    zip(name.utf8, name.utf8.dropFirst()).contains { $0 == UInt8(ascii: ".") && $1 == UInt8(ascii: ".") }
  }

  /// Without blanks at the end.
  static func trimmed(_ text: String) -> String {
    var view = text[...]
    while let last = view.utf8.last, isBlank(last) { view = view.dropLast() }
    return String(view)
  }
}
