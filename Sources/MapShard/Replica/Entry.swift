package import Wire

/// How much an acknowledgement means (DESIGN 8). The raw value is on the wire and in the log.
package enum EntryClass: UInt8, Sendable, CaseIterable {
  /// Acknowledged when durable on every member of the maximal set.
  case critical = 1
  /// Acknowledged when every member has it in memory; durable within 50 ms.
  case normal = 2
  /// The latest value only; not in the log, not acknowledged.
  case volatile = 3
}

/// Where an entry stands in a shard's log, and what the log holds up to there: two logs with equal positions have equal
/// entries up to them.
package struct Position: Hashable, Sendable {
  package var epoch: Epoch
  /// Dense from 1; 0: nothing yet.
  package var sequence: UInt64
  /// First 8 bytes of BLAKE2b-256 over (hash of the predecessor, epoch, sequence, body of the entry).
  package var hash: UInt64

  package static let start = Position(epoch: .none, sequence: 0, hash: 0)

  package init(epoch: Epoch, sequence: UInt64, hash: UInt64) {
    self.epoch = epoch
    self.sequence = sequence
    self.hash = hash
  }
}

/// One change of a shard's state.
package struct Entry: Hashable, Sendable {
  package static let keyLimit = 256
  package static let valueLimit = 128 << 10

  package enum Change: UInt8, Sendable, CaseIterable {
    case put = 1
    case delete = 2
    /// The whole state is replaced by that of a snapshot, whose content hash is the value (restore).
    case restore = 3
  }

  package var position: Position
  package var entryClass: EntryClass
  package var change: Change
  package var key: [UInt8]
  package var value: [UInt8]
  /// Who asked (0: nobody who retries) and his own count: a repeated request is applied once, also after a failover.
  package var client: UInt64
  package var clientSequence: UInt64
  /// Unix time in ns at the owner; for people only.
  package var wall: UInt64

  package init(
    position: Position, entryClass: EntryClass, change: Change, key: [UInt8], value: [UInt8], client: UInt64 = 0,
    clientSequence: UInt64 = 0, wall: UInt64
  ) {
    self.position = position
    self.entryClass = entryClass
    self.change = change
    self.key = key
    self.value = value
    self.client = client
    self.clientSequence = clientSequence
    self.wall = wall
  }
}
