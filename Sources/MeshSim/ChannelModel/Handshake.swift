import SecureChannel
import Wire

/// A handshake that we began and the frames that wait for it.
struct PendingHandshake {
  /// A frame that waits.
  struct Frame {
    let kind: FrameKind
    let bytes: [UInt8]
    let since: UInt64
  }

  let session: Int
  let began: UInt64
  var endpoint: Endpoint
  var attempt: UInt32 = 0
  /// From a COOKIE, for the next HELLO.
  var cookie: UInt64 = 0
  var frames: [Frame] = []
}

/// The model's handshake: HELLO 488 bytes, RESPONSE 108, COOKIE 64, with WireGuard's flow (DESIGN 4.1).
extension ChannelModel {
  static let helloType: UInt8 = 1
  static let responseType: UInt8 = 2
  static let cookieType: UInt8 = 3
  static let helloSize = 488
  static let responseSize = 108
  static let cookieSize = 64
  private static let framesWaiting = 4
  private static let frameLife = Nanoseconds.seconds(1)
  private static let givesUpAfter = Nanoseconds.seconds(90)

  // MARK: Initiator

  /// Keeps a frame until a session stands: 4 per peer, the newest, for 1 s.
  mutating func wait(
    _ kind: FrameKind, _ bytes: UnsafeMutableRawBufferPointer, for peer: Int, now: Now,
    into effects: inout ChannelEffects
  ) {
    beginHandshake(with: peer, now: now, into: &effects)
    guard handshakes[peer] != nil else {
      counters.droppedFrames &+= 1
      return
    }
    let frame = PendingHandshake.Frame(kind: kind, bytes: Array(bytes), since: now.monotonic)
    if let waiting = handshakes[peer]?.frames.count, waiting >= ChannelModel.framesWaiting {
      handshakes[peer]?.frames.removeFirst()
      counters.droppedFrames &+= 1
    }
    handshakes[peer]?.frames.append(frame)
  }

  mutating func beginHandshake(with peer: Int, now: Now, into effects: inout ChannelEffects) {
    let index = Int(peers[peer].index)
    if let pending = handshakes[peer] {
      // Gossip knows a better place than the one we are calling.
      if let endpoint = peers[peer].endpoint, endpoint != pending.endpoint { handshakes[peer]?.endpoint = endpoint }
      return
    }
    guard knowsKeys(of: index), !roster.isRevoked(directory.identities[index].host),
      let endpoint = peers[peer].endpoint, let session = sessions.open(peer: peer, boot: boot)
    else { return }
    sessions[session].isInitiator = true
    handshakes[peer] = PendingHandshake(session: session, began: now.monotonic, endpoint: endpoint)
    sendHello(to: peer, now: now, into: &effects)
  }

  private mutating func sendHello(to peer: Int, now: Now, into effects: inout ChannelEffects) {
    guard let pending = handshakes[peer] else { return }
    let wait = ChannelModel.retryDelay(attempt: pending.attempt, &chance)
    effects.deadlines.append(
      Deadline(
        at: now.monotonic &+ wait,
        timer: Timer(
          kind: ChannelModel.helloTimer, subject: UInt64(peer),
          token: sessions.localIndex(of: pending.session) &+ pending.attempt)))
    // A forged member list cannot turn a node into a flooder.
    guard helloBudget.take(at: now.monotonic) else {
      counters.helloHeldBack &+= 1
      return
    }
    if label.told == 0 || now.monotonic &- label.told > Nanoseconds.seconds(60) {
      label.told = now.monotonic
      effects.deadlines.append(
        Deadline(at: now.monotonic &+ Nanoseconds.seconds(60), timer: Timer(kind: ChannelModel.labelTimer)))
    }
    let target = Int(peers[peer].index)
    let label = label.next(wall: now.wall)
    let session = pending.session
    sendHandshake(
      ChannelModel.helloType, size: ChannelModel.helloSize, to: pending.endpoint,
      key: directory.identities[target].secret, into: &effects
    ) {
      [own, boot, sessions] writer in
      writer.u32(sessions.localIndex(of: session))
      writer.u32(UInt32(own))
      writer.u64(label)
      writer.u64(boot)
      writer.u64(pending.cookie)
    }
  }

  /// 200, 400, 800 ms, 1.6, 3.2 s, then 5 s + up to 334 ms.
  private static func retryDelay(attempt: UInt32, _ chance: inout Chance) -> UInt64 {
    attempt < 5
      ? Nanoseconds.milliseconds(200) << UInt64(attempt)
      : Nanoseconds.seconds(5) + chance.below(Nanoseconds.milliseconds(334))
  }

  mutating func retryHandshake(_ timer: Timer, now: Now, into effects: inout ChannelEffects) {
    let peer = Int(truncatingIfNeeded: timer.subject)
    guard let pending = handshakes[peer], timer.token == sessions.localIndex(of: pending.session) &+ pending.attempt
    else { return }
    handshakes[peer]?.frames.removeAll { now.monotonic &- $0.since >= ChannelModel.frameLife }
    let expired = now.monotonic &- pending.began >= ChannelModel.givesUpAfter
    guard handshakes[peer]?.frames.isEmpty == false, !expired else {
      sessions.close(pending.session)
      handshakes[peer] = nil
      counters.droppedFrames &+= UInt64(pending.frames.count)
      if expired { effects.events.append(.unreachable(host(of: peer), pending.endpoint)) }
      return
    }
    handshakes[peer]?.attempt += 1
    sendHello(to: peer, now: now, into: &effects)
  }

  mutating func receiveResponse(
    _ bytes: UnsafeRawBufferPointer, _ reader: inout Reader, from: Endpoint, now: Now,
    into effects: inout ChannelEffects
  ) throws(WireError) {
    let remoteIndex = try reader.u32()
    let place = sessions.find(try reader.u32())
    let secret = try reader.u64()
    guard let place, bytes.count == ChannelModel.responseSize, sessions[place].state == .offered,
      isAuthentic(bytes, key: directory.identities[own].secret)
    else { throw .invalid }
    let peer = Int(sessions[place].peer)
    guard let pending = handshakes[peer], pending.session == place else { throw .invalid }
    handshakes[peer] = nil
    sessions[place].state = .confirmed
    sessions[place].secret = secret
    sessions[place].remoteIndex = remoteIndex
    sessions[place].established = now.monotonic
    peers[peer].endpoint = from
    adopt(place, of: peer)
    effects.events.append(.sessionUp(host(of: peer), from))
    var sent = 0
    for frame in pending.frames {
      guard now.monotonic &- frame.since < ChannelModel.frameLife else {
        counters.droppedFrames &+= 1
        continue
      }
      guard let range = frame.bytes.withUnsafeBytes({ effects.buffer.append($0) }) else { continue }
      seal(frame.kind, range, on: place, now: now, into: &effects)
      sent += 1
    }
    // The first DATA proves to the responder that its answer came.
    if sent == 0 {
      sendOwn(.time, on: place, now: now, into: &effects) {
        $0.u32(UInt32(truncatingIfNeeded: now.monotonic / 1_000_000))
      }
    }
    resumeTransfers(with: Int(peers[peer].index), now: now, into: &effects)
  }

  mutating func receiveCookie(_ bytes: UnsafeRawBufferPointer, _ reader: inout Reader, now: Now) throws(WireError) {
    let place = sessions.find(try reader.u32())
    let cookie = try reader.u64()
    guard let place, bytes.count == ChannelModel.cookieSize, sessions[place].state == .offered,
      isAuthentic(bytes, key: directory.identities[own].secret)
    else { throw .invalid }
    handshakes[Int(sessions[place].peer)]?.cookie = cookie
  }

  // MARK: Responder

  mutating func receiveHello(
    _ bytes: UnsafeRawBufferPointer, _ reader: inout Reader, from: Endpoint, now: Now,
    into effects: inout ChannelEffects
  ) throws(WireError) {
    let remoteIndex = try reader.u32()
    let index = Int(try reader.u32())
    let label = try reader.u64()
    _ = try reader.u64()  // the initiator's life
    let cookie = try reader.u64()
    guard bytes.count == ChannelModel.helloSize, index < directory.count, index != own,
      isAuthentic(bytes, key: directory.identities[own].secret)
    else { throw .invalid }
    let initiator = directory.identities[index]
    switch responder.judge(from: from, cookie: cookie, now: now.monotonic) {
    case .refuse:
      counters.helloRefused &+= 1
      return
    case .askForCookie:
      counters.cookiesSent &+= 1
      let answer = responder.cookie(for: from, now: now.monotonic)
      sendHandshake(
        ChannelModel.cookieType, size: ChannelModel.cookieSize, to: from, key: initiator.secret, into: &effects
      ) { writer in
        writer.u32(remoteIndex)
        writer.u64(answer)
      }
      return
    case .serve:
      break
    }
    let peer = slot(of: index)
    guard !roster.isRevoked(initiator.host), label > peers[peer].lastLabel,
      let place = openUnconfirmed(for: peer, now: now)
    else {
      counters.helloRefused &+= 1
      return
    }
    // Its certificate was inside.
    peers[peer].introduced = true
    peers[peer].lastLabel = label
    let secret = chance.next()
    sessions[place].state = .unconfirmed
    sessions[place].secret = secret
    sessions[place].remoteIndex = remoteIndex
    sessions[place].established = now.monotonic
    let local = sessions.localIndex(of: place)
    sendHandshake(
      ChannelModel.responseType, size: ChannelModel.responseSize, to: from, key: initiator.secret, into: &effects
    ) { writer in
      writer.u32(local)
      writer.u32(remoteIndex)
      writer.u64(secret)
    }
  }

  private mutating func openUnconfirmed(for peer: Int, now: Now) -> Int? {
    guard responder.makeRoom(&sessions, now: now.monotonic), let place = sessions.open(peer: peer, boot: boot) else {
      return nil
    }
    responder.unconfirmed.append(place)
    return place
  }

  mutating func confirm(_ place: Int, from: Endpoint, now: Now, into effects: inout ChannelEffects) {
    let peer = Int(sessions[place].peer)
    responder.unconfirmed.removeAll { $0 == place }
    sessions[place].state = .confirmed
    peers[peer].endpoint = from
    adopt(place, of: peer)
    effects.events.append(.sessionUp(host(of: peer), from))
    resumeTransfers(with: Int(peers[peer].index), now: now, into: &effects)
    // What waited for our own handshake goes out on this session; that handshake ends.
    guard let pending = handshakes.removeValue(forKey: peer) else { return }
    sessions.close(pending.session)
    for frame in pending.frames where now.monotonic &- frame.since < ChannelModel.frameLife {
      guard let range = frame.bytes.withUnsafeBytes({ effects.buffer.append($0) }) else { continue }
      seal(frame.kind, range, on: place, now: now, into: &effects)
    }
  }

  /// The newest confirmed session is used; one older stays for datagrams that are under way.
  private mutating func adopt(_ place: Int, of peer: Int) {
    if peers[peer].previous >= 0 { sessions.close(Int(peers[peer].previous)) }
    peers[peer].previous = peers[peer].current
    peers[peer].current = Int32(place)
  }

  // MARK: Bytes

  /// A handshake message of exactly `size` bytes, authentic for the holder of `key` only.
  private mutating func sendHandshake(
    _ type: UInt8, size: Int, to endpoint: Endpoint, key: UInt64, into effects: inout ChannelEffects,
    _ fields: (inout Writer) -> Void
  ) {
    let range = effects.buffer.append(maximum: size) { writer in
      writer.u8(type)
      writer.u8(1)
      writer.u16(0)
      fields(&writer)
      writer.zeros(size - 8 - writer.count)
      writer.u64(keyedHash(writer.written, key: key))
    }
    guard let range else { return }
    traffic.channelDatagrams += 1
    traffic.channelBytes += UInt64(size)
    effects.sends.append(ChannelEffects.Send(to: endpoint, message: range))
  }

  private func isAuthentic(_ bytes: UnsafeRawBufferPointer, key: UInt64) -> Bool {
    var reader = Reader(bytes)
    guard let body = try? reader.take(bytes.count - 8), let tag = try? reader.u64() else { return false }
    return tag == keyedHash(body, key: key)
  }
}
