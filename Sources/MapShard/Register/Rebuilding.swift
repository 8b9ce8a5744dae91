import Wire

/// The only voter lost its disk (E9): a new one learns the register from the hosts, shard by shard. It answers for a shard
/// once it knows the greatest record, that is when all hosts of its members have answered.
struct Rebuilding: Hashable, Sendable {
  /// The operator's word: these hosts will not answer.
  let gone: [HostID]
  var shards: [ShardID: Known] = [:]
  var done: Set<ShardID> = []
  var askAgainAt: UInt64 = 0

  struct Known: Hashable, Sendable {
    var record: ProvenRecord?
    var sealed = Epoch.none
    /// Hosts that have answered since the record was last replaced by a greater one.
    var answered: Set<HostID> = []
  }

  static let period = Nanoseconds.seconds(1)
  /// How far the numbers jump: no reign or version that anybody has seen is used again.
  static let jump: UInt64 = 1 << 20
}

extension ShardHost {
  mutating func goOnRebuilding(_ effects: inout ShardEffects) {
    guard let rebuilding = voter.rebuilding, now >= rebuilding.askAgainAt else { return }
    let next = now &+ Rebuilding.period
    voter.rebuilding?.askAgainAt = next
    var asked = 0
    for index in replicas.indices {
      let shard = replicas[index].shard
      guard !rebuilding.done.contains(shard), asked < Rebuilding.askedPerTurn else { continue }
      asked += 1
      var hosts = Set(replicas[index].replicas)
      hosts.formUnion(rebuilding.shards[shard]?.record?.record.members.map(\.host) ?? [])
      hosts.formUnion(replicas[index].members.map(\.host))
      hosts.formUnion(linksWanted)
      for host in hosts.sorted() { send(.who(shard), to: host, &effects) }
    }
  }

  mutating func hearForRebuild(_ answer: RegisterMessage.IAm, from: Member, _ effects: inout ShardEffects) {
    guard let rebuilding = voter.rebuilding, let seat = voter.seat, !rebuilding.done.contains(answer.shard),
      index(of: answer.shard) != nil
    else { return }
    var known = rebuilding.shards[answer.shard] ?? Rebuilding.Known()
    known.sealed = max(known.sealed, answer.sealed)
    if let record = answer.record, record.record.version > known.record?.record.version ?? 0, isProven(record) {
      known.record = record
      // Somebody may know more than those who answered before: they are asked again.
      known.answered = []
    }
    known.answered.insert(from.host)
    voter.rebuilding?.shards[answer.shard] = known
    guard let record = known.record?.record else {
      // Nobody who should hold the shard does: it was never created.
      let list = index(of: answer.shard).map { replicas[$0].replicas } ?? []
      let silent = list.contains { $0 != me.host && !known.answered.contains($0) && !rebuilding.gone.contains($0) }
      if !list.isEmpty, !silent { finishRebuilding(answer.shard, &effects) }
      return
    }
    let missing = record.members.contains { member in
      !known.answered.contains(member.host) && !rebuilding.gone.contains(member.host)
    }
    guard !missing else { return }
    var rebuilt = record
    let greatest = max(record.epoch, known.sealed)
    rebuilt.epoch = Epoch(greatest.rawValue &+ Rebuilding.jump)
    rebuilt.version = record.version &+ Rebuilding.jump
    rebuilt.reason = .renew
    let proof = [
      VoterSignature(voter: me.host, signature: sign(rebuilt, set: seat.number, ballot: .none))
    ]
    let proven = ProvenRecord(record: rebuilt, voterSet: seat.number, proof: proof)
    keep(answer.shard, &effects) {
      $0.record = rebuilt
      $0.proven = proven
    }
    // The owner goes on in the new numbers: he is told, and so are the others.
    for member in rebuilt.members {
      answerWhenDurable(
        .record(set: seat.number, nonce: 0, answer.shard, proven), about: answer.shard, to: member.host, &effects)
    }
    finishRebuilding(answer.shard, &effects)
  }

  private mutating func finishRebuilding(_ shard: ShardID, _ effects: inout ShardEffects) {
    voter.rebuilding?.done.insert(shard)
    voter.rebuilding?.shards[shard] = nil
    let isOpen = replicas.contains { !$0.replicas.isEmpty && !(voter.rebuilding?.done.contains($0.shard) ?? true) }
    guard !isOpen else { return }
    voter.rebuilding = nil
    keepVoterSet(&effects)
  }

  /// Whether a voter that rebuilds may answer for a shard.
  func isRebuilt(_ shard: ShardID) -> Bool {
    guard let rebuilding = voter.rebuilding else { return true }
    return rebuilding.done.contains(shard)
  }
}

extension Rebuilding { static let askedPerTurn = 512 }
