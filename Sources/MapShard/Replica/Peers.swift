import Wire

/// What this host knows of another one: which life it lives, what it has promised to it and what it was promised.
struct Peer: Hashable, Sendable {
  /// Of the session that was confirmed last. Every other life is dead.
  var life: Life?
  var isLinked = false
  var advice: HostAdvice = .alive
  /// When anything last came from this life; for the veto and for screens only.
  var lastHeard: UInt64 = 0

  /// Requests to this host's voter in the present second, and when that began.
  var asked = 0
  var askedSince: UInt64 = 0

  // As a member: towards X.
  /// My promise to X: its life and the deadline.
  var given: (life: Life, until: UInt64)? {
    get { givenLife.map { ($0, givenUntil) } }
    set {
      givenLife = newValue?.life
      givenUntil = newValue?.until ?? 0
    }
  }
  private var givenLife: Life?
  private var givenUntil: UInt64 = 0
  /// How often I have withdrawn my promise towards X. Never falls.
  var series: UInt64 = 0

  // As an owner: towards Y.
  /// `hb[Y]`: what Y's answers say.
  var heard: Heard?
  /// An answer came last; for the decision to drop a silent member.
  var answeredAt: UInt64 = 0

  struct Heard: Hashable, Sendable {
    var life: Life
    var series: UInt64
    var until: UInt64
  }
}

/// The hosts that this one has met. Bounded: sessions are (4,096), and certified hosts are what there is.
struct Peers: Hashable, Sendable {
  static let limit = 4096
  private var table: [HostID: Peer] = [:]

  subscript(host: HostID) -> Peer? { table[host] }

  func life(of host: HostID) -> Life? { table[host]?.life }
  func isLinked(_ host: HostID) -> Bool { table[host]?.isLinked ?? false }
  func advice(_ host: HostID) -> HostAdvice { table[host]?.advice ?? .alive }

  /// Sorted.
  var linked: [HostID] { table.filter(\.value.isLinked).keys.sorted() }

  /// Another life of the member's host was met: this one is dead.
  func isDead(_ member: Member) -> Bool {
    guard let life = table[member.host]?.life else { return false }
    return life != member.life
  }

  /// Changes the entry of a host in place; makes one if there is room. False when the table is full.
  @discardableResult
  mutating func update(_ host: HostID, _ change: (inout Peer) -> Void) -> Bool {
    if table[host] == nil, table.count >= Peers.limit { return false }
    change(&table[host, default: Peer()])
    return true
  }
}
