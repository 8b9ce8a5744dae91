import Wire

/// All members have restarted (E7, recover): what each member's host has answered to WHO.
struct Recovery: Hashable, Sendable {
  struct Answer: Hashable, Sendable {
    var life: Life
    var last: Position
    var isUsable: Bool
  }

  var answers: [HostID: Answer] = [:]
  var askAgainAt: UInt64 = 0
}

extension ShardHost {
  /// My host has a seat in another life. If no recorded life lives any more, the host with the longest durable log
  /// begins anew; otherwise an owner will come and take me in as a learner.
  mutating func considerRecovery(_ index: Int, _ record: Record, _ effects: inout ShardEffects) {
    guard replicas[index].proposal == nil, !replicas[index].isDamaged, canAskVoters else { return }
    if now >= replicas[index].recovery.askAgainAt {
      replicas[index].recovery.askAgainAt = now &+ settings.readPeriod / 2
      for member in record.members where member.host != me.host {
        send(.who(record.shard), to: member.host, &effects)
      }
    }
    replicas[index].wake(at: replicas[index].recovery.askAgainAt)
    guard record.members.allSatisfy({ isProvenDead($0, index) }) || settings.breaks(.recoverWithoutProof),
      isBest(index), let next = next(index, owner: me, members: [me], reason: .recover, isNewReign: true)
    else { return }
    withdraw(from: record.owner.host)
    propose(index, .recover, next, &effects)
  }

  private func isProvenDead(_ member: Member, _ index: Int) -> Bool {
    if member.host == me.host { return member.life != me.life }
    guard let answer = replicas[index].recovery.answers[member.host] else { return false }
    return answer.life != member.life
  }

  /// Mine is the greatest durable log of all members' that may stand; of equal ones that of the lower host. Who was
  /// dropped since it answered does not recover the shard, so nobody waits for it.
  private func isBest(_ index: Int) -> Bool {
    let mine = replicas[index].log.position(at: replicas[index].durable) ?? .start
    return !replicas[index].recovery.answers.contains { host, answer in
      guard answer.isUsable, replicas[index].members.contains(where: { $0.host == host }) else { return false }
      let theirs = (answer.last.epoch, answer.last.sequence)
      return theirs > (mine.epoch, mine.sequence)
        || theirs == (mine.epoch, mine.sequence) && host < me.host
    }
  }

  mutating func answerWho(_ shard: ShardID, to from: Member, _ effects: inout ShardEffects) {
    send(.iAm(whatIHold(of: shard)), to: from.host, &effects)
  }

  func whatIHold(of shard: ShardID) -> RegisterMessage.IAm {
    var answer = RegisterMessage.IAm(
      shard: shard, record: nil, last: .start, isUsable: false, sealed: .none)
    if let index = index(of: shard) {
      answer.record = replicas[index].rec
      answer.last = replicas[index].log.position(at: replicas[index].durable) ?? .start
      answer.isUsable = !replicas[index].isDamaged && replicas[index].stopped == nil && !storeFailed
      answer.sealed = replicas[index].matchedEpoch
    }
    return answer
  }

  mutating func hear(_ answer: RegisterMessage.IAm, from: Member, _ effects: inout ShardEffects) {
    if voter.rebuilding != nil { hearForRebuild(answer, from: from, &effects) }
    guard let index = index(of: answer.shard) else { return }
    if let record = answer.record { learn(record, &effects) }
    if let mine = replicas[index].rec, mine.record.version > answer.record?.record.version ?? 0 {
      // It may have the longest log and not know that it has a seat: then everybody else would wait for it.
      send(.record(set: mine.voterSet, nonce: 0, answer.shard, mine), to: from.host, &effects)
    }
    if replicas[index].inquiry != nil, replicas[index].inquiry?.count ?? 0 < Inquiry.limit {
      replicas[index].inquiry?[from.host] = HeldCopy(answer, life: from.life)
    }
    guard replicas[index].members.contains(where: { $0.host == from.host }) else { return }
    replicas[index].recovery.answers[from.host] = Recovery.Answer(
      life: from.life, last: answer.last, isUsable: answer.isUsable)
    touch(index)
  }

  /// The operator's order for an unclean takeover, on the host that it names.
  mutating func takeUncleanly(_ shard: ShardID, _ signed: [UInt8], _ effects: inout ShardEffects) {
    guard let order = UncleanOrder(signed, signer), order.shard == shard, order.host == me.host,
      let index = index(of: shard), replicas[index].version == order.version, replicas[index].proposal == nil,
      !isOwner(index),
      let next = next(index, owner: me, members: [me], reason: .unclean, isNewReign: true)
    else {
      counters.limitsHit += 1
      return
    }
    withdraw(from: replicas[index].rec?.record.owner.host ?? me.host)
    propose(index, .unclean, next, order: signed, &effects)
  }
}
