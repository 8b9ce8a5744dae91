/// Reads entries, mends what it can (one mistake should not hide the next), and never goes deeper than it must: the
/// open sections are a list, not calls within calls.
struct Parser {
  /// Sections in sections, lists in lists.
  static let depthLimit = 8

  private struct OpenSection {
    var name: Range<Int>
    /// `nil`: a section that could not be named; what stands in it is not looked at.
    var index: Int?
    /// Dotted names of this section and all around it.
    var path: String
    var brace: Int
    var indentation: Int
  }

  private let source: SourceText
  /// Whether a path names a section: a name without `:` and `{` is more likely one of those then.
  private let isSection: (String) -> Bool
  private var lexer: Lexer
  private var open: [OpenSection] = []
  private var sectionCount = 0
  private var result = Parsed()
  /// Sections whose `}` seems to have been taken by another one, judged by indentation.
  private var suspects: [OpenSection] = []
  /// The first `}` that stands further to the right than what it closes: it may be one too many.
  private var earlyBrace: Int?

  init(_ source: SourceText, isSection: @escaping (String) -> Bool) {
    self.source = source
    self.isSection = isSection
    lexer = Lexer(source.bytes)
  }

  static func parse(_ source: SourceText, isSection: @escaping (String) -> Bool) -> Parsed {
    var parser = Parser(source, isSection: isSection)
    return parser.run()
  }

  /// Reads one `--set` option: `name=value`, where a bare value goes to the end.
  static func parse(option source: SourceText) -> (assignment: Entry.Assignment?, problems: Problems) {
    var parser = Parser(source) { _ in false }
    let assignment = parser.option()
    return (assignment, parser.lexer.problems)
  }

  private mutating func option() -> Entry.Assignment? {
    lexer.skipBlanks()
    let appends = lexer.next == UInt8(ascii: "+")
    if appends { lexer.at += 1 }
    let name = lexer.name()
    lexer.skipBlanks()
    guard isWellFormed(source.text(name)), lexer.next == UInt8(ascii: "=") || lexer.next == UInt8(ascii: ":") else {
      problem(
        .badOption, lexer.at..<lexer.at,
        name.isEmpty ? "expected the name of a setting" : "expected `=` after the name",
        help: "write --set network.compression=no")
      return nil
    }
    lexer.at += 1
    lexer.skipBlanks()
    guard let first = lexer.next else {
      problem(.missingValue, name, "there is no value after the `=`", help: "write `\"\"` for an empty text")
      return nil
    }
    lexer.bareTakesAll = first != UInt8(ascii: "[")
    guard let value = value(depth: 1), expectEnd() else { return nil }
    return Entry.Assignment(name: name, section: nil, value: value, appends: appends)
  }

  private mutating func run() -> Parsed {
    while true {
      lexer.skipEnds()
      guard let byte = lexer.next else { break }
      switch byte {
      case UInt8(ascii: "}"): close()
      case UInt8(ascii: "@"): directive()
      case UInt8(ascii: "+") where lexer.peek(1).map(Lexer.isNameByte) ?? false: entry()
      default: if Lexer.isNameByte(byte) { entry() } else { stray(byte) }
      }
    }
    reportOpenSections()
    result.problems = lexer.problems
    return result
  }

  // MARK: Entries

  private mutating func entry() {
    let start = lexer.at
    let appends = lexer.next == UInt8(ascii: "+")
    if appends { lexer.at += 1 }
    let name = lexer.name()
    let text = source.text(name)
    guard isWellFormed(text) else {
      problem(
        .badName, name, "`\(Printable.text(text))` is not a name", help: "names are words with single dots between")
      return skipBroken()
    }
    lexer.skipBlanks()
    switch lexer.next {
    case UInt8(ascii: "{"): beginSection(name, start: start, appends: appends)
    case UInt8(ascii: ":"), UInt8(ascii: "="):
      lexer.at += 1
      lexer.skipBlanks()
      afterColon(name, start: start, appends: appends)
    default: missingColon(name, start: start)
    }
  }

  private mutating func afterColon(_ name: Range<Int>, start: Int, appends: Bool) {
    if lexer.next == UInt8(ascii: "{") { return beginSection(name, start: start, appends: appends) }
    guard lexer.isAtEndOfEntry else {
      guard let value = value(depth: 1) else { return skipBroken() }
      guard expectEnd() else { return }
      return assign(name, value, appends: appends)
    }
    let afterName = lexer.at
    if lexer.isAtEndOfLine {
      // The brace may stand in the next line.
      var ahead = lexer
      ahead.skipLines()
      if ahead.next == UInt8(ascii: "{") {
        lexer = ahead
        return beginSection(name, start: start, appends: appends)
      }
      if isSection(path(of: name)) { return missingBrace(name, start: start, at: name.upperBound) }
    }
    let text = source.text(name)
    problem(
      .missingValue, name.lowerBound..<max(name.upperBound, min(afterName, name.upperBound + 1)),
      "`\(Printable.text(text))` has no value",
      help: text == "import" ? "write the path of a file after it" : "write a value after it, `\"\"` for an empty text")
  }

  private mutating func missingColon(_ name: Range<Int>, start: Int) {
    if lexer.isAtEndOfLine {
      var ahead = lexer
      ahead.skipLines()
      if ahead.next == UInt8(ascii: "{") {
        lexer = ahead
        return beginSection(name, start: start, appends: false)
      }
      if isSection(path(of: name)) { return missingBrace(name, start: start, at: name.upperBound) }
    }
    let text = Printable.text(source.text(name))
    let rest = lexer.at
    let opens = lexer.skipBrokenLine()
    let value = Printable.text(Lexer.trimmed(source.text(rest..<lexer.at)))
    problem(
      .missingColon, name.upperBound..<name.upperBound, "expected `:` after `\(text)`",
      help: hint(name: text, value: value))
    if opens { openUnnamed(name, start: start) }
  }

  private func hint(name: String, value: String) -> String {
    let isNumber = name.utf8.allSatisfy { (0x30...0x39).contains($0) }
    if isNumber { return "numbers are written without separators: 1000, not 1,000" }
    return value.isEmpty ? "write `\(name): ` and a value" : "write `\(name): \(value)`"
  }

  private mutating func missingBrace(_ name: Range<Int>, start: Int, at place: Int) {
    let text = Printable.text(source.text(name))
    problem(
      .missingBrace, place..<place, "expected `{` after `\(text)`, which is a section",
      help: "write `\(text): {`, and `}` after its last setting")
    pushSection(name, start: start, brace: place)
  }

  private mutating func assign(_ name: Range<Int>, _ value: ValueNode, appends: Bool) {
    if source.text(name) == "import", !appends { return importing(value) }
    if let last = open.last, last.index == nil { return }
    result.entries.append(
      .assignment(.init(name: name, section: open.last?.index, value: value, appends: appends)))
  }

  private mutating func importing(_ value: ValueNode) {
    guard case .text(let path) = value.kind, !path.isEmpty else {
      return problem(.badPath, value.span, "an import names one file", help: "write `import: conf/import/p2p_conf.txt`")
    }
    result.entries.append(.importing(path: path, span: value.span))
  }

  private mutating func directive() {
    let start = lexer.at
    lexer.at += 1
    let word = lexer.name()
    guard source.text(word) == "include" else {
      problem(
        .unexpected, start..<word.upperBound, "`@\(Printable.text(source.text(word)))` is not known",
        help: "the only word with `@` is `@include \"FILE\"`")
      return skipBroken()
    }
    lexer.skipBlanks()
    guard !lexer.isAtEndOfEntry, let value = value(depth: 1) else {
      problem(.missingValue, start..<word.upperBound, "`@include` names no file", help: "write `@include \"FILE\"`")
      return skipBroken()
    }
    guard expectEnd() else { return }
    importing(value)
  }

  private mutating func stray(_ byte: UInt8) {
    let start = lexer.at
    let help: String
    switch byte {
    case UInt8(ascii: "\""): help = "names are written without quotes"
    case UInt8(ascii: "{"): help = "a section has a name before its `{`, as in `network: {`"
    case UInt8(ascii: ":"), UInt8(ascii: "="): help = "a name stands before it, as in `enable: true`"
    default: help = "an entry is `name: value`; a comment starts with //, # or /*"
    }
    lexer.at += 1
    problem(
      .unexpected, start..<lexer.at, "expected a name, found `\(Printable.text(source.text(start..<lexer.at)))`",
      help: help)
    if byte == UInt8(ascii: "{") {
      open.append(OpenSection(name: start..<start, index: nil, path: "", brace: start, indentation: indentation(start)))
    } else {
      skipBroken()
    }
  }

  // MARK: Values

  private mutating func value(depth: Int) -> ValueNode? {
    let start = lexer.at
    switch lexer.next {
    case UInt8(ascii: "["): return list(depth: depth)
    case UInt8(ascii: "\""):
      guard let text = lexer.quoted() else { return nil }
      let isVerbatim = text.utf8.count == lexer.at - start - 2
      return ValueNode(kind: .text(text), span: start..<lexer.at, textStart: isVerbatim ? start + 1 : nil)
    default:
      let span = lexer.bare()
      return ValueNode(kind: .text(source.text(span)), span: span, textStart: span.lowerBound)
    }
  }

  private mutating func list(depth: Int) -> ValueNode? {
    let start = lexer.at
    guard depth <= Parser.depthLimit else {
      problem(.tooDeep, start..<start + 1, "lists in lists go deeper than \(Parser.depthLimit)")
      return nil
    }
    lexer.at += 1
    var elements: [ValueNode] = []
    while true {
      lexer.skipLines()
      switch lexer.next {
      case UInt8(ascii: "]"):
        lexer.at += 1
        return ValueNode(kind: .list(elements), span: start..<lexer.at)
      case nil, UInt8(ascii: "}"), UInt8(ascii: ";"):
        problem(.openList, start..<start + 1, "this list is never closed", help: "put a `]` after its last element")
        return nil
      case UInt8(ascii: ","):
        problem(.missingValue, lexer.at..<lexer.at + 1, "there is no element before this `,`")
        lexer.at += 1
      default:
        guard let element = value(depth: depth + 1) else { return nil }
        elements.append(element)
        lexer.skipLines()
        switch lexer.next {
        case UInt8(ascii: ","): lexer.at += 1
        case UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ";"), nil: break
        default:
          problem(
            .openList, start..<start + 1, "this list is not closed, or a `,` is missing in it",
            help: "write `[first, second]`")
          return nil
        }
      }
    }
  }

  /// After a value: the end of the entry. False when something else follows, which is told.
  private mutating func expectEnd() -> Bool {
    lexer.skipBlanks()
    guard !lexer.isAtEndOfEntry else { return true }
    let start = lexer.at
    let isAddress = lexer.next == UInt8(ascii: ":") && source.bytes[start - 1] == UInt8(ascii: "]")
    let opens = lexer.skipBrokenLine()
    problem(
      .textAfterValue, start..<lexer.at, "there is more text after the value",
      help: isAddress
        ? "`[` starts a list; an address in brackets is written in quotes: \"[2001:db8::1]:7000\""
        : "one entry a line, or `;` between two; a text with quotes in it writes them as \\\"")
    if opens { openUnnamed(start..<start, start: start) }
    return false
  }

  // MARK: Sections

  private mutating func beginSection(_ name: Range<Int>, start: Int, appends: Bool) {
    let brace = lexer.at
    lexer.at += 1
    if appends {
      problem(
        .notAList, start..<name.upperBound, "`+` adds to a list, and this is a section", help: "leave out the `+`")
    }
    pushSection(name, start: start, brace: brace)
  }

  private mutating func pushSection(_ name: Range<Int>, start: Int, brace: Int) {
    let isReadable = open.last.map { $0.index != nil } ?? true
    guard isReadable, open.count < Parser.depthLimit else {
      if isReadable {
        problem(.tooDeep, name, "sections in sections go deeper than \(Parser.depthLimit)")
      }
      return openUnnamed(name, start: start)
    }
    result.entries.append(.section(.init(name: name, parent: open.last?.index, index: sectionCount)))
    open.append(
      OpenSection(
        name: name, index: sectionCount, path: path(of: name), brace: brace, indentation: indentation(start)))
    sectionCount += 1
  }

  /// Keeps the braces in step where the section itself cannot be read.
  private mutating func openUnnamed(_ name: Range<Int>, start: Int) {
    open.append(OpenSection(name: name, index: nil, path: "", brace: name.lowerBound, indentation: indentation(start)))
  }

  private mutating func close() {
    let brace = lexer.at
    lexer.at += 1
    guard let section = open.popLast() else {
      lexer.problems.add(
        Problem(
          .strayBrace, brace..<brace + 1, "this `}` closes nothing",
          help: "remove it, or look for a section above that is closed too early",
          other: earlyBrace.map { ("perhaps this one is too many", $0..<$0 + 1) }))
      return unsure(from: earlyBrace ?? brace)
    }
    // A `}` that starts its line under the name of an outer section was meant for that one.
    let column = indentation(brace)
    guard isFirstInLine(brace) else { return }
    if column > section.indentation, earlyBrace == nil { earlyBrace = brace }
    guard section.indentation > column,
      let meant = open.lastIndex(where: { $0.indentation == column }), open[meant].indentation < section.indentation
    else { return }
    if suspects.count < Problems.limit { suspects.append(section) }
  }

  private mutating func reportOpenSections() {
    guard !open.isEmpty else { return }
    let unclosed = suspects.isEmpty ? open : suspects
    for section in unclosed {
      let name = Printable.text(source.text(section.name))
      problem(
        .openSection, section.brace..<min(section.brace + 1, source.bytes.count),
        name.isEmpty ? "this section is never closed" : "section `\(name)` is never closed",
        help: "put a `}` after its last setting")
      unsure(from: section.brace)
    }
  }

  private mutating func unsure(from offset: Int) { result.unsureFrom = min(offset, result.unsureFrom ?? offset) }

  // MARK: Helpers

  private mutating func problem(_ code: MessageCode, _ span: Range<Int>, _ text: String, help: String? = nil) {
    lexer.problems.add(Problem(code, span, text, help: help))
  }

  private mutating func skipBroken() {
    let start = lexer.at
    if lexer.skipBrokenLine() { openUnnamed(start..<start, start: start) }
  }

  private func path(of name: Range<Int>) -> String {
    guard let section = open.last else { return source.text(name) }
    return section.index == nil ? "" : section.path + "." + source.text(name)
  }

  private func isWellFormed(_ name: String) -> Bool {
    !name.isEmpty && !name.hasPrefix(".") && !name.hasSuffix(".") && !Lexer.hasDoubleDot(name)
  }

  /// Blanks before the first character of the line; a tab counts as four. More than a screen's width tells nothing.
  private func indentation(_ offset: Int) -> Int {
    let start = source.lineStart(of: offset)
    var width = 0
    for byte in source.bytes[start..<min(offset, start + 256)] {
      guard Lexer.isBlank(byte) else { break }
      width += byte == UInt8(ascii: "\t") ? 4 : 1
    }
    return width
  }

  private func isFirstInLine(_ offset: Int) -> Bool {
    var start = offset
    while start > 0, Lexer.isBlank(source.bytes[start - 1]) { start -= 1 }
    return start == 0 || source.bytes[start - 1] == UInt8(ascii: "\n")
  }
}
