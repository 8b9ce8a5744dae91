import Hashing
import Wire

/// Limits of `security.md` 3.6 as DESIGN 4.4 sets them.
enum StreamLimits {
  static let transfersPerPeer = 2
  static let transfers = 16
  static let links = 128
  /// TCP connections that have not shown a preface yet.
  static let prefaces = 64
  static let prefacesPerAddress = 4
  static let prefaceTime = Nanoseconds.seconds(2)
  /// From the announcement to the first byte.
  static let setUp = Nanoseconds.seconds(10)
  static let announcementGap = Nanoseconds.milliseconds(500)
  static let idle = Nanoseconds.seconds(10)
  static let minimumRate: UInt64 = 16 << 10
  static let rateGrace = Nanoseconds.seconds(5)
  /// Bytes handed to a connection and not yet with the kernel: enough to keep it busy, and little enough that an
  /// urgent frame is not behind much.
  static let inFlight = 128 << 10
}

/// One encrypted TCP stream, from its announcement to its end. Either a link (`purpose` is `nil`) or a transfer.
final class Stream {
  enum Phase {
    /// Ours, and its content is being hashed: the announcement names the hash.
    case hashing
    /// Ours, and no session stands yet to announce it on.
    case waiting
    /// Ours, announced and not accepted yet.
    case announced
    /// Ours, accepted: TCP is being set up.
    case connecting
    /// Theirs, accepted: the preface must come.
    case expected
    case open
    case closed
  }

  let peer: Int
  let host: HostID
  let isOpener: Bool
  let purpose: TransferPurpose?
  var phase: Phase
  var id = StreamID(sequence: 0, random: 0)
  /// The session that it was announced on, by our index: its keys come from there.
  var sessionIndex: UInt32 = 0
  var keys: StreamKeys?
  var connection: ConnectionID?
  var sealed: SealedStream?

  var createdAt: UInt64
  var openedAt: UInt64 = 0
  var announcedAt: UInt64 = 0
  var announcements: UInt64 = 0
  /// Bytes came in, or went out to the kernel.
  var progressAt: UInt64

  var outgoing: OutgoingTransfer?
  var incoming: IncomingTransfer?
  var link: LinkState?

  init(peer: Int, host: HostID, isOpener: Bool, purpose: TransferPurpose?, phase: Phase, now: UInt64) {
    self.peer = peer
    self.host = host
    self.isOpener = isOpener
    self.purpose = purpose
    self.phase = phase
    createdAt = now
    progressAt = now
  }

  var isLink: Bool { purpose == nil }
}

/// The keys of one stream: HKDF-Expand of the session's exporter over "mesh-stream/1" ‖ stream id ‖ opener's host id.
struct StreamKeys {
  let openerToAcceptor: Secret
  let acceptorToOpener: Secret
  let preface: Secret

  static let prefaceSize = 48

  /// `nil` when the arena is full.
  init?(exporter: Secret, id: StreamID, opener: HostID, arena: SecretArena) {
    guard let first = arena.allocate(32), let second = arena.allocate(32), let third = arena.allocate(32) else {
      return nil
    }
    withTemporaryBytes(96) { output in
      withTemporaryBytes(64) { text in
        var writer = Writer(text)
        writer.append([UInt8]("mesh-stream/1".utf8))
        id.write(into: &writer)
        writer.hostID(opener)
        exporter.withBytes { NoiseHash.blake2b.expand(key: $0, info: writer.written, into: output) }
      }
      var reader = Reader(UnsafeRawBufferPointer(output))
      for secret in [first, second, third] {
        secret.withMutableBytes { target in
          // 96 bytes are three times 32.
          if let part = try? reader.take(32) { target.copyMemory(from: part) }
        }
      }
    }
    openerToAcceptor = first
    acceptorToOpener = second
    preface = third
  }

  func sending(isOpener: Bool) -> Secret { isOpener ? openerToAcceptor : acceptorToOpener }
  func receiving(isOpener: Bool) -> Secret { isOpener ? acceptorToOpener : openerToAcceptor }

  /// What the connecting side sends first: stream id 16, keyed hash of it 32.
  func writePreface(of id: StreamID, into writer: inout Writer) {
    let start = writer.count
    id.write(into: &writer)
    withTemporaryBytes(32) { mac in
      preface.withBytes { Blake2b.hash(writer.written(from: start), key: $0, into: mac) }
      writer.append(UnsafeRawBufferPointer(mac))
    }
  }

  func isPreface(id: UnsafeRawBufferPointer, mac: UnsafeRawBufferPointer) -> Bool {
    withTemporaryBytes(32) { expected in
      preface.withBytes { Blake2b.hash(id, key: $0, into: expected) }
      return Sodium.equal(UnsafeRawBufferPointer(expected), mac)
    }
  }
}

/// A TCP connection that has not said yet which stream it is.
struct PendingPreface {
  let connection: ConnectionID
  let address: UInt64
  var since: UInt64
  var bytes: [UInt8] = []
}

/// All streams and connections, in the order in which they began.
struct StreamTable {
  private(set) var streams: [Stream] = []
  private var byConnection: [ConnectionID: Stream] = [:]
  private(set) var prefaces: [PendingPreface] = []
  private var lastConnection: UInt64 = 0
  /// Where chunks are opened.
  let scratch = ChunkBuffer()

  /// Something needs the quick beat of the upkeep.
  var isBusy: Bool { !prefaces.isEmpty || streams.contains { !$0.isLink || $0.phase != .open } }

  mutating func add(_ stream: Stream) { streams.append(stream) }

  mutating func remove(_ stream: Stream) {
    if let connection = stream.connection { byConnection[connection] = nil }
    streams.removeAll { $0 === stream }
  }

  func stream(on connection: ConnectionID) -> Stream? { byConnection[connection] }

  mutating func bind(_ stream: Stream, to connection: ConnectionID) {
    stream.connection = connection
    byConnection[connection] = stream
  }

  mutating func newConnection() -> ConnectionID {
    lastConnection += 1
    return ConnectionID(rawValue: lastConnection)
  }

  func stream(_ id: StreamID, of peer: Int, isOpener: Bool) -> Stream? {
    streams.first { $0.id == id && $0.peer == peer && $0.isOpener == isOpener && $0.phase != .closed }
  }

  func expected(_ id: StreamID) -> Stream? { streams.first { $0.id == id && $0.phase == .expected } }
  func expectedLink(of peer: Int) -> Stream? {
    streams.first { $0.peer == peer && $0.isLink && $0.phase == .expected }
  }
  func waits(for peer: Int) -> Bool { streams.contains { $0.peer == peer && $0.phase == .waiting } }
  func transfers(of peer: Int) -> Int { streams.count { $0.peer == peer && !$0.isLink } }
  var transfers: Int { streams.count { !$0.isLink } }
  var links: Int { streams.count { $0.isLink } }

  mutating func addPreface(_ preface: PendingPreface) -> Bool {
    guard prefaces.count < StreamLimits.prefaces,
      prefaces.count(where: { $0.address == preface.address }) < StreamLimits.prefacesPerAddress
    else { return false }
    prefaces.append(preface)
    return true
  }

  /// Takes a connection out of those that wait for their preface.
  mutating func takePreface(_ connection: ConnectionID) -> PendingPreface? {
    guard let index = prefaces.firstIndex(where: { $0.connection == connection }) else { return nil }
    return prefaces.remove(at: index)
  }

  mutating func shift(by lateness: UInt64, now: UInt64) {
    func later(_ time: inout UInt64) { time = min(time &+ lateness, now) }
    for index in prefaces.indices { later(&prefaces[index].since) }
    for stream in streams {
      later(&stream.createdAt)
      later(&stream.openedAt)
      later(&stream.progressAt)
      if stream.link != nil { later(&stream.link!.heardAt) }
    }
  }
}

extension Digest {
  /// 32 zero bytes: of a link, which has no content.
  static let none = withUnsafeBytes(of: (UInt64(0), UInt64(0), UInt64(0), UInt64(0))) { Digest(bytes: $0)! }
}
