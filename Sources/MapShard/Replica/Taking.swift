import Wire

/// A replica that does not own the shard: it watches the owner, and asks for the shard when its promise to him is over.
extension ShardHost {
  mutating func watch(_ index: Int, _ effects: inout ShardEffects) {
    guard !isStopping, !storeFailed else { return }
    guard let record = replicas[index].rec?.record else { return create(index, &effects) }
    if record.members.contains(me) {
      considerTaking(index, record, &effects)
    } else if record.members.contains(where: { $0.host == me.host }) {
      considerRecovery(index, record, &effects)
    }
    guard isInvolved(index, record) else { return considerForgetting(index, record, &effects) }
    // Nothing is heard: the register may know more.
    let quietAt = max(replicas[index].ownerHeard, replicas[index].reignSince) &+ settings.readPeriod
    if now >= quietAt { wantRead(index) } else { replicas[index].wake(at: quietAt) }
  }

  /// This host holds the shard, or should.
  private func isInvolved(_ index: Int, _ record: Record) -> Bool {
    record.members.contains { $0.host == me.host } || record.learners.contains(me.host)
      || replicas[index].replicas.contains(me.host)
  }

  /// How long a copy that nobody wants any more is kept: what moved away may come back, and the operator may want it.
  static let forgetAfter = Nanoseconds.seconds(600)

  /// Placement wants the shard elsewhere and it is whole there: the copy goes.
  private mutating func considerForgetting(_ index: Int, _ record: Record, _ effects: inout ShardEffects) {
    guard replicas[index].log.last.sequence > 0, !replicas[index].replicas.isEmpty, replicas[index].proposal == nil,
      record.members.count >= max(1, min(replicas[index].minimum, replicas[index].replicas.count))
    else { return }
    let at = max(replicas[index].ownerHeard, replicas[index].reignSince) &+ ShardHost.forgetAfter
    guard now >= at else { return replicas[index].wake(at: at) }
    var forgotten = Replica(shard: record.shard)
    forgotten.rec = replicas[index].rec
    forgotten.replicas = replicas[index].replicas
    forgotten.minimum = replicas[index].minimum
    forgotten.reignSince = now
    forgotten.ownerHeard = now
    forgotten.armed = replicas[index].armed
    replicas[index] = forgotten
    durability.forget(index)
    store(.forget(record.shard), .lazy, &effects)
  }

  // MARK: Takeover

  /// The condition (guard of E6): the promise to the owner is over, or he cannot hold it, or he gave it back.
  private func mayTake(_ index: Int, _ record: Record) -> Bool {
    if peers.isDead(record.owner) || replicas[index].releasedBy == record.epoch { return true }
    return now >= promiseEnd(to: record.owner) || settings.breaks(.takeWithoutLapse)
  }

  /// When my promise to this life of the host is over; 0: I gave none.
  func promiseEnd(to owner: Member) -> UInt64 {
    guard let given = peers[owner.host]?.given, given.life == owner.life else {
      return 0
    }
    return given.until
  }

  private mutating func considerTaking(_ index: Int, _ record: Record, _ effects: inout ShardEffects) {
    guard replicas[index].proposal == nil else { return }
    let isFreed = peers.isDead(record.owner) || replicas[index].releasedBy == record.epoch
    if isFreed, replicas[index].freedAt == nil { replicas[index].freedAt = now }
    // When to ask is advice: who asks too early only disturbs.
    var at =
      settings.breaks(.takeWithoutLapse)
      ? 0 : replicas[index].freedAt ?? max(promiseEnd(to: record.owner), replicas[index].reignSince &+ settings.give)
    if !isFreed, peers.advice(record.owner.host) == .alive, peers.isLinked(record.owner.host) {
      at = at &+ settings.patience
    }
    at = at &+ rank(index, record) &* settings.stagger
    guard now >= at else { return replicas[index].wake(at: at) }
    guard canAskVoters else { return }
    guard mayTake(index, record) else { return replicas[index].wake(at: promiseEnd(to: record.owner)) }
    take(index, record, isFreed: isFreed, &effects)
  }

  /// From 0: my place among the members that are not suspected, by the order of placement.
  private func rank(_ index: Int, _ record: Record) -> UInt64 {
    let order = replicas[index].replicas
    func place(_ host: HostID) -> (Int, HostID) { (order.firstIndex(of: host) ?? order.count, host) }
    let mine = place(me.host)
    let before = record.members.filter {
      $0 != me && $0 != record.owner && !isSuspected($0) && place($0.host) < mine
    }
    return UInt64(before.count)
  }

  private func isSuspected(_ member: Member) -> Bool {
    member != me && (peers.isDead(member) || peers.advice(member.host) != .alive)
  }

  private mutating func take(_ index: Int, _ record: Record, isFreed: Bool, _ effects: inout ShardEffects) {
    let members = record.members.filter { $0 != record.owner && !isSuspected($0) }
    guard let next = next(index, owner: me, members: members, reason: .death, isNewReign: true) else { return }
    // Before anything is sent: the next answers to his heartbeats say that my promise is withdrawn.
    withdraw(from: record.owner.host)
    counters.takes += 1
    propose(index, .take, next, isFreed: isFreed, &effects)
  }

  mutating func hearRelease(_ shard: ShardID, _ epoch: Epoch, from: Member, _ effects: inout ShardEffects) {
    guard let index = index(of: shard), let rec = replicas[index].rec else { return }
    let record = rec.record
    if record.epoch > epoch {
      // He repeats it until he hears who came after him.
      send(.record(set: rec.voterSet, nonce: 0, shard, rec), to: from.host, &effects)
      return
    }
    guard record.owner == from, record.epoch == epoch else { return }
    replicas[index].releasedBy = epoch
    touch(index)
  }

  // MARK: Creation

  /// Nobody has ever owned the shard: the first of the replica list creates it, the others after him.
  private mutating func create(_ index: Int, _ effects: inout ShardEffects) {
    guard let place = replicas[index].replicas.firstIndex(of: me.host) else {
      // Placement does not want it here, but the record may name an earlier life of this host that had not written it
      // down yet, and nobody else can recover what only that one held.
      if replicas[index].absentSince == nil { wantRead(index) }
      return
    }
    guard let absentSince = replicas[index].absentSince else { return wantRead(index) }
    guard replicas[index].proposal == nil else { return }
    let before = replicas[index].replicas.prefix(place).filter { peers.advice($0) == .alive }
    let at = absentSince &+ UInt64(before.count) &* settings.stagger &* 4
    guard now >= at else { return replicas[index].wake(at: at) }
    guard canAskVoters else { return }
    let record = Record(
      shard: replicas[index].shard, epoch: Epoch(1), version: 1, owner: me, members: [me],
      learners: Array(replicas[index].replicas.filter { $0 != me.host }.prefix(Record.learnersLimit)),
      reason: .initial)
    propose(index, .create, record, &effects)
  }
}
