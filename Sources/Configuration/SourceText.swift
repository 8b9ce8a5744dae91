/// The text of one file (or of one `--set` option) with its name, for places and excerpts.
struct SourceText {
  let name: String
  /// Without the byte order mark.
  let bytes: [UInt8]
  private let lineStarts: [Int]

  init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = Array(bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes[3...] : bytes[...])
    var starts = [0]
    for (offset, byte) in self.bytes.enumerated() where byte == UInt8(ascii: "\n") { starts.append(offset + 1) }
    lineStarts = starts
  }

  func text(_ span: Range<Int>) -> String { String(decoding: bytes[span], as: UTF8.self) }

  func place(of offset: Int) -> Place {
    let line = lineIndex(of: offset)
    let column = bytes[lineStarts[line]..<offset].count { $0 & 0xc0 != 0x80 }
    return Place(file: name, line: line + 1, column: column + 1)
  }

  /// The line of `span`, which is marked up to the line's end at most. `hidden`: what must not be shown (a secret).
  func excerpt(of span: Range<Int>, hidden: Range<Int>? = nil) -> Excerpt {
    let line = lineIndex(of: span.lowerBound)
    let start = lineStarts[line]
    var end = line + 1 < lineStarts.count ? lineStarts[line + 1] - 1 : bytes.count
    while end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    let from = min(max(span.lowerBound, start), end)
    let to = min(max(span.upperBound, from), end)
    func shown(_ part: Range<Int>) -> String {
      guard let hidden, hidden.overlaps(part) else { return Printable.line(text(part)) }
      let before = part.lowerBound..<max(part.lowerBound, hidden.lowerBound)
      return Printable.line(text(before)) + "********"
    }
    let head = shown(start..<from)
    let marked = shown(from..<to)
    let tail = shown(to..<end)
    return Excerpt(head: head, marked: marked, tail: tail)
  }

  func lineStart(of offset: Int) -> Int { lineStarts[lineIndex(of: offset)] }

  /// Lines start after a newline; the last start that is not above `offset`.
  private func lineIndex(of offset: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low
  }
}

extension Excerpt {
  /// Longest part of a line that is shown before, in and after the mark.
  private static let headLimit = 60
  private static let markLimit = 60
  private static let tailLimit = 40

  init(head: String, marked: String, tail: String) {
    let before =
      head.unicodeScalars.count > Excerpt.headLimit
      ? "…" + String(String.UnicodeScalarView(head.unicodeScalars.suffix(Excerpt.headLimit))) : head
    let spot = Printable.cut(marked, to: Excerpt.markLimit)
    let after = Printable.cut(tail, to: Excerpt.tailLimit)
    line = before + spot + after
    indent = before.unicodeScalars.count
    width = max(1, spot.unicodeScalars.count)
  }
}

/// Makes text from outside safe to print: no control characters, no invisible or direction-changing ones.
enum Printable {
  /// One line: a tab becomes four blanks.
  static func line(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if scalar == "\t" {
        result.append(contentsOf: "    ".unicodeScalars)
      } else if isPlain(scalar) {
        result.append(scalar)
      } else {
        result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
      }
    }
    return String(result)
  }

  /// A name or value inside a sentence.
  static func text(_ text: String) -> String { cut(line(text), to: 80) }

  static func cut(_ text: String, to limit: Int) -> String {
    guard text.unicodeScalars.count > limit else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.prefix(limit))) + "…"
  }

  static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    default: true
    }
  }
}

/// Something wrong at a span of one source; `Layers` makes a message of it.
struct Problem {
  var code: MessageCode
  var span: Range<Int>
  var text: String
  var help: String?
  var other: (text: String, span: Range<Int>)?
  var severity = Message.Severity.error
  /// A part of the line that must not be repeated on a screen.
  var hidden: Range<Int>?

  init(
    _ code: MessageCode, _ span: Range<Int>, _ text: String, help: String? = nil,
    other: (text: String, span: Range<Int>)? = nil, hidden: Range<Int>? = nil
  ) {
    self.code = code
    self.span = span
    self.text = text
    self.help = help
    self.other = other
    self.hidden = hidden
  }

  func message(in source: SourceText) -> Message {
    Message(
      severity: severity, code: code, text: text, place: source.place(of: span.lowerBound),
      excerpt: source.excerpt(of: span, hidden: hidden), help: help,
      other: other.map { ($0.text, source.place(of: $0.span.lowerBound)) })
  }
}

/// The first problems of a source, in the order in which they were found; further ones are counted.
struct Problems {
  /// One more than is shown, so that the earliest ones of several lists can be told.
  static let limit = Messages.errorLimit + 1

  private(set) var list: [Problem] = []
  private(set) var leftOut = 0

  var isEmpty: Bool { list.isEmpty }
  var isFull: Bool { list.count >= Problems.limit }

  mutating func add(_ problem: Problem) {
    if isFull { leftOut += 1 } else { list.append(problem) }
  }

  /// Counts one that would not be shown anyway.
  mutating func skip() { leftOut += 1 }

  /// The earliest of both; each list is in the order of its source.
  func merged(with other: Problems) -> Problems {
    var result = Problems()
    result.leftOut = leftOut + other.leftOut
    for problem in (list + other.list).sorted(by: { $0.span.lowerBound < $1.span.lowerBound }) { result.add(problem) }
    return result
  }
}
