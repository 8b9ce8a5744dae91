/// `mesh-ctl map NAME` (where a map is) and `mesh-ctl explain NAME` (why it is there).
package struct PlacementScreen {
  private let terminal: Terminal
  /// Maps of its shard that are named before the others are counted.
  private static let shownMaps = 12

  package init(for terminal: Terminal) { self.terminal = terminal }

  /// `prontera runs on prt-1 since 19:58:40 (epoch 41), copies on pay-1, gef-1`
  package func verdict(_ reply: PlacementReply) -> String {
    let shard = reply.shard
    var text = reply.map.printable(limit: 31)
    switch (shard.state, shard.owner) {
    case (.acting, let owner?): text += " runs on \(owner.shown)\(since(reply)) (epoch \(shard.epoch))"
    case (.moving, let owner?): text += " is being moved away from \(owner.shown) (epoch \(shard.epoch))"
    case (.held, let owner?): text += " is held on \(owner.shown)\(since(reply)) (epoch \(shard.epoch))"
    case (.unowned, _), (_, nil): text += " has no owner"
    }
    if let why = shard.why { text += ": \(why.printable(limit: 200))" }
    let others = shard.copies.filter { $0 != shard.owner }.map(\.shown)
    text +=
      others.isEmpty
      ? ", no other copy" : ", \(others.count == 1 ? "copy" : "copies") on \(others.joined(separator: ", "))"
    return terminal.wrap(text, first: terminal.width, rest: terminal.width - 2).joined(separator: "\n  ") + "\n"
  }

  // MARK: map NAME

  package func facts(_ reply: PlacementReply) -> String {
    let shard = reply.shard
    var text = verdict(reply) + "\n"
    text += terminal.field("shard", [shard.name.printable(limit: 31)])
    text += terminal.field("maps", maps(shard))
    text += terminal.field(
      "state", [terminal.paint(MapsScreen.colour(shard.state), shard.state.rawValue), "epoch \(shard.epoch)"])
    text += terminal.field("owner", [owner(reply)])
    let short = shard.copies.count < shard.wanted ? ", too few" : ""
    text += terminal.field("copies", ["\(shard.copies.count) of \(shard.wanted)\(short)"] + shard.copies.map(\.shown))
    if !shard.learners.isEmpty { text += terminal.field("learning", shard.learners.map(\.shown)) }
    if let host = shard.pinned { text += terminal.field("pinned", ["to \(host.shown)"]) }
    if !reply.waitsFor.isEmpty { text += terminal.field("waits for", reply.waitsFor.map { $0.printable(limit: 80) }) }
    if terminal.isTerminal { text += "next: mesh-ctl explain \(reply.map.printable(limit: 31))\n" }
    return text
  }

  private func owner(_ reply: PlacementReply) -> String {
    guard reply.shard.state == .unowned else { return reply.shard.owner.map { $0.shown + since(reply) } ?? "nobody" }
    return "nobody" + (reply.shard.owner.map { " (last: \($0.shown))" } ?? "")
  }

  private func maps(_ shard: MapsReply.Shard) -> [String] {
    let names = shard.maps.map { $0.printable(limit: 31) }
    guard terminal.isTerminal, !terminal.wide, names.count > PlacementScreen.shownMaps else { return names }
    return names.prefix(PlacementScreen.shownMaps) + ["… \(names.count - PlacementScreen.shownMaps) more (--wide)"]
  }

  /// Tab-separated: map, shard, state, owner, epoch, since, copies, wanted, pin, why.
  package static func plainFacts(_ reply: PlacementReply) -> String {
    let shard = reply.shard
    let cells: [String?] = [
      reply.map.printable(limit: 31), shard.name.printable(limit: 31), shard.state.rawValue, shard.owner?.shown,
      "\(shard.epoch)", reply.ownerSince?.description, shard.copies.map(\.shown).joined(separator: ","),
      "\(shard.wanted)", shard.pinned?.shown, shard.why?.printable(limit: 200),
    ]
    return cells.map { $0.flatMap { $0.isEmpty ? nil : $0 } ?? "-" }.joined(separator: "\t") + "\n"
  }

  // MARK: explain NAME

  package func text(_ reply: PlacementReply) -> String {
    var text = verdict(reply) + "\n"
    if reply.candidates.isEmpty {
      text +=
        reply.steward.map { "  ranks and loads are known to \($0.shown), who decides: ask there\n" }
        ?? "  no voter is there to decide where shards go\n"
    } else {
      let indented = table(reply).text(for: inner).split(separator: "\n").map { "  \($0)\n" }
      text += indented.joined()
    }
    if !reply.waitsFor.isEmpty {
      text += "\n  It waits for\n" + reply.waitsFor.map { "  \($0.printable(limit: 120))\n" }.joined()
    }
    if !reply.moves.isEmpty {
      text += "\n  How it got here\n" + reply.moves.map { "  \(line($0, today: reply.at))\n" }.joined()
    }
    return text + "\n" + advice(reply)
  }

  /// Narrower by the indentation.
  private var inner: Terminal {
    var inner = terminal
    inner.width -= 2
    return inner
  }

  private func table(_ reply: PlacementReply) -> Table {
    var table = Table(columns: [
      .init(title: "RANK", isNumber: true), .init(title: "HOST"), .init(title: "SCORE", isNumber: true),
      .init(title: "ELIGIBLE"), .init(title: "LOAD", isNumber: true), .init(title: "VERDICT", isRemark: true),
    ])
    for candidate in reply.candidates {
      let isOwner = candidate.host == reply.shard.owner
      let verdict = [candidate.verdict, candidate.evidence ?? ""].filter { !$0.isEmpty }.joined(separator: ": ")
      table.rows.append(cells(candidate, isOwner) + [.init(verdict.printable(limit: 300))])
    }
    return table
  }

  private func cells(_ candidate: PlacementReply.Candidate, _ isOwner: Bool) -> [Table.Cell] {
    [
      .init(candidate.rank.map { "\($0)" }), .init(candidate.host.shown, isOwner ? .bold : nil),
      .init(Figures.decimal(candidate.score, 3)),
      .init(candidate.eligible ? "yes" : "no", candidate.eligible ? nil : .dim),
      .init(candidate.load.map { Figures.decimal($0, 2) }),
    ]
  }

  /// Tab-separated: rank, host, score, eligible, load, verdict, evidence.
  package static func plain(_ reply: PlacementReply, header: Bool = false) -> String {
    let screen = PlacementScreen(for: Terminal(isTerminal: false))
    var table = screen.table(reply)
    table.columns.append(.init(title: "EVIDENCE"))
    table.rows = reply.candidates.map { candidate in
      screen.cells(candidate, false)
        + [.init(candidate.verdict.printable(limit: 300)), .init(candidate.evidence?.printable(limit: 300))]
    }
    return table.plain(header: header)
  }

  private func line(_ move: PlacementReply.Move, today: Timestamp) -> String {
    let from = move.from.map { "\($0.shown) -> " } ?? ""
    let plan = move.plan.map { ", plan p-\($0)" } ?? ""
    return
      "\(terminal.when(move.at, today: today))  \(from)\(move.to.shown)   epoch \(move.epoch): \(move.reason.printable(limit: 120))\(plan)"
  }

  private func advice(_ reply: PlacementReply) -> String {
    let map = reply.map.printable(limit: 31)
    if let host = reply.shard.pinned {
      return "  It is pinned to \(host.shown); to set it free: mesh-ctl unpin \(map)\n"
    }
    let target = reply.candidates.first { $0.eligible && $0.host != reply.shard.owner }
    return "  Not pinned; to keep it on one host: mesh-ctl pin \(map) \(target?.host.shown ?? "HOST")\n"
  }

  private func since(_ reply: PlacementReply) -> String {
    reply.ownerSince.map { " since \(terminal.when($0, today: reply.at))" } ?? ""
  }
}
