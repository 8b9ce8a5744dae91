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
    /// The owner's host has handed in all that was left of earlier reigns.
    var isCaughtUp = false
    /// Earlier reigns, rising by epoch: what was handled of them.
    fileprivate(set) var past: [(reign: Reign, handled: UInt64)] = []
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

  /// More owners than a shard has while saves of the first are still on their way.
  static let pastLimit = 16

  /// What is known of a reign's sequence.
  enum Handled: Equatable {
    case through(UInt64)
    /// Too long ago: it is not remembered.
    case forgotten
    /// The register has not named it yet, as far as this bridge knows.
    case unheardOf
  }

  func handled(of reign: Reign) -> Handled {
    guard let entry = entries[reign.shard] else { return .unheardOf }
    if entry.owner == reign { return .through(entry.handled) }
    if let known = entry.past.first(where: { $0.reign == reign }) { return .through(known.handled) }
    guard let latest = entry.owner ?? entry.past.last?.reign, reign.epoch < latest.epoch else { return .unheardOf }
    // One of which this bridge has not heard in its time: it began later.
    let isFull = entry.past.count >= ShardTable.pastLimit
    return isFull && reign.epoch < (entry.past.first?.reign.epoch ?? .none) ? .forgotten : .through(0)
  }

  mutating func setHandled(_ sequence: UInt64, of reign: Reign) {
    update(reign.shard) { entry in
      if entry.owner == reign { return entry.handled = max(entry.handled, sequence) }
      if let place = entry.past.firstIndex(where: { $0.reign == reign }) {
        return entry.past[place].handled = max(entry.past[place].handled, sequence)
      }
      let place = entry.past.firstIndex { $0.reign.epoch > reign.epoch } ?? entry.past.count
      entry.past.insert((reign, sequence), at: place)
      if entry.past.count > ShardTable.pastLimit { entry.past.removeFirst() }
    }
  }

  /// What was told of a reign before the register named it.
  mutating func takePast(_ reign: Reign) -> UInt64? {
    guard let place = entries[reign.shard]?.past.firstIndex(where: { $0.reign == reign }) else { return nil }
    return entries[reign.shard]?.past.remove(at: place).handled
  }

  /// Another bridge goes on counting.
  mutating func forgetHandled() {
    for shard in entries.keys {
      entries[shard]?.handled = 0
      entries[shard]?.past = []
      entries[shard]?.isCaughtUp = false
    }
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
