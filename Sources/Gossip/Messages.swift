package import Wire

/// The fixed part of a gossip message; items follow it until the end, except after PingRequest, Nack, Buckets and
/// MetaPull. The session says who sent it. `v` is a varint, N a host id, I an incarnation.
///
/// | type | message | body | bytes |
/// |---|---|---|---|
/// | 1 | ping | sequence u32, I, root u64, live u16, settled u8, health u8 | 23 |
/// | 2 | ack | sequence u32, flags u8 (1 leaving, 2 relayed), I, root u64, live u16, settled u8 | 23 |
/// | 3 | ping request | sequence u32, target N, milliseconds v | 15 |
/// | 4 | nack | sequence u32, reason u8 | 6 |
/// | 5 | gossip | – | 1 |
/// | 6 | join | the endpoint at which the sender expects us | 8 |
/// | 7 | welcome | the endpoint at which the sender sees us, root u64, live u16 | 18 |
/// | 8 | buckets | root u64, 64 × u32 | 265 |
/// | 9 | records | mask u64, flags u8 (1 more buckets differ, 2 an answer) | 10 |
/// | 10 | meta pull | 1–32 × N | ≤ 257 |
/// | 11 | meta | – | 1 |
/// | 12 | you are dead | flags u8 (1 buried) | 2 |
/// | 13 | roster pull | – | 1 |
package enum Message: Hashable {
  case ping(Ping)
  case ack(Ack)
  case pingRequest(sequence: UInt32, target: HostID, milliseconds: UInt32)
  case nack(sequence: UInt32, Refusal)
  case gossip
  case join(expectedAt: Endpoint)
  case welcome(seenAt: Endpoint, Fingerprint)
  case buckets(root: UInt64, ContiguousArray<UInt32>)
  case records(mask: UInt64, moreDiffer: Bool, isAnswer: Bool)
  case metaPull(ContiguousArray<HostID>)
  case meta
  case youAreDead(isBuried: Bool)
  case rosterPull

  /// A table in a few bytes.
  package struct Fingerprint: Hashable {
    package var root: UInt64
    package var live: UInt16
  }

  package struct Ping: Hashable {
    package var sequence: UInt32
    /// The sender's own.
    package var incarnation: Incarnation
    package var fingerprint: Fingerprint
    /// Tenths of a second since the sender's table last changed, at most 255.
    package var settled: UInt8
    /// The sender's local health.
    package var health: UInt8
  }

  package struct Ack: Hashable {
    package var sequence: UInt32
    package var isLeaving: Bool
    /// A helper brings it; the rest is the target's.
    package var isRelayed: Bool
    package var incarnation: Incarnation
    package var fingerprint: Fingerprint
    package var settled: UInt8
  }

  package enum Refusal: UInt8 {
    /// The target has not answered within 80 % of the time.
    case silent = 1
    case unknownTarget = 2
    case busy = 3
  }

  /// More than any probe takes: 2 s stretched eightfold is 16 s.
  static let longestWait = 60_000

  package init(reading reader: inout Reader) throws(WireError) {
    switch try reader.u8() {
    case 1:
      self = .ping(
        Ping(
          sequence: try reader.u32(), incarnation: try reader.incarnation(), fingerprint: try reader.fingerprint(),
          settled: try reader.u8(), health: try reader.u8()))
    case 2:
      let sequence = try reader.u32()
      let flags = try reader.flags(below: 4)
      self = .ack(
        Ack(
          sequence: sequence, isLeaving: flags & 1 != 0, isRelayed: flags & 2 != 0,
          incarnation: try reader.incarnation(), fingerprint: try reader.fingerprint(), settled: try reader.u8()))
    case 3:
      let sequence = try reader.u32()
      let target = try reader.hostID()
      self = .pingRequest(
        sequence: sequence, target: target,
        milliseconds: UInt32(truncatingIfNeeded: try reader.count(atMost: Message.longestWait)))
      try reader.expectEnd()
    case 4:
      let sequence = try reader.u32()
      guard let refusal = Refusal(rawValue: try reader.u8()) else { throw .invalid }
      self = .nack(sequence: sequence, refusal)
      try reader.expectEnd()
    case 5:
      self = .gossip
    case 6:
      self = .join(expectedAt: try reader.endpoint())
    case 7:
      self = .welcome(seenAt: try reader.endpoint(), try reader.fingerprint())
    case 8:
      let root = try reader.u64()
      var buckets = ContiguousArray<UInt32>(repeating: 0, count: Digest.bucketCount)
      for bucket in buckets.indices { buckets[bucket] = try reader.u32() }
      self = .buckets(root: root, buckets)
      try reader.expectEnd()
    case 9:
      let mask = try reader.u64()
      let flags = try reader.flags(below: 4)
      self = .records(mask: mask, moreDiffer: flags & 1 != 0, isAnswer: flags & 2 != 0)
    case 10:
      let count = reader.remaining / 8
      guard count > 0 else { throw .truncated }
      guard count <= Limits.metaPull else { throw .tooLarge }
      var hosts = ContiguousArray<HostID>()
      hosts.reserveCapacity(count)
      for _ in 0..<count { hosts.append(try reader.hostID()) }
      self = .metaPull(hosts)
      try reader.expectEnd()
    case 11:
      self = .meta
    case 12:
      self = .youAreDead(isBuried: try reader.flags(below: 2) == 1)
    case 13:
      self = .rosterPull
    default:
      throw .invalid
    }
  }

  package func write(into writer: inout Writer) {
    switch self {
    case .ping(let ping):
      writer.u8(1)
      writer.u32(ping.sequence)
      writer.incarnation(ping.incarnation)
      writer.fingerprint(ping.fingerprint)
      writer.u8(ping.settled)
      writer.u8(ping.health)
    case .ack(let ack):
      writer.u8(2)
      writer.u32(ack.sequence)
      writer.u8((ack.isLeaving ? 1 : 0) | (ack.isRelayed ? 2 : 0))
      writer.incarnation(ack.incarnation)
      writer.fingerprint(ack.fingerprint)
      writer.u8(ack.settled)
    case .pingRequest(let sequence, let target, let milliseconds):
      writer.u8(3)
      writer.u32(sequence)
      writer.hostID(target)
      writer.varint(UInt64(milliseconds))
    case .nack(let sequence, let refusal):
      writer.u8(4)
      writer.u32(sequence)
      writer.u8(refusal.rawValue)
    case .gossip:
      writer.u8(5)
    case .join(let endpoint):
      writer.u8(6)
      writer.endpoint(endpoint)
    case .welcome(let endpoint, let fingerprint):
      writer.u8(7)
      writer.endpoint(endpoint)
      writer.fingerprint(fingerprint)
    case .buckets(let root, let buckets):
      writer.u8(8)
      writer.u64(root)
      for bucket in buckets { writer.u32(bucket) }
    case .records(let mask, let moreDiffer, let isAnswer):
      writer.u8(9)
      writer.u64(mask)
      writer.u8((moreDiffer ? 1 : 0) | (isAnswer ? 2 : 0))
    case .metaPull(let hosts):
      writer.u8(10)
      for host in hosts { writer.hostID(host) }
    case .meta:
      writer.u8(11)
    case .youAreDead(let isBuried):
      writer.u8(12)
      writer.u8(isBuried ? 1 : 0)
    case .rosterPull:
      writer.u8(13)
    }
  }
}

extension Reader {
  fileprivate mutating func fingerprint() throws(WireError) -> Message.Fingerprint {
    Message.Fingerprint(root: try u64(), live: try u16())
  }

  /// Bits that have no meaning are refused: one message, one encoding.
  fileprivate mutating func flags(below limit: UInt8) throws(WireError) -> UInt8 {
    let flags = try u8()
    guard flags < limit else { throw .invalid }
    return flags
  }
}

extension Writer {
  fileprivate mutating func fingerprint(_ fingerprint: Message.Fingerprint) {
    u64(fingerprint.root)
    u16(fingerprint.live)
  }
}
