package import MapShard
package import Wire

/// What a host tells the voters of itself every 5 s, over its link (DESIGN 5.1): the only load that placement uses.
///
/// Layout: {kind 128, weight 1, flags 1, cores 2, memory 8, uplink 8, uptime 2, world 8, directory: steward 8, life 8,
/// version 8, store 8, votes 8, count 2, then per shard: id 8, load 4, players 2,
/// version 8}.
package struct HostReport: Hashable, Sendable {
  package struct Load: Hashable, Sendable {
    package var shard: ShardID
    /// Thousandths of a core.
    package var load: UInt32
    package var players: UInt16
    /// Of the record by which the host owns the shard, when the report was sent.
    package var version: UInt64

    package init(shard: ShardID, load: UInt32, players: UInt16, version: UInt64 = 0) {
      self.shard = shard
      self.load = load
      self.players = players
      self.version = version
    }
  }

  /// 0...64, as `PublishedWeight` gives it.
  package var weight: UInt8
  package var resources: HostResources
  package var isDraining: Bool
  /// Version of the world that is active there; 0: none.
  package var world: UInt64
  /// How much of whose directory the host has.
  package var directory: DirectoryMark
  /// Of its data directory: with the host a voter's seat.
  package var store: UInt64
  /// Number of the set of voters in which it votes; 0: in none.
  package var votes: UInt64
  /// Of the shards that it owns.
  package var loads: [Load]

  package init(
    weight: UInt8, resources: HostResources, isDraining: Bool, world: UInt64,
    directory: DirectoryMark = .none, store: UInt64 = 0, votes: UInt64 = 0, loads: [Load] = []
  ) {
    self.weight = weight
    self.resources = resources
    self.isDraining = isDraining
    self.world = world
    self.directory = directory
    self.store = store
    self.votes = votes
    self.loads = loads
  }

  static let size = 1 + 1 + 1 + 2 + 8 + 8 + 2 + 8 + 24 + 16 + 2
  static let loadSize = 22

  func write(into writer: inout Writer) {
    writer.u8(StewardMessage.Kind.report.rawValue)
    writer.u8(weight)
    writer.u8(isDraining ? 1 : 0)
    writer.u16(UInt16(clamping: resources.cores))
    writer.u64(resources.memoryBytes)
    writer.u64(resources.uplinkBitsPerSecond)
    writer.u16(UInt16(clamping: resources.uptimePerMille))
    writer.u64(world)
    directory.write(into: &writer)
    writer.u64(store)
    writer.u64(votes)
    let told = loads.prefix(PlacementView.shardsLimit)
    writer.u16(UInt16(clamping: told.count))
    for load in told {
      writer.shardID(load.shard)
      writer.integer(load.load)
      writer.u16(load.players)
      writer.u64(load.version)
    }
  }

  /// After the kind.
  init(_ reader: inout Reader) throws(WireError) {
    weight = try reader.u8()
    guard weight <= Weight.limit else { throw .invalid }
    let flags = try reader.u8()
    guard flags <= 1 else { throw .invalid }
    isDraining = flags == 1
    resources = HostResources(
      cores: Int(try reader.u16()), memoryBytes: try reader.u64(), uplinkBitsPerSecond: try reader.u64(),
      uptimePerMille: Int(try reader.u16()))
    guard resources.uptimePerMille <= 1_000 else { throw .invalid }
    world = try reader.u64()
    directory = try DirectoryMark(&reader)
    store = try reader.u64()
    votes = try reader.u64()
    loads = []
    let count = Int(try reader.u16())
    guard count <= PlacementView.shardsLimit else { throw .tooLarge }
    for _ in 0..<count {
      loads.append(
        Load(
          shard: try reader.shardID(), load: try reader.integer(as: UInt32.self), players: try reader.u16(),
          version: try reader.u64()))
    }
  }
}

/// How far a directory has come: versions of one life of one steward.
package struct DirectoryMark: Hashable, Sendable {
  package var steward: HostID
  package var life: Life
  package var version: UInt64

  package static let none = DirectoryMark(steward: HostID(rawValue: 0), life: Life(rawValue: 0), version: 0)

  package init(steward: HostID, life: Life, version: UInt64) {
    self.steward = steward
    self.life = life
    self.version = version
  }

  func write(into writer: inout Writer) {
    writer.hostID(steward)
    writer.u64(life.rawValue)
    writer.u64(version)
  }

  init(_ reader: inout Reader) throws(WireError) {
    steward = try reader.hostID()
    life = Life(rawValue: try reader.u64())
    version = try reader.u64()
  }
}
