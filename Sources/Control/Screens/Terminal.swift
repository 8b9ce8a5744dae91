/// What a screen may use of the terminal it is drawn for. Screens are pure functions of a reply and of this.
package struct Terminal: Sendable {
  /// Columns; lines are wrapped and columns of tables dropped only for a terminal.
  package var width: Int
  package var height: Int
  /// Output goes to a terminal. Otherwise: full times, no wrapping, no header, units without a blank.
  package var isTerminal: Bool
  package var colour: Bool
  package var unicode: Bool
  /// All columns, whatever the width.
  package var wide: Bool
  /// Seconds by which the local clock is ahead of UTC at a moment.
  package var localOffset: @Sendable (Timestamp) -> Int

  package init(
    width: Int = 80, height: Int = 24, isTerminal: Bool, colour: Bool = false, unicode: Bool = true, wide: Bool = false,
    localOffset: @escaping @Sendable (Timestamp) -> Int = { _ in 0 }
  ) {
    self.width = width
    self.height = height
    self.isTerminal = isTerminal
    self.colour = colour
    self.unicode = unicode
    self.wide = wide
    self.localOffset = localOffset
  }
}

/// `--color`.
package enum ColourWish: String, CaseIterable, Sendable { case auto, always, never }

extension Terminal {
  /// What may be used, from what the user said and what the environment says. `never`, `NO_COLOR` and `TERM=dumb` win over `auto`
  /// and over `CLICOLOR_FORCE`; only `always` on the command line wins over `NO_COLOR`.
  package init(
    isTerminal: Bool, columns: Int?, rows: Int?, wish: ColourWish, environment: [String: String], wide: Bool = false,
    localOffset: @escaping @Sendable (Timestamp) -> Int
  ) {
    func has(_ name: String) -> Bool { !(environment[name] ?? "").isEmpty }
    let isDumb = environment["TERM"] == "dumb"
    let colour =
      switch wish {
      case .never: false
      case .always: true
      case .auto where has("NO_COLOR") || isDumb: false
      case .auto where has("CLICOLOR_FORCE") && environment["CLICOLOR_FORCE"] != "0": true
      case .auto: isTerminal
      }
    // The first that is set decides about the character set (setlocale(3)).
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
    let upper = locale.uppercased()
    self.init(
      width: max(columns ?? environment["COLUMNS"].flatMap { Int($0) } ?? 80, 20), height: max(rows ?? 24, 5),
      isTerminal: isTerminal, colour: colour,
      unicode: !isDumb && (upper.contains("UTF-8") || upper.contains("UTF8")), wide: wide, localOffset: localOffset)
  }

  /// The 16-colour palette only, so that the user's theme decides what they look like.
  package enum Colour: Int, Sendable { case red = 31, green = 32, yellow = 33, bold = 1, dim = 2 }

  package func paint(_ colour: Colour?, _ text: String) -> String {
    guard self.colour, let colour, !text.isEmpty else { return text }
    return "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m"
  }

  func colour(of health: Health) -> Colour {
    switch health {
    case .ok: .green
    case .degraded: .yellow
    case .unhealthy: .red
    }
  }

  /// `izlude: DEGRADED  5 of 6 hosts alive; …`, wrapped for a terminal.
  func verdict(_ subject: String, _ health: Health, _ sentence: String) -> String {
    let word = health.rawValue.uppercased()
    let plain = "\(subject): \(word)  "
    var lines = wrap(sentence, first: width - plain.count, rest: width - 2)
    let head = lines.removeFirst()
    return (["\(subject): \(paint(colour(of: health), word))  \(head)"] + lines.map { "  " + $0 })
      .map { $0 + "\n" }.joined()
  }

  /// Words in lines of at most `first`, then `rest` columns; a longer word has a line of its own. One line when this is
  /// no terminal. Never empty.
  func wrap(_ text: String, first: Int, rest: Int) -> [String] {
    guard isTerminal else { return [text] }
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      let limit = lines.isEmpty ? first : rest
      if !line.isEmpty, line.count + 1 + word.count > limit {
        lines.append(line)
        line = String(word)
      } else {
        line += line.isEmpty ? String(word) : " " + word
      }
    }
    return lines + [line]
  }

  /// A label and comma-separated parts; broken only between parts.
  func field(_ label: String, _ parts: [String]) -> String {
    let indent = 12
    var lines: [String] = []
    var line = ""
    for part in parts where !part.isEmpty {
      if !line.isEmpty, isTerminal, !wide, indent + line.count + 2 + part.count + 1 > width {
        lines.append(line + ",")
        line = part
      } else {
        line += line.isEmpty ? part : ", " + part
      }
    }
    lines.append(line)
    return lines.enumerated().map { index, line in
      let head = index == 0 ? "  " + label : ""
      return head + String(repeating: " ", count: max(1, indent - head.count)) + line + "\n"
    }.joined()
  }

  /// The time of day here, or the whole moment in UTC when this is no terminal.
  func clock(_ moment: Timestamp) -> String {
    isTerminal ? CalendarTime(moment, offset: localOffset(moment)).clockText : moment.description
  }

  func date(_ moment: Timestamp) -> String { CalendarTime(moment, offset: localOffset(moment)).dateText }

  /// The time of day, with the date when it is another day than `today`.
  func when(_ moment: Timestamp, today: Timestamp) -> String {
    guard isTerminal, date(moment) != date(today) else { return clock(moment) }
    return date(moment) + " " + clock(moment)
  }
}
