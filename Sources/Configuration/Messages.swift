/// A spot in a source: what an editor jumps to.
package struct Place: Hashable, Sendable {
  /// The path as it was asked for, or `--set`.
  package var file: String
  /// From 1.
  package var line: Int
  /// From 1, in characters (Unicode scalars); a tab counts as one.
  package var column: Int

  package init(file: String, line: Int, column: Int) {
    self.file = file
    self.line = line
    self.column = column
  }
}

extension Place: CustomStringConvertible {
  package var description: String { "\(Printable.text(file)):\(line):\(column)" }
}

/// One thing that a person should know about a configuration.
package struct Message: Sendable {
  package enum Severity: String, Sendable { case error, warning, note }

  package var severity: Severity
  package var code: MessageCode
  /// One sentence, lower case, without a full stop.
  package var text: String
  package var place: Place?
  /// The line at `place` and what in it is marked.
  package var excerpt: Excerpt?
  /// What to do about it.
  package var help: String?
  /// Another place that belongs to it, with a word about it.
  package var other: (text: String, place: Place)?
}

/// The operator's own line, short enough for a screen and free of control characters.
package struct Excerpt: Hashable, Sendable {
  package var line: String
  /// Columns before the mark.
  package var indent: Int
  /// Columns marked, at least 1.
  package var width: Int
}

extension Message {
  /// In the shape of a compiler's: sentence, place, the line with the spot marked, help. Ends without a newline.
  package var description: String {
    var lines = ["\(severity.rawValue)[\(code.rawValue)]: \(text)"]
    let gutter = place.map { String($0.line).utf8.count } ?? 0
    let blank = String(repeating: " ", count: gutter)
    if let place { lines.append("\(blank)--> \(place)") }
    if let excerpt, let place {
      let mark = String(repeating: " ", count: excerpt.indent) + String(repeating: "^", count: excerpt.width)
      lines += ["\(blank) |", "\(place.line) | \(excerpt.line)", "\(blank) | \(mark)"]
    }
    if let other { lines.append("\(blank) = note: \(other.text): \(other.place)") }
    if let help { lines.append("\(blank) = help: \(help)") }
    return lines.joined(separator: "\n")
  }
}

/// The messages of one run, bounded: a broken file is shown by its first errors, and the rest is counted.
package struct Messages: Sendable {
  /// Shown of a run; what a person mends at a time.
  package static let errorLimit = 10
  package static let warningLimit = 20

  package private(set) var list: [Message] = []
  package private(set) var errorCount = 0
  package private(set) var warningCount = 0

  package init() {}

  package var errors: [Message] { list.filter { $0.severity == .error } }
  package var warnings: [Message] { list.filter { $0.severity == .warning } }
  package var notes: [Message] { list.filter { $0.severity == .note } }
  /// Messages that were counted, but not kept.
  package var leftOut: Int { errorCount + warningCount - errors.count - warnings.count }
  mutating func add(_ message: Message) {
    switch message.severity {
    case .error:
      errorCount += 1
      guard errorCount <= Messages.errorLimit else { return }
    case .warning:
      warningCount += 1
      guard warningCount <= Messages.warningLimit else { return }
    case .note: break
    }
    list.append(message)
  }

  /// Errors that were not even made into messages.
  mutating func countErrors(_ count: Int) { errorCount += count }

  /// All of it as text, errors first, with a count at the end when something is wrong. Empty without messages.
  package var description: String {
    var blocks = (errors + warnings + notes).map(\.description)
    if leftOut > 0 { blocks.append("… and \(leftOut) more") }
    return blocks.joined(separator: "\n\n")
  }
}
