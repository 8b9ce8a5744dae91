import SecureChannel
import Wire

/// Transfers of the model: announced and accepted in DATA frames, carried by a connection of their own, whole or not at
/// all.
extension ChannelModel {
  private static let open: UInt8 = 1
  private static let accept: UInt8 = 2
  private static let refuse: UInt8 = 3
  private static let openRetry = Nanoseconds.seconds(1)
  private static let openAttempts = 4
  private static let idleLimit = Nanoseconds.seconds(10)
  /// Bytes handed to a connection before it must have drained.
  private static let writeSize = 16 * StreamLayout.chunkSize

  // MARK: Sending

  mutating func beginTransfer(
    _ purpose: TransferPurpose, _ content: [UInt8], to host: HostID, id: UInt64, now: Now,
    into effects: inout ChannelEffects
  ) {
    guard let index = directory.index(of: host), index != own, content.count <= purpose.sizeLimit,
      transfers.hasRoom(for: index)
    else {
      counters.transfersRefused &+= 1
      effects.events.append(.transferFailed(id: id, content.count > purpose.sizeLimit ? .tooLarge : .limit))
      return
    }
    let stream = transfers.nextStream(boot: boot)
    transfers.outgoing.append(
      TransferTable.Outgoing(
        id: id, peer: index, purpose: purpose, content: content, stream: stream, progress: now.monotonic))
    watch(stream, now: now, into: &effects)
    announce(stream, now: now, into: &effects)
  }

  private func outgoing(_ stream: UInt64) -> Int? { transfers.outgoing.firstIndex { $0.stream == stream } }

  private mutating func announce(_ stream: UInt64, now: Now, into effects: inout ChannelEffects) {
    guard let place = outgoing(stream) else { return }
    let transfer = transfers.outgoing[place]
    transfers.outgoing[place].attempt += 1
    effects.deadlines.append(
      Deadline(
        at: now.monotonic &+ ChannelModel.openRetry,
        timer: Timer(kind: ChannelModel.openTimer, subject: stream, token: UInt32(transfer.attempt + 1))))
    let peer = slot(of: transfer.peer)
    guard let session = usableSession(of: peer, now: now) else {
      beginHandshake(with: peer, now: now, into: &effects)
      return
    }
    transfers.outgoing[place].stage = .announced
    let hash = transfer.content.withUnsafeBytes { keyedHash($0, key: stream) }
    sendOwn(.streamControl, on: session, now: now, into: &effects) { writer in
      writer.u8(ChannelModel.open)
      writer.u64(stream)
      writer.u64(0)
      writer.u8(transfer.purpose.rawValue)
      writer.u64(UInt64(transfer.content.count))
      writer.u64(hash)
      writer.zeros(24)
    }
  }

  mutating func retryOpen(_ timer: Timer, now: Now, into effects: inout ChannelEffects) {
    guard let place = outgoing(timer.subject), transfers.outgoing[place].attempt == Int(timer.token),
      [.needsSession, .announced].contains(transfers.outgoing[place].stage)
    else { return }
    guard transfers.outgoing[place].attempt < ChannelModel.openAttempts else {
      end(outgoing: place, .timedOut, into: &effects)
      return
    }
    announce(timer.subject, now: now, into: &effects)
  }

  /// A session stands: what waited for it goes on.
  mutating func resumeTransfers(with index: Int, now: Now, into effects: inout ChannelEffects) {
    guard !transfers.outgoing.isEmpty else { return }
    let waiting = transfers.outgoing.filter { $0.peer == index && $0.stage == .needsSession }.map(\.stream)
    for stream in waiting { announce(stream, now: now, into: &effects) }
  }

  mutating func connected(_ connection: ConnectionID, now: Now, into effects: inout ChannelEffects) {
    guard let place = transfers.outgoing.firstIndex(where: { $0.connection == connection }) else { return }
    let stream = transfers.outgoing[place].stream
    transfers.outgoing[place].stage = .writing
    transfers.outgoing[place].progress = now.monotonic
    let opening = effects.buffer.append(maximum: StreamLayout.prefaceSize + StreamLayout.headerSize) { writer in
      writer.u64(stream)
      writer.zeros(StreamLayout.prefaceSize - 8 + StreamLayout.headerSize)
    }
    if let opening { effects.connections.append(.write(connection, opening)) }
    writeMore(place, into: &effects)
  }

  private mutating func writeMore(_ place: Int, into effects: inout ChannelEffects) {
    let transfer = transfers.outgoing[place]
    guard let connection = transfer.connection else { return }
    let end = min(transfer.offset + ChannelModel.writeSize, transfer.content.count)
    let chunks = (end - transfer.offset + StreamLayout.chunkSize - 1) / StreamLayout.chunkSize
    let overhead = StreamLayout.chunkHeaderSize + StreamLayout.chunkTagSize
    let written = effects.buffer.append(maximum: end - transfer.offset + chunks * overhead) { writer in
      transfer.content.withUnsafeBytes { content in
        for start in stride(from: transfer.offset, to: end, by: StreamLayout.chunkSize) {
          let chunk = content[start..<min(start + StreamLayout.chunkSize, end)]
          writer.u32(UInt32(chunk.count + StreamLayout.chunkTagSize))
          writer.append(UnsafeRawBufferPointer(rebasing: chunk))
          writer.zeros(StreamLayout.chunkTagSize)
        }
      }
    }
    transfers.outgoing[place].offset = end
    if end == transfer.content.count { transfers.outgoing[place].stage = .written }
    if let written {
      traffic.streamBytes += UInt64(written.count)
      effects.connections.append(.write(connection, written))
    }
  }

  mutating func drained(_ connection: ConnectionID, now: Now, into effects: inout ChannelEffects) {
    guard let place = transfers.outgoing.firstIndex(where: { $0.connection == connection }) else { return }
    transfers.outgoing[place].progress = now.monotonic
    if transfers.outgoing[place].stage == .writing { writeMore(place, into: &effects) }
  }

  private mutating func end(outgoing place: Int, _ failure: TransferFailure?, into effects: inout ChannelEffects) {
    let transfer = transfers.outgoing.remove(at: place)
    if let connection = transfer.connection { effects.connections.append(.close(connection, reset: failure != nil)) }
    effects.events.append(
      failure.map { .transferFailed(id: transfer.id, $0) } ?? .transferSent(id: transfer.id))
  }

  // MARK: Receiving

  mutating func receiveStreamControl(
    _ body: UnsafeRawBufferPointer, from peer: Int, on session: Int, now: Now, into effects: inout ChannelEffects
  ) throws(WireError) {
    var reader = Reader(body)
    let kind = try reader.u8()
    let stream = try reader.u64()
    switch kind {
    case ChannelModel.open:
      _ = try reader.u64()
      let purpose = TransferPurpose(rawValue: try reader.u8())
      let size = Int(exactly: try reader.u64())
      let hash = try reader.u64()
      let accepted = admit(stream, purpose, size, hash, from: Int(peers[peer].index), now: now, into: &effects)
      sendOwn(.streamControl, on: session, now: now, into: &effects) { writer in
        writer.u8(accepted ? ChannelModel.accept : ChannelModel.refuse)
        writer.u64(stream)
        writer.u64(0)
      }
    case ChannelModel.accept:
      guard let place = outgoing(stream), transfers.outgoing[place].stage == .announced,
        let endpoint = peers[peer].endpoint
      else { return }
      let connection = transfers.nextConnection()
      transfers.outgoing[place].stage = .connecting
      transfers.outgoing[place].connection = connection
      transfers.outgoing[place].progress = now.monotonic
      effects.connections.append(.connect(connection, to: endpoint))
    case ChannelModel.refuse:
      if let place = outgoing(stream) { end(outgoing: place, .refused, into: &effects) }
    default:
      throw .invalid
    }
  }

  private mutating func admit(
    _ stream: UInt64, _ purpose: TransferPurpose?, _ size: Int?, _ hash: UInt64, from index: Int, now: Now,
    into effects: inout ChannelEffects
  ) -> Bool {
    if transfers.incoming.contains(where: { $0.stream == stream }) { return true }
    guard let purpose, let size, size <= purpose.sizeLimit, transfers.hasRoom(for: index) else {
      counters.transfersRefused &+= 1
      return false
    }
    transfers.incoming.append(
      TransferTable.Incoming(
        peer: index, purpose: purpose, stream: stream, size: size, hash: hash, progress: now.monotonic))
    watch(stream, now: now, into: &effects)
    return true
  }

  mutating func accepted(_ connection: ConnectionID, now: Now, into effects: inout ChannelEffects) {
    guard transfers.unnamed.count < TransferTable.unnamedLimit else {
      effects.connections.append(.close(connection, reset: true))
      return
    }
    transfers.unnamed.append((connection, []))
  }

  mutating func received(
    _ bytes: UnsafeRawBufferPointer, on connection: ConnectionID, now: Now, into effects: inout ChannelEffects
  ) {
    if let place = transfers.outgoing.firstIndex(where: { $0.connection == connection }) {
      // The receiver has it whole.
      end(outgoing: place, nil, into: &effects)
    } else if let place = transfers.unnamed.firstIndex(where: { $0.connection == connection }) {
      transfers.unnamed[place].bytes.append(contentsOf: bytes)
      name(unnamed: place, now: now, into: &effects)
    } else if let place = transfers.incoming.firstIndex(where: { $0.connection == connection }) {
      transfers.incoming[place].raw.append(contentsOf: bytes)
      finish(incoming: place, now: now, into: &effects)
    }
  }

  private mutating func name(unnamed place: Int, now: Now, into effects: inout ChannelEffects) {
    let (connection, bytes) = transfers.unnamed[place]
    guard bytes.count >= StreamLayout.prefaceSize else { return }
    transfers.unnamed.remove(at: place)
    let stream = bytes.withUnsafeBytes { bytes in
      var reader = Reader(bytes)
      return (try? reader.u64()) ?? 0
    }
    guard let place = transfers.incoming.firstIndex(where: { $0.stream == stream && $0.connection == nil }) else {
      effects.connections.append(.close(connection, reset: true))
      return
    }
    transfers.incoming[place].connection = connection
    transfers.incoming[place].raw.append(contentsOf: bytes[StreamLayout.prefaceSize...])
    finish(incoming: place, now: now, into: &effects)
  }

  private mutating func finish(incoming place: Int, now: Now, into effects: inout ChannelEffects) {
    transfers.incoming[place].progress = now.monotonic
    let expected = StreamLayout.rawSize(of: transfers.incoming[place].size)
    guard transfers.incoming[place].raw.count >= expected else { return }
    let transfer = transfers.incoming.remove(at: place)
    guard let connection = transfer.connection else { return }
    let content = StreamLayout.content(of: transfer.raw, size: transfer.size)
    guard let content, content.count == transfer.size,
      content.withUnsafeBytes({ keyedHash($0, key: transfer.stream) }) == transfer.hash
    else {
      effects.connections.append(.close(connection, reset: true))
      return
    }
    if let done = effects.buffer.append(maximum: 1, { $0.u8(1) }) {
      effects.connections.append(.write(connection, done))
    }
    effects.connections.append(.close(connection, reset: false))
    effects.events.append(
      .transferReceived(directory.identities[transfer.peer].host, transfer.purpose, content))
  }

  // MARK: Ends

  mutating func closed(_ connection: ConnectionID, into effects: inout ChannelEffects) {
    transfers.unnamed.removeAll { $0.connection == connection }
    transfers.incoming.removeAll { $0.connection == connection }
    if let place = transfers.outgoing.firstIndex(where: { $0.connection == connection }) {
      transfers.outgoing[place].connection = nil
      end(outgoing: place, .connectionLost, into: &effects)
    }
  }

  mutating func abortTransfers(with index: Int, into effects: inout ChannelEffects) {
    while let place = transfers.outgoing.firstIndex(where: { $0.peer == index }) {
      end(outgoing: place, .noSession, into: &effects)
    }
    while let place = transfers.incoming.firstIndex(where: { $0.peer == index }) {
      let transfer = transfers.incoming.remove(at: place)
      if let connection = transfer.connection { effects.connections.append(.close(connection, reset: true)) }
    }
  }

  private func watch(_ stream: UInt64, now: Now, into effects: inout ChannelEffects) {
    effects.deadlines.append(
      Deadline(
        at: now.monotonic &+ ChannelModel.idleLimit, timer: Timer(kind: ChannelModel.idleTimer, subject: stream)))
  }

  mutating func checkIdle(_ timer: Timer, now: Now, into effects: inout ChannelEffects) {
    let stream = timer.subject
    if let place = outgoing(stream) {
      guard now.monotonic &- transfers.outgoing[place].progress < ChannelModel.idleLimit else {
        end(outgoing: place, .timedOut, into: &effects)
        return
      }
    } else if let place = transfers.incoming.firstIndex(where: { $0.stream == stream }) {
      guard now.monotonic &- transfers.incoming[place].progress < ChannelModel.idleLimit else {
        let transfer = transfers.incoming.remove(at: place)
        if let connection = transfer.connection { effects.connections.append(.close(connection, reset: true)) }
        return
      }
    } else {
      return
    }
    watch(stream, now: now, into: &effects)
  }
}
