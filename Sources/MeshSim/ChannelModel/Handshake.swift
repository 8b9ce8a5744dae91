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
  private static let cookieLife = Nanoseconds.seconds(120)
  /// A COOKIE is answered at once, but not more often: whoever sees our HELLOs can forge one.
  private static let cookiePause = Nanoseconds.seconds(1)
  private static let givesUpAfter = Nanoseconds.seconds(90)
  /// A host that was not asked for so long is asked from the beginning again.
  private static let triesKept = Nanoseconds.seconds(30)
  /// A session used within so long is worth renewing.
  private static let renewalInterest = Nanoseconds.seconds(10)
  /// An answered HELLO is confirmed by a datagram, so often again while nothing is heard.
  private static let confirmations: UInt32 = 4
  /// Two sessions that both sides set up within this time crossed.
  private static let crossing = Nanoseconds.seconds(3)

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
    if now.monotonic &- peers[peer].lastHello > ChannelModel.triesKept { peers[peer].tries = 0 }
    // To a host that is away, HELLOs become rarer from one attempt to the next.
    let due = peers[peer].tries == 0 ? 0 : peers[peer].lastHello &+ gap(afterTries: peers[peer].tries)
    if due > now.monotonic {
      schedule(peer, at: due, into: &effects)
    } else {
      sayHello(to: peer, now: now, into: &effects)
    }
  }

  private mutating func schedule(_ peer: Int, at time: UInt64, into effects: inout ChannelEffects) {
    guard let pending = handshakes[peer] else { return }
    handshakes[peer]?.attempt &+= 1
    let token = sessions.localIndex(of: pending.session) &+ pending.attempt &+ 1
    effects.deadlines.append(
      Deadline(at: time, timer: Timer(kind: ChannelModel.helloTimer, subject: UInt64(peer), token: token)))
  }

  /// 200, 400, 800 ms, 1.6, 3.2 s, then 5 s + up to 334 ms.
  private mutating func gap(afterTries tries: UInt8) -> UInt64 {
    tries <= 5
      ? Nanoseconds.milliseconds(100) << UInt64(tries)
      : Nanoseconds.seconds(5) + chance.below(Nanoseconds.milliseconds(334))
  }

  private mutating func sayHello(to peer: Int, now: Now, into effects: inout ChannelEffects) {
    guard let pending = handshakes[peer] else { return }
    // A forged member list cannot turn a node into a flooder.
    guard helloBudget.take(at: now.monotonic) else {
      counters.helloHeldBack &+= 1
      let wait = helloBudget.wait(at: now.monotonic) + chance.below(Nanoseconds.milliseconds(50))
      schedule(peer, at: now.monotonic &+ wait, into: &effects)
      return
    }
    tellLabel(now: now, into: &effects)
    let target = Int(peers[peer].index)
    let label = label.next(wall: now.wall)
    let local = sessions.localIndex(of: pending.session)
    let (own, boot) = (own, boot)
    let cookie = usableCookie(of: peer, now: now)
    sendHandshake(
      ChannelModel.helloType, size: ChannelModel.helloSize, to: pending.endpoint,
      key: directory.identities[target].secret, into: &effects
    ) { writer in
      writer.u32(local)
      writer.u32(UInt32(own))
      writer.u64(label)
      writer.u64(boot)
      writer.u64(cookie)
    }
    peers[peer].lastHello = now.monotonic
    if peers[peer].tries < .max { peers[peer].tries += 1 }
    schedule(peer, at: now.monotonic &+ gap(afterTries: peers[peer].tries), into: &effects)
  }

  /// 0: none. One that brought no answer may be of a responder's former life.
  private mutating func usableCookie(of peer: Int, now: Now) -> UInt64 {
    guard let (cookie, receivedAt) = cookies[peer] else { return 0 }
    let isSpent = peers[peer].tries > 0 && receivedAt < peers[peer].lastHello
    if isSpent || now.monotonic &- receivedAt >= ChannelModel.cookieLife {
      cookies[peer] = nil
      return 0
    }
    return cookie
  }

  private mutating func tellLabel(now: Now, into effects: inout ChannelEffects) {
    guard label.told == 0 || now.monotonic &- label.told > Nanoseconds.seconds(60) else { return }
    label.told = now.monotonic
    effects.deadlines.append(
      Deadline(at: now.monotonic &+ Nanoseconds.seconds(60), timer: Timer(kind: ChannelModel.labelTimer)))
  }

  mutating func retryHandshake(_ timer: Timer, now: Now, into effects: inout ChannelEffects) {
    let peer = Int(truncatingIfNeeded: timer.subject)
    guard let pending = handshakes[peer], timer.token == sessions.localIndex(of: pending.session) &+ pending.attempt
    else { return }
    handshakes[peer]?.frames.removeAll { now.monotonic &- $0.since >= ChannelModel.frameLife }
    let expired = now.monotonic &- pending.began >= ChannelModel.givesUpAfter
    guard hasReasonToAsk(peer, now: now), !expired else {
      sessions.close(pending.session)
      handshakes[peer] = nil
      counters.droppedFrames &+= UInt64(pending.frames.count)
      if expired { effects.events.append(.unreachable(host(of: peer), pending.endpoint)) }
      return
    }
    sayHello(to: peer, now: now, into: &effects)
  }

  /// Something waits, or a session in use wants to be renewed.
  private func hasReasonToAsk(_ peer: Int, now: Now) -> Bool {
    if handshakes[peer]?.frames.isEmpty == false { return true }
    if transfers.outgoing.contains(where: { $0.peer == Int(peers[peer].index) && $0.stage == .needsSession }) {
      return true
    }
    guard let session = usableSession(of: peer, now: now) else { return false }
    return needsRenewal(session, now: now)
      && now.monotonic &- sessions[session].lastSent < ChannelModel.renewalInterest
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
    peers[peer].tries = 0
    adopt(place, of: peer, now: now, into: &effects)
    effects.events.append(.sessionUp(host(of: peer), from))
    let sent = flush(pending.frames, on: place, now: now, into: &effects)
    // The first DATA proves to the responder that its answer came.
    if sent == 0 { sendEmpty(on: place, now: now, into: &effects) }
    scheduleConfirmation(of: place, attempt: 1, now: now, into: &effects)
    resumeTransfers(with: Int(peers[peer].index), now: now, into: &effects)
  }

  /// What waited, newest first; what waited too long is dropped.
  private mutating func flush(
    _ frames: [PendingHandshake.Frame], on session: Int, now: Now, into effects: inout ChannelEffects
  ) -> Int {
    var sent = 0
    for frame in frames.reversed() {
      guard now.monotonic &- frame.since < ChannelModel.frameLife,
        let range = frame.bytes.withUnsafeBytes({ effects.buffer.append($0) })
      else {
        counters.droppedFrames &+= 1
        continue
      }
      seal(frame.kind, range, on: session, now: now, into: &effects)
      sent += 1
    }
    return sent
  }

  private mutating func scheduleConfirmation(
    of session: Int, attempt: UInt32, now: Now, into effects: inout ChannelEffects
  ) {
    let timer = Timer(
      kind: ChannelModel.confirmTimer, subject: UInt64(sessions.localIndex(of: session)), token: attempt)
    effects.deadlines.append(
      Deadline(at: now.monotonic &+ Nanoseconds.milliseconds(100) << UInt64(attempt), timer: timer))
  }

  mutating func confirmAgain(_ timer: Timer, now: Now, into effects: inout ChannelEffects) {
    guard let place = sessions.find(UInt32(truncatingIfNeeded: timer.subject)), sessions[place].state == .confirmed,
      !sessions[place].isHeard, peers[Int(sessions[place].peer)].current == Int32(place)
    else { return }
    sendEmpty(on: place, now: now, into: &effects)
    guard timer.token < ChannelModel.confirmations else { return }
    scheduleConfirmation(of: place, attempt: timer.token + 1, now: now, into: &effects)
  }

  mutating func receiveCookie(
    _ bytes: UnsafeRawBufferPointer, _ reader: inout Reader, now: Now, into effects: inout ChannelEffects
  ) throws(WireError) {
    let place = sessions.find(try reader.u32())
    let cookie = try reader.u64()
    guard let place, bytes.count == ChannelModel.cookieSize, sessions[place].state == .offered,
      isAuthentic(bytes, key: directory.identities[own].secret)
    else { throw .invalid }
    let peer = Int(sessions[place].peer)
    let last = cookieAnsweredAt[peer]
    cookies[peer] = (cookie, now.monotonic)
    guard handshakes[peer] != nil, last == nil || now.monotonic &- (last ?? 0) >= ChannelModel.cookiePause else {
      return
    }
    cookieAnsweredAt[peer] = now.monotonic
    sayHello(to: peer, now: now, into: &effects)
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
    adopt(place, of: peer, now: now, into: &effects)
    effects.events.append(.sessionUp(host(of: peer), from))
    resumeTransfers(with: Int(peers[peer].index), now: now, into: &effects)
    // What waited for our own handshake goes out on this session; that handshake ends.
    guard let pending = handshakes.removeValue(forKey: peer) else { return }
    sessions.close(pending.session)
    _ = flush(pending.frames, on: place, now: now, into: &effects)
  }

  /// The newest confirmed session is used; one older stays for datagrams that are under way. Of two for which both sides
  /// asked at once, the one that the lower host id asked for stays, so that both use the same.
  private mutating func adopt(_ place: Int, of peer: Int, now: Now, into effects: inout ChannelEffects) {
    let current = Int(peers[peer].current)
    if peers[peer].previous >= 0 { sessions.close(Int(peers[peer].previous)) }
    if current >= 0, hasCrossed(current, place, now: now), isPreferred(current) {
      peers[peer].previous = Int32(place)
      // The other side may know it as unconfirmed only.
      sendEmpty(on: current, now: now, into: &effects)
      return
    }
    peers[peer].previous = peers[peer].current
    peers[peer].current = Int32(place)
  }

  private func hasCrossed(_ current: Int, _ new: Int, now: Now) -> Bool {
    sessions[current].isInitiator != sessions[new].isInitiator
      && now.monotonic &- sessions[current].established < ChannelModel.crossing
  }

  private func isPreferred(_ session: Int) -> Bool {
    sessions[session].isInitiator == (host(of: Int(sessions[session].peer)) > directory.identities[own].host)
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
