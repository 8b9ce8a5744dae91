import Control
import EventLoop
import MapShard
import NodeCore
import SecureChannel
import Wire
import WorldData

/// What the control socket answers about shards.
extension Shell {
  func answer(_ request: ShardRequest, for connection: ControlConnection) -> ControlAnswer {
    guard let (world, names) = activeWorld() else { return .line(Fault(.noWorld).line()) }
    do throws(Fault) {
      switch request {
      case .get(let shard, let key):
        let (id, name) = try here(shard, names)
        return ask(.get(key: key), of: (id, name), for: connection) { .read(id, key: key, request: $0) }
      case .write(let write):
        let (id, name) = try here(write.shard, names)
        return ask(.write(key: write.key), of: (id, name), for: connection) {
          .write(id, WriteRequest(write), request: $0)
        }
      case .list(let shard, let prefix, let after, let limit):
        let (id, name) = try here(shard, names)
        return list(id, name, prefix, after, limit)
      case .watch(let shard, let prefix):
        // Without a copy nothing would ever come.
        let (id, name) = try here(shard, names)
        guard keepsCopy(of: id) else { throw elsewhere(id, name) }
        guard shardWatches.count < ShardWatch.limit else {
          throw Fault(.shardBusy, ["shard": name, "why": "too many clients watch on this host"])
        }
        shardWatches.append(ShardWatch(connection: connection, shard: id, name: name, prefix: prefix))
        return .later
      case .history(let shard): return history(try here(shard, names))
      case .restore(let restore): return try self.restore(try here(restore.shard, names), restore, for: connection)
      case .maps: return .line(mapsReply(world, names).line())
      case .ring: return .line(ringReply(world, names).line())
      case .explain(let map):
        let (id, _) = try names.find(map)
        return .line(placementReply(map, id, names).line())
      case .drain(let host): return try drain(host, true, for: connection)
      case .undrain(let host): return try drain(host, false, for: connection)
      case .pin(let map, let host): return try pin(map, host, names)
      case .unpin(let map): return try pin(map, nil, names)
      }
    } catch {
      return .line(error.line())
    }
  }

  /// The active world and its names. They are made anew for another world only: a request for one key must not cost as
  /// much as the world has shards.
  func activeWorld() -> (world: World, names: ShardNames)? {
    guard let active = node.worlds.store.active else { return nil }
    if let known = shardNames, known.mark == active.mark { return (active.world, known.names) }
    let names = ShardNames(active.world)
    shardNames = (active.mark, names)
    return (active.world, names)
  }

  /// A shard that this host has a copy of, or a place for one.
  private func here(_ shard: String, _ names: ShardNames) throws(Fault) -> (id: ShardID, name: String) {
    let found = try names.find(shard)
    guard node.shards.holds(found.id) else { throw elsewhere(found.id, found.name) }
    return found
  }

  private func elsewhere(_ id: ShardID, _ name: String) -> Fault {
    Fault(.shardElsewhere, ["shard": name, "owner": owner(of: id)])
  }

  /// The newest that is known here, by name.
  func owner(of shard: ShardID) -> String { newestOwner(of: shard).map(name(of:)) ?? "nobody just now" }

  private func ask(
    _ kind: ShardRequests.Waiting.Kind, of shard: (id: ShardID, name: String),
    for connection: ControlConnection, _ command: (UInt64) -> ShardCommand
  ) -> ControlAnswer {
    let request = ShardRequests.Waiting(
      connection: connection, shard: shard.name, kind: kind,
      name: { [identity] host in
        identity.roster.certificate(of: host)?.name ?? host.description
      },
      owner: { [weak self] in self?.owner(of: shard.id) ?? "nobody just now" })
    guard let number = shardRequests.begin(request) else {
      return .line(Fault(.shardBusy, ["shard": shard.name, "why": "too many requests wait on this host"]).line())
    }
    gather(.command(.shards(command(number))))
    return .later
  }

  private func newestOwner(of shard: ShardID) -> HostID? {
    let told = node.stewardship.directory[shard]
    guard let held = node.shards.view(of: shard)?.rec?.record, held.version >= told?.version ?? 0 else {
      return told?.owner
    }
    return held.owner.host
  }

  private func list(
    _ id: ShardID, _ name: String, _ prefix: [UInt8], _ after: [UInt8]?, _ limit: Int
  ) -> ControlAnswer {
    switch node.shards.list(id, prefix: prefix, after: after, limit: limit) {
    case .success(let found):
      let entries = found.items.map {
        StateListReply.Entry(key: $0.key, sequence: $0.sequence, size: $0.value.count)
      }
      return .line(StateListReply(shard: name, entries: entries, more: found.more).line())
    case .failure(let failure):
      if case .notOwner = failure.refusal { return .line(elsewhere(id, name).line()) }
      return .line(failure.refusal.fault(shard: name, name: self.name(of:)).line())
    }
  }
}

extension WriteRequest {
  init(_ write: StateWrite) {
    let entryClass: EntryClass =
      switch write.durability {
      case .critical: .critical
      case .normal: .normal
      case .volatile: .volatile
      }
    self.init(
      entryClass: entryClass, change: write.value == nil ? .delete : .put, key: write.key, value: write.value ?? [],
      expected: write.expected, client: write.client, clientSequence: write.clientSequence)
  }
}

/// Names of the active world's shards and maps.
struct ShardNames {
  private let world: World
  private let indexOfShard: [String: Int]
  private let shardOfMap: [Int]

  init(_ world: World) {
    self.world = world
    shardOfMap = world.shardOfMap
    indexOfShard = Dictionary(world.shards.enumerated().map { ($1.name.text, $0) }) { first, _ in first }
  }

  /// A shard by its own name, or by that of one of its maps.
  func find(_ name: String) throws(Fault) -> (id: ShardID, name: String) {
    if let shard = indexOfShard[name] { return (world.shards[shard].id, name) }
    if let map = MapName(name).flatMap(world.index(of:)) {
      let shard = world.shards[shardOfMap[map]]
      return (shard.id, shard.name.text)
    }
    throw Fault(.mapUnknown, ["name": name.printable(limit: 32)])
  }

  func maps(of shard: WorldShard) -> [String] { shard.maps.map { world.maps[$0].name.text } }
  func shard(_ id: ShardID) -> WorldShard? { world.shards.first { $0.id == id } }
}

/// A client that is told every committed change under a prefix.
struct ShardWatch {
  static let limit = 64

  var connection: ControlConnection
  var shard: ShardID
  var name: String
  var prefix: [UInt8]
}

extension Shell {
  /// A host whose copy has moved away hears of no change any more: who watches here is told where to go on.
  func endWatchesWithoutCopy() {
    for watch in shardWatches where !keepsCopy(of: watch.shard) {
      watch.connection.finish(elsewhere(watch.shard, watch.name).line())
    }
    shardWatches.removeAll { !$0.connection.isOpen || !keepsCopy(of: $0.shard) }
  }

  /// By the newest that is known here: a host that has left the set is told of later records by the steward alone.
  private func keepsCopy(of shard: ShardID) -> Bool {
    let told = node.stewardship.directory[shard]
    if told?.replicas.contains(identity.host) ?? false { return true }
    if let held = node.shards.view(of: shard)?.rec?.record, held.version >= told?.version ?? 0 {
      return held.members.contains { $0.host == identity.host } || held.learners.contains(identity.host)
    }
    guard let told else { return node.shards.holds(shard) }
    return told.members.contains(identity.host) || told.learners.contains(identity.host)
  }

  func tellWatches(_ shard: ShardID, _ position: Position) {
    guard !shardWatches.isEmpty else { return }
    shardWatches.removeAll { !$0.connection.isOpen }
    guard shardWatches.contains(where: { $0.shard == shard }),
      let entry = node.shards.committed(shard, at: position)
    else { return }
    for watch in shardWatches where watch.shard == shard && entry.key.starts(with: watch.prefix) {
      let line = StateChangeReply(
        shard: watch.name, epoch: position.epoch.rawValue, sequence: position.sequence, key: entry.key,
        value: entry.change == .put ? entry.value : nil
      ).line()
      watch.connection.send(line, isLast: false)
    }
  }
}
