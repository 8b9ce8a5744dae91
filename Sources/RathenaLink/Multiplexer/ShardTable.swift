import Wire

/// What world and register say of the shards.
struct ShardTable {
  struct Entry {
    var maps: [LinkMapName] = []
    var owner: Reign?
    /// The owner's map-server is gone; the reign counts for nothing until another one is let in.
    var isGone = false
    /// This bridge knows of players of the shard, or has had a list of them: a further list adopts nobody.
    var isKnown = false
    /// Last sequence that was handled, of `owner`.
    var handled: UInt64 = 0
    /// The map-server that speaks for `owner`.
    var serving: StreamID?
    /// Of each host, the youngest map-server that has begun a link for the shard.
    var youngest: [HostID: ProcessNumber] = [:]
  }

  private(set) var entries: [ShardID: Entry] = [:]
  private var shardOfMap: [LinkMapName: ShardID] = [:]
  /// Changes with everything that `union` depends on.
  private(set) var version: UInt64 = 1

  subscript(shard: ShardID) -> Entry { entries[shard] ?? Entry() }

  mutating func update(_ shard: ShardID, _ body: (inout Entry) -> Void) {
    body(&entries[shard, default: Entry()])
  }

  /// A new owner, or a map-server that is gone or back.
  mutating func change(_ shard: ShardID, _ body: (inout Entry) -> Void) {
    version &+= 1
    update(shard, body)
  }

  func isCurrent(_ reign: Reign) -> Bool {
    guard let entry = entries[reign.shard] else { return false }
    return entry.owner == reign && !entry.isGone
  }

  /// Shards that are in the world no more keep their owner, but have no maps.
  mutating func adopt(_ world: [ServedShard]) {
    for shard in entries.keys { entries[shard]?.maps = [] }
    shardOfMap = [:]
    version &+= 1
    for served in world {
      update(served.shard) { $0.maps = served.maps }
      for map in served.maps { shardOfMap[map] = served.shard }
    }
  }

  func owner(of map: LinkMapName) -> Reign? { shardOfMap[map].flatMap { entries[$0]?.owner } }

  /// Maps that players can be sent to: those of all shards with an owner whose map-server is not gone for good.
  var union: [LinkMapName] {
    entries.sorted { $0.key < $1.key }.flatMap { $0.value.owner != nil && !$0.value.isGone ? $0.value.maps : [] }
  }
}
