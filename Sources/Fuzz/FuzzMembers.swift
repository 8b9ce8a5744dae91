import Gossip
import NodeCore
import SecureChannel
import Wire

/// One membership, with what a node does around it.
struct FuzzMember {
  let host: HostID
  let endpoint: Endpoint
  private(set) var membership: Membership
  private var effects = MembershipEffects(buffer: MessageBuffer())
  private var deadlines = DeadlineQueue<Timer>()
  /// What it sent since `takeSent`, and to whom.
  private var sent: [(to: HostID, bytes: [UInt8])] = []
  private var rosterWishes: [HostID] = []

  init(_ identity: Identity, _ certificate: Certificate, at endpoint: Endpoint) {
    let world = FuzzWorld.shared
    guard let facts = HostFacts(configuration: .init(repeating: 1, count: 16), build: .init(repeating: 2, count: 16))
    else { preconditionFailure("facts") }
    let roster = Roster(network: world.network, identity: identity)
    let signer = RosterSigner(roster: roster, certificate: certificate, facts: facts, version: 1)
    host = identity.hostID
    self.endpoint = endpoint
    membership = Membership(
      host: host, roles: .host, settings: .lan, signer: signer, persistedGeneration: 0, seed: 1)
    take(.command(.setEndpoint(endpoint)), now: world.now)
  }

  mutating func take(_ input: MembershipInput, now: Now) {
    membership.handle(input, now: now, into: &effects)
    settle(now)
  }

  private mutating func settle(_ now: Now) {
    while true {
      let persists = effects.persists
      for send in effects.sends {
        precondition(send.message.count <= DatagramSize.frameBody)
        sent.append((send.to, [UInt8](UnsafeRawBufferPointer(effects.buffer.bytes(of: send.message)))))
      }
      for deadline in effects.deadlines { deadlines.insert(deadline.timer, at: deadline.at) }
      rosterWishes += effects.rosterTransfers
      effects.removeAll()
      effects.buffer.removeAll()
      if persists.isEmpty { return }
      for persist in persists { membership.handle(.persisted(token: persist.token), now: now, into: &effects) }
    }
  }

  /// Fires what is due by then.
  mutating func advance(to now: Now) {
    // More than this is a timer that runs hot.
    var left = 100_000
    while let due = deadlines.popFirst(dueBy: now.monotonic) {
      precondition(left > 0, "timers without end")
      left -= 1
      var then = now
      then.wall -= now.monotonic - max(due.at, FuzzWorld.shared.now.monotonic)
      then.monotonic = max(due.at, FuzzWorld.shared.now.monotonic)
      take(.deadline(due.element), now: then)
    }
  }

  mutating func takeSent() -> [(to: HostID, bytes: [UInt8])] {
    defer { sent.removeAll() }
    return sent
  }

  mutating func takeRosterWishes() -> [HostID] {
    defer { rosterWishes.removeAll() }
    return rosterWishes
  }
}

/// Three hosts of one mesh; the first is the one under test. Nothing is lost between them, and every message takes 1 ms.
struct FuzzMembers {
  static let own = 0
  static let other = 1
  static let third = 2

  private(set) var members: [FuzzMember]
  private(set) var now = FuzzWorld.shared.now
  private var isUp = [true, true, true]
  /// What the other host sent to the one under test, in order.
  private(set) var overheard: [[UInt8]] = []

  init() {
    let world = FuzzWorld.shared
    members = [
      FuzzMember(world.own, world.certificate, at: FuzzWorld.ownEndpoint),
      FuzzMember(world.other, world.otherCertificate, at: FuzzWorld.peerEndpoint),
      FuzzMember(world.third, world.thirdCertificate, at: FuzzWorld.thirdEndpoint),
    ]
  }

  /// The host under test has joined through the other, who knows a third, and waits for its roster.
  static func joined() -> FuzzMembers {
    var mesh = FuzzMembers()
    mesh.start(FuzzMembers.other)
    mesh.start(FuzzMembers.third)
    mesh.pass(milliseconds: 5)
    mesh.start(FuzzMembers.own)
    mesh.pass(milliseconds: 5)
    return mesh
  }

  mutating func start(_ index: Int) {
    let ways = index == FuzzMembers.other ? [] : [peer(FuzzMembers.other)]
    take(.command(.start(peers: ways)), index)
  }

  private func peer(_ index: Int) -> Peer { Peer(host: members[index].host, endpoint: members[index].endpoint) }

  mutating func crash(_ index: Int) { isUp[index] = false }

  mutating func take(_ input: MembershipInput, _ index: Int) { members[index].take(input, now: now) }

  /// From the other to the one under test, out of turn.
  mutating func inject(_ message: UnsafeRawBufferPointer) {
    take(.message(message, from: members[FuzzMembers.other].host, at: FuzzWorld.peerEndpoint), FuzzMembers.own)
    pass(milliseconds: 1, exchanging: false)
  }

  /// `exchanging`: what they send is delivered too; otherwise the one under test is alone with what is injected.
  mutating func pass(milliseconds: UInt64, exchanging: Bool = true) {
    for _ in 0..<milliseconds {
      now.monotonic += 1_000_000
      now.wall += 1_000_000
      let running = exchanging ? members.indices.filter { isUp[$0] } : [FuzzMembers.own]
      for index in running { members[index].advance(to: now) }
      for index in running {
        for (to, bytes) in members[index].takeSent() {
          guard exchanging, let target = members.firstIndex(where: { $0.host == to }), isUp[target] else { continue }
          if index == FuzzMembers.other, target == FuzzMembers.own { overheard.append(bytes) }
          let sender = peer(index)
          bytes.withUnsafeBytes { take(.message($0, from: sender.host, at: sender.endpoint), target) }
        }
        for host in members[index].takeRosterWishes() where exchanging && index != FuzzMembers.other {
          guard let target = members.firstIndex(where: { $0.host == host }), isUp[target] else { continue }
          let sender = peer(index)
          members[index].membership.roster().withUnsafeBytes { take(.roster($0, from: sender.host), target) }
        }
      }
    }
  }

  /// Lets a second pass for the one under test at once.
  mutating func passSecond() {
    now.monotonic += 1_000_000_000
    now.wall += 1_000_000_000
    members[FuzzMembers.own].advance(to: now)
    _ = members[FuzzMembers.own].takeSent()
    _ = members[FuzzMembers.own].takeRosterWishes()
  }

  var ownMembership: Membership { members[FuzzMembers.own].membership }
}
