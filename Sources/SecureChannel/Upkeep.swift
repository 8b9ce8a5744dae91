import Wire

/// The channel's own clock: one timer that comes again and again.
struct UpkeepClock {
  static let interval = Nanoseconds.seconds(1)
  /// While a stream is being set up or runs: announcements are repeated, prefaces time out.
  static let busyInterval = Nanoseconds.milliseconds(250)
  static let labelInterval = Nanoseconds.seconds(60)

  var token: UInt32 = 0
  var dueAt: UInt64?
  var labelDueAt: UInt64 = 0
}

/// What only time brings about.
extension Channel {
  /// Starts the clock with the first call, whatever it is.
  mutating func keepTime(now: Now, into effects: inout ChannelEffects) {
    if upkeep.dueAt == nil { scheduleUpkeep(now: now, into: &effects) }
    if let floor = labels.floorToKeep(wall: now.wall, isDue: now.monotonic >= upkeep.labelDueAt) {
      upkeep.labelDueAt = now.monotonic + UpkeepClock.labelInterval
      effects.events.append(.labelFloor(floor))
    }
  }

  private mutating func scheduleUpkeep(now: Now, into effects: inout ChannelEffects) {
    let due = now.monotonic + (streams.isBusy ? UpkeepClock.busyInterval : UpkeepClock.interval)
    upkeep.token &+= 1
    upkeep.dueAt = due
    effects.deadlines.append(
      Deadline(at: due, timer: Timer(kind: ChannelTimer.upkeep, token: upkeep.token)))
  }

  /// A stream has begun: do not wait for the slow beat.
  mutating func hurryUpkeep(now: Now, into effects: inout ChannelEffects) {
    guard let due = upkeep.dueAt, due > now.monotonic + UpkeepClock.busyInterval else { return }
    scheduleUpkeep(now: now, into: &effects)
  }

  mutating func keepUp(_ timer: Timer, now: Now, into effects: inout ChannelEffects) {
    guard timer.token == upkeep.token, let due = upkeep.dueAt else { return }
    load.observe(lateness: now.monotonic > due ? now.monotonic - due : 0, at: now.monotonic)
    keepSessions(now: now, into: &effects)
    keepPeers(now: now, into: &effects)
    keepStreams(now: now, into: &effects)
    scheduleUpkeep(now: now, into: &effects)
  }

  private mutating func keepSessions(now: Now, into effects: inout ChannelEffects) {
    let time = now.monotonic
    for slot in sessions.slots.indices {
      switch sessions[slot].state {
      case .free: break
      case .unconfirmed where sessions[slot].age(at: time) >= SessionLimits.unconfirmed:
        counters.add(.unconfirmedExpired)
        forget(slot)
      case .watched where time &- sessions[slot].establishedAt >= SessionLimits.watched:
        forget(slot)
      case .established where sessions[slot].isWorn(at: time):
        counters.add(.sessionsExpired)
        forget(slot)
      case .unconfirmed, .watched, .established: break
      }
    }
  }

  private mutating func keepPeers(now: Now, into effects: inout ChannelEffects) {
    for peer in peers.indices {
      if !peers[peer].waiting.isEmpty { dropOldWaiting(peer, now: now) }
      if peers[peer].isUp {
        let isUsable = peers[peer].current.map { sessions[$0].maySend(at: now.monotonic) } ?? false
        if !isUsable { tellDown(peer, .expired, into: &effects) }
        // Revocations end sessions by `drop`; this is for one that was adopted without.
        if roster.isRevoked(peers[peer].host) { closeAll(peer, because: .dropped, now: now, into: &effects) }
      }
      if peers[peer].wantsLink, peers[peer].link == nil { openWantedLink(peer, now: now, into: &effects) }
    }
  }

  /// The loop was away for so long: what was not heard meanwhile proves nothing. Keys age all the same.
  mutating func shift(by lateness: UInt64, now: Now) {
    load.observe(lateness: lateness, at: now.monotonic)
    func later(_ time: inout UInt64) { time = min(time &+ lateness, now.monotonic) }
    for peer in peers.indices {
      for index in peers[peer].waiting.indices { later(&peers[peer].waiting[index].since) }
      if peers[peer].attempt.phase != .idle { later(&peers[peer].attempt.startedAt) }
      if peers[peer].pathProbe != nil { later(&peers[peer].pathProbe!.startedAt) }
    }
    for slot in sessions.slots.indices where sessions[slot].state != .free {
      later(&sessions[slot].unansweredSince)
      // Unconfirmed sessions wait for a datagram that may lie in the socket.
      if sessions[slot].state == .unconfirmed { later(&sessions[slot].createdAt) }
    }
    streams.shift(by: lateness, now: now.monotonic)
  }
}
