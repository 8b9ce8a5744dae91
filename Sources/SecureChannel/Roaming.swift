package import Wire

/// The kinds of addresses that a node may send to: those in which it listens or is certified itself (DESIGN 4.1), so
/// that a forged address cannot aim it at its own machine or its neighbours.
package struct ReachSet: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  package static let loopback = ReachSet(rawValue: 1)
  package static let linkLocal = ReachSet(rawValue: 2)
  package static let privateRange = ReachSet(rawValue: 4)
  package static let global = ReachSet(rawValue: 8)

  /// The kind of one address of the node; empty for one that nobody can be reached at.
  package init(of reach: Endpoint.Reach) {
    switch reach {
    case .unusable: self = []
    case .loopback: self = .loopback
    case .linkLocal: self = .linkLocal
    case .privateRange: self = .privateRange
    case .global: self = .global
    }
  }

  /// From the addresses that a node listens on or is certified for. A global address may always be sent to.
  package init(listening addresses: some Sequence<Endpoint>) {
    self = addresses.reduce(into: .global) { $0.formUnion(ReachSet(of: $1.reach)) }
  }
}

/// A challenge to a new address of a peer, which must come back from there.
struct PathProbe {
  /// One challenge a second; older ones are forgotten.
  static let interval = Nanoseconds.seconds(1)
  /// So many times what came from an address may go to it before it is proven.
  static let amplification = 3

  var candidate: Endpoint
  var token: UInt64
  var startedAt: UInt64
  var received: Int
  var sent: Int
}

/// A peer that shows up at another address is followed there only after it has proven that it receives there: a
/// captured datagram sent on from elsewhere moves nothing.
extension Channel {
  /// True for an address and port that this node may send to.
  func mayReach(_ endpoint: Endpoint) -> Bool {
    let reach = ReachSet(of: endpoint.reach)
    return endpoint.port != 0 && !reach.isEmpty && settings.reaches.union(.global).isSuperset(of: reach)
  }

  /// Authentic and newest datagram of a session, from an address other than the proven one.
  mutating func considerMove(
    _ peer: Int, _ slot: Int, to endpoint: Endpoint, received: Int, now: Now, into effects: inout ChannelEffects
  ) {
    let time = now.monotonic
    guard peers[peer].current == slot || peers[peer].previous == slot, mayReach(endpoint) else { return }
    if let certificate = roster.certificate(of: peers[peer].host), !certificate.admits(endpoint) { return }
    if let probe = peers[peer].pathProbe, probe.candidate == endpoint, time &- probe.startedAt < PathProbe.interval {
      peers[peer].pathProbe?.received += received
      return
    }
    if let probe = peers[peer].pathProbe, time &- probe.startedAt < PathProbe.interval { return }
    if let last = peers[peer].lastMoveAt, time &- last < PathProbe.interval { return }
    var probe = PathProbe(candidate: endpoint, token: entropy.u64(), startedAt: time, received: received, sent: 0)
    let size = DatagramSize.emptyData + 16
    guard probe.sent + size <= PathProbe.amplification * probe.received else {
      return counters.add(.droppedPathBudget)
    }
    probe.sent += size
    peers[peer].pathProbe = probe
    counters.add(.pathChallenges)
    sendPath(PathFrame(operation: .challenge, token: probe.token), slot, to: endpoint, now: now, into: &effects)
  }

  mutating func receivePath(
    _ frame: PathFrame, _ peer: Int, _ slot: Int, from: Endpoint, now: Now, into effects: inout ChannelEffects
  ) {
    switch frame.operation {
    case .challenge:
      // As long as the challenge, and back to where it came from: the path itself is what is asked for.
      guard mayReach(from) else { return counters.add(.refusedTargets) }
      guard let current = peers[peer].current else { return }
      sendPath(PathFrame(operation: .answer, token: frame.token), current, to: from, now: now, into: &effects)
    case .answer:
      guard let probe = peers[peer].pathProbe, probe.candidate == from, probe.token == frame.token,
        now.monotonic &- probe.startedAt < PathProbe.interval
      else { return counters.add(.droppedPathAnswer) }
      peers[peer].pathProbe = nil
      move(peer, to: from, now: now, into: &effects)
    }
  }

  mutating func move(_ peer: Int, to endpoint: Endpoint, now: Now, into effects: inout ChannelEffects) {
    peers[peer].path = endpoint
    peers[peer].lastMoveAt = now.monotonic
    counters.add(.pathMoves)
    effects.events.append(.moved(peers[peer].host, endpoint))
  }

  private mutating func sendPath(
    _ frame: PathFrame, _ slot: Int, to endpoint: Endpoint, now: Now, into effects: inout ChannelEffects
  ) {
    guard sessions[slot].maySend(at: now.monotonic),
      let message = effects.buffer.append(maximum: PathFrame.size, { frame.write(into: &$0) })
    else { return }
    sendFrame(.path, message, on: slot, to: endpoint, now: now, into: &effects)
  }
}
