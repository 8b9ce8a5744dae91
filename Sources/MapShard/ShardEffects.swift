package import Wire

/// What a call into the shards of a host wants done, in order. Reused from call to call.
package struct ShardEffects {
  package struct Heartbeat: Sendable {
    package var to: HostID
    package var message: MessageRange
  }

  package struct Frame: Sendable {
    package var carrier: ShardCarrier
    package var to: HostID
    package var message: MessageRange
  }

  /// Records for the host's log. `durable(token)` follows when they and everything before them are durable.
  package struct Append: Sendable {
    package var token: UInt64
    package var urgency: Urgency
    package var record: LogRecord
  }

  package struct SnapshotSend: Sendable {
    package var shard: ShardID
    package var to: HostID
    package var content: [UInt8]
  }

  package let buffer: MessageBuffer
  package var heartbeats: [Heartbeat] = []
  package var frames: [Frame] = []
  package var appends: [Append] = []
  package var snapshots: [SnapshotSend] = []
  /// Hosts to which a link is wanted (true) or wanted no more.
  package var links: [(host: HostID, wanted: Bool)] = []
  package var deadlines: [Deadline] = []
  package var replies: [(request: UInt64, reply: ShardReply)] = []
  package var events: [ShardEvent] = []

  package init(buffer: MessageBuffer) { self.buffer = buffer }

  /// Forgets what a joint has carried on; replies stay for the shell.
  package mutating func settled() {
    heartbeats.removeAll(keepingCapacity: true)
    frames.removeAll(keepingCapacity: true)
    appends.removeAll(keepingCapacity: true)
    snapshots.removeAll(keepingCapacity: true)
    links.removeAll(keepingCapacity: true)
    deadlines.removeAll(keepingCapacity: true)
    events.removeAll(keepingCapacity: true)
  }

  /// Keeps the buffer's content: it belongs to the turn.
  package mutating func removeAll() {
    heartbeats.removeAll(keepingCapacity: true)
    frames.removeAll(keepingCapacity: true)
    appends.removeAll(keepingCapacity: true)
    snapshots.removeAll(keepingCapacity: true)
    links.removeAll(keepingCapacity: true)
    deadlines.removeAll(keepingCapacity: true)
    replies.removeAll(keepingCapacity: true)
    events.removeAll(keepingCapacity: true)
  }
}

package enum ShardReply: Sendable, Hashable {
  case acknowledged(epoch: Epoch, sequence: UInt64)
  /// The value and the sequence of the entry that put it; nil when the key is absent.
  case value([UInt8]?, sequence: UInt64)
  case refused(ShardRefusal)
  /// A planned move ended with this record.
  case moved(Record)
  /// An earlier content is in place and acknowledged.
  case restored(Restored)

  package struct Restored: Hashable, Sendable {
    /// The reign that began for it, and its last entry.
    package var epoch: Epoch
    package var sequence: UInt64
    /// Keys that came back, got their old value, and went.
    package var added: Int
    package var changed: Int
    package var removed: Int

    package init(epoch: Epoch = .none, sequence: UInt64 = 0, added: Int = 0, changed: Int = 0, removed: Int = 0) {
      self.epoch = epoch
      self.sequence = sequence
      self.added = added
      self.changed = changed
      self.removed = removed
    }
  }
}

package enum ShardRefusal: Sendable, Hashable {
  /// This host does not own the shard; who does, as far as it knows.
  case notOwner(Member?)
  /// It owns the shard and may not act now.
  case held(HoldReason)
  /// Fewer copies than the minimum: critical writes wait for a further one.
  case belowMinimum(copies: Int, minimum: Int)
  case unexpected(sequence: UInt64)
  /// This client has sent a later request meanwhile; the sequence of that one.
  case outdated(last: UInt64)
  case tooLarge
  case busy
  /// The owner's disk is full, or cannot keep up: nothing was taken, and it may be asked again later.
  case noRoom(LogAdmission)
  case moveCancelled
  case unknownShard
  case storeFailed
}

extension ShardRefusal {
  package struct Failure: Error, Hashable, Sendable {
    package var refusal: ShardRefusal
  }
}

package enum HoldReason: Sendable, Hashable {
  /// These members do not answer; whether a voter does.
  case silent([HostID], voterAnswers: Bool)
  /// The outcome of a move is not known yet.
  case moving
  case released
}

/// What the node must follow (won, lost, held…) and what people want to see.
package enum ShardEvent: Sendable, Hashable {
  /// This host begins a reign; it acts only once `acting` came.
  case won(ShardID, Epoch)
  case acting(ShardID, Epoch)
  case held(ShardID, Epoch, HoldReason)
  case lost(ShardID, Epoch, to: Member)
  case recordLearned(ProvenRecord)
  /// An entry is in the acknowledged state (all members; for watchers).
  case committed(ShardID, Position)
  case asked(ShardID, Epoch, ChangeReason)
  /// A shard was stopped because its log broke a rule that cannot break: needs a person.
  case corrupt(ShardID, String)
  case refusedProposal(ShardID, from: HostID)
  /// The log was cut at the beginning of a reign: entries that nobody had been promised are void (the log's files keep
  /// them for its window).
  case cut(ShardID, to: Position, lost: UInt64)
  /// The copy on this host is not what the owner's is; it is repaired.
  case differs(ShardID, HostID)
}
