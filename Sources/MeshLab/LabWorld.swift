package import Control
import Glibc
import WorldData

/// Where the maps of a lab's world come from.
package struct LabWorld: Sendable {
  package enum Maps: Sendable, Hashable {
    /// Small maps that the lab makes itself.
    case generated(Int)
    /// `map_cache.dat` files, in the order in which they are searched.
    case caches([String])
    /// rAthena's root.
    case rathena(String)
  }

  package var maps: Maps
  /// As `mesh-ctl world build --shards` takes it; `nil`: the default.
  package var shards: String?
  /// 1, 3 or 5: the first hosts of the lab vote.
  package var voters: Int
  /// Copies wanted of each shard, the owner's included, unless fewer hosts are there.
  package var copies: Int

  package init(_ maps: Maps, shards: String? = nil, voters: Int = 1, copies: Int = Lab.wantedCopies) {
    self.maps = maps
    self.shards = shards
    self.voters = voters
    self.copies = copies
  }

  /// A few dozen maps: enough that every host of a small mesh owns something, and quickly spread.
  package static let small = LabWorld(.generated(48), shards: "auto 12")
}

extension Lab {
  /// Copies of each shard unless a world says otherwise: what `replication_factor` is by itself.
  package static let wantedCopies = 3

  /// Builds, signs and publishes a world through the first member, as an operator does.
  package func publish(_ world: LabWorld) throws(LabError) {
    let file = folder + "/lab.world"
    var build = ["world", "build", "--dir", operatorFolder, "--no-input", "--output", file]
    switch world.maps {
    case .generated(let count):
      let cache = folder + "/map_cache.dat"
      try LabFiles.write(try LabWorld.cache(maps: count), to: cache)
      build += ["--map-cache", cache]
    case .caches(let files): for path in files { build += ["--map-cache", path] }
    case .rathena(let root): build += ["--rathena", root]
    }
    if let shards = world.shards { build += ["--shards", shards] }
    let copies = "map_settings.replication_factor=\(world.copies)"
    for setting in Lab.requirements + [copies] { build += ["--set", setting] }
    for member in members.prefix(world.voters) {
      guard let reply: WorldReply = ask(member, .world(.show), within: 10) else {
        throw LabError("\(member.name) does not say which voter it is")
      }
      build += ["--voter", reply.voter]
    }
    try control(build)
    try control(
      ["world", "sign", file, "--dir", operatorFolder, "--passphrase-file", passphraseFile, "--no-input"])
    try control(["world", "publish", file, "--dir", operatorFolder, "--no-input"])
  }

  /// Who owns what now: each shard as its owner tells it, or as anybody tells it as long as nobody says that he owns it.
  package func shards(within seconds: Double = 2) -> [MapsReply.Shard] {
    var found: [String: (shard: MapsReply.Shard, isOwn: Bool)] = [:]
    for member in members where member.isRunning && !member.isFrozen {
      guard let reply: MapsReply = ask(member, .shards(.maps), within: seconds) else { continue }
      for shard in reply.shards {
        let isOwn = shard.owner?.name == member.name
        guard let before = found[shard.name] else {
          found[shard.name] = (shard, isOwn)
          continue
        }
        if shard.epoch > before.shard.epoch || shard.epoch == before.shard.epoch && isOwn && !before.isOwn {
          found[shard.name] = (shard, isOwn)
        }
      }
    }
    return found.values.map { entry in
      var shard = entry.shard
      // Who does not own a shard cannot tell whether its owner acts.
      if !entry.isOwn, shard.state == .acting { shard.state = .held }
      return shard
    }.sorted { $0.name < $1.name }
  }

  /// Waits until the owner of each of `count` shards acts and `copies` hosts are in sync. Says what it still waits for.
  package func waitForOwners(
    of count: Int? = nil, copies: Int, within seconds: Double
  ) -> (shards: [MapsReply.Shard], missing: [String]) {
    var shards: [MapsReply.Shard] = []
    var missing: [String] = []
    _ = LabClock.wait(upTo: seconds, every: 0.2) {
      shards = self.shards()
      missing = shards.filter { $0.state != .acting || $0.copies.count < copies }.map { shard in
        "\(shard.name): \(shard.state.rawValue), copies on \(names(shard.copies)), "
          + (shard.learners.isEmpty ? "" : "\(names(shard.learners)) learning, ")
          + "owner \(shard.owner?.name ?? "none"), "
          + "epoch \(shard.epoch)" + (shard.why.map { " (\($0))" } ?? "")
      }
      if shards.isEmpty { missing = ["no world is active"] }
      if let count, shards.count < count { missing.append("\(shards.count) of \(count) shards are known") }
      return missing.isEmpty
    }
    return (shards, missing)
  }
}

private func names(_ hosts: [HostName]) -> String { hosts.map(\.shown).joined(separator: " ") }

extension LabWorld {
  /// A map cache of `count` small maps with names in a few regions.
  fileprivate static func cache(maps count: Int) throws(LabError) -> [UInt8] {
    let regions = ["alb", "cmd", "gef", "moc", "pay", "prt"]
    var maps: [(name: MapName, object: MapObject)] = []
    for number in 0..<count {
      let region = regions[number % regions.count]
      let side = 20 + number % 13
      // A border of walls, and a wall in it that is elsewhere on each map.
      let cells = (0..<side * side).map { cell -> UInt8 in
        let (row, column) = cell.quotientAndRemainder(dividingBy: side)
        let isBorder = row == 0 || column == 0 || row == side - 1 || column == side - 1
        return isBorder || cell == side + 1 + number % (side - 2) ? 1 : 0
      }
      guard let name = MapName("\(region)_lab\(number / regions.count)"), let size = MapSize(width: side, height: side),
        let object = cells.withUnsafeBytes({ try? MapObject(size: size, cells: $0) })
      else { throw LabError("map number \(number) of the generated world cannot be made") }
      maps.append((name, object))
    }
    return MapCache.bytes(of: maps)
  }
}
