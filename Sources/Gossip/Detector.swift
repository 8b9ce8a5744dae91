import Wire

/// The failure detector: who is asked when, and what follows from the answers (`gossip.md` 5.5).
extension Membership {
  /// Relayed-only rounds in a row that make an observer say so.
  private static let oneWayRounds: UInt8 = 3

  var fingerprint: Message.Fingerprint {
    Message.Fingerprint(root: table.digest.root, live: UInt16(clamping: table.liveCount))
  }

  /// Tenths of a second since our table last changed.
  func settled(_ now: Now) -> UInt8 {
    UInt8(clamping: (now.monotonic &- settledSince) / Span.milliseconds(100))
  }

  // MARK: The round

  /// Ends the last question and asks the next one.
  mutating func probeTick(_ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running else { return }
    if let probe, now.monotonic < probe.deadline {
      // A stall of ours has moved it.
      timers.arm(.probe, at: probe.deadline, into: &effects)
      return
    }
    if let ended = probe {
      probe = nil
      finish(ended, now, into: &effects)
    }
    let period = chance.jittered(health.stretched(settings.probeInterval), by: 0.1)
    if let slot = order.next(in: table, &chance) {
      probe = ask(slot, within: period, confirming: false, now, into: &effects)
    }
    timers.arm(.probe, at: now.monotonic &+ period, into: &effects)
  }

  private mutating func ask(
    _ slot: Int, within period: UInt64, confirming: Bool, _ now: Now, into effects: inout MembershipEffects
  ) -> Probe {
    sequence &+= 1
    let probe = Probe(
      slot: slot, host: table[slot].host, sequence: sequence, sentAt: now.monotonic,
      deadline: now.monotonic &+ period)
    ping(slot, sequence, now, into: &effects)
    timers.arm(
      confirming ? .confirmationDirectTimeout : .directTimeout,
      at: now.monotonic &+ min(directTimeout(of: slot), period * 3 / 4), into: &effects)
    if hasFewHelpers(slot) {
      timers.arm(
        confirming ? .confirmationRepeat : .repeatPing, at: now.monotonic &+ period / 3, into: &effects)
    }
    return probe
  }

  /// 4 × the 99th percentile of what this host has needed so far, within bounds.
  private func directTimeout(of slot: Int) -> UInt64 {
    let usual = table[slot].roundTrip.isKnown ? 4 * table[slot].roundTrip.high : settings.directTimeoutCap
    return health.stretchedHalf(min(settings.directTimeoutCap, max(settings.directTimeoutFloor, usual)))
  }

  /// With fewer than three others to ask, the loss of one packet would weigh too much: the ping itself is repeated at
  /// a third and two thirds of the period.
  private func hasFewHelpers(_ slot: Int) -> Bool {
    table.live.count - (table[slot].status.isLive ? 1 : 0) < Limits.helpers
  }

  mutating func ping(_ slot: Int, _ sequence: UInt32, _ now: Now, into effects: inout MembershipEffects) {
    counters.pings &+= 1
    send(to: table[slot].host, at: table[slot].record.endpoint, into: &effects) { membership, writer in
      Message.ping(
        Message.Ping(
          sequence: sequence, incarnation: membership.own.incarnation, fingerprint: membership.fingerprint,
          settled: membership.settled(now), health: UInt8(membership.health.score))
      ).write(into: &writer)
      membership.pack(&writer, for: slot, loads: Membership.loadsPerPing, now)
    }
  }

  private func question(confirming: Bool) -> Probe? { confirming ? confirmation : probe }

  private mutating func withQuestion(confirming: Bool, _ body: (inout Probe) -> Void) {
    if confirming {
      if confirmation != nil { body(&confirmation!) }
    } else if probe != nil {
      body(&probe!)
    }
  }

  /// The question is still about the member that it was put to.
  private func stands(_ probe: Probe) -> Bool {
    table.isUsed(probe.slot) && table[probe.slot].host == probe.host && table[probe.slot].status.isLive
  }

  mutating func repeatPing(confirming: Bool, _ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running, let asked = question(confirming: confirming), asked.answer == .none, stands(asked),
      asked.pings < 3
    else { return }
    withQuestion(confirming: confirming) { $0.repeated() }
    counters.pingsRepeated &+= 1
    ping(asked.slot, asked.sequence, now, into: &effects)
    let rest = asked.deadline > now.monotonic ? asked.deadline - now.monotonic : 0
    // The first of two: half of what is left is the second third.
    if asked.pings == 1 {
      timers.arm(confirming ? .confirmationRepeat : .repeatPing, at: now.monotonic &+ rest / 2, into: &effects)
    }
  }

  mutating func directTimeout(confirming: Bool, _ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running, let asked = question(confirming: confirming), asked.answer == .none, stands(asked),
      asked.deadline > now.monotonic
    else { return }
    let milliseconds = (asked.deadline - now.monotonic) / Span.milliseconds(1)
    for helper in chooseHelpers(for: asked.slot) {
      let name = table[helper].host
      withQuestion(confirming: confirming) { $0.asked(name) }
      counters.helpersAsked &+= 1
      send(to: table[helper].host, at: table[helper].record.endpoint, into: &effects) { _, writer in
        Message.pingRequest(
          sequence: asked.sequence, target: asked.host,
          milliseconds: UInt32(min(milliseconds, UInt64(Message.longestWait)))
        ).write(into: &writer)
      }
    }
  }

  /// Three others, of twice as many by chance those that are least burdened.
  private mutating func chooseHelpers(for slot: Int) -> ArraySlice<Int> {
    table.sample(2 * Limits.helpers, excluding: slot, &chance, into: &chosen)
    let burdens = chosen.map { burden(of: $0) }
    let best = chosen.indices.sorted { burdens[$0] != burdens[$1] ? burdens[$0] < burdens[$1] : $0 < $1 }
    return best.map { chosen[$0] }.prefix(Limits.helpers)
  }

  private func burden(of slot: Int) -> Int {
    // 64 = 8 octaves above 1 ms: a loop that is a quarter of a second late.
    let lag = loads[slot].map { $0.record.loopLag >= 64 ? 4 : 0 } ?? 0
    return Int(table[slot].health) + lag + (table[slot].status == .suspect ? 8 : 0)
  }

  // MARK: Answers

  mutating func pinged(
    _ ping: Message.Ping, by host: HostID, at endpoint: Endpoint, weAreDoubted: Bool, _ now: Now,
    into effects: inout MembershipEffects
  ) {
    let slot = table.slot(of: host)
    if let slot { table.note(slot) { $0.health = min(ping.health, UInt8(LocalHealth.worst)) } }
    compareLives(of: host, slot, ping.incarnation, at: endpoint, now, into: &effects)
    send(to: host, at: endpoint, into: &effects) { membership, writer in
      Message.ack(
        Message.Ack(
          sequence: ping.sequence, isLeaving: membership.phase == .leaving, isRelayed: false,
          incarnation: membership.own.incarnation, fingerprint: membership.fingerprint,
          settled: membership.settled(now))
      ).write(into: &writer)
      if weAreDoubted || membership.phase == .leaving {
        _ = membership.writeState(of: MemberTable.own, now, into: &writer)
      }
      membership.pack(&writer, for: slot, loads: Membership.loadsPerPing, now)
    }
  }

  /// The sender has an incarnation whose record has not come here: ask it. Or it has a smaller one than it is known by:
  /// it has forgotten, or a second process lives with its key. Rumours leave out what the receiver must know, so it hears
  /// of that from nobody else.
  private mutating func compareLives(
    of host: HostID, _ slot: Int?, _ incarnation: Incarnation, at endpoint: Endpoint?, _ now: Now,
    into effects: inout MembershipEffects
  ) {
    if let slot, table[slot].incarnation == incarnation { return }
    if let slot, table[slot].incarnation > incarnation {
      tellHeld(slot, at: endpoint, now, into: &effects)
    } else {
      want(host, version: 0, from: host, now, into: &effects)
    }
  }

  mutating func acked(_ ack: Message.Ack, by host: HostID, _ now: Now, into effects: inout MembershipEffects) {
    if !ack.isRelayed {
      compareLives(of: host, table.slot(of: host), ack.incarnation, at: nil, now, into: &effects)
      compareRoots(ack, with: host, now, into: &effects)
    }
    for confirming in [false, true] {
      guard let asked = question(confirming: confirming), asked.sequence == ack.sequence else { continue }
      var counts = false
      withQuestion(confirming: confirming) { counts = $0.acked(by: host, relayed: ack.isRelayed) }
      guard counts else { break }
      if !ack.isRelayed, asked.answer != .direct, stands(asked) { reached(asked, now) }
      return
    }
    if !ack.isRelayed, relay(ack, from: host, now, into: &effects) { return }
    counters.acksUnexpected &+= 1
  }

  /// A direct answer.
  private mutating func reached(_ probe: Probe, _ now: Now) {
    table.note(probe.slot) {
      if probe.pings == 1, now.monotonic > probe.sentAt { $0.roundTrip.measured(now.monotonic - probe.sentAt) }
      $0.oneWayRounds = 0
    }
  }

  mutating func refused(_ sequence: UInt32, by host: HostID) {
    for confirming in [false, true] where question(confirming: confirming)?.sequence == sequence {
      var counts = false
      withQuestion(confirming: confirming) { counts = $0.refused(by: host) }
      if counts { return }
    }
    counters.acksUnexpected &+= 1
  }

  /// The deadline of a question: suspicion only now, after helpers were asked.
  private mutating func finish(_ probe: Probe, _ now: Now, into effects: inout MembershipEffects) {
    if stands(probe) {
      table.note(probe.slot) { $0.losses.add(lost: probe.answer != .direct || probe.pings > 1) }
    }
    switch probe.answer {
    case .direct:
      health.probeSucceeded()
      health.reached(livingHost: probe.pings == 1)
    case .throughHelper:
      health.probeSucceeded()
      health.reached(livingHost: false)
      if stands(probe) { reachedThroughHelper(probe.slot, now, into: &effects) }
    case .none:
      health.probeFailed(helpersAsked: probe.helpersAsked, nacks: probe.nacks)
      guard stands(probe) else { return }
      counters.probesFailed &+= 1
      if suspicions[probe.slot]?.accusations.contains(host) != true {
        accuse(probe.slot, ownAccusation(of: probe.slot), now, into: &effects)
      }
    }
  }

  // MARK: Confirmation

  /// Others suspect a host. With probability 3 (K + 1) / live we ask it ourselves, at once and beside the round, so
  /// that about three confirm or refute whatever the size of the mesh.
  mutating func maybeConfirm(_ slot: Int, _ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running, confirmation == nil, probe?.slot != slot else { return }
    let live = table.liveCount
    let probability = Double(3 * (MembershipSettings.confirmations(live: live) + 1)) / Double(live)
    guard chance.happens(probability) else { return }
    beginConfirmation(of: slot, now, into: &effects)
  }

  private mutating func beginConfirmation(of slot: Int, _ now: Now, into effects: inout MembershipEffects) {
    let period = health.stretched(settings.probeInterval)
    confirmation = ask(slot, within: period, confirming: true, now, into: &effects)
    timers.arm(.confirmationTimeout, at: now.monotonic &+ period, into: &effects)
  }

  mutating func confirmationTimeout(_ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running, let ended = confirmation else { return }
    if now.monotonic < ended.deadline {
      timers.arm(.confirmationTimeout, at: ended.deadline, into: &effects)
      return
    }
    confirmation = nil
    finish(ended, now, into: &effects)
  }

  // MARK: One way

  /// It lives, but we do not hear it: after three times in a row others should know. To be sure soon, it is asked again
  /// at once when nothing else is being confirmed.
  private mutating func reachedThroughHelper(_ slot: Int, _ now: Now, into effects: inout MembershipEffects) {
    let rounds = min(table[slot].oneWayRounds + 1, Membership.oneWayRounds)
    table.note(slot) { $0.oneWayRounds = rounds }
    if rounds == Membership.oneWayRounds {
      markOneWay(slot, now, into: &effects)
    } else if confirmation == nil {
      beginConfirmation(of: slot, now, into: &effects)
    }
  }
}
