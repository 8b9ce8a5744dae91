import Hashing
import Wire

/// The responder: a ladder of checks, cheapest first. Each step that fails drops silently and is counted; nothing but
/// counters (and, under load, a cookie) comes of a HELLO whose sender is not a certified host (`security.md` 3.3).
extension Channel {
  /// A HELLO of one key is looked at so often at most.
  private static let helloInterval = Nanoseconds.milliseconds(20)

  private struct HelloParts {
    var senderIndex: UInt32
    var noise: UnsafeRawBufferPointer
    var mac1: UnsafeRawBufferPointer
    /// Everything before mac1, and everything before mac2.
    var beforeMac1: UnsafeRawBufferPointer
    var beforeMac2: UnsafeRawBufferPointer
    var mac2: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
      var reader = Reader(bytes)
      _ = try reader.u32()
      senderIndex = try reader.u32()
      noise = try reader.take(DatagramSize.hello - 8 - 2 * DatagramSize.mac)
      beforeMac1 = reader.slice(from: 0)
      mac1 = try reader.take(DatagramSize.mac)
      beforeMac2 = reader.slice(from: 0)
      mac2 = try reader.take(DatagramSize.mac)
      try reader.expectEnd()
    }

    var hasCookie: Bool { mac2.contains { $0 != 0 } }
  }

  mutating func receiveHello(
    _ bytes: UnsafeMutableRawBufferPointer, from: Endpoint, now: Now, into effects: inout ChannelEffects
  ) {
    counters.add(.hellosReceived)
    // The answer would go there.
    guard mayReach(from) else { return counters.add(.droppedSource) }
    guard let hello = try? HelloParts(UnsafeRawBufferPointer(bytes)),
      mayClimb(hello, from: from, now: now, into: &effects)
    else { return }
    guard sessions.unconfirmed < SessionLimits.unconfirmedCount else { return counters.add(.droppedUnconfirmedLimit) }
    guard limits.work.take(at: now.monotonic) else { return counters.add(.droppedWorkBudget) }
    guard let handshake = responderHandshake() else { return counters.add(.secretMemoryRefused) }
    guard let sender = readSender(hello, handshake, now: now) else { return }
    answer(hello, handshake, sender, from: from, now: now, into: &effects)
  }

  /// Steps 3 to 5: nothing here costs more than a hash.
  private mutating func mayClimb(
    _ hello: HelloParts, from: Endpoint, now: Now, into effects: inout ChannelEffects
  ) -> Bool {
    let time = now.monotonic
    guard greeting.isMac1(hello.mac1, of: hello.beforeMac1) else {
      counters.add(.droppedMac1)
      return false
    }
    load.countHello(at: time)
    let isProven =
      hello.hasCookie
      && cookies.isProven(from, message: hello.beforeMac2, mac2: hello.mac2, at: time)
    if load.isUnderLoad(at: time), !isProven {
      sendCookie(for: hello, to: from, now: now, into: &effects)
      return false
    }
    if hello.hasCookie, !isProven {
      counters.add(.droppedCookie)
      return false
    }
    if isProven, !limits.takeProven(from, at: time) {
      counters.add(.droppedSourceRate)
      return false
    }
    return true
  }

  private mutating func sendCookie(
    for hello: HelloParts, to source: Endpoint, now: Now, into effects: inout ChannelEffects
  ) {
    guard limits.takeCookie(for: source, isKnown: peers.isNeighbourhood(source.prefix), at: now.monotonic) else {
      return counters.add(.droppedCookieBudget)
    }
    var isSealed = false
    let message = effects.buffer.append(maximum: DatagramSize.cookie) { writer in
      writer.u32(MessageType.cookie.word(tag: network.tag))
      writer.u32(hello.senderIndex)
      isSealed = withTemporaryBytes(XChaChaPoly.nonceSize + Cookie.size + XChaChaPoly.tagSize) { bytes in
        let nonce = UnsafeMutableRawBufferPointer(rebasing: bytes[..<XChaChaPoly.nonceSize])
        let sealed = UnsafeMutableRawBufferPointer(rebasing: bytes[XChaChaPoly.nonceSize...])
        entropy.fill(nonce)
        let cookie = UnsafeMutableRawBufferPointer(rebasing: sealed[..<Cookie.size])
        guard cookies.write(for: source, into: cookie, at: now.monotonic) else { return false }
        greeting.cookie.withBytes {
          XChaChaPoly.seal(
            inPlace: sealed, key: $0, nonce: UnsafeRawBufferPointer(nonce), authenticating: hello.mac1)
        }
        writer.append(UnsafeRawBufferPointer(bytes))
        return true
      }
    }
    guard isSealed, let message else { return counters.add(.secretMemoryRefused) }
    counters.add(.cookiesSent)
    transmit(message, to: source, into: &effects)
  }

  private func responderHandshake() -> NoiseHandshake? {
    var credentials = NoiseCredentials(staticKey: identity.exchange)
    credentials.psks = [network.secret]
    return try? prologue.withUnsafeBytes {
      try NoiseHandshake(
        .ikPSK2, role: .responder, prologue: $0, credentials: credentials, arena: arena, entropy: entropy)
    }
  }

  /// Steps 7 and 8: who is it, and may it? The place of its peer and its life.
  private mutating func readSender(
    _ hello: HelloParts, _ handshake: NoiseHandshake, now: Now
  ) -> (peer: Int, bootID: UInt64)? {
    guard (try? handshake.beginReading(hello.noise)) != nil, let key = handshake.remoteStatic,
      key != identity.key.exchange
    else {
      counters.add(.droppedStaticKey)
      return nil
    }
    // Before the next Diffie-Hellman: an expelled host must not cost more than that.
    guard !roster.isRevoked(exchange: key) else {
      counters.add(.droppedRevoked)
      return nil
    }
    let known = key.withUnsafeBytes { Digest(bytes: $0) }.flatMap { peers.slot(ofExchangeKey: $0) }
    if let known {
      guard !peers[known].conduct.isBanned(at: now.monotonic) else {
        counters.add(.droppedBanned)
        return nil
      }
      if let last = peers[known].lastHelloReceivedAt, now.monotonic &- last < Channel.helloInterval {
        counters.add(.droppedHelloRate)
        return nil
      }
      handshake.staticShared = peers[known].staticShared
    }
    return withTemporaryBytes(DatagramSize.helloPayload) { output in
      guard let count = try? handshake.finishReading(hello.noise, payload: output),
        let payload = try? HelloPayload(UnsafeRawBufferPointer(rebasing: output[..<count]))
      else {
        counters.add(.droppedHelloPayload)
        return nil
      }
      if let known, let last = peers[known].lastLabel, payload.label <= last {
        counters.add(.droppedReplayedHello)
        return nil
      }
      guard let certificate = try? roster.verify(payload.certificate, at: now.wallSeconds),
        certificate.key.exchange == key
      else {
        counters.add(.droppedCertificate)
        return nil
      }
      guard let peer = peer(making: certificate.hostID, now: now) else { return nil }
      admit(certificate, peer, payload.label, handshake, now: now)
      return (peer, payload.bootID)
    }
  }

  private mutating func admit(
    _ certificate: Certificate, _ peer: Int, _ label: TimeLabel, _ handshake: NoiseHandshake, now: Now
  ) {
    peers.setKey(certificate.key, at: peer)
    // A full roster is counted there; the session does not depend on it.
    _ = roster.adopt(certificate)
    peers[peer].staticShared = handshake.staticShared
    peers[peer].lastLabel = label
    peers[peer].lastHelloReceivedAt = now.monotonic
    peers[peer].lastUsedAt = now.monotonic
  }

  /// Step 9. The session stays unconfirmed: nothing is sent with it and nothing else changes before its sender has
  /// used the keys, because until then this may be a replay to a node that has lost its memory.
  private mutating func answer(
    _ hello: HelloParts, _ handshake: NoiseHandshake, _ sender: (peer: Int, bootID: UInt64), from: Endpoint, now: Now,
    into effects: inout ChannelEffects
  ) {
    let index = freshIndex()
    guard let message = writeResponse(hello, handshake, sender.peer, index: index, into: &effects),
      let keys = try? handshake.split()
    else { return counters.add(.secretMemoryRefused) }
    var session = Session()
    session.state = .unconfirmed
    session.peer = sender.peer
    session.localIndex = index
    session.remoteIndex = hello.senderIndex
    session.sendKey = keys.responderToInitiator
    session.receiveKey = keys.initiatorToResponder
    session.exporter = keys.exporter
    session.bootID = sender.bootID
    session.createdAt = now.monotonic
    session.origin = from
    if let replaced = peers[sender.peer].next { sessions.remove(replaced) }
    peers[sender.peer].next = nil
    guard let slot = place(session, now: now, into: &effects) else { return }
    peers[sender.peer].next = slot
    counters.add(.responsesSent)
    transmit(message, to: from, into: &effects)
  }

  private func writeResponse(
    _ hello: HelloParts, _ handshake: NoiseHandshake, _ peer: Int, index: UInt32, into effects: inout ChannelEffects
  ) -> MessageRange? {
    guard let key = peers[peer].key,
      let greeting = GreetingKeys(of: key.exchange, network: network, arena: arena)
    else { return nil }
    var isWritten = false
    let message = effects.buffer.append(maximum: DatagramSize.response) { writer in
      writer.u32(MessageType.response.word(tag: network.tag))
      writer.u32(index)
      writer.u32(hello.senderIndex)
      isWritten = withTemporaryBytes(DatagramSize.responsePayload) { payload in
        var body = Writer(payload)
        ResponsePayload(bootID: bootID, certificateSerial: UInt32(truncatingIfNeeded: certificate.serial))
          .write(into: &body)
        return (try? handshake.write(payload: body.written, into: &writer)) != nil
      }
      withTemporaryBytes(DatagramSize.mac) { mac in
        greeting.writeMac1(of: writer.written, into: mac)
        writer.append(UnsafeRawBufferPointer(mac))
      }
      writer.zeros(DatagramSize.mac)
    }
    return isWritten ? message : nil
  }
}
