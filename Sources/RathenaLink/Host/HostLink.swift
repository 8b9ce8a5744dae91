import Wire

/// The char-link of one local map-server at its host: it numbers what the map-server says, keeps the link alive while the
/// bridge is away, and tells each bridge what it must know before the map-server can go on.
///
/// A pure value for one connection. A map-server that links anew gets a new one that counts on (`after`).
package struct HostLink {
  package enum State: UInt8, Hashable, Sendable {
    case notLoggedIn
    /// 2af9 and 388c are answered, 2afb is withheld.
    case standby
    case serving
    case gone
  }

  enum Bridge: Hashable {
    case away
    /// The handshake is being repeated, or made.
    case opening
    /// 2afb has come; the outbox sends what it has kept.
    case resending
    case there
  }

  /// 2b17, 2b26 and the like while the bridge is away: far more than a map-server says in a takeover.
  package static let heldLimit = 1 << 20

  package internal(set) var counters = HostLinkCounters()
  package internal(set) var state = State.notLoggedIn
  package internal(set) var reign: Reign
  /// Last sequence that was given.
  package internal(set) var sequence: UInt64

  var bridge = Bridge.away
  var cutter = FrameCutter(table: .toCharServer)
  /// 2af8 and 2afa as they came.
  var login: [UInt8] = []
  var mapList: [UInt8] = []
  var hasStorageTable = false
  /// Castles and clans, asked for and not answered.
  var asked: Set<UInt16> = []
  var users = LinkUsers()
  var held: [[UInt8]] = []
  var heldBytes = 0

  package init(reign: Reign, after sequence: UInt64 = 0) {
    self.reign = reign
    self.sequence = sequence
  }

  package mutating func handle(_ input: HostLinkInput, into effects: inout HostLinkEffects) {
    switch input {
    case .reign(let reign): self.reign = reign
    case .taken(let taken): sequence = max(sequence, taken)
    default: break
    }
    guard state != .gone else { return }
    switch input {
    case .mapServer(let bytes): receive(bytes, into: &effects)
    case .mapServerClosed: end()
    case .bridgeOpened: openBridge(into: &effects)
    case .bridgeClosed: closeBridge(into: &effects)
    case .bridge(let bytes): receiveOfBridge(bytes, into: &effects)
    case .resent: resume(into: &effects)
    case .reign, .taken: break
    }
  }

  mutating func end() {
    state = .gone
    bridge = .away
    held = []
    heldBytes = 0
    asked = []
  }

  mutating func closeMapServer(_ event: HostLinkEvent, into effects: inout HostLinkEffects) {
    effects.events.append(event)
    effects.closesMapServer = true
    end()
  }

  // MARK: messages

  mutating func sendToBridge(_ bytes: UnsafeRawBufferPointer, sequence: UInt64, into effects: inout HostLinkEffects) {
    guard let message = effects.buffer.append(bytes) else { return countFullBuffer(into: &effects) }
    counters.toBridge &+= 1
    effects.toBridge.append(HostLinkEffects.ToBridge(message: message, sequence: sequence))
  }

  mutating func sendToMapServer(_ bytes: UnsafeRawBufferPointer, into effects: inout HostLinkEffects) {
    guard let message = effects.buffer.append(bytes) else { return countFullBuffer(into: &effects) }
    counters.toMapServer &+= 1
    effects.toMapServer.append(message)
  }

  mutating func countFullBuffer(into effects: inout HostLinkEffects) {
    counters.bufferFull &+= 1
    effects.events.append(.bufferFull)
  }

  mutating func nextSequence() -> UInt64 {
    sequence &+= 1
    return sequence
  }
}
