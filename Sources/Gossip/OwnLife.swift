import Wire

/// Our own incarnation and endpoint: a life begins when its generation is durable, and the record that tells of it is
/// signed anew whenever something in it changes.
struct OwnLife {
  /// Of the current life; 0.0 before the first.
  var incarnation = Incarnation(rawValue: 0)
  /// The greatest generation that was ever made durable.
  var persistedGeneration: UInt64
  /// Being made durable, and the token of that write.
  var nextGeneration: UInt64?
  var persistToken: UInt64 = 0

  var endpoint = Endpoint.unspecified
  /// The configuration names it: what peers see does not matter.
  var endpointIsGiven = false
  /// What the last peers saw, one vote each, newest last.
  private var seen: [(by: HostID, endpoint: Endpoint)] = []

  var refutedAt: UInt64 = 0
  var roseAt: UInt64 = 0
  /// The greatest incarnation of ours that is not of this life.
  var foreign = Incarnation(rawValue: 0)
  /// When a record of a life that began before this process was last met.
  var elderMetAt: UInt64?
  var passedAt: UInt64 = 0

  var load: LoadRecord?
  var loadSequence: UInt32 = 0
  var loadToldAt: UInt64 = 0

  init(persistedGeneration: UInt64) { self.persistedGeneration = persistedGeneration }

  /// Votes that are remembered: two of three decide, so that one peer cannot give us a wrong address.
  private static let votes = 3

  /// A peer says where it sees us; `others` live beside us. Returns the endpoint to use from now on when that changes.
  mutating func seen(at endpoint: Endpoint, by host: HostID, others: Int) -> Endpoint? {
    guard !endpointIsGiven, endpoint != .unspecified, endpoint.port != 0 else { return nil }
    seen.removeAll { $0.by == host }
    seen.append((host, endpoint))
    if seen.count > OwnLife.votes { seen.removeFirst() }
    guard endpoint != self.endpoint else { return nil }
    let agreeing = seen.count { $0.endpoint == endpoint }
    // One voice is enough where there is no other, and where nobody stands by what we have: before the first, or when
    // the only one that has told us says otherwise now.
    guard agreeing >= 2 || others <= 1 || !seen.contains(where: { $0.endpoint == self.endpoint }) else { return nil }
    self.endpoint = endpoint
    return endpoint
  }

  func generation(at now: Now) -> UInt64 {
    Incarnation.generation(after: max(persistedGeneration, incarnation.generation), at: now)
  }
}

extension Membership {
  /// Two signs of an elder life of our own identity within this time mean that it is alive. Twins with clocks far apart
  /// take the witness from each other only now and then.
  private static let conflictWindow = Span.seconds(300)
  private static let passingPause = Span.seconds(1)
  /// Between two lives that begin because others have buried the one before.
  private static let risePause = Span.seconds(60)
  /// Refutations closer together than this only serve an attacker; a suspicion lasts seconds.
  private static let refutationPause = Span.milliseconds(200)
  private static let persistPause = Span.seconds(1)

  var ownMember: Member { table[MemberTable.own] }

  /// Begins a life, or the next one within this process (after a leave, or because a greater generation was met).
  mutating func beginLife(_ generation: UInt64, now: Now, into effects: inout MembershipEffects) {
    if let next = own.nextGeneration, next >= generation { return }
    own.nextGeneration = min(generation, Incarnation.generationLimit - 1)
    persistGeneration(now, into: &effects)
  }

  mutating func persistGeneration(_ now: Now, into effects: inout MembershipEffects) {
    guard let generation = own.nextGeneration else { return }
    own.persistToken = persist(.generation(generation), into: &effects)
  }

  /// Asks for something to be made durable; returns the token that comes back.
  mutating func persist(_ content: MembershipEffects.Persist.Content, into effects: inout MembershipEffects) -> UInt64 {
    persists &+= 1
    effects.persists.append(MembershipEffects.Persist(token: persists, content: content))
    return persists
  }

  mutating func persisted(_ token: UInt64, now: Now, into effects: inout MembershipEffects) {
    guard let generation = own.nextGeneration, token == own.persistToken else { return }
    own.nextGeneration = nil
    own.persistedGeneration = generation
    own.incarnation = Incarnation(generation: generation, refutation: 0)
    switch phase {
    case .beginning:
      phase = .running
      announceSelf(now, into: &effects)
      begin(now, into: &effects)
    case .running:
      announceSelf(now, into: &effects)
      effects.events.append(.refutedSelf(own.incarnation))
    case .idle, .leaving, .left, .ended:
      break
    }
  }

  mutating func persistFailed(_ token: UInt64, now: Now, into effects: inout MembershipEffects) {
    counters.persistsFailed &+= 1
    guard own.nextGeneration != nil, token == own.persistToken else { return }
    timers.arm(.persistRetry, at: now.monotonic &+ Membership.persistPause, into: &effects)
  }

  /// Signs our record and makes it a rumour. Without an endpoint there is nothing that others could use.
  mutating func announceSelf(_ now: Now, into effects: inout MembershipEffects) {
    var record = ownMember.record
    record.incarnation = own.incarnation
    record.endpoint = own.endpoint
    let signature =
      own.endpoint == .unspecified
      ? Signature() : SignedBody.selfRecord(record) { signer.sign(.selfRecord, $0) }
    table.update(MemberTable.own) {
      $0.record = record
      $0.signature = signature
      $0.status = .alive
      $0.since = now.monotonic
    }
    guard own.endpoint != .unspecified else { return }
    spread(MemberTable.own, now, into: &effects)
  }

  /// The same life with something new to say.
  mutating func raiseRefutation(_ now: Now, into effects: inout MembershipEffects) {
    guard own.incarnation.refutation + 1 < Incarnation.refutationLimit else {
      beginLife(own.generation(at: now), now: now, into: &effects)
      return
    }
    own.incarnation = Incarnation(
      generation: own.incarnation.generation, refutation: own.incarnation.refutation + 1)
    announceSelf(now, into: &effects)
  }

  mutating func setEndpoint(_ endpoint: Endpoint, now: Now, into effects: inout MembershipEffects) {
    own.endpointIsGiven = true
    guard endpoint != own.endpoint else { return }
    own.endpoint = endpoint
    endpointChanged(now, into: &effects)
  }

  mutating func peerSees(_ endpoint: Endpoint, by host: HostID, now: Now, into effects: inout MembershipEffects) {
    guard let endpoint = own.seen(at: endpoint, by: host, others: table.live.count) else { return }
    effects.events.append(.ownEndpoint(endpoint))
    endpointChanged(now, into: &effects)
  }

  private mutating func endpointChanged(_ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running else { return }
    // The first endpoint of a life completes its first record; nobody has seen it without.
    if ownMember.record.endpoint == .unspecified {
      announceSelf(now, into: &effects)
    } else {
      raiseRefutation(now, into: &effects)
    }
  }

  mutating func ownMetadataChanged(_ version: UInt64, now: Now, into effects: inout MembershipEffects) {
    guard version > ownMember.record.metadataVersion else { return }
    table.update(MemberTable.own) { $0.record.metadataVersion = version }
    guard phase == .running else { return }
    raiseRefutation(now, into: &effects)
  }

  // MARK: What others say of us

  /// Somebody accuses us in our current incarnation, with proof.
  mutating func refute(_ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running, !settings.breaks(.refutationMissing) else { return }
    guard now.monotonic &- own.refutedAt >= Membership.refutationPause || own.refutedAt == 0 else {
      counters.refutationsDelayed &+= 1
      return
    }
    own.refutedAt = now.monotonic
    counters.refutations &+= 1
    health.refutedSelf()
    raiseRefutation(now, into: &effects)
    effects.events.append(.refutedSelf(own.incarnation))
  }

  /// Others have buried this generation: only a greater one rises. Once a minute at most.
  mutating func riseFromGrave(_ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running, own.nextGeneration == nil,
      own.roseAt == 0 || now.monotonic &- own.roseAt >= Membership.risePause
    else { return }
    own.roseAt = now.monotonic
    openGraves(now)
    beginLife(own.generation(at: now), now: now, into: &effects)
  }

  /// A record that our key has signed but not this life: of an earlier life that was forgotten, or of a second process.
  ///
  /// Passing by with a greater generation outlives the first; the second answers with one that is greater still, and a
  /// second such answer proves that it lives. Then the younger of the two processes ends: the one that began later keeps
  /// the one that was there from being replaced by a copy, and both sides see it alike, by `isYounger`. The elder never
  /// ends, it only passes by.
  mutating func meetOtherLife(_ record: SelfRecord, now: Now, into effects: inout MembershipEffects) {
    guard record.incarnation > own.foreign else { return }
    let isYounger = isYounger(than: record)
    if isYounger, let before = own.elderMetAt, now.monotonic &- before < Membership.conflictWindow {
      phase = .ended
      timers.disarmAll()
      effects.events.append(.identityConflict)
      return
    }
    if isYounger { own.elderMetAt = now.monotonic }
    pass(by: record.incarnation, now: now, into: &effects)
  }

  /// A goodbye that our key has signed but not this life.
  mutating func meetGoodbyeOfOurs(_ incarnation: Incarnation, now: Now, into effects: inout MembershipEffects) {
    guard incarnation > own.foreign else { return }
    pass(by: incarnation, now: now, into: &effects)
  }

  /// Metadata versions begin with the birth of the process that publishes them (`RecordSigner.metadataVersion`), so the
  /// greater one is of the younger process; where they are equal, the addresses decide.
  private func isYounger(than record: SelfRecord) -> Bool {
    let own = ownMember.record
    if own.metadataVersion != record.metadataVersion { return own.metadataVersion > record.metadataVersion }
    return (own.endpoint.high, own.endpoint.low, own.endpoint.port)
      > (record.endpoint.high, record.endpoint.low, record.endpoint.port)
  }

  /// Costs a write, so not more often than once a second, whoever sends such records. One that was not passed by will be
  /// met again.
  private mutating func pass(by incarnation: Incarnation, now: Now, into effects: inout MembershipEffects) {
    guard own.passedAt == 0 || now.monotonic &- own.passedAt >= Membership.passingPause else { return }
    own.passedAt = now.monotonic
    own.foreign = incarnation
    beginLife(max(incarnation.generation + 1, own.generation(at: now)), now: now, into: &effects)
  }
}
