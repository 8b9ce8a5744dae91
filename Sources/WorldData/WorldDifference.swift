import Wire

/// What changed from one world to another.
package struct WorldDifference: Hashable, Sendable {
  package struct Change: Hashable, Sendable {
    package var what: String
    package var before: String
    package var after: String
  }

  package struct Move: Hashable, Sendable {
    package var map: MapName
    package var before: ShardName
    package var after: ShardName
  }

  package var addedMaps: [MapName] = []
  package var removedMaps: [MapName] = []
  /// Other cells.
  package var changedMaps: [MapName] = []
  package var addedShards: [ShardName] = []
  package var removedShards: [ShardName] = []
  /// Maps that are in both worlds, in other shards: the state of the shard does not go with them.
  package var movedMaps: [Move] = []
  /// Settings, salt, voters, tree, time.
  package var changes: [Change] = []

  package var isEmpty: Bool {
    addedMaps.isEmpty && removedMaps.isEmpty && changedMaps.isEmpty && addedShards.isEmpty && removedShards.isEmpty
      && movedMaps.isEmpty && changes.isEmpty
  }

  package init(from before: World, to after: World) {
    for map in after.maps {
      if let index = before.index(of: map.name) {
        if before.maps[index].address != map.address { changedMaps.append(map.name) }
      } else {
        addedMaps.append(map.name)
      }
    }
    removedMaps = before.maps.map(\.name).filter { after.index(of: $0) == nil }
    let shardsBefore = Set(before.shards.map(\.name))
    let shardsAfter = Set(after.shards.map(\.name))
    addedShards = shardsAfter.subtracting(shardsBefore).sorted()
    removedShards = shardsBefore.subtracting(shardsAfter).sorted()
    let ownersBefore = before.shardOfMap
    let ownersAfter = after.shardOfMap
    for (index, map) in after.maps.enumerated() {
      guard let old = before.index(of: map.name) else { continue }
      let from = before.shards[ownersBefore[old]].name
      let to = after.shards[ownersAfter[index]].name
      if from != to { movedMaps.append(Move(map: map.name, before: from, after: to)) }
    }
    compareRest(before, after)
  }

  private mutating func compareRest(_ before: World, _ after: World) {
    add("network", before.network, after.network)
    add("version", before.version, after.version)
    add("salt", before.salt.hex, after.salt.hex)
    add("voters", before.voters.shown, after.voters.shown)
    add("not_before", before.notBefore, after.notBefore)
    add("expiry", before.expiry, after.expiry)
    let old = before.settings
    let new = after.settings
    add("replication_factor", old.replicationFactor, new.replicationFactor)
    add("min_replication", old.minReplication, new.minReplication)
    add("min_hosts", old.minHosts, new.minHosts)
    add("max_maps_per_host", old.maxMapsPerHost, new.maxMapsPerHost)
    add("owners_trust_class", old.ownersTrustClass, new.ownersTrustClass)
    add("auto_distribute", old.autoDistribute, new.autoDistribute)
    add("min_cpu_cores", old.minCores, new.minCores)
    add("min_memory", old.minMemoryBytes, new.minMemoryBytes)
    add("min_bandwidth", old.minBandwidthBitsPerSecond, new.minBandwidthBitsPerSecond)
    add("min_uptime", old.minUptimePerMille, new.minUptimePerMille)
    add("tree", before.tree?.shown ?? "none", after.tree?.shown ?? "none")
  }

  private mutating func add(
    _ what: String, _ before: some CustomStringConvertible, _ after: some CustomStringConvertible
  ) {
    let change = Change(what: what, before: before.description, after: after.description)
    if change.before != change.after { changes.append(change) }
  }
}

extension [UInt8] {
  /// Two hexadecimal digits a byte.
  package var hex: String {
    map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }
}

extension [WorldVoter] {
  /// `host:store host:store`, as `world build --voter` takes them.
  package var shown: String { map(\.description).joined(separator: " ") }
}

extension WorldVoter: CustomStringConvertible, LosslessStringConvertible {
  package var description: String { "\(host):\(HostID(rawValue: store))" }

  /// Reads two numbers of 16 hexadecimal digits with a colon between.
  package init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let host = HostID(String(parts[0])), let store = HostID(String(parts[1])) else {
      return nil
    }
    self.init(host: host, store: store.rawValue)
  }
}

extension WorldTree {
  /// For people: the digest of the listing, how many files, and the size of `mmo_charstatus`.
  package var shown: String {
    "\(listing.digest.hex.prefix(16)) (\(listing.files.count) files, mmo_charstatus \(charStatusSize))"
  }
}
