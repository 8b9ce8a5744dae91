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

/// `mesh-ctl explain M012`.
package enum ExplainScreen {
  package static func text(_ code: ErrorCode, for terminal: Terminal) -> String {
    text(ExplanationReply(code), for: terminal)
  }

  package static func text(_ reply: ExplanationReply, for terminal: Terminal) -> String {
    var text = terminal.paint(.bold, "\(reply.topic)  \(reply.title)") + "\n\n"
    if !reply.message.isEmpty { text += "  message   \(reply.message)\n" }
    for detail in reply.details { text += "            \(detail)\n" }
    if let command = reply.command { text += "  command   \(command)\n" }
    if let exit = reply.exitCode { text += "  exit      \(exit)\n" }
    if !text.hasSuffix("\n\n") { text += "\n" }
    return text + terminal.wrap(reply.explanation, first: terminal.width, rest: terminal.width).joined(separator: "\n")
      + "\n"
  }
}
