/// `mesh-ctl status`: the verdict, four lines, and what is wrong with the command that helps.
package enum StatusScreen {
  package static func text(_ reply: StatusReply, for terminal: Terminal) -> String {
    var text = verdict(reply, for: terminal) + "\n"
    text += hostsLine(reply.hosts, terminal)
    if let shards = reply.shards { text += shardLines(shards, terminal) }
    text += terminal.field("view", [viewPart(reply.view)])
    let own = reply.own
    text += terminal.field(
      "this",
      [
        "\(own.name.printable(limit: 31)) (\(own.roles.joined(separator: " ").printable()))",
        "on \(own.address.printable(limit: 64))",
        own.observedAddress.map { "seen as \($0.printable(limit: 64))" } ?? "", "host id \(own.id)",
        "class \(own.trustClass)", own.contributor == 0 ? "the operator's" : "contributor \(own.contributor)",
      ])
    text += terminal.field("up", [Figures.long(own.uptimeSeconds), certificatePart(own, at: reply.at)])
    if terminal.wide {
      text += terminal.field(
        "process",
        [
          "version \(own.version)", "pid \(own.processId)", "profile \(own.profile)",
          "life \(own.generation).\(own.refutation)", "loop lag \(Figures.short(own.loopLagSeconds))",
          "memory \(Figures.bytes(own.residentBytes))", "received \(Figures.bytes(own.receivedBytes))",
          "sent \(Figures.bytes(own.sentBytes))", Plural.of(own.sessions, "session"), Plural.of(own.links, "link"),
        ])
    }
    if !reply.warnings.isEmpty { text += "\n" }
    for warning in reply.warnings { text += WarningLines.text(warning, at: reply.at, terminal) }
    return text
  }

  /// The first line alone: `-q`.
  package static func verdict(_ reply: StatusReply, for terminal: Terminal) -> String {
    terminal.verdict(reply.network.name.printable(limit: 31), reply.verdict.health, reply.verdict.sentence)
  }

  /// Tab-separated names and values, pinned for scripts.
  package static func plain(_ reply: StatusReply) -> String {
    let own = reply.own
    let pairs: [(String, String)] = [
      ("network", reply.network.name), ("health", reply.verdict.health.rawValue), ("verdict", reply.verdict.sentence),
      ("alive", "\(reply.hosts.alive)"), ("suspect", "\(reply.hosts.suspect)"), ("dead", "\(reply.hosts.dead)"),
      ("left", "\(reply.hosts.left)"), ("revoked", "\(reply.hosts.revoked)"), ("digest", reply.view.digest),
      ("agreeing", "\(reply.view.agreeing)"), ("heard", "\(reply.view.heard)"), ("host", own.id), ("name", own.name),
      ("state", own.state.rawValue), ("address", own.address), ("roles", own.roles.joined(separator: ",")),
      ("class", "\(own.trustClass)"), ("contributor", "\(own.contributor)"),
      ("uptime_seconds", Figures.decimal(own.uptimeSeconds, 0)),
      ("certificate_not_after", own.certificateNotAfter.description),
    ]
    let shards = reply.shards.map { counts in
      [
        ("maps", counts.maps), ("maps_owned", counts.mapsOwned), ("maps_held", counts.mapsHeld),
        ("maps_here", counts.mapsHere), ("shards", counts.shards), ("shards_full", counts.shardsFull),
        ("shards_short", counts.shardsShort),
      ].map { ($0.0, "\($0.1)") }
    }
    let warnings = reply.warnings.map { "warning\t\($0.code)\t\($0.sentence.printable())\t\($0.command.printable())\n" }
    return (pairs + (shards ?? [])).map { "\($0)\t\($1.printable())\n" }.joined() + warnings.joined()
  }

  private static func hostsLine(_ hosts: HostCounts, _ terminal: Terminal) -> String {
    var parts = ["\(hosts.alive) alive", "\(hosts.suspect) suspect", "\(hosts.dead) dead"]
    if hosts.left > 0 { parts.append("\(hosts.left) left") }
    if hosts.revoked > 0 { parts.append("\(hosts.revoked) revoked") }
    return terminal.field("hosts", [parts.joined(separator: "  ")])
  }

  private static func shardLines(_ counts: ShardCounts, _ terminal: Terminal) -> String {
    func number(_ count: Int) -> String { terminal.isTerminal ? Figures.grouped(count) : "\(count)" }
    return terminal.field(
      "maps",
      [
        "\(number(counts.mapsOwned)) of \(number(counts.maps)) owned",
        counts.mapsHeld > 0 ? "\(number(counts.mapsHeld)) held" : "", "\(number(counts.mapsHere)) by this host",
      ])
      + terminal.field("copies", ["\(number(counts.shardsFull)) full  \(number(counts.shardsShort)) short"])
  }

  private static func viewPart(_ view: ViewAgreement) -> String {
    let digest = "digest " + String(view.digest.printable().prefix(4))
    if view.heard <= 1 { return "no other host to compare with (\(digest))" }
    if view.agreeing >= view.heard { return "all \(view.heard) hosts agree (\(digest))" }
    let time = Figures.short(view.differingSeconds)
    return "\(view.agreeing) of \(view.heard) hosts agree, for \(time) now (\(digest))"
  }

  private static func certificatePart(_ own: OwnHost, at now: Timestamp) -> String {
    now < own.certificateNotAfter
      ? "certificate good for \(Figures.coarse(own.certificateNotAfter.seconds(since: now)))"
      : "certificate expired \(Figures.coarse(now.seconds(since: own.certificateNotAfter))) ago"
  }
}

/// `! M012  sentence` and below it the command.
enum WarningLines {
  static func text(_ warning: Warning, at now: Timestamp, _ terminal: Terminal) -> String {
    let since = warning.since.map { " since \(terminal.when($0, today: now))" } ?? ""
    let mark = terminal.paint(warning.health == .ok ? nil : terminal.colour(of: warning.health), "!")
    let code = warning.code.printable(limit: 8)
    let indent = 2 + 1 + 1 + code.count + 2
    let lines = terminal.wrap(
      (warning.sentence + since).printable(), first: terminal.width - indent, rest: terminal.width - indent)
    let blanks = String(repeating: " ", count: indent)
    return "  \(mark) \(code)  \(lines[0])\n" + lines.dropFirst().map { "\(blanks)\($0)\n" }.joined()
      + "\(blanks)\(warning.command.printable())\n"
  }
}
