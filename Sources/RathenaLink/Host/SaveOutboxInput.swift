package import Wire

/// Everything that can happen to a host's outbox. Bytes are valid during the call only.
package enum SaveOutboxInput {
  /// An entry of a shard's state that an owner before has logged, or this host in an earlier life. Rising by key, before
  /// `owner`.
  case logged(ShardID, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)
  /// This host owns the shard, in this reign. What is kept of earlier reigns is handed to the bridge.
  case owner(Reign)
  /// It owns it no more. What is kept is for the successor to hand in: forgotten here, not erased.
  case lost(ShardID)
  /// A frame of a local map-server with its sequence in this host's reign. `isSent`: it has gone to the bridge at once.
  case frame(UnsafeRawBufferPointer, Reign, sequence: UInt64, isSent: Bool)
  /// The bridge has told how far it got.
  case taken(Reign, sequence: UInt64)
  /// The link to the bridge that serves: there, or broken.
  case bridgeOpened
  case bridgeClosed
  /// The map-server of this reign is let in at the bridge again: what is kept of it goes first.
  case resend(Reign)
  /// The caller has room for another slice.
  case more
}

/// What a call into the outbox wants done. The caller empties it after each call.
package struct SaveOutboxEffects {
  /// Changes of a shard's state, class *normal*.
  package enum Log: Sendable {
    case put(ShardID, key: MessageRange, value: MessageRange)
    case erase(ShardID, key: MessageRange)
  }

  package enum ToBridge: Sendable {
    /// For the multiplexer's `leftSave`.
    case left(Reign, sequence: UInt64, MessageRange)
    /// For its `caughtUp`.
    case caughtUp(Reign)
    /// For its `frame`, on the stream of the map-server of this reign.
    case kept(Reign, sequence: UInt64, MessageRange)
    /// All that was kept of this reign has gone; the link of its map-server goes on.
    case resent(Reign)
  }

  package let buffer: MessageBuffer
  package var log: [Log] = []
  package var toBridge: [ToBridge] = []
  /// There is more than one call may send: `more` is awaited.
  package var hasMore = false
  /// A save had no room and is not kept.
  package var isFull = false

  package init(buffer: MessageBuffer) { self.buffer = buffer }

  package mutating func removeAll() {
    buffer.removeAll()
    log.removeAll(keepingCapacity: true)
    toBridge.removeAll(keepingCapacity: true)
    hasMore = false
    isFull = false
  }
}

/// What an outbox has counted since it began.
package struct SaveOutboxCounters: Hashable, Sendable {
  package var kept: UInt64 = 0
  /// By a newer one while the bridge was away.
  package var replaced: UInt64 = 0
  package var taken: UInt64 = 0
  package var handedIn: UInt64 = 0
  package var resent: UInt64 = 0
  /// No room: not kept.
  package var full: UInt64 = 0
  /// Of a reign that this host does not have, or not above the last sequence of it.
  package var outOfPlace: UInt64 = 0
  /// Entries of the log that are no saves.
  package var malformed: UInt64 = 0

  package init() {}
}
