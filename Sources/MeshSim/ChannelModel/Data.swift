import SecureChannel
import Wire

/// DATA datagrams of the model (`security.md` 3.4): header 16, time frame 8, frames, zeros to a multiple of 16, tag 16.
extension ChannelModel {
  static let dataType: UInt8 = 4
  static let headerSize = 16
  static let tagSize = 16
  private static let timeFrameSize = 8
  private static let frameHeaderSize = 4
  /// DESIGN 4.3.
  static let usableFor = Nanoseconds.seconds(3_600)
  private static let wipedAfter = Nanoseconds.seconds(3_700)
  private static let renewedAfter = Nanoseconds.seconds(3_000)
  private static let busyRenewedAfter = Nanoseconds.seconds(120)
  private static let busyBytes: UInt64 = 64 << 10
  private static let responderRenewsAfter = Nanoseconds.seconds(3_300)
  /// A peer that answers nothing to so many datagrams over so long may have begun a new life without our session.
  private static let doubtfulCount: UInt32 = 3
  private static let doubtfulSpan = Nanoseconds.seconds(3)

  func usableSession(of peer: Int, now: Now) -> Int? {
    let current = Int(peers[peer].current)
    guard current >= 0, sessions[current].state == .confirmed,
      now.monotonic &- sessions[current].established < ChannelModel.usableFor
    else { return nil }
    return current
  }

  func needsRenewal(_ session: Int, now: Now) -> Bool {
    if sessions[session].unanswered >= ChannelModel.doubtfulCount,
      now.monotonic &- sessions[session].unansweredSince >= ChannelModel.doubtfulSpan
    {
      return true
    }
    let age = now.monotonic &- sessions[session].established
    guard sessions[session].isInitiator else { return age > ChannelModel.responderRenewsAfter }
    return age > ChannelModel.renewedAfter
      || age > ChannelModel.busyRenewedAfter && sessions[session].sentBytes > ChannelModel.busyBytes
  }

  /// Puts header, time frame, frame header, padding and tag around a message, in place.
  mutating func seal(
    _ kind: FrameKind, _ message: MessageRange, on session: Int, now: Now, into effects: inout ChannelEffects
  ) {
    let before = ChannelModel.headerSize + ChannelModel.timeFrameSize + ChannelModel.frameHeaderSize
    let padding = (16 - (ChannelModel.timeFrameSize + ChannelModel.frameHeaderSize + message.count) % 16) % 16
    let whole = MessageRange(
      offset: message.offset - before, count: before + message.count + padding + ChannelModel.tagSize)
    let bytes = effects.buffer.bytes(of: whole)
    sessions[session].sendCounter += 1
    var writer = Writer(bytes)
    writer.u8(ChannelModel.dataType)
    writer.u8(1)
    writer.u16(0)
    writer.u32(sessions[session].remoteIndex)
    writer.u64(sessions[session].sendCounter)
    writer.u8(FrameKind.time.rawValue)
    writer.u8(0)
    writer.u16(4)
    writer.u32(UInt32(truncatingIfNeeded: now.monotonic / 1_000_000))
    writer.u8(kind.rawValue)
    writer.u8(0)
    writer.u16(UInt16(truncatingIfNeeded: message.count))
    writeTail(of: bytes, padding: padding, secret: sessions[session].secret)
    sessions[session].sentBytes += UInt64(whole.count)
    if sessions[session].unanswered == 0 { sessions[session].unansweredSince = now.monotonic }
    sessions[session].unanswered += 1
    sessions[session].lastSent = now.monotonic
    guard let endpoint = peers[Int(sessions[session].peer)].endpoint else { return }
    count(kind, datagram: whole.count, message: message.count)
    effects.sends.append(ChannelEffects.Send(to: endpoint, message: whole))
  }

  private func writeTail(of bytes: UnsafeMutableRawBufferPointer, padding: Int, secret: UInt64) {
    let tagged = bytes.count - ChannelModel.tagSize
    for offset in tagged - padding..<tagged { bytes[offset] = 0 }
    let tag = keyedHash(UnsafeRawBufferPointer(rebasing: bytes[..<tagged]), key: secret)
    bytes.storeBytes(of: tag.littleEndian, toByteOffset: tagged, as: UInt64.self)
    bytes.storeBytes(of: mix64(tag).littleEndian, toByteOffset: tagged + 8, as: UInt64.self)
  }

  private mutating func count(_ kind: FrameKind, datagram: Int, message: Int) {
    if kind == .gossip {
      traffic.gossipDatagrams += 1
      traffic.gossipBytes += UInt64(datagram)
      traffic.messageBytes += UInt64(message)
    } else {
      traffic.channelDatagrams += 1
      traffic.channelBytes += UInt64(datagram)
    }
  }

  /// Sends a frame of the channel itself.
  mutating func sendOwn(
    _ kind: FrameKind, on session: Int, now: Now, into effects: inout ChannelEffects, _ body: (inout Writer) -> Void
  ) {
    guard let range = effects.buffer.append(maximum: 64, body) else { return }
    seal(kind, range, on: session, now: now, into: &effects)
  }

  /// A datagram with the time frame alone, 48 bytes: it confirms a session.
  mutating func sendEmpty(on session: Int, now: Now, into effects: inout ChannelEffects) {
    sendOwn(.time, on: session, now: now, into: &effects) {
      $0.u32(UInt32(truncatingIfNeeded: now.monotonic / 1_000_000))
    }
  }

  mutating func receive(
    _ bytes: UnsafeRawBufferPointer, from: Endpoint, now: Now, into effects: inout ChannelEffects
  ) {
    var reader = Reader(bytes)
    do {
      let type = try reader.u8()
      guard try reader.u8() == 1, try reader.u16() == 0 else { throw WireError.invalid }
      switch type {
      case ChannelModel.dataType: try receiveData(bytes, &reader, from: from, now: now, into: &effects)
      case ChannelModel.helloType: try receiveHello(bytes, &reader, from: from, now: now, into: &effects)
      case ChannelModel.responseType: try receiveResponse(bytes, &reader, from: from, now: now, into: &effects)
      case ChannelModel.cookieType: try receiveCookie(bytes, &reader, now: now, into: &effects)
      default: throw WireError.invalid
      }
    } catch {
      counters.droppedDatagrams &+= 1
    }
  }

  private mutating func receiveData(
    _ bytes: UnsafeRawBufferPointer, _ reader: inout Reader, from: Endpoint, now: Now,
    into effects: inout ChannelEffects
  ) throws(WireError) {
    let place = sessions.find(try reader.u32())
    let counter = try reader.u64()
    guard let place, bytes.count % 16 == 0, bytes.count >= 48, sessions[place].state != .offered,
      now.monotonic &- sessions[place].established < ChannelModel.wipedAfter
    else { throw .invalid }
    let plaintext = try reader.take(bytes.count - ChannelModel.headerSize - ChannelModel.tagSize)
    let tag = keyedHash(reader.slice(from: 0), key: sessions[place].secret)
    guard try reader.u64() == tag, try reader.u64() == mix64(tag) else { throw .invalid }
    guard sessions[place].accept(counter: counter) else {
      counters.replayed &+= 1
      return
    }
    if sessions[place].state == .unconfirmed { confirm(place, from: from, now: now, into: &effects) }
    sessions[place].unanswered = 0
    sessions[place].isHeard = true
    let peer = Int(sessions[place].peer)
    if let known = peers[peer].endpoint, known != from, sessions[place].isNewest(counter) {
      challengePath(of: peer, at: from, on: place, now: now, into: &effects)
    }
    try deliver(plaintext, from: from, on: place, now: now, into: &effects)
  }

  private mutating func deliver(
    _ plaintext: UnsafeRawBufferPointer, from: Endpoint, on place: Int, now: Now, into effects: inout ChannelEffects
  ) throws(WireError) {
    let peer = Int(sessions[place].peer)
    let host = host(of: peer)
    var reader = Reader(plaintext)
    while reader.remaining > ChannelModel.frameHeaderSize {
      let kind = try reader.u8()
      if kind == 0 { break }
      _ = try reader.u8()
      let body = try reader.take(Int(try reader.u16()))
      switch FrameKind(rawValue: kind) {
      case .time, .survey: break
      case .path: try receivePath(body, from: from, peer: peer, on: place, now: now, into: &effects)
      case .streamControl: try receiveStreamControl(body, from: peer, on: place, now: now, into: &effects)
      case .gossip, .heartbeat, .world:
        guard let frameKind = FrameKind(rawValue: kind) else { break }
        effects.deliveries.append(
          ChannelEffects.Delivery(from: host, kind: frameKind, bytes: body, endpoint: from))
      case nil: counters.violations &+= 1
      }
    }
  }

  // MARK: Paths

  /// A peer that writes from another address must answer from there before we believe it.
  private mutating func challengePath(
    of peer: Int, at endpoint: Endpoint, on session: Int, now: Now, into effects: inout ChannelEffects
  ) {
    let kept = peers[peer].endpoint
    peers[peer].endpoint = endpoint
    let token = pathToken(of: endpoint, on: session)
    sendOwn(.path, on: session, now: now, into: &effects) { writer in
      writer.u8(1)
      writer.u64(token)
    }
    peers[peer].endpoint = kept
  }

  private mutating func receivePath(
    _ body: UnsafeRawBufferPointer, from: Endpoint, peer: Int, on session: Int, now: Now,
    into effects: inout ChannelEffects
  ) throws(WireError) {
    var reader = Reader(body)
    let kind = try reader.u8()
    let token = try reader.u64()
    if kind == 1 {
      sendOwn(.path, on: session, now: now, into: &effects) { writer in
        writer.u8(2)
        writer.u64(token)
      }
    } else if token == pathToken(of: from, on: session), peers[peer].endpoint != from {
      peers[peer].endpoint = from
      effects.events.append(.moved(host(of: peer), from))
    }
  }

  /// What the holder of an address is asked to send back. Nobody else in a world can compute it.
  private func pathToken(of endpoint: Endpoint, on session: Int) -> UInt64 {
    mix64(boot ^ endpoint.low &* 0x9e37_79b9_7f4a_7c15 ^ UInt64(endpoint.port) ^ sessions[session].secret)
  }
}
