import Wire

/// The owner of a shard (E7): who must promise and acknowledge, whether it may act, and the care for its followers.
extension ShardHost {
  /// `M`: the recorded set and the one that was asked for.
  func maximalSet(_ index: Int) -> [Member] {
    var members = replicas[index].members
    if let proposal = replicas[index].proposal, proposal.kind == .shrink || proposal.kind == .expand {
      for member in proposal.record.members where !members.contains(member) { members.append(member) }
    }
    return members
  }

  /// Followers as the record, the proposal and the replica list want them: all of `M`, and learners.
  mutating func refreshSet(_ index: Int) {
    guard isOwner(index), replicas[index].isSetStale else { return }
    replicas[index].isSetStale = false
    let recorded = replicas[index].members
    let maximal = maximalSet(index)
    var wanted = maximal.filter { $0 != me }
    for host in replicas[index].replicas where host != me.host {
      guard let life = peers.life(of: host) else { continue }
      let member = Member(host: host, life: life)
      if !wanted.contains(member), wanted.count < ShardHost.followersLimit { wanted.append(member) }
    }
    wanted.sort()
    let old = replicas[index].others
    replicas[index].others = wanted.map { member in
      var progress =
        old.first { $0.member == member }
        ?? Progress(member: member, sent: replicas[index].batched, now: now)
      let isRecorded = recorded.contains(member)
      let isMember = maximal.contains(member)
      if isMember != progress.isMember { progress.memberSince = now }
      progress.isMember = isMember
      progress.countsForAcks = settings.breaks(.recordedSetForAcks) ? isRecorded : progress.isMember
      progress.countsForPromises = settings.breaks(.recordedSetForPromises) ? isRecorded : progress.isMember
      return progress
    }
  }

  static let followersLimit = 14

  // MARK: Acting

  func isPromised(_ progress: Progress, at time: UInt64) -> Bool {
    guard let heard = peers[progress.member.host]?.heard, heard.until > time, heard.life == progress.member.life,
      let seal = progress.sealSeries
    else { return false }
    return seal == heard.series
  }

  /// Everything of `act` but the promises.
  func couldAct(_ index: Int) -> Bool {
    guard isOwner(index), replicas[index].stopped == nil else { return false }
    let epoch = replicas[index].epoch
    let isMoving = replicas[index].proposal?.kind == .move || replicas[index].movedIn == epoch
    if isMoving, !settings.breaks(.moveWithoutStop) { return false }
    return replicas[index].released != epoch || settings.breaks(.releaseWithoutStop)
  }

  /// `act` (E2): evaluated at the moment of every effect.
  func acts(_ index: Int) -> Bool {
    couldAct(index)
      && replicas[index].others.allSatisfy { !$0.countsForPromises || isPromised($0, at: now) }
  }

  /// Tells the node when it may act and when no longer.
  private mutating func sayWhetherActing(_ index: Int, _ effects: inout ShardEffects) {
    let epoch = replicas[index].epoch
    let shard = replicas[index].shard
    if acts(index) {
      replicas[index].heldSince = nil
      if replicas[index].said != .acting {
        replicas[index].said = .acting
        effects.events.append(.acting(shard, epoch))
      }
      for progress in replicas[index].others where progress.countsForPromises {
        if let until = peers[progress.member.host]?.heard?.until { replicas[index].wake(at: until) }
      }
    } else {
      if replicas[index].heldSince == nil { replicas[index].heldSince = now }
      let reason = holdReason(index)
      if replicas[index].said != .held(reason) {
        replicas[index].said = .held(reason)
        effects.events.append(.held(shard, epoch, reason))
      }
    }
  }

  func holdReason(_ index: Int) -> HoldReason {
    let epoch = replicas[index].epoch
    if replicas[index].released == epoch { return .released }
    if replicas[index].proposal?.kind == .move || replicas[index].movedIn == epoch { return .moving }
    let silent = replicas[index].others.filter { $0.countsForPromises && !isPromised($0, at: now) }
    return .silent(silent.map(\.member.host), voterAnswers: voterAnswers)
  }

  /// A voter has answered within the last two reads.
  var voterAnswers: Bool {
    canAskVoters
      && (sets.isVoter(me.host) || sets.answeredAt > 0 && now < sets.answeredAt &+ 2 &* settings.readPeriod)
  }

  // MARK: Turn of an owner

  mutating func own(_ index: Int, _ effects: inout ShardEffects) {
    refreshSet(index)
    acknowledge(index, &effects)
    goOnRestoring(index, &effects)
    closeBatch(index, &effects)
    buildSnapshot(index, &effects)
    pump(index, &effects)
    care(index, &effects)
    goOnMoving(index, &effects)
    careForRelease(index, &effects)
    // A touch or a shrink above may have changed what is counted.
    acknowledge(index, &effects)
    sayWhetherActing(index, &effects)
    careForQueue(index, &effects)
    sendVolatile(index, &effects)
    guard replicas[index].said != .acting else { return }
    // Held: the voters are asked, so that it is known whether one answers.
    wantRead(index)
    askFollowers(index)
    replicas[index].wake(at: now &+ settings.heartbeatPeriod)
  }

  /// A held owner may have been replaced: an empty APPEND brings the record from whoever knows it.
  private mutating func askFollowers(_ index: Int) {
    guard now >= replicas[index].askFollowersAt else { return }
    replicas[index].askFollowersAt = now &+ settings.out
    for place in replicas[index].others.indices where replicas[index].others[place].isStreaming {
      replicas[index].others[place].wantsAppend = true
    }
  }

  /// APPENDED.
  mutating func hear(_ appended: ReplicaMessage.Appended, from: Member, _ effects: inout ShardEffects) {
    guard let index = index(of: appended.shard), replicas[index].stopped == nil else { return }
    if case .stale(let record?) = appended.status { learn(record, &effects) }
    guard isOwner(index), appended.epoch == replicas[index].epoch || appended.status.isStale,
      appended.life == from.life,
      let place = replicas[index].others.firstIndex(where: { $0.member == from })
    else { return }
    touch(index)
    if appended.status != .ok {
      // While a snapshot is on its way there is nothing else to ask: the same answer would come, as fast as one asks.
      replicas[index].others[place].askedAt = isGettingSnapshot(index, place) ? now : nil
    }
    if appended.version > replicas[index].others[place].version {
      replicas[index].others[place].version = appended.version
    }
    switch appended.status {
    case .ok: take(appended, index, place)
    case .gap(let last, let hint): stepBack(index, place, last: last, hint: hint, &effects)
    case .stale:
      // It does not know the record that was left out: it comes along next time.
      replicas[index].others[place].version = min(replicas[index].others[place].version, appended.version)
      replicas[index].others[place].isStreaming = false
    case .doubt:
      // He doubts until a voter answers him, which may take long: asked again at once, he would only say so again.
      replicas[index].others[place].askedAt = now
      replicas[index].others[place].doubted = replicas[index].version
      guard replicas[index].proposal == nil, canAskVoters, !isStopping, let record = next(index, reason: .touch) else {
        return
      }
      propose(index, .touch, record, &effects)
    }
  }

  private mutating func take(_ appended: ReplicaMessage.Appended, _ index: Int, _ place: Int) {
    // Invariant (i): nobody can hold more than there is.
    guard appended.match <= replicas[index].log.last.sequence else {
      counters.malformed += 1
      return
    }
    // Only an acknowledgement by somebody who knows the present set counts (E9: it makes the greatest record known
    // anywhere sharp).
    guard appended.version >= replicas[index].version else { return }
    var progress = replicas[index].others[place]
    let hasMoved = progress.match == nil || appended.match > progress.match ?? 0
    if progress.match == nil || appended.match > progress.match ?? 0 { progress.progressAt = now }
    if progress.match == nil || appended.durable > progress.durable { progress.durableAt = now }
    progress.match = max(progress.match ?? 0, appended.match)
    progress.durable = max(progress.durable, min(appended.durable, appended.match))
    if appended.match >= replicas[index].floor || settings.breaks(.floorMissing) {
      progress.sealSeries = max(progress.sealSeries ?? 0, appended.series)
    }
    if !progress.isStreaming {
      progress.isStreaming = true
      progress.sent = progress.match ?? 0
    }
    if let position = progress.snapshotPosition, appended.match >= position {
      progress.snapshotPosition = nil
      progress.snapshotUntil = nil
    }
    if progress.sent < progress.match ?? 0 { progress.sent = progress.match ?? 0 }
    if progress.sent <= progress.match ?? 0 {
      progress.askedAt = nil
    } else if hasMoved {
      progress.askedAt = now
    }
    replicas[index].others[place] = progress
  }

  private func isGettingSnapshot(_ index: Int, _ place: Int) -> Bool {
    let progress = replicas[index].others[place]
    return progress.snapshotUntil.map { now < $0 } ?? false
      || replicas[index].snapshot?.receivers.contains(progress.member) ?? false
  }

  /// GAP: go back to what the follower holds, or send it the state.
  private mutating func stepBack(
    _ index: Int, _ place: Int, last: Position, hint: Position, _ effects: inout ShardEffects
  ) {
    if isGettingSnapshot(index, place) { return }
    replicas[index].others[place].isStreaming = false
    let log = replicas[index].log
    for position in [last, hint] where log.contains(position) {
      replicas[index].others[place].sent = position.sequence
      return
    }
    let earlier = log.last(upTo: hint.sequence, epoch: hint.epoch)
    // Nothing in common is held here any more, or ever was.
    if earlier.sequence <= log.base.sequence || earlier.sequence >= replicas[index].others[place].sent,
      log.base != .start
    {
      sendSnapshot(index, place, &effects)
    } else {
      replicas[index].others[place].sent = earlier.sequence
    }
  }

  /// The follower's copy is not what it should be.
  mutating func snapshotWanted(_ shard: ShardID, _ epoch: Epoch, by from: Member) {
    guard let index = index(of: shard), isOwner(index), replicas[index].epoch == epoch,
      let place = replicas[index].others.firstIndex(where: { $0.member == from })
    else { return }
    replicas[index].others[place].wantsSnapshot = true
    touch(index)
  }
}

extension ReplicaMessage.Status {
  var isStale: Bool { if case .stale = self { true } else { false } }
}
