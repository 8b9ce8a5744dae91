import Hashing
import SecureChannel
import Wire

/// A certified host that has gone bad. It holds a session with the channel under test and says on it, and on streams of
/// it, whatever it likes: so fuzzing gets behind the seals. Written from the layouts in `docs/secure-channel.md`, with
/// none of the channel's own encoders.
final class HostileHost {
  private static let index: UInt32 = 0x1234_5678
  private static let tagSize = 16
  private static let macSize = 16
  private static let headerSize = 16
  /// {kind 5, no flags, length 4, time 2, no echo}.
  static let timeFrame: [UInt8] = [5, 0, 4, 0, 1, 0, 0, 0]

  let world = FuzzWorld.shared
  private(set) var channel: Channel
  private(set) var now = FuzzWorld.shared.now
  /// Everything that the channel told since `takeEvents`.
  private var events: [ChannelEvent] = []
  private var effects = ChannelEffects(buffer: MessageBuffer())
  private var deadlines = DeadlineQueue<Timer>()
  private let entropy = FixedEntropy(seed: 11)

  private var keys: NoiseKeys?
  private var remoteIndex: UInt32 = 0
  private var counter: UInt64 = 0
  private var announced: UInt64 = 0
  private var acceptedConnections: UInt64 = 0

  /// Datagrams that came from the channel in answer to the last input.
  private(set) var answers: [[UInt8]] = []
  /// The connection that the channel asked for last.
  private(set) var asked: ConnectionID?
  private(set) var closed: Set<ConnectionID> = []

  /// Knows the channel, and has no session yet.
  init() { channel = FuzzWorld.shared.channel() }

  /// With a session.
  static func met() -> HostileHost {
    let host = HostileHost()
    host.greet(payload: host.helloPayload())
    precondition(host.keys != nil, "the channel under test did not answer a good HELLO")
    host.say(HostileHost.timeFrame)
    return host
  }

  // MARK: Handshake

  func word(_ type: UInt8) -> UInt32 { UInt32(type) | 1 << 8 | UInt32(world.network.tag) << 16 }

  /// {label 12, boot id 8, version 2, zero 10, certificate 320}.
  func helloPayload() -> [UInt8] {
    bytes(352) { writer in
      writer.u64((0x4000_0000_0000_000a + FuzzWorld.wall / 1_000_000_000).byteSwapped)
      writer.u32(0)
      writer.u64(77)
      writer.u16(1)
      writer.zeros(10)
      writer.append(world.otherCertificate.bytes)
    }
  }

  private func handshake(_ role: NoiseRole) -> NoiseHandshake? {
    var credentials = NoiseCredentials(staticKey: world.other.exchange)
    if role == .initiator { credentials.remoteStatic = world.own.key.exchange }
    credentials.psks = [world.network.secret]
    let prologue = [UInt8]("mesh/1".utf8) + withUnsafeBytes(of: world.network.id.rawValue.littleEndian) { [UInt8]($0) }
    return try? prologue.withUnsafeBytes {
      try NoiseHandshake(
        .ikPSK2, role: role, prologue: $0, credentials: credentials, arena: world.arena, entropy: entropy)
    }
  }

  /// Sends a HELLO with this payload, and takes the keys when it is answered.
  func greet(payload: [UInt8]) {
    guard let handshake = handshake(.initiator) else { return }
    var noise = [UInt8](repeating: 0, count: handshake.overhead + payload.count)
    let isWritten = noise.withUnsafeMutableBytes { buffer in
      var writer = Writer(buffer)
      return payload.withUnsafeBytes { (try? handshake.write(payload: $0, into: &writer)) != nil }
    }
    guard isWritten else { return }
    greet(noise: noise)
    guard let answer = answers.first, answer.count == DatagramSize.response else { return }
    answer.withUnsafeBytes { bytes in
      var reader = Reader(bytes)
      var payload = [UInt8](repeating: 0, count: 16)
      guard (try? reader.u32()) == word(2), let index = try? reader.u32(), (try? reader.u32()) == HostileHost.index,
        let noise = try? reader.take(64),
        (try? payload.withUnsafeMutableBytes({ try handshake.finishReading(noise, payload: $0) })) != nil
      else { preconditionFailure("a HELLO was answered by something else") }
      remoteIndex = index
      keys = try? handshake.split()
    }
  }

  /// Sends a HELLO whose mac1 is right, with this instead of a Noise message: what an expelled host could do.
  func greet(noise: [UInt8]) {
    hand(sealedByMac1(DatagramSize.hello, [word(1), HostileHost.index], noise))
  }

  /// Answers the HELLO that the channel has just sent with a RESPONSE of this payload, or of this raw content.
  func answerHello(payload: [UInt8]? = nil, noise raw: [UInt8]? = nil) {
    guard let hello = answers.first, hello.count == DatagramSize.hello, let handshake = handshake(.responder) else {
      preconditionFailure("the channel under test sent no HELLO")
    }
    let (index, message) = hello.withUnsafeBytes { bytes -> (UInt32, [UInt8]) in
      var reader = Reader(bytes)
      guard (try? reader.u32()) == word(1), let index = try? reader.u32(), let noise = try? reader.take(448) else {
        preconditionFailure("not a HELLO")
      }
      return (index, [UInt8](noise))
    }
    var content = raw ?? []
    if let payload {
      var read = [UInt8](repeating: 0, count: 352)
      content = [UInt8](repeating: 0, count: 48 + payload.count)
      let isWritten = message.withUnsafeBytes { message in
        guard (try? read.withUnsafeMutableBytes({ try handshake.finishReading(message, payload: $0) })) != nil else {
          return false
        }
        return content.withUnsafeMutableBytes { buffer in
          var writer = Writer(buffer)
          return payload.withUnsafeBytes { (try? handshake.write(payload: $0, into: &writer)) != nil }
        }
      }
      precondition(isWritten, "the HELLO of the channel under test cannot be read")
    }
    hand(sealedByMac1(DatagramSize.response, [word(2), HostileHost.index, index], content))
  }

  /// {words, noise, mac1, no mac2}, cut or filled up to its one length.
  private func sealedByMac1(_ size: Int, _ words: [UInt32], _ noise: [UInt8]) -> [UInt8] {
    guard let greeting = GreetingKeys(of: world.own.key.exchange, network: world.network, arena: world.arena) else {
      preconditionFailure("no memory for keys")
    }
    let covered = size - 2 * HostileHost.macSize
    return bytes(size) { writer in
      for word in words { writer.u32(word) }
      writer.append([UInt8](noise.prefix(covered - writer.count)))
      writer.zeros(covered - writer.count)
      var mac = [UInt8](repeating: 0, count: HostileHost.macSize)
      mac.withUnsafeMutableBytes { greeting.writeMac1(of: writer.written, into: $0) }
      writer.append(mac)
      writer.zeros(HostileHost.macSize)
    }
  }

  // MARK: Session

  /// One DATA with this plaintext (at most 1,200 bytes), filled up to a multiple of 16.
  func say(_ plain: [UInt8]) {
    guard let keys else { return }
    let padded = max(16, (min(plain.count, 1_200) + 15) & ~15)
    var datagram = bytes(HostileHost.headerSize + padded + HostileHost.tagSize) { writer in
      writer.u32(word(4))
      writer.u32(remoteIndex)
      writer.u64(counter)
      writer.append([UInt8](plain.prefix(padded)))
      writer.zeros(writer.room)
    }
    let header = [UInt8](datagram[..<HostileHost.headerSize])
    datagram.withUnsafeMutableBytes { buffer in
      header.withUnsafeBytes {
        ChaChaPoly.seal(
          inPlace: UnsafeMutableRawBufferPointer(rebasing: buffer[HostileHost.headerSize...]),
          key: keys.sending(.initiator), counter: counter, authenticating: $0)
      }
    }
    counter += 1
    hand(datagram)
  }

  /// One frame.
  func say(_ kind: FrameKind, _ body: [UInt8]) {
    say(
      HostileHost.timeFrame
        + bytes(4 + body.count) { writer in
          writer.u8(kind.rawValue)
          writer.u8(0)
          writer.u16(UInt16(truncatingIfNeeded: body.count))
          writer.append(body)
        })
  }

  // MARK: Streams

  /// Announces a stream of ours (`purpose` `nil` for a link), connects and sends the preface. The half that we seal with.
  func open(_ purpose: TransferPurpose?, size: UInt64 = 0, hash: Digest? = nil) -> HostileStream? {
    announced += 1
    let id = bytes(16) { writer in
      writer.u64(announced)
      writer.u64(9)
    }
    say(
      .streamControl,
      bytes(60) { writer in
        writer.u8(1)
        writer.u8(purpose?.rawValue ?? 0)
        writer.u16(0)
        writer.append(id)
        writer.u64(size)
        if let hash { hash.withBytes { writer.append($0) } } else { writer.zeros(32) }
      })
    acceptedConnections += 1
    let connection = ConnectionID(rawValue: ConnectionID.acceptedBit | acceptedConnections)
    handle(.accepted(connection, from: FuzzWorld.peerEndpoint))
    let secrets = streamSecrets(id, opener: world.other.hostID)
    var mac = [UInt8](repeating: 0, count: 32)
    mac.withUnsafeMutableBytes { output in
      id.withUnsafeBytes { id in secrets.preface.withBytes { Blake2b.hash(id, key: $0, into: output) } }
    }
    receive(id + mac, on: connection)
    return HostileStream(connection, key: secrets.openerToAcceptor, world.arena, entropy)
  }

  /// Accepts the stream that the channel under test has just announced, and lets it connect.
  func acceptAnnounced() -> HostileStream? {
    guard let id = answers.lazy.compactMap({ self.announcedID($0) }).first else { return nil }
    say(.streamControl, [2, 0, 0, 0] + id)
    guard let connection = asked else { return nil }
    handle(.connected(connection))
    let secrets = streamSecrets(id, opener: world.own.hostID)
    return HostileStream(connection, key: secrets.acceptorToOpener, world.arena, entropy)
  }

  /// The id in a DATA that announces a stream.
  private func announcedID(_ datagram: [UInt8]) -> [UInt8]? {
    guard datagram.count > HostileHost.headerSize + HostileHost.tagSize, datagram[0] == 4, let keys else { return nil }
    var datagram = datagram
    let header = [UInt8](datagram[..<HostileHost.headerSize])
    return datagram.withUnsafeMutableBytes { buffer -> [UInt8]? in
      header.withUnsafeBytes { header -> [UInt8]? in
        var reader = Reader(header)
        guard (try? reader.u64()) != nil, let counter = try? reader.u64(),
          let plain = ChaChaPoly.open(
            inPlace: UnsafeMutableRawBufferPointer(rebasing: buffer[HostileHost.headerSize...]),
            key: keys.receiving(.initiator), counter: counter, authenticating: header)
        else { return nil }
        var content = Reader(UnsafeRawBufferPointer(plain))
        guard (try? content.take(8)) != nil, (try? content.u8()) == FrameKind.streamControl.rawValue,
          (try? content.take(3)) != nil, (try? content.u8()) == 1, (try? content.take(3)) != nil,
          let id = try? content.take(16)
        else { return nil }
        return [UInt8](id)
      }
    }
  }

  private func streamSecrets(
    _ id: [UInt8], opener: HostID
  ) -> (openerToAcceptor: Secret, acceptorToOpener: Secret, preface: Secret) {
    guard let keys else { preconditionFailure("no session") }
    let info = [UInt8]("mesh-stream/1".utf8) + id + withUnsafeBytes(of: opener.rawValue.littleEndian) { [UInt8]($0) }
    var output = [UInt8](repeating: 0, count: 96)
    output.withUnsafeMutableBytes { output in
      info.withUnsafeBytes { info in
        keys.exporter.withBytes { NoiseHash.blake2b.expand(key: $0, info: info, into: output) }
      }
    }
    func secret(_ number: Int) -> Secret {
      guard let secret = output[(number * 32)..<(number * 32 + 32)].withUnsafeBytes({ world.arena.store($0) }) else {
        preconditionFailure("no memory for keys")
      }
      return secret
    }
    return (secret(0), secret(1), secret(2))
  }

  func receive(_ bytes: [UInt8], on connection: ConnectionID) {
    guard !closed.contains(connection) else { return }
    bytes.withUnsafeBytes { handle(.received(connection, $0)) }
  }

  // MARK: Driving the channel

  func command(_ command: ChannelCommand) { handle(.command(command)) }

  func takeEvents() -> [ChannelEvent] {
    defer { events.removeAll() }
    return events
  }

  /// Lets so many seconds go by.
  func pass(seconds: UInt64) {
    let end = now.monotonic + Nanoseconds.seconds(seconds)
    // More than this is a timer that runs hot.
    var left = 10_000
    while let due = deadlines.popFirst(dueBy: end) {
      precondition(left > 0, "timers without end")
      left -= 1
      now.monotonic = max(now.monotonic, due.at)
      handle(.deadline(due.element))
    }
    now.monotonic = end
  }

  private func hand(_ datagram: [UInt8]) {
    var datagram = datagram
    answers.removeAll()
    datagram.withUnsafeMutableBytes { handle(.datagram($0, from: FuzzWorld.peerEndpoint), keepsAnswers: true) }
    now.monotonic += 1_000_000
  }

  private func handle(_ input: ChannelInput, keepsAnswers: Bool = false) {
    if !keepsAnswers { answers.removeAll() }
    channel.handle(input, now: now, into: &effects)
    channel.endTurn(now: now, into: &effects)
    carryOut()
  }

  private func carryOut() {
    var rounds = 0
    while true {
      for delivery in effects.deliveries { precondition(delivery.bytes.count <= DatagramSize.frameBody) }
      for send in effects.sends {
        answers.append([UInt8](UnsafeRawBufferPointer(effects.buffer.bytes(of: send.message))))
      }
      for deadline in effects.deadlines { deadlines.insert(deadline.timer, at: deadline.at) }
      events += effects.events
      var written: [ConnectionID] = []
      for action in effects.connections {
        switch action {
        case .connect(let connection, _): asked = connection
        case .write(let connection, _): if !written.contains(connection) { written.append(connection) }
        case .close(let connection, _): closed.insert(connection)
        case .read: break
        }
      }
      effects.removeAll()
      effects.buffer.removeAll()
      // What was written is with the kernel at once; a long transfer is cut off after some rounds.
      rounds += 1
      let drained = written.filter { !closed.contains($0) }
      guard !drained.isEmpty, rounds < 50 else { return }
      for connection in drained { channel.handle(.drained(connection), now: now, into: &effects) }
    }
  }

  func bytes(_ room: Int, _ body: (inout Writer) -> Void) -> [UInt8] { written(room, body) }
}

/// Our half of an encrypted stream: seals any chunk, right or wrong.
final class HostileStream {
  let connection: ConnectionID
  private let sealing: SealingStream
  private var number: UInt64 = 0
  private var hasHeader = false

  init?(_ connection: ConnectionID, key: Secret, _ arena: SecretArena, _ entropy: FixedEntropy) {
    guard let sealing = SealingStream(key: key, arena: arena, entropy: entropy) else { return nil }
    self.connection = connection
    self.sealing = sealing
  }

  /// {length 4, sealed}; the header goes before the first.
  func chunk(_ plain: [UInt8], isLast: Bool) -> [UInt8] {
    let length = UInt32(truncatingIfNeeded: plain.count + SealingStream.overhead)
    var sealed = [UInt8](repeating: 0, count: plain.count + SealingStream.overhead)
    let name = written(12) { writer in
      writer.u32(length)
      writer.u64(number)
    }
    number += 1
    plain.withUnsafeBytes { plain in
      name.withUnsafeBytes { name in
        sealed.withUnsafeMutableBytes {
          sealing.seal(plain, tag: isLast ? .final : .message, authenticating: name, into: $0)
        }
      }
    }
    return header() + withUnsafeBytes(of: length.littleEndian) { [UInt8]($0) } + sealed
  }

  /// Once; then nothing.
  func header() -> [UInt8] {
    defer { hasHeader = true }
    return hasHeader ? [] : sealing.header
  }
}

/// What a writer wrote into at most `room` bytes.
func written(_ room: Int, _ body: (inout Writer) -> Void) -> [UInt8] {
  [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
    var writer = Writer(UnsafeMutableRawBufferPointer(buffer))
    body(&writer)
    count = writer.count
  }
}
