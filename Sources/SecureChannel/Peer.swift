import Hashing
import Wire

/// A datagram that waits for a session.
struct WaitingDatagram {
  static let limit = 4
  static let life = Nanoseconds.seconds(1)

  var kind: FrameKind
  var body: [UInt8]
  var since: UInt64
}

/// What the channel knows of one host.
struct Peer {
  let host: HostID
  /// From an introduction, or from the certificate of a HELLO; otherwise the roster is asked.
  var key: HostKey?
  /// X25519 of both static keys: the same in every handshake with this host.
  var staticShared: Secret?

  /// Where gossip, an introduction or a caller says that it is.
  var located: Endpoint?
  /// Where it has proven that it is.
  var path: Endpoint?
  var pathProbe: PathProbe?
  var lastMoveAt: UInt64?
  /// The question of `doctor` that waits for its answer.
  var survey: Survey?

  struct Survey {
    var token: UInt64
    var sentAt: UInt64
  }

  /// Slots in the table of sessions. `next` is an answered HELLO that is not confirmed yet, `current` is used to send,
  /// `previous` still opens what was under way, `former` is of another life of the peer.
  var current: Int?
  var previous: Int?
  var next: Int?
  var former: Int?
  /// `.sessionUp` was told and `.sessionDown` not yet.
  var isUp = false

  /// The life that the current session is with, and the lives that came before it.
  var bootID: UInt64?
  var formerBootIDs: (UInt64, UInt64) = (0, 0)
  var lastConflictAt: UInt64?

  /// The latest label of its HELLOs.
  var lastLabel: TimeLabel?
  var lastHelloReceivedAt: UInt64?

  var attempt = HandshakeAttempt()
  var cookie: Cookie?
  var waiting: [WaitingDatagram] = []

  var conduct = ConductScore()
  var malformedAt: (UInt64, UInt64) = (0, 0)
  /// 2,000 datagrams/s, burst 500.
  var datagrams = TokenBucket(rate: 2000, burst: 500)
  /// 4 MB/s in units of 64 bytes, burst one second.
  var volume = TokenBucket(rate: 62_500, burst: 62_500)
  /// 2 announcements/s; a burst for a link and two transfers at once.
  var announcements = TokenBucket(rate: 2, burst: 4)
  var excess = 0

  var wantsLink = false
  var link: Stream?
  /// When a link that could not be opened is tried again, and how many tries have failed.
  var linkRetryAt: UInt64 = 0
  var linkFailures = 0

  /// Smoothed, in milliseconds.
  var roundTrip: UInt32?
  var lastUsedAt: UInt64 = 0

  init(host: HostID) { self.host = host }

  /// Nothing would be lost by forgetting it but the label of its last HELLO.
  func isForgettable(at now: UInt64) -> Bool {
    current == nil && previous == nil && next == nil && former == nil && attempt.phase == .idle && waiting.isEmpty
      && !wantsLink && link == nil && conduct.isClean(at: now)
  }
}

/// All known hosts, found by id and by handshake key in constant time. Entries are made only by our own callers and by
/// certified hosts.
struct PeerTable {
  /// Twice the members that a network may have (`security.md` 3.7): those that left may come back.
  static let limit = 8192

  private var slots: ContiguousArray<Peer> = []
  private var places: [HostID: Int] = [:]
  private var exchangePlaces: [Digest: Int] = [:]
  private var free: [Int] = []
  private var neighbourhoods = PrefixCounts()

  var indices: Range<Int> { slots.indices }

  subscript(slot: Int) -> Peer {
    // Not `_read`: Swift 6.3 without optimisation reads a trivial field after such a coroutine has freed its frame (found
    // by the address sanitizer). Optimised builds load just the field either way.
    get { slots[slot] }
    _modify { yield &slots[slot] }
  }

  func slot(of host: HostID) -> Int? { places[host] }
  func slot(ofExchangeKey key: Digest) -> Int? { exchangePlaces[key] }

  /// The place of a host, made when needed. `nil` when the table is full of hosts that are in use.
  mutating func slot(making host: HostID, at now: UInt64) -> Int? {
    if let place = places[host] { return place }
    if slots.count >= PeerTable.limit, free.isEmpty {
      guard forgetOne(at: now) else { return nil }
    }
    let place: Int
    if let reused = free.popLast() {
      place = reused
      slots[place] = Peer(host: host)
    } else {
      place = slots.count
      slots.append(Peer(host: host))
    }
    slots[place].lastUsedAt = now
    places[host] = place
    return place
  }

  /// Notes the keys of a host; they cannot change, the host id is their hash.
  mutating func setKey(_ key: HostKey, at slot: Int) {
    guard slots[slot].key == nil else { return }
    slots[slot].key = key
    if let exchange = key.exchange.withUnsafeBytes({ Digest(bytes: $0) }) { exchangePlaces[exchange] = slot }
  }

  /// Notes where a host is said to be; false when that is known already.
  mutating func locate(_ slot: Int, at endpoint: Endpoint) -> Bool {
    let former = slots[slot].located
    guard former != endpoint else { return false }
    if let former { neighbourhoods.remove(former.prefix) }
    neighbourhoods.add(endpoint.prefix)
    slots[slot].located = endpoint
    return true
  }

  /// True for a /24 or /48 in which a known host is.
  func isNeighbourhood(_ prefix: UInt64) -> Bool { neighbourhoods.contains(prefix) }

  private mutating func forgetOne(at now: UInt64) -> Bool {
    var oldest: Int?
    for slot in slots.indices where slots[slot].isForgettable(at: now) {
      if slots[slot].lastUsedAt < slots[oldest ?? slot].lastUsedAt || oldest == nil { oldest = slot }
    }
    guard let oldest else { return false }
    places[slots[oldest].host] = nil
    if let located = slots[oldest].located { neighbourhoods.remove(located.prefix) }
    if let key = slots[oldest].key, let exchange = key.exchange.withUnsafeBytes({ Digest(bytes: $0) }) {
      exchangePlaces[exchange] = nil
    }
    free.append(oldest)
    return true
  }
}

/// How many located hosts are in each neighbourhood: under a flood their cookies come from a budget of their own.
private struct PrefixCounts {
  private var counts: [UInt64: Int] = [:]

  func contains(_ prefix: UInt64) -> Bool { counts[prefix] != nil }
  mutating func add(_ prefix: UInt64) { counts[prefix, default: 0] += 1 }
  mutating func remove(_ prefix: UInt64) {
    guard let count = counts[prefix] else { return }
    counts[prefix] = count > 1 ? count - 1 : nil
  }
}
