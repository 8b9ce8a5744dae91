package import Wire

/// The char-link of one map-server, as the caller numbers it; never used twice.
package struct StreamID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let rawValue: UInt64

  package init(_ rawValue: UInt64) { self.rawValue = rawValue }

  package var description: String { String(rawValue) }

  package static func < (left: StreamID, right: StreamID) -> Bool { left.rawValue < right.rawValue }
}

/// Age of a map-server process at its host: rises with every start of a map-server there, also over restarts of the
/// host's node, and stays the same when a process makes its char-link anew.
package struct ProcessNumber: Hashable, Comparable, Sendable {
  package let rawValue: UInt64

  package init(_ rawValue: UInt64) { self.rawValue = rawValue }

  package static func < (left: ProcessNumber, right: ProcessNumber) -> Bool { left.rawValue < right.rawValue }
}

/// A shard as the world has it.
package struct ServedShard: Hashable, Sendable {
  package let shard: ShardID
  package let maps: [LinkMapName]

  package init(shard: ShardID, maps: [LinkMapName]) {
    self.shard = shard
    self.maps = maps
  }
}

/// Everything that can happen to a bridge's multiplexer. Bytes are valid during the call only.
package enum MultiplexerInput {
  /// This bridge serves (it owns `@bridge`), or holds its slot at the char-server and serves nobody.
  case active(Bool)
  /// All shards of the active world. Replaces what was known.
  case world([ServedShard])
  /// What the register says of a shard; nil: nobody owns it.
  case owner(ShardID, Reign?)
  /// The map-server of this reign is gone for good, though the reign goes on: it will start anew or elsewhere.
  case gone(Reign)
  /// Rows of a presence table that a bridge before this one has kept.
  case restore([PresenceRow])
  /// A door has this account's socket, or has it no more: such a player outlives his map-server.
  case door(account: UInt32, holds: Bool)

  case upstreamOpened
  /// Bytes of the char-server, as they came.
  case upstream(UnsafeRawBufferPointer)
  case upstreamClosed

  /// A map-server of a host has begun its char-link, for its host's reign or as a warm standby before it. `door` is where
  /// clients of its shard are sent. It follows its host into later reigns.
  case streamOpened(StreamID, Reign, process: ProcessNumber, door: LinkAddress)
  /// One whole frame, sent in that reign. `sequence` rises within a reign; whatever is not above the last one has been
  /// handled before. 0: not numbered (`Command.isNumbered`).
  case frame(UnsafeRawBufferPointer, StreamID, Epoch, sequence: UInt64)
  /// A save that a host's outbox has kept of an earlier reign of a shard that it owns now, under the reign and sequence that
  /// it was logged with; rising within a reign. The caller has checked that the sender is the owner.
  case leftSave(UnsafeRawBufferPointer, Reign, sequence: UInt64)
  /// The owner has handed in all that was left when its reign began; only now its map-server is let in. Said once in a
  /// reign, and again to each bridge.
  case caughtUp(Reign)
  /// What the bridge before this one had told as taken.
  case handled(Reign, sequence: UInt64)
  /// The link is gone. Its players are still where they were (see `gone` and `owner`).
  case streamClosed(StreamID)

  case deadline(Timer)
}
