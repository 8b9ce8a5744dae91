import Wire

/// Which of a peer's sessions is used: previous, current and next, as in WireGuard, and what a restart of the peer or
/// two HELLOs that crossed mean for them.
extension Channel {
  /// Finds room for a session; `nil` (counted) when all 4,096 are in use by others just now.
  mutating func place(_ session: Session, now: Now, into effects: inout ChannelEffects) -> Int? {
    if sessions.isFull { evictOne(sparing: session.peer, now: now, into: &effects) }
    guard let slot = sessions.insert(session) else {
      counters.add(.sessionLimitRefused)
      return nil
    }
    return slot
  }

  /// The session that was used least recently, of those without streams; one that only opens late datagrams first.
  private mutating func evictOne(sparing peer: Int, now: Now, into effects: inout ChannelEffects) {
    var oldest: (slot: Int, rank: (Int, UInt64))?
    for slot in sessions.slots.indices where sessions[slot].state != .free && sessions[slot].peer != peer {
      let owner = sessions[slot].peer
      let isSpare = peers[owner].current != slot
      guard isSpare || peers[owner].link == nil, sessions[slot].state != .unconfirmed else { continue }
      let isLast = peers[owner].conduct.isDeprioritised(at: now.monotonic)
      let rank = (isSpare ? 0 : isLast ? 1 : 2, sessions[slot].lastUsedAt)
      if oldest.map({ rank < $0.rank }) ?? true { oldest = (slot, rank) }
    }
    guard let oldest else { return }
    counters.add(.sessionsEvicted)
    let owner = sessions[oldest.slot].peer
    forget(oldest.slot)
    if peers[owner].current == nil { tellDown(owner, .expired, into: &effects) }
  }

  /// Wipes one session and whatever points to it.
  mutating func forget(_ slot: Int) {
    let peer = sessions[slot].peer
    if peers[peer].current == slot { peers[peer].current = nil }
    if peers[peer].previous == slot { peers[peer].previous = nil }
    if peers[peer].next == slot { peers[peer].next = nil }
    if peers[peer].former == slot { peers[peer].former = nil }
    sessions.remove(slot)
  }

  /// The initiator has used the keys of the session that we granted it.
  mutating func confirm(_ slot: Int, from: Endpoint, now: Now, into effects: inout ChannelEffects) {
    let peer = sessions[slot].peer
    sessions.confirm(slot, at: now.monotonic)
    if peers[peer].next == slot { peers[peer].next = nil }
    // It received our RESPONSE at the address that its HELLO came from; from there it proves that path. From elsewhere
    // it proves none: a path that has been proven stays until the new one answers a challenge.
    let proven = from == sessions[slot].origin || !peers[peer].isUp ? from : peers[peer].path ?? from
    install(slot, of: peer, at: proven, now: now, into: &effects)
    if peers[peer].attempt.phase == .asking { endAttempt(peer) }
    peers[peer].attempt.tries = 0
    let sent = sessions[slot].sendCounter
    flushWaiting(peer, now: now, into: &effects)
    // The initiator repeats its first datagram until it hears from us.
    if sessions[slot].state == .established, sessions[slot].sendCounter == sent {
      sendEmpty(slot, now: now, into: &effects)
    }
    if peers[peer].wantsLink { openWantedLink(peer, now: now, into: &effects) }
  }

  /// Makes an established session the one that is used.
  mutating func install(
    _ slot: Int, of peer: Int, at endpoint: Endpoint, now: Now, into effects: inout ChannelEffects
  ) {
    followLife(of: peer, by: slot, from: endpoint, now: now, into: &effects)
    if let current = peers[peer].current {
      counters.add(.sessionsRenewed)
      if let previous = peers[peer].previous { sessions.remove(previous) }
      if isCrossed(current, slot, now: now), isPreferred(current) {
        peers[peer].previous = slot
        // The other side may know it as unconfirmed only.
        sendEmpty(current, now: now, into: &effects)
        return
      }
      peers[peer].previous = current
    } else {
      counters.add(.sessionsStarted)
    }
    peers[peer].current = slot
    peers[peer].lastUsedAt = now.monotonic
    peers[peer].pathProbe = nil
    if peers[peer].path == nil || !peers[peer].isUp { peers[peer].path = endpoint }
    guard !peers[peer].isUp else {
      // A handshake proves a path as well as a challenge does.
      if peers[peer].path != endpoint { move(peer, to: endpoint, now: now, into: &effects) }
      return
    }
    peers[peer].isUp = true
    effects.events.append(.sessionUp(peers[peer].host, endpoint))
  }

  /// Both sides asked at once and both were answered.
  private func isCrossed(_ current: Int, _ new: Int, now: Now) -> Bool {
    sessions[current].isInitiator != sessions[new].isInitiator
      && now.monotonic &- sessions[current].establishedAt < SessionLimits.crossing
  }

  /// Of two sessions that crossed, the one that the lower host id asked for stays: both sides see it alike.
  private func isPreferred(_ slot: Int) -> Bool {
    sessions[slot].isInitiator == (host < peers[sessions[slot].peer].host)
  }

  // MARK: Lives of the peer

  /// A confirmed session with another life of the peer replaces everything of the life before. That one should be
  /// over: its last session is watched for a while, because a copied key file would show itself there.
  private mutating func followLife(
    of peer: Int, by slot: Int, from endpoint: Endpoint, now: Now, into effects: inout ChannelEffects
  ) {
    let bootID = sessions[slot].bootID
    guard let known = peers[peer].bootID, known != bootID else {
      peers[peer].bootID = bootID
      return
    }
    if peers[peer].formerBootIDs.0 == bootID || peers[peer].formerBootIDs.1 == bootID {
      noteConflict(peer, endpoint, now: now, into: &effects)
    }
    peers[peer].formerBootIDs = (known, peers[peer].formerBootIDs.0)
    peers[peer].bootID = bootID
    closeStreams(of: peer, now: now, into: &effects)
    if let previous = peers[peer].previous { sessions.remove(previous) }
    if let former = peers[peer].former { sessions.remove(former) }
    peers[peer].previous = nil
    if let next = peers[peer].next, sessions[next].bootID != bootID {
      sessions.remove(next)
      peers[peer].next = nil
    }
    peers[peer].former = peers[peer].current
    peers[peer].current = nil
    if let former = peers[peer].former {
      sessions[former].state = .watched
      sessions[former].establishedAt = now.monotonic
    }
    tellDown(peer, .replaced, into: &effects)
  }

  /// A fresh datagram on the session of a former life. What was under way when it ended may still come.
  mutating func noteFormerLife(_ slot: Int, from: Endpoint, now: Now, into effects: inout ChannelEffects) {
    guard now.monotonic &- sessions[slot].establishedAt > SessionLimits.watchGrace else { return }
    noteConflict(sessions[slot].peer, from, now: now, into: &effects)
  }

  private mutating func noteConflict(
    _ peer: Int, _ endpoint: Endpoint, now: Now, into effects: inout ChannelEffects
  ) {
    if let last = peers[peer].lastConflictAt, now.monotonic &- last < SessionLimits.watched { return }
    peers[peer].lastConflictAt = now.monotonic
    counters.add(.identityConflicts)
    effects.events.append(.identityConflict(peers[peer].host, endpoint, peers[peer].path ?? endpoint))
  }
}
