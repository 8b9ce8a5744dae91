/// An error as people read it: what happened, where, what was seen, and last the command that helps.
package enum FaultScreen {
  package static func text(_ fault: Fault, for terminal: Terminal) -> String {
    var text = terminal.paint(.red, "error[\(fault.code.printable(limit: 8))]") + ": \(fault.sentence.printable())\n"
    if let place = fault.place { text += "  --> \(place.printable())\n" }
    for line in fault.evidence { text += "  |   \(line.printable())\n" }
    if let help = fault.help { text += "  = help: \(help.printable())\n" }
    for note in fault.notes { text += "  = note: \(note.printable())\n" }
    return text
  }
}

/// `mesh-ctl explain`.
package enum ExplainScreen {
  package static func text(_ code: ErrorCode, for terminal: Terminal) -> String {
    let text = code.text
    return terminal.paint(.bold, "\(code.rawValue)  \(text.title)")
      + """


        message   \(text.sentence)
        command   \(text.help)
        exit      \(text.exit.rawValue)

      \(wrapped(text.explanation, for: terminal))

      """
  }

  /// Paragraphs that fit the terminal; indented lines stay as they are.
  package static func wrapped(_ text: String, for terminal: Terminal) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.hasPrefix(" ")
        ? String(line)
        : terminal.wrap(String(line), first: terminal.width, rest: terminal.width).joined(separator: "\n")
    }.joined(separator: "\n")
  }
}
