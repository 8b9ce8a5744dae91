import Gossip
import Testing
import Wire

/// A handful of memberships in virtual time, with delay, loss, walls between hosts, crashes and freezes. Every message
/// that is sent is checked to be within its size.
final class TestMesh {
  final class Node {
    let index: Int
    let host: HostID
    let signer: TestSigner
    var endpoint: Endpoint
    var membership: Membership
    var effects = MembershipEffects(buffer: MessageBuffer())
    var isUp = true
    var hasStarted = false
    /// It said itself that its life is over.
    var hasEnded = false
    var life = 0
    var persistedGeneration: UInt64
    var peerBook: [Peer] = []
    var frozenUntil: UInt64 = 0
    var waiting: [Event] = []
    var events: [(at: UInt64, event: MembershipEvent)] = []
    /// Messages sent by their type.
    var sent: [UInt8: Int] = [:]
    var bytesSent = 0

    init(
      index: Int, host: HostID, signer: TestSigner, endpoint: Endpoint, membership: Membership,
      persistedGeneration: UInt64
    ) {
      self.index = index
      self.host = host
      self.signer = signer
      self.endpoint = endpoint
      self.membership = membership
      self.persistedGeneration = persistedGeneration
    }

    func count(_ matches: (MembershipEvent) -> Bool) -> Int { events.count { matches($0.event) } }
    func first(_ matches: (MembershipEvent) -> Bool) -> UInt64? { events.first { matches($0.event) }?.at }
  }

  enum Event {
    case message([UInt8], from: HostID, at: Endpoint, to: Int)
    case timer(Timer, node: Int, life: Int)
    case persisted(UInt64, node: Int, life: Int)
    case roster([UInt8], from: HostID, to: Int, life: Int)
    case thaw(node: Int, since: UInt64)

    var node: Int {
      switch self {
      case .message(_, _, _, let to), .roster(_, _, let to, _): to
      case .timer(_, let node, _), .persisted(_, let node, _), .thaw(let node, _): node
      }
    }
  }

  let seed: UInt64
  let settings: MembershipSettings
  private(set) var nodes: [Node] = []
  private var byHost: [HostID: Int] = [:]
  private var queue = DeadlineQueue<Event>()
  private(set) var now: UInt64 = 1_000_000_000
  private var chance: Chance
  var loss = 0.0
  /// One-way delay, uniform.
  var delay: Range<UInt64> = 200_000..<800_000
  /// Datagrams that never arrive.
  var isBlocked: (Int, Int) -> Bool = { _, _ in false }
  var rostersWork = true
  /// Everything that is sent, after it has been checked.
  var watch: ((Int, HostID, [UInt8]) -> Void)?

  private static let wallStart: UInt64 = 1_790_000_000_000_000_000

  init(seed: UInt64 = 1, settings: MembershipSettings = .lan) {
    self.seed = seed
    self.settings = settings
    chance = Chance(seed: seed)
  }

  var time: Now { Now(monotonic: now, wall: TestMesh.wallStart + now) }
  static func host(_ index: Int) -> HostID { HostID(rawValue: mix64(UInt64(index) &+ 77)) }
  static func endpoint(_ index: Int) -> Endpoint { Endpoint(ipv4: 0x0a00_0000 | UInt32(index + 1), port: 7000) }
  var running: [Node] { nodes.filter { $0.isUp && $0.membership.isRunning } }

  @discardableResult
  func add(contributor: UInt32 = 0, as index: Int? = nil) -> Node {
    let position = nodes.count
    let identity = index ?? position
    let signer = TestSigner(host: TestMesh.host(identity), contributor: contributor)
    let node = Node(
      index: position, host: TestMesh.host(identity), signer: signer, endpoint: TestMesh.endpoint(position),
      membership: membership(signer, generation: 0), persistedGeneration: 0)
    nodes.append(node)
    if byHost[node.host] == nil { byHost[node.host] = position }
    return node
  }

  private func membership(_ signer: TestSigner, generation: UInt64) -> Membership {
    Membership(
      host: signer.host, roles: .host, settings: settings, signer: signer, persistedGeneration: generation,
      seed: chance.next())
  }

  func peer(_ index: Int) -> Peer { Peer(host: nodes[index].host, endpoint: nodes[index].endpoint) }

  /// A mesh of `count` that has found itself through node 0.
  static func joined(
    _ count: Int, seed: UInt64 = 1, settings: MembershipSettings = .lan, contributors: (Int) -> UInt32 = { _ in 0 }
  ) -> TestMesh {
    let mesh = TestMesh(seed: seed, settings: settings)
    for index in 0..<count { mesh.add(contributor: contributors(index)) }
    for index in 0..<count { mesh.start(index, through: index == 0 ? [] : [0]) }
    _ = mesh.run(until: 60) { mesh.allAgree }
    return mesh
  }

  func start(_ index: Int, through seeds: [Int]) {
    nodes[index].hasStarted = true
    nodes[index].hasEnded = false
    input(.command(.start(peers: seeds.map { peer($0) })), to: index)
  }

  func crash(_ index: Int) {
    nodes[index].isUp = false
    nodes[index].life += 1
  }

  /// A new process for the same host.
  func restart(_ index: Int, through seeds: [Int]? = nil, losingState: Bool = false, at endpoint: Endpoint? = nil) {
    let node = nodes[index]
    node.life += 1
    node.isUp = true
    node.effects = MembershipEffects(buffer: MessageBuffer())
    if losingState { node.persistedGeneration = 0 }
    if let endpoint { node.endpoint = endpoint }
    node.membership = membership(node.signer, generation: node.persistedGeneration)
    let peers = seeds.map { $0.map { peer($0) } } ?? node.peerBook
    input(.command(.start(peers: peers)), to: index)
  }

  /// Stops the loop of a node for so many seconds, SIGSTOP or starvation.
  func freeze(_ index: Int, seconds: Double) {
    nodes[index].frozenUntil = now + UInt64(seconds * 1e9)
    queue.insert(.thaw(node: index, since: now), at: nodes[index].frozenUntil)
  }

  func input(_ input: MembershipInput, to index: Int) {
    let node = nodes[index]
    node.membership.handle(input, now: time, into: &node.effects)
    carryOut(node)
  }

  private func carryOut(_ node: Node) {
    for send in node.effects.sends {
      let bytes = Array(node.effects.buffer.bytes(of: send.message))
      check(bytes)
      node.sent[bytes[0], default: 0] += 1
      node.bytesSent += bytes.count
      watch?(node.index, send.to, bytes)
      guard let target = target(of: send) else { continue }
      if chance.happens(loss) || isBlocked(node.index, target) { continue }
      queue.insert(
        .message(bytes, from: node.host, at: node.endpoint, to: target),
        at: now + delay.lowerBound + chance.below(UInt64(delay.count)))
    }
    for host in node.effects.rosterTransfers {
      guard rostersWork, let target = byHost[host], !isBlocked(node.index, target) else { continue }
      queue.insert(
        .roster(node.membership.roster(), from: node.host, to: target, life: nodes[target].life),
        at: now + 5_000_000)
    }
    for deadline in node.effects.deadlines {
      queue.insert(.timer(deadline.timer, node: node.index, life: node.life), at: max(deadline.at, now))
    }
    for persist in node.effects.persists {
      switch persist.content {
      case .generation(let generation): node.persistedGeneration = generation
      case .peerBook(let peers): node.peerBook = peers
      case .revocation: break
      }
      queue.insert(.persisted(persist.token, node: node.index, life: node.life), at: now + 2_000_000)
    }
    for event in node.effects.events {
      node.events.append((now, event))
      if case .leaveFinished = event { node.hasEnded = true }
      if case .identityConflict = event { node.hasEnded = true }
    }
    node.effects.removeAll()
    node.effects.buffer.removeAll()
    if nodes.count <= 64, node.membership.root != node.membership.recomputedRoot() {
      Issue.record("the kept root is not the recomputed one at node \(node.index), seed \(seed)")
    }
  }

  /// Of two machines with one identity the one at the address.
  private func target(of send: MembershipEffects.Send) -> Int? {
    guard let first = byHost[send.to] else { return nil }
    if nodes[first].endpoint == send.at { return first }
    return nodes.first { $0.host == send.to && $0.endpoint == send.at }?.index ?? first
  }

  private func check(_ bytes: [UInt8]) {
    if bytes.isEmpty || bytes.count > 1_188 { Issue.record("a message of \(bytes.count) bytes, seed \(seed)") }
  }

  /// Runs until the condition holds (checked every 50 ms) or so many seconds have passed. True when it held.
  @discardableResult
  func run(until seconds: Double, _ condition: () -> Bool = { false }) -> Bool {
    let end = now + UInt64(seconds * 1e9)
    var nextCheck = now
    while true {
      if now >= nextCheck {
        if condition() { return true }
        nextCheck = now + 50_000_000
      }
      guard let at = queue.earliest, at <= end else {
        now = end
        return condition()
      }
      now = max(now, at)
      if let next = queue.popFirst(dueBy: at) { deliver(next.element) }
    }
  }

  private func deliver(_ event: Event) {
    let node = nodes[event.node]
    if case .thaw(_, let since) = event {
      thaw(node, since)
      return
    }
    if now < node.frozenUntil {
      node.waiting.append(event)
      return
    }
    guard node.isUp else { return }
    switch event {
    case .message(let bytes, let from, let endpoint, _):
      bytes.withUnsafeBytes { input(.message($0, from: from, at: endpoint), to: node.index) }
    case .timer(let timer, _, let life):
      if life == node.life { input(.deadline(timer), to: node.index) }
    case .persisted(let token, _, let life):
      if life == node.life { input(.persisted(token: token), to: node.index) }
    case .roster(let bytes, let from, _, let life):
      if life == node.life { bytes.withUnsafeBytes { input(.roster($0, from: from), to: node.index) } }
    case .thaw:
      break
    }
  }

  /// The turn after a stall: the stall is told, the socket is drained, then timers fire.
  private func thaw(_ node: Node, _ since: UInt64) {
    guard node.isUp else { return }
    node.frozenUntil = 0
    input(.stall(now - since), to: node.index)
    let waiting = node.waiting
    node.waiting = []
    for event in waiting { if case .timer = event { continue } else { deliver(event) } }
    for event in waiting { if case .timer = event { deliver(event) } }
  }

  // MARK: Questions

  /// Every running node holds every running node alive, and nobody else; roots are equal.
  var allAgree: Bool {
    let nodes = running
    // A process that has not begun agrees with nobody yet.
    guard nodes.count == self.nodes.count(where: { $0.isUp && $0.hasStarted && !$0.hasEnded }) else { return false }
    guard let root = nodes.first?.membership.root else { return true }
    return nodes.allSatisfy { $0.membership.root == root && $0.membership.liveCount == nodes.count }
  }

  func status(_ observer: Int, of subject: Int) -> Status? {
    nodes[observer].membership.status(of: nodes[subject].host)
  }

  /// Running nodes that hold a host so.
  func observers(holding subject: Int, _ status: Status) -> Int {
    running.count { $0.index != subject && $0.membership.status(of: nodes[subject].host) == status }
  }

  /// Deaths of hosts that were running at that moment.
  func evictionsOfRunning() -> Int {
    nodes.reduce(0) { sum, node in
      sum
        + node.count {
          if case .dead(let host, _, _) = $0 { nodes.contains { $0.host == host && $0.isUp } } else { false }
        }
    }
  }
}
