package import Hashing
package import Wire

/// A voter that the world names: a host with one data directory (a lost disk is another voter).
package struct WorldVoter: Hashable, Sendable {
  package var host: HostID
  package var store: UInt64

  package init(host: HostID, store: UInt64) {
    self.host = host
    self.store = store
  }
}

/// One map of a world.
package struct WorldMap: Hashable, Sendable {
  package var name: MapName
  package var size: MapSize
  /// Content address of its object.
  package var address: Digest

  package init(name: MapName, size: MapSize, address: Digest) {
    self.name = name
    self.size = size
    self.address = address
  }
}

/// One shard of a world: a named group of its maps.
package struct WorldShard: Hashable, Sendable {
  package var name: ShardName
  /// Indices into the world's maps, ascending, at least one.
  package var maps: [Int]

  package init(name: ShardName, maps: [Int]) {
    self.name = name
    self.maps = maps
  }

  /// The first 8 bytes (read big-endian) of BLAKE2b-256("shard/1" ‖ its name).
  package var id: ShardID { ShardID(named: name) }
}

extension ShardID {
  package init(named name: ShardName) {
    var hash = Blake2b()
    hash.update("shard/1")
    hash.update([UInt8](name.text.utf8))
    self.init(rawValue: Digest(of: hash).low.byteSwapped)
  }
}

/// What placement and the minimum use: taken from the configuration where the world is built, so that every host decides
/// alike. Meanings and ranges are those of the settings of the same names.
package struct WorldSettings: Hashable, Sendable {
  package var replicationFactor: UInt8 = 3
  package var minReplication: UInt8 = 2
  package var minHosts: UInt16 = 1
  /// 0: no limit.
  package var maxMapsPerHost: UInt32 = 0
  package var ownersTrustClass: UInt8 = 1
  package var autoDistribute = true
  package var minCores: UInt16 = 4
  package var minMemoryBytes: UInt64 = 8_000_000_000
  package var minBandwidthBitsPerSecond: UInt64 = 10_000_000
  /// 0...1000
  package var minUptimePerMille: UInt16 = 950

  package init() {}
}

/// The rAthena tree that the world belongs to, as seen where it was built.
package struct WorldTree: Hashable, Sendable {
  package var listing: TreeListing
  /// Bytes of `mmo_charstatus` in that build: char-server and map-servers refuse another size. 0: not known.
  package var charStatusSize: UInt32

  package init(listing: TreeListing, charStatusSize: UInt32) {
    self.listing = listing
    self.charStatusSize = charStatusSize
  }
}

/// The document that says what there is to own: maps, shards, salt, first voters. Immutable once signed; a change is a
/// new version.
package struct World: Hashable, Sendable {
  /// What one char-server can be told of, with room for the protocol's own limit of 2,047 (DESIGN 9).
  package static let mapLimit = 2_040
  /// Cap of a manifest's transfer (DESIGN 4.4).
  package static let sizeLimit = 1 << 20
  package static let saltSize = 16
  package static let voterCounts = [1, 3, 5]

  package var network: NetworkID
  /// From 1; a higher one replaces a lower one.
  package var version: UInt64
  /// Unix seconds: not active before, and cannot be activated at or after `expiry`.
  package var notBefore: UInt64
  package var expiry: UInt64
  /// Of placement's hash: 16 random bytes.
  package var salt: [UInt8]
  /// 1, 3 or 5, in the order in which they are stewards. Of version 1 only; later sets are signed on their own.
  package var voters: [WorldVoter]
  package var settings: WorldSettings
  package var tree: WorldTree?
  /// Sorted by name, each name once.
  package var maps: [WorldMap]
  /// Sorted by name, each name once; every map is in exactly one.
  package var shards: [WorldShard]

  package init(
    network: NetworkID, version: UInt64, notBefore: UInt64, expiry: UInt64, salt: [UInt8], voters: [WorldVoter],
    settings: WorldSettings, tree: WorldTree?, maps: [WorldMap], shards: [WorldShard]
  ) {
    self.network = network
    self.version = version
    self.notBefore = notBefore
    self.expiry = expiry
    self.salt = salt
    self.voters = voters
    self.settings = settings
    self.tree = tree
    self.maps = maps
    self.shards = shards
  }

  /// Index of a map, by binary search.
  package func index(of name: MapName) -> Int? {
    var low = 0
    var high = maps.count
    while low < high {
      let middle = (low + high) / 2
      if maps[middle].name < name { low = middle + 1 } else { high = middle }
    }
    return low < maps.count && maps[low].name == name ? low : nil
  }

  /// For each map the index of its shard.
  package var shardOfMap: [Int] {
    var result = [Int](repeating: 0, count: maps.count)
    for (shard, entry) in shards.enumerated() {
      for map in entry.maps where map < result.count { result[map] = shard }
    }
    return result
  }

  package func cells(of shard: WorldShard) -> Int { shard.maps.reduce(0) { $0 + maps[$1].size.cells } }

  /// Where the document's time of use stands.
  package func term(at unixSeconds: UInt64) -> Term {
    if unixSeconds < notBefore { return .notYet }
    if unixSeconds >= expiry { return .expired }
    return expiry - unixSeconds <= World.warningSpan ? .ending(inSeconds: expiry - unixSeconds) : .valid
  }

  package enum Term: Hashable, Sendable {
    case notYet, valid
    case ending(inSeconds: UInt64)
    case expired
  }

  /// The warning begins so long before the end: 14 days, in seconds.
  package static let warningSpan: UInt64 = 14 * 86_400
}

extension World {
  /// Why a world is not one.
  package enum Flaw: Error, Hashable, Sendable {
    case version, term, saltSize, voters, settings
    case tooManyMaps(Int)
    case noMaps
    /// Not sorted, or twice.
    case mapOrder(MapName)
    case shardOrder(ShardName)
    case emptyShard(ShardName)
    /// A map of it does not exist, or its maps are not ascending.
    case shardMaps(ShardName)
    case mapInTwoShards(MapName)
    case mapInNoShard(MapName)
    /// Two names give one shard id: one of them must be another.
    case shardsCollide(ShardName, ShardName)
    case tree
    /// The document would be larger than a manifest may be.
    case size(Int)
  }

  /// The first rule that this world breaks. Decoding checks it, and so must whoever makes a world.
  package var flaw: Flaw? {
    if version == 0 { return .version }
    if notBefore >= expiry { return .term }
    if salt.count != World.saltSize { return .saltSize }
    if !World.voterCounts.contains(voters.count) || Set(voters.map(\.host)).count != voters.count { return .voters }
    if !settings.areInRange { return .settings }
    if maps.isEmpty { return .noMaps }
    if maps.count > World.mapLimit { return .tooManyMaps(maps.count) }
    if let tree, !tree.listing.isCanonical { return .tree }
    for (before, after) in zip(maps, maps.dropFirst()) where !(before.name < after.name) {
      return .mapOrder(after.name)
    }
    return shardFlaw
  }

  private var shardFlaw: Flaw? {
    for (before, after) in zip(shards, shards.dropFirst()) where !(before.name < after.name) {
      return .shardOrder(after.name)
    }
    var names: [ShardID: ShardName] = [:]
    var isTaken = [Bool](repeating: false, count: maps.count)
    for shard in shards {
      if shard.maps.isEmpty { return .emptyShard(shard.name) }
      if let other = names.updateValue(shard.name, forKey: shard.id) { return .shardsCollide(other, shard.name) }
      var last = -1
      for map in shard.maps {
        guard map > last, map < maps.count else { return .shardMaps(shard.name) }
        if isTaken[map] { return .mapInTwoShards(maps[map].name) }
        isTaken[map] = true
        last = map
      }
    }
    return isTaken.firstIndex(of: false).map { .mapInNoShard(maps[$0].name) }
  }
}

extension WorldSettings {
  /// The ranges of the settings themselves.
  fileprivate var areInRange: Bool {
    (1...7).contains(replicationFactor) && (1...7).contains(minReplication) && (1...4_096).contains(minHosts)
      && maxMapsPerHost <= 100_000 && ownersTrustClass <= 2 && minCores <= 1_024 && minUptimePerMille <= 1_000
  }
}
