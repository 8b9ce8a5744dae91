import EventLoop
import FoundationEssentials
import Glibc
import SecureChannel
import Wire

/// Keys and certificates of the two peers of a flood run. Both processes make the same ones from the run's seed, so
/// nothing is handed over. For measuring only: whoever knows the seed knows the keys.
struct FloodNetwork {
  let arena: SecretArena
  let network: Network
  let identities: [Identity]
  let certificates: [Certificate]
  /// When they were made, in nanoseconds since 1970.
  let wall: UInt64

  init(seed: UInt64, hosts: [String] = ["receiver", "sender"]) throws {
    let entropy = SeededEntropy(seed: seed)
    guard let arena = SecretArena(), let signer = OperatorSigner(arena: arena, entropy: entropy),
      let secret = Network.newSecret(arena: arena, entropy: entropy),
      let network = Network(name: "flood", operators: [signer.key], secret: secret)
    else { throw FloodError.noSecretMemory }
    self.arena = arena
    self.network = network
    let now = UInt64(time(nil))
    wall = now * 1_000_000_000
    var identities: [Identity] = []
    var certificates: [Certificate] = []
    for name in hosts {
      guard let identity = Identity(arena: arena, entropy: entropy) else { throw FloodError.noSecretMemory }
      let ringSeed = (0..<Certificate.ringSeedSize).map { _ in UInt8(truncatingIfNeeded: entropy.u64()) }
      let request = CertificateRequest(
        network: network.id, serial: entropy.u64() | 1, notBefore: now - 3_600, notAfter: now + 86_400, roles: .host,
        trustClass: 0, ringSeed: ringSeed, key: identity.key, name: name)
      identities.append(identity)
      certificates.append(try request.signed(by: signer))
    }
    self.identities = identities
    self.certificates = certificates
  }

  /// The 488 bytes of a HELLO that passes mac1 and nothing after it: what an expelled host could send.
  func helloTemplate() throws -> (bytes: [UInt8], keys: GreetingKeys) {
    guard let keys = GreetingKeys(of: identities[0].key.exchange, network: network, arena: arena) else {
      throw FloodError.noSecretMemory
    }
    var bytes = [UInt8](repeating: 0, count: DatagramSize.hello)
    bytes.withUnsafeMutableBytes {
      var writer = Writer($0)
      writer.u8(1)
      writer.u8(1)
      writer.u16(network.tag)
    }
    return (bytes, keys)
  }
}

enum FloodError: Error { case noSecretMemory, noChannel, noPort, noSession, noAgreement }

/// Repeatable "secrets".
final class SeededEntropy: Entropy {
  private var chance: Chance
  init(seed: UInt64) { chance = Chance(seed: seed) }
  func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: chance.next() >> 32) }
  }
}

/// One end of the legitimate traffic: the loop, socket, filter and channel that a node has, and nothing else.
final class FloodPeer: LoopClient {
  struct Report: Codable {
    var framesSent: UInt64 = 0
    var framesReceived: UInt64 = 0
    var sessions = 0
    var handshakeWork: UInt64 = 0
    var cookies: UInt64 = 0
    var droppedByKernel: UInt64 = 0
    var processorSeconds = 0.0
    var residentBytes: UInt64 = 0
  }

  private static let tick: UInt8 = 1
  private let loop: Loop
  private let socket: Datagrams
  private var channel: Channel
  private var effects = ChannelEffects(buffer: MessageBuffer())
  private var report = Report()
  private let other: HostID
  private let otherAt: Endpoint?
  private let perSecond: Double
  private let end: UInt64
  private var start: UInt64 = 0
  private var onSession: ((UInt32) -> Void)?

  /// The sender (`receiverPort` given) sends so many frames of 300 bytes a second for `seconds`.
  init(_ network: FloodNetwork, receiverPort: UInt16?, perSecond: Double, seconds: Double) throws {
    let own = receiverPort == nil ? 0 : 1
    loop = try Loop()
    let roster = Roster(network: network.network, identity: network.identities[own])
    let rules = SocketFilterRule.rules(tag: network.network.tag)
    // The socket's filter compares words in the order of `Reader.u32`.
    func word(_ type: UInt32) -> UInt32 { type | 1 << 8 | UInt32(network.network.tag) << 16 }
    precondition(rules.count == 4)
    let filter = DatagramFilter(hello: word(1), response: word(2), cookie: word(3), data: word(4))
    socket = try loop.datagrams(on: Endpoint(ipv4: 0x7f00_0001, port: 0), filter: filter)
    let settings = ChannelSettings(port: socket.local.port, reaches: .loopback)
    guard let entropy = SodiumEntropy(),
      let channel = Channel(
        roster: roster, certificate: network.certificates[own], arena: network.arena, entropy: entropy, seed: 1,
        bootID: entropy.u64(), labelFloor: 0, settings: settings)
    else { throw FloodError.noChannel }
    self.channel = channel
    other = network.identities[1 - own].hostID
    otherAt = receiverPort.map { Endpoint(ipv4: 0x7f00_0001, port: $0) }
    self.perSecond = perSecond
    end = UInt64(seconds * 1e9)
    if let otherAt {
      self.channel.handle(
        .command(.introduce(network.identities[0].key, at: otherAt)), now: loop.now, into: &effects)
    }
  }

  var port: UInt16 { socket.local.port }

  /// `onSession` is told the index that its own DATA carry, once.
  func run(onSession: @escaping (UInt32) -> Void) throws -> Report {
    self.onSession = onSession
    start = loop.now.monotonic
    loop.schedule(Deadline(at: start, timer: Timer(room: 9, kind: FloodPeer.tick)))
    carryOut()
    loop.run(self)
    if let cost = ProcessCost(of: getpid()) {
      report.processorSeconds = cost.processorSeconds
      report.residentBytes = cost.resident
    }
    report.droppedByKernel = socket.counters.droppedByKernel
    report.sessions = channel.sessionCount
    let counters = channel.counters
    report.cookies = counters[.cookiesSent]
    report.handshakeWork = counters[.responsesSent] + counters[.droppedStaticKey] + counters[.droppedHelloPayload]
    socket.close()
    try loop.close()
    return report
  }

  func stalled(by lateness: UInt64, now: Now) { channel.handle(.stall(lateness), now: now, into: &effects) }

  func received(_ datagram: UnsafeMutableRawBufferPointer, from: Endpoint, on: Datagrams, now: Now) {
    channel.handle(.datagram(datagram, from: from), now: now, into: &effects)
    for delivery in effects.deliveries where delivery.kind == .gossip { report.framesReceived += 1 }
    effects.deliveries.removeAll(keepingCapacity: true)
  }

  func due(_ timer: Timer, at: UInt64, now: Now) {
    guard timer.room == 9 else {
      channel.handle(.deadline(timer), now: now, into: &effects)
      return
    }
    let elapsed = now.monotonic - start
    guard elapsed < end else {
      loop.stop()
      return
    }
    loop.schedule(Deadline(at: now.monotonic + 1_000_000, timer: timer))
    guard let otherAt else { return }
    while Double(report.framesSent) < Double(elapsed) / 1e9 * perSecond {
      report.framesSent += 1
      guard let message = effects.buffer.append(maximum: 300, { $0.zeros(300) }) else { break }
      channel.send(.gossip, message, to: other, at: otherAt, now: now, into: &effects)
    }
  }

  func turnEnded(now: Now) { carryOut() }

  private func carryOut() {
    for send in effects.sends {
      let bytes = UnsafeRawBufferPointer(effects.buffer.bytes(of: send.message))
      if let onSession, bytes.first == 4 {
        onSession(bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self).littleEndian)
        self.onSession = nil
      }
      socket.send(bytes, to: send.to)
    }
    for deadline in effects.deadlines { loop.schedule(deadline) }
    effects.removeAll()
    effects.buffer.removeAll()
  }
}
