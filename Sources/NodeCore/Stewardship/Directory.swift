package import MapShard
package import Wire

/// What the steward tells every host of one shard: who should hold it, and how it stood in the register. For doors,
/// screens and invitations; it grants nothing.
package struct DirectoryEntry: Hashable, Sendable {
  package var shard: ShardID
  /// Who should hold it, the next owners first.
  package var replicas: [HostID]
  /// Fewest copies at which critical writes go on.
  package var minimum: UInt8
  package var pin: HostID?
  /// As the steward saw the register; epoch 0: no record yet.
  package var epoch: Epoch
  package var version: UInt64
  package var owner: HostID?
  package var members: [HostID]
  package var learners: [HostID]
  package var reason: ChangeReason
  package var plan: UInt64
  /// Since when this owner reigns, as far as the steward knows: Unix seconds.
  package var since: UInt64

  package init(shard: ShardID) {
    self.shard = shard
    replicas = []
    minimum = 1
    epoch = .none
    version = 0
    members = []
    learners = []
    reason = .initial
    plan = 0
    since = 0
  }

  /// Replicas that stay until others have caught up come on top of the members that may be.
  static let replicasLimit = 2 * Record.membersLimit
  static let sizeLimit =
    8 + 1 + replicasLimit * 8 + 1 + 8 + 8 + 8 + 8 + 1 + Record.membersLimit * 8 + 1 + Record.learnersLimit * 8 + 1
    + 8 + 8

  func write(into writer: inout Writer) {
    writer.shardID(shard)
    writer.hosts(replicas.prefix(DirectoryEntry.replicasLimit))
    writer.u8(minimum)
    writer.hostID(pin ?? HostID(rawValue: 0))
    writer.u64(epoch.rawValue)
    writer.u64(version)
    writer.hostID(owner ?? HostID(rawValue: 0))
    writer.hosts(members.prefix(Record.membersLimit))
    writer.hosts(learners.prefix(Record.learnersLimit))
    writer.u8(reason.rawValue)
    writer.u64(plan)
    writer.u64(since)
  }

  init(_ reader: inout Reader) throws(WireError) {
    shard = try reader.shardID()
    replicas = try reader.hosts(atMost: DirectoryEntry.replicasLimit)
    minimum = try reader.u8()
    guard (1...UInt8(Record.membersLimit)).contains(minimum) else { throw .invalid }
    pin = try reader.optionalHost()
    epoch = Epoch(try reader.u64())
    version = try reader.u64()
    owner = try reader.optionalHost()
    members = try reader.hosts(atMost: Record.membersLimit)
    learners = try reader.hosts(atMost: Record.learnersLimit)
    guard let reason = ChangeReason(rawValue: try reader.u8()) else { throw .invalid }
    self.reason = reason
    plan = try reader.u64()
    since = try reader.u64()
  }
}

extension Writer {
  fileprivate mutating func hosts(_ hosts: some Collection<HostID>) {
    u8(UInt8(clamping: hosts.count))
    for host in hosts { hostID(host) }
  }
}

extension Reader {
  fileprivate mutating func hosts(atMost limit: Int) throws(WireError) -> [HostID] {
    let count = Int(try u8())
    guard count <= limit else { throw .tooLarge }
    var hosts: [HostID] = []
    for _ in 0..<count { hosts.append(try hostID()) }
    return hosts
  }

  fileprivate mutating func optionalHost() throws(WireError) -> HostID? {
    let host = try hostID()
    return host.rawValue == 0 ? nil : host
  }
}

/// All entries with the version at which each last changed, so that a host is told only what it lacks.
package struct Directory: Sendable {
  /// A frame is 1 MiB at most; what does not fit comes with the next report.
  static let partSize = 512 << 10

  package private(set) var mark = DirectoryMark.none
  /// How far this host's own directory has come: one that it begins anew goes on from there, or who still has the one
  /// before would be told nothing.
  private var ownVersion: UInt64 = 0
  private var entries: [ShardID: (entry: DirectoryEntry, changed: UInt64)] = [:]

  package init() {}

  package subscript(shard: ShardID) -> DirectoryEntry? { entries[shard]?.entry }
  package var count: Int { entries.count }
  /// Sorted by shard.
  package var all: [DirectoryEntry] { entries.values.map(\.entry).sorted { $0.shard < $1.shard } }

  // MARK: Of the steward

  /// Begins a directory of this host's own; what is known already stays known.
  mutating func begin(as me: MapShard.Member) {
    guard mark.steward != me.host || mark.life != me.life else { return }
    ownVersion &+= 1
    mark = DirectoryMark(steward: me.host, life: me.life, version: ownVersion)
    for shard in entries.keys { entries[shard]?.changed = ownVersion }
  }

  /// Returns whether it differs from what stood there.
  mutating func set(_ entry: DirectoryEntry) -> Bool {
    guard entries[entry.shard]?.entry != entry else { return false }
    ownVersion &+= 1
    mark.version = ownVersion
    entries[entry.shard] = (entry, ownVersion)
    return true
  }

  /// Drops shards that the world does not have any more.
  mutating func keep(only shards: Set<ShardID>) { entries = entries.filter { shards.contains($0.key) } }

  /// What a host with `held` lacks, oldest change first, and the mark that it has then.
  func part(after held: DirectoryMark) -> DirectoryPart {
    let from = held.steward == mark.steward && held.life == mark.life ? held.version : 0
    let missing = entries.values.filter { $0.changed > from }.sorted {
      ($0.changed, $0.entry.shard) < ($1.changed, $1.entry.shard)
    }
    var taken: [DirectoryEntry] = []
    var reached = mark
    for (index, item) in missing.enumerated() {
      // Entries of one change are told together, or the mark could skip some.
      if taken.count * DirectoryEntry.sizeLimit >= Directory.partSize, item.changed != missing[index - 1].changed {
        reached.version = missing[index - 1].changed
        break
      }
      taken.append(item.entry)
    }
    return DirectoryPart(after: from, mark: reached, entries: taken)
  }

  // MARK: Of everybody else

  /// Takes a part of a steward's directory; returns the entries that are news. A part that begins after what is held here
  /// is a gap: nothing is taken, and the next report asks again.
  package mutating func take(_ part: DirectoryPart) -> [DirectoryEntry] {
    let isSame = part.mark.steward == mark.steward && part.mark.life == mark.life
    guard isSame ? part.after <= mark.version && part.mark.version > mark.version : part.after == 0 else { return [] }
    var news: [DirectoryEntry] = []
    for entry in part.entries where entries[entry.shard]?.entry != entry {
      guard entries[entry.shard] != nil || entries.count < PlacementView.shardsLimit else { break }
      entries[entry.shard] = (entry, part.mark.version)
      news.append(entry)
    }
    mark = part.mark
    return news
  }
}

package struct DirectoryPart: Hashable, Sendable {
  /// It follows on this version; 0: it begins.
  package var after: UInt64
  package var mark: DirectoryMark
  package var entries: [DirectoryEntry]

  var sizeLimit: Int { 1 + 8 + 24 + 2 + entries.count * DirectoryEntry.sizeLimit }

  func write(into writer: inout Writer) {
    writer.u8(StewardMessage.Kind.directory.rawValue)
    writer.u64(after)
    mark.write(into: &writer)
    writer.u16(UInt16(clamping: entries.count))
    for entry in entries { entry.write(into: &writer) }
  }

  package init(after: UInt64, mark: DirectoryMark, entries: [DirectoryEntry]) {
    self.after = after
    self.mark = mark
    self.entries = entries
  }

  /// After the kind.
  init(_ reader: inout Reader) throws(WireError) {
    after = try reader.u64()
    mark = try DirectoryMark(&reader)
    entries = []
    let count = Int(try reader.u16())
    guard count <= PlacementView.shardsLimit else { throw .tooLarge }
    for _ in 0..<count { entries.append(try DirectoryEntry(&reader)) }
  }
}
