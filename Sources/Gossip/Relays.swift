import Wire

/// Pings that we send because another host asked us to help.
struct Relays {
  struct Relay {
    let asker: HostID
    let askerEndpoint: Endpoint
    let askerSequence: UInt32
    let target: HostID
    /// Ours.
    let sequence: UInt32
    /// 80 % of the time that the asker has: the nack must arrive before its deadline.
    var nackAt: UInt64
    /// Answers are passed on a little longer than they are of use.
    var endsAt: UInt64
  }

  private var relays: ContiguousArray<Relay> = []

  var count: Int { relays.count }

  /// False when we help with as much as we can.
  mutating func add(_ relay: Relay, at now: UInt64) -> Bool {
    relays.removeAll { $0.endsAt <= now }
    guard relays.count < Limits.relays else { return false }
    relays.append(relay)
    return true
  }

  func waiting(_ sequence: UInt32) -> Relay? { relays.first { $0.sequence == sequence } }

  /// The one that this answer belongs to.
  mutating func take(_ sequence: UInt32, from target: HostID, at now: UInt64) -> Relay? {
    guard let position = relays.firstIndex(where: { $0.sequence == sequence && $0.target == target }),
      relays[position].endsAt > now
    else { return nil }
    return relays.remove(at: position)
  }

  mutating func postpone(_ span: UInt64) {
    for position in relays.indices {
      relays[position].nackAt &+= span
      relays[position].endsAt &+= span
    }
  }
}

extension Membership {
  mutating func askedToHelp(
    _ askerSequence: UInt32, _ target: HostID, _ milliseconds: UInt32, for asker: HostID, at endpoint: Endpoint,
    _ now: Now, into effects: inout MembershipEffects
  ) {
    guard phase == .running, target != host, let slot = table.slot(of: target), table[slot].status != .revoked,
      table[slot].status != .left
    else {
      refuse(askerSequence, .unknownTarget, asker, endpoint, into: &effects)
      return
    }
    sequence &+= 1
    let span = Span.milliseconds(UInt64(milliseconds))
    let relay = Relays.Relay(
      asker: asker, askerEndpoint: endpoint, askerSequence: askerSequence, target: target, sequence: sequence,
      nackAt: now.monotonic &+ (settings.breaks(.lateNacks) ? span : span * 4 / 5), endsAt: now.monotonic &+ span * 2)
    guard relays.add(relay, at: now.monotonic) else {
      counters.relaysRefused &+= 1
      refuse(askerSequence, .busy, asker, endpoint, into: &effects)
      return
    }
    ping(slot, relay.sequence, now, into: &effects)
    armNack(relay, into: &effects)
  }

  private mutating func armNack(_ relay: Relays.Relay, into effects: inout MembershipEffects) {
    effects.deadlines.append(
      Deadline(at: relay.nackAt, timer: Timer(kind: TimerKind.relay.rawValue, token: relay.sequence)))
  }

  mutating func relayDue(_ sequence: UInt32, now: Now, into effects: inout MembershipEffects) {
    guard phase == .running, let relay = relays.waiting(sequence) else { return }
    guard now.monotonic >= relay.nackAt else {
      armNack(relay, into: &effects)
      return
    }
    refuse(relay.askerSequence, .silent, relay.asker, relay.askerEndpoint, into: &effects)
  }

  private mutating func refuse(
    _ sequence: UInt32, _ reason: Message.Refusal, _ asker: HostID, _ endpoint: Endpoint,
    into effects: inout MembershipEffects
  ) {
    send(to: asker, at: endpoint, into: &effects) { _, writer in
      Message.nack(sequence: sequence, reason).write(into: &writer)
    }
  }

  /// Passes an answer on to the host that asked for it. False when nobody did.
  mutating func relay(_ ack: Message.Ack, from target: HostID, _ now: Now, into effects: inout MembershipEffects)
    -> Bool
  {
    guard let relay = relays.take(ack.sequence, from: target, at: now.monotonic) else { return false }
    var relayed = ack
    relayed.sequence = relay.askerSequence
    relayed.isRelayed = true
    send(to: relay.asker, at: relay.askerEndpoint, into: &effects) { _, writer in
      Message.ack(relayed).write(into: &writer)
    }
    return true
  }
}
