/// `mesh-ctl world`: what a node has of worlds, what is in a file, and what changed between two.
package struct WorldScreen {
  private let terminal: Terminal
  /// Names of one kind are listed up to here unless `--wide` is given.
  private static let shownLimit = 20

  package init(for terminal: Terminal) { self.terminal = terminal }

  // MARK: A node's worlds

  /// One sentence: what is active, and what is wrong or under way.
  package func verdict(_ reply: WorldReply) -> String {
    guard let active = reply.versions.first(where: { $0.version == reply.active }) else {
      return reply.versions.isEmpty
        ? "no world is known here: publish one, or wait for a peer that has one" : "no world is active here"
    }
    var text = "version \(active.version) is active: \(Plural.of(active.maps, "map")) in "
    text += Plural.of(active.shards, "shard")
    if active.mapsHere < active.maps { text += "; \(active.maps - active.mapsHere) damaged, being fetched again" }
    if reply.at >= active.expiry {
      text += "; it has ended, a newer one is needed"
    } else if reply.isEnding(active) {
      text += "; it ends in \(Figures.coarse(active.expiry.seconds(since: reply.at)))"
    }
    return text
  }

  package func text(_ reply: WorldReply) -> String {
    var text = verdict(reply) + "\n"
    if let download = reply.download, download.mapsHere < download.maps {
      text += "downloading version \(download.version): \(download.mapsHere) of \(Plural.of(download.maps, "map")), "
      text += "\(Figures.bytes(download.bytes)), \(Figures.bytes(download.bytesPerSecond))/s"
      if let seconds = download.secondsLeft { text += ", \(Figures.coarse(Double(seconds))) left" }
      text += "\n"
    }
    for version in reply.versions {
      if let reason = version.waits { text += "version \(version.version) waits: \(reason.printable(limit: 200))\n" }
    }
    return text + (reply.versions.isEmpty ? "" : "\n" + history(reply))
  }

  package func history(_ reply: WorldReply) -> String {
    guard !reply.versions.isEmpty else { return "no world is known here\n" }
    var table = Table(columns: [
      .init(title: "VERSION", isNumber: true), .init(title: "STATE"), .init(title: "MAPS", isNumber: true),
      .init(title: "SHARDS", isNumber: true, dropRank: 2), .init(title: "ACTIVE FROM"), .init(title: "UNTIL"),
      .init(title: "ROOT", dropRank: 1),
    ])
    for version in reply.versions {
      let maps = version.mapsHere == version.maps ? "\(version.maps)" : "\(version.mapsHere)/\(version.maps)"
      let colour: Terminal.Colour? = version.state == .incomplete ? .yellow : nil
      table.rows.append([
        .init("\(version.version)"), .init(version.state.rawValue, colour), .init(maps), .init("\(version.shards)"),
        .init(date(version.notBefore)), .init(date(version.expiry), reply.isEnding(version) ? .yellow : nil),
        .init(String(version.root.printable(limit: 64).prefix(16))),
      ])
    }
    return table.text(for: terminal)
  }

  private func date(_ moment: Timestamp) -> String { "\(terminal.date(moment)) \(terminal.clock(moment))" }

  /// Tab-separated: version, state, maps here, maps, shards, begin, end, root.
  package static func plain(_ reply: WorldReply) -> String {
    reply.versions.map { version in
      [
        "\(version.version)", version.state.rawValue, "\(version.mapsHere)", "\(version.maps)", "\(version.shards)",
        version.notBefore.description, version.expiry.description, version.root.printable(limit: 64),
      ].joined(separator: "\t") + "\n"
    }.joined()
  }

  // MARK: A file

  package func text(_ reply: WorldFileReply, shards: Bool) -> String {
    var lines = [
      ("version", "\(reply.version)\(reply.signed ? "" : " (not signed by an operator known here)")"),
      ("network", reply.network.printable(limit: 31)),
      ("root", reply.root.printable(limit: 64)),
      ("active from", reply.notBefore.description), ("until", reply.expiry.description),
      ("maps", "\(reply.maps), \(reply.cells) cells"), ("shards", "\(reply.shards)"),
      ("voters", reply.voters.map { $0.printable(limit: 40) }.joined(separator: " ")),
      ("size", Figures.bytes(UInt64(clamping: reply.sizeBytes))),
    ]
    if let tree = reply.tree {
      let size = reply.charStatusSize.map { ", mmo_charstatus \($0)" } ?? ""
      lines.append(("tree", "\(tree.printable(limit: 16)) (\(Plural.of(reply.treeFiles ?? 0, "file"))\(size))"))
    }
    var text = lines.map { "\($0.0)\(String(repeating: " ", count: 13 - $0.0.count))\($0.1)\n" }.joined()
    if shards, let shardMaps = reply.shardMaps {
      text += "\n"
      for shard in shardMaps {
        text += "shard \(shard.name.printable(limit: 31)): "
        text += shard.maps.map { $0.printable(limit: 31) }.joined(separator: " ") + "\n"
      }
    }
    return text
  }

  /// Tab-separated: shard, id, cells, maps.
  package static func plain(_ reply: WorldFileReply) -> String {
    (reply.shardMaps ?? []).map { shard in
      let maps = shard.maps.map { $0.printable(limit: 31) }.joined(separator: " ")
      return "\(shard.name.printable(limit: 31))\t\(shard.id)\t\(shard.cells)\t\(maps)\n"
    }.joined()
  }

  // MARK: Differences

  package func text(_ reply: WorldDiffReply) -> String {
    if reply.same { return "no difference\n" }
    var text = ""
    func list(_ names: [String], _ title: String) {
      guard !names.isEmpty else { return }
      let shown = terminal.wide ? names[...] : names.prefix(WorldScreen.shownLimit)
      let more = names.count > shown.count ? " … \(names.count - shown.count) more (--wide)" : ""
      text += "\(title) (\(names.count)): \(shown.map { $0.printable(limit: 64) }.joined(separator: " "))\(more)\n"
    }
    list(reply.addedMaps, "maps added")
    list(reply.removedMaps, "maps removed")
    list(reply.changedMaps, "maps with other cells")
    list(reply.addedShards, "shards added")
    list(reply.removedShards, "shards removed")
    list(reply.movedMaps.map { "\($0.map):\($0.before)->\($0.after)" }, "maps in other shards")
    for change in reply.changes {
      text += "\(change.what): \(change.before.printable(limit: 120)) -> \(change.after.printable(limit: 120))\n"
    }
    return text
  }

  /// Tab-separated: what, name, before, after.
  package static func plain(_ reply: WorldDiffReply) -> String {
    var rows = reply.addedMaps.map { ["map-added", $0, "", ""] }
    rows += reply.removedMaps.map { ["map-removed", $0, "", ""] }
    rows += reply.changedMaps.map { ["map-changed", $0, "", ""] }
    rows += reply.addedShards.map { ["shard-added", $0, "", ""] }
    rows += reply.removedShards.map { ["shard-removed", $0, "", ""] }
    rows += reply.movedMaps.map { ["map-moved", $0.map, $0.before, $0.after] }
    rows += reply.changes.map { ["changed", $0.what, $0.before, $0.after] }
    return rows.map { $0.map { $0.printable(limit: 200) }.joined(separator: "\t") + "\n" }.joined()
  }
}

extension WorldReply {
  /// The last 14 days.
  fileprivate func isEnding(_ version: Version) -> Bool { version.expiry.seconds(since: at) <= 14 * 86_400 }

  package var health: Health {
    guard let active = versions.first(where: { $0.version == active }) else { return .unhealthy }
    return active.mapsHere < active.maps || isEnding(active) ? .degraded : .ok
  }
}
