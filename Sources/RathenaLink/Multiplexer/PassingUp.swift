import Wire

// Frames on their way to the char-server.
extension Multiplexer {
  /// Sends a frame that may pass, or keeps it while the char-server is away. Requests without a key are dropped then:
  /// nobody could say to whom a late answer belongs.
  mutating func take(
    _ frame: Frame, from stream: Downstream, into effects: inout MultiplexerEffects
  ) -> FrameRefusal? {
    take(frame, stream: stream.id, reign: stream.reign, into: &effects)
  }

  /// `stream` is nil for what was left of an earlier reign.
  mutating func take(
    _ frame: Frame, stream: StreamID?, reign: Reign, into effects: inout MultiplexerEffects
  ) -> FrameRefusal? {
    if SaveKind.isKept(frame.command), let ids = try? RequestKey.of(frame.command)?.ids(in: frame),
      let character = ids.character
    {
      holders.note(character, reign)
    }
    if upstream.phase == .ready, waiting.isEmpty {
      pass(frame, stream: stream, reign: reign, into: &effects)
      return nil
    }
    let isKept = RequestKey.of(frame.command) != nil || frame.command == Command.authRequest
    guard isKept || upstream.phase == .ready else {
      counters.droppedAway &+= 1
      return nil
    }
    guard waiting.append(frame, stream: stream, reign: reign, limit: settings.waitingLimit) else {
      hitLimit(.waitingFrames, into: &effects)
      return .noRoom
    }
    counters.keptAway &+= 1
    return nil
  }

  /// What waited, a slice per call.
  mutating func flush(_ now: Now, into effects: inout MultiplexerEffects) {
    guard upstream.phase == .ready else { return }
    var sent = 0
    while sent < settings.flushSlice, let entry = waiting.popFirst() {
      sent += entry.bytes.count
      entry.bytes.withUnsafeBytes { bytes in
        guard let frame = try? Frame(bytes, table: .toCharServer) else { return }
        pass(frame, stream: entry.stream, reign: entry.reign, into: &effects)
      }
      if waiting.count(of: entry.reign) == 0 { acknowledge(entry.reign, into: &effects) }
    }
    if !waiting.isEmpty {
      let timer = Timer(kind: MultiplexerTimer.flush.rawValue, token: upstream.life)
      effects.deadlines.append(Deadline(at: now.monotonic, timer: timer))
    }
  }

  /// The last step: what must be remembered of a frame, and the address that the char-server knows.
  private mutating func pass(
    _ frame: Frame, stream: StreamID?, reign: Reign, into effects: inout MultiplexerEffects
  ) {
    switch frame.command {
    case Command.authRequest:
      guard let request = try? AuthRequestFrame(frame) else { return }
      guard expect(.init(.auth, stream: stream, reign: reign, player: request.player), into: &effects) else { return }
    case Command.saveCharacter:
      guard let save = try? SaveFrame(frame) else { return }
      if save.isFinal {
        guard expect(.init(.finalSave, stream: stream, reign: reign, player: save.player), into: &effects) else {
          return
        }
      }
    case Command.changeServer:
      guard let change = try? ChangeServerFrame(frame) else { return }
      let entry = ExpectedAnswers.Entry(
        .changeServer, stream: stream, reign: reign, player: change.player, address: change.address)
      guard expect(entry, into: &effects) else { return }
      // A neighbour's address is real to the char-server.
      if !neighbours.contains(where: { $0.address == change.address }) {
        let address = settings.address
        send(upTo: frame.count, into: &effects) {
          $0.frame(frame, address: address, at: ChangeServerFrame.addressOffset)
        }
        return
      }
    case Command.characterOffline:
      // The answer to a request that is still under way will find nobody.
      if let character = try? frame.u32(at: 2), let account = try? frame.u32(at: 6) {
        expected.withdrawAuth(PlayerKey(account: account, character: character), stream: stream)
      }
    default:
      guard let kind = AnswerKind(request: frame.command) else { break }
      let character = kind == .name ? (try? frame.u32(at: 2)) ?? 0 : 0
      let player = PlayerKey(account: 0, character: character)
      guard expect(.init(kind, stream: stream, reign: reign, player: player), into: &effects) else { return }
    }
    send(upTo: frame.count, into: &effects) { $0.append(frame.bytes) }
  }
}
