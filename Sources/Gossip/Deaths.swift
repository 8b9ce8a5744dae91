import Wire

/// What hosts say of others: suspicion, its end, and when a death is believed (DESIGN 5.3).
///
/// An accusation counts only for an incarnation that its subject has signed and that is held here, so nobody can be
/// accused of what it never claimed to be.
extension Membership {
  // MARK: Suspicions

  mutating func learnSuspect(
    _ suspect: Item.Suspect, from source: Source, _ now: Now, into effects: inout MembershipEffects
  ) {
    guard let slot = accused(suspect.subject, suspect.incarnation) else { return }
    if let known = suspicions[slot], known.accusations.contains(suspect.accuser) {
      counters.duplicates &+= 1
      return
    }
    guard
      let accusation = proven(
        suspect.subject, suspect.incarnation, by: suspect.accuser, suspect.signature, from: source, now, into: &effects)
    else { return }
    accuse(slot, accusation, now, into: &effects)
  }

  /// The living member that is meant.
  private mutating func accused(_ subject: HostID, _ incarnation: Incarnation) -> Int? {
    guard let slot = table.slot(of: subject) else {
      counters.unproven &+= 1
      return nil
    }
    if incarnation > table[slot].incarnation {
      counters.unproven &+= 1
      return nil
    }
    if incarnation < table[slot].incarnation || !table[slot].status.isLive {
      counters.stale &+= 1
      return nil
    }
    return slot
  }

  /// The accusation with its signature checked; `nil` when it does not count.
  private mutating func proven(
    _ subject: HostID, _ incarnation: Incarnation, by accuser: HostID, _ signature: Signature, from source: Source,
    _ now: Now, into effects: inout MembershipEffects
  ) -> Accusation? {
    // Ours come back to us; what we think of the subject now, we know ourselves.
    guard accuser != host, accuser != subject, !signer.isRevoked(accuser) else { return nil }
    let verdict = judge(from: source, now, into: &effects) { signer in
      SignedBody.accusation(of: subject, incarnation, by: accuser) {
        signer.verify(signature, .accusation, $0, by: accuser)
      }
    }
    if verdict == .unknown { counters.unproven &+= 1 }
    guard verdict == .valid else { return nil }
    return Accusation(accuser: accuser, contributor: signer.contributor(of: accuser), signature: signature)
  }

  /// Our own word against a host that did not answer.
  func ownAccusation(of slot: Int) -> Accusation {
    let signature = SignedBody.accusation(of: table[slot].host, table[slot].incarnation, by: host) {
      signer.sign(.accusation, $0)
    }
    return Accusation(accuser: host, contributor: signer.contributor(of: host), signature: signature)
  }

  /// Begins a suspicion of a living member, or confirms one.
  mutating func accuse(_ slot: Int, _ accusation: Accusation, _ now: Now, into effects: inout MembershipEffects) {
    guard suspicions[slot] == nil else {
      confirm(slot, accusation, now, into: &effects)
      return
    }
    var suspicion = Suspicion(start: now.monotonic, live: table.liveCount, loss: health.loss, settings: settings)
    _ = suspicion.accusations.add(accusation)
    suspicions[slot] = suspicion
    counters.suspicions &+= 1
    table.update(slot) {
      $0.status = .suspect
      $0.since = now.monotonic
    }
    stability.doubted(slot)
    effects.events.append(.suspected(table[slot].host, by: accusation.accuser))
    armSuspicion(slot, into: &effects)
    spread(slot, now, into: &effects)
    if accusation.accuser != host { maybeConfirm(slot, now, into: &effects) }
  }

  private mutating func confirm(
    _ slot: Int, _ accusation: Accusation, _ now: Now, into effects: inout MembershipEffects
  ) {
    guard let before = suspicions[slot]?.accusations.distinct,
      suspicions[slot]?.accusations.add(accusation) == true,
      let suspicion = suspicions[slot], suspicion.accusations.distinct > before
    else {
      counters.duplicates &+= 1
      return
    }
    armSuspicion(slot, into: &effects)
    // Every confirmation is news until there are as many as shorten the time.
    if suspicion.accusations.distinct - 1 <= suspicion.confirmations { spread(slot, now, into: &effects) }
  }

  /// A new life in this process: the timers of the old one are stale.
  mutating func rearmSuspicions(into effects: inout MembershipEffects) {
    for slot in 0..<table.slots where table.isUsed(slot) && table[slot].status == .suspect {
      armSuspicion(slot, into: &effects)
    }
  }

  private mutating func armSuspicion(_ slot: Int, into effects: inout MembershipEffects) {
    guard var suspicion = suspicions[slot] else { return }
    sequence &+= 1
    suspicion.token = sequence
    suspicions[slot] = suspicion
    effects.deadlines.append(
      Deadline(
        at: suspicion.deadline,
        timer: Timer(
          kind: TimerKind.suspicion.rawValue, subject: table[slot].host.rawValue, token: suspicion.token)))
  }

  mutating func suspicionDue(
    _ subject: HostID, token: UInt32, now: Now, into effects: inout MembershipEffects
  ) {
    guard phase == .running, let slot = table.slot(of: subject), table[slot].status == .suspect,
      let suspicion = suspicions[slot], suspicion.token == token || settings.breaks(.staleTimersObeyed)
    else {
      counters.timersLate &+= 1
      return
    }
    guard now.monotonic >= suspicion.deadline || settings.breaks(.staleTimersObeyed) else {
      // A stall of ours has moved it.
      armSuspicion(slot, into: &effects)
      return
    }
    // That it did not answer in time is our own testimony too.
    let testimony = ownAccusation(of: slot)
    _ = suspicions[slot]?.accusations.add(testimony)
    counters.deathsFound &+= 1
    declareDead(slot, now, into: &effects)
  }

  // MARK: Deaths

  private mutating func declareDead(_ slot: Int, _ now: Now, into effects: inout MembershipEffects) {
    table.update(slot) {
      $0.status = .dead
      $0.since = now.monotonic
    }
    stability.gone(slot, died: true, at: now.monotonic)
    effects.events.append(
      .dead(
        table[slot].host, table[slot].incarnation, accusers: suspicions[slot]?.accusations.accusers ?? []))
    spread(slot, now, into: &effects)
    lostSomebody(now, into: &effects)
  }

  /// A death that others have found. A rumour is believed when enough distinct accusers vouch for it and the subject
  /// has had time to answer us; otherwise, and always when it comes from an exchange of tables, it is an accusation: the
  /// subject is told and may refute, so that the merge after a partition evicts nobody who lives.
  mutating func learnDeath(
    _ death: Item.Death, from source: Source, _ now: Now, into effects: inout MembershipEffects
  ) {
    guard let slot = accused(death.subject, death.incarnation) else { return }
    let quorum = quorumOfRumour(about: slot, from: source, now)
    var vouched = suspicions[slot]?.accusations ?? Accusations()
    var news = Accusations()
    for position in 0..<death.accusations.count {
      let claimed = death.accusations[position]
      if vouched.contains(claimed.accuser) { continue }
      if let quorum, vouched.distinct >= quorum { break }
      guard
        let accusation = proven(
          death.subject, death.incarnation, by: claimed.accuser, claimed.signature, from: source, now, into: &effects)
      else { continue }
      _ = vouched.add(accusation)
      _ = news.add(accusation)
    }
    if let quorum, vouched.distinct >= quorum {
      suspicions[slot]?.accusations = vouched
      counters.deathsLearned &+= 1
      declareDead(slot, now, into: &effects)
      if settings.breaks(.leftWithoutTheSubject) { table.update(slot) { $0.status = .left } }
      return
    }
    guard news.count > 0 else { return }
    counters.deathsDoubted &+= 1
    for position in 0..<news.count { accuse(slot, news[position], now, into: &effects) }
    if source.kind == .sync || source.kind == .roster { tellDead(slot, now, into: &effects) }
  }

  /// How many accusers it takes to believe this death at once; `nil` when it is not to be believed yet.
  ///
  /// News of a suspicion runs ahead of that of the death by the time that a suspicion lasts. Whoever has not suspected
  /// the subject for half of the shortest one was cut off from those who found the death, and they perhaps from the
  /// subject: right after a partition was mended, rumours of that kind are about everybody.
  private func quorumOfRumour(about slot: Int, from source: Source, _ now: Now) -> Int? {
    guard source.kind == .rumour, let suspicion = suspicions[slot],
      now.monotonic &- suspicion.start >= suspicion.minimum / 2
    else { return nil }
    return settings.breaks(.quorumOfOne) ? 1 : MembershipSettings.quorum(live: table.liveCount)
  }

  /// A death together with the subject's own record: from exchanges of tables and rosters, where the receiver may never
  /// have heard of the subject.
  mutating func learnObituary(
    _ record: SelfRecord, _ signature: Signature, _ death: Item.Death, from source: Source, _ now: Now,
    into effects: inout MembershipEffects
  ) {
    if let slot = table.slot(of: record.host) {
      if record.incarnation > table[slot].incarnation {
        learnAlive(record, signature, from: source, now, into: &effects)
      }
      learnDeath(death, from: source, now, into: &effects)
      return
    }
    let age = Tombstone.age(minutes: death.age)
    guard !Tombstone.isBuried(.dead, age: age),
      mayEnter(record.host, version: record.metadataVersion, from: source, now, into: &effects),
      judge(
        from: source, now, into: &effects,
        { signer in SignedBody.selfRecord(record) { signer.verify(signature, .selfRecord, $0, by: record.host) } })
        == .valid
    else { return }
    var vouched = Accusations()
    for position in 0..<death.accusations.count {
      let claimed = death.accusations[position]
      if let accusation = proven(
        death.subject, death.incarnation, by: claimed.accuser, claimed.signature, from: source, now, into: &effects)
      {
        _ = vouched.add(accusation)
      }
    }
    // Who has just begun knows few others yet; the smallest mesh with a quorum is meant.
    guard let quorum = MembershipSettings.quorum(live: max(3, table.liveCount)), vouched.distinct >= quorum else {
      // Not enough proof: it counts as alive until we have asked it ourselves.
      counters.deathsDoubted &+= 1
      learnAlive(record, signature, from: source, now, into: &effects)
      return
    }
    let member = Member(
      record: record, signature: signature, status: .dead, since: Tombstone.since(minutes: death.age, at: now))
    guard let slot = enter(member) else { return }
    awaited.settled(record.host, version: .max)
    var suspicion = Suspicion(start: now.monotonic, live: table.liveCount, loss: health.loss, settings: settings)
    suspicion.accusations = vouched
    suspicions[slot] = suspicion
    if source.kind != .roster { spread(slot, now, into: &effects) }
  }

  // MARK: Accusations of ourselves

  /// True when we are doubted, be it in an incarnation that we have left behind: then the sender needs our record.
  mutating func accusedOurselves(
    _ incarnation: Incarnation, _ accuser: HostID, _ signature: Signature, from source: Source, _ now: Now,
    into effects: inout MembershipEffects
  ) -> Bool {
    guard incarnation == own.incarnation else {
      if incarnation > own.incarnation { counters.unproven &+= 1 }
      return incarnation < own.incarnation
    }
    if proven(host, incarnation, by: accuser, signature, from: source, now, into: &effects) != nil {
      refute(now, into: &effects)
    }
    return true
  }

  mutating func heldDeadOurselves(
    _ death: Item.Death, from source: Source, _ now: Now, into effects: inout MembershipEffects
  ) -> Bool {
    if source.kind == .burial { return buriedOurselves(death, from: source, now, into: &effects) }
    for position in 0..<death.accusations.count {
      let claimed = death.accusations[position]
      let doubted = accusedOurselves(
        death.incarnation, claimed.accuser, claimed.signature, from: source, now, into: &effects)
      // One proven accusation is enough; it has raised our incarnation.
      if death.incarnation < own.incarnation { return doubted }
    }
    return death.incarnation <= own.incarnation
  }

  /// Others have buried this generation and refuse its refutations: a greater one is needed, and that costs our
  /// standing with all who count on us. So it takes as many accusers as a death does.
  private mutating func buriedOurselves(
    _ death: Item.Death, from source: Source, _ now: Now, into effects: inout MembershipEffects
  ) -> Bool {
    guard death.incarnation.generation == own.incarnation.generation else {
      return death.incarnation < own.incarnation
    }
    var vouched = Accusations()
    for position in 0..<death.accusations.count {
      let claimed = death.accusations[position]
      if let accusation = proven(
        host, death.incarnation, by: claimed.accuser, claimed.signature, from: source, now, into: &effects)
      {
        _ = vouched.add(accusation)
      }
    }
    guard let quorum = MembershipSettings.quorum(live: max(3, table.liveCount)), vouched.distinct >= quorum else {
      return false
    }
    riseFromGrave(now, into: &effects)
    return true
  }

  // MARK: Telling hosts what is held of them

  /// Sends a host that is alive or has left its own entry. The dead are told with the accusations.
  mutating func tellHeld(_ slot: Int, at endpoint: Endpoint?, _ now: Now, into effects: inout MembershipEffects) {
    guard table[slot].status.isLive || table[slot].status == .left else { return }
    let told = table[slot].told
    guard told == 0 || now.monotonic &- told >= Membership.tellPause else { return }
    table.note(slot) { $0.told = now.monotonic }
    send(to: table[slot].host, at: endpoint ?? table[slot].record.endpoint, into: &effects) { membership, writer in
      Message.gossip.write(into: &writer)
      if !membership.writeWhole(slot, now, into: &writer) { writer.truncate(to: 0) }
    }
  }

  /// Once a second at most.
  private static let tellPause = Span.seconds(1)

  /// Whoever sends us something while we hold it dead hears why, and can refute it.
  mutating func tellIfDead(_ host: HostID, _ now: Now, into effects: inout MembershipEffects) {
    guard let slot = table.slot(of: host), table[slot].status == .dead else { return }
    tellDead(slot, now, into: &effects)
  }

  /// Sends a host the accusations that are held against it.
  mutating func tellDead(_ slot: Int, _ now: Now, into effects: inout MembershipEffects) {
    let told = table[slot].told
    guard told == 0 || now.monotonic &- told >= Membership.tellPause, let suspicion = suspicions[slot] else { return }
    table.note(slot) { $0.told = now.monotonic }
    let death = Item.Death(
      subject: table[slot].host, incarnation: table[slot].incarnation, age: 0, accusations: suspicion.accusations)
    let isBuried = table[slot].isBuried
    send(to: table[slot].host, at: table[slot].record.endpoint, into: &effects) { _, writer in
      Message.youAreDead(isBuried: isBuried).write(into: &writer)
      Item.dead(death).write(into: &writer)
    }
  }
}
