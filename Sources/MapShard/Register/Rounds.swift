import Wire

/// A request to a register of 3 or 5 voters: a proposal, or a read.
struct Request: Hashable, Sendable {
  var proposer: Member
  /// `nil`: a read, which is a round that writes back what it finds.
  var propose: RegisterMessage.Propose?
  var nonce: UInt64
}

/// An attempt of this voter, as coordinator, to change or read the record of one shard together with the others
/// (CASPaxos: two phases per change, the change function is that of a single voter).
struct Round: Hashable, Sendable {
  enum Phase: Hashable, Sendable { case preparing, accepting }

  var request: Request
  var queue: [Request] = []
  var ballot: Ballot
  var phase = Phase.preparing
  /// What voters have promised: the ballot in which each accepted something, and what.
  var promises: [HostID: Promised] = [:]
  /// The value of the second phase and the signatures of those who accepted it.
  var value: Record?
  var votes: [HostID: Signature] = [:]
  var attempts = 0
  var since: UInt64
  /// When the present messages go out again, or the next attempt begins.
  var resendAt: UInt64
  /// A greater ballot was seen: the next attempt must be above it.
  var outbidBy: Ballot?

  struct Promised: Hashable, Sendable {
    var accepted: Ballot
    var record: Record?
  }

  static let queueLimit = 64
  static let resend = Nanoseconds.milliseconds(250)
  static let limit = Nanoseconds.seconds(2)
}

extension ShardHost {
  /// Coordinates a request; one after the other per shard.
  mutating func begin(_ request: Request, _ shard: ShardID, _ effects: inout ShardEffects) {
    if voter.rounds[shard] != nil {
      let queue = voter.rounds[shard]?.queue ?? []
      // Whoever asks again asks the same: once is enough.
      let isRepeated = queue.contains {
        $0.proposer == request.proposer && $0.propose?.record == request.propose?.record
      }
      guard !isRepeated else { return }
      guard queue.count < Round.queueLimit else {
        counters.limitsHit += 1
        return
      }
      voter.rounds[shard]?.queue.append(request)
      return
    }
    guard voter.rounds.count < Voter.slotsLimit else {
      counters.limitsHit += 1
      return
    }
    var round = Round(request: request, ballot: .none, since: now, resendAt: now)
    startAttempt(&round, shard)
    voter.rounds[shard] = round
    sendRound(shard, &effects)
  }

  private mutating func startAttempt(_ round: inout Round, _ shard: ShardID) {
    counters.roundsBegun += 1
    let slot = voter.slots[shard] ?? Voter.Slot()
    let seen = max(slot.promised.counter, slot.accepted.counter, round.outbidBy?.counter ?? 0, round.ballot.counter)
    round.ballot = Ballot(counter: Ballot.counter(after: seen, in: me.life), host: me.host)
    round.phase = .preparing
    round.promises = [:]
    round.votes = [:]
    round.value = nil
    round.outbidBy = nil
    round.attempts += 1
    round.resendAt = now &+ Round.resend
  }

  /// Sends what the present phase asks of the voters that have not answered yet.
  private mutating func sendRound(_ shard: ShardID, _ effects: inout ShardEffects) {
    guard let round = voter.rounds[shard], let seat = voter.seat else { return }
    for voter in seat.voters {
      switch round.phase {
      case .preparing:
        if round.promises[voter.host] == nil {
          send(.prepare(set: seat.number, shard, round.ballot), to: voter.host, &effects)
        }
      case .accepting:
        if round.votes[voter.host] == nil, let value = round.value {
          send(.accept(set: seat.number, round.ballot, value), to: voter.host, &effects)
        }
      }
    }
  }

  mutating func takePart(in message: RegisterMessage, from: Member, _ effects: inout ShardEffects) {
    switch message {
    case .prepare(let set, let shard, let ballot):
      guard isFellow(from, set) else { return }
      guard ballot >= (voter.slots[shard]?.promised ?? .none) else {
        return outbid(set, shard, ballot, to: from, &effects)
      }
      if ballot > voter.slots[shard]?.promised ?? .none {
        guard voter.slots[shard] != nil || voter.slots.count < Voter.slotsLimit else { return }
        keep(shard, &effects) { $0.promised = ballot }
      }
      let slot = voter.slots[shard] ?? Voter.Slot()
      answerWhenDurable(
        .promise(set: set, shard, ballot, accepted: slot.accepted, slot.record), about: shard, to: from.host,
        &effects)
    case .accept(let set, let ballot, let record):
      guard isFellow(from, set) else { return }
      guard ballot >= (voter.slots[record.shard]?.promised ?? .none) || settings.breaks(.ballotIgnored) else {
        return outbid(set, record.shard, ballot, to: from, &effects)
      }
      if voter.slots[record.shard]?.accepted == ballot {
        // One ballot, one record: who has signed for one does not sign for another.
        guard voter.slots[record.shard]?.record == record || settings.breaks(.ballotIgnored) else {
          counters.malformed += 1
          return
        }
      } else {
        guard voter.slots[record.shard] != nil || voter.slots.count < Voter.slotsLimit else { return }
        keep(record.shard, &effects) {
          $0.promised = ballot
          $0.accepted = ballot
          $0.record = record
        }
      }
      answerWhenDurable(
        .accepted(set: set, record.shard, ballot, sign(record, set: set, ballot: ballot)), about: record.shard,
        to: from.host, &effects)
    case .promise(let set, let shard, let ballot, let accepted, let record):
      guard isFellow(from, set) else { return }
      hearPromise(shard, ballot, Round.Promised(accepted: accepted, record: record), from: from, &effects)
    case .accepted(let set, let shard, let ballot, let signature):
      guard isFellow(from, set) else { return }
      hearAccepted(shard, ballot, signature, from: from, &effects)
    case .outbid(let set, let shard, let ballot, let by):
      guard isFellow(from, set), voter.rounds[shard]?.ballot == ballot else { return }
      counters.roundsLost += 1
      voter.rounds[shard]?.outbidBy = by
      // Two coordinators that outbid each other stop doing so when they wait for different times.
      let attempts = voter.rounds[shard]?.attempts ?? 1
      let wait = Nanoseconds.milliseconds(5 + 10 * UInt64(min(attempts, 8)))
      let next = now &+ chance.jittered(wait, by: 0.8)
      voter.rounds[shard]?.resendAt = next
    default: break
    }
  }

  private func isFellow(_ from: Member, _ set: UInt64) -> Bool {
    votes(in: set) && (voter.seat?.voters.contains { $0.host == from.host } ?? false)
  }

  private mutating func outbid(
    _ set: UInt64, _ shard: ShardID, _ ballot: Ballot, to: Member, _ effects: inout ShardEffects
  ) {
    let by = voter.slots[shard]?.promised ?? .none
    answerWhenDurable(.outbid(set: set, shard, ballot, by: by), about: shard, to: to.host, &effects)
  }

  private var majority: Int { (voter.seat?.voters.count ?? 0) / 2 + 1 }

  private mutating func hearPromise(
    _ shard: ShardID, _ ballot: Ballot, _ promised: Round.Promised, from: Member, _ effects: inout ShardEffects
  ) {
    guard let round = voter.rounds[shard], round.ballot == ballot, round.phase == .preparing else { return }
    voter.rounds[shard]?.promises[from.host] = promised
    guard let promises = voter.rounds[shard]?.promises, promises.count >= majority else { return }
    let greatest = promises.values.max { $0.accepted < $1.accepted }
    let current = settings.breaks(.ballotIgnored) ? voter.slots[shard]?.record : greatest?.record
    let next = round.request.propose.flatMap { judge($0, by: round.request.proposer, after: current) }
    guard let value = next ?? current else { return finish(shard, nil, &effects) }
    voter.rounds[shard]?.phase = .accepting
    voter.rounds[shard]?.value = value
    let again = now &+ Round.resend
    voter.rounds[shard]?.resendAt = again
    sendRound(shard, &effects)
  }

  private mutating func hearAccepted(
    _ shard: ShardID, _ ballot: Ballot, _ signature: Signature, from: Member, _ effects: inout ShardEffects
  ) {
    guard let round = voter.rounds[shard], round.ballot == ballot, round.phase == .accepting, let value = round.value,
      let seat = voter.seat, round.votes[from.host] == nil
    else { return }
    let verdict = ProvenRecord.withSignedBytes(value, voterSet: seat.number, ballot: ballot) {
      signer.verify(signature, over: $0, by: from.host)
    }
    guard verdict == .valid else {
      counters.proofsBad += 1
      return
    }
    voter.rounds[shard]?.votes[from.host] = signature
    guard let votes = voter.rounds[shard]?.votes, votes.count >= majority else { return }
    let proof = votes.sorted { $0.key < $1.key }.map { VoterSignature(voter: $0.key, signature: $0.value) }
    let proven = ProvenRecord(record: value, voterSet: seat.number, ballot: ballot, proof: proof)
    voter.slots[shard]?.proven = proven
    finish(shard, proven, &effects)
  }

  /// Answers, and goes on with the next request of the shard.
  private mutating func finish(_ shard: ShardID, _ proven: ProvenRecord?, _ effects: inout ShardEffects) {
    guard let round = voter.rounds[shard], let seat = voter.seat else { return }
    send(
      .record(set: seat.number, nonce: round.request.nonce, shard, proven), to: round.request.proposer.host, &effects)
    voter.rounds[shard] = nil
    beginNext(round.queue, shard, &effects)
  }

  private mutating func beginNext(_ queue: [Request], _ shard: ShardID, _ effects: inout ShardEffects) {
    guard let first = queue.first else { return }
    begin(first, shard, &effects)
    voter.rounds[shard]?.queue.append(contentsOf: queue.dropFirst())
  }

  /// Sends again, attempts again, gives up.
  mutating func tickRounds(_ effects: inout ShardEffects) {
    for shard in voter.rounds.keys.sorted() {
      guard var round = voter.rounds[shard], now >= round.resendAt else { continue }
      if now >= round.since &+ Round.limit {
        // Whoever asked asks again.
        voter.rounds[shard] = nil
        beginNext(round.queue, shard, &effects)
        continue
      }
      if round.outbidBy != nil {
        startAttempt(&round, shard)
      } else {
        round.resendAt = now &+ Round.resend
      }
      voter.rounds[shard] = round
      sendRound(shard, &effects)
    }
  }

  // MARK: Time of the voter

  mutating func tickVoter(_ effects: inout ShardEffects) {
    if voterArmed <= now { voterArmed = .max }
    tickRounds(&effects)
    goOnCopying(&effects)
    goOnRebuilding(&effects)
    dropForwards(&effects)
  }

  mutating func armVoter(_ effects: inout ShardEffects) {
    var due = voter.rounds.values.map(\.resendAt).min() ?? .max
    due = min(due, voter.copying?.askAgainAt ?? .max, voter.rebuilding?.askAgainAt ?? .max)
    if let oldest = forwards.waiting.first { due = min(due, oldest.since &+ ShardHost.forwardPatience) }
    guard due < voterArmed else { return }
    voterArmed = due
    effects.deadlines.append(Deadline(at: max(due, now &+ 1), timer: Timer(kind: TimerKind.voter)))
  }

  mutating func voterLinkChanged(_ host: HostID, isUp: Bool, _ effects: inout ShardEffects) {
    if !isUp { dropForwards(&effects) }
    guard isUp, voter.seat?.voters.contains(where: { $0.host == host }) ?? false else { return }
    for shard in voter.rounds.keys.sorted() where voter.rounds[shard]?.outbidBy == nil {
      sendRound(shard, &effects)
    }
  }
}
