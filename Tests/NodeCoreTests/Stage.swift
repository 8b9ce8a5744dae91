import Gossip
import MapShard
import NodeCore
import SecureChannel
import Wire
import WorldData

/// A network with real keys, certificates and signatures.
final class TestNetwork {
  struct Unavailable: Error {}

  let arena: SecretArena
  let entropy: SodiumEntropy
  let signer: OperatorSigner
  let network: Network

  /// When every stage begins, in Unix seconds.
  static let begins: UInt64 = 1_790_000_000

  init() throws {
    guard let arena = SecretArena(), let entropy = SodiumEntropy(),
      let signer = OperatorSigner(arena: arena, entropy: entropy),
      let secret = Network.newSecret(arena: arena, entropy: entropy),
      let network = Network(name: "test", operators: [signer.key], secret: secret)
    else { throw Unavailable() }
    self.arena = arena
    self.entropy = entropy
    self.signer = signer
    self.network = network
  }

  func identity() throws -> Identity {
    guard let identity = Identity(arena: arena, entropy: entropy) else { throw Unavailable() }
    return identity
  }

  func certificate(for key: HostKey, from start: UInt64 = begins - 1_000) throws -> Certificate {
    try CertificateRequest(
      network: network.id, serial: entropy.u64() | 1, notBefore: start, notAfter: start + 7 * 86_400, roles: .host,
      trustClass: 1, ringSeed: [UInt8](repeating: 7, count: 16), key: key, name: "host"
    ).signed(by: signer)
  }

  func revocation(of key: HostKey) -> [UInt8] {
    let revocation = Revocation(
      of: key, in: network.id, reason: .keyStolen, issued: TestNetwork.begins, by: signer)
    return [UInt8](unsafeUninitializedCapacity: Revocation.size) { bytes, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(bytes))
      revocation.write(to: &writer)
      count = writer.count
    }
  }
}

/// One node over a scripted channel; the test plays disk, clock and wires.
final class Stage {
  let network: TestNetwork
  let identity: Identity
  let certificate: Certificate
  let roster: Roster
  let script = ScriptedChannel.Script()
  let endpoint: Endpoint
  var node: Node<ScriptedChannel>
  var effects = NodeEffects()
  var now = Now(monotonic: 1_000_000_000, wall: TestNetwork.begins * 1_000_000_000)

  /// Asked for and not answered yet.
  var persists: [NodeEffects.Persist] = []
  /// All that were ever asked for.
  var asked: [NodeEffects.Persist] = []
  var events: [NodeEvent] = []
  var deadlines = DeadlineQueue<Timer>()

  var host: HostID { identity.hostID }
  var known: KnownPeer { KnownPeer(key: identity.key, host: host, endpoint: endpoint) }

  /// - Parameter recovered: what an earlier life of it has left of its shards.
  init(_ network: TestNetwork, number: UInt16, recovered: RecoveredShards = RecoveredShards()) throws {
    self.network = network
    identity = try network.identity()
    certificate = try network.certificate(for: identity.key)
    roster = Roster(network: network.network, identity: identity)
    guard
      let facts = HostFacts(
        configuration: [UInt8](repeating: 1, count: 16), build: [UInt8](repeating: 2, count: 16))
    else { throw TestNetwork.Unavailable() }
    let signer = RosterSigner(
      roster: roster, certificate: certificate, facts: facts,
      version: RosterSigner.firstVersion(after: 0, at: now, draw: UInt64(number)))
    let membership = Membership(
      host: identity.hostID, roles: .host, settings: .lanFast, signer: signer, persistedGeneration: 0,
      seed: UInt64(number))
    let shards = ShardHost(
      me: MapShard.Member(host: identity.hostID, life: Life(rawValue: UInt64(number))), store: UInt64(number),
      settings: .lanFast, signer: signer, seed: UInt64(number), recovered: recovered, now: now)
    let worlds = WorldSync(
      store: WorldStore(network: network.network.id) { _, _, _ in false }, seed: UInt64(number))
    node = Node(
      channel: ScriptedChannel(script: script), membership: membership, shards: shards, store: .none, worlds: worlds,
      seed: UInt64(number), renewal: signer, hosts: signer)
    endpoint = Endpoint(ipv4: 0x0a00_0001, port: number)
  }

  func handle(_ input: NodeInput) {
    node.handle(input, now: now, into: &effects)
    persists += effects.persists
    asked += effects.persists
    events += effects.events
    for deadline in effects.deadlines { deadlines.insert(deadline.timer, at: deadline.at) }
    effects.removeAll()
  }

  func command(_ command: NodeCommand) { handle(.command(command)) }

  func deliver(_ frame: [UInt8], _ kind: FrameKind = .gossip, from host: HostID, at endpoint: Endpoint) {
    var bytes = ScriptedChannel.datagram(kind, from: host, frame)
    bytes.withUnsafeMutableBytes { handle(.datagram($0, from: endpoint)) }
  }

  /// The channel says something, with an input that means nothing.
  func channelSays(_ events: ChannelEvent...) {
    script.events += events
    handle(.deadline(Timer(room: 1, kind: 0)))
    script.inputs.removeLast()
  }

  /// Answers everything that waits for the disk.
  func answerPersists(durable: Bool = true) {
    let waiting = persists
    persists = []
    for persist in waiting {
      handle(durable ? .persisted(token: persist.token) : .persistFailed(token: persist.token))
    }
  }

  /// Lets time pass with a disk that works and wires that carry nothing.
  func run(seconds: UInt64) { run(milliseconds: 1_000 * seconds) }

  func run(milliseconds: UInt64) {
    let end = now.monotonic + milliseconds * 1_000_000
    while let (at, timer) = deadlines.popFirst(dueBy: end) {
      advance(to: at)
      handle(.deadline(timer))
      answerPersists()
    }
    advance(to: end)
  }

  private func advance(to moment: UInt64) {
    guard moment > now.monotonic else { return }
    now.wall += moment - now.monotonic
    now.monotonic = moment
  }

  /// Begun, with its first generation durable.
  func start(through peers: [KnownPeer] = []) {
    command(.setEndpoint(endpoint))
    command(.start(peers: peers))
    answerPersists()
  }

  /// Carries gossip between two nodes until neither has anything to say.
  static func exchange(_ one: Stage, _ other: Stage) {
    var frames = 0
    while true {
      let out = one.script.takeSent(to: other.host)
      let back = other.script.takeSent(to: one.host)
      if out.isEmpty && back.isEmpty { return }
      frames += out.count + back.count
      precondition(frames < 1_000, "they never stop")
      for frame in out { other.deliver(frame.bytes, frame.kind, from: one.host, at: one.endpoint) }
      for frame in back { one.deliver(frame.bytes, frame.kind, from: other.host, at: other.endpoint) }
      one.answerPersists()
      other.answerPersists()
    }
  }

  /// Two nodes that know each other; what led to it is forgotten.
  static func acquainted(_ network: TestNetwork) throws -> (Stage, Stage) {
    let (own, peer) = (try Stage(network, number: 7_001), try Stage(network, number: 7_002))
    own.start()
    peer.start(through: [own.known])
    exchange(peer, own)
    for stage in [own, peer] {
      stage.script.commands = []
      stage.events = []
    }
    return (own, peer)
  }
}
