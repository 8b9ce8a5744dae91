import Wire

/// What a voter has in the log, under the keys of the register: told apart by the first byte, never by the key.
enum VoterBody: Hashable {
  case slot(ShardID, Voter.Slot)
  /// What a set that is over held.
  case frozen(UInt64, ShardID, Voter.Slot)
  case set(
    seat: VoterSetDescription?, isClosed: Bool, isRebuilding: Bool, current: VoterSetDescription?, signed: [UInt8])

  func encoded() -> [UInt8] {
    let room = 128 + Record.sizeLimit + ProvenRecord.sizeLimit + 3 * RegisterMessage.signedSetLimit
    return [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(buffer))
      switch self {
      case .slot(let shard, let slot):
        writer.u8(1)
        writer.shardID(shard)
        slot.write(into: &writer)
      case .frozen(let set, let shard, let slot):
        writer.u8(2)
        writer.u64(set)
        writer.shardID(shard)
        slot.write(into: &writer)
      case .set(let seat, let isClosed, let isRebuilding, let current, let signed):
        writer.u8(3)
        writer.u8(isClosed ? 1 : 0)
        writer.u8(isRebuilding ? 1 : 0)
        for set in [seat, current] {
          writer.u8(set == nil ? 0 : 1)
          if let set { writer.append(set.unsigned()) }
        }
        writer.short(signed)
      }
      count = writer.count
    }
  }

  init(_ reader: inout Reader) throws(WireError) {
    switch try reader.u8() {
    case 1: self = .slot(try reader.shardID(), try Voter.Slot(&reader))
    case 2: self = .frozen(try reader.u64(), try reader.shardID(), try Voter.Slot(&reader))
    case 3:
      let isClosed = try reader.flag()
      let isRebuilding = try reader.flag()
      let seat = try reader.flag() ? try VoterSetDescription(&reader) : nil
      let current = try reader.flag() ? try VoterSetDescription(&reader) : nil
      self = .set(
        seat: seat, isClosed: isClosed, isRebuilding: isRebuilding, current: current,
        signed: try reader.short(atMost: RegisterMessage.signedSetLimit))
    default: throw .invalid
    }
    try reader.expectEnd()
  }
}

extension Voter.Slot {
  /// `promised 16, accepted 16, flag 1 + record, flag 1 + proven record`.
  func write(into writer: inout Writer) {
    writer.ballot(promised)
    writer.ballot(accepted)
    writer.u8(record == nil ? 0 : 1)
    record?.write(into: &writer)
    writer.optional(proven)
  }

  init(_ reader: inout Reader) throws(WireError) {
    promised = try reader.ballot()
    accepted = try reader.ballot()
    record = try reader.flag() ? try Record(&reader) : nil
    proven = try reader.optionalRecord()
  }
}

extension ShardHost {
  /// What this host's voter had before the process began.
  mutating func recoverVoter(_ recovered: RecoveredShards) {
    voter.isDamaged = recovered.registerDamaged
    for (_, bytes) in recovered.register.sorted(by: { $0.key < $1.key }) where !bytes.isEmpty {
      let body = bytes.withUnsafeBytes { raw in
        var reader = Reader(raw)
        return try? VoterBody(&reader)
      }
      switch body {
      case .slot(let shard, let slot): voter.slots[shard] = slot
      case .frozen(let set, let shard, let slot):
        if set > voter.frozenSet {
          voter.frozenSet = set
          voter.frozen = [:]
        }
        if set == voter.frozenSet { voter.frozen[shard] = slot }
      case .set(let seat, let isClosed, let isRebuilding, let current, let signed):
        voter.seat = seat
        voter.isClosed = isClosed
        voter.isClosedDurable = isClosed
        if isRebuilding { voter.rebuilding = Rebuilding(gone: seat?.gone ?? []) }
        if let seat, seat != current { _ = sets.adopt(seat, signed: []) }
        if let current { _ = sets.adopt(current, signed: signed) }
      case nil: voter.isDamaged = true
      }
    }
    voter.rebuilding?.done = Set(voter.slots.keys)
    resumeSeat()
  }

  /// A crash between closing and copying: goes on where it was.
  private mutating func resumeSeat() {
    guard let current = sets.current else { return }
    if let seat = voter.seat, seat.number == current.number {
      voter.hasMovedOn = voter.frozenSet > 0 && voter.frozenSet < seat.number
      return
    }
    voter.frozenSet = voter.seat?.number ?? voter.frozenSet
    let isMine = current.voters.contains { $0.host == me.host && $0.store == store }
    guard isMine, !current.previous.isEmpty else { return }
    // Slots of the new set may have been written before its opening was: they are copied again.
    voter.copying = Copying(previous: current.number - 1, from: current.previous)
    sets.copyingFrom = current.previous.map(\.host).filter { $0 != me.host }
  }
}
