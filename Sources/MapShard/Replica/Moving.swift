import Wire

/// Planned moves and releases (E7): the owner stops first, then asks.
extension ShardHost {
  mutating func beginMove(
    _ shard: ShardID, to target: HostID, _ reason: ChangeReason, _ plan: UInt64, _ request: UInt64,
    _ effects: inout ShardEffects
  ) {
    guard let index = index(of: shard) else { return reply(request, .refused(.unknownShard), &effects) }
    guard isOwner(index) else {
      return reply(request, .refused(.notOwner(replicas[index].rec?.record.owner)), &effects)
    }
    guard acts(index) else { return reply(request, .refused(.held(holdReason(index))), &effects) }
    guard replicas[index].proposal == nil, replicas[index].move == nil, replicas[index].restore == nil,
      target != me.host,
      !reason.isLoss, replicas[index].members.contains(where: { $0.host == target })
    else { return reply(request, .refused(.busy), &effects) }
    replicas[index].move = PlannedMove(
      target: target, reason: reason, plan: plan, request: request, since: now,
      sequence: replicas[index].log.last.sequence)
    if replicas[index].batched < replicas[index].log.last.sequence { logBatch(index, &effects) }
    // Everything before it becomes durable with it.
    if let rec = replicas[index].rec {
      store(.reign(shard, rec, sealed: replicas[index].matchedEpoch), .urgent, &effects)
    }
    for place in replicas[index].others.indices { replicas[index].others[place].commitTold = 0 }
    touch(index)
  }

  mutating func cancelMove(_ index: Int, _ effects: inout ShardEffects) {
    guard let move = replicas[index].move, replicas[index].proposal?.kind != .move else { return }
    replicas[index].move = nil
    reply(move.request, .refused(.moveCancelled), &effects)
    resumeQueue(index, &effects)
    touch(index)
  }

  /// Proposes the move once all of `M` hold everything durably. From then on this host never acts in this reign.
  mutating func goOnMoving(_ index: Int, _ effects: inout ShardEffects) {
    guard let move = replicas[index].move, replicas[index].proposal == nil else { return }
    let target = replicas[index].rec?.record.seat(of: move.target)
    guard let target, now < move.since &+ settings.moveLimit else { return cancelMove(index, &effects) }
    replicas[index].wake(at: move.since &+ settings.moveLimit)
    let isWhole =
      replicas[index].durable >= move.sequence
      && replicas[index].others.allSatisfy { !$0.isMember || $0.durable >= move.sequence }
    guard isWhole, canAskVoters, acts(index), replicas[index].acked >= move.sequence,
      let record = next(index, owner: target, reason: move.reason, plan: move.plan, isNewReign: true)
    else { return }
    replicas[index].movedIn = replicas[index].epoch
    propose(index, .move, record, &effects)
  }

  /// A record has resolved a proposal: a move ends with it.
  mutating func moveSettled(_ index: Int, _ proposal: Proposal, _ effects: inout ShardEffects) {
    guard let rec = replicas[index].rec else { return }
    guard proposal.kind == .move else {
      if let move = replicas[index].move, !isOwner(index) {
        replicas[index].move = nil
        reply(move.request, .refused(.notOwner(rec.record.owner)), &effects)
        refuseAll(index, .notOwner(rec.record.owner), &effects)
      }
      return
    }
    guard let move = replicas[index].move else { return }
    replicas[index].move = nil
    for member in rec.record.members where member.host != me.host { send(.moved(rec), to: member.host, &effects) }
    if rec.record.owner.host == move.target {
      reply(move.request, .moved(rec.record), &effects)
    } else {
      reply(move.request, .refused(.moveCancelled), &effects)
    }
    if !isOwner(index) { forwardQueue(index, to: rec.record.owner, &effects) }
  }

  // MARK: Release

  /// Gives up the reign: stops first, then says so.
  mutating func release(_ index: Int, _ effects: inout ShardEffects) {
    let epoch = replicas[index].epoch
    guard isOwner(index), replicas[index].released != epoch else { return }
    replicas[index].released = epoch
    replicas[index].releasedAt = now
    replicas[index].releaseAgainAt = 0
    counters.releases += 1
    if replicas[index].batched < replicas[index].log.last.sequence { logBatch(index, &effects) }
    if replicas[index].proposal?.kind != .move {
      if let move = replicas[index].move {
        replicas[index].move = nil
        reply(move.request, .refused(.moveCancelled), &effects)
      }
      refuseAll(index, storeFailed ? .storeFailed : .held(.released), &effects)
    }
    touch(index)
  }

  /// Repeats RELEASE until a later record is learnt; releases what is held without hope; begins a reign anew that
  /// nobody wanted.
  mutating func careForRelease(_ index: Int, _ effects: inout ShardEffects) {
    let epoch = replicas[index].epoch
    guard replicas[index].released == epoch || replicas[index].movedIn == epoch else {
      return releaseIfHopeless(index, &effects)
    }
    if replicas[index].released == epoch {
      if now >= replicas[index].releaseAgainAt {
        replicas[index].releaseAgainAt = now &+ settings.heartbeatPeriod
        for progress in replicas[index].others where progress.isMember {
          send(.release(replicas[index].shard, epoch), to: progress.member.host, &effects)
        }
      }
      replicas[index].wake(at: replicas[index].releaseAgainAt)
    }
    guard replicas[index].proposal == nil, canAskVoters, !isStopping, !storeFailed else { return }
    let since = max(replicas[index].releasedAt, replicas[index].recordedAt)
    // Members that live may take it first.
    let hasHeir = replicas[index].others.contains { $0.isMember && !peers.isDead($0.member) }
    let patience = hasHeir ? settings.renewAfter : 0
    guard now >= since &+ patience else { return replicas[index].wake(at: since &+ patience) }
    guard let record = next(index, reason: .renew, isNewReign: true) else { return }
    propose(index, .renew, record, &effects)
  }

  private mutating func releaseIfHopeless(_ index: Int, _ effects: inout ShardEffects) {
    guard let since = replicas[index].heldSince, !isStopping else { return }
    guard now >= since &+ settings.releaseAfter else { return replicas[index].wake(at: since &+ settings.releaseAfter) }
    let someoneAnswers = replicas[index].others.contains { progress in
      progress.isMember && (peers[progress.member.host]?.heard.map { $0.until > now } ?? false)
    }
    if someoneAnswers, !voterAnswers, replicas[index].proposal?.kind != .move { release(index, &effects) }
  }
}
