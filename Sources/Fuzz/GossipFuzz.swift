import Gossip
import NodeCore
import SecureChannel
import Wire

/// A membership that knows one other host.
struct FuzzMembership {
  private(set) var membership: Membership
  private var effects = MembershipEffects(buffer: MessageBuffer())
  private var now = FuzzWorld.shared.now
  private var deadlines = DeadlineQueue<Timer>()

  init() {
    let world = FuzzWorld.shared
    let roster = world.roster
    guard let facts = HostFacts(configuration: .init(repeating: 1, count: 16), build: .init(repeating: 2, count: 16))
    else { preconditionFailure("facts") }
    _ = roster.adopt(world.otherCertificate)
    let signer = RosterSigner(roster: roster, certificate: world.certificate, facts: facts, version: 1)
    membership = Membership(
      host: world.own.hostID, roles: .host, settings: .lan, signer: signer, persistedGeneration: 0, seed: 1)
    let peer = Peer(host: world.other.hostID, endpoint: FuzzWorld.peerEndpoint)
    take(.command(.start(peers: [peer])))
  }

  mutating func take(_ input: MembershipInput) {
    membership.handle(input, now: now, into: &effects)
    now.monotonic += 1_000_000
    settle { _ in }
  }

  private mutating func settle(_ sent: ([UInt8]) -> Void) {
    let persists = effects.persists
    for send in effects.sends {
      precondition(send.message.count <= 1_188)
      sent([UInt8](UnsafeRawBufferPointer(effects.buffer.bytes(of: send.message))))
    }
    for deadline in effects.deadlines { deadlines.insert(deadline.timer, at: deadline.at) }
    effects.removeAll()
    effects.buffer.removeAll()
    for persist in persists { membership.handle(.persisted(token: persist.token), now: now, into: &effects) }
    if !persists.isEmpty { settle(sent) }
  }

  /// Lets so many seconds pass and returns what was sent meanwhile.
  mutating func sentMessages(for seconds: UInt64) -> [[UInt8]] {
    var all: [[UInt8]] = []
    let end = now.monotonic + Nanoseconds.seconds(seconds)
    while let due = deadlines.popFirst(dueBy: end) {
      now.monotonic = max(now.monotonic, due.at)
      membership.handle(.deadline(due.element), now: now, into: &effects)
      settle { all.append($0) }
    }
    return all
  }
}

/// Messages, each led by its length, from a host that may send them.
func fuzzGossip(_ bytes: UnsafeRawBufferPointer) {
  var world = FuzzMembership()
  var reader = Reader(bytes)
  while let length = try? reader.u16() {
    guard let slice = try? reader.take(min(Int(length % 1_189), reader.remaining)) else { break }
    world.take(.message(slice, from: FuzzWorld.shared.other.hostID, at: FuzzWorld.peerEndpoint))
  }
  keep(world.membership.root)
}

func fuzzRoster(_ bytes: UnsafeRawBufferPointer) {
  var world = FuzzMembership()
  world.take(.roster(bytes, from: FuzzWorld.shared.other.hostID))
  keep(world.membership.liveCount)
}
