import Wire

/// The owner's care for the in-sync set: silent members go out, caught-up learners come in (E7).
extension ShardHost {
  mutating func care(_ index: Int, _ effects: inout ShardEffects) {
    guard replicas[index].proposal == nil, canAskVoters, !isStopping, !storeFailed,
      replicas[index].released != replicas[index].epoch,
      replicas[index].movedIn != replicas[index].epoch
    else { return }
    if shrink(index, &effects) { return }
    if expand(index, &effects) { return }
    makeRoom(index, &effects)
  }

  /// Drops members that are silent or do not get on. `act` is not needed: it only gives up copies.
  private mutating func shrink(_ index: Int, _ effects: inout ShardEffects) -> Bool {
    let silent = replicas[index].others.filter { $0.isMember && isSilent(index, $0) }.map(\.member)
    guard !silent.isEmpty else {
      wakeForSilence(index)
      return false
    }
    let members = replicas[index].members.filter { !silent.contains($0) }
    guard let record = next(index, members: members, reason: .shrink) else { return false }
    propose(index, .shrink, record, &effects)
    refreshSet(index)
    return true
  }

  /// Its last answer to a heartbeat. Anything else that came from it since shows that it lives, and that datagrams are
  /// lost: that counts for a period more, which leaves a third of `hold` for the voters' answer when it is dropped then.
  private func heardAt(_ index: Int, _ progress: Progress) -> UInt64 {
    guard let peer = peers[progress.member.host], peer.heard?.life == progress.member.life else {
      return progress.memberSince
    }
    let lives = min(peer.lastHeard, peer.answeredAt &+ settings.heartbeatPeriod)
    return max(peer.answeredAt, lives, progress.memberSince)
  }

  /// When it is to be dropped if it does not get on until then; `nil`: it has everything that it should.
  private func patienceEnd(_ index: Int, _ progress: Progress) -> UInt64? {
    var end: UInt64?
    if progress.match ?? 0 < replicas[index].batched || progress.match == nil {
      end = max(progress.progressAt, progress.memberSince) &+ settings.out
    }
    if progress.durable < mustBeDurable(index) {
      let late = max(progress.durableAt, progress.memberSince) &+ settings.outDurable
      end = min(end ?? late, late)
    }
    return end
  }

  private func isSilent(_ index: Int, _ progress: Progress) -> Bool {
    if peers.isDead(progress.member) { return true }
    if now >= heardAt(index, progress) &+ settings.out { return true }
    guard let end = patienceEnd(index, progress), now >= end else { return false }
    return progress.snapshotUntil == nil
      && !(replicas[index].snapshot?.receivers.contains(progress.member) ?? false)
  }

  private mutating func wakeForSilence(_ index: Int) {
    for progress in replicas[index].others where progress.isMember {
      replicas[index].wake(at: heardAt(index, progress) &+ settings.out)
      if let at = patienceEnd(index, progress) { replicas[index].wake(at: at > now ? at : now &+ settings.out) }
    }
  }

  /// Takes in one learner of the replica list that holds everything (C11: since before my reign, too).
  private mutating func expand(_ index: Int, _ effects: inout ShardEffects) -> Bool {
    let members = replicas[index].members
    guard members.count < Record.membersLimit else { return false }
    let learner = replicas[index].others.first { progress in
      !progress.isMember && !members.contains { $0.host == progress.member.host }
        && replicas[index].replicas.contains(progress.member.host) && isWelcome(progress) && isWhole(index, progress)
        && (isPromised(progress, at: now) || settings.breaks(.expandWithoutCatchUp)) && !isSilent(index, progress)
    }
    guard let learner, let record = next(index, members: members + [learner.member], reason: .expand) else {
      let waits = replicas[index].others.contains { !$0.isMember && $0.match != nil }
      if waits { replicas[index].wake(at: now &+ settings.heartbeatPeriod) }
      return false
    }
    propose(index, .expand, record, &effects)
    refreshSet(index)
    return true
  }

  /// Advice: who was dropped a moment ago or does not answer now would only be dropped again.
  private func isWelcome(_ progress: Progress) -> Bool {
    let wasMember = progress.memberSince > 0
    guard let peer = peers[progress.member.host], now < peer.answeredAt &+ settings.out else { return false }
    return !wasMember || now >= progress.memberSince &+ settings.out
  }

  private func isWhole(_ index: Int, _ progress: Progress) -> Bool {
    guard let match = progress.match else { return false }
    if settings.breaks(.expandWithoutCatchUp) { return true }
    let whole = max(replicas[index].floor, replicas[index].commit)
    return match >= whole && progress.durable >= lastCritical(index, upTo: whole)
  }

  /// The last critical entry up to a sequence; the base of what is held when there is none.
  private func lastCritical(_ index: Int, upTo sequence: UInt64) -> UInt64 {
    var candidate = sequence
    while let entry = replicas[index].log[candidate] {
      if entry.entryClass == .critical { return candidate }
      candidate -= 1
    }
    return min(candidate, replicas[index].log.base.sequence)
  }

  /// Copies beyond the replica list go when all of the list are members: copy first, then drop.
  private mutating func makeRoom(_ index: Int, _ effects: inout ShardEffects) {
    let members = replicas[index].members
    let list = replicas[index].replicas
    guard !list.isEmpty, list.allSatisfy({ host in members.contains { $0.host == host } }) else { return }
    let kept = members.filter { $0 == me || list.contains($0.host) }
    guard kept.count < members.count, kept.count >= replicas[index].minimum,
      let record = next(index, members: kept, reason: .placement)
    else { return }
    propose(index, .shrink, record, &effects)
    refreshSet(index)
  }
}
