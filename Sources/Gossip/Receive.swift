import Wire

/// Where a record came from: whom its checks are charged to, and how far it is believed.
struct Source {
  enum Kind {
    /// Piggybacked or gossiped: news.
    case rumour
    /// Join, Welcome, RosterPull, Meta: the sender's own papers or what we asked for.
    case greeting
    /// YouAreDead about a generation that is buried.
    case burial
    /// An exchange of tables: what somebody has believed for a while.
    case sync
    /// A whole roster.
    case roster
  }

  let host: HostID
  let slot: Int?
  let kind: Kind
}

extension Membership {
  mutating func receive(
    _ bytes: UnsafeRawBufferPointer, from host: HostID, at endpoint: Endpoint, now: Now,
    into effects: inout MembershipEffects
  ) {
    guard phase == .running || phase == .leaving, host != self.host, bytes.count <= Limits.message else { return }
    counters.messagesReceived &+= 1
    let slot = table.slot(of: host)
    if let slot {
      guard table[slot].status != .revoked else {
        counters.fromRevoked &+= 1
        return
      }
      table.note(slot) { $0.heard = now.monotonic }
    } else if signer.isRevoked(host) {
      counters.fromRevoked &+= 1
      return
    }
    var reader = Reader(bytes)
    do {
      let message = try Message(reading: &reader)
      guard mayHear(message, from: host, isMember: slot != nil, now, into: &effects) else { return }
      // What a question carries is known before it is answered.
      let doubted = try learnItems(
        &reader, from: Source(host: host, slot: slot, kind: message.sourceKind), now: now, into: &effects)
      guard phase == .running || phase == .leaving else { return }
      answer(message, from: host, at: endpoint, weAreDoubted: doubted, now, into: &effects)
      flushPulls(to: host, now, into: &effects)
      tellIfDead(host, now, into: &effects)
    } catch {
      counters.malformed &+= 1
      effects.events.append(.badMessage(from: host))
    }
  }

  /// A host whose valid metadata is not held may only introduce itself; a Welcome must have been asked for.
  private mutating func mayHear(
    _ message: Message, from host: HostID, isMember: Bool, _ now: Now, into effects: inout MembershipEffects
  ) -> Bool {
    switch message {
    case .join, .metaPull:
      return true
    case .welcome:
      if join.wasAsked(host) { return true }
    case .meta:
      // An answer to a MetaPull: its items are checked against what is awaited.
      if isMember || signer.metadataVersion(of: host) != nil || awaited.contains(host) || join.wasAsked(host) {
        return true
      }
    default:
      if isMember || signer.metadataVersion(of: host) != nil { return true }
      // It knows us and we do not know it: ask for its papers.
      if limits.pullsFromStrangers.take(at: now.monotonic) {
        want(host, version: 0, from: host, now, into: &effects)
        flushPulls(to: host, now, into: &effects)
      }
    }
    counters.uninvited &+= 1
    return false
  }

  private mutating func answer(
    _ message: Message, from host: HostID, at endpoint: Endpoint, weAreDoubted: Bool, _ now: Now,
    into effects: inout MembershipEffects
  ) {
    switch message {
    case .ping(let ping):
      pinged(ping, by: host, at: endpoint, weAreDoubted: weAreDoubted, now, into: &effects)
    case .ack(let ack):
      acked(ack, by: host, now, into: &effects)
    case .pingRequest(let sequence, let target, let milliseconds):
      askedToHelp(sequence, target, milliseconds, for: host, at: endpoint, now, into: &effects)
    case .nack(let sequence, _):
      refused(sequence, by: host)
    case .gossip, .youAreDead:
      // The items have been applied already: where the accusation was proven, our incarnation is raised. Who has missed
      // our refutation would wait for it in vain while the mesh does not rest.
      if weAreDoubted { sendSelf(to: host, at: endpoint, now, into: &effects) }
    case .meta:
      break
    case .join(let expected):
      greeted(by: host, at: endpoint, expectedAt: expected, now, into: &effects)
    case .welcome(let seen, let fingerprint):
      welcomed(by: host, seenAt: seen, fingerprint, now, into: &effects)
    case .buckets(let root, let buckets):
      serveSync(root, buckets, for: host, at: endpoint, now, into: &effects)
    case .records(let mask, let moreDiffer, let isAnswer):
      recordsCame(mask, moreDiffer: moreDiffer, isAnswer: isAnswer, from: host, at: endpoint, now, into: &effects)
    case .metaPull(let hosts):
      serveMetadata(of: hosts, to: host, at: endpoint, now, into: &effects)
    case .rosterPull:
      rosterAsked(by: host, now, into: &effects)
    }
  }

  /// Reads items until the end. True when one of them doubts that we live.
  private mutating func learnItems(
    _ reader: inout Reader, from source: Source, now: Now, into effects: inout MembershipEffects
  ) throws(WireError) -> Bool {
    var doubted = false
    while !reader.isAtEnd {
      if try passKnown(&reader, from: source) { continue }
      let item = try Item(reading: &reader)
      if learn(item, from: source, now: now, into: &effects) { doubted = true }
    }
    return doubted
  }

  /// Most of what comes is known. A self-record or a death that is no news is passed over by its head alone, before
  /// anything is copied. What a host says of itself is read: it may be a twin of the one that we know.
  private mutating func passKnown(_ reader: inout Reader, from source: Source) throws(WireError) -> Bool {
    if settings.breaks(.requeuedWithoutChange) { return false }
    var ahead = reader
    guard let subject = try ahead.passHead(), subject.host != source.host, let slot = table.slot(of: subject.host),
      slot != MemberTable.own,
      subject.incarnation < table[slot].incarnation
        || (subject.incarnation == table[slot].incarnation && (!subject.isDead || table[slot].status >= .dead))
    else { return false }
    try ahead.passBody(of: subject)
    reader = ahead
    counters.duplicates &+= 1
    return true
  }

  /// Applies one item. True when it doubts that we live.
  mutating func learn(_ item: Item, from source: Source, now: Now, into effects: inout MembershipEffects) -> Bool {
    switch item {
    case .alive(let record, let signature):
      learnAlive(record, signature, from: source, now, into: &effects)
    case .suspect(let suspect):
      if suspect.subject == host {
        return accusedOurselves(
          suspect.incarnation, suspect.accuser, suspect.signature, from: source, now, into: &effects)
      }
      learnSuspect(suspect, from: source, now, into: &effects)
    case .dead(let death):
      if death.subject == host { return heldDeadOurselves(death, from: source, now, into: &effects) }
      learnDeath(death, from: source, now, into: &effects)
    case .obituary(let record, let signature, let death):
      if record.host == host { return heldDeadOurselves(death, from: source, now, into: &effects) }
      learnObituary(record, signature, death, from: source, now, into: &effects)
    case .left(let goodbye):
      learnGoodbye(goodbye, from: source, now, into: &effects)
    case .revocation(let subject, let bytes):
      learnRevocation(subject, bytes, from: source, now, into: &effects)
    case .load(let subject, let news):
      learnLoad(subject, news, now, into: &effects)
    case .oneWay(let mark):
      learnOneWay(mark, from: source, now, into: &effects)
    case .metadata(let subject, let version, let bytes):
      learnMetadata(subject, version, bytes, from: source, now, into: &effects)
    }
    return false
  }

  // MARK: Signature checks

  enum Verdict { case valid, invalid, unknown, unaffordable }

  /// The last and dearest step before a record counts.
  mutating func judge(
    from source: Source, _ now: Now, into effects: inout MembershipEffects,
    _ verify: (any RecordSigner) -> RecordVerdict
  ) -> Verdict {
    guard afford(1, for: source, now) else { return .unaffordable }
    counters.signaturesChecked &+= 1
    switch verify(signer) {
    case .valid:
      return .valid
    case .unknownKey:
      return .unknown
    case .invalid:
      counters.signaturesBad &+= 1
      effects.events.append(.badRecord(from: source.host, forged: true))
      return .invalid
    }
  }

  /// Whether `count` signature checks may be spent on this source now (DESIGN 5.4). A roster has a pace of its own.
  mutating func afford(_ count: Int, for source: Source, _ now: Now) -> Bool {
    if source.kind == .roster {
      intake?.checksLeft -= count
      return true
    }
    if let slot = source.slot {
      let second = UInt32(truncatingIfNeeded: now.monotonic / 1_000_000_000)
      let used = table[slot].checkSecond == second ? Int(table[slot].checks) : 0
      guard used + count <= Limits.checksPerForwarder else {
        counters.checksRefused &+= 1
        return false
      }
      table.note(slot) {
        $0.checkSecond = second
        $0.checks = UInt16(used + count)
      }
    } else if !limits.strangerChecks.take(count, at: now.monotonic) {
      counters.checksRefused &+= 1
      return false
    }
    guard limits.checks.take(count, at: now.monotonic) else {
      counters.checksRefused &+= 1
      return false
    }
    return true
  }
}

extension Message {
  fileprivate var sourceKind: Source.Kind {
    switch self {
    case .join, .welcome, .rosterPull, .meta: .greeting
    case .records: .sync
    case .youAreDead(isBuried: true): .burial
    default: .rumour
    }
  }
}
