import Wire

/// What stands in the log: the records that came in, and the log's own notes.
enum StoredRecord: Hashable {
  case entries(ShardID, [Entry])
  case truncate(ShardID, to: Position)
  case reign(ShardID, ProvenRecord, sealed: Epoch)
  case register(key: UInt64, [UInt8])
  /// From here on the shard's log stands on the snapshot of this number. Without that file the installation was not
  /// finished, and nothing that follows of this shard was reported durable.
  case installing(ShardID, Position, snapshot: UInt64)
  case forget(ShardID)
  /// The snapshot of this number is whole on the disk.
  case snapshotMade(ShardID, snapshot: UInt64)
  /// Between these two stand the newest register bodies, reigns and snapshot notes: what lies before is not needed for
  /// them. The losses go on for as long as the store lives.
  case checkpointBegin(number: UInt64, Losses)
  case checkpointEnd(number: UInt64)
}

/// What a store has lost for good; a checkpoint outlives the segments in which it was seen.
struct Losses: OptionSet, Hashable {
  let rawValue: UInt8
  /// Some of the voter's state.
  static let register = Losses(rawValue: 1)
  /// Records of which nobody can tell whose they were.
  static let stray = Losses(rawValue: 2)
  static let all: Losses = [.register, .stray]
}

extension StoredRecord {
  private enum Kind: UInt8 {
    case entries = 1
    case truncate = 2
    case reign = 3
    case register = 4
    case installing = 5
    case forget = 6
    case snapshotMade = 7
    case checkpointBegin = 8
    case checkpointEnd = 9
  }

  /// A record of entries holds at most this many, so that a batch can be cut anywhere.
  static let entriesLimit = 4_096

  /// Bytes that `encode` takes at most.
  var sizeBound: Int {
    switch self {
    case .entries(_, let entries): entries.reduce(32) { $0 + $1.size }
    case .truncate, .forget, .snapshotMade, .checkpointBegin, .checkpointEnd: 64
    case .installing: 64
    case .reign: ProvenRecord.sizeLimit + 32
    case .register(_, let body): body.count + 32
    }
  }

  func encode(into writer: inout Writer) {
    switch self {
    case .entries(let shard, let entries):
      writer.u8(Kind.entries.rawValue)
      writer.shardID(shard)
      writer.varint(UInt64(entries.count))
      for entry in entries { entry.write(into: &writer) }
    case .truncate(let shard, let position):
      writer.u8(Kind.truncate.rawValue)
      writer.shardID(shard)
      writer.position(position)
    case .reign(let shard, let proven, let sealed):
      writer.u8(Kind.reign.rawValue)
      writer.shardID(shard)
      writer.u64(sealed.rawValue)
      proven.write(into: &writer)
    case .register(let key, let body):
      writer.u8(Kind.register.rawValue)
      writer.u64(key)
      writer.varint(UInt64(body.count))
      writer.append(body)
    case .installing(let shard, let position, let number):
      writer.u8(Kind.installing.rawValue)
      writer.shardID(shard)
      writer.position(position)
      writer.u64(number)
    case .forget(let shard):
      writer.u8(Kind.forget.rawValue)
      writer.shardID(shard)
    case .snapshotMade(let shard, let number):
      writer.u8(Kind.snapshotMade.rawValue)
      writer.shardID(shard)
      writer.u64(number)
    case .checkpointBegin(let number, let losses):
      writer.u8(Kind.checkpointBegin.rawValue)
      writer.u64(number)
      writer.u8(losses.rawValue)
    case .checkpointEnd(let number):
      writer.u8(Kind.checkpointEnd.rawValue)
      writer.u64(number)
    }
  }

  init(_ reader: inout Reader) throws(WireError) {
    guard let kind = Kind(rawValue: try reader.u8()) else { throw .invalid }
    switch kind {
    case .entries:
      let shard = try reader.shardID()
      var entries: [Entry] = []
      for _ in 0..<(try reader.count(atMost: StoredRecord.entriesLimit)) { entries.append(try Entry(&reader)) }
      self = .entries(shard, entries)
    case .truncate:
      let shard = try reader.shardID()
      self = .truncate(shard, to: try reader.position())
    case .reign:
      let shard = try reader.shardID()
      let sealed = Epoch(try reader.u64())
      self = .reign(shard, try ProvenRecord(&reader), sealed: sealed)
    case .register:
      let key = try reader.u64()
      self = .register(key: key, [UInt8](try reader.take(try reader.count(atMost: LogRecord.registerBodyLimit))))
    case .installing:
      let shard = try reader.shardID()
      let position = try reader.position()
      self = .installing(shard, position, snapshot: try reader.u64())
    case .forget:
      self = .forget(try reader.shardID())
    case .snapshotMade:
      let shard = try reader.shardID()
      self = .snapshotMade(shard, snapshot: try reader.u64())
    case .checkpointBegin:
      let number = try reader.u64()
      let losses = Losses(rawValue: try reader.u8())
      guard losses.isSubset(of: .all) else { throw .invalid }
      self = .checkpointBegin(number: number, losses)
    case .checkpointEnd:
      self = .checkpointEnd(number: try reader.u64())
    }
  }
}

extension [UInt8] {
  /// Adds what `body` writes, at most `bound` bytes.
  mutating func write(atMost bound: Int, _ body: (inout Writer) -> Void) {
    let start = count
    append(contentsOf: repeatElement(0, count: bound))
    let written = withUnsafeMutableBytes { bytes in
      var writer = Writer(UnsafeMutableRawBufferPointer(rebasing: bytes[start...]))
      body(&writer)
      precondition(!writer.overflowed, "a size bound is wrong")
      return writer.count
    }
    removeLast(bound - written)
  }
}
