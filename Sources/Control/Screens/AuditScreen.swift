/// `mesh-ctl audit`: a line a change, oldest first.
package enum AuditScreen {
  /// `names` tells what a user is called on this machine.
  package static func text(_ reply: AuditReply, names: (UInt32) -> String?, for terminal: Terminal) -> String {
    if reply.entries.isEmpty { return "nobody has changed anything through the control socket yet\n" }
    return table(reply, names: names, for: terminal).text(for: terminal)
      + (reply.unreadable > 0 ? "\(Plural.of(reply.unreadable, "line")) not readable: mesh-ctl audit verify\n" : "")
  }

  package static func plain(_ reply: AuditReply, header: Bool) -> String {
    table(reply, names: { _ in nil }, for: Terminal(isTerminal: false)).plain(header: header)
  }

  package static func verdict(_ reply: AuditCheckReply, subject: String, for terminal: Terminal) -> String {
    let words =
      reply.lines == 0
      ? "nothing is written yet"
      : reply.isWhole
        ? "\(Plural.of(reply.lines, "line")) (\(reply.first) to \(reply.last)), each vouches for the one before"
        : "the chain is broken: \(Plural.of(reply.breaks.count, "place"))"
    return terminal.verdict(subject, reply.isWhole ? .ok : .unhealthy, words)
  }

  package static func text(_ reply: AuditCheckReply, subject: String, for terminal: Terminal) -> String {
    var text = verdict(reply, subject: subject, for: terminal) + "\n"
    for line in reply.breaks { text += "  \(line.printable())\n" }
    if reply.lines > 0 { text += "  head \(reply.head)\n" }
    return text
  }

  private static func table(
    _ reply: AuditReply, names: (UInt32) -> String?, for terminal: Terminal
  ) -> Table {
    var table = Table(columns: [
      .init(title: "TIME"), .init(title: "USER"), .init(title: "COMMAND"), .init(title: "TARGET"),
      .init(title: "RESULT"), .init(title: "DETAIL", isRemark: true),
    ])
    for entry in reply.entries {
      let detail = [entry.reason.map { "reason: \($0)" }, entry.detail, entry.leftOut.map { "\($0) more left out" }]
        .compactMap { $0 }.joined(separator: "; ")
      table.rows.append([
        .init(terminal.isTerminal ? "\(terminal.date(entry.at)) \(terminal.clock(entry.at))" : entry.at.description),
        .init(names(entry.user) ?? "\(entry.user)"), .init(entry.verb.printable(limit: 20)),
        .init(entry.target?.printable(limit: 64)),
        .init(entry.result.rawValue, entry.result == .refused || entry.result == .failed ? .red : nil),
        .init(detail.isEmpty ? nil : detail.printable(limit: 300)),
      ])
    }
    return table
  }
}
