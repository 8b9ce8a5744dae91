package import Wire

/// Links: opening, need, credit and keepalives. `LinkFrames` has what goes over them.
extension Channel {
  // MARK: Opening

  mutating func wantLink(_ host: HostID, _ wanted: Bool, now: Now, into effects: inout ChannelEffects) {
    guard host != self.host, let peer = peer(making: host, now: now) else { return }
    peers[peer].wantsLink = wanted
    if let link = peers[peer].link {
      if wanted { link.link?.neededAt = now.monotonic }
      if link.phase == .open { say(.keepalive(isNeeded: wanted), on: link, now: now, into: &effects) }
    } else if wanted {
      peers[peer].linkRetryAt = 0
      openWantedLink(peer, now: now, into: &effects)
    }
  }

  mutating func openWantedLink(_ peer: Int, now: Now, into effects: inout ChannelEffects) {
    guard peers[peer].wantsLink, peers[peer].link == nil, peers[peer].linkRetryAt <= now.monotonic,
      streams.expectedLink(of: peer) == nil, !peers[peer].conduct.isBanned(at: now.monotonic)
    else { return }
    guard let current = peers[peer].current, sessions[current].maySend(at: now.monotonic) else {
      seekSession(peer, now: now, into: &effects)
      return
    }
    guard streams.links < StreamLimits.links else {
      counters.add(.linkLimitRefused)
      return postponeLink(peer, now: now)
    }
    let stream = Stream(
      peer: peer, host: peers[peer].host, isOpener: true, purpose: nil, phase: .waiting, now: now.monotonic)
    stream.link = LinkState(now: now.monotonic)
    streams.add(stream)
    peers[peer].link = stream
    announce(stream, now: now, into: &effects)
  }

  /// Tries again later, and more and more rarely.
  mutating func postponeLink(_ peer: Int, now: Now) {
    let wait = min(LinkState.retry << UInt64(min(peers[peer].linkFailures, 5)), LinkState.longestRetry)
    peers[peer].linkFailures += 1
    peers[peer].linkRetryAt = now.monotonic + chance.jittered(wait, by: 0.25)
  }

  /// Whether the peer may open a link. Of two at once the one that the lower host id opens stays.
  mutating func refusalOfLink(_ peer: Int, now: Now, into effects: inout ChannelEffects) -> StreamRefusal? {
    // A later announcement replaces an earlier one that came to nothing.
    if let expected = streams.expectedLink(of: peer) { fail(expected, .connectionLost, now: now, into: &effects) }
    if let link = peers[peer].link, link.phase != .open {
      guard peers[peer].host < host else { return .crossed }
      fail(link, .refused, now: now, into: &effects)
    }
    guard streams.links < StreamLimits.links || peers[peer].link != nil else {
      counters.add(.linkLimitRefused)
      return .limit
    }
    return nil
  }

  mutating func linkIsOpen(_ stream: Stream, now: Now, into effects: inout ChannelEffects) {
    // The peer opens a new one only when it has lost the old.
    if let former = peers[stream.peer].link, former !== stream {
      fail(former, .connectionLost, now: now, into: &effects)
    }
    peers[stream.peer].link = stream
    peers[stream.peer].linkFailures = 0
    stream.link?.heardAt = now.monotonic
    stream.link?.neededAt = now.monotonic
    say(.keepalive(isNeeded: peers[stream.peer].wantsLink), on: stream, now: now, into: &effects)
    // The preface proves the opener; the acceptor has to be heard first.
    if !stream.isOpener { linkIsUp(stream, into: &effects) }
  }

  private mutating func linkIsUp(_ stream: Stream, into effects: inout ChannelEffects) {
    guard stream.link?.isUp == false else { return }
    stream.link?.isUp = true
    counters.add(.linksOpened)
    effects.events.append(.linkUp(stream.host))
  }

  mutating func linkHasEnded(
    _ stream: Stream, wasOpen: Bool, now: Now, into effects: inout ChannelEffects
  ) {
    if peers[stream.peer].link === stream {
      peers[stream.peer].link = nil
      postponeLink(stream.peer, now: now)
    }
    guard stream.link?.isUp == true else { return }
    counters.add(.linksClosed)
    effects.events.append(.linkDown(stream.host))
  }

  // MARK: Out

  /// Largest body that a link frame to a host may have now; 0 without a link.
  package func linkRoom(_ channel: LinkChannel, to host: HostID) -> Int {
    guard let peer = peers.slot(of: host), let link = peers[peer].link?.link, link.isUp else { return 0 }
    return link.outlets[Int(channel.rawValue)].room
  }

  mutating func sendLinkFrame(
    _ channel: LinkChannel, _ body: [UInt8], to host: HostID, isSecret: Bool, now: Now,
    into effects: inout ChannelEffects
  ) {
    guard channel != .keepalive, !body.isEmpty, body.count <= LinkState.frameLimit else {
      return counters.add(.linkFramesRefused)
    }
    guard let peer = peers.slot(of: host), let stream = peers[peer].link, stream.link?.isUp == true else {
      return counters.add(.linkFramesRefused)
    }
    let place = Int(channel.rawValue)
    guard let outlet = stream.link?.outlets[place], body.count <= outlet.room else {
      stream.link?.outlets[place].refuse(body.count)
      return counters.add(.linkFramesRefused)
    }
    stream.link?.outlets[place].append(linkFrame(channel, body, isSecret: isSecret), cost: body.count)
    if !linksToPump.contains(peer) { linksToPump.append(peer) }
  }

  /// The turn of whoever drives this channel ends: what it has to say on links goes now, many frames in one chunk.
  package mutating func endTurn(now: Now, into effects: inout ChannelEffects) {
    guard !linksToPump.isEmpty else { return }
    for peer in linksToPump {
      if let stream = peers[peer].link { pumpLink(stream, now: now, into: &effects) }
    }
    linksToPump.removeAll(keepingCapacity: true)
  }

  private func linkFrame(_ channel: LinkChannel, _ body: [UInt8], isSecret: Bool) -> [UInt8] {
    if settings.compresses, !isSecret, body.count >= Channel.compressionThreshold {
      // Not worth it unless it saves a tenth.
      let block = [UInt8](unsafeUninitializedCapacity: body.count - body.count / 10) { buffer, count in
        count = body.withUnsafeBytes { Compression.compress($0, into: UnsafeMutableRawBufferPointer(buffer)) } ?? 0
      }
      if !block.isEmpty {
        return LinkControl.header(channel: channel, flags: LinkState.compressedFlag, count: block.count + 4)
          + withUnsafeBytes(of: UInt32(body.count).littleEndian) { [UInt8]($0) } + block
      }
    }
    return LinkControl.header(channel: channel, flags: 0, count: body.count) + body
  }

  private mutating func say(
    _ control: LinkControl, on stream: Stream, now: Now, into effects: inout ChannelEffects
  ) {
    stream.link?.outlets[Int(LinkChannel.keepalive.rawValue)].append(control.frame, cost: 0)
    pumpLink(stream, now: now, into: &effects)
  }

  /// Cuts chunks, the most urgent channel first, while the connection has room.
  mutating func pumpLink(_ stream: Stream, now: Now, into effects: inout ChannelEffects) {
    guard stream.phase == .open, let sealed = stream.sealed else { return }
    while sealed.hasRoom, let place = stream.link?.outlets.firstIndex(where: { !$0.isEmpty }) {
      let written = withUnsafeTemporaryAllocation(byteCount: SealedStream.chunkLimit, alignment: 16) { chunk in
        var writer = Writer(chunk)
        writer.u8(UInt8(truncatingIfNeeded: place))
        stream.link?.outlets[place].peek(into: &writer)
        return writeChunk(stream, writer.written, into: &effects) ? writer.count - 1 : 0
      }
      // The buffer of this turn is full: the next beat goes on.
      guard written > 0 else { return counters.add(.droppedBuffer) }
      stream.link?.outlets[place].advance(by: written)
      stream.link?.saidAt = now.monotonic
    }
  }

  mutating func returnCredit(
    _ channel: LinkChannel, _ count: Int, to host: HostID, now: Now, into effects: inout ChannelEffects
  ) {
    guard channel != .keepalive, let peer = peers.slot(of: host), let stream = peers[peer].link,
      stream.phase == .open
    else { return }
    stream.link?.inlets[Int(channel.rawValue)].consume(count)
    guard let owed = stream.link?.inlets[Int(channel.rawValue)].owed, owed >= LinkState.creditStep else { return }
    payCredit(channel, stream, now: now, into: &effects)
  }

  private mutating func payCredit(
    _ channel: LinkChannel, _ stream: Stream, now: Now, into effects: inout ChannelEffects
  ) {
    guard let owed = stream.link?.inlets[Int(channel.rawValue)].owed, owed > 0 else { return }
    stream.link?.inlets[Int(channel.rawValue)].owed = 0
    say(.credit(channel, owed), on: stream, now: now, into: &effects)
  }

  // MARK: In

  /// - Throws: when the peer breaks the rules.
  mutating func receiveLinkChunk(
    _ stream: Stream, _ chunk: SealedStream.Chunk, now: Now, into effects: inout ChannelEffects
  ) throws(WireError) {
    guard !chunk.isLast else { throw .invalid }
    stream.link?.heardAt = now.monotonic
    linkIsUp(stream, into: &effects)
    var reader = Reader(chunk.bytes)
    guard let channel = LinkChannel(rawValue: try reader.u8()) else { throw .invalid }
    let place = Int(channel.rawValue)
    stream.link?.inlets[place].append(try reader.take(reader.remaining))
    while let body = try stream.link?.inlets[place].nextFrame() {
      if channel == .keepalive {
        try obey(LinkControl(body), on: stream, now: now, into: &effects)
      } else {
        effects.events.append(.linkFrame(stream.host, channel, body))
      }
    }
  }

  private mutating func obey(
    _ control: LinkControl, on stream: Stream, now: Now, into effects: inout ChannelEffects
  ) throws(WireError) {
    switch control {
    case .keepalive(let isNeeded):
      stream.link?.isNeededByPeer = isNeeded
      if isNeeded { stream.link?.neededAt = now.monotonic }
    case .credit(let channel, let count):
      guard stream.link?.outlets[Int(channel.rawValue)].restore(count) == true else { throw .tooLarge }
      if stream.link?.outlets[Int(channel.rawValue)].isReady() == true {
        effects.events.append(.linkReady(stream.host, channel))
      }
    }
  }

  // MARK: Time

  mutating func keepLink(_ stream: Stream, now: Now, into effects: inout ChannelEffects) {
    guard let link = stream.link else { return }
    if now.monotonic &- link.heardAt >= LinkState.deadAfter {
      counters.add(.streamTimeouts)
      return fail(stream, .timedOut, now: now, into: &effects)
    }
    let isNeeded = peers[stream.peer].wantsLink
    if isNeeded || link.isNeededByPeer { stream.link?.neededAt = now.monotonic }
    if !isNeeded, !link.isNeededByPeer, now.monotonic &- link.neededAt >= LinkState.needlessFor {
      return fail(stream, .refused, now: now, into: &effects)
    }
    for channel in LinkChannel.allCases { payCredit(channel, stream, now: now, into: &effects) }
    if now.monotonic &- link.saidAt >= LinkState.keepaliveInterval {
      say(.keepalive(isNeeded: isNeeded), on: stream, now: now, into: &effects)
    } else {
      pumpLink(stream, now: now, into: &effects)
    }
  }
}
