/// `mesh-ctl events`: one line an event, oldest first, so that the newest stands where the eye is.
package struct EventsScreen {
  private let terminal: Terminal
  private var day: String?

  package init(for terminal: Terminal) { self.terminal = terminal }

  /// The lines of one reply. Following replies go on where this one ended.
  package mutating func text(_ reply: EventsReply) -> String {
    var text = ""
    if reply.missed > 0 {
      text += terminal.paint(.yellow, "(\(Plural.of(reply.missed, "older event")) not kept)") + "\n"
    }
    // Today needs no date.
    if day == nil { day = terminal.date(reply.at) }
    for event in reply.events {
      if terminal.isTerminal, terminal.date(event.at) != day {
        day = terminal.date(event.at)
        text += terminal.paint(.dim, day ?? "") + "\n"
      }
      text += line(event)
    }
    return text
  }

  /// Tab-separated: time, name, host, code, text. With `header` the titles come first.
  package static func plain(_ reply: EventsReply, header: Bool = false) -> String {
    (header ? "TIME\tEVENT\tHOST\tCODE\tTEXT\n" : "")
      + reply.events.map { event in
        [
          event.at.description, event.name.rawValue.printable(), event.subject?.shown ?? "-", event.code ?? "-",
          event.text.printable(),
        ]
        .joined(separator: "\t") + "\n"
      }.joined()
  }

  private func line(_ event: EventReport) -> String {
    func padded(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(0, width - text.count))
    }
    let name = padded(event.name.rawValue.printable(limit: 40), 24)
    let subject = padded(event.subject?.shown ?? "-", 10)
    let code = event.code.map { "  \($0.printable(limit: 8))" } ?? ""
    let colour = event.health == .ok ? nil : terminal.colour(of: event.health)
    return
      "\(terminal.clock(event.at))  \(terminal.paint(colour, name))  \(subject)  \(event.text.printable())\(code)\n"
  }
}
