package import Wire

/// What a channel may be told at its start.
package struct ChannelSettings: Sendable {
  /// The mesh port (UDP and TCP) of this node; cookies are bound to it.
  package var port: UInt16
  /// The kinds of addresses that this node may send to (DESIGN 4.1).
  package var reaches: ReachSet
  /// lz4 on links and transfers.
  package var compresses = true
  package var sessionLimit = 4096
  /// Handshakes that may cost Diffie-Hellman work.
  package var handshakesPerSecond: UInt64 = 500
  package var handshakeBurst: UInt64 = 64
  package var hellosPerSecond: UInt64 = 50
  /// Bytes after which a stream changes its key.
  package var rekeyBytes = 64 << 20

  package init(port: UInt16, reaches: ReachSet) {
    self.port = port
    self.reaches = reaches
  }
}

/// The secure channel of a node to all its peers: a pure state machine (DESIGN 3.1) that turns frames for hosts into
/// datagrams and encrypted streams, and back.
///
/// Each role has a file: `Handshake` asks for sessions, `Responder` grants them, `Datagrams` seals and opens, `Roaming`
/// follows peers to new addresses, `Streams`, `Link` and `Transfer` run TCP, `Upkeep` does what only time brings about.
package struct Channel {
  let roster: Roster
  let network: Network
  let identity: Identity
  let host: HostID
  let arena: SecretArena
  let entropy: any Entropy
  let settings: ChannelSettings
  /// Our life: 64 random bits drawn at the start of the process.
  let bootID: UInt64
  /// How mac1 of messages to us is keyed.
  let greeting: GreetingKeys
  let prologue: [UInt8]

  var certificate: Certificate
  var chance: Chance
  var peers = PeerTable()
  var sessions: SessionTable
  /// Which peer an outstanding HELLO with this index is for.
  var attempts: [UInt32: Int] = [:]
  var cookies: CookieJar
  var limits: HandshakeLimits
  var load = LoadGauge()
  var streams = StreamTable()
  /// Peers with frames that wait for the end of the turn.
  var linksToPump: [Int] = []
  var labels: LabelClock
  var upkeep = UpkeepClock()
  var hashingIsScheduled = false

  package internal(set) var counters = ChannelCounters()

  /// - Parameters:
  ///   - certificate: our own, as HELLOs carry it.
  ///   - seed: of choices such as jitter; never of secrets.
  ///   - bootID: 64 random bits of this process.
  ///   - labelFloor: the last `.labelFloor` that was persisted; 0 when there was none.
  /// - Returns: `nil` when the arena is full.
  package init?(
    roster: Roster, certificate: Certificate, arena: SecretArena, entropy: any Entropy, seed: UInt64, bootID: UInt64,
    labelFloor: UInt64, settings: ChannelSettings
  ) {
    let identity = roster.identity
    guard let greeting = GreetingKeys(of: identity.key.exchange, network: roster.network, arena: arena) else {
      return nil
    }
    self.roster = roster
    self.identity = identity
    self.certificate = certificate
    self.arena = arena
    self.entropy = entropy
    self.settings = settings
    self.bootID = bootID
    self.greeting = greeting
    network = roster.network
    host = identity.hostID
    chance = Chance(seed: seed)
    sessions = SessionTable(limit: settings.sessionLimit)
    cookies = CookieJar(arena: arena, entropy: entropy, localPort: settings.port)
    limits = HandshakeLimits(settings: settings, salt: entropy.u64())
    labels = LabelClock(floor: labelFloor)
    prologue = [UInt8]("mesh/1".utf8) + withUnsafeBytes(of: network.id.rawValue.littleEndian) { [UInt8]($0) }
  }

  /// What to give to the kernel as a filter on the UDP socket.
  package var socketFilter: [SocketFilterRule] { SocketFilterRule.rules(tag: network.tag) }

  package mutating func handle(_ input: ChannelInput, now: Now, into effects: inout ChannelEffects) {
    keepTime(now: now, into: &effects)
    switch input {
    case .datagram(let bytes, let from): receive(bytes, from: from, now: now, into: &effects)
    case .deadline(let timer): fire(timer, now: now, into: &effects)
    case .stall(let lateness): shift(by: lateness, now: now)
    case .accepted(let connection, let from): accept(connection, from: from, now: now, into: &effects)
    case .connected(let connection): connectionIsUp(connection, now: now, into: &effects)
    case .received(let connection, let bytes): receive(bytes, on: connection, now: now, into: &effects)
    case .drained(let connection): connectionDrained(connection, now: now, into: &effects)
    case .closed(let connection): connectionClosed(connection, now: now, into: &effects)
    case .command(let command): obey(command, now: now, into: &effects)
    }
  }

  private mutating func obey(_ command: ChannelCommand, now: Now, into effects: inout ChannelEffects) {
    switch command {
    case .introduce(let key, let endpoint):
      guard key.hostID != host, let peer = peer(making: key.hostID, now: now) else { return }
      peers.setKey(key, at: peer)
      locate(peer, at: endpoint)
    case .locate(let host, let endpoint):
      guard host != self.host, let peer = peer(making: host, now: now) else { return }
      locate(peer, at: endpoint)
    case .drop(let host):
      guard let peer = peers.slot(of: host) else { return }
      peers[peer].wantsLink = false
      closeAll(peer, because: .dropped, now: now, into: &effects)
    case .adopt(let certificate):
      if certificate.hostID == host { self.certificate = certificate }
    case .report(let host, let violation):
      guard let peer = peers.slot(of: host) else { return }
      score(peer, violation, now: now, into: &effects)
    case .wantLink(let host, let wanted):
      wantLink(host, wanted, now: now, into: &effects)
    case .transfer(let purpose, let content, let host, let id):
      startTransfer(purpose, content, to: host, id: id, now: now, into: &effects)
    case .linkFrame(let channel, let body, let host, let secret):
      sendLinkFrame(channel, body, to: host, isSecret: secret, now: now, into: &effects)
    case .survey(let host):
      survey(host, now: now, into: &effects)
    case .linkCredit(let channel, let count, let host):
      returnCredit(channel, count, to: host, now: now, into: &effects)
    }
  }

  private mutating func fire(_ timer: Timer, now: Now, into effects: inout ChannelEffects) {
    switch timer.kind {
    case ChannelTimer.upkeep: keepUp(timer, now: now, into: &effects)
    case ChannelTimer.attempt: attemptIsDue(timer, now: now, into: &effects)
    case ChannelTimer.hashing: hashOn(now: now, into: &effects)
    default: break
    }
  }

  // MARK: What others may ask

  /// The public keys of a host, from its certificate or from an introduction.
  package func key(of host: HostID) -> HostKey? {
    if let key = roster.key(of: host) { return key }
    guard let peer = peers.slot(of: host) else { return nil }
    return peers[peer].key
  }

  /// The life of a host that its sessions and its link are with now; `nil` before the first confirmed handshake. A
  /// frame is delivered only from this life: what belongs to an earlier one ends with the first session of the next.
  package func life(of host: HostID) -> Life? {
    guard let peer = peers.slot(of: host) else { return nil }
    return peers[peer].bootID.map { Life(rawValue: $0) }
  }

  /// True while a confirmed session with the host stands.
  package func hasSession(with host: HostID) -> Bool {
    guard let peer = peers.slot(of: host) else { return false }
    return peers[peer].isUp
  }

  /// The smoothed round trip to a host in milliseconds, when it is known.
  package func roundTrip(to host: HostID) -> UInt32? {
    guard let peer = peers.slot(of: host) else { return nil }
    return peers[peer].roundTrip
  }

  /// The conduct score of a host: from 50 on it is served last, at 100 it is banned.
  package func score(of host: HostID, now: Now) -> Int {
    guard let peer = peers.slot(of: host) else { return 0 }
    return peers[peer].conduct.value(at: now.monotonic)
  }

  package func isBanned(_ host: HostID, now: Now) -> Bool {
    guard let peer = peers.slot(of: host) else { return false }
    return peers[peer].conduct.isBanned(at: now.monotonic)
  }

  package var sessionCount: Int { sessions.count }

  // MARK: Peers

  mutating func peer(making host: HostID, now: Now) -> Int? {
    guard let peer = peers.slot(making: host, at: now.monotonic) else {
      counters.add(.peerLimitRefused)
      return nil
    }
    if peers[peer].key == nil, let key = roster.key(of: host) { peers.setKey(key, at: peer) }
    return peer
  }

  mutating func locate(_ peer: Int, at endpoint: Endpoint) {
    // Another place: what failed at the old one says nothing about this one.
    if peers.locate(peer, at: endpoint) { peers[peer].attempt.tries = 0 }
  }

  /// Ends everything with a host at once. What it may still send is of unknown sessions then.
  mutating func closeAll(_ peer: Int, because reason: SessionEnd, now: Now, into effects: inout ChannelEffects) {
    endAttempt(peer)
    peers[peer].waiting.removeAll()
    closeStreams(of: peer, now: now, into: &effects)
    removeSessions(of: peer)
    tellDown(peer, reason, into: &effects)
  }

  mutating func removeSessions(of peer: Int) {
    for slot in [peers[peer].previous, peers[peer].current, peers[peer].next, peers[peer].former] {
      if let slot { sessions.remove(slot) }
    }
    peers[peer].previous = nil
    peers[peer].current = nil
    peers[peer].next = nil
    peers[peer].former = nil
    peers[peer].pathProbe = nil
  }

  mutating func tellDown(_ peer: Int, _ reason: SessionEnd, into effects: inout ChannelEffects) {
    guard peers[peer].isUp else { return }
    peers[peer].isUp = false
    effects.events.append(.sessionDown(peers[peer].host, reason))
  }

  /// Counts authenticated misbehaviour against its author.
  mutating func score(_ peer: Int, _ violation: Violation, now: Now, into effects: inout ChannelEffects) {
    counters.add(.violations)
    let isBanned = peers[peer].conduct.add(violation.points, at: now.monotonic)
    let value = isBanned ? ConductScore.bannedAt : peers[peer].conduct.value(at: now.monotonic)
    effects.events.append(.violation(peers[peer].host, violation, score: value))
    if isBanned { ban(peer, now: now, into: &effects) }
  }

  /// Ends everything with a host that was banned just now.
  mutating func ban(_ peer: Int, now: Now, into effects: inout ChannelEffects) {
    counters.add(.bans)
    closeAll(peer, because: .banned, now: now, into: &effects)
    effects.events.append(.banned(peers[peer].host, until: peers[peer].conduct.bannedUntil))
  }
}

/// The channel's timers.
enum ChannelTimer {
  /// The regular upkeep; there is one at a time.
  static let upkeep: UInt8 = 1
  /// The next try of a handshake; the subject is the host.
  static let attempt: UInt8 = 2
  /// Contents of outgoing transfers are hashed part by part; there is one at a time.
  static let hashing: UInt8 = 3
}
