package import Wire

/// The state of a shard at one position of its log: what snapshots hold, what a learner gets that is too far behind for
/// entries, what a restore brings back. Only committed entries belong in it, because it cannot be cut afterwards.
package struct ShardContent: Hashable, Sendable {
  /// The value of a key.
  package struct Item: Hashable, Sendable {
    package var key: [UInt8]
    package var value: [UInt8]
    package var entryClass: EntryClass
    /// Sequence of the entry that put it.
    package var sequence: UInt64

    package init(key: [UInt8], value: [UInt8], entryClass: EntryClass, sequence: UInt64) {
      self.key = key
      self.value = value
      self.entryClass = entryClass
      self.sequence = sequence
    }
  }

  /// The last request of a client that was applied, and the entry that did it: a retry gets that entry as its answer.
  package struct ClientMark: Hashable, Sendable {
    package var client: UInt64
    package var clientSequence: UInt64
    package var epoch: Epoch
    package var sequence: UInt64

    package init(client: UInt64, clientSequence: UInt64, epoch: Epoch, sequence: UInt64) {
      self.client = client
      self.clientSequence = clientSequence
      self.epoch = epoch
      self.sequence = sequence
    }
  }

  /// DESIGN 8.
  package static let keysLimit = 100_000
  /// `ownership.md` 3.8.
  package static let clientsLimit = 4_096
  /// Of the encoded content; what a transfer may carry (DESIGN 4.4).
  package static let sizeLimit = 64 << 20

  package var shard: ShardID
  package var position: Position
  /// Sorted by key, each key once.
  package var items: [Item]
  /// Sorted by client, each client once.
  package var clients: [ClientMark]

  package init(shard: ShardID, position: Position, items: [Item] = [], clients: [ClientMark] = []) {
    self.shard = shard
    self.position = position
    self.items = items
    self.clients = clients
  }

  /// Bytes that `encoded` takes.
  package var encodedSize: Int {
    let head =
      ShardContent.headSize + Writer.varintSize(UInt64(items.count)) + Writer.varintSize(UInt64(clients.count))
    return items.reduce(head + clients.count * ShardContent.markSize) { $0 + $1.encodedSize }
  }

  private static let headSize = 8 + 24
  private static let markSize = 32

  /// {shard 8, epoch 8, sequence 8, hash 8, items, clients} as it travels between hosts; `nil` above a limit.
  package func encoded() -> [UInt8]? {
    let size = encodedSize
    guard size <= ShardContent.sizeLimit, items.count <= ShardContent.keysLimit,
      clients.count <= ShardContent.clientsLimit
    else { return nil }
    return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(buffer))
      writer.shardID(shard)
      writer.position(position)
      writer.varint(UInt64(items.count))
      for item in items { item.encode(into: &writer) }
      writer.varint(UInt64(clients.count))
      for mark in clients { mark.encode(into: &writer) }
      count = writer.count
    }
  }

  /// Refuses what is unsorted, doubled or above a limit.
  package init(_ reader: inout Reader) throws(WireError) {
    guard reader.remaining <= ShardContent.sizeLimit else { throw .tooLarge }
    shard = try reader.shardID()
    position = try reader.position()
    items = []
    clients = []
    // Memory follows the bytes: nothing is reserved for a count that is only declared.
    for _ in 0..<(try reader.count(atMost: ShardContent.keysLimit)) {
      let item = try Item(&reader)
      if let last = items.last, !last.key.lexicographicallyPrecedes(item.key) { throw .invalid }
      items.append(item)
    }
    for _ in 0..<(try reader.count(atMost: ShardContent.clientsLimit)) {
      let mark = try ClientMark(&reader)
      if let last = clients.last, last.client >= mark.client { throw .invalid }
      clients.append(mark)
    }
  }
}

extension ShardContent.Item {
  var encodedSize: Int {
    1 + 8 + Writer.varintSize(UInt64(key.count)) + key.count + Writer.varintSize(UInt64(value.count)) + value.count
  }

  func encode(into writer: inout Writer) {
    writer.u8(entryClass.rawValue)
    writer.u64(sequence)
    writer.varint(UInt64(key.count))
    writer.append(key)
    writer.varint(UInt64(value.count))
    writer.append(value)
  }

  init(_ reader: inout Reader) throws(WireError) {
    guard let entryClass = EntryClass(rawValue: try reader.u8()) else { throw .invalid }
    self.entryClass = entryClass
    sequence = try reader.u64()
    key = [UInt8](try reader.take(try reader.count(atMost: Entry.keyLimit)))
    value = [UInt8](try reader.take(try reader.count(atMost: Entry.valueLimit)))
  }
}

extension ShardContent.ClientMark {
  func encode(into writer: inout Writer) {
    writer.u64(client)
    writer.u64(clientSequence)
    writer.u64(epoch.rawValue)
    writer.u64(sequence)
  }

  init(_ reader: inout Reader) throws(WireError) {
    client = try reader.u64()
    clientSequence = try reader.u64()
    epoch = Epoch(try reader.u64())
    sequence = try reader.u64()
  }
}
