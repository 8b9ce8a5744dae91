import Wire

/// Keys and counters of one session with one peer.
struct Session {
  enum State: UInt8 {
    case closed
    /// Our HELLO is out.
    case offered
    /// We answered a HELLO; the initiator has not yet proved that it got the answer.
    case unconfirmed
    case confirmed
  }

  var state: State
  var isInitiator = false
  let peer: Int32
  var remoteIndex: UInt32 = 0
  /// Stands for the keys.
  var secret: UInt64 = 0
  /// When the keys were made (monotonic).
  var established: UInt64 = 0
  var sentBytes: UInt64 = 0
  var sendCounter: UInt64 = 0
  var lastSent: UInt64 = 0
  /// Datagrams sent since the peer was heard, and when the first of them was.
  var unanswered: UInt32 = 0
  var unansweredSince: UInt64 = 0
  /// The peer was heard on it.
  var isHeard = false
  private var newest: UInt64 = 0
  private var window: UInt64 = 0

  init(peer: Int, state: State) {
    self.peer = Int32(peer)
    self.state = state
  }

  /// Counters start at 1 here, so that 0 means none. True when this one is new.
  mutating func accept(counter: UInt64) -> Bool {
    if counter > newest {
      let shift = counter - newest
      window = shift >= 64 ? 1 : window << shift | 1
      newest = counter
      return true
    }
    let age = newest - counter
    guard counter > 0, age < 64, window & 1 << age == 0 else { return false }
    window |= 1 << age
    return true
  }

  func isNewest(_ counter: UInt64) -> Bool { counter == newest }
}

/// The sessions of one node. A local index names a place in the table and its use, so a datagram of an earlier use
/// finds nothing.
struct SessionTable {
  /// DESIGN 4.3.
  static let limit = 4_096
  private static let placeBits: UInt32 = 13

  private var entries: ContiguousArray<Session> = []
  private var uses: ContiguousArray<UInt32> = []
  private var free: ContiguousArray<Int32> = []

  var count: Int { entries.count - free.count }

  subscript(place: Int) -> Session {
    _read { yield entries[place] }
    _modify { yield &entries[place] }
  }

  /// A new session in state `offered`; `nil` at the limit.
  mutating func open(peer: Int, boot: UInt64) -> Int? {
    guard count < SessionTable.limit else { return nil }
    let session = Session(peer: peer, state: .offered)
    if let place = free.popLast() {
      entries[Int(place)] = session
      uses[Int(place)] &+= 1
      return Int(place)
    }
    entries.append(session)
    uses.append(SessionTable.firstUse(of: entries.count - 1, boot: boot))
    return entries.count - 1
  }

  mutating func close(_ place: Int) {
    guard entries[place].state != .closed else { return }
    entries[place].state = .closed
    free.append(Int32(place))
  }

  func localIndex(of place: Int) -> UInt32 { UInt32(place) | uses[place] << SessionTable.placeBits }

  /// What a place is called at its first use in a life.
  static func firstIndex(of place: Int, boot: UInt64) -> UInt32 {
    UInt32(place) | firstUse(of: place, boot: boot) << placeBits
  }

  /// Drawn from the life, so that a restarted node does not answer to indices of its last life.
  private static func firstUse(of place: Int, boot: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: mix64(boot &+ UInt64(place)))
  }

  func find(_ index: UInt32) -> Int? {
    let place = Int(index & (1 << SessionTable.placeBits - 1))
    guard place < entries.count, entries[place].state != .closed, localIndex(of: place) == index else { return nil }
    return place
  }
}
