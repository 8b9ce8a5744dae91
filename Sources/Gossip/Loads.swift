import Wire

/// The load that hosts tell each other: helps to choose helpers and fills screens, decides nothing (DESIGN 5.1).
extension Membership {
  /// Told again after this even when nothing has changed, so that a fresh value tells itself from a stale one.
  private static let loadRepeat = Span.seconds(5)

  mutating func setLoad(_ load: LoadRecord, now: Now, into effects: inout MembershipEffects) {
    own.load = load
    wakeLoads(now, into: &effects)
  }

  /// Load packets flow while we have something to tell or to pass on.
  private mutating func wakeLoads(_ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running, !timers.isArmed(.loadPackets) else { return }
    timers.arm(
      .loadPackets, at: now.monotonic &+ chance.below(settings.loadPacketInterval), into: &effects)
  }

  mutating func learnLoad(
    _ subject: HostID, _ news: Item.LoadNews, _ now: Now, into effects: inout MembershipEffects
  ) {
    guard let slot = table.slot(of: subject), slot != MemberTable.own, table[slot].status.isLive,
      news.life == UInt8(truncatingIfNeeded: table[slot].incarnation.generation)
    else { return }
    let age = UInt64(news.age) * Span.milliseconds(100)
    guard age <= settings.loadAgeLimit,
      loads.learn(
        news.record, sequence: news.sequence, life: news.life, age: age, of: slot, at: now.monotonic)
    else { return }
    if settings.breaks(.loadAsRumours) { spread(slot, now, into: &effects) }
    wakeLoads(now, into: &effects)
  }

  mutating func loadTick(_ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running else { return }
    tellOwnLoad(now)
    table.sample(settings.loadPacketsPerTick, &chance, into: &chosen)
    for slot in chosen where hasLoad(for: slot) {
      send(to: table[slot].host, at: table[slot].record.endpoint, into: &effects) { membership, writer in
        Message.gossip.write(into: &writer)
        membership.packLoads(&writer, for: slot, atMost: Membership.loadsPerPacket, now)
      }
      counters.loadPacketsSent &+= 1
      counters.loadBytesSent &+= 1  // the type of the message; the items count themselves
    }
    // With nobody's load known there is nothing to wait for.
    guard own.load != nil || loads.newestSlot != nil else { return }
    timers.arm(.loadPackets, at: now.monotonic &+ settings.loadPacketInterval, into: &effects)
  }

  private mutating func tellOwnLoad(_ now: Now) {
    guard let load = own.load else { return }
    if let told = loads[MemberTable.own] {
      let age = now.monotonic &- own.loadToldAt
      guard age >= Membership.loadRepeat || (age >= settings.loadInterval && load.differsMuch(from: told.record))
      else { return }
    }
    own.loadSequence &+= 1
    own.loadToldAt = now.monotonic
    _ = loads.learn(
      load, sequence: own.loadSequence, life: UInt8(truncatingIfNeeded: own.incarnation.generation), age: 0,
      of: MemberTable.own, at: now.monotonic)
  }

  /// Whether anything has come since this host was last offered load, other than its own.
  private func hasLoad(for slot: Int) -> Bool {
    guard var newest = loads.newestSlot else { return false }
    if newest == slot {
      guard let next = loads.slot(before: newest) else { return false }
      newest = next
    }
    return loads[newest].map { $0.arrived > table[slot].loadSent } ?? false
  }

  /// The newest entries that have come since the receiver was last offered any.
  mutating func packLoads(_ writer: inout Writer, for target: Int?, atMost limit: Int, _ now: Now) {
    let offered = target.map { table[$0].loadSent } ?? 0
    let before = writer.count
    var written = 0
    var next = loads.newestSlot
    while let slot = next, written < limit, let entry = loads[slot], entry.arrived > offered {
      next = loads.slot(before: slot)
      let age = now.monotonic &- entry.born
      if slot == target || age > settings.loadAgeLimit || !table[slot].status.isLive { continue }
      let start = writer.count
      Item.load(
        table[slot].host,
        Item.LoadNews(
          record: entry.record, sequence: entry.sequence, life: entry.life,
          age: UInt8(clamping: age / Span.milliseconds(100)))
      ).write(into: &writer)
      if writer.overflowed {
        writer.truncate(to: start)
        break
      }
      written += 1
    }
    guard written > 0, let target else { return }
    counters.loadBytesSent &+= UInt64(writer.count - before)
    table.note(target) { $0.loadSent = now.monotonic }
  }
}
