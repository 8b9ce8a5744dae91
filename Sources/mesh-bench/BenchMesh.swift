import AllocationCounter
import Glibc
import Gossip
import NodeCore
import SecureChannel
import Wire

/// Whole nodes (real channel, real membership) in one process and one clock of its own, without sockets: what a node
/// costs beside the kernel. Datagrams arrive after 1 ms, streams cannot be opened.
final class BenchMesh {
  /// What a kind of input has cost.
  struct Cost {
    var inputs = 0
    var nanoseconds: UInt64 = 0
    var allocations: UInt64 = 0
  }

  private final class Member {
    var node: Node<Channel>
    var effects = NodeEffects()
    let endpoint: Endpoint

    init(_ node: Node<Channel>, endpoint: Endpoint) {
      self.node = node
      self.endpoint = endpoint
    }
  }

  private enum Event {
    case datagram([UInt8], from: Endpoint, to: Int)
    case deadline(Timer, of: Int)
    /// What a shell tells its node once a second.
    case tick(of: Int)
  }

  private static let basePort: UInt16 = 7_000
  private static let latency: UInt64 = 1_000_000

  private var members: [Member] = []
  private var queue = DeadlineQueue<Event>()
  private var monotonic: UInt64 = 1_000_000_000
  private let wallStart = UInt64(time(nil)) * 1_000_000_000
  private(set) var datagrams = Cost()
  /// Inputs that made or answered a handshake: sessions are renewed now and then.
  private(set) var handshakes = Cost()
  private(set) var deadlines = Cost()
  private(set) var bytes = 0
  private var isMeasuring = false

  /// `count` hosts that join through the first.
  init(_ count: Int, seed: UInt64) throws {
    AllocationCheck.counterCounts()
    let network = try FloodNetwork(seed: seed, hosts: (0..<count).map { "host-\($0)" })
    for index in 0..<count {
      let identity = network.identities[index]
      let roster = Roster(network: network.network, identity: identity)
      let entropy = SeededEntropy(seed: seed &+ UInt64(index) &+ 1)
      guard let arena = SecretArena(),
        let facts = HostFacts(
          configuration: .init(repeating: 1, count: 16), build: .init(repeating: 2, count: 16)),
        let channel = Channel(
          roster: roster, certificate: network.certificates[index], arena: arena, entropy: entropy,
          seed: entropy.u64(), bootID: entropy.u64(), labelFloor: 0,
          settings: ChannelSettings(port: BenchMesh.basePort, reaches: .loopback))
      else { throw FloodError.noSecretMemory }
      let signer = RosterSigner(roster: roster, certificate: network.certificates[index], facts: facts, version: 1)
      let membership = Membership(
        host: identity.hostID, roles: .host, settings: .lan, signer: signer, persistedGeneration: 0,
        seed: entropy.u64())
      members.append(
        Member(
          Node(
            membershipOnly: channel, membership, seed: entropy.u64(), now: Now(monotonic: 0, wall: 0), renewal: signer),
          endpoint: Endpoint(ipv4: 0x7f00_0001, port: BenchMesh.basePort + UInt16(index))))
    }
    let way = KnownPeer(
      key: network.identities[0].key, host: network.identities[0].hostID, endpoint: members[0].endpoint)
    for index in members.indices {
      handle(.command(.setEndpoint(members[index].endpoint)), index)
      handle(.command(.start(peers: index == 0 ? [] : [way])), index)
      queue.insert(.tick(of: index), at: monotonic + UInt64(index) * 20_000_000)
    }
  }

  var agree: Bool {
    Set(members.map(\.node.membership.root)).count == 1
      && members.allSatisfy { $0.node.membership.liveCount == members.count }
  }

  /// Lets virtual seconds pass; with `measuring` inputs are timed and their allocations counted.
  func run(seconds: Double, measuring: Bool = false) {
    isMeasuring = measuring
    let end = monotonic + UInt64(seconds * 1e9)
    while let (at, event) = queue.popFirst(dueBy: end) {
      monotonic = max(monotonic, at)
      switch event {
      case .deadline(let timer, let index): handle(.deadline(timer), index)
      case .tick(let index):
        let load = LoadRecord(processor: UInt8(truncatingIfNeeded: monotonic / 7_000_000_000 % 200), memory: 5)
        handle(.command(.setLoad(load)), index)
        queue.insert(.tick(of: index), at: monotonic + 1_000_000_000)
      case .datagram(var datagram, let from, let index):
        datagram.withUnsafeMutableBytes { handle(.datagram($0, from: from), index) }
      }
    }
    monotonic = end
    isMeasuring = false
  }

  private func handle(_ input: NodeInput, _ index: Int) {
    let member = members[index]
    let now = Now(monotonic: monotonic, wall: wallStart + monotonic)
    if isMeasuring {
      let handshakesBefore = handshakeMessages(of: member.node)
      allocation_counter_start()
      let start = threadNanoseconds()
      member.node.handle(input, now: now, into: &member.effects)
      let spent = threadNanoseconds() - start
      let allocations = allocation_counter_stop()
      switch input {
      case _ where handshakeMessages(of: member.node) != handshakesBefore: handshakes.add(spent, allocations)
      case .datagram: datagrams.add(spent, allocations)
      default: deadlines.add(spent, allocations)
      }
    } else {
      member.node.handle(input, now: now, into: &member.effects)
    }
    carryOut(index, now)
  }

  private func handshakeMessages(of node: Node<Channel>) -> UInt64 {
    let counters = node.channel.counters
    return counters[.hellosSent] + counters[.hellosReceived] + counters[.responsesReceived]
  }

  private func carryOut(_ index: Int, _ now: Now) {
    let member = members[index]
    while true {
      for send in member.effects.sends {
        let message = [UInt8](UnsafeRawBufferPointer(member.effects.buffer.bytes(of: send.message)))
        if isMeasuring { bytes += message.count }
        let target = Int(send.to.port) - Int(BenchMesh.basePort)
        guard members.indices.contains(target) else { continue }
        queue.insert(.datagram(message, from: member.endpoint, to: target), at: monotonic + BenchMesh.latency)
      }
      for deadline in member.effects.deadlines { queue.insert(.deadline(deadline.timer, of: index), at: deadline.at) }
      let persists = member.effects.persists
      let refused = member.effects.connections.compactMap { action in
        if case .connect(let connection, _) = action { connection } else { nil }
      }
      member.effects.removeAll()
      if persists.isEmpty, refused.isEmpty { return }
      for persist in persists { member.node.handle(.persisted(token: persist.token), now: now, into: &member.effects) }
      for connection in refused { member.node.handle(.closed(connection), now: now, into: &member.effects) }
    }
  }
}

extension BenchMesh.Cost {
  fileprivate mutating func add(_ nanoseconds: UInt64, _ allocations: UInt64) {
    inputs += 1
    self.nanoseconds += nanoseconds
    self.allocations += allocations
  }
}

enum AllocationCheck {
  /// A figure of 0 is worth something only when a counter that is not 0 would show.
  static func counterCounts() {
    allocation_counter_start()
    UnsafeMutableRawPointer.allocate(byteCount: 100, alignment: 16).deallocate()
    precondition(allocation_counter_stop() > 0, "allocations are not counted")
  }
}

/// CPU time of this thread.
func threadNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
