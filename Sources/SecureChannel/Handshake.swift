import Hashing
import Wire

/// Our side of asking one host for a session: at most one HELLO is outstanding.
struct HandshakeAttempt {
  enum Phase { case idle, asking, confirming }

  /// Waits after the first, second, … HELLO without an answer (DESIGN 4.1).
  static let gaps: [UInt64] = [200, 400, 800, 1600, 3200].map(Nanoseconds.milliseconds)
  static let longGap = Nanoseconds.seconds(5)
  static let longGapJitter = Nanoseconds.milliseconds(334)
  /// Told as `.unreachable` then, and given up.
  static let giveUpAfter = Nanoseconds.seconds(90)
  /// An answered HELLO is confirmed by a datagram; repeated while the responder still holds the session (5 s).
  static let confirmations = 4
  /// A session is used within this time: a renewal of it is worth going on.
  static let renewalInterest = Nanoseconds.seconds(10)
  /// While an answered HELLO of theirs is this fresh, ours waits: their first datagram is under way.
  static let deference = Nanoseconds.milliseconds(200)
  /// A host that was not asked for so long is asked from the beginning again.
  static let memory = Nanoseconds.seconds(30)

  var phase = Phase.idle
  /// Of the one timer that counts.
  var token: UInt32 = 0
  var handshake: NoiseHandshake?
  var localIndex: UInt32 = 0
  /// Of the last HELLO: a COOKIE must be for it.
  var mac1: (UInt64, UInt64) = (0, 0)
  var target: Endpoint?
  /// HELLOs without an answer; kept from one attempt to the next, so that they become rarer to a host that is away.
  var tries = 0
  var startedAt: UInt64 = 0
  var lastHelloAt: UInt64 = 0
  var lastCookieAt: UInt64?
  var confirmations = 0

  mutating func gap(_ chance: inout Chance) -> UInt64 {
    tries >= 1 && tries <= HandshakeAttempt.gaps.count
      ? HandshakeAttempt.gaps[tries - 1]
      : HandshakeAttempt.longGap + chance.below(HandshakeAttempt.longGapJitter)
  }
}

/// The initiator.
extension Channel {
  /// Asks a host for a session unless that is under way already.
  mutating func seekSession(_ peer: Int, now: Now, into effects: inout ChannelEffects) {
    guard peers[peer].attempt.phase == .idle else { return }
    if peers[peer].key == nil, let key = roster.key(of: peers[peer].host) { peers.setKey(key, at: peer) }
    guard peers[peer].key != nil else {
      counters.add(.unknownHosts)
      return
    }
    let time = now.monotonic
    if time &- peers[peer].attempt.lastHelloAt > HandshakeAttempt.memory { peers[peer].attempt.tries = 0 }
    if peers[peer].attempt.tries == 0 { peers[peer].attempt.startedAt = time }
    peers[peer].attempt.phase = .asking
    if let next = peers[peer].next, time &- sessions[next].createdAt < HandshakeAttempt.deference {
      scheduleAttempt(peer, at: sessions[next].createdAt + HandshakeAttempt.deference, into: &effects)
      return
    }
    if peers[peer].attempt.tries > 0 {
      let due = peers[peer].attempt.lastHelloAt &+ peers[peer].attempt.gap(&chance)
      if due > time {
        scheduleAttempt(peer, at: due, into: &effects)
        return
      }
    }
    sayHello(peer, now: now, into: &effects)
  }

  mutating func endAttempt(_ peer: Int) {
    if peers[peer].attempt.handshake != nil { attempts[peers[peer].attempt.localIndex] = nil }
    peers[peer].attempt.handshake = nil
    peers[peer].attempt.phase = .idle
    peers[peer].attempt.token &+= 1
  }

  private mutating func scheduleAttempt(_ peer: Int, at time: UInt64, into effects: inout ChannelEffects) {
    peers[peer].attempt.token &+= 1
    effects.deadlines.append(
      Deadline(
        at: time,
        timer: Timer(
          kind: ChannelTimer.attempt, subject: peers[peer].host.rawValue, token: peers[peer].attempt.token)))
  }

  mutating func attemptIsDue(_ timer: Timer, now: Now, into effects: inout ChannelEffects) {
    guard let peer = peers.slot(of: HostID(rawValue: timer.subject)), peers[peer].attempt.token == timer.token else {
      return
    }
    switch peers[peer].attempt.phase {
    case .idle: break
    case .asking: askAgain(peer, now: now, into: &effects)
    case .confirming: confirmAgain(peer, now: now, into: &effects)
    }
  }

  private mutating func askAgain(_ peer: Int, now: Now, into effects: inout ChannelEffects) {
    dropOldWaiting(peer, now: now)
    guard hasReasonToAsk(peer, now: now) else {
      endAttempt(peer)
      return
    }
    if peers[peer].attempt.tries > 0, now.monotonic &- peers[peer].attempt.startedAt >= HandshakeAttempt.giveUpAfter {
      giveUp(peer, now: now, into: &effects)
      return
    }
    sayHello(peer, now: now, into: &effects)
  }

  private mutating func giveUp(_ peer: Int, now: Now, into effects: inout ChannelEffects) {
    counters.add(.attemptsUnanswered)
    peers[peer].attempt.startedAt = now.monotonic
    let target = peers[peer].attempt.target
    endAttempt(peer)
    counters.add(.droppedQueue, peers[peer].waiting.count)
    peers[peer].waiting.removeAll()
    postponeLink(peer, now: now)
    if let current = peers[peer].current, sessions[current].isDoubtful(at: now.monotonic) {
      closeStreams(of: peer, now: now, into: &effects)
      removeSessions(of: peer)
      tellDown(peer, .unanswered, into: &effects)
    }
    if let target { effects.events.append(.unreachable(peers[peer].host, target)) }
  }

  /// A datagram or a link waits, or a session in use wants to be renewed.
  private func hasReasonToAsk(_ peer: Int, now: Now) -> Bool {
    if !peers[peer].waiting.isEmpty || streams.waits(for: peer) { return true }
    guard let current = peers[peer].current, sessions[current].maySend(at: now.monotonic) else {
      return peers[peer].wantsLink && peers[peer].linkRetryAt <= now.monotonic
    }
    let isUsed = now.monotonic &- sessions[current].lastSentAt < HandshakeAttempt.renewalInterest
    return isUsed
      && (sessions[current].isDoubtful(at: now.monotonic)
        || sessions[current].wantsRenewal(at: now.monotonic, hasLink: peers[peer].link != nil))
  }

  /// Where to ask: where it has proven to be, or, when that stays silent, where it is said to be.
  private func target(of peer: Int) -> Endpoint? {
    guard let path = peers[peer].path else { return peers[peer].located }
    guard let located = peers[peer].located, located != path else { return path }
    let isPathInUse = peers[peer].current != nil
    return isPathInUse == (peers[peer].attempt.tries % 2 == 0) ? path : located
  }

  private mutating func sayHello(_ peer: Int, now: Now, into effects: inout ChannelEffects) {
    let time = now.monotonic
    guard let key = peers[peer].key, !roster.isRevoked(peers[peer].host), !peers[peer].conduct.isBanned(at: time),
      let target = target(of: peer)
    else {
      endAttempt(peer)
      return
    }
    guard mayReach(target) else {
      counters.add(.refusedTargets)
      endAttempt(peer)
      return
    }
    guard limits.hellos.take(at: time) else {
      counters.add(.hellosDelayed)
      let wait = limits.hellos.wait(at: time) + chance.below(Nanoseconds.milliseconds(50))
      scheduleAttempt(peer, at: time + wait, into: &effects)
      return
    }
    // A cookie that brought no answer may be of a responder's former life.
    if let cookie = peers[peer].cookie,
      !cookie.isUsable(at: time)
        || (peers[peer].attempt.tries > 0 && cookie.receivedAt < peers[peer].attempt.lastHelloAt)
    {
      peers[peer].cookie = nil
    }
    if let message = writeHello(peer, key: key, now: now, into: &effects) {
      counters.add(.hellosSent)
      transmit(message, to: target, into: &effects)
    } else {
      counters.add(.secretMemoryRefused)
    }
    peers[peer].attempt.target = target
    peers[peer].attempt.lastHelloAt = time
    peers[peer].attempt.tries += 1
    scheduleAttempt(peer, at: time + peers[peer].attempt.gap(&chance), into: &effects)
  }

  private mutating func writeHello(_ peer: Int, key: HostKey, now: Now, into effects: inout ChannelEffects)
    -> MessageRange?
  {
    if peers[peer].attempt.handshake != nil { attempts[peers[peer].attempt.localIndex] = nil }
    peers[peer].attempt.handshake = nil
    var credentials = NoiseCredentials(staticKey: identity.exchange, remoteStatic: key.exchange)
    credentials.psks = [network.secret]
    guard let greeting = GreetingKeys(of: key.exchange, network: network, arena: arena),
      let handshake = try? prologue.withUnsafeBytes({
        try NoiseHandshake(
          .ikPSK2, role: .initiator, prologue: $0, credentials: credentials, arena: arena, entropy: entropy)
      })
    else { return nil }
    handshake.staticShared = peers[peer].staticShared
    let index = freshIndex()
    let label = labels.next(wall: now.wall)
    var mac1: (UInt64, UInt64) = (0, 0)
    let cookie = peers[peer].cookie
    var isWritten = false
    let message = effects.buffer.append(maximum: DatagramSize.hello) { writer in
      writer.u32(MessageType.hello.word(tag: network.tag))
      writer.u32(index)
      isWritten = withTemporaryBytes(DatagramSize.helloPayload) { payload in
        var body = Writer(payload)
        certificate.bytes.withUnsafeBytes {
          HelloPayload.write(label: label, bootID: bootID, certificate: $0, into: &body)
        }
        return (try? handshake.write(payload: body.written, into: &writer)) != nil
      }
      withUnsafeMutableBytes(of: &mac1) { greeting.writeMac1(of: writer.written, into: $0) }
      withUnsafeBytes(of: mac1) { writer.append($0) }
      Channel.writeMac2(cookie, into: &writer)
    }
    guard isWritten, let message else { return nil }
    peers[peer].staticShared = handshake.staticShared
    peers[peer].attempt.handshake = handshake
    peers[peer].attempt.localIndex = index
    peers[peer].attempt.mac1 = mac1
    attempts[index] = peer
    return message
  }

  private static func writeMac2(_ cookie: Cookie?, into writer: inout Writer) {
    guard let cookie else {
      writer.zeros(DatagramSize.mac)
      return
    }
    withTemporaryBytes(DatagramSize.mac) { mac in
      withUnsafeBytes(of: cookie.bytes) { Blake2b.hash(writer.written, key: $0, into: mac) }
      writer.append(UnsafeRawBufferPointer(mac))
    }
  }

  /// A random name for a session or a handshake that nothing else has.
  mutating func freshIndex() -> UInt32 {
    while true {
      let index = entropy.u32()
      if sessions.slot(of: index) == nil, attempts[index] == nil { return index }
    }
  }

  // MARK: Answers

  mutating func receiveResponse(
    _ bytes: UnsafeMutableRawBufferPointer, from: Endpoint, now: Now, into effects: inout ChannelEffects
  ) {
    counters.add(.responsesReceived)
    guard let (peer, bootID, remoteIndex) = readResponse(UnsafeRawBufferPointer(bytes)),
      let handshake = peers[peer].attempt.handshake, let target = peers[peer].attempt.target
    else {
      counters.add(.droppedResponse)
      return
    }
    let index = peers[peer].attempt.localIndex
    endAttempt(peer)
    peers[peer].attempt.tries = 0
    guard !roster.isRevoked(peers[peer].host), !peers[peer].conduct.isBanned(at: now.monotonic) else {
      counters.add(.droppedRevoked)
      return
    }
    guard let keys = try? handshake.split() else {
      counters.add(.secretMemoryRefused)
      return
    }
    var session = Session()
    session.state = .established
    session.peer = peer
    session.isInitiator = true
    session.localIndex = index
    session.remoteIndex = remoteIndex
    session.sendKey = keys.initiatorToResponder
    session.receiveKey = keys.responderToInitiator
    session.exporter = keys.exporter
    session.bootID = bootID
    session.createdAt = now.monotonic
    session.establishedAt = now.monotonic
    session.origin = target
    guard let slot = place(session, now: now, into: &effects) else { return }
    install(slot, of: peer, at: target, now: now, into: &effects)
    flushWaiting(peer, now: now, into: &effects)
    // The responder waits for a first datagram of ours.
    if sessions[slot].state == .established, sessions[slot].sendCounter == 0 {
      sendEmpty(slot, now: now, into: &effects)
    }
    if peers[peer].attempt.phase == .idle {
      peers[peer].attempt.phase = .confirming
      peers[peer].attempt.confirmations = 0
      scheduleAttempt(peer, at: now.monotonic + HandshakeAttempt.gaps[0], into: &effects)
    }
    if peers[peer].wantsLink { openWantedLink(peer, now: now, into: &effects) }
  }

  private mutating func readResponse(_ bytes: UnsafeRawBufferPointer) -> (peer: Int, bootID: UInt64, index: UInt32)? {
    var reader = Reader(bytes)
    do {
      _ = try reader.u32()
      let remoteIndex = try reader.u32()
      let localIndex = try reader.u32()
      guard let peer = attempts[localIndex], let handshake = peers[peer].attempt.handshake else { return nil }
      let noise = try reader.take(DatagramSize.response - 12 - 2 * DatagramSize.mac)
      let authenticated = reader.slice(from: 0)
      let mac1 = try reader.take(DatagramSize.mac)
      // mac2 is for HELLOs; here it must be zero, so that each RESPONSE has one form.
      guard greeting.isMac1(mac1, of: authenticated), try reader.u64() == 0, try reader.u64() == 0 else { return nil }
      let payload = try withTemporaryBytes(DatagramSize.responsePayload) { output in
        let count = try handshake.finishReading(noise, payload: output)
        return try ResponsePayload(UnsafeRawBufferPointer(rebasing: output[..<count]))
      }
      return (peer, payload.bootID, remoteIndex)
    } catch {
      return nil
    }
  }

  private mutating func confirmAgain(_ peer: Int, now: Now, into effects: inout ChannelEffects) {
    guard let current = peers[peer].current, sessions[current].isInitiator, !sessions[current].isAcknowledged,
      peers[peer].attempt.confirmations < HandshakeAttempt.confirmations
    else {
      endAttempt(peer)
      return
    }
    sendEmpty(current, now: now, into: &effects)
    peers[peer].attempt.confirmations += 1
    let gap = HandshakeAttempt.gaps[min(peers[peer].attempt.confirmations, HandshakeAttempt.gaps.count - 1)]
    scheduleAttempt(peer, at: now.monotonic + gap, into: &effects)
  }

  mutating func receiveCookie(
    _ bytes: UnsafeMutableRawBufferPointer, now: Now, into effects: inout ChannelEffects
  ) {
    counters.add(.cookiesReceived)
    guard let (peer, cookie) = readCookie(UnsafeRawBufferPointer(bytes), now: now) else {
      counters.add(.droppedStrayCookie)
      return
    }
    peers[peer].cookie = cookie
    // At once, but not more often than once a second: whoever sees our HELLOs can forge such answers.
    let last = peers[peer].attempt.lastCookieAt
    if last == nil || now.monotonic &- (last ?? 0) >= Nanoseconds.seconds(1) {
      peers[peer].attempt.lastCookieAt = now.monotonic
      sayHello(peer, now: now, into: &effects)
    }
  }

  private func readCookie(_ bytes: UnsafeRawBufferPointer, now: Now) -> (Int, Cookie)? {
    var reader = Reader(bytes)
    do {
      _ = try reader.u32()
      guard let peer = attempts[try reader.u32()], let key = peers[peer].key,
        let greeting = GreetingKeys(of: key.exchange, network: network, arena: arena)
      else { return nil }
      let nonce = try reader.take(XChaChaPoly.nonceSize)
      let sealed = try reader.take(Cookie.size + XChaChaPoly.tagSize)
      var cookie = Cookie(bytes: (0, 0), receivedAt: now.monotonic)
      let isGenuine = withTemporaryBytes(sealed.count) { work in
        work.copyMemory(from: sealed)
        let opened = greeting.cookie.withBytes { key in
          withUnsafeBytes(of: peers[peer].attempt.mac1) {
            XChaChaPoly.open(inPlace: work, key: key, nonce: nonce, authenticating: $0)
          }
        }
        guard let opened else { return false }
        withUnsafeMutableBytes(of: &cookie.bytes) { $0.copyMemory(from: UnsafeRawBufferPointer(opened)) }
        return true
      }
      return isGenuine ? (peer, cookie) : nil
    } catch {
      return nil
    }
  }
}
