import Wire

/// Coming in: Join to up to three peers at once, Welcome, one roster from one of them, then exchanges with three others
/// until roots agree with three in a row (DESIGN 5.4, `gossip.md` 5.8).
struct JoinState {
  /// Ways in, best first: the bootstrap list and the peer book of the last life.
  private(set) var peers: ContiguousArray<Peer> = []
  /// The next to be tried.
  private var position = 0
  /// Peers that were sent a Join lately, newest last: only they may welcome us.
  private var asked: ContiguousArray<HostID> = []

  /// Other hosts are known to us and we to them.
  var isMember = false
  /// Welcomes until which we go on greeting peers: the more, the better one bad peer is outvoted.
  var welcomes = 0
  private(set) var retryPause = JoinState.firstPause
  private var retries = 0
  /// Who may send the roster: those that were asked, the last one lately.
  var rosterAskedOf: ContiguousArray<HostID> = []
  var rosterAskedAt: UInt64 = 0
  var hasRoster = false
  var isSynchronizing = false
  /// Exchanges since the join; the first three follow each other without a pause.
  var exchanges = 0
  /// Hosts whose roots have been ours, one after the other.
  var agreed: ContiguousArray<HostID> = []
  /// Living hosts of the last peer that differed. Joiners who know only each other agree too soon.
  var othersKnow = 0

  private static let firstPause = Span.seconds(1)
  static let longestPause = Span.seconds(30)
  /// Nobody has welcomed us: for about a minute we ask often, at moments far from each other. A crowd that starts at once
  /// fills the budgets of its only way in, and those that were refused must not wait for much longer than it takes to
  /// let in the rest. Longer than the pause between two HELLOs (5.3 s), so that each of them has something to carry.
  private static let eagerPause = Span.seconds(6)
  private static let eagerRetries = 10
  static let enoughWelcomes = 3
  static let enoughAgreement = 3
  /// Instead of three, when somebody seemed to know far more.
  static let muchAgreement = 10
  /// After this another one is asked; what comes later is still taken.
  static let rosterTime = Span.seconds(2)
  /// Before this, exchanges wait: the roster brings in one piece what they would bring in many.
  static let rosterPatience = Span.milliseconds(500)
  static let rosterTries = 3
  static let syncPause = Span.seconds(1)
  /// Joins whose answer may still come.
  private static let askedLimit = 16

  func wasAsked(_ host: HostID) -> Bool { asked.contains(host) }

  mutating func add(_ more: [Peer], except own: HostID) {
    for peer in more where peer.host != own {
      if let known = peers.firstIndex(where: { $0.host == peer.host }) {
        peers[known].endpoint = peer.endpoint
      } else if peers.count < Limits.bootstrapPeers {
        peers.append(peer)
      }
    }
  }

  mutating func retryFromTheBeginning() {
    retryPause = JoinState.firstPause
    retries = 0
  }

  /// In company the last pause ends the attempts; alone it is repeated.
  mutating func retried(isAlone: Bool) {
    retries += 1
    let longest = retries < JoinState.eagerRetries ? JoinState.eagerPause : JoinState.longestPause
    retryPause = min(retryPause * 2, isAlone ? longest : 2 * JoinState.longestPause)
  }

  /// The next three, going round.
  mutating func nextPeers() -> [Peer] {
    var chosen: [Peer] = []
    for _ in 0..<min(Limits.joinsInFlight, peers.count) {
      chosen.append(peers[position % peers.count])
      position = (position + 1) % peers.count
    }
    return chosen
  }

  mutating func willAsk(_ host: HostID) {
    asked.removeAll { $0 == host }
    if asked.count == JoinState.askedLimit { asked.removeFirst() }
    asked.append(host)
  }

  mutating func wasWelcomed(by host: HostID) { asked.removeAll { $0 == host } }

  /// A new life begins; the ways in stay.
  mutating func restart() {
    let ways = peers
    self = JoinState()
    peers = ways
  }
}

extension Membership {
  // MARK: The joiner

  mutating func start(_ peers: [Peer], now: Now, into effects: inout MembershipEffects) {
    guard phase == .idle || phase == .left else { return }
    phase = .beginning
    join.restart()
    join.add(peers, except: host)
    beginLife(own.generation(at: now), now: now, into: &effects)
  }

  /// The generation is durable: everything starts.
  mutating func begin(_ now: Now, into effects: inout MembershipEffects) {
    timers.arm(.probe, at: now.monotonic &+ chance.below(settings.probeInterval), into: &effects)
    timers.arm(.heal, at: now.monotonic &+ chance.jittered(settings.healInterval, by: 0.5), into: &effects)
    timers.arm(.sweep, at: now.monotonic &+ Membership.sweepInterval, into: &effects)
    timers.arm(.peerBook, at: now.monotonic &+ PeerBook.writePause, into: &effects)
    sync.comparedAt = now.monotonic
    rearmSuspicions(into: &effects)
    if own.load != nil { timers.arm(.loadPackets, at: now.monotonic &+ settings.loadPacketInterval, into: &effects) }
    joinRetry(now, into: &effects)
  }

  mutating func introduce(_ peers: [Peer], now: Now, into effects: inout MembershipEffects) {
    let before = join.peers.count
    join.add(peers, except: host)
    guard phase == .running, join.peers.count > before, join.welcomes < JoinState.enoughWelcomes else { return }
    join.retryFromTheBeginning()
    joinRetry(now, into: &effects)
  }

  /// Greets the next peers: until three have welcomed us, or each was tried and somebody has; alone, for ever.
  mutating func joinRetry(_ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running, !join.peers.isEmpty else { return }
    let isAlone = table.live.isEmpty
    guard isAlone || join.welcomes < min(JoinState.enoughWelcomes, join.peers.count),
      isAlone || join.retryPause <= JoinState.longestPause
    else { return }
    for peer in join.nextPeers() where isAlone || !isLive(peer.host) { greet(peer, into: &effects) }
    let pause = chance.jittered(join.retryPause, by: isAlone ? 0.25 : 0.1)
    timers.arm(.joinRetry, at: now.monotonic &+ pause, into: &effects)
    join.retried(isAlone: isAlone)
  }

  private func isLive(_ host: HostID) -> Bool { table.slot(of: host).map { table[$0].status.isLive } ?? false }

  /// Join carries our papers, so that the other side can check everything else that we send.
  mutating func greet(_ peer: Peer, into effects: inout MembershipEffects) {
    guard !signer.isRevoked(peer.host) else { return }
    join.willAsk(peer.host)
    send(to: peer.host, at: peer.endpoint, into: &effects) { membership, writer in
      Message.join(expectedAt: peer.endpoint).write(into: &writer)
      membership.writeOwnPapers(into: &writer)
    }
  }

  /// A Join says where we reach somebody. Its record still names the old address, and two hosts that have both moved
  /// would never find each other.
  mutating func tellWhereItIs(_ peer: Peer, into effects: inout MembershipEffects) {
    guard phase == .running, isLive(peer.host) else { return }
    greet(peer, into: &effects)
  }

  private func writeOwnPapers(into writer: inout Writer) {
    _ = writeMetadata(of: host, into: &writer)
    guard own.endpoint != .unspecified else { return }
    Item.alive(ownMember.record, ownMember.signature).write(into: &writer)
  }

  mutating func welcomed(
    by host: HostID, seenAt endpoint: Endpoint, _ fingerprint: Message.Fingerprint, _ now: Now,
    into effects: inout MembershipEffects
  ) {
    guard phase == .running, signer.metadataVersion(of: host) != nil else { return }
    join.wasWelcomed(by: host)
    join.welcomes += 1
    peerSees(endpoint, by: host, now: now, into: &effects)
    if join.welcomes == 1 { becomeMember(through: host, now, into: &effects) }
    if fingerprint.root != table.digest.root { joinRootsDiffer(fingerprint) }
    if !join.hasRoster, join.rosterAskedOf.isEmpty, fingerprint.root != table.digest.root {
      askForRoster(host, now, into: &effects)
    }
  }

  private mutating func becomeMember(through host: HostID, _ now: Now, into effects: inout MembershipEffects) {
    guard !join.isMember else { return }
    join.isMember = true
    effects.events.append(.joined(through: host))
    beginJoinSync(now, into: &effects)
  }

  /// A living host was learned of. Whoever knows one is a member, whichever side greeted first.
  mutating func metSomebody(_ host: HostID, _ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running else { return }
    becomeMember(through: host, now, into: &effects)
  }

  /// A host died, left or was expelled. Whoever is alone looks for company again.
  mutating func lostSomebody(_ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running, table.live.isEmpty, !timers.isArmed(.joinRetry) else { return }
    join.add(book.peers, except: host)
    join.retryFromTheBeginning()
    timers.arm(.joinRetry, at: now.monotonic &+ join.retryPause, into: &effects)
  }

  // MARK: Roster, then exchanges

  mutating func askForRoster(_ host: HostID, _ now: Now, into effects: inout MembershipEffects) {
    join.rosterAskedOf.append(host)
    join.rosterAskedAt = now.monotonic
    let endpoint = table.slot(of: host).map { table[$0].record.endpoint }
    send(to: host, at: endpoint, into: &effects) { membership, writer in
      Message.rosterPull.write(into: &writer)
      membership.writeOwnPapers(into: &writer)
    }
    timers.arm(.rosterTimeout, at: now.monotonic &+ JoinState.rosterTime, into: &effects)
  }

  /// No roster came: ask somebody else, and after three attempts do without; exchanges bring the same, more slowly.
  mutating func rosterTimeout(_ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running, !join.hasRoster, intake == nil, join.rosterAskedOf.count < JoinState.rosterTries
    else { return }
    table.sample(JoinState.rosterTries, &chance, into: &chosen)
    for slot in chosen where !join.rosterAskedOf.contains(table[slot].host) {
      askForRoster(table[slot].host, now, into: &effects)
      return
    }
  }

  private mutating func beginJoinSync(_ now: Now, into effects: inout MembershipEffects) {
    join.isSynchronizing = true
    join.exchanges = 0
    join.othersKnow = 0
    join.agreed.removeAll()
    timers.arm(.joinSync, at: now.monotonic &+ JoinState.syncPause, into: &effects)
  }

  mutating func joinSyncTick(_ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running, join.isSynchronizing else { return }
    timers.arm(
      .joinSync, at: now.monotonic &+ chance.jittered(JoinState.syncPause, by: 0.2), into: &effects)
    let awaitsRoster =
      !join.hasRoster && !join.rosterAskedOf.isEmpty
      && now.monotonic &- join.rosterAskedAt < JoinState.rosterPatience
    guard intake == nil, !awaitsRoster else { return }
    table.sample(JoinState.enoughAgreement + 1, &chance, into: &chosen)
    sync.notBefore = min(sync.notBefore, now.monotonic)
    for slot in chosen where !join.agreed.contains(table[slot].host) {
      if startSync(with: table[slot].host, now, into: &effects) { return }
    }
  }

  /// An exchange of the join is over. The first three, and those that end the row, follow at once; where much is still
  /// missing, soon; otherwise after the usual pause.
  mutating func joinSyncEnded(moreDiffer: Bool, _ now: Now, into effects: inout MembershipEffects) {
    guard join.isSynchronizing else { return }
    join.exchanges += 1
    let atOnce = join.exchanges < JoinState.enoughAgreement || !join.agreed.isEmpty
    guard atOnce || moreDiffer else { return }
    timers.arm(
      .joinSync, at: now.monotonic &+ (atOnce ? Span.milliseconds(20) : JoinState.syncPause / 4), into: &effects)
  }

  mutating func joinRootsDiffer(_ other: Message.Fingerprint?) {
    guard join.isSynchronizing else { return }
    join.agreed.removeAll(keepingCapacity: true)
    if let other { join.othersKnow = Int(other.live) }
  }

  mutating func joinRootsAgree(with host: HostID, _ now: Now, into effects: inout MembershipEffects) {
    guard join.isSynchronizing else { return }
    if !join.agreed.contains(host) { join.agreed.append(host) }
    let enough =
      Membership.isFarBelow(table.liveCount, join.othersKnow)
      ? JoinState.muchAgreement : JoinState.enoughAgreement
    guard join.agreed.count >= min(enough, table.live.count) else { return }
    join.isSynchronizing = false
    join.agreed.removeAll()
    timers.disarm(.joinSync)
    effects.events.append(.synchronized(members: table.liveCount))
    writePeerBook(now, into: &effects)
  }

  // MARK: The acceptor

  mutating func greeted(
    by host: HostID, at endpoint: Endpoint, expectedAt expected: Endpoint, _ now: Now,
    into effects: inout MembershipEffects
  ) {
    counters.joinsReceived &+= 1
    // Its papers came with the Join and have been checked: without valid ones there is no answer.
    guard phase == .running, signer.metadataVersion(of: host) != nil, limits.joins.take(at: now.monotonic) else {
      counters.joinsRefused &+= 1
      return
    }
    peerSees(expected, by: host, now: now, into: &effects)
    send(to: host, at: endpoint, into: &effects) { membership, writer in
      Message.welcome(seenAt: endpoint, membership.fingerprint).write(into: &writer)
      membership.writeOwnPapers(into: &writer)
      membership.writeSomeRevocations(now, into: &writer)
    }
  }

  /// Whoever comes should not talk to the expelled even once. The roster has all of them.
  private func writeSomeRevocations(_ now: Now, into writer: inout Writer) {
    for slot in 0..<table.slots where table.isUsed(slot) && table[slot].status == .revoked {
      let before = writer.count
      if !writeWhole(slot, now, into: &writer) {
        writer.truncate(to: before)
        return
      }
    }
  }

  /// The joiner's record came with the request.
  mutating func rosterAsked(by host: HostID, _ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running, let slot = table.slot(of: host), table[slot].status.isLive,
      limits.rosters.take(at: now.monotonic)
    else {
      counters.rostersRefused &+= 1
      return
    }
    effects.rosterTransfers.append(host)
  }
}
