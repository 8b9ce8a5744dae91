package import Wire

/// Messages of the register channel (E3, E9): one type byte, then the fields in the order in which they stand here.
///
/// | type | message | from → to |
/// |---|---|---|
/// | 1 | propose | proposer → voter |
/// | 2 | read | anybody → voter |
/// | 3 | record | voter → who asked; anybody → anybody |
/// | 4 | closed | voter of a set that is over → who asked |
/// | 5, 6 | who, I am | candidate of a recovery (or a voter that rebuilds) → hosts, and back |
/// | 7 | release | owner → members |
/// | 8 | moved | old owner → new one and members |
/// | 9–13 | prepare, promise, accept, accepted, outbid | voter → voter |
/// | 14 | close | who knows the next set → voter of the present one |
/// | 15, 16 | copy, copied | new voter → closed old voter, and back |
/// | 17, 18 | forward, forwarded | host with a client → owner, and back |
package enum RegisterMessage: Hashable {
  case propose(Propose)
  case read(set: UInt64, nonce: UInt64, shards: [ShardID])
  /// `nil`: the register holds nothing of this shard.
  case record(set: UInt64, nonce: UInt64, ShardID, ProvenRecord?)
  /// The set that was asked is over; the signed next one.
  case closed(number: UInt64, next: [UInt8])
  case who(ShardID)
  case iAm(IAm)
  case release(ShardID, Epoch)
  case moved(ProvenRecord)
  case prepare(set: UInt64, ShardID, Ballot)
  case promise(set: UInt64, ShardID, Ballot, accepted: Ballot, Record?)
  case accept(set: UInt64, Ballot, Record)
  case accepted(set: UInt64, ShardID, Ballot, Signature)
  /// A greater ballot was promised already.
  case outbid(set: UInt64, ShardID, Ballot, by: Ballot)
  case close(next: [UInt8])
  /// What the closed set holds after this shard.
  case copy(set: UInt64, after: UInt64)
  case copied(Copied)
  case forward(ShardID, id: UInt64, WriteRequest)
  case forwarded(ShardID, id: UInt64, Outcome)

  package struct Propose: Hashable {
    package var set: UInt64
    package var nonce: UInt64
    package var record: Record
    /// The candidate holds a RELEASE of the owner, or has seen another life of its host: no veto. Advice only.
    package var isFreed: Bool
    /// The operator's signed order for an unclean takeover, otherwise empty.
    package var order: [UInt8]

    package init(set: UInt64, nonce: UInt64, record: Record, isFreed: Bool = false, order: [UInt8] = []) {
      self.set = set
      self.nonce = nonce
      self.record = record
      self.isFreed = isFreed
      self.order = order
    }
  }

  package struct IAm: Hashable {
    package var shard: ShardID
    package var record: ProvenRecord?
    package var last: Position
    package var isUsable: Bool
    package var sealed: Epoch
  }

  package struct Copied: Hashable {
    package var set: UInt64
    package var after: UInt64
    package var isLast: Bool
    package var slots: [Slot]

    package struct Slot: Hashable {
      package var accepted: Ballot
      package var record: Record
    }
  }

  /// The fate of a forwarded write.
  package enum Outcome: Hashable {
    case acknowledged(Epoch, UInt64)
    case unexpected(UInt64)
    case outdated(UInt64)
    case belowMinimum(Int, Int)
    /// Not here, not now: ask again.
    case again
    case tooLarge
  }

  package static let readLimit = 256
  package static let copyLimit = 128
  package static let orderLimit = 256
  package static let signedSetLimit = 512
  /// A frame of the link is at most this.
  package static let sizeLimit = 1 << 20

  /// Bytes that suffice for the message.
  var room: Int {
    switch self {
    case .propose: 64 + Record.sizeLimit + RegisterMessage.orderLimit
    case .read(_, _, let shards): 32 + 8 * shards.count
    case .copied(let copied): 32 + copied.slots.count * (16 + Record.sizeLimit)
    case .forward(_, _, let write): 128 + write.key.count + write.value.count
    case .closed, .close: 32 + RegisterMessage.signedSetLimit
    default: 128 + ProvenRecord.sizeLimit
    }
  }

  package func write(into writer: inout Writer) {
    switch self {
    case .propose(let propose):
      writer.u8(1)
      writer.u64(propose.set)
      writer.u64(propose.nonce)
      writer.u8(propose.isFreed ? 1 : 0)
      propose.record.write(into: &writer)
      writer.short(propose.order)
    case .read(let set, let nonce, let shards):
      writer.u8(2)
      writer.u64(set)
      writer.u64(nonce)
      writer.u16(UInt16(clamping: shards.count))
      for shard in shards { writer.shardID(shard) }
    case .record(let set, let nonce, let shard, let record):
      writer.u8(3)
      writer.u64(set)
      writer.u64(nonce)
      writer.shardID(shard)
      writer.optional(record)
    case .closed(let number, let next):
      writer.u8(4)
      writer.u64(number)
      writer.short(next)
    case .who(let shard):
      writer.u8(5)
      writer.shardID(shard)
    case .iAm(let answer):
      writer.u8(6)
      writer.shardID(answer.shard)
      writer.optional(answer.record)
      writer.position(answer.last)
      writer.u8(answer.isUsable ? 1 : 0)
      writer.u64(answer.sealed.rawValue)
    case .release(let shard, let epoch):
      writer.u8(7)
      writer.shardID(shard)
      writer.u64(epoch.rawValue)
    case .moved(let record):
      writer.u8(8)
      record.write(into: &writer)
    case .prepare, .promise, .accept, .accepted, .outbid: writeRound(into: &writer)
    case .close(let next):
      writer.u8(14)
      writer.short(next)
    case .copy(let set, let after):
      writer.u8(15)
      writer.u64(set)
      writer.u64(after)
    case .copied(let copied):
      writer.u8(16)
      writer.u64(copied.set)
      writer.u64(copied.after)
      writer.u8(copied.isLast ? 1 : 0)
      writer.u8(UInt8(clamping: copied.slots.count))
      for slot in copied.slots {
        writer.ballot(slot.accepted)
        slot.record.write(into: &writer)
      }
    case .forward(let shard, let id, let request):
      writer.u8(17)
      writer.shardID(shard)
      writer.u64(id)
      request.write(into: &writer)
    case .forwarded(let shard, let id, let outcome):
      writer.u8(18)
      writer.shardID(shard)
      writer.u64(id)
      outcome.write(into: &writer)
    }
  }

  private func writeRound(into writer: inout Writer) {
    switch self {
    case .prepare(let set, let shard, let ballot):
      writer.u8(9)
      writer.u64(set)
      writer.shardID(shard)
      writer.ballot(ballot)
    case .promise(let set, let shard, let ballot, let accepted, let record):
      writer.u8(10)
      writer.u64(set)
      writer.shardID(shard)
      writer.ballot(ballot)
      writer.ballot(accepted)
      writer.u8(record == nil ? 0 : 1)
      record?.write(into: &writer)
    case .accept(let set, let ballot, let record):
      writer.u8(11)
      writer.u64(set)
      writer.ballot(ballot)
      record.write(into: &writer)
    case .accepted(let set, let shard, let ballot, let signature):
      writer.u8(12)
      writer.u64(set)
      writer.shardID(shard)
      writer.ballot(ballot)
      writer.signature(signature)
    case .outbid(let set, let shard, let ballot, let by):
      writer.u8(13)
      writer.u64(set)
      writer.shardID(shard)
      writer.ballot(ballot)
      writer.ballot(by)
    default: break
    }
  }
}

extension RegisterMessage {
  package init(_ reader: inout Reader) throws(WireError) {
    let type = try reader.u8()
    switch type {
    case 1:
      let set = try reader.u64()
      let nonce = try reader.u64()
      let isFreed = try reader.flag()
      let record = try Record(&reader)
      let order = try reader.short(atMost: RegisterMessage.orderLimit)
      self = .propose(Propose(set: set, nonce: nonce, record: record, isFreed: isFreed, order: order))
    case 2:
      let set = try reader.u64()
      let nonce = try reader.u64()
      let count = Int(try reader.u16())
      guard count <= RegisterMessage.readLimit else { throw .tooLarge }
      var shards: [ShardID] = []
      for _ in 0..<count { shards.append(try reader.shardID()) }
      self = .read(set: set, nonce: nonce, shards: shards)
    case 3:
      let set = try reader.u64()
      let nonce = try reader.u64()
      let shard = try reader.shardID()
      let record = try reader.optionalRecord()
      if let record, record.record.shard != shard { throw .invalid }
      self = .record(set: set, nonce: nonce, shard, record)
    case 4:
      self = .closed(
        number: try reader.u64(), next: try reader.short(atMost: RegisterMessage.signedSetLimit))
    case 5: self = .who(try reader.shardID())
    case 6:
      let shard = try reader.shardID()
      let record = try reader.optionalRecord()
      if let record, record.record.shard != shard { throw .invalid }
      let last = try reader.position()
      let isUsable = try reader.flag()
      self = .iAm(
        IAm(shard: shard, record: record, last: last, isUsable: isUsable, sealed: Epoch(try reader.u64())))
    case 7: self = .release(try reader.shardID(), Epoch(try reader.u64()))
    case 8: self = .moved(try ProvenRecord(&reader))
    case 9...13: self = try RegisterMessage(round: type, &reader)
    case 14: self = .close(next: try reader.short(atMost: RegisterMessage.signedSetLimit))
    case 15: self = .copy(set: try reader.u64(), after: try reader.u64())
    case 16:
      var copied = Copied(
        set: try reader.u64(), after: try reader.u64(), isLast: try reader.flag(), slots: [])
      let count = Int(try reader.u8())
      guard count <= RegisterMessage.copyLimit else { throw .tooLarge }
      for _ in 0..<count {
        copied.slots.append(Copied.Slot(accepted: try reader.ballot(), record: try Record(&reader)))
      }
      self = .copied(copied)
    case 17:
      self = .forward(try reader.shardID(), id: try reader.u64(), try WriteRequest(&reader))
    case 18:
      self = .forwarded(try reader.shardID(), id: try reader.u64(), try Outcome(&reader))
    default: throw .invalid
    }
  }

  private init(round type: UInt8, _ reader: inout Reader) throws(WireError) {
    let set = try reader.u64()
    switch type {
    case 9: self = .prepare(set: set, try reader.shardID(), try reader.ballot())
    case 10:
      let shard = try reader.shardID()
      let ballot = try reader.ballot()
      let accepted = try reader.ballot()
      let record = try reader.flag() ? try Record(&reader) : nil
      if let record, record.shard != shard { throw .invalid }
      self = .promise(set: set, shard, ballot, accepted: accepted, record)
    case 11: self = .accept(set: set, try reader.ballot(), try Record(&reader))
    case 12: self = .accepted(set: set, try reader.shardID(), try reader.ballot(), try reader.signature())
    case 13: self = .outbid(set: set, try reader.shardID(), try reader.ballot(), by: try reader.ballot())
    default: throw .invalid
    }
  }
}

extension RegisterMessage.Outcome {
  func write(into writer: inout Writer) {
    switch self {
    case .acknowledged(let epoch, let sequence):
      writer.u8(1)
      writer.u64(epoch.rawValue)
      writer.u64(sequence)
    case .unexpected(let sequence):
      writer.u8(2)
      writer.u64(sequence)
    case .outdated(let last):
      writer.u8(3)
      writer.u64(last)
    case .belowMinimum(let copies, let minimum):
      writer.u8(4)
      writer.u8(UInt8(clamping: copies))
      writer.u8(UInt8(clamping: minimum))
    case .again: writer.u8(5)
    case .tooLarge: writer.u8(6)
    }
  }

  init(_ reader: inout Reader) throws(WireError) {
    switch try reader.u8() {
    case 1: self = .acknowledged(Epoch(try reader.u64()), try reader.u64())
    case 2: self = .unexpected(try reader.u64())
    case 3: self = .outdated(try reader.u64())
    case 4: self = .belowMinimum(Int(try reader.u8()), Int(try reader.u8()))
    case 5: self = .again
    case 6: self = .tooLarge
    default: throw .invalid
    }
  }
}

extension WriteRequest {
  func write(into writer: inout Writer) {
    writer.u8(entryClass.rawValue)
    writer.u8(change.rawValue)
    writer.short(key)
    writer.u32(UInt32(clamping: value.count))
    writer.append(value)
    writer.u8(expected == nil ? 0 : 1)
    if let expected { writer.u64(expected) }
    writer.u64(client)
    writer.u64(clientSequence)
  }

  package init(_ reader: inout Reader) throws(WireError) {
    guard let entryClass = EntryClass(rawValue: try reader.u8()),
      let change = Entry.Change(rawValue: try reader.u8())
    else { throw .invalid }
    self.entryClass = entryClass
    self.change = change
    key = try reader.short(atMost: Entry.keyLimit)
    let count = try reader.u32()
    guard count <= UInt32(Entry.valueLimit) else { throw .tooLarge }
    value = [UInt8](try reader.take(Int(count)))
    expected = try reader.flag() ? try reader.u64() : nil
    client = try reader.u64()
    clientSequence = try reader.u64()
  }
}
