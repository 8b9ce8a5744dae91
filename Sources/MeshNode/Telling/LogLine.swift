package import Control
package import Logging

/// One line of the log in one of its three forms, line feed included.
///
/// `text` has rAthena's look, because the people who run this read its logs and their monitors sort by these words;
/// `logfmt` begins with journald's `<N>` priority; `json` is one object a line.
package enum LogLine {
  package enum Form: Sendable { case text(colour: Bool), logfmt, json }
  package typealias Metadata = [(key: String, value: String)]

  /// What a pipe takes in one piece (PIPE_BUF), so that lines of several writers never mix. The limits below keep to it.
  package static let limit = 4_096
  static let messageLimit = 2_048
  static let valueLimit = 192
  static let fieldLimit = 8

  package static func render(
    _ form: Form, level: Logger.Level, message: String, metadata: Metadata, at moment: Timestamp
  ) -> String {
    let event = metadata.first { $0.key == "event" }?.value
    let fields = metadata.filter { $0.key != "event" }.prefix(fieldLimit)
    var line: String
    switch form {
    case .text(let colour):
      // Names and ids are for machines; people read the sentence.
      line = colour ? "\u{1b}[\(level.colour)m[\(level.word)]\u{1b}[0m: " : "[\(level.word)]: "
      line += escaped(message, limit: messageLimit, quotes: false)
      for (key, value) in fields where key != "peer" { line += " \(key)=\(word(value, limit: valueLimit))" }
    case .logfmt:
      line = "<\(level.priority)>ts=\(moment) level=\(level)"
      if let event { line += " event=\(word(event, limit: valueLimit))" }
      line += " msg=\(word(message, limit: messageLimit))"
      for (key, value) in fields { line += " \(key)=\(word(value, limit: valueLimit))" }
    case .json:
      line = "{\"ts\":\"\(moment)\",\"level\":\"\(level)\""
      if let event { line += ",\"event\":\"\(escaped(event, limit: valueLimit))\"" }
      line += ",\"msg\":\"\(escaped(message, limit: messageLimit))\""
      for (key, value) in fields { line += ",\"\(key)\":\"\(escaped(value, limit: valueLimit))\"" }
      line += "}"
    }
    return line + "\n"
  }

  /// As it is when it is one plain word, else in double quotes.
  private static func word(_ value: String, limit: Int) -> String {
    let isPlain = value.utf8.allSatisfy {
      $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "\\")
    }
    return isPlain && !value.isEmpty && value.utf8.count <= limit ? value : "\"\(escaped(value, limit: limit))\""
  }

  /// The text with what could end a string, steer a terminal or turn the reading direction escaped as in JSON, cut to
  /// `limit` bytes. `quotes`: whether quotation marks and backslashes are escaped too.
  private static func escaped(_ text: String, limit: Int, quotes: Bool = true) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if result.utf8.count >= limit - 8 { return result + "…" }
      switch scalar {
      case "\"" where quotes: result += "\\\""
      case "\\" where quotes: result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      default:
        let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
        if isControl || (0x2028...0x202e).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value) {
          let digits = String(scalar.value, radix: 16)
          result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result
  }
}

extension Logger.Level {
  /// In rAthena's words (its `Status` is what it says of its own state).
  fileprivate var word: String {
    switch self {
    case .trace, .debug: "Debug"
    case .info: "Info"
    case .notice: "Status"
    case .warning: "Warning"
    case .error: "Error"
    case .critical: "Fatal Error"
    }
  }

  /// rAthena's colours: bold cyan, white, green, yellow, red.
  fileprivate var colour: String {
    switch self {
    case .trace, .debug: "1;36"
    case .info: "1;37"
    case .notice: "1;32"
    case .warning: "1;33"
    case .error, .critical: "1;31"
    }
  }

  /// syslog's severities, as journald takes them (sd-daemon(3)).
  fileprivate var priority: Int {
    switch self {
    case .trace, .debug: 7
    case .info: 6
    case .notice: 5
    case .warning: 4
    case .error: 3
    case .critical: 2
    }
  }
}
