package import Wire

/// DATA: frames for a host into one sealed datagram, and back. Sealed and opened in place; nothing is allocated here
/// once the tables have grown.
extension Channel {
  // MARK: Out

  /// Sends `message` (in `effects.buffer`) as one frame to a host: at once when a session stands, else after a
  /// handshake, for which up to 4 frames per peer wait, newest first, for 1 s. The message is sealed where it lies, so
  /// it must not be used again. `endpoint` says where the host is when no session does.
  package mutating func send(
    _ kind: FrameKind, _ message: MessageRange, to host: HostID, at endpoint: Endpoint?, now: Now,
    into effects: inout ChannelEffects
  ) {
    keepTime(now: now, into: &effects)
    guard message.count <= DatagramSize.frameBody else { return counters.add(.droppedOversize) }
    guard host != self.host, let peer = peer(making: host, now: now) else { return counters.add(.unknownHosts) }
    guard !peers[peer].conduct.isBanned(at: now.monotonic), !roster.isRevoked(host) else {
      return counters.add(.droppedBanned)
    }
    if let current = peers[peer].current, sessions[current].maySend(at: now.monotonic) {
      sendFrame(kind, message, on: current, to: peers[peer].path ?? sessions[current].origin, now: now, into: &effects)
      renewIfDue(peer, current, now: now, into: &effects)
      return
    }
    if let endpoint { locate(peer, at: endpoint) }
    wait(kind, message, for: peer, now: now, into: &effects)
  }

  private mutating func wait(
    _ kind: FrameKind, _ message: MessageRange, for peer: Int, now: Now, into effects: inout ChannelEffects
  ) {
    guard peers[peer].key != nil else { return counters.add(.unknownHosts) }
    dropOldWaiting(peer, now: now)
    if peers[peer].waiting.count >= WaitingDatagram.limit {
      peers[peer].waiting.removeFirst()
      counters.add(.droppedQueue)
    }
    counters.add(.queuedDatagrams)
    let body = [UInt8](UnsafeRawBufferPointer(effects.buffer.bytes(of: message)))
    peers[peer].waiting.append(WaitingDatagram(kind: kind, body: body, since: now.monotonic))
    // An attempt that only waits to confirm a session that has ended meanwhile is of no use.
    if peers[peer].attempt.phase == .confirming { endAttempt(peer) }
    seekSession(peer, now: now, into: &effects)
  }

  mutating func dropOldWaiting(_ peer: Int, now: Now) {
    while let first = peers[peer].waiting.first, now.monotonic &- first.since >= WaitingDatagram.life {
      peers[peer].waiting.removeFirst()
      counters.add(.droppedQueue)
    }
  }

  /// Sends what waited for the session, newest first.
  mutating func flushWaiting(_ peer: Int, now: Now, into effects: inout ChannelEffects) {
    guard !peers[peer].waiting.isEmpty, let current = peers[peer].current else { return }
    dropOldWaiting(peer, now: now)
    let waiting = peers[peer].waiting
    peers[peer].waiting.removeAll()
    for datagram in waiting.reversed() {
      guard let message = datagram.body.withUnsafeBytes({ effects.buffer.append($0) }) else {
        counters.add(.droppedBuffer)
        continue
      }
      let endpoint = peers[peer].path ?? sessions[current].origin
      sendFrame(datagram.kind, message, on: current, to: endpoint, now: now, into: &effects)
    }
  }

  /// Renews a session that is due for it, and asks anew when the peer does not answer any more.
  mutating func renewIfDue(_ peer: Int, _ slot: Int, now: Now, into effects: inout ChannelEffects) {
    guard
      sessions[slot].isDoubtful(at: now.monotonic)
        || sessions[slot].wantsRenewal(at: now.monotonic, hasLink: peers[peer].link != nil)
    else { return }
    if peers[peer].attempt.phase == .confirming, sessions[slot].isDoubtful(at: now.monotonic) { endAttempt(peer) }
    guard peers[peer].attempt.phase == .idle else { return }
    seekSession(peer, now: now, into: &effects)
  }

  /// One frame around a message that has headroom and tailroom.
  mutating func sendFrame(
    _ kind: FrameKind, _ message: MessageRange, on slot: Int, to endpoint: Endpoint, now: Now,
    into effects: inout ChannelEffects
  ) {
    let plain = DatagramSize.timeFrame + DatagramSize.frameHeader + message.count
    let padding = DatagramSize.padded(plain) - plain
    let datagram = MessageRange(
      offset: message.offset - DatagramSize.beforeMessage,
      count: DatagramSize.beforeMessage + message.count + padding + DatagramSize.tag)
    let bytes = effects.buffer.bytes(of: datagram)
    var writer = Writer(bytes)
    writeHeader(slot, now: now, into: &writer)
    writer.u8(kind.rawValue)
    writer.u8(0)
    writer.u16(UInt16(truncatingIfNeeded: message.count))
    var tail = Writer(UnsafeMutableRawBufferPointer(rebasing: bytes[(DatagramSize.beforeMessage + message.count)...]))
    tail.zeros(padding)
    seal(bytes, slot, now: now)
    transmit(datagram, to: endpoint, into: &effects)
  }

  /// A datagram with the time frame alone: it confirms a session.
  mutating func sendEmpty(_ slot: Int, now: Now, into effects: inout ChannelEffects) {
    let plain = DatagramSize.padded(DatagramSize.timeFrame)
    let size = DatagramSize.dataHeader + plain + DatagramSize.tag
    let datagram = effects.buffer.append(maximum: size) { writer in
      writeHeader(slot, now: now, into: &writer)
      writer.zeros(plain - DatagramSize.timeFrame + DatagramSize.tag)
    }
    guard let datagram else { return counters.add(.droppedBuffer) }
    seal(effects.buffer.bytes(of: datagram), slot, now: now)
    transmit(datagram, to: peers[sessions[slot].peer].path ?? sessions[slot].origin, into: &effects)
  }

  private func writeHeader(_ slot: Int, now: Now, into writer: inout Writer) {
    writer.u32(MessageType.data.word(tag: network.tag))
    writer.u32(sessions[slot].remoteIndex)
    writer.u64(sessions[slot].sendCounter)
    CoarseTime.write(sessions[slot], at: now.monotonic, into: &writer)
  }

  /// Encrypts all between header and tag.
  private mutating func seal(_ bytes: UnsafeMutableRawBufferPointer, _ slot: Int, now: Now) {
    guard let key = sessions[slot].sendKey else { return }
    ChaChaPoly.seal(
      inPlace: UnsafeMutableRawBufferPointer(rebasing: bytes[DatagramSize.dataHeader...]), key: key,
      counter: sessions[slot].sendCounter,
      authenticating: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<DatagramSize.dataHeader]))
    sessions[slot].noteSent(bytes.count, at: now.monotonic)
  }

  mutating func transmit(_ message: MessageRange, to endpoint: Endpoint, into effects: inout ChannelEffects) {
    counters.add(.datagramsSent)
    counters.add(.bytesSent, message.count)
    effects.sends.append(ChannelEffects.Send(to: endpoint, message: message))
  }

  // MARK: In

  mutating func receive(
    _ bytes: UnsafeMutableRawBufferPointer, from: Endpoint, now: Now, into effects: inout ChannelEffects
  ) {
    counters.add(.datagramsReceived)
    counters.add(.bytesReceived, bytes.count)
    guard bytes.count <= DatagramSize.maximum else { return counters.add(.droppedLength) }
    guard from.port != 0, from.reach != .unusable else { return counters.add(.droppedSource) }
    var reader = Reader(UnsafeRawBufferPointer(bytes))
    guard let word = try? reader.u32() else { return counters.add(.droppedLength) }
    switch word {
    case MessageType.data.word(tag: network.tag):
      guard bytes.count >= DatagramSize.emptyData, bytes.count % 16 == 0 else { return counters.add(.droppedLength) }
      receiveData(bytes, from: from, now: now, into: &effects)
    case MessageType.hello.word(tag: network.tag):
      guard bytes.count == DatagramSize.hello else { return counters.add(.droppedLength) }
      receiveHello(bytes, from: from, now: now, into: &effects)
    case MessageType.response.word(tag: network.tag):
      guard bytes.count == DatagramSize.response else { return counters.add(.droppedLength) }
      receiveResponse(bytes, from: from, now: now, into: &effects)
    case MessageType.cookie.word(tag: network.tag):
      guard bytes.count == DatagramSize.cookie else { return counters.add(.droppedLength) }
      receiveCookie(bytes, now: now, into: &effects)
    default:
      counters.add(.droppedType)
    }
  }

  private mutating func receiveData(
    _ bytes: UnsafeMutableRawBufferPointer, from: Endpoint, now: Now, into effects: inout ChannelEffects
  ) {
    var reader = Reader(UnsafeRawBufferPointer(bytes))
    guard (try? reader.u32()) != nil, let index = try? reader.u32(), let counter = try? reader.u64() else { return }
    guard let slot = sessions.slot(of: index) else { return counters.add(.droppedUnknownIndex) }
    guard !sessions[slot].isWorn(at: now.monotonic), counter < SessionLimits.counters else {
      return counters.add(.droppedExpired)
    }
    // Cheap, and nothing but a look: the window moves only after the tag was right.
    guard sessions[slot].window.isFresh(counter) else { return counters.add(.droppedReplay) }
    guard let key = sessions[slot].receiveKey,
      let plain = ChaChaPoly.open(
        inPlace: UnsafeMutableRawBufferPointer(rebasing: bytes[DatagramSize.dataHeader...]), key: key,
        counter: counter,
        authenticating: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<DatagramSize.dataHeader]))
    else { return noteForged(slot, now: now, into: &effects) }
    guard sessions[slot].window.accept(counter) else { return counters.add(.droppedReplay) }
    let peer = sessions[slot].peer
    guard roster.isRevoked(peers[peer].host) == false else { return counters.add(.droppedRevoked) }
    if sessions[slot].state == .watched { return noteFormerLife(slot, from: from, now: now, into: &effects) }
    if sessions[slot].state == .unconfirmed { confirm(slot, from: from, now: now, into: &effects) }
    sessions[slot].noteReceived(bytes.count, at: now.monotonic)
    guard takeBudget(of: peer, bytes.count, now: now, into: &effects) else { return }
    if peers[peer].path != from, sessions[slot].window.last == counter {
      considerMove(peer, slot, to: from, received: bytes.count, now: now, into: &effects)
    }
    readFrames(UnsafeRawBufferPointer(plain), slot, from: from, now: now, into: &effects)
  }

  private mutating func noteForged(_ slot: Int, now: Now, into effects: inout ChannelEffects) {
    counters.add(.droppedForged)
    let (burst, tooMany) = sessions[slot].noteForged(at: now.monotonic)
    if burst { counters.add(.forgedBursts) }
    guard tooMany else { return }
    let peer = sessions[slot].peer
    forget(slot)
    counters.add(.sessionsExpired)
    if peers[peer].current == nil { tellDown(peer, .expired, into: &effects) }
  }

  /// 2,000 datagrams/s and 4 MB/s of one peer; more is dropped, and counted against it one point per hundred.
  private mutating func takeBudget(of peer: Int, _ size: Int, now: Now, into effects: inout ChannelEffects) -> Bool {
    let units = UInt64(truncatingIfNeeded: size + 63) / 64
    if peers[peer].datagrams.take(at: now.monotonic), peers[peer].volume.take(units, at: now.monotonic) { return true }
    counters.add(.droppedPeerRate)
    noteExcess(peer, now: now, into: &effects)
    return false
  }

  mutating func noteExcess(_ peer: Int, now: Now, into effects: inout ChannelEffects) {
    peers[peer].excess += 1
    guard peers[peer].excess >= 100 else { return }
    peers[peer].excess = 0
    score(peer, .overRate, now: now, into: &effects)
  }

  /// {kind, flags, length, body} after {kind, …}, the time frame first, zeros to the end.
  private mutating func readFrames(
    _ plain: UnsafeRawBufferPointer, _ slot: Int, from: Endpoint, now: Now, into effects: inout ChannelEffects
  ) {
    var reader = Reader(plain)
    let peer = sessions[slot].peer
    do throws(WireError) {
      if let roundTrip = try CoarseTime.read(&reader, &sessions[slot], at: now.monotonic) {
        peers[peer].roundTrip = peers[peer].roundTrip.map { (7 * $0 + roundTrip) / 8 } ?? roundTrip
      }
      var frames = FrameReader(reader)
      while let (kind, body) = try frames.next() {
        switch kind {
        case .gossip, .heartbeat:
          effects.deliveries.append(
            ChannelEffects.Delivery(from: peers[peer].host, kind: kind, bytes: body, endpoint: from))
        case .path: try receivePath(PathFrame(body), peer, slot, from: from, now: now, into: &effects)
        case .streamControl: try receiveAnnouncement(StreamControlFrame(body), peer, slot, now: now, into: &effects)
        case .survey: try receiveSurvey(SurveyFrame(body), peer, slot, now: now, into: &effects)
        case .time: break
        }
        // A frame may have ended the session: a ban, or the drop of a peer whose streams misbehave.
        guard sessions[slot].state == .established else { return }
      }
    } catch {
      malformed(peer, now: now, into: &effects)
    }
  }

  /// The peer's own doing, because the tag was right. The third time in a minute ends the session for a while.
  private mutating func malformed(_ peer: Int, now: Now, into effects: inout ChannelEffects) {
    counters.add(.malformedFrames)
    let earlier = peers[peer].malformedAt
    peers[peer].malformedAt = (now.monotonic, earlier.0)
    let isThird = earlier.1 != 0 && now.monotonic &- earlier.1 <= Nanoseconds.seconds(60)
    score(peer, .malformedFrame, now: now, into: &effects)
    guard isThird, !peers[peer].conduct.isBanned(at: now.monotonic) else { return }
    peers[peer].conduct.ban(at: now.monotonic)
    ban(peer, now: now, into: &effects)
  }
}

/// The time frame that opens every datagram: our milliseconds modulo 2^16 and, with flag 1, the peer's as they would
/// be now. It tells round trips and nothing else.
enum CoarseTime {
  private static let echoFlag: UInt8 = 1
  /// Older times are not echoed, and larger round trips not believed.
  private static let horizon = Nanoseconds.seconds(30)

  private static func milliseconds(_ time: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: time / 1_000_000) }

  static func write(_ session: Session, at now: UInt64, into writer: inout Writer) {
    let held = now &- session.peerTimeAt
    let echoes = session.hasPeerTime && held < horizon
    writer.u8(FrameKind.time.rawValue)
    writer.u8(echoes ? echoFlag : 0)
    writer.u16(4)
    writer.u16(milliseconds(now))
    writer.u16(echoes ? session.peerTime &+ milliseconds(held) : 0)
  }

  /// The round trip in milliseconds, when the datagram tells one.
  static func read(_ reader: inout Reader, _ session: inout Session, at now: UInt64) throws(WireError) -> UInt32? {
    guard try reader.u8() == FrameKind.time.rawValue else { throw .invalid }
    let flags = try reader.u8()
    guard flags & ~echoFlag == 0, try reader.u16() == 4 else { throw .invalid }
    let time = try reader.u16()
    let echo = try reader.u16()
    session.peerTime = time
    session.peerTimeAt = now
    session.hasPeerTime = true
    guard flags & echoFlag != 0 else {
      if echo != 0 { throw .invalid }
      return nil
    }
    let roundTrip = milliseconds(now) &- echo
    return UInt64(roundTrip) * 1_000_000 < horizon ? UInt32(roundTrip) : nil
  }
}
