/// Which shards a person wants to see. Everything that is set must match.
package struct ShardFilter: Hashable, Sendable {
  package enum Kind: String, CaseIterable, Sendable {
    case acting, held, moving, unowned
    /// Fewer copies than wanted.
    case short
    case pinned
  }

  package var kinds: [Kind]
  /// Names or ids of hosts that own or hold a copy.
  package var hosts: [String]
  /// Of maps or shards; `*` stands for any characters.
  package var names: [String]

  package init(kinds: [Kind] = [], hosts: [String] = [], names: [String] = []) {
    self.kinds = kinds
    self.hosts = hosts
    self.names = names
  }

  package func matches(_ shard: MapsReply.Shard) -> Bool {
    (kinds.isEmpty || kinds.contains { matches($0, shard) })
      && (hosts.isEmpty
        || hosts.contains { host in
          shard.owner?.isCalled(host) ?? false || shard.copies.contains { $0.isCalled(host) }
        })
      && (names.isEmpty
        || names.contains { pattern in
          Pattern.matches(pattern, shard.name) || shard.maps.contains { Pattern.matches(pattern, $0) }
        })
  }

  private func matches(_ kind: Kind, _ shard: MapsReply.Shard) -> Bool {
    switch kind {
    case .acting: shard.state == .acting
    case .held: shard.state == .held
    case .moving: shard.state == .moving
    case .unowned: shard.state == .unowned
    case .short: shard.copies.count < shard.wanted
    case .pinned: shard.pinned != nil
    }
  }
}

extension HostName {
  func isCalled(_ text: String) -> Bool { name == text || id == text }
}

/// `mesh-ctl maps`: one line a shard, worst first. `mesh-ctl map NAME`: one of them.
package struct MapsScreen {
  private let terminal: Terminal
  /// Maps that are named on a line of a terminal before the others are counted.
  private static let shownMaps = 3

  package init(for terminal: Terminal) { self.terminal = terminal }

  package func verdict(_ reply: MapsReply) -> String {
    let counts = reply.counts
    let health: Health = counts.mapsOwned < counts.maps || counts.mapsHeld + counts.shardsShort > 0 ? .degraded : .ok
    var sentence = "\(number(counts.mapsOwned)) of \(number(counts.maps)) maps owned"
    if counts.mapsHeld > 0 { sentence += "; \(number(counts.mapsHeld)) held" }
    if counts.shardsShort > 0 {
      sentence += "; \(number(counts.shardsShort)) of \(Plural.of(counts.shards, "shard")) with too few copies"
    }
    return terminal.verdict(reply.network.name.printable(limit: 31), health, sentence)
  }

  package func text(_ reply: MapsReply, filter: ShardFilter = .init()) -> String {
    let table = table(reply, filter: filter)
    guard terminal.isTerminal else { return table.text(for: terminal) }
    return verdict(reply) + "\n" + (table.rows.isEmpty ? "no shard matches\n" : table.text(for: terminal))
  }

  /// Tab-separated: shard, state, owner, epoch, copies, wanted, holders, pin, maps, why.
  package static func plain(_ reply: MapsReply, filter: ShardFilter = .init(), header: Bool = false) -> String {
    MapsScreen(for: Terminal(isTerminal: false)).table(reply, filter: filter).plain(header: header)
  }

  private func table(_ reply: MapsReply, filter: ShardFilter) -> Table {
    var table = Table(columns: [
      .init(title: "SHARD"), .init(title: "STATE"), .init(title: "OWNER"),
      .init(title: "EPOCH", isNumber: true, dropRank: 2), .init(title: "COPIES", isNumber: true),
      .init(title: "HOLDERS", dropRank: 4), .init(title: "PIN", dropRank: 1), .init(title: "MAPS", dropRank: 3),
      .init(title: "WHY", isRemark: true),
    ])
    let shards = reply.shards.filter(filter.matches).sorted { ($0.rank, $0.name) < ($1.rank, $1.name) }
    for shard in shards {
      let isShort = shard.copies.count < shard.wanted
      table.rows.append([
        .init(shard.name.printable(limit: 31)), .init(shard.state.rawValue, MapsScreen.colour(shard.state)),
        .init(shard.owner?.shown), .init("\(shard.epoch)"),
        .init("\(shard.copies.count)/\(shard.wanted)", isShort ? .yellow : nil),
        .init(shard.copies.map(\.shown).joined(separator: ",")), .init(shard.pinned?.shown), .init(maps(shard)),
        .init(why(shard)),
      ])
    }
    return table
  }

  private func why(_ shard: MapsReply.Shard) -> String? {
    var parts = [shard.why?.printable(limit: 200)].compactMap { $0 }
    if !shard.learners.isEmpty {
      parts.append(
        "\(shard.learners.map(\.shown).joined(separator: ",")) \(shard.learners.count == 1 ? "catches" : "catch") up")
    }
    return parts.isEmpty ? nil : parts.joined(separator: "; ")
  }

  /// All of them where the output is read by programs.
  private func maps(_ shard: MapsReply.Shard) -> String {
    let names = shard.maps.map { $0.printable(limit: 31) }
    guard terminal.isTerminal, !terminal.wide, names.count > MapsScreen.shownMaps else {
      return names.joined(separator: ",")
    }
    return names.prefix(MapsScreen.shownMaps).joined(separator: ",") + ",… (\(names.count))"
  }

  static func colour(_ state: ShardState) -> Terminal.Colour? {
    switch state {
    case .acting: nil
    case .held, .moving: .yellow
    case .unowned: .red
    }
  }

  private func number(_ count: Int) -> String { terminal.isTerminal ? Figures.grouped(count) : "\(count)" }
}

extension MapsReply {
  package var counts: ShardCounts {
    var counts = ShardCounts()
    for shard in shards {
      counts.add(
        maps: shard.maps.count, shard.state, copies: shard.copies.count, wanted: shard.wanted, isHere: false)
    }
    return counts
  }
}

extension MapsReply.Shard {
  /// Worst first.
  fileprivate var rank: Int {
    switch state {
    case .unowned: 0
    case .held: 1
    case .moving: 2
    case .acting: copies.count < wanted ? 3 : 4
    }
  }
}
