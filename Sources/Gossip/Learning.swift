import Wire

/// What hosts say of themselves: alive and left. The order of (incarnation, status) is decided here, first against what
/// is held, which costs nothing, and only then against the signature.
extension Membership {
  mutating func learnAlive(
    _ record: SelfRecord, _ signature: Signature, from source: Source, _ now: Now,
    into effects: inout MembershipEffects
  ) {
    guard let slot = table.slot(of: record.host) else {
      learnNewcomer(record, signature, from: source, now, into: &effects)
      return
    }
    let held = table[slot].incarnation
    guard record.incarnation > held else {
      if record.incarnation < held { counters.stale &+= 1 } else { counters.duplicates &+= 1 }
      if record.incarnation == held, settings.breaks(.requeuedWithoutChange) { spread(slot, now, into: &effects) }
      if slot == MemberTable.own {
        meetTwin(record, signature, from: source, now, into: &effects)
      } else if source.host == record.host, record != table[slot].record, record.incarnation == held {
        // Two lives that began in one second. It hears of the other, and passes it by.
        tellHeld(slot, at: nil, now, into: &effects)
      }
      return
    }
    if slot == MemberTable.own {
      guard record.incarnation > own.foreign, isSigned(record, signature, from: source, now, into: &effects) == .valid
      else { return }
      meetOtherLife(record, now: now, into: &effects)
      return
    }
    guard mayRise(slot, to: record.incarnation), !sharesGrave(record),
      isSigned(record, signature, from: source, now, into: &effects) == .valid
    else { return }
    adopt(record, signature, at: slot, from: source, now, into: &effects)
  }

  /// Our own record in our own incarnation, but not the one that we wrote: a twin began in the same second.
  private mutating func meetTwin(
    _ record: SelfRecord, _ signature: Signature, from source: Source, _ now: Now,
    into effects: inout MembershipEffects
  ) {
    guard record.incarnation == own.incarnation, record != ownMember.record, record.incarnation > own.foreign,
      isSigned(record, signature, from: source, now, into: &effects) == .valid
    else { return }
    meetOtherLife(record, now: now, into: &effects)
  }

  private mutating func isSigned(
    _ record: SelfRecord, _ signature: Signature, from source: Source, _ now: Now,
    into effects: inout MembershipEffects
  ) -> Verdict {
    judge(from: source, now, into: &effects) { signer in
      SignedBody.selfRecord(record) { signer.verify(signature, .selfRecord, $0, by: record.host) }
    }
  }

  /// Expulsion is final, and from a grave (goodbye, or a death long past) only a greater generation rises.
  private mutating func mayRise(_ slot: Int, to incarnation: Incarnation) -> Bool {
    let status = table[slot].status
    if status == .revoked || status == .dead && settings.breaks(.deathIsFinal) { return false }
    if status == .left || table[slot].isBuried, incarnation.generation <= table[slot].incarnation.generation {
      counters.stale &+= 1
      return false
    }
    return true
  }

  /// Never, unless the simulator asks for this bug: somebody else died at the same address.
  private func sharesGrave(_ record: SelfRecord) -> Bool {
    settings.breaks(.tombstonesByAddress)
      && table.members.contains {
        $0.status == .dead && $0.record.endpoint == record.endpoint && $0.host != record.host
      }
  }

  /// A host that is not in the table. Without its metadata there is no key to check the record with: it waits while the
  /// forwarder is asked.
  private mutating func learnNewcomer(
    _ record: SelfRecord, _ signature: Signature, from source: Source, _ now: Now,
    into effects: inout MembershipEffects
  ) {
    guard mayEnter(record.host, version: record.metadataVersion, from: source, now, into: &effects),
      isSigned(record, signature, from: source, now, into: &effects) == .valid
    else { return }
    let member = Member(record: record, signature: signature, status: .alive, since: now.monotonic)
    guard let slot = enter(member) else { return }
    awaited.settled(record.host, version: signer.metadataVersion(of: record.host) ?? 0)
    becameAlive(slot, restarted: false, now, into: &effects)
    wantNewerMetadata(of: slot, from: source, now, into: &effects)
    if source.kind != .roster { spread(slot, now, into: &effects) }
  }

  /// The gate of the table: known key, room, pace.
  mutating func mayEnter(
    _ host: HostID, version: UInt64, from source: Source, _ now: Now, into effects: inout MembershipEffects
  ) -> Bool {
    if signer.isRevoked(host) {
      counters.fromRevoked &+= 1
      return false
    }
    guard signer.metadataVersion(of: host) != nil else {
      want(host, version: version, from: source.host, now, into: &effects)
      return false
    }
    guard table.count < Limits.members else {
      counters.tableFull &+= 1
      return false
    }
    guard source.kind == .roster || limits.newMembers.take(at: now.monotonic) else {
      counters.newMembersRefused &+= 1
      return false
    }
    return true
  }

  mutating func enter(_ member: Member) -> Int? {
    guard let slot = table.insert(member) else {
      counters.tableFull &+= 1
      return nil
    }
    return slot
  }

  /// A greater incarnation of a known host.
  mutating func adopt(
    _ record: SelfRecord, _ signature: Signature, at slot: Int, from source: Source, _ now: Now,
    into effects: inout MembershipEffects
  ) {
    let before = table[slot].status
    let movedFrom = table[slot].record.endpoint
    let restarted = record.incarnation.generation > table[slot].incarnation.generation
    suspicions[slot] = nil
    if settings.breaks(.digestMissesChanges) { table.note(slot) { $0.record = record } }
    table.update(slot) {
      $0.record = record
      $0.signature = signature
      $0.status = .alive
      $0.isBuried = false
      if before != .alive || restarted { $0.since = now.monotonic }
    }
    if movedFrom != record.endpoint {
      table.note(slot) {
        $0.roundTrip = RoundTrip()
        $0.losses = LossHistory()
      }
      effects.events.append(.endpointChanged(record.host, record.endpoint))
    }
    switch before {
    case .alive where !restarted:
      break
    case .suspect where !restarted:
      stability.alive(slot, at: now.monotonic)
      effects.events.append(.refuted(record.host))
    case .alive, .suspect:
      // A new life under the old one's name: whoever counted on the old one must hear that it ended.
      stability.gone(slot, died: true, at: now.monotonic)
      becameAlive(slot, restarted: true, now, into: &effects)
    case .dead, .left, .revoked:
      becameAlive(slot, restarted: restarted, now, into: &effects)
      reunited(with: slot, now, into: &effects)
    }
    awaited.settled(record.host, version: signer.metadataVersion(of: record.host) ?? 0)
    wantNewerMetadata(of: slot, from: source, now, into: &effects)
    spread(slot, now, into: &effects)
  }

  /// A host has come, or come back.
  private mutating func becameAlive(
    _ slot: Int, restarted: Bool, _ now: Now, into effects: inout MembershipEffects
  ) {
    if restarted { loads.forget(slot) }
    order.insert(slot, &chance)
    stability.alive(slot, at: settings.breaks(.holdDownMissing) ? 0 : now.monotonic)
    effects.events.append(.alive(table[slot].host, table[slot].incarnation))
    // Rumours may have waited for somebody to tell them to.
    wakeGossip(now, into: &effects)
    metSomebody(table[slot].host, now, into: &effects)
  }

  mutating func learnGoodbye(
    _ goodbye: Item.Goodbye, from source: Source, _ now: Now, into effects: inout MembershipEffects
  ) {
    func isSigned(_ signer: any RecordSigner) -> RecordVerdict {
      SignedBody.goodbye(goodbye.subject, goodbye.incarnation) {
        signer.verify(goodbye.signature, .selfRecord, $0, by: goodbye.subject)
      }
    }
    guard let slot = table.slot(of: goodbye.subject) else {
      guard !Tombstone.isBuried(.left, age: Tombstone.age(minutes: goodbye.age)),
        mayEnter(goodbye.subject, version: 0, from: source, now, into: &effects),
        judge(from: source, now, into: &effects, isSigned) == .valid
      else { return }
      let record = SelfRecord(
        host: goodbye.subject, incarnation: goodbye.incarnation, endpoint: .unspecified,
        metadataVersion: signer.metadataVersion(of: goodbye.subject) ?? 0, roles: [])
      let since = Tombstone.since(minutes: goodbye.age, at: now)
      if let slot = enter(Member(record: record, signature: goodbye.signature, status: .left, since: since)) {
        awaited.settled(goodbye.subject, version: .max)
        if source.kind != .roster { spread(slot, now, into: &effects) }
      }
      return
    }
    let held = table[slot]
    guard goodbye.incarnation > held.incarnation || (goodbye.incarnation == held.incarnation && held.status < .left),
      held.status != .revoked
    else {
      counters.duplicates &+= 1
      return
    }
    if slot == MemberTable.own {
      guard goodbye.incarnation > own.foreign, judge(from: source, now, into: &effects, isSigned) == .valid
      else { return }
      meetGoodbyeOfOurs(goodbye.incarnation, now: now, into: &effects)
      return
    }
    guard mayRise(slot, to: goodbye.incarnation), judge(from: source, now, into: &effects, isSigned) == .valid
    else { return }
    suspicions[slot] = nil
    table.update(slot) {
      $0.record.incarnation = goodbye.incarnation
      $0.signature = goodbye.signature
      $0.status = .left
      $0.isBuried = false
      $0.since = now.monotonic
    }
    stability.gone(slot, died: false, at: now.monotonic)
    effects.events.append(.left(goodbye.subject))
    spread(slot, now, into: &effects)
    lostSomebody(now, into: &effects)
  }
}
