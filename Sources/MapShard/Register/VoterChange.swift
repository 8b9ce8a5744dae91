package import Wire

/// The layout of a signed voter set: `number 8, flags 1 (1: rebuild), count 1 + {host 8, store 8}, count 1 + the same of the
/// set before, count 1 + hosts that are gone for good, signature 64`. The operator signs "mesh-voters/1" and everything before the
/// signature.
extension VoterSetDescription {
  static let domain = Array("mesh-voters/1".utf8)
  static let seatsLimit = 5
  static let goneLimit = 16

  /// What the operator signs, without the domain.
  package func unsigned() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: RegisterMessage.signedSetLimit) { buffer, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(buffer))
      writer.u64(number)
      writer.u8(isRebuild ? 1 : 0)
      for seats in [voters, previous] {
        writer.u8(UInt8(clamping: seats.count))
        for seat in seats {
          writer.hostID(seat.host)
          writer.u64(seat.store)
        }
      }
      writer.u8(UInt8(clamping: gone.count))
      for host in gone { writer.hostID(host) }
      count = writer.count
    }
  }

  /// Bytes over which the operator's signature stands.
  package func signedBytes() -> [UInt8] { VoterSetDescription.domain + unsigned() }

  package func signed(_ signature: Signature) -> [UInt8] {
    unsigned() + signature.withBytes { [UInt8]($0) }
  }

  init(_ reader: inout Reader) throws(WireError) {
    number = try reader.u64()
    isRebuild = try reader.flag()
    voters = try VoterSetDescription.seats(&reader)
    previous = try VoterSetDescription.seats(&reader)
    gone = []
    let count = Int(try reader.u8())
    guard count <= VoterSetDescription.goneLimit else { throw .tooLarge }
    for _ in 0..<count { gone.append(try reader.hostID()) }
    guard isWellFormed else { throw .invalid }
  }

  private static func seats(_ reader: inout Reader) throws(WireError) -> [VoterSeat] {
    let count = Int(try reader.u8())
    guard count <= seatsLimit else { throw .tooLarge }
    var seats: [VoterSeat] = []
    for _ in 0..<count { seats.append(VoterSeat(host: try reader.hostID(), store: try reader.u64())) }
    return seats
  }

  /// `nil` unless the operator has signed it.
  init?(signed bytes: [UInt8], _ signer: any RegisterSigner) {
    guard bytes.count > Signature.size, bytes.count <= RegisterMessage.signedSetLimit else { return nil }
    let body = Array(bytes.dropLast(Signature.size))
    let read: (VoterSetDescription, Signature)? = bytes.withUnsafeBytes { raw in
      var reader = Reader(raw)
      guard let set = try? VoterSetDescription(&reader), reader.offset == body.count,
        let signature = try? reader.signature(), reader.isAtEnd
      else { return nil }
      return (set, signature)
    }
    guard let read else { return nil }
    let covered = VoterSetDescription.domain + body
    guard covered.withUnsafeBytes({ signer.verifyOperator(read.1, over: $0) }) else { return nil }
    self = read.0
  }
}

/// A new voter copies, for every shard, what a majority of the closed old voters had accepted (E9, C10).
struct Copying: Hashable, Sendable {
  struct Source: Hashable, Sendable {
    var slots: [ShardID: RegisterMessage.Copied.Slot] = [:]
    var after: UInt64 = 0
    var isWhole = false
  }

  let previous: UInt64
  let from: [VoterSeat]
  var sources: [HostID: Source] = [:]
  var askAgainAt: UInt64 = 0
  /// Everything is copied and on its way to the disk.
  var isWritten = false
}

extension ShardHost {
  /// A voter set becomes known: by command (the world's first one), or signed by the operator.
  mutating func adopt(_ set: VoterSetDescription, signed: [UInt8], _ effects: inout ShardEffects) {
    guard sets.adopt(set, signed: signed) else {
      // The world's first set, at a host that knew a later one from its disk.
      if signed.isEmpty { sets.remember(set) }
      return
    }
    closeSeat(&effects)
    let isMine = set.voters.contains {
      $0.host == me.host && ($0.store == store || settings.breaks(.storeIgnored))
    }
    let before = voter.setToken
    if isMine { takeSeat(set, &effects) }
    // Also who is no voter remembers the set: no later world may name another one as the first, and who was away when it
    // changed must not go back to the one before.
    if voter.setToken == before { keepVoterSet(&effects) }
    if !signed.isEmpty {
      for host in peers.linked { tellSet(to: host, &effects) }
      // What an owner holds may have been chosen again under the new set.
      for index in replicas.indices { replicas[index].readAt = 0 }
    }
    touchAll()
    wantLinks(&effects)
  }

  /// Whoever gets to know a later set passes it on: once to everybody with a link, and to each new link.
  mutating func tellSet(to host: HostID, _ effects: inout ShardEffects) {
    guard let set = sets.current, !sets.signed.isEmpty else { return }
    send(.closed(number: set.number &- 1, next: sets.signed), to: host, &effects)
  }

  private mutating func takeSeat(_ set: VoterSetDescription, _ effects: inout ShardEffects) {
    guard voter.seat.map({ $0.number < set.number }) ?? true, voter.copying == nil || voter.copying?.isWritten == false
    else { return }
    voter.rounds = [:]
    if signedSetIsFirst(set) {
      voter.seat = set
      voter.isClosed = false
      keepVoterSet(&effects)
    } else if set.isRebuild {
      voter.seat = set
      voter.isClosed = false
      voter.slots = [:]
      voter.rebuilding = Rebuilding(gone: set.gone)
      keepVoterSet(&effects)
    } else {
      voter.copying = Copying(previous: set.number - 1, from: set.previous)
      sets.copyingFrom = set.previous.map(\.host).filter { $0 != me.host }
    }
  }

  /// The world's first set: there is nothing to copy.
  private func signedSetIsFirst(_ set: VoterSetDescription) -> Bool { set.previous.isEmpty && !set.isRebuild }

  /// From now on everything of the present set is refused, and its state is given out.
  private mutating func closeSeat(_ effects: inout ShardEffects) {
    guard voter.seat != nil, !voter.isClosed else { return }
    voter.isClosed = true
    voter.rounds = [:]
    voter.isClosedDurable = false
    voter.frozen = voter.slots
    voter.frozenSet = voter.seat?.number ?? 0
    for (shard, slot) in voter.slots.sorted(by: { $0.key < $1.key }) {
      store(
        .register(
          key: Voter.frozenKey(shard, voter.frozenSet), VoterBody.frozen(voter.frozenSet, shard, slot).encoded()),
        .urgent, &effects)
    }
    keepVoterSet(&effects)
  }

  /// What this voter is must be durable before it acts on it.
  mutating func keepVoterSet(_ effects: inout ShardEffects) {
    let body = VoterBody.set(
      seat: voter.seat, isClosed: voter.isClosed, isRebuilding: voter.rebuilding != nil,
      current: sets.current, signed: sets.signed)
    store(.register(key: 0, body.encoded()), .urgent, then: .voterSet, &effects)
    voter.setToken = durability.lastToken
  }

  mutating func voterSetDurable(_ effects: inout ShardEffects) {
    if voter.isClosed { voter.isClosedDurable = true }
    if let copying = voter.copying, copying.isWritten { voter.copying = nil }
  }

  /// CLOSE: somebody knows the set that follows.
  mutating func close(_ next: [UInt8], _ effects: inout ShardEffects) {
    guard next != sets.signed else { return }
    guard let set = VoterSetDescription(signed: next, signer) else {
      counters.proofsBad += 1
      return
    }
    adopt(set, signed: next, &effects)
  }

  mutating func hearClosed(_ number: UInt64, _ next: [UInt8], from: Member, _ effects: inout ShardEffects) {
    let before = sets.current?.number
    close(next, &effects)
    guard sets.current?.number != before else { return }
    for index in replicas.indices where replicas[index].proposal != nil { replicas[index].proposal?.resendAt = 0 }
  }

  // MARK: Copying

  mutating func answerCopy(_ set: UInt64, after: UInt64, to from: Member, _ effects: inout ShardEffects) {
    let isReady = voter.frozenSet == set && voter.isClosed && voter.isClosedDurable && !voter.isDamaged
    let slots: [ShardID: Voter.Slot]
    if isReady || voter.frozenSet == set && voter.hasMovedOn {
      slots = voter.frozen
    } else if settings.breaks(.copyWithoutClosing), voter.seat?.number == set {
      slots = voter.slots
    } else {
      return
    }
    let rest = slots.filter { $0.key.rawValue > after || after == 0 }.sorted { $0.key < $1.key }
    let part = rest.prefix(RegisterMessage.copyLimit)
    let copied = part.compactMap { _, slot in
      slot.record.map { RegisterMessage.Copied.Slot(accepted: slot.accepted, record: $0) }
    }
    send(
      .copied(
        RegisterMessage.Copied(
          set: set, after: part.last?.key.rawValue ?? after, isLast: part.count == rest.count, slots: copied)),
      to: from.host, &effects)
  }

  mutating func goOnCopying(_ effects: inout ShardEffects) {
    guard let copying = voter.copying, !copying.isWritten, now >= copying.askAgainAt else { return }
    let next = now &+ settings.proposalRetry
    voter.copying?.askAgainAt = next
    for seat in copying.from {
      if seat.host == me.host, seat.store != store { continue }
      let source = copying.sources[seat.host] ?? Copying.Source()
      guard !source.isWhole else { continue }
      send(.close(next: sets.signed), to: seat.host, &effects)
      send(.copy(set: copying.previous, after: source.after), to: seat.host, &effects)
    }
  }

  mutating func take(_ copied: RegisterMessage.Copied, from: Member, _ effects: inout ShardEffects) {
    guard let copying = voter.copying, copied.set == copying.previous, !copying.isWritten,
      copying.from.contains(where: { $0.host == from.host })
    else { return }
    var source = copying.sources[from.host] ?? Copying.Source()
    guard !source.isWhole, copied.after >= source.after,
      source.slots.count + copied.slots.count <= Voter.slotsLimit + RegisterMessage.copyLimit
    else { return }
    for slot in copied.slots { source.slots[slot.record.shard] = slot }
    source.after = copied.after
    source.isWhole = copied.isLast
    voter.copying?.sources[from.host] = source
    if !source.isWhole {
      send(.copy(set: copied.set, after: source.after), to: from.host, &effects)
    } else {
      finishCopying(&effects)
    }
  }

  private mutating func finishCopying(_ effects: inout ShardEffects) {
    guard let copying = voter.copying, let set = sets.current else { return }
    let whole = copying.sources.filter(\.value.isWhole)
    let needed = settings.breaks(.copyFromOne) ? 1 : copying.from.count / 2 + 1
    guard whole.count >= needed else { return }
    var greatest: [ShardID: RegisterMessage.Copied.Slot] = [:]
    for (_, source) in whole.sorted(by: { $0.key < $1.key }) {
      for (shard, slot) in source.slots {
        if let held = greatest[shard],
          (held.accepted, held.record.version) >= (slot.accepted, slot.record.version)
        {
          continue
        }
        greatest[shard] = slot
      }
    }
    voter.seat = set
    voter.isClosed = false
    voter.hasMovedOn = true
    voter.slots = [:]
    for (shard, slot) in greatest.sorted(by: { $0.key < $1.key }) {
      // Promises of the old set are void; what was accepted is carried over.
      let isAlone = set.voters.count == 1
      let accepted = isAlone ? Ballot.none : slot.accepted
      let proven =
        isAlone
        ? ProvenRecord(
          record: slot.record, voterSet: set.number,
          proof: [VoterSignature(voter: me.host, signature: sign(slot.record, set: set.number, ballot: .none))])
        : nil
      keep(shard, &effects) {
        $0.accepted = accepted
        $0.record = slot.record
        $0.proven = proven
      }
    }
    voter.copying?.isWritten = true
    keepVoterSet(&effects)
  }
}

extension Voter {
  /// Keys of what a closed set held; apart from those of the shards.
  static func frozenKey(_ shard: ShardID, _ set: UInt64) -> UInt64 {
    mix64(shard.rawValue ^ mix64(set &+ 0x6672_6f7a_656e))
  }
}
