package import Wire

/// What the log gave back at the start of a life.
package struct RecoveredShards: Sendable {
  package var shards: [ShardID: RecoveredShard] = [:]
  /// The newest body under each key of the voter's state.
  package var register: [UInt64: [UInt8]] = [:]
  /// The disk lost or changed some of the voter's state: `register` may be older than what this voter has answered.
  /// It must not vote with it (E9: a lost disk is another voter).
  package var registerDamaged = false
  /// Records are gone of which nobody can tell whose they were: a shard that is not in `shards` may have been here, and
  /// its log counts as damaged.
  package var strayLoss: StoreFault?
  /// Everything that was found wrong, named; also what hurt nobody because a snapshot or a copy covered it.
  package var faults: [StoreFault] = []
  /// Where the write that was under way at the crash was cut off, if one was.
  package var tornTail: TornTail?

  package init() {}

  package struct TornTail: Hashable, Sendable {
    package var file: String
    package var offset: UInt64
  }
}

/// What the log gave back of one shard: a state, and what came after it.
package struct RecoveredShard: Sendable {
  /// The newest whole snapshot; empty at `Position.start` when there is none.
  package var content: ShardContent
  /// Durable entries after `content.position`, dense, cut where the log was told to.
  package var entries: [Entry] = []
  /// Last known record and the highest reign obeyed.
  package var record: ProvenRecord?
  package var sealed: Epoch = .none
  /// The disk lost or changed something of this shard: what is here may lack entries that were durable. Such a log may
  /// not stand in a recovery (E7); the shard is repaired from a peer as a learner.
  package var damage: StoreFault?

  package var damaged: Bool { damage != nil }
  /// Position of the last durable entry.
  package var last: Position { entries.last?.position ?? content.position }

  package init(content: ShardContent) { self.content = content }
}

/// Something on the disk that is not what was written there.
package struct StoreFault: Error, Hashable, Sendable {
  package enum Kind: UInt8, Sendable, CaseIterable {
    /// The head of a log segment: both copies, or one (healed by the other).
    case segmentHead = 1
    /// A batch of the log: bytes differ from what was written.
    case batch = 2
    /// Batches that must exist are not there.
    case missingBatches = 3
    /// A batch is whole but its records contradict the ones before (an entry without its predecessor).
    case brokenChain = 4
    /// The manifest of a snapshot.
    case manifest = 5
    /// A segment of a snapshot's state.
    case snapshotSegment = 6
    /// A snapshot that must exist is not there.
    case missingSnapshot = 7
    /// A file of another store, or under another's name.
    case foreign = 8
    /// The disk refuses to read.
    case unreadable = 9
  }

  package var kind: Kind
  package var file: String
  package var offset: UInt64
  /// Shards that the bytes belonged to, sorted; `nil`: any shard may be hurt.
  package var shards: [ShardID]?

  package init(kind: Kind, file: String, offset: UInt64, shards: [ShardID]?) {
    self.kind = kind
    self.file = file
    self.offset = offset
    self.shards = shards
  }
}
