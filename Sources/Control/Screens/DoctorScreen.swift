/// `mesh-ctl doctor`: the verdict, then a line per check; below a bad one what was seen and what to do.
package enum DoctorScreen {
  package static func text(_ reply: DoctorReply, subject: String, for terminal: Terminal) -> String {
    var text = verdict(reply, subject: subject, for: terminal) + "\n"
    for finding in reply.checks { text += lines(finding, terminal) }
    return text
  }

  package static func verdict(_ reply: DoctorReply, subject: String, for terminal: Terminal) -> String {
    func count(_ status: Finding.Status) -> Int { reply.checks.count { $0.status == status } }
    var parts: [String] = []
    if count(.fail) > 0 { parts.append(Plural.of(count(.fail), "failure")) }
    if count(.warn) > 0 { parts.append(Plural.of(count(.warn), "warning")) }
    if count(.skip) > 0 { parts.append("\(count(.skip)) skipped") }
    return terminal.verdict(
      subject, health(reply),
      Plural.of(reply.checks.count, "check") + (parts.isEmpty ? ", all good" : ": " + parts.joined(separator: ", ")))
  }

  package static func health(_ reply: DoctorReply) -> Health {
    if reply.checks.contains(where: { $0.status == .fail }) { return .unhealthy }
    return reply.checks.contains { $0.status == .warn } ? .degraded : .ok
  }

  /// A failed check is an error for scripts; a warning is for people.
  package static func exitCode(_ reply: DoctorReply) -> ExitCode { health(reply) == .unhealthy ? .unhealthy : .ok }

  /// Tab-separated: status, name, code, sentence, fix. With `header` the titles come first.
  package static func plain(_ reply: DoctorReply, header: Bool = false) -> String {
    (header ? "STATUS\tCHECK\tCODE\tFINDING\tFIX\n" : "")
      + reply.checks.map { finding in
        [
          finding.status.rawValue, finding.name.printable(), finding.code, finding.sentence.printable(),
          finding.fix?.printable() ?? "-",
        ].joined(separator: "\t") + "\n"
      }.joined()
  }

  private static let nameColumn = 8
  private static let textColumn = 20

  private static func lines(_ finding: Finding, _ terminal: Terminal) -> String {
    let (word, colour): (String, Terminal.Colour?) =
      switch finding.status {
      case .ok: ("ok", .green)
      case .warn: ("warn", .yellow)
      case .fail: ("FAIL", .red)
      case .skip: ("skip", .dim)
      }
    let blanks = String(repeating: " ", count: textColumn)
    let room = terminal.width - textColumn
    let name = finding.name.printable(limit: 20)
    var text = "  " + terminal.paint(colour, word) + String(repeating: " ", count: nameColumn - 2 - word.count)
    text += name + String(repeating: " ", count: max(1, textColumn - nameColumn - name.count))
    let sentence = terminal.wrap(finding.sentence.printable(), first: room, rest: room)
    text += sentence[0] + "\n" + sentence.dropFirst().map { "\(blanks)\($0)\n" }.joined()
    guard finding.status == .warn || finding.status == .fail else { return text }
    for line in finding.evidence {
      text += terminal.wrap(line.printable(), first: room, rest: room).map { "\(blanks)\($0)\n" }.joined()
    }
    if let fix = finding.fix {
      text += "\(blanks)Fix:   \(fix.printable())\n"
      text += "\(blanks)Then:  \(finding.recheck.printable())\n"
    }
    return text
  }
}
