package import Wire

/// What the one log of a host takes in, for all its shards and for its part in the register (stream 0).
///
/// The log keeps the order in which records are given to it. `ReplicaLog` effects carry them out; `durable` comes back
/// as an input.
package enum LogRecord: Hashable, Sendable {
  /// Entries of a shard, in order, each the successor of what the log holds of that shard.
  case entries(ShardID, [Entry])
  /// The shard's log ends at this position from here on; what came after it is void.
  case truncate(ShardID, to: Position)
  /// What the host last knew of the register and the highest reign that it has obeyed: written lazily, read at the start.
  case reign(ShardID, ProvenRecord, sealed: Epoch)
  /// State of this voter: an opaque body under a key (a shard, or 0 for the voter set itself); the newest one counts.
  case register(key: UInt64, [UInt8])
}

/// How soon a record must be durable.
package enum Urgency: UInt8, Sendable, Comparable {
  /// With the next one that is urgent, at the latest after 50 ms.
  case lazy = 0
  /// As soon as the disk can.
  case urgent = 1

  package static func < (left: Urgency, right: Urgency) -> Bool { left.rawValue < right.rawValue }
}
