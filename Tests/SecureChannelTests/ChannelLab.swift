import SecureChannel
import Testing
import Wire

/// Seeded entropy that remembers what it gave, for golden transcripts.
final class TapeEntropy: Entropy {
  private let source: SeededEntropy
  var records = false
  private(set) var tape: [[UInt8]] = []

  init(_ seed: UInt64) { source = SeededEntropy(seed) }

  func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    source.fill(bytes)
    if records { tape.append([UInt8](UnsafeRawBufferPointer(bytes))) }
  }

  /// The draws of one size since the last call, in order.
  func take(_ size: Int) -> [[UInt8]] {
    defer { tape.removeAll { $0.count == size } }
    return tape.filter { $0.count == size }
  }
}

/// One channel with what a shell would do for it.
final class LabNode {
  let index: Int
  var endpoint: Endpoint
  let identity: Identity
  let roster: Roster
  let certificate: Certificate
  let entropy: TapeEntropy
  let bootID: UInt64
  var settings: ChannelSettings
  var channel: Channel
  var effects = ChannelEffects(buffer: MessageBuffer())
  /// Lives; timers and connections of an earlier one are dead.
  var life = 0
  var isRunning = true
  var labelFloor: UInt64 = 0
  /// How far its wall clock is off.
  var wallOffset: Int64 = 0
  var acceptedConnections: UInt64 = 0

  var deliveries: [(from: HostID, kind: FrameKind, body: [UInt8], at: UInt64)] = []
  var events: [(event: ChannelEvent, at: UInt64)] = []
  var bytesSent = 0

  var host: HostID { identity.hostID }

  init(
    index: Int, endpoint: Endpoint, identity: Identity, certificate: Certificate, net: TestNetwork, seed: UInt64,
    settings: ChannelSettings
  ) {
    self.index = index
    self.endpoint = endpoint
    self.identity = identity
    self.certificate = certificate
    self.settings = settings
    entropy = TapeEntropy(seed)
    bootID = entropy.u64()
    roster = Roster(network: net.network, identity: identity)
    channel = Channel(
      roster: roster, certificate: certificate, arena: net.arena, entropy: entropy, seed: seed, bootID: bootID,
      labelFloor: 0, settings: settings)!
  }

  /// Gossip bodies that came, in order.
  var gossip: [[UInt8]] { deliveries.filter { $0.kind == .gossip }.map(\.body) }
  func count(_ matches: (ChannelEvent) -> Bool) -> Int { events.count { matches($0.event) } }
  var sessionUps: Int { count { if case .sessionUp = $0 { true } else { false } } }
  var sessionDowns: [SessionEnd] {
    events.compactMap { if case .sessionDown(_, let end) = $0.event { end } else { nil } }
  }
  var transfersReceived: [[UInt8]] {
    events.compactMap { if case .transferReceived(_, _, let content) = $0.event { content } else { nil } }
  }
  var transfersSent: [UInt64] {
    events.compactMap { if case .transferSent(let id) = $0.event { id } else { nil } }
  }
  var transferFailures: [TransferFailure] {
    events.compactMap { if case .transferFailed(_, let reason) = $0.event { reason } else { nil } }
  }
  var linkFrames: [(channel: LinkChannel, body: [UInt8])] {
    events.compactMap { if case .linkFrame(_, let channel, let body) = $0.event { (channel, body) } else { nil } }
  }
  var linkUps: Int { count { if case .linkUp = $0 { true } else { false } } }
  var linkDowns: Int { count { if case .linkDown = $0 { true } else { false } } }
  var violations: Int { count { if case .violation = $0 { true } else { false } } }
  func counted(_ counter: ChannelCounter) -> UInt64 { channel.counters[counter] }
}

/// Channels against each other over a network in memory, with a clock of its own.
final class Lab {
  struct Datagram {
    var from: Endpoint
    var to: Endpoint
    var bytes: [UInt8]
    var type: UInt8 { bytes.first ?? 0 }
  }

  private enum Happening {
    case datagram(Datagram)
    case deadline(node: Int, life: Int, Timer)
    case tcp(node: Int, life: Int, TCP)
    case call(() -> Void)
  }

  private enum TCP {
    case accepted(ConnectionID, Endpoint)
    case connected(ConnectionID)
    case received(ConnectionID, [UInt8])
    case drained(ConnectionID)
    case closed(ConnectionID)
  }

  private struct Socket: Hashable {
    var node: Int
    var connection: ConnectionID
  }

  static let start: UInt64 = 1_000_000_000_000

  let net: TestNetwork
  let seed: UInt64
  var nodes: [LabNode] = []
  /// Monotonic nanoseconds.
  private(set) var time = Lab.start
  private var queue = DeadlineQueue<Happening>()
  var chance: Chance

  var latency: UInt64 = 1_000_000
  var jitter: UInt64 = 0
  var loss = 0.0
  var doubling = 0.0
  /// Sees every datagram when it is sent: what it returns is delivered instead.
  var tap: ((Datagram) -> [Datagram])?
  /// Alters what goes through TCP.
  var streamTap: ((_ from: Int, _ bytes: [UInt8]) -> [UInt8])?
  /// Sees everything that a node writes, also on connections of strangers.
  var onWrite: ((_ node: Int, _ bytes: [UInt8]) -> Void)?
  /// No `.drained` for this node's writes: its peer does not read.
  var stuckSenders: Set<Int> = []
  /// Datagrams that no node of ours sent or got, by destination.
  private(set) var strays: [Datagram] = []
  private(set) var trace: [Datagram] = []
  var keepsTrace = false

  private var pipes: [Socket: Socket] = [:]
  private var undrained: [Socket: Int] = [:]

  init(seed: UInt64) {
    self.seed = seed
    net = TestNetwork(seed: seed)
    chance = Chance(seed: seed &+ 17)
  }

  var now: Now { now(of: 0) }
  private func now(of node: Int) -> Now {
    let offset = node < nodes.count ? nodes[node].wallOffset : 0
    return Now(monotonic: time, wall: UInt64(Int64(TestNetwork.now * 1_000_000_000 + (time - Lab.start)) + offset))
  }
  var elapsed: UInt64 { time - Lab.start }

  // MARK: Nodes

  @discardableResult
  func add(endpoint: Endpoint? = nil, _ change: (inout ChannelSettings) -> Void = { _ in }) throws -> LabNode {
    let index = nodes.count
    let identity = net.identity()
    var settings = ChannelSettings(port: 7000, reaches: [.loopback, .privateRange, .global])
    change(&settings)
    let node = LabNode(
      index: index, endpoint: endpoint ?? Endpoint(ipv4: 0x7f00_0001 + UInt32(index), port: 7000), identity: identity,
      certificate: try net.certificate(for: identity, name: "host-\(index)"), net: net,
      seed: seed &* 31 &+ UInt64(index),
      settings: settings)
    nodes.append(node)
    return node
  }

  /// `count` nodes that know each other's keys, addresses and certificates.
  static func mesh(
    _ count: Int, seed: UInt64, _ change: (inout ChannelSettings) -> Void = { _ in }
  ) throws -> Lab {
    let lab = Lab(seed: seed)
    for _ in 0..<count { try lab.add(change) }
    for one in lab.nodes {
      for other in lab.nodes where other !== one { lab.introduce(other, to: one) }
    }
    return lab
  }

  func introduce(_ other: LabNode, to node: LabNode, withCertificate: Bool = true) {
    if withCertificate { _ = node.roster.adopt(other.certificate) }
    command(.introduce(other.identity.key, at: other.endpoint), node)
  }

  /// The lower host id first.
  func inOrder(_ one: LabNode, _ other: LabNode) -> (LabNode, LabNode) {
    one.host < other.host ? (one, other) : (other, one)
  }

  /// A new process with the same identity; its memory is gone.
  func restart(_ node: LabNode) {
    node.life += 1
    node.isRunning = true
    node.channel = Channel(
      roster: Roster(network: net.network, identity: node.identity), certificate: node.certificate, arena: net.arena,
      entropy: node.entropy, seed: node.entropy.u64(), bootID: node.entropy.u64(), labelFloor: node.labelFloor,
      settings: node.settings)!
    breakConnections(of: node)
    for other in nodes where other !== node {
      command(.introduce(other.identity.key, at: other.endpoint), node)
    }
  }

  func stop(_ node: LabNode) {
    node.isRunning = false
    node.life += 1
    breakConnections(of: node)
  }

  private func breakConnections(of node: LabNode) {
    for (socket, other) in pipes where socket.node == node.index {
      pipes[socket] = nil
      pipes[other] = nil
      schedule(.tcp(node: other.node, life: nodes[other.node].life, .closed(other.connection)), after: latency)
    }
  }

  // MARK: What a node is told

  func command(_ command: ChannelCommand, _ node: LabNode) { handle(.command(command), node) }

  func send(
    _ body: [UInt8], from node: LabNode, to other: HostID, kind: FrameKind = .gossip, at endpoint: Endpoint? = nil
  ) {
    guard node.isRunning, let message = body.withUnsafeBytes({ node.effects.buffer.append($0) }) else { return }
    node.channel.send(kind, message, to: other, at: endpoint, now: now(of: node.index), into: &node.effects)
    flush(node)
  }

  func send(_ text: String, from node: LabNode, to other: LabNode) {
    send([UInt8](text.utf8), from: node, to: other.host)
  }

  func handle(_ input: ChannelInput, _ node: LabNode) {
    guard node.isRunning else { return }
    node.channel.handle(input, now: now(of: node.index), into: &node.effects)
    node.channel.endTurn(now: now(of: node.index), into: &node.effects)
    flush(node)
  }

  /// Hands a datagram to a node now.
  func inject(_ bytes: [UInt8], from: Endpoint, into node: LabNode) {
    guard node.isRunning else { return }
    var bytes = bytes
    bytes.withUnsafeMutableBytes { buffer in
      node.channel.handle(.datagram(buffer, from: from), now: now(of: node.index), into: &node.effects)
      for delivery in node.effects.deliveries {
        node.deliveries.append((delivery.from, delivery.kind, [UInt8](delivery.bytes), time))
      }
      node.effects.deliveries.removeAll()
    }
    flush(node)
  }

  // MARK: Effects

  private func flush(_ node: LabNode) {
    var effects = node.effects
    node.effects = ChannelEffects(buffer: effects.buffer)
    for send in effects.sends {
      let bytes = [UInt8](UnsafeRawBufferPointer(effects.buffer.bytes(of: send.message)))
      node.bytesSent += bytes.count
      put(Datagram(from: node.endpoint, to: send.to, bytes: bytes))
    }
    for deadline in effects.deadlines {
      queue.insert(.deadline(node: node.index, life: node.life, deadline.timer), at: deadline.at)
    }
    for event in effects.events {
      if case .labelFloor(let floor) = event { node.labelFloor = floor }
      node.events.append((event, time))
    }
    for action in effects.connections { carryOut(action, node, effects.buffer) }
    effects.removeAll()
    effects.buffer.removeAll()
  }

  private func put(_ datagram: Datagram) {
    if keepsTrace { trace.append(datagram) }
    for datagram in tap?(datagram) ?? [datagram] { travel(datagram) }
  }

  /// Sends a datagram on its way, subject to the network's faults.
  func travel(_ datagram: Datagram) {
    if chance.happens(loss) { return }
    for _ in 0..<(chance.happens(doubling) ? 2 : 1) {
      schedule(.datagram(datagram), after: latency + chance.below(jitter))
    }
  }

  private func carryOut(_ action: ChannelEffects.ConnectionAction, _ node: LabNode, _ buffer: MessageBuffer) {
    switch action {
    case .connect(let connection, let to):
      let here = Socket(node: node.index, connection: connection)
      guard let other = nodes.first(where: { $0.endpoint == to && $0.isRunning }) else {
        return tell(.closed(connection), node, after: 2 * latency)
      }
      other.acceptedConnections += 1
      let there = Socket(
        node: other.index,
        connection: ConnectionID(rawValue: ConnectionID.acceptedBit | other.acceptedConnections))
      pipes[here] = there
      pipes[there] = here
      tell(.accepted(there.connection, node.endpoint.withPort(40_000)), other, after: latency)
      tell(.connected(connection), node, after: 2 * latency)
    case .write(let connection, let message):
      onWrite?(node.index, [UInt8](UnsafeRawBufferPointer(buffer.bytes(of: message))))
      guard let there = pipes[Socket(node: node.index, connection: connection)] else { return }
      var bytes = [UInt8](UnsafeRawBufferPointer(buffer.bytes(of: message)))
      if let streamTap { bytes = streamTap(node.index, bytes) }
      if !bytes.isEmpty { tell(.received(there.connection, bytes), nodes[there.node], after: latency) }
      if !stuckSenders.contains(node.index) {
        undrained[Socket(node: node.index, connection: connection), default: 0] += 1
        tell(.drained(connection), node, after: latency)
      }
    case .read: break
    case .close(let connection, _):
      let here = Socket(node: node.index, connection: connection)
      guard let there = pipes[here] else { return }
      pipes[here] = nil
      pipes[there] = nil
      tell(.closed(there.connection), nodes[there.node], after: latency)
    }
  }

  private func tell(_ tcp: TCP, _ node: LabNode, after delay: UInt64) {
    schedule(.tcp(node: node.index, life: node.life, tcp), after: delay)
  }

  private func schedule(_ happening: Happening, after delay: UInt64) { queue.insert(happening, at: time + delay) }

  func later(_ delay: UInt64, _ call: @escaping () -> Void) { schedule(.call(call), after: delay) }

  /// A stranger's TCP connection; what comes back is the number of actions on it.
  func strangerConnects(to node: LabNode, from: Endpoint, _ bytes: [UInt8]) -> ConnectionID {
    node.acceptedConnections += 1
    let connection = ConnectionID(rawValue: ConnectionID.acceptedBit | node.acceptedConnections)
    handle(.accepted(connection, from: from), node)
    if !bytes.isEmpty { bytes.withUnsafeBytes { handle(.received(connection, $0), node) } }
    return connection
  }

  // MARK: Time

  func run(for span: UInt64) { run(until: time + span) }
  func run(milliseconds: UInt64) { run(for: milliseconds * 1_000_000) }
  func run(seconds: UInt64) { run(for: seconds * 1_000_000_000) }

  func run(until end: UInt64) {
    while let (at, happening) = queue.popFirst(dueBy: end) {
      time = max(time, at)
      happen(happening)
    }
    time = max(time, end)
  }

  /// Runs until something is so; false when it is not within `seconds`.
  func run(seconds: UInt64, until isSo: () -> Bool) -> Bool {
    let end = time + seconds * 1_000_000_000
    while !isSo() {
      guard let (at, happening) = queue.popFirst(dueBy: end) else {
        time = max(time, end)
        return isSo()
      }
      time = max(time, at)
      happen(happening)
    }
    return true
  }

  private func happen(_ happening: Happening) {
    switch happening {
    case .datagram(let datagram):
      guard let node = nodes.first(where: { $0.endpoint == datagram.to && $0.isRunning }) else {
        strays.append(datagram)
        return
      }
      inject(datagram.bytes, from: datagram.from, into: node)
    case .deadline(let index, let life, let timer):
      guard nodes[index].life == life else { return }
      handle(.deadline(timer), nodes[index])
    case .tcp(let index, let life, let tcp):
      guard nodes[index].life == life else { return }
      serve(tcp, nodes[index])
    case .call(let call): call()
    }
  }

  private func serve(_ tcp: TCP, _ node: LabNode) {
    switch tcp {
    case .accepted(let connection, let from): handle(.accepted(connection, from: from), node)
    case .connected(let connection): handle(.connected(connection), node)
    case .received(let connection, let bytes): bytes.withUnsafeBytes { handle(.received(connection, $0), node) }
    case .drained(let connection):
      // Told only when nothing that was written is left.
      let socket = Socket(node: node.index, connection: connection)
      let left = (undrained[socket] ?? 1) - 1
      undrained[socket] = left
      if left == 0 { handle(.drained(connection), node) }
    case .closed(let connection): handle(.closed(connection), node)
    }
  }

  /// Jumps over a pause of the whole process of one node: nothing of it was served meanwhile.
  func pass(_ span: UInt64) { time += span }
}

struct NothingWasSent: Error {}

/// The datagram that was caught last.
func takeLast(_ datagrams: inout [Lab.Datagram]) throws -> Lab.Datagram {
  guard let datagram = datagrams.popLast() else { throw NothingWasSent() }
  return datagram
}
