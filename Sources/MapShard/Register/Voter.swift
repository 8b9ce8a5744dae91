import Wire

/// This host's part in the register (E4): what it holds of each shard. Durable before anything is answered.
struct Voter: Hashable, Sendable {
  struct Slot: Hashable, Sendable {
    /// With 3 or 5 voters only: the greatest ballot promised, and the one in which `record` was accepted.
    var promised = Ballot.none
    var accepted = Ballot.none
    var record: Record?
    /// The record with the proof, once it is known as chosen.
    var proven: ProvenRecord?
    /// The token of the newest write of this slot; answers about it wait.
    var token: UInt64 = 0
    /// The version of a take that was refused because the owner was heard, and when that began.
    var vetoVersion: UInt64 = 0
    var vetoSince: UInt64 = 0
  }

  var slots: [ShardID: Slot] = [:]
  /// The set in which this host votes; `nil`: in none.
  var seat: VoterSetDescription?
  /// Durably over: everything of the set is refused, its state is given out.
  var isClosed = false
  /// The disk lost some of this voter's state: it never votes in this set.
  var isDamaged = false
  /// The closing is durable: from now on the state of the set is given out.
  var isClosedDurable = false
  /// The token with which the present seat becomes durable.
  var setToken: UInt64 = 0
  /// What the last closed set held, for new voters that still copy, and which set that is.
  var frozen: [ShardID: Slot] = [:]
  var frozenSet: UInt64 = 0
  /// It has a seat in a later set than the frozen one.
  var hasMovedOn = false
  var rounds: [ShardID: Round] = [:]
  var copying: Copying?
  var rebuilding: Rebuilding?

  /// Shards that a register holds at most.
  static let slotsLimit = 8192
  /// Messages of one host; a message is a proposal or up to 256 reads.
  static let requestsPerSecond = 4096
}

extension ShardHost {
  /// Whether this host votes in the set, now.
  func votes(in set: UInt64) -> Bool {
    guard let seat = voter.seat, seat.number == set, !voter.isClosed, !voter.isDamaged, voter.copying == nil,
      !storeFailed
    else { return false }
    return durability.isDurable(voter.setToken) || settings.breaks(.voterAnswersBeforeSync)
  }

  /// PROPOSE (E4). Always answered with the record, never with "failed"; a repeated one is harmless.
  mutating func vote(on propose: RegisterMessage.Propose, by p: Member, _ effects: inout ShardEffects) {
    guard isOpen(propose.set, to: p, &effects) else { return }
    guard isRebuilt(propose.record.shard), propose.record.shard.rawValue != 0 else { return }
    if let seat = voter.seat, seat.voters.count > 1 {
      begin(Request(proposer: p, propose: propose, nonce: propose.nonce), propose.record.shard, &effects)
      return
    }
    let shard = propose.record.shard
    let current = voter.slots[shard]?.record
    if let next = judge(propose, by: p, after: current) {
      let ballot = Ballot.none
      let proven = ProvenRecord(
        record: next, voterSet: propose.set, ballot: ballot,
        proof: [VoterSignature(voter: me.host, signature: sign(next, set: propose.set, ballot: ballot))])
      keep(shard, &effects) {
        $0.record = next
        $0.proven = proven
      }
    }
    answerRecord(shard, propose.set, propose.nonce, to: p.host, &effects)
  }

  /// The change function: the record that comes after `current`, or `nil` when the proposal is refused.
  mutating func judge(_ propose: RegisterMessage.Propose, by p: Member, after current: Record?) -> Record? {
    let record = propose.record
    let expected = (current?.version ?? 0) &+ 1
    guard record.version == expected || settings.breaks(.versionUnchecked) else {
      return nil
    }
    let kind = ChangeKind.of(record, after: current, by: p)
    guard let kind, isAllowed(kind, propose, after: current) else {
      counters.proposalsRefused += 1
      return nil
    }
    if kind == .take, let current, isVetoed(current, propose) {
      counters.vetoes += 1
      return nil
    }
    counters.proposalsTaken += 1
    return record
  }

  private func isAllowed(_ kind: ChangeKind, _ propose: RegisterMessage.Propose, after current: Record?) -> Bool {
    switch kind {
    case .create:
      guard voter.slots.count < Voter.slotsLimit, voter.rebuilding == nil,
        let index = index(of: propose.record.shard)
      else { return false }
      return replicas[index].replicas.contains(propose.record.owner.host)
    case .unclean:
      guard let current, let order = UncleanOrder(propose.order, signer) else { return false }
      return order.shard == current.shard && order.version == current.version
        && order.host == propose.record.owner.host
    default: return true
    }
  }

  /// Advice, bounded: the owner was heard a moment ago.
  private mutating func isVetoed(_ current: Record, _ propose: RegisterMessage.Propose) -> Bool {
    guard !propose.isFreed, let owner = peers[current.owner.host], owner.life == current.owner.life,
      now < owner.lastHeard &+ settings.vetoFresh, owner.lastHeard > 0
    else { return false }
    var slot = voter.slots[current.shard] ?? Voter.Slot()
    if slot.vetoVersion != current.version {
      slot.vetoVersion = current.version
      slot.vetoSince = now
      voter.slots[current.shard] = slot
    }
    return now < slot.vetoSince &+ settings.vetoLimit
  }

  func sign(_ record: Record, set: UInt64, ballot: Ballot) -> Signature {
    ProvenRecord.withSignedBytes(record, voterSet: set, ballot: ballot) { signer.sign($0) }
  }

  /// Changes a slot and gives it to the log.
  mutating func keep(_ shard: ShardID, _ effects: inout ShardEffects, _ change: (inout Voter.Slot) -> Void) {
    change(&voter.slots[shard, default: Voter.Slot()])
    let body = VoterBody.slot(shard, voter.slots[shard, default: Voter.Slot()])
    store(.register(key: shard.rawValue, body.encoded()), .urgent, &effects)
    voter.slots[shard]?.token = durability.lastToken
  }

  /// Sends an answer about a shard when everything that it says is durable (invariant (h)).
  mutating func answerWhenDurable(
    _ message: RegisterMessage, about shard: ShardID, to host: HostID, _ effects: inout ShardEffects
  ) {
    let token = voter.slots[shard]?.token ?? 0
    if token == 0 || durability.isDurable(token) || settings.breaks(.voterAnswersBeforeSync) {
      send(message, to: host, &effects)
    } else {
      durability.wait(for: token, .answer(message, to: host))
    }
  }

  private mutating func answerRecord(
    _ shard: ShardID, _ set: UInt64, _ nonce: UInt64, to host: HostID, _ effects: inout ShardEffects
  ) {
    let message = RegisterMessage.record(set: set, nonce: nonce, shard, voter.slots[shard]?.proven)
    answerWhenDurable(message, about: shard, to: host, &effects)
  }

  mutating func answerRead(
    _ set: UInt64, _ nonce: UInt64, _ shards: [ShardID], to from: Member, _ effects: inout ShardEffects
  ) {
    guard isOpen(set, to: from, &effects) else { return }
    for shard in shards where isRebuilt(shard) {
      if let seat = voter.seat, seat.voters.count > 1 {
        begin(Request(proposer: from, propose: nil, nonce: nonce), shard, &effects)
      } else {
        answerRecord(shard, set, nonce, to: from.host, &effects)
      }
    }
  }

  /// A round of several voters costs writes; no host needs more than all shards of a world at once.
  private mutating func isWithinRate(_ host: HostID) -> Bool {
    let time = now
    var isWithin = false
    peers.update(host) {
      if time >= $0.askedSince &+ Nanoseconds.seconds(1) {
        $0.askedSince = time
        $0.asked = 0
      }
      $0.asked += 1
      isWithin = $0.asked <= Voter.requestsPerSecond
    }
    if !isWithin { counters.limitsHit += 1 }
    return isWithin
  }

  /// Whether this voter answers in the set; who asks in one that is over hears so.
  private mutating func isOpen(_ set: UInt64, to from: Member, _ effects: inout ShardEffects) -> Bool {
    if votes(in: set) { return from == me || isWithinRate(from.host) }
    if let current = sets.current, set < current.number || voter.isClosed, !sets.signed.isEmpty {
      send(.closed(number: set, next: sets.signed), to: from.host, &effects)
    }
    return false
  }
}
