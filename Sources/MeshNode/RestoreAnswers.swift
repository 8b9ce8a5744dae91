import Control
import MapShard
import NodeCore
import Wire

/// Snapshots of a shard, and the way back to one, at the control socket.
extension Shell {
  /// Contents of snapshots that are read from the disk.
  typealias Fetched = (Result<ShardContent, SnapshotRefusal>) -> Void

  func history(_ shard: (id: ShardID, name: String)) -> ControlAnswer {
    let snapshots = node.store.history(of: shard.id).reversed().map { snapshot in
      StateHistoryReply.Snapshot(
        snapshot: snapshot.number, takenAt: Timestamp(nanoseconds: snapshot.wall),
        epoch: snapshot.position.epoch.rawValue, sequence: snapshot.position.sequence, keys: snapshot.keys,
        sizeBytes: snapshot.size)
    }
    return .line(
      StateHistoryReply(
        shard: shard.name, host: hostName(identity.host), owner: owns(shard.id), snapshots: Array(snapshots)
      ).line())
  }

  private func owns(_ shard: ShardID) -> Bool { node.shards.view(of: shard)?.isOwner == true }

  /// Reads the snapshot, says what going back to it would change and, when that was what was wanted, does it.
  func restore(
    _ shard: (id: ShardID, name: String), _ request: StateRestore, for connection: ControlConnection
  ) throws(Fault) -> ControlAnswer {
    // Refused before the disk has work.
    _ = try present(shard)
    guard let snapshot = node.store.history(of: shard.id).first(where: { $0.number == request.snapshot }) else {
      throw Fault(.snapshotMissing, ["shard": shard.name, "which": "number \(request.snapshot)"])
    }
    lastFetch &+= 1
    fetches[lastFetch] = { [weak self] content in
      self?.goOn(with: content, snapshot, shard, request, for: connection)
    }
    handle(.log(.fetch(shard.id, snapshot: snapshot.number, request: lastFetch)))
    return .later
  }

  private func goOn(
    with content: Result<ShardContent, SnapshotRefusal>, _ snapshot: Snapshot, _ shard: (id: ShardID, name: String),
    _ request: StateRestore, for connection: ControlConnection
  ) {
    do throws(Fault) {
      let content = try read(content, shard.name)
      let plan = try self.plan(content, snapshot, shard)
      guard let wanted = request.plan else { return connection.send(plan.line()) }
      guard wanted == plan.plan else { throw Fault(.planChanged, ["plan": plan.plan]) }
      let waiting = ShardRequests.Waiting(
        connection: connection, shard: shard.name, kind: .restore(plan),
        name: { [weak self] host in self?.name(of: host) ?? host.description },
        owner: { [weak self] in self?.owner(of: shard.id) ?? "nobody just now" })
      guard let number = shardRequests.begin(waiting) else {
        throw Fault(.shardBusy, ["shard": shard.name, "why": "too many requests wait on this host"])
      }
      command(.shards(.restore(shard.id, to: content, request: number)))
    } catch {
      connection.send(error.line())
    }
  }

  private func read(_ content: Result<ShardContent, SnapshotRefusal>, _ shard: String) throws(Fault) -> ShardContent {
    switch content {
    case .success(let content): return content
    case .failure(.unknown): throw Fault(.snapshotMissing, ["shard": shard, "which": "of this number any more"])
    case .failure(.damaged(let fault)):
      throw Fault(
        .snapshotMissing, ["shard": shard, "which": "of this number that is whole: \(fault.file) is damaged"])
    case .failure(.busy):
      throw Fault(.shardBusy, ["shard": shard, "why": "too many old states are being read on this host"])
    case .failure(.storeFailed): throw Fault(.storeHasFailed, ["reason": "its shards are being given away"])
    }
  }

  /// The committed state; only the owner's is the shard's.
  private func present(_ shard: (id: ShardID, name: String)) throws(Fault) -> (ShardContent, Record) {
    guard owns(shard.id), let record = node.shards.view(of: shard.id)?.rec?.record else {
      throw Fault(.shardElsewhere, ["shard": shard.name, "owner": owner(of: shard.id)])
    }
    return (node.shards.content(of: shard.id) ?? ShardContent(shard: shard.id, position: .start), record)
  }

  private func plan(
    _ content: ShardContent, _ snapshot: Snapshot, _ shard: (id: ShardID, name: String)
  ) throws(Fault) -> StateRestoreReply {
    let (now, record) = try present(shard)
    let difference = ContentDifference(from: now, to: content)
    return StateRestoreReply(
      shard: shard.name, snapshot: snapshot.number, takenAt: Timestamp(nanoseconds: snapshot.wall),
      plan: "\(snapshot.number)-\(record.epoch.rawValue)", added: difference.added, changed: difference.changed,
      removed: difference.removed, epoch: record.epoch.rawValue, sequence: now.position.sequence, done: false)
  }
}

extension StateRestoreReply {
  /// What came of it.
  func done(_ restored: ShardReply.Restored) -> StateRestoreReply {
    var reply = self
    (reply.added, reply.changed, reply.removed) = (restored.added, restored.changed, restored.removed)
    reply.epoch = restored.epoch.rawValue
    reply.sequence = restored.sequence
    reply.done = true
    return reply
  }
}
