import Wire

/// Heartbeats between pairs of hosts and the promises that their answers are (E6, E7). The only lease there is.
extension ShardHost {
  mutating func receiveHeartbeat(
    _ bytes: UnsafeRawBufferPointer, from: Member, _ effects: inout ShardEffects
  ) {
    guard isPresent(from) else { return }
    var reader = Reader(bytes)
    do {
      let message = try HeartbeatMessage(&reader)
      try reader.expectEnd()
      switch message {
      case .heartbeat(let toLife, let stamp): promise(toLife, stamp, to: from, &effects)
      case .answer(let stamp, let life, let series): hear(stamp, life, series, from: from)
      }
    } catch {
      counters.malformed += 1
    }
  }

  /// The member's side: its promise to the host of owners.
  private mutating func promise(_ toLife: Life, _ stamp: UInt64, to: Member, _ effects: inout ShardEffects) {
    guard toLife == me.life else {
      counters.otherLife += 1
      return
    }
    let span = settings.breaks(.giveShorterThanHold) ? settings.hold / 2 : settings.give
    let until = now &+ span
    let fits = peers.update(to.host) { $0.given = (to.life, until) }
    // Without a place for the promise there is none.
    guard fits else { return }
    let series = peers[to.host]?.series ?? 0
    counters.heartbeatsAnswered += 1
    send(.answer(stamp: stamp, life: me.life, series: series), to: to.host, &effects)
  }

  /// The owner's side: an answer counts from the moment at which its question was sent.
  private mutating func hear(_ stamp: UInt64, _ life: Life, _ series: UInt64, from: Member) {
    guard life == from.life, stamp <= now else {
      counters.malformed += 1
      return
    }
    // What was asked before this life began was promised to the former one.
    guard stamp >= bornAt else {
      counters.otherLife += 1
      return
    }
    counters.heartbeatAnswers += 1
    let time = now
    let until = (settings.breaks(.promiseFromReceipt) ? now : stamp) &+ settings.hold
    let before = peers[from.host]
    peers.update(from.host) {
      if let heard = $0.heard, heard.life == life {
        guard series >= heard.series else { return }
        let kept = series > heard.series ? 0 : heard.until
        $0.heard = Peer.Heard(life: life, series: series, until: max(kept, until))
      } else {
        $0.heard = Peer.Heard(life: life, series: series, until: until)
      }
      $0.answeredAt = time
    }
    // A promise that only goes on changes nothing now; what it changes later is looked at when the earlier one ends.
    if let before, let heard = before.heard, heard.life == life, heard.series == series, heard.until > time,
      time < before.answeredAt &+ settings.out
    {
      return
    }
    for index in replicas.indices where replicas[index].others.contains(where: { $0.member.host == from.host }) {
      touched.append(index)
    }
  }

  private mutating func send(_ message: HeartbeatMessage, to host: HostID, _ effects: inout ShardEffects) {
    guard
      let range = effects.buffer.append(maximum: HeartbeatMessage.sizeLimit, { message.write(into: &$0) })
    else {
      counters.messagesNotSent += 1
      return
    }
    effects.heartbeats.append(ShardEffects.Heartbeat(to: host, message: range))
  }

  /// One HEARTBEAT to the present life of a host.
  mutating func sendHeartbeat(to host: HostID, _ effects: inout ShardEffects) {
    guard let life = peers.life(of: host) else { return }
    counters.heartbeatsSent += 1
    send(HeartbeatMessage.heartbeat(toLife: life, stamp: now), to: host, &effects)
  }

  /// Every host with which this one shares a shard that it owns, sorted.
  private func heartbeatHosts() -> [HostID] {
    var hosts: [HostID] = []
    for index in replicas.indices where isOwner(index) {
      for other in replicas[index].others { hosts.append(other.member.host) }
    }
    hosts.sort()
    var unique: [HostID] = []
    for host in hosts where unique.last != host { unique.append(host) }
    return unique
  }

  mutating func beat(_ effects: inout ShardEffects) {
    heartbeatArmed = false
    let isRound = now >= beatenAt &+ settings.heartbeatPeriod
    for host in heartbeatHosts() where isRound || isUnanswered(host) { sendHeartbeat(to: host, &effects) }
    guard isRound else { return }
    beatenAt = now
    wantLinks(&effects)
  }

  /// The last heartbeat or its answer may be lost. It is repeated soon: `out` has room for one period only, and a
  /// single lost datagram must not drop a member. Who was silent for long is asked in the rounds alone.
  private func isUnanswered(_ host: HostID) -> Bool {
    guard let answeredAt = peers[host]?.answeredAt else { return false }
    return answeredAt < beatenAt && now < answeredAt &+ settings.hold
  }

  /// Beats as long as this host has anything to do with a shard: links follow the beat too.
  mutating func armHeartbeats(_ effects: inout ShardEffects) {
    guard !heartbeatArmed, !replicas.isEmpty || sets.isVoter(me.host) else { return }
    heartbeatArmed = true
    let round = max(beatenAt &+ settings.heartbeatPeriod, now)
    let repetition = now &+ settings.heartbeatPeriod / 3
    let at = heartbeatHosts().contains { isUnanswered($0) } ? min(round, repetition) : round
    effects.deadlines.append(Deadline(at: at, timer: Timer(kind: TimerKind.heartbeat)))
    if linksWanted.isEmpty { wantLinks(&effects) }
  }

  /// Withdraws the promise to a host, before anything is asked for; once for all shards of a turn.
  mutating func withdraw(from host: HostID) {
    guard !raised.contains(host), !settings.breaks(.seriesMissing) else { return }
    raised.append(host)
    peers.update(host) { $0.series &+= 1 }
  }
}
