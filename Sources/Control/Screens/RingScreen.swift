/// `mesh-ctl ring`: how shards are spread over hosts, one line a host.
package struct RingScreen {
  private let terminal: Terminal
  /// Characters of a bar. Full is one and a half times the fair share: whoever has more should give some away.
  private static let barLength = 18
  private static let barEnd = 1.5

  package init(for terminal: Terminal) { self.terminal = terminal }

  package func text(_ reply: RingReply) -> String {
    let table = table(reply)
    guard terminal.isTerminal else { return table.text(for: terminal) }
    return verdict(reply) + "\n\n" + table.text(for: terminal) + footer(reply)
  }

  /// One sentence: how even it is, and when something last moved.
  package func verdict(_ reply: RingReply) -> String {
    var parts: [String] = []
    if let balance = reply.maxOverMean {
      parts.append("the fullest host carries \(Figures.decimal(balance, 2)) times its fair share")
    } else if let steward = reply.steward {
      parts.append("weights and loads are known to \(steward.shown), who decides")
    } else {
      parts.append("no voter is there to decide where shards go")
    }
    if let moment = reply.lastMoveAt {
      parts.append("last change of an owner \(Figures.coarse(reply.at.seconds(since: moment))) ago")
    }
    let subject = "\(reply.network.name.printable(limit: 31)) ring: "
    let lines = terminal.wrap(subject + parts.joined(separator: "; "), first: terminal.width, rest: terminal.width - 2)
    return lines.joined(separator: "\n  ")
  }

  /// Tab-separated: host, weight, share, load, shards, maps, copies, state, hot map.
  package static func plain(_ reply: RingReply, header: Bool = false) -> String {
    RingScreen(for: Terminal(isTerminal: false)).table(reply, all: true).plain(header: header)
  }

  private func table(_ reply: RingReply, all: Bool = false) -> Table {
    var table = Table(columns: [
      .init(title: "HOST"), .init(title: "WEIGHT", isNumber: true, dropRank: 3),
      .init(title: "SHARE", isNumber: true, dropRank: 4), .init(title: "LOAD", isNumber: true),
      .init(title: "0       FAIR", dropRank: 2), .init(title: "SHARDS", isNumber: true, dropRank: 5),
      .init(title: "MAPS", isNumber: true), .init(title: "COPIES", isNumber: true),
      .init(title: "STATE", isRemark: true),
    ])
    // A picture is for people only, and says more than a word of its own could.
    let isPictured = terminal.isTerminal && reply.maxOverMean != nil
    let hasHotMaps = all || reply.hosts.contains { $0.hotMap != nil }
    if hasHotMaps { table.columns.insert(.init(title: "HOT MAP", dropRank: 1), at: 8) }
    // Most maps first; who has none comes last.
    for host in reply.hosts.sorted(by: { ($1.maps, $0.host.shown, $0.host.id) < ($0.maps, $1.host.shown, $1.host.id) })
    {
      var row: [Table.Cell] = [
        .init(host.host.shown), .init(host.weight.map { "\($0)" }), .init(host.share.map(Figures.finePercent)),
        .init(host.load.map { Figures.decimal($0, 2) }), .init(host.load.map { picture(host, $0) }),
        .init("\(host.shards)"),
        .init(number(host.maps)), .init(number(host.copies)),
        .init(
          isPictured && host.draining ? nil : isPictured ? host.unfit?.printable(limit: 200) : state(host),
          host.unfit == nil ? (host.draining ? .yellow : nil) : .dim),
      ]
      if hasHotMaps { row.insert(.init(host.hotMap?.printable(limit: 31)), at: 8) }
      table.rows.append(row)
    }
    if !isPictured {
      table.columns.remove(at: 4)
      for row in table.rows.indices { table.rows[row].remove(at: 4) }
    }
    return table
  }

  private func state(_ host: RingReply.Host) -> String {
    if host.draining { return host.shards + host.copies > 0 ? "draining" : "drained" }
    return host.unfit.map { "owns nothing: \($0.printable(limit: 200))" } ?? ""
  }

  private func picture(_ host: RingReply.Host, _ load: Double) -> String {
    if host.draining { return "(\(state(host)))" }
    return host.unfit == nil ? bar(load) : "(owns nothing)"
  }

  /// `########····|······`: the mark is the fair share.
  private func bar(_ load: Double) -> String {
    let length = Double(RingScreen.barLength)
    let filled = Int((min(max(load / RingScreen.barEnd, 0), 1) * length).rounded())
    let fair = Int((length / RingScreen.barEnd).rounded())
    return String(
      (0..<RingScreen.barLength).map { place in
        place == fair - 1 ? "|" : place < filled ? "#" : terminal.unicode ? "·" : "-"
      })
  }

  private func number(_ count: Int) -> String { terminal.isTerminal ? Figures.grouped(count) : "\(count)" }

  private func footer(_ reply: RingReply) -> String {
    var parts = ["voters \(reply.voters.map(\.shown).joined(separator: " "))"]
    if let steward = reply.steward { parts.append("\(steward.shown) decides") }
    parts.append(reply.pins == 0 ? "nothing is pinned" : Plural.of(reply.pins, "shard") + " pinned")
    let lines = terminal.wrap(parts.joined(separator: ", "), first: terminal.width, rest: terminal.width - 2)
    return terminal.paint(.dim, lines.joined(separator: "\n  ")) + "\nnext: mesh-ctl maps   or   mesh-ctl explain MAP\n"
  }
}
