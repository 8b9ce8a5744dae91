import Hashing
package import Wire

/// The acknowledged state of a shard: keys with values, and the last request of each client. Equal positions mean equal
/// states, byte for byte.
package struct ShardState: Hashable, Sendable {
  package static let segmentCount = 256

  struct Item: Hashable, Sendable {
    var value: [UInt8]
    var entryClass: EntryClass
    var sequence: UInt64
  }

  /// The last entry that was applied.
  package private(set) var position: Position
  /// Keys spread over 256 segments, so that a comparison hashes and a copy touches only what has changed.
  private(set) var segments: [[[UInt8]: Item]]
  private(set) var clients: ClientSequences
  package private(set) var count = 0
  /// Bytes of all keys and values.
  package private(set) var bytes = 0
  /// Changed since the hash of the segment was taken; the last one stands for the clients.
  private(set) var hashes: SegmentHashes

  /// Shared by all shards that are empty: most hosts know of shards of which they hold nothing.
  private static let empty = ShardState(segments: Array(repeating: [:], count: segmentCount))

  package init() { self = ShardState.empty }

  private init(segments: [[[UInt8]: Item]]) {
    position = .start
    self.segments = segments
    clients = ClientSequences()
    hashes = SegmentHashes()
  }

  package init(_ content: ShardContent) {
    self.init()
    position = content.position
    for item in content.items {
      segments[ShardState.segment(of: item.key)][item.key] = Item(
        value: item.value, entryClass: item.entryClass, sequence: item.sequence)
      bytes += item.key.count + item.value.count
    }
    count = content.items.count
    clients = ClientSequences(content.clients)
  }

  /// FNV-1a, mixed: cheap, and the same everywhere.
  static func segment(of key: [UInt8]) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in key { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return Int(truncatingIfNeeded: mix64(hash) >> 56)
  }

  func item(_ key: [UInt8]) -> Item? { segments[ShardState.segment(of: key)][key] }

  /// The entry follows `position`.
  package mutating func apply(_ entry: Entry) {
    let segment = ShardState.segment(of: entry.key)
    switch entry.change {
    case .put:
      let item = Item(value: entry.value, entryClass: entry.entryClass, sequence: entry.position.sequence)
      let old = segments[segment].updateValue(item, forKey: entry.key)
      if let old {
        bytes += entry.value.count - old.value.count
      } else {
        bytes += entry.key.count + entry.value.count
        count += 1
      }
      hashes.touch(segment)
    case .delete:
      if let old = segments[segment].removeValue(forKey: entry.key) {
        bytes -= entry.key.count + old.value.count
        count -= 1
        hashes.touch(segment)
      }
    case .restore:
      // The state at a restore comes as a snapshot only; see `ShardHost.install`.
      break
    }
    if entry.client != 0 {
      clients.note(entry)
      hashes.touch(ShardState.segmentCount)
    }
    position = entry.position
  }

  /// The state as the log and other hosts get it.
  package func content(of shard: ShardID) -> ShardContent {
    var items: [ShardContent.Item] = []
    items.reserveCapacity(count)
    for segment in segments {
      for (key, item) in segment {
        items.append(
          ShardContent.Item(key: key, value: item.value, entryClass: item.entryClass, sequence: item.sequence))
      }
    }
    items.sort { $0.key.lexicographicallyPrecedes($1.key) }
    return ShardContent(shard: shard, position: position, items: items, clients: clients.marks)
  }

  /// Takes over hashes of segments that have not changed since `frozen` was this state.
  mutating func keepHashes(of frozen: ShardState) {
    guard frozen.position == position else { return }
    hashes = frozen.hashes
  }

  /// Hashes what has changed, at most about `bytes` of it. True when nothing is left.
  mutating func hashSlice(bytes: Int) -> Bool {
    var room = bytes
    while let segment = hashes.firstDirty {
      guard room > 0 else { return false }
      var running = Blake2b()
      if segment == ShardState.segmentCount {
        for mark in clients.marks {
          running.update(mark.client)
          running.update(mark.clientSequence)
          running.update(mark.epoch.rawValue)
          running.update(mark.sequence)
        }
        room -= clients.count * 32
      } else {
        for (key, item) in segments[segment].sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
          running.update(UInt64(key.count))
          running.update(key)
          running.update(UInt64(item.value.count))
          running.update(item.value)
          running.update(item.sequence)
          room -= key.count + item.value.count + 24
        }
      }
      hashes.set(segment, running.finish())
    }
    return true
  }
}
