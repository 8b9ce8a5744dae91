import Gossip
import Wire

/// Messages and items written by hand, from the layouts in the documentation, not by the code under test.
struct Forge {
  var bytes: [UInt8]

  init(_ message: UInt8...) { bytes = message }

  static func u64(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

  static func varint(_ value: UInt64) -> [UInt8] {
    var rest = value
    var result: [UInt8] = []
    while rest >= 128 {
      result.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    return result + [UInt8(rest)]
  }

  static func incarnation(_ incarnation: Incarnation) -> [UInt8] {
    varint(incarnation.generation) + varint(incarnation.refutation)
  }

  static func endpoint(_ endpoint: Endpoint) -> [UInt8] {
    [4] + (0..<4).map { UInt8(truncatingIfNeeded: endpoint.ipv4 >> (24 - 8 * $0)) }
      + [UInt8(endpoint.port & 255), UInt8(endpoint.port >> 8)]
  }

  static func signature(_ domain: RecordDomain, _ body: [UInt8], by host: HostID) -> [UInt8] {
    let signature = body.withUnsafeBytes { TestSigner.signature(domain, $0, by: host) }
    return signature.withBytes { Array($0) }
  }

  static func selfRecord(
    _ host: HostID, _ incarnation: Incarnation, at endpoint: Endpoint, metadata: UInt64 = 1, roles: UInt8 = 1
  ) -> [UInt8] {
    u64(host.rawValue) + self.incarnation(incarnation) + self.endpoint(endpoint) + varint(metadata) + [roles]
  }

  func alive(
    _ host: HostID, _ incarnation: Incarnation, at endpoint: Endpoint = Endpoint(ipv4: 0x0a00_0001, port: 7000),
    metadata: UInt64 = 1, signedBy signer: HostID? = nil
  ) -> Forge {
    let body = Forge.selfRecord(host, incarnation, at: endpoint, metadata: metadata)
    return adding([1] + body + Forge.signature(.selfRecord, body, by: signer ?? host))
  }

  private static func accusation(_ subject: HostID, _ incarnation: Incarnation, by accuser: HostID) -> [UInt8] {
    let body = u64(subject.rawValue) + self.incarnation(incarnation) + u64(accuser.rawValue)
    return u64(accuser.rawValue) + signature(.accusation, body, by: accuser)
  }

  func suspect(_ subject: HostID, _ incarnation: Incarnation, by accuser: HostID) -> Forge {
    adding(
      [2] + Forge.u64(subject.rawValue) + Forge.incarnation(incarnation)
        + Forge.accusation(subject, incarnation, by: accuser))
  }

  func dead(_ subject: HostID, _ incarnation: Incarnation, by accusers: [HostID], minutes: UInt64 = 0) -> Forge {
    var item = [3 | UInt8(accusers.count) << 4] + Forge.u64(subject.rawValue) + Forge.incarnation(incarnation)
    item += Forge.varint(minutes)
    for accuser in accusers { item += Forge.accusation(subject, incarnation, by: accuser) }
    return adding(item)
  }

  func obituary(
    _ subject: HostID, _ incarnation: Incarnation, by accusers: [HostID], minutes: UInt64 = 0
  ) -> Forge {
    let body = Forge.selfRecord(subject, incarnation, at: Endpoint(ipv4: 0x0a00_0001, port: 7000))
    var item = [4 | UInt8(accusers.count) << 4] + body + Forge.signature(.selfRecord, body, by: subject)
    item += Forge.varint(minutes)
    for accuser in accusers { item += Forge.accusation(subject, incarnation, by: accuser) }
    return adding(item)
  }

  func left(_ subject: HostID, _ incarnation: Incarnation, minutes: UInt64 = 0) -> Forge {
    let name = Forge.u64(subject.rawValue) + Forge.incarnation(incarnation)
    return adding([5] + name + Forge.varint(minutes) + Forge.signature(.selfRecord, name + [0], by: subject))
  }

  func revocation(_ subject: HostID) -> Forge {
    let bytes = TestSigner.revocation(of: subject)
    return adding([6] + Forge.u64(subject.rawValue) + [UInt8(bytes.count), 0] + bytes)
  }

  func load(_ subject: HostID, life: UInt8, sequence: UInt64, processor: UInt8 = 7) -> Forge {
    adding([7] + Forge.u64(subject.rawValue) + [life] + Forge.varint(sequence) + [0, processor, 2, 3, 4, 0, 5, 6])
  }

  func oneWay(_ subject: HostID, _ incarnation: Incarnation, by observer: HostID, number: UInt64) -> Forge {
    let name = Forge.u64(subject.rawValue) + Forge.incarnation(incarnation)
    let body = name + Forge.u64(observer.rawValue) + Forge.varint(number)
    return adding([8] + body + Forge.signature(.accusation, body, by: observer))
  }

  func metadata(_ subject: HostID, version: UInt64 = 1, contributor: UInt32 = 0) -> Forge {
    let bytes = TestSigner.metadata(of: subject, version: version, contributor: contributor)
    return adding(
      [9] + Forge.u64(subject.rawValue) + Forge.varint(version) + [UInt8(bytes.count & 255), UInt8(bytes.count >> 8)]
        + bytes)
  }

  private func adding(_ item: [UInt8]) -> Forge {
    var copy = self
    copy.bytes += item
    return copy
  }

  static func ping(sequence: UInt32, incarnation: Incarnation, root: UInt64 = 0) -> Forge {
    var forge = Forge(1)
    forge.bytes += (0..<4).map { UInt8(truncatingIfNeeded: sequence >> (8 * $0)) }
    forge.bytes += self.incarnation(incarnation) + u64(root) + [1, 0, 0, 0]
    return forge
  }
}

/// One membership among hosts that the test plays itself.
final class Stage {
  let host = HostID(rawValue: 0xa11ce)
  let signer: TestSigner
  var membership: Membership
  var effects = MembershipEffects(buffer: MessageBuffer())
  var now: UInt64 = 1_000_000_000
  var events: [MembershipEvent] = []
  var deadlines: [Deadline] = []
  var sent: [(to: HostID, bytes: [UInt8])] = []
  static let wallSeconds: UInt64 = 1_790_000_000
  let life = Incarnation(generation: 60_000_000, refutation: 0)

  /// Running, with these peers alive; host n is HostID(n).
  init(
    peers: Int, contributors: (Int) -> UInt32 = { _ in 0 }, settings: MembershipSettings = .lan,
    endpoint: Endpoint? = Endpoint(ipv4: 0x0a00_00ff, port: 7000)
  ) {
    signer = TestSigner(host: host)
    membership = Membership(
      host: host, roles: .host, settings: settings, signer: signer, persistedGeneration: 0, seed: 4)
    if let endpoint { input(.command(.setEndpoint(endpoint))) }
    input(.command(.start(peers: [])))
    for peer in 0..<peers {
      signer.adopt(Stage.peer(peer), contributor: contributors(peer))
      receive(Forge(5).alive(Stage.peer(peer), life), from: peer)
    }
    events = []
    sent = []
  }

  static func peer(_ index: Int) -> HostID { HostID(rawValue: UInt64(index) + 1) }

  func input(_ input: MembershipInput) {
    membership.handle(
      input, now: Now(monotonic: now, wall: Stage.wallSeconds * 1_000_000_000 + now), into: &effects)
    var persisted: [UInt64] = []
    for send in effects.sends { sent.append((send.to, Array(effects.buffer.bytes(of: send.message)))) }
    for persist in effects.persists { persisted.append(persist.token) }
    events += effects.events
    deadlines += effects.deadlines
    effects.removeAll()
    effects.buffer.removeAll()
    for token in persisted { self.input(.persisted(token: token)) }
  }

  func receive(_ forge: Forge, from peer: Int) {
    receive(forge.bytes, from: Stage.peer(peer))
  }

  func receive(_ bytes: [UInt8], from host: HostID) {
    bytes.withUnsafeBytes {
      input(.message($0, from: host, at: Endpoint(ipv4: 0x0a00_0001, port: 7000)))
    }
  }

  func status(_ peer: Int) -> Status? { membership.status(of: Stage.peer(peer)) }

  /// Types of messages sent to a host since the last question.
  func takeSent(to host: HostID? = nil) -> [UInt8] {
    defer { sent = [] }
    return sent.filter { host == nil || $0.to == host }.map { $0.bytes[0] }
  }
}
