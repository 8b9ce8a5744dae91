import Hashing
import Wire

/// Setting up streams: announcement and answer over the session, then TCP and its preface.
extension Channel {
  // MARK: Announcing ours

  /// Announces a stream on the current session, with keys of that session; without one it waits.
  mutating func announce(_ stream: Stream, now: Now, into effects: inout ChannelEffects) {
    hurryUpkeep(now: now, into: &effects)
    guard let slot = peers[stream.peer].current, sessions[slot].maySend(at: now.monotonic),
      let exporter = sessions[slot].exporter
    else {
      stream.phase = .waiting
      seekSession(stream.peer, now: now, into: &effects)
      return
    }
    if stream.phase == .waiting || stream.sessionIndex != sessions[slot].localIndex || stream.keys == nil {
      sessions[slot].announced += 1
      stream.id = StreamID(sequence: sessions[slot].announced, random: entropy.u64())
      stream.sessionIndex = sessions[slot].localIndex
      stream.keys = StreamKeys(exporter: exporter, id: stream.id, opener: host, arena: arena)
      stream.phase = .announced
      guard stream.keys != nil else {
        counters.add(.secretMemoryRefused)
        return fail(stream, .limit, now: now, into: &effects)
      }
    }
    stream.announcedAt = now.monotonic
    stream.announcements += 1
    counters.add(.streamsAnnounced)
    let size = UInt64(stream.outgoing?.content.count ?? 0)
    let hash = stream.outgoing?.digest ?? Digest.none
    sendControl(
      .open(stream.id, stream.purpose, size: size, hash: hash), slot, now: now, into: &effects)
    // A peer that has lost the session answers nothing on it.
    renewIfDue(stream.peer, slot, now: now, into: &effects)
  }

  private mutating func sendControl(
    _ frame: StreamControlFrame, _ slot: Int, now: Now, into effects: inout ChannelEffects
  ) {
    guard let message = effects.buffer.append(maximum: StreamControlFrame.openSize, { frame.write(into: &$0) }) else {
      return counters.add(.droppedBuffer)
    }
    let endpoint = peers[sessions[slot].peer].path ?? sessions[slot].origin
    sendFrame(.streamControl, message, on: slot, to: endpoint, now: now, into: &effects)
  }

  // MARK: Announcements of the peer

  mutating func receiveAnnouncement(
    _ frame: StreamControlFrame, _ peer: Int, _ slot: Int, now: Now, into effects: inout ChannelEffects
  ) {
    switch frame {
    case .open(let id, let purpose, let size, let hash):
      guard peers[peer].announcements.take(at: now.monotonic) else {
        counters.add(.droppedPeerRate)
        return noteExcess(peer, now: now, into: &effects)
      }
      considerStream(id, purpose, size, hash, peer, slot, now: now, into: &effects)
    case .accept(let id):
      guard let stream = streams.stream(id, of: peer, isOpener: true), stream.phase == .announced else { return }
      connect(stream, slot, now: now, into: &effects)
    case .refuse(let id, let reason):
      guard let stream = streams.stream(id, of: peer, isOpener: true), stream.phase == .announced else { return }
      counters.add(.streamsRefused)
      fail(stream, reason == .limit ? .limit : .refused, now: now, into: &effects)
    }
  }

  private mutating func considerStream(
    _ id: StreamID, _ purpose: TransferPurpose?, _ size: UInt64, _ hash: Digest, _ peer: Int, _ slot: Int, now: Now,
    into effects: inout ChannelEffects
  ) {
    // Repeated because our answer was lost.
    if let stream = streams.stream(id, of: peer, isOpener: false) {
      if stream.phase == .expected { answer(.accept(id), peer, slot, now: now, into: &effects) }
      return
    }
    guard sessions[slot].acceptedStreams.accept(id.sequence) else { return }
    if let refusal = refusal(of: purpose, size: size, peer, now: now, into: &effects) {
      counters.add(.streamsRefused)
      return answer(.refuse(id, refusal), peer, slot, now: now, into: &effects)
    }
    guard let exporter = sessions[slot].exporter,
      let keys = StreamKeys(exporter: exporter, id: id, opener: peers[peer].host, arena: arena)
    else { return counters.add(.secretMemoryRefused) }
    let stream = Stream(
      peer: peer, host: peers[peer].host, isOpener: false, purpose: purpose, phase: .expected, now: now.monotonic)
    stream.id = id
    stream.keys = keys
    if purpose == nil {
      stream.link = LinkState(now: now.monotonic)
    } else {
      stream.incoming = IncomingTransfer(size: Int(truncatingIfNeeded: size), hash: hash)
    }
    streams.add(stream)
    hurryUpkeep(now: now, into: &effects)
    answer(.accept(id), peer, slot, now: now, into: &effects)
  }

  private mutating func answer(
    _ frame: StreamControlFrame, _ peer: Int, _ slot: Int, now: Now, into effects: inout ChannelEffects
  ) {
    sendControl(frame, peers[peer].current ?? slot, now: now, into: &effects)
  }

  /// Why an announced stream is not taken; `nil` when it is.
  private mutating func refusal(
    of purpose: TransferPurpose?, size: UInt64, _ peer: Int, now: Now, into effects: inout ChannelEffects
  ) -> StreamRefusal? {
    // Without a valid certificate of the peer only the roster may come, which proves itself record by record.
    guard purpose == .roster || roster.certificate(of: peers[peer].host) != nil else { return .unwanted }
    guard let purpose else { return refusalOfLink(peer, now: now, into: &effects) }
    guard size <= UInt64(purpose.sizeLimit) else { return .tooLarge }
    guard !peers[peer].conduct.isDeprioritised(at: now.monotonic) else { return .unwanted }
    guard streams.transfers(of: peer) < StreamLimits.transfersPerPeer, streams.transfers < StreamLimits.transfers
    else { return .limit }
    return nil
  }

  // MARK: TCP

  private mutating func connect(_ stream: Stream, _ slot: Int, now: Now, into effects: inout ChannelEffects) {
    let endpoint = peers[stream.peer].path ?? sessions[slot].origin
    guard mayReach(endpoint) else {
      counters.add(.refusedTargets)
      return fail(stream, .refused, now: now, into: &effects)
    }
    stream.phase = .connecting
    stream.progressAt = now.monotonic
    streams.bind(stream, to: streams.newConnection())
    if let connection = stream.connection { effects.connections.append(.connect(connection, to: endpoint)) }
  }

  mutating func connectionIsUp(_ connection: ConnectionID, now: Now, into effects: inout ChannelEffects) {
    guard let stream = streams.stream(on: connection), stream.phase == .connecting, let keys = stream.keys else {
      return
    }
    let preface = effects.buffer.append(maximum: StreamKeys.prefaceSize) { keys.writePreface(of: stream.id, into: &$0) }
    guard let preface else { return fail(stream, .connectionLost, now: now, into: &effects) }
    effects.connections.append(.write(connection, preface))
    open(stream, now: now, into: &effects)
  }

  mutating func accept(
    _ connection: ConnectionID, from: Endpoint, now: Now, into effects: inout ChannelEffects
  ) {
    counters.add(.connectionsAccepted)
    hurryUpkeep(now: now, into: &effects)
    let preface = PendingPreface(connection: connection, address: from.rateKey, since: now.monotonic)
    guard streams.addPreface(preface) else {
      counters.add(.refusedConnections)
      effects.connections.append(.close(connection, reset: true))
      return
    }
  }

  mutating func receive(
    _ bytes: UnsafeRawBufferPointer, on connection: ConnectionID, now: Now, into effects: inout ChannelEffects
  ) {
    if let stream = streams.stream(on: connection) {
      receiveStream(stream, bytes, now: now, into: &effects)
      return
    }
    guard var preface = streams.takePreface(connection) else { return }
    var reader = Reader(bytes)
    let missing = StreamKeys.prefaceSize - preface.bytes.count
    guard let part = try? reader.take(min(missing, bytes.count)) else { return }
    preface.bytes.append(contentsOf: part)
    if preface.bytes.count < StreamKeys.prefaceSize {
      _ = streams.addPreface(preface)
      return
    }
    guard let stream = stream(for: preface.bytes) else {
      counters.add(.droppedPreface)
      effects.connections.append(.close(connection, reset: true))
      return
    }
    streams.bind(stream, to: connection)
    open(stream, now: now, into: &effects)
    guard let rest = try? reader.take(reader.remaining), !rest.isEmpty, stream.phase == .open else { return }
    receiveStream(stream, rest, now: now, into: &effects)
  }

  /// The expected stream that a preface names and proves. Each is given out once.
  private func stream(for preface: [UInt8]) -> Stream? {
    preface.withUnsafeBytes { bytes in
      var reader = Reader(bytes)
      guard let id = try? reader.take(StreamID.size), let mac = try? reader.take(32) else { return nil }
      var idReader = Reader(id)
      guard let name = try? StreamID(&idReader), let stream = streams.expected(name), let keys = stream.keys,
        keys.isPreface(id: id, mac: mac)
      else { return nil }
      return stream
    }
  }

  private mutating func open(_ stream: Stream, now: Now, into effects: inout ChannelEffects) {
    guard let keys = stream.keys, let connection = stream.connection,
      let sealed = SealedStream(
        keys: keys, isOpener: stream.isOpener, rekeyBytes: settings.rekeyBytes, arena: arena, entropy: entropy),
      let header = sealed.header.withUnsafeBytes({ effects.buffer.append($0) })
    else {
      counters.add(.secretMemoryRefused)
      return fail(stream, .connectionLost, now: now, into: &effects)
    }
    stream.keys = nil
    stream.sealed = sealed
    stream.phase = .open
    stream.openedAt = now.monotonic
    stream.progressAt = now.monotonic
    sealed.inFlight += header.count
    effects.connections.append(.write(connection, header))
    if stream.isLink { linkIsOpen(stream, now: now, into: &effects) } else { pump(stream, now: now, into: &effects) }
  }

  private mutating func receiveStream(
    _ stream: Stream, _ bytes: UnsafeRawBufferPointer, now: Now, into effects: inout ChannelEffects
  ) {
    guard stream.phase == .open, let sealed = stream.sealed else { return }
    stream.progressAt = now.monotonic
    sealed.append(bytes)
    while stream.phase == .open {
      let chunk: SealedStream.Chunk?
      do { chunk = try sealed.nextChunk(into: streams.scratch, arena: arena) } catch {
        // Anyone on the path can alter TCP: not held against the peer.
        counters.add(.streamErrors)
        return fail(stream, .connectionLost, now: now, into: &effects)
      }
      guard let chunk else { return }
      do {
        if stream.isLink {
          try receiveLinkChunk(stream, chunk, now: now, into: &effects)
        } else {
          try receiveTransferChunk(stream, chunk, now: now, into: &effects)
        }
      } catch {
        counters.add(.streamErrors)
        let peer = stream.peer
        fail(stream, .connectionLost, now: now, into: &effects)
        score(peer, .badStream, now: now, into: &effects)
      }
    }
  }

  mutating func connectionDrained(_ connection: ConnectionID, now: Now, into effects: inout ChannelEffects) {
    guard let stream = streams.stream(on: connection), let sealed = stream.sealed else { return }
    stream.progressAt = now.monotonic
    sealed.inFlight = 0
    pump(stream, now: now, into: &effects)
  }

  mutating func connectionClosed(_ connection: ConnectionID, now: Now, into effects: inout ChannelEffects) {
    if streams.takePreface(connection) != nil { return }
    guard let stream = streams.stream(on: connection) else { return }
    // It is not there any more: nothing to close.
    streams.remove(stream)
    stream.connection = nil
    fail(stream, .connectionLost, now: now, into: &effects)
  }

  /// Hands over as much as the connection may hold at once.
  mutating func pump(_ stream: Stream, now: Now, into effects: inout ChannelEffects) {
    if stream.isLink {
      pumpLink(stream, now: now, into: &effects)
    } else if stream.outgoing != nil {
      pumpTransfer(stream, now: now, into: &effects)
    }
  }

  /// Seals one chunk and hands it to the connection; false when there is no room for it.
  mutating func writeChunk(
    _ stream: Stream, _ plain: UnsafeRawBufferPointer, isLast: Bool = false, into effects: inout ChannelEffects
  ) -> Bool {
    guard let sealed = stream.sealed, let connection = stream.connection,
      let message = sealed.seal(plain, isLast: isLast, into: effects.buffer)
    else { return false }
    effects.connections.append(.write(connection, message))
    return true
  }

  // MARK: The end

  /// Ends a stream that did not end well, and tells who has to know.
  mutating func fail(
    _ stream: Stream, _ reason: TransferFailure, now: Now, into effects: inout ChannelEffects
  ) {
    guard stream.phase != .closed else { return }
    let wasOpen = stream.phase == .open
    end(stream, reset: true, into: &effects)
    if stream.isLink {
      linkHasEnded(stream, wasOpen: wasOpen, now: now, into: &effects)
    } else {
      counters.add(.transfersFailed)
      if let outgoing = stream.outgoing { effects.events.append(.transferFailed(id: outgoing.id, reason)) }
    }
  }

  mutating func end(_ stream: Stream, reset: Bool, into effects: inout ChannelEffects) {
    stream.phase = .closed
    if let connection = stream.connection { effects.connections.append(.close(connection, reset: reset)) }
    streams.remove(stream)
    stream.keys = nil
    stream.sealed = nil
  }

  mutating func closeStreams(of peer: Int, now: Now, into effects: inout ChannelEffects) {
    for stream in streams.streams where stream.peer == peer {
      fail(stream, .noSession, now: now, into: &effects)
    }
  }

  // MARK: Time

  mutating func keepStreams(now: Now, into effects: inout ChannelEffects) {
    for preface in streams.prefaces where now.monotonic &- preface.since >= StreamLimits.prefaceTime {
      counters.add(.prefaceTimeouts)
      _ = streams.takePreface(preface.connection)
      effects.connections.append(.close(preface.connection, reset: true))
    }
    for stream in streams.streams {
      switch stream.phase {
      case .waiting, .announced, .connecting, .expected: keepSettingUp(stream, now: now, into: &effects)
      case .open where stream.isLink: keepLink(stream, now: now, into: &effects)
      case .open: keepTransfer(stream, now: now, into: &effects)
      case .hashing, .closed: break
      }
    }
  }

  private mutating func keepSettingUp(_ stream: Stream, now: Now, into effects: inout ChannelEffects) {
    let waited = now.monotonic &- stream.createdAt
    if waited >= StreamLimits.setUp {
      counters.add(.streamTimeouts)
      return fail(stream, stream.phase == .waiting ? .noSession : .timedOut, now: now, into: &effects)
    }
    switch stream.phase {
    case .waiting:
      announce(stream, now: now, into: &effects)
    case .announced:
      // 0.5, 1, 1.5 … seconds apart, within the peer's budget for announcements.
      let gap = StreamLimits.announcementGap * min(stream.announcements, 4)
      if now.monotonic &- stream.announcedAt >= gap { announce(stream, now: now, into: &effects) }
    default: break
    }
  }
}
