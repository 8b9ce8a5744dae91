/// Which members a person wants to see. Everything that is set must match.
package struct MemberFilter: Hashable, Sendable {
  package var states: [MemberState]
  package var roles: [String]
  /// Host ids or names; `*` stands for any characters.
  package var names: [String]

  package init(states: [MemberState] = [], roles: [String] = [], names: [String] = []) {
    self.states = states
    self.roles = roles
    self.names = names
  }

  package var isEmpty: Bool { states.isEmpty && roles.isEmpty && names.isEmpty }

  package func matches(_ member: MemberReport) -> Bool {
    (states.isEmpty || states.contains(member.state))
      && (roles.isEmpty || roles.contains { member.roles.contains($0) })
      && (names.isEmpty
        || names.contains { Pattern.matches($0, member.id) || Pattern.matches($0, member.name ?? "") })
  }
}

enum Pattern {
  /// Shell-like match where only `*` is special. Linear: on a mismatch only the last `*` takes one more character.
  static func matches(_ pattern: String, _ text: String) -> Bool {
    let pattern = Array(pattern.utf8)
    let text = Array(text.utf8)
    let star = UInt8(ascii: "*")
    var (p, t) = (0, 0)
    var retry: (p: Int, t: Int)?
    while t < text.count {
      if p < pattern.count, pattern[p] == star {
        retry = (p + 1, t)
        p += 1
      } else if p < pattern.count, pattern[p] == text[t] {
        p += 1
        t += 1
      } else if let again = retry {
        (p, t) = (again.p, again.t + 1)
        retry?.t += 1
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == star }
  }
}

/// `mesh-ctl members`: one line a host, worst first.
package enum MembersScreen {
  package static func text(_ reply: MembersReply, filter: MemberFilter = .init(), for terminal: Terminal) -> String {
    let table = table(reply, filter: filter, for: terminal)
    guard terminal.isTerminal else { return table.text(for: terminal) }
    if table.rows.isEmpty { return verdict(reply, for: terminal) + "\nno member matches\n" }
    return verdict(reply, for: terminal) + "\n" + table.text(for: terminal) + legend(terminal)
  }

  /// With `header` the titles come first.
  package static func plain(_ reply: MembersReply, filter: MemberFilter = .init(), header: Bool = false) -> String {
    table(reply, filter: filter, for: Terminal(isTerminal: false)).plain(header: header)
  }

  package static func verdict(_ reply: MembersReply, for terminal: Terminal) -> String {
    var counts = HostCounts()
    for member in reply.members {
      switch member.state {
      case .alive: counts.alive += 1
      case .suspect: counts.suspect += 1
      case .dead: counts.dead += 1
      case .left: counts.left += 1
      case .revoked: counts.revoked += 1
      }
    }
    let others = [
      (counts.suspect, "suspect"), (counts.dead, "dead"), (counts.left, "left"), (counts.revoked, "revoked"),
    ].filter { $0.0 > 0 }.map { "; \($0.0) \($0.1)" }.joined()
    return terminal.verdict(
      reply.network.name.printable(limit: 31), counts.suspect + counts.dead > 0 ? .degraded : .ok,
      "\(counts.alive) of \(Plural.hosts(counts.expected)) alive\(others)")
  }

  private static func table(_ reply: MembersReply, filter: MemberFilter, for terminal: Terminal) -> Table {
    var table = Table(columns: [
      .init(title: "ST"), .init(title: "HOST"), .init(title: "ADDRESS"), .init(title: "ROLE", dropRank: 5),
      .init(title: "MAPS", isNumber: true),
      .init(title: "CPU", isNumber: true, dropRank: 4), .init(title: "MEM", isNumber: true, dropRank: 3),
      .init(title: "LAG", isNumber: true, dropRank: 2), .init(title: "RTT", isNumber: true),
      .init(title: "LOSS", isNumber: true, dropRank: 1), .init(title: "SEEN", isNumber: true),
      .init(title: "WHY", isRemark: true),
    ])
    func time(_ seconds: Double?) -> String? {
      // Without the blank every cell is one word.
      seconds.map { terminal.isTerminal ? Figures.short($0) : Figures.short($0).filter { $0 != " " } }
    }
    let members = reply.members.filter(filter.matches).sorted {
      (rank($0), $0.host.shown, $0.id) < (rank($1), $1.host.shown, $1.id)
    }
    for member in members {
      let why = member.isSelf ? ["this host", member.why].compactMap { $0 }.joined(separator: "; ") : member.why
      table.rows.append([
        .init(letters(member), colour(member.state)), .init(member.host.shown),
        .init(member.address?.printable(limit: 64)), .init(role(member, terminal)),
        .init(member.maps.map { "\($0)" }),
        .init(member.cpuRatio.map(Figures.percent)), .init(member.memoryRatio.map(Figures.percent)),
        .init(time(member.loopLagSeconds)), .init(member.isSelf ? nil : time(member.rttSeconds)),
        .init(member.isSelf ? nil : member.lossRatio.map(Figures.finePercent)),
        .init(member.isSelf ? nil : time(member.seenSecondsAgo)), .init(why?.printable(limit: 200)),
      ])
    }
    return table
  }

  /// Worst first; who is gone for good comes last.
  private static func rank(_ member: MemberReport) -> Int {
    switch member.state {
    case .dead: 0
    case .suspect: 1
    case .alive: member.impaired || member.draining ? 2 : member.why != nil ? 3 : 4
    case .left: 5
    case .revoked: 6
    }
  }

  private static func letters(_ member: MemberReport) -> String {
    let first =
      switch member.state {
      case .alive: "A"
      case .suspect: "S"
      case .dead: "X"
      case .left: "L"
      case .revoked: "R"
      }
    let second =
      member.draining
      ? "D"
      : member.impaired
        ? "I" : member.roles.contains("bridge") ? "B" : member.roles.contains("observer") ? "O" : "."
    return first + second
  }

  private static func colour(_ state: MemberState) -> Terminal.Colour? {
    switch state {
    case .alive: nil
    case .suspect: .yellow
    case .dead: .red
    case .left, .revoked: .dim
    }
  }

  /// The one role that matters most; all of them where there is room.
  private static func role(_ member: MemberReport, _ terminal: Terminal) -> String {
    if !terminal.isTerminal || terminal.wide { return member.roles.joined(separator: ",") }
    return ["bridge", "observer", "host"].first { member.roles.contains($0) } ?? member.roles.first ?? ""
  }

  private static func legend(_ terminal: Terminal) -> String {
    terminal.paint(
      .dim,
      """
      first letter A alive S suspect X dead L left R revoked
      second . normal D draining I impaired O observer B bridge
      """) + "\n"
  }
}
