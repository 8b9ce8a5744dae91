import Hashing
package import Wire

/// HEARTBEAT and its answer (E3): one datagram frame each. `type 1, to-life 8, stamp 8` and `type 1, stamp 8, life 8, series 8`.
package enum HeartbeatMessage: Hashable {
  case heartbeat(toLife: Life, stamp: UInt64)
  case answer(stamp: UInt64, life: Life, series: UInt64)

  static let sizeLimit = 32

  package func write(into writer: inout Writer) {
    switch self {
    case .heartbeat(let life, let stamp):
      writer.u8(1)
      writer.u64(life.rawValue)
      writer.u64(stamp)
    case .answer(let stamp, let life, let series):
      writer.u8(2)
      writer.u64(stamp)
      writer.u64(life.rawValue)
      writer.u64(series)
    }
  }

  package init(_ reader: inout Reader) throws(WireError) {
    switch try reader.u8() {
    case 1: self = .heartbeat(toLife: Life(rawValue: try reader.u64()), stamp: try reader.u64())
    case 2:
      self = .answer(
        stamp: try reader.u64(), life: Life(rawValue: try reader.u64()), series: try reader.u64())
    default: throw .invalid
    }
  }
}

/// Messages of the replication and catch-up channels (E3): a type byte, then the fields in their order.
package enum ReplicaMessage: Hashable {
  case append(Append)
  case appended(Appended)
  /// The owner has frozen its state at this sequence: whoever passes it does so too and answers with `root`.
  case check(ShardID, Epoch, sequence: UInt64)
  case root(ShardID, Epoch, sequence: UInt64, [UInt8])
  /// Latest values of the volatile class.
  case volatile(ShardID, Epoch, [Volatile])
  /// The follower lost what it had been sent by transfer, or its copy differs: it needs the state as a whole.
  case wantSnapshot(ShardID, Epoch)

  package struct Append: Hashable {
    package var toLife: Life
    package var shard: ShardID
    package var epoch: Epoch
    package var version: UInt64
    /// Left out for a peer that has answered with this version or a later one in this life.
    package var record: ProvenRecord?
    /// The last sequence of the owner's log when its reign began.
    package var floor: UInt64
    package var previous: Position
    package var commit: UInt64
    /// Everything is wanted durable soon: a planned move waits for it.
    package var isUrgent: Bool
    package var entries: [Entry]

    package init(
      toLife: Life, shard: ShardID, epoch: Epoch, version: UInt64, record: ProvenRecord?, floor: UInt64,
      previous: Position, commit: UInt64, isUrgent: Bool = false, entries: [Entry]
    ) {
      self.toLife = toLife
      self.shard = shard
      self.epoch = epoch
      self.version = version
      self.record = record
      self.floor = floor
      self.previous = previous
      self.commit = commit
      self.isUrgent = isUrgent
      self.entries = entries
    }
  }

  package struct Appended: Hashable {
    package var shard: ShardID
    package var epoch: Epoch
    /// The highest version that the follower knows.
    package var version: UInt64
    package var status: Status
    package var match: UInt64
    package var durable: UInt64
    package var life: Life
    package var series: UInt64

    package init(
      shard: ShardID, epoch: Epoch, version: UInt64, status: Status, match: UInt64, durable: UInt64, life: Life,
      series: UInt64
    ) {
      self.shard = shard
      self.epoch = epoch
      self.version = version
      self.status = status
      self.match = match
      self.durable = durable
      self.life = life
      self.series = series
    }
  }

  package enum Status: Hashable {
    case ok
    /// The follower's last position, and the last one that is not behind the owner's `previous`.
    case gap(last: Position, hint: Position)
    case stale(ProvenRecord?)
    case doubt
  }

  package struct Volatile: Hashable {
    package var key: [UInt8]
    /// `nil`: gone.
    package var value: [UInt8]?

    package init(key: [UInt8], value: [UInt8]?) {
      self.key = key
      self.value = value
    }
  }

  static let entriesLimit = 4096
  static let volatileLimit = 1024

  var room: Int {
    switch self {
    case .append(let append):
      append.entries.reduce(128 + ProvenRecord.sizeLimit) { $0 + $1.size }
    case .volatile(_, _, let values):
      values.reduce(64) { $0 + 8 + $1.key.count + ($1.value?.count ?? 0) }
    default: 256 + ProvenRecord.sizeLimit
    }
  }

  package func write(into writer: inout Writer) {
    switch self {
    case .append(let append):
      writer.u8(1)
      writer.u64(append.toLife.rawValue)
      writer.shardID(append.shard)
      writer.u64(append.epoch.rawValue)
      writer.u64(append.version)
      writer.optional(append.record)
      writer.u64(append.floor)
      writer.position(append.previous)
      writer.u64(append.commit)
      writer.u8(append.isUrgent ? 1 : 0)
      writer.u16(UInt16(clamping: append.entries.count))
      for entry in append.entries { entry.write(into: &writer) }
    case .appended(let appended):
      writer.u8(2)
      writer.shardID(appended.shard)
      writer.u64(appended.epoch.rawValue)
      writer.u64(appended.version)
      writer.u64(appended.match)
      writer.u64(appended.durable)
      writer.u64(appended.life.rawValue)
      writer.u64(appended.series)
      switch appended.status {
      case .ok: writer.u8(1)
      case .gap(let last, let hint):
        writer.u8(2)
        writer.position(last)
        writer.position(hint)
      case .stale(let record):
        writer.u8(3)
        writer.optional(record)
      case .doubt: writer.u8(4)
      }
    case .check(let shard, let epoch, let sequence):
      writer.u8(3)
      writer.shardID(shard)
      writer.u64(epoch.rawValue)
      writer.u64(sequence)
    case .root(let shard, let epoch, let sequence, let digest):
      writer.u8(4)
      writer.shardID(shard)
      writer.u64(epoch.rawValue)
      writer.u64(sequence)
      writer.append(digest)
    case .volatile(let shard, let epoch, let values):
      writer.u8(5)
      writer.shardID(shard)
      writer.u64(epoch.rawValue)
      writer.u16(UInt16(clamping: values.count))
      for item in values {
        writer.short(item.key)
        writer.u8(item.value == nil ? 0 : 1)
        if let value = item.value {
          writer.u32(UInt32(clamping: value.count))
          writer.append(value)
        }
      }
    case .wantSnapshot(let shard, let epoch):
      writer.u8(6)
      writer.shardID(shard)
      writer.u64(epoch.rawValue)
    }
  }

  package init(_ reader: inout Reader) throws(WireError) {
    switch try reader.u8() {
    case 1: self = .append(try Append(&reader))
    case 2: self = .appended(try Appended(&reader))
    case 3: self = .check(try reader.shardID(), Epoch(try reader.u64()), sequence: try reader.u64())
    case 4:
      self = .root(
        try reader.shardID(), Epoch(try reader.u64()), sequence: try reader.u64(),
        [UInt8](try reader.take(Digest.size)))
    case 5:
      let shard = try reader.shardID()
      let epoch = Epoch(try reader.u64())
      let count = Int(try reader.u16())
      guard count <= ReplicaMessage.volatileLimit else { throw .tooLarge }
      var values: [Volatile] = []
      for _ in 0..<count {
        let key = try reader.short(atMost: Entry.keyLimit)
        guard try reader.flag() else {
          values.append(Volatile(key: key, value: nil))
          continue
        }
        let size = try reader.u32()
        guard size <= UInt32(Entry.valueLimit) else { throw .tooLarge }
        values.append(Volatile(key: key, value: [UInt8](try reader.take(Int(size)))))
      }
      self = .volatile(shard, epoch, values)
    case 6: self = .wantSnapshot(try reader.shardID(), Epoch(try reader.u64()))
    default: throw .invalid
    }
  }
}

extension ReplicaMessage.Append {
  init(_ reader: inout Reader) throws(WireError) {
    toLife = Life(rawValue: try reader.u64())
    shard = try reader.shardID()
    epoch = Epoch(try reader.u64())
    version = try reader.u64()
    record = try reader.optionalRecord()
    floor = try reader.u64()
    previous = try reader.position()
    commit = try reader.u64()
    isUrgent = try reader.flag()
    let count = Int(try reader.u16())
    guard count <= ReplicaMessage.entriesLimit else { throw .tooLarge }
    entries = []
    for _ in 0..<count { entries.append(try Entry(&reader)) }
    if let record {
      guard record.record.shard == shard, record.record.epoch == epoch, record.record.version == version else {
        throw .invalid
      }
    }
  }
}

extension ReplicaMessage.Appended {
  init(_ reader: inout Reader) throws(WireError) {
    shard = try reader.shardID()
    epoch = Epoch(try reader.u64())
    version = try reader.u64()
    match = try reader.u64()
    durable = try reader.u64()
    life = Life(rawValue: try reader.u64())
    series = try reader.u64()
    switch try reader.u8() {
    case 1: status = .ok
    case 2: status = .gap(last: try reader.position(), hint: try reader.position())
    case 3: status = .stale(try reader.optionalRecord())
    case 4: status = .doubt
    default: throw .invalid
    }
    if case .stale(let record?) = status, record.record.shard != shard { throw .invalid }
  }
}
