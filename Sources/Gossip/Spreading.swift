import Wire

/// How news travels: what goes into a packet and in which share of it, and the gossip tick.
extension Membership {
  /// Membership takes at most 60 % of a packet before load has had its turn, so that neither starves the other.
  private static let membershipShare = Limits.message * 60 / 100
  /// Rumours looked at per packet after one did not fit: a smaller one may.
  private static let misfits = 8
  static let loadsPerPing = 32
  static let loadsPerPacket = 40

  private static let gossipFanout = 3
  /// More packets per tick while many rumours wait.
  private static let busyFanout = 6
  private static let busyAbove = 64

  // MARK: Sending

  /// Writes one message and says to whom it goes.
  mutating func send(
    to host: HostID, at endpoint: Endpoint?, into effects: inout MembershipEffects,
    _ write: (inout Membership, inout Writer) -> Void
  ) {
    guard let range = effects.buffer.append(maximum: Limits.message, { write(&self, &$0) }) else {
      counters.messagesNotSent &+= 1
      return
    }
    let known = endpoint == .unspecified ? nil : endpoint
    effects.sends.append(MembershipEffects.Send(to: host, at: known, message: range))
    counters.messagesSent &+= 1
    counters.bytesSent &+= UInt64(range.count)
  }

  /// Our own record, alone.
  mutating func sendSelf(to host: HostID, at endpoint: Endpoint?, _ now: Now, into effects: inout MembershipEffects) {
    guard own.endpoint != .unspecified else { return }
    send(to: host, at: endpoint, into: &effects) { membership, writer in
      Message.gossip.write(into: &writer)
      _ = membership.writeState(of: MemberTable.own, now, into: &writer)
    }
  }

  // MARK: Packing

  /// Fills what is left of a packet: the receiver's own accusation first (buddy system), then rumours up to their
  /// share, load, and rumours again where load has left room.
  mutating func pack(_ writer: inout Writer, for target: Int?, loads: Int, _ now: Now) {
    if let target, table[target].status == .suspect { _ = writeState(of: target, now, into: &writer) }
    packed.removeAll(keepingCapacity: true)
    var cursor = Rumours.Cursor()
    packRumours(&writer, upTo: Membership.membershipShare, for: target, &cursor, now)
    marks.pack(&writer, upTo: Membership.membershipShare)
    if loads > 0 { packLoads(&writer, for: target, atMost: loads, now) }
    packRumours(&writer, upTo: Limits.message, for: target, &cursor, now)
    if !packed.isEmpty { rumours.sent(packed, limit: MembershipSettings.retransmits(live: table.liveCount)) }
  }

  private mutating func packRumours(
    _ writer: inout Writer, upTo limit: Int, for target: Int?, _ cursor: inout Rumours.Cursor, _ now: Now
  ) {
    guard !rumours.isEmpty else { return }
    var misfits = 0
    while misfits < Membership.misfits, writer.count + Membership.smallestState <= limit {
      var ahead = cursor
      guard let slot = rumours.next(&ahead) else { return }
      let before = writer.count
      if slot == target {
        // It knows, and its own accusation is in the packet already.
      } else if writeState(of: slot, now, into: &writer), writer.count <= limit {
        packed.append(UInt32(slot))
      } else {
        writer.truncate(to: before)
        misfits += 1
        // In the second pass, with the load written, it may fit: go on from here then.
        if limit < Limits.message { return }
      }
      cursor = ahead
    }
  }

  /// Below this nothing that `writeState` writes can fit.
  private static let smallestState = 80

  /// What is news of a member, in its present status. False when it does not fit.
  func writeState(of slot: Int, _ now: Now, into writer: inout Writer) -> Bool {
    let host = table[slot].host
    switch table[slot].status {
    case .alive:
      // Our own record is not signed before the endpoint is known.
      guard table[slot].record.endpoint != .unspecified else { return false }
      Item.alive(table[slot].record, table[slot].signature).write(into: &writer)
    case .suspect:
      guard let accusations = suspicions[slot]?.accusations, accusations.count > 0 else { return false }
      // The accusations take turns, so that all of them get around.
      let accusation = accusations[rumours.timesSent(slot) % accusations.count]
      Item.suspect(
        Item.Suspect(
          subject: host, incarnation: table[slot].incarnation, accuser: accusation.accuser,
          signature: accusation.signature)
      ).write(into: &writer)
    case .dead:
      guard let death = death(of: slot, now) else { return false }
      Item.dead(death).write(into: &writer)
    case .left:
      writeGoodbye(of: slot, now, into: &writer)
    case .revoked:
      return writeRevocation(of: host, into: &writer)
    }
    return !writer.overflowed
  }

  /// All that somebody who has never heard of a member needs, besides its metadata.
  func writeWhole(_ slot: Int, _ now: Now, into writer: inout Writer) -> Bool {
    switch table[slot].status {
    case .alive, .suspect:
      guard table[slot].record.endpoint != .unspecified else { return false }
      Item.alive(table[slot].record, table[slot].signature).write(into: &writer)
    case .dead:
      guard let death = death(of: slot, now) else { return false }
      Item.obituary(table[slot].record, table[slot].signature, death).write(into: &writer)
    case .left:
      writeGoodbye(of: slot, now, into: &writer)
    case .revoked:
      return writeRevocation(of: table[slot].host, into: &writer)
    }
    return !writer.overflowed
  }

  private func writeGoodbye(of slot: Int, _ now: Now, into writer: inout Writer) {
    Item.left(
      Item.Goodbye(
        subject: table[slot].host, incarnation: table[slot].incarnation,
        age: Tombstone.minutes(since: table[slot].since, at: now), signature: table[slot].signature)
    ).write(into: &writer)
  }

  private func death(of slot: Int, _ now: Now) -> Item.Death? {
    guard let accusations = suspicions[slot]?.accusations, accusations.count > 0 else { return nil }
    return Item.Death(
      subject: table[slot].host, incarnation: table[slot].incarnation,
      age: Tombstone.minutes(since: table[slot].since, at: now), accusations: accusations)
  }

  // MARK: The tick

  /// A member's state is news.
  mutating func spread(_ slot: Int, _ now: Now, into effects: inout MembershipEffects) {
    rumours.add(slot, urgent: table[slot].status == .revoked)
    wakeGossip(now, into: &effects)
  }

  /// The tick runs only while there is something to say and somebody to say it to. After a rest it begins soon, but not
  /// at once: what belongs together should travel together.
  mutating func wakeGossip(_ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running || phase == .leaving, !timers.isArmed(.gossip), !table.live.isEmpty,
      !rumours.isEmpty || marks.hasNews
    else { return }
    let soon = now.monotonic &+ chance.jittered(settings.gossipInterval / 10, by: 0.5)
    timers.arm(.gossip, at: max(soon, lastGossip &+ settings.gossipInterval), into: &effects)
  }

  mutating func gossipTick(_ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running || phase == .leaving else { return }
    lastGossip = now.monotonic
    let packets = rumours.count > Membership.busyAbove ? Membership.busyFanout : Membership.gossipFanout
    table.sample(packets, &chance, into: &chosen)
    for slot in chosen where !rumours.isEmpty || marks.hasNews { gossip(to: slot, now, into: &effects) }
    guard !rumours.isEmpty || marks.hasNews, !table.live.isEmpty else { return }
    timers.arm(.gossip, at: now.monotonic &+ settings.gossipInterval, into: &effects)
  }

  mutating func gossip(to slot: Int, _ now: Now, into effects: inout MembershipEffects) {
    send(to: table[slot].host, at: table[slot].record.endpoint, into: &effects) { membership, writer in
      Message.gossip.write(into: &writer)
      membership.pack(&writer, for: slot, loads: Membership.loadsPerPacket, now)
    }
  }
}
