import Hashing
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

/// Layout: epoch 8, sequence 8, hash 8, then the body: class 1, change 1, key length 2, key, value length 4, value, client 8,
/// client sequence 8, wall 8. Little-endian. The hash covers the predecessor's hash, epoch, sequence and the body.
extension Entry {
  /// Bytes of an entry without key and value.
  package static let frameSize = 56

  /// Bytes that the entry takes in a message.
  package var size: Int { Entry.frameSize + key.count + value.count }

  /// The entry that follows `previous` in a log.
  package init(
    after previous: Position, epoch: Epoch, entryClass: EntryClass, change: Change, key: [UInt8], value: [UInt8],
    client: UInt64 = 0, clientSequence: UInt64 = 0, wall: UInt64
  ) {
    self.init(
      position: Position(epoch: epoch, sequence: previous.sequence &+ 1, hash: 0), entryClass: entryClass,
      change: change, key: key, value: value, client: client, clientSequence: clientSequence, wall: wall)
    position.hash = hash(after: previous.hash)
  }

  /// The hash that the entry must have after a predecessor with this one.
  package func hash(after previous: UInt64) -> UInt64 {
    withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { memory in
      var writer = Writer(memory)
      writer.u64(previous)
      writer.u64(position.epoch.rawValue)
      writer.u64(position.sequence)
      writeBody(into: &writer)
      return Digest(of: writer.written).low
    }
  }

  /// Whether the entry may stand behind `previous` in a log: dense, no earlier reign, right hash (invariant (e)).
  package func follows(_ previous: Position) -> Bool {
    position.sequence == previous.sequence &+ 1 && position.epoch >= previous.epoch
      && position.hash == hash(after: previous.hash)
  }

  package func write(into writer: inout Writer) {
    writer.position(position)
    writeBody(into: &writer)
  }

  private func writeBody(into writer: inout Writer) {
    writer.u8(entryClass.rawValue)
    writer.u8(change.rawValue)
    writer.u16(UInt16(clamping: key.count))
    writer.append(key)
    writer.u32(UInt32(clamping: value.count))
    writer.append(value)
    writer.u64(client)
    writer.u64(clientSequence)
    writer.u64(wall)
  }

  package init(_ reader: inout Reader) throws(WireError) {
    position = try reader.position()
    guard let entryClass = EntryClass(rawValue: try reader.u8()), let change = Change(rawValue: try reader.u8()) else {
      throw .invalid
    }
    self.entryClass = entryClass
    self.change = change
    key = try reader.short(atMost: Entry.keyLimit)
    let count = try reader.u32()
    guard count <= UInt32(Entry.valueLimit) else { throw .tooLarge }
    value = [UInt8](try reader.take(Int(count)))
    client = try reader.u64()
    clientSequence = try reader.u64()
    wall = try reader.u64()
    guard position.sequence > 0, position.epoch > .none, entryClass != .volatile else { throw .invalid }
  }
}
