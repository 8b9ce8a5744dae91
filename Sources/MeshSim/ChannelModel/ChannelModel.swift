import NodeCore
package import SecureChannel
package import Wire

/// A channel for large simulations: the datagrams have the sizes, the handshakes the round trips, and both the limits of
/// the secure channel (DESIGN 4, `security.md` 3.3–3.8), without cryptography: a keyed hash stands for every tag, so a
/// changed, replayed or foreign datagram is dropped as it would be there.
///
/// Three deliberate differences: the replay window is 64 instead of 2,048 datagrams wide (2,000 x 2,000 sessions must
/// fit into memory), a peer's datagram rate is not limited, and violations are counted but nobody is banned.
package struct ChannelModel: PeerChannel {
  /// What went out, in bytes and datagrams without IP and UDP headers.
  package struct Traffic: Sendable {
    /// Datagrams with a gossip message, whole.
    package var gossipDatagrams: UInt64 = 0
    package var gossipBytes: UInt64 = 0
    /// Of these bytes, the messages themselves.
    package var messageBytes: UInt64 = 0
    /// HELLO, RESPONSE, COOKIE and datagrams with the channel's own frames only.
    package var channelDatagrams: UInt64 = 0
    package var channelBytes: UInt64 = 0
    package var streamBytes: UInt64 = 0
  }

  /// Why something was not done; each is a limit of the real channel.
  package struct Counters: Sendable {
    package var droppedDatagrams: UInt64 = 0
    package var replayed: UInt64 = 0
    package var droppedFrames: UInt64 = 0
    package var cookiesSent: UInt64 = 0
    package var helloRefused: UInt64 = 0
    package var helloHeldBack: UInt64 = 0
    package var violations: UInt64 = 0
    package var transfersRefused: UInt64 = 0
  }

  let directory: HostDirectory
  let roster: SimulatedSigner
  let own: Int
  /// Differs in every life; a session belongs to one.
  let boot: UInt64
  var chance: Chance

  /// What is known of each host's whereabouts, in the order of first contact, and where to find it by its number.
  var peers: ContiguousArray<PeerState> = []
  var slots: ContiguousArray<Int32>
  var sessions = SessionTable()
  /// Handshakes under way and frames that wait for them, by peer slot. Never iterated.
  var handshakes: [Int: PendingHandshake] = [:]
  /// What responders under load have sent, by peer slot, and when such an answer was last followed. Never iterated.
  var cookies: [Int: (cookie: UInt64, receivedAt: UInt64)] = [:]
  var cookieAnsweredAt: [Int: UInt64] = [:]
  var responder: Responder
  var transfers: TransferTable
  var label: HandshakeLabel
  var helloBudget = TokenBucket(perSecond: 50, burst: 50)
  package internal(set) var traffic = Traffic()
  package internal(set) var counters = Counters()

  package init(
    directory: HostDirectory, roster: SimulatedSigner, own: Int, boot: UInt64, labelFloor: UInt64 = 0, seed: UInt64
  ) {
    self.directory = directory
    self.roster = roster
    self.own = own
    self.boot = boot
    chance = Chance(seed: seed)
    slots = ContiguousArray(repeating: -1, count: directory.count)
    responder = Responder(secret: mix64(seed ^ boot))
    transfers = TransferTable(own: own)
    label = HandshakeLabel(floor: labelFloor)
  }

  package mutating func handle(_ input: ChannelInput, now: Now, into effects: inout ChannelEffects) {
    switch input {
    case .datagram(let bytes, let from): receive(UnsafeRawBufferPointer(bytes), from: from, now: now, into: &effects)
    case .deadline(let timer): fire(timer, now: now, into: &effects)
    case .stall: break  // no deadline of the channel proves anything about a peer
    case .accepted(let connection, _): accepted(connection, now: now, into: &effects)
    case .connected(let connection): connected(connection, now: now, into: &effects)
    case .received(let connection, let bytes): received(bytes, on: connection, now: now, into: &effects)
    case .drained(let connection): drained(connection, now: now, into: &effects)
    case .closed(let connection): closed(connection, into: &effects)
    case .command(let command): obey(command, now: now, into: &effects)
    }
  }

  package mutating func send(
    _ kind: FrameKind, _ message: MessageRange, to host: HostID, at endpoint: Endpoint?, now: Now,
    into effects: inout ChannelEffects
  ) {
    guard let index = directory.index(of: host), index != own else { return }
    let peer = slot(of: index)
    if let session = usableSession(of: peer, now: now) {
      seal(kind, message, on: session, now: now, into: &effects)
      if needsRenewal(session, now: now) { beginHandshake(with: peer, now: now, into: &effects) }
    } else {
      if let endpoint { peers[peer].endpoint = endpoint }
      wait(kind, effects.buffer.bytes(of: message), for: peer, now: now, into: &effects)
    }
  }

  package func key(of host: HostID) -> HostKey? {
    guard let index = directory.index(of: host), knowsKeys(of: index) else { return nil }
    return directory.identities[index].key
  }

  /// The model has no links, so nothing that belongs to a life runs over it.
  package func life(of host: HostID) -> Life? { nil }

  /// A standing session of the given age, as after hours of running, without simulating the hours. Called once for
  /// each other host in the order of their numbers, before the node lives; both sides derive everything from the seed.
  mutating func adopt(_ warm: WarmSession, now: Now) {
    let peer = slot(of: warm.other)
    peers[peer].introduced = true
    peers[peer].endpoint = warm.endpoint
    guard let place = sessions.open(peer: peer, boot: boot) else { return }
    sessions[place].secret = warm.secret
    sessions[place].remoteIndex = warm.remoteIndex
    sessions[place].established = now.monotonic &- min(warm.age, now.monotonic)
    sessions[place].isInitiator = warm.isInitiator
    sessions[place].state = .confirmed
    peers[peer].current = Int32(place)
  }

  private mutating func fire(_ timer: Timer, now: Now, into effects: inout ChannelEffects) {
    switch timer.kind {
    case ChannelModel.helloTimer: retryHandshake(timer, now: now, into: &effects)
    case ChannelModel.labelTimer: effects.events.append(.labelFloor(label.last))
    case ChannelModel.confirmTimer: confirmAgain(timer, now: now, into: &effects)
    case ChannelModel.openTimer: retryOpen(timer, now: now, into: &effects)
    case ChannelModel.idleTimer: checkIdle(timer, now: now, into: &effects)
    default: break
    }
  }

  private mutating func obey(_ command: ChannelCommand, now: Now, into effects: inout ChannelEffects) {
    switch command {
    case .introduce(let key, let endpoint):
      guard let index = directory.index(of: key), index != own else { return }
      let peer = slot(of: index)
      peers[peer].introduced = true
      peers[peer].endpoint = endpoint
    case .locate(let host, let endpoint):
      guard let index = directory.index(of: host), index != own else { return }
      peers[slot(of: index)].endpoint = endpoint
    case .drop(let host):
      guard let index = directory.index(of: host), index != own else { return }
      drop(slot(of: index), into: &effects)
    case .transfer(let purpose, let content, let host, let id):
      beginTransfer(purpose, content, to: host, id: id, now: now, into: &effects)
    case .report:
      counters.violations &+= 1
    case .adopt, .wantLink, .linkFrame, .linkCredit, .survey:
      break  // certificates, links and surveys are the real channel's
    }
  }

  /// Links are the real channel's.
  package mutating func endTurn(now: Now, into effects: inout ChannelEffects) {}

  // MARK: Peers

  static let helloTimer: UInt8 = 1
  static let labelTimer: UInt8 = 2
  static let openTimer: UInt8 = 3
  static let idleTimer: UInt8 = 4
  static let confirmTimer: UInt8 = 5

  mutating func slot(of index: Int) -> Int {
    if slots[index] >= 0 { return Int(slots[index]) }
    slots[index] = Int32(peers.count)
    peers.append(PeerState(index: Int32(index)))
    return peers.count - 1
  }

  func knowsKeys(of index: Int) -> Bool {
    if roster.knowsKeys(of: index) { return true }
    return slots[index] >= 0 && peers[Int(slots[index])].introduced
  }

  private mutating func drop(_ peer: Int, into effects: inout ChannelEffects) {
    if let handshake = handshakes.removeValue(forKey: peer) { sessions.close(handshake.session) }
    for session in [peers[peer].current, peers[peer].previous] where session >= 0 { sessions.close(Int(session)) }
    let stood = peers[peer].current >= 0
    peers[peer].current = -1
    peers[peer].previous = -1
    abortTransfers(with: Int(peers[peer].index), into: &effects)
    if stood { effects.events.append(.sessionDown(host(of: peer), .dropped)) }
  }

  func host(of peer: Int) -> HostID { directory.identities[Int(peers[peer].index)].host }
}

/// A session that stands from the beginning of a world.
struct WarmSession {
  let other: Int
  let endpoint: Endpoint
  let secret: UInt64
  let remoteIndex: UInt32
  let isInitiator: Bool
  let age: UInt64

  /// The session of `own` with `other`; `boots` are the lives of both.
  init(own: Int, other: Int, endpoint: Endpoint, otherBoot: UInt64, seed: UInt64) {
    let pair = mix64(seed ^ UInt64(min(own, other)) << 32 ^ UInt64(max(own, other)))
    self.other = other
    self.endpoint = endpoint
    secret = pair
    // We are the place of our number in the other's table, which has no place for itself.
    remoteIndex = SessionTable.firstIndex(of: own < other ? own : own - 1, boot: otherBoot)
    isInitiator = (pair & 1 == 0) == (own < other)
    age = mix64(pair) % ChannelModel.usableFor
  }
}

/// What is known of one host's whereabouts.
struct PeerState {
  let index: Int32
  /// Somebody vouched for its keys: the bootstrap list, the peer book, or its own HELLO.
  var introduced = false
  /// Sessions in use: the newest, and the one before it while datagrams of it may be under way.
  var current: Int32 = -1
  var previous: Int32 = -1
  /// Where handshakes go.
  var endpoint: Endpoint?
  /// HELLOs that were not answered, and when the last was.
  var tries: UInt8 = 0
  var lastHello: UInt64 = 0
  /// Label of the last HELLO that was answered; an older one is a replay.
  var lastLabel: UInt64 = 0
}

/// The label of our HELLOs: wall time in units of 16 ms (TAI64N, truncated), never falling even if the clock does.
struct HandshakeLabel {
  private(set) var last: UInt64
  /// When the floor was last told to the disk (monotonic).
  var told: UInt64 = 0

  init(floor: UInt64) { last = floor }

  mutating func next(wall: UInt64) -> UInt64 {
    last = max(last &+ 1, wall / 16_000_000)
    return last
  }
}

/// So many events per second, so many at once.
struct TokenBucket {
  private let interval: UInt64
  private let depth: UInt64
  /// The time at which the bucket would be full.
  private var fullAt: UInt64 = 0

  init(perSecond: UInt64, burst: UInt64) {
    interval = 1_000_000_000 / perSecond
    depth = interval * burst
  }

  mutating func take(at now: UInt64) -> Bool {
    let next = max(fullAt, now) + interval
    guard next <= now + depth else { return false }
    fullAt = next
    return true
  }

  /// Until one token is there.
  func wait(at now: UInt64) -> UInt64 {
    let next = max(fullAt, now) + interval
    return next > now + depth ? next - now - depth : 0
  }
}
