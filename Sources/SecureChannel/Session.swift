import Wire

/// Lifetimes of DESIGN 4.3, in nanoseconds, and what else bounds a session.
package enum SessionLimits {
  /// A session may send for so long.
  static let usable = Nanoseconds.seconds(3600)
  /// Its keys are wiped then. What was under way at `usable` is still opened.
  static let wiped = Nanoseconds.seconds(3700)
  /// The initiator renews a session older than this that has carried more than `renewalBytes`.
  static let renewalAfterBytes = Nanoseconds.seconds(120)
  static let renewalBytes: UInt64 = 64 << 10
  /// The initiator renews a session older than this while a link is open.
  static let renewalWithLink = Nanoseconds.seconds(600)
  /// The initiator renews any session older than this that is used.
  static let renewal = Nanoseconds.seconds(3000)
  /// The responder asks for a new session when the initiator has not by then.
  static let responderRenewal = Nanoseconds.seconds(3300)
  /// A session whose initiator has not proven its keys by a first datagram.
  static let unconfirmed = Nanoseconds.seconds(5)
  static let unconfirmedCount = 128
  /// Counters stop here, far from where a nonce could repeat.
  static let counters: UInt64 = 1 << 48
  /// Forged datagrams that may be tried on one key.
  static let forgeries: UInt64 = 1 << 36
  static let forgeryBurst: UInt64 = 1 << 20
  static let forgeryBurstSpan = Nanoseconds.seconds(10)
  /// A session is doubted (and a handshake tried beside it) after so many datagrams without any answer over so long.
  static let unansweredCount: UInt32 = 3
  static let unansweredSpan = Nanoseconds.seconds(3)
  /// Two sessions that were set up by both sides within this time crossed; the lower host id's stays.
  static let crossing = Nanoseconds.seconds(3)
  /// How long the session of a former life of the peer is watched: its key in use again means two processes.
  static let watched = Nanoseconds.seconds(10)
  /// What was sent before the new life was confirmed may arrive so much later.
  static let watchGrace = Nanoseconds.seconds(2)
}

/// The keys of a host pair over UDP and what belongs to them.
struct Session {
  enum State: UInt8 {
    case free
    /// We answered a HELLO; its sender has not used the keys yet. Nothing is sent with it.
    case unconfirmed
    case established
    /// Of a former life of the peer: opened only to notice that the former life goes on.
    case watched
  }

  var state = State.free
  /// Place in the table of peers.
  var peer = 0
  var isInitiator = false
  /// The peer has been heard on this session.
  var isAcknowledged = false
  /// Our name for it, random; what the peer's datagrams carry.
  var localIndex: UInt32 = 0
  var remoteIndex: UInt32 = 0
  var sendKey: Secret?
  var receiveKey: Secret?
  /// Keys of streams come from it.
  var exporter: Secret?
  /// The peer's life.
  var bootID: UInt64 = 0
  /// Where the HELLO came from, or went to.
  var origin = Endpoint(high: 0, low: 0, port: 0)

  var createdAt: UInt64 = 0
  /// When it was confirmed; for a watched session, when it was replaced.
  var establishedAt: UInt64 = 0
  var lastSentAt: UInt64 = 0
  var lastReceivedAt: UInt64 = 0
  /// Both directions.
  var bytes: UInt64 = 0
  var sendCounter: UInt64 = 0
  var window = ReplayWindow()

  /// Datagrams sent since the peer was heard, and when the first of them was.
  var unanswered: UInt32 = 0
  var unansweredSince: UInt64 = 0

  var forgeries: UInt64 = 0
  var forgeriesInBurst: UInt64 = 0
  var forgeryBurstStart: UInt64 = 0

  /// Streams that the two sides have announced on this session.
  var announced: UInt64 = 0
  var acceptedStreams = ReplayWindow()

  /// The peer's coarse time and when it came, in milliseconds modulo 2^16; what it tells of the round trip.
  var peerTime: UInt16 = 0
  var peerTimeAt: UInt64 = 0
  var hasPeerTime = false

  func age(at now: UInt64) -> UInt64 { now > createdAt ? now - createdAt : 0 }
  func maySend(at now: UInt64) -> Bool {
    state == .established && age(at: now) < SessionLimits.usable && sendCounter < SessionLimits.counters
  }
  func isWorn(at now: UInt64) -> Bool { age(at: now) >= SessionLimits.wiped }
  var lastUsedAt: UInt64 { max(lastSentAt, lastReceivedAt, createdAt) }

  /// The peer has answered nothing for a while although it should have.
  func isDoubtful(at now: UInt64) -> Bool {
    unanswered >= SessionLimits.unansweredCount && now &- unansweredSince >= SessionLimits.unansweredSpan
  }

  /// The renewal rules of DESIGN 4.3.
  func wantsRenewal(at now: UInt64, hasLink: Bool) -> Bool {
    let age = age(at: now)
    guard isInitiator else { return age > SessionLimits.responderRenewal }
    return age > SessionLimits.renewal
      || (age > SessionLimits.renewalAfterBytes && bytes > SessionLimits.renewalBytes)
      || (age > SessionLimits.renewalWithLink && hasLink)
      || sendCounter > SessionLimits.counters / 2
  }

  mutating func noteSent(_ count: Int, at now: UInt64) {
    sendCounter &+= 1
    bytes &+= UInt64(truncatingIfNeeded: count)
    lastSentAt = now
    if unanswered == 0 { unansweredSince = now }
    if unanswered < .max { unanswered += 1 }
  }

  mutating func noteReceived(_ count: Int, at now: UInt64) {
    bytes &+= UInt64(truncatingIfNeeded: count)
    lastReceivedAt = now
    isAcknowledged = true
    unanswered = 0
  }

  /// Counts a datagram with a wrong tag. Never held against the peer: anyone on the path can make them.
  mutating func noteForged(at now: UInt64) -> (burst: Bool, tooMany: Bool) {
    forgeries &+= 1
    if now &- forgeryBurstStart > SessionLimits.forgeryBurstSpan {
      forgeryBurstStart = now
      forgeriesInBurst = 0
    }
    forgeriesInBurst += 1
    return (forgeriesInBurst == SessionLimits.forgeryBurst, forgeries >= SessionLimits.forgeries)
  }
}

/// All sessions, found by their index in constant time. Slots are reused; at most `limit` at once.
struct SessionTable {
  private(set) var slots: ContiguousArray<Session> = []
  private var free: [Int] = []
  private var places: [UInt32: Int] = [:]
  let limit: Int

  init(limit: Int) { self.limit = limit }

  var count: Int { slots.count - free.count }
  var isFull: Bool { count >= limit }
  private(set) var unconfirmed = 0

  subscript(slot: Int) -> Session {
    _read { yield slots[slot] }
    _modify { yield &slots[slot] }
  }

  func slot(of index: UInt32) -> Int? { places[index] }

  /// Places a session; `nil` when the table is full or the index is taken.
  mutating func insert(_ session: Session) -> Int? {
    guard !isFull, places[session.localIndex] == nil else { return nil }
    let slot: Int
    if let reused = free.popLast() {
      slot = reused
      slots[slot] = session
    } else {
      slot = slots.count
      slots.append(session)
    }
    places[session.localIndex] = slot
    if session.state == .unconfirmed { unconfirmed += 1 }
    return slot
  }

  /// Wipes the keys and frees the slot.
  mutating func remove(_ slot: Int) {
    guard slots[slot].state != .free else { return }
    if slots[slot].state == .unconfirmed { unconfirmed -= 1 }
    places[slots[slot].localIndex] = nil
    slots[slot] = Session()
    free.append(slot)
  }

  /// The peer has proven that it holds the keys.
  mutating func confirm(_ slot: Int, at now: UInt64) {
    guard slots[slot].state == .unconfirmed else { return }
    unconfirmed -= 1
    slots[slot].state = .established
    slots[slot].establishedAt = now
  }
}
