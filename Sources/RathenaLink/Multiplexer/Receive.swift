import Wire

// What comes from map-servers.
extension Multiplexer {
  mutating func receive(
    _ bytes: UnsafeRawBufferPointer, from id: StreamID, epoch: Epoch, sequence: UInt64,
    into effects: inout MultiplexerEffects
  ) {
    guard let stream = streams[id] else {
      counters.framesWithoutStream &+= 1
      return
    }
    // What the char-server cannot frame would cost everybody the link.
    guard let frame = try? Frame(bytes, table: .toCharServer) else {
      counters.malformed &+= 1
      var reader = Reader(bytes)
      effects.events.append(.refused(id, .malformed, command: (try? reader.u16()) ?? 0))
      return
    }
    // Only who may speak has a sequence: others would have theirs taken for the owner's.
    let isInReign = stream.reign.epoch == epoch && isCurrent(stream.reign) && stream.phase != .fenced
    if sequence == 0, Command.isNumbered(frame.command) {
      return refuse(frame, from: stream, .malformed, into: &effects)
    }
    if isInReign, sequence > 0 {
      guard sequence > shards[stream.reign.shard].handled else {
        counters.repeated &+= 1
        return acknowledge(stream.reign, into: &effects)
      }
    }
    do {
      if let refusal = try handle(frame, from: stream, epoch: epoch, into: &effects) {
        refuse(frame, from: stream, refusal, into: &effects)
      }
    } catch {
      refuse(frame, from: stream, .malformed, into: &effects)
    }
    guard isInReign, sequence > 0 else { return }
    shards.setHandled(sequence, of: stream.reign)
    acknowledge(stream.reign, into: &effects)
  }

  /// Only when nothing of this reign waits: the host then forgets everything up to the last sequence.
  mutating func acknowledge(_ reign: Reign, into effects: inout MultiplexerEffects) {
    guard case .through(let sequence) = shards.handled(of: reign), waiting.count(of: reign) == 0 else { return }
    effects.taken.append(MultiplexerEffects.Taken(reign: reign, sequence: sequence))
  }

  private mutating func handle(
    _ frame: Frame, from stream: Downstream, epoch: Epoch, into effects: inout MultiplexerEffects
  ) throws(WireError) -> FrameRefusal? {
    if try receiveOwnAffairs(frame, from: stream, into: &effects) { return nil }
    // A warm standby asks for castles and clans before it is let in.
    let isPreparing = stream.phase == .loggedIn || stream.phase == .listed
    if isPreparing, frame.command == Command.askCastles || frame.command == Command.askClans {
      return take(frame, from: stream, into: &effects)
    }
    guard isCurrent(stream.reign), stream.reign.epoch == epoch, stream.phase != .fenced else { return .staleReign }
    guard stream.phase == .serving else { return .notServing }
    if let refusal = try checkPlayer(frame, from: stream, into: &effects) { return refusal }
    switch frame.command {
    case Command.userCount:
      streams[stream.id]?.users = try frame.u16(at: 2)
      announceUserCount(into: &effects)
      return nil
    case Command.userList:
      try receiveUsers(frame, from: stream, into: &effects)
      return nil
    case Command.allOffline:
      setAllOffline(of: stream, into: &effects)
      return nil
    case Command.authRequest:
      return try receiveAuthRequest(frame, from: stream, into: &effects)
    case Command.saveCharacter:
      return try receiveSave(frame, from: stream, into: &effects)
    case Command.characterOffline:
      return try receiveOffline(frame, from: stream, into: &effects)
    case Command.whisper:
      whispers.asked(try frame.bytes(at: 8, count: 24), by: stream.id)
    case Command.whisperResult:
      let (whisper, result) = (try frame.u32(at: 2), try frame.u8(at: 6))
      guard whispers.answered(whisper, by: stream.id, isNotHere: result == 1) else { return nil }
    default:
      try mirror(frame, from: stream, into: &effects)
    }
    return take(frame, from: stream, into: &effects)
  }

  /// Nobody speaks for a player who is not there.
  private mutating func checkPlayer(
    _ frame: Frame, from stream: Downstream, into effects: inout MultiplexerEffects
  ) throws(WireError) -> FrameRefusal? {
    guard let key = RequestKey.of(frame.command) else { return nil }
    let ids = try key.ids(in: frame)
    if key.rule == .notElsewhere, ids.account == 0 || ids.account == .max { return nil }
    if presence.allows(ids, rule: key.rule, from: stream.reign) { return nil }
    // He may be on his way in still: see `receiveOffline`.
    return frame.command == Command.characterOffline ? nil : .notHere
  }

  private mutating func receiveAuthRequest(
    _ frame: Frame, from stream: Downstream, into effects: inout MultiplexerEffects
  ) throws(WireError) -> FrameRefusal? {
    let request = try AuthRequestFrame(frame)
    // Of an autotrader the char-server asks nothing: it would give away a player who is elsewhere. Every starting
    // map-server asks for all of them.
    if request.isAutotrade, let row = presence.row(account: request.player.account), row.reign != stream.reign {
      counters.answeredHere &+= 1
      send(to: stream.id, upTo: 19, into: &effects) { $0.authRefusedFrame(request) }
      return .notHere
    }
    return take(frame, from: stream, into: &effects)
  }

  private mutating func receiveSave(
    _ frame: Frame, from stream: Downstream, into effects: inout MultiplexerEffects
  ) throws(WireError) -> FrameRefusal? {
    let save = try SaveFrame(frame)
    // The char-server would pass it over and not answer.
    if let statusSize, save.status.size != statusSize { return .otherBuild }
    if let refusal = take(frame, from: stream, into: &effects) { return refusal }
    if save.isFinal {
      set(PresenceRow(player: save.player, reign: stream.reign, state: .leaving), into: &effects)
    }
    return nil
  }

  private mutating func receiveOffline(
    _ frame: Frame, from stream: Downstream, into effects: inout MultiplexerEffects
  ) throws(WireError) -> FrameRefusal? {
    let player = PlayerKey(account: try frame.u32(at: 6), character: try frame.u32(at: 2))
    let isHere = presence.allows((player.account, player.character), rule: .here, from: stream.reign)
    // A client that went away before 2afd came.
    let isEntering = expected.hasAuth(account: player.account, stream: stream.id)
    guard isHere || isEntering || (presence.row(account: player.account) == nil && !waiting.isEmpty) else {
      return .notHere
    }
    if let refusal = take(frame, from: stream, into: &effects) { return refusal }
    if isHere { remove(account: player.account, into: &effects) }
    return nil
  }

  /// Party, guild and clan talk and announcements: the char-server sends them to every link but the one that asked, so
  /// the others behind this one hear them from here.
  private mutating func mirror(
    _ frame: Frame, from stream: Downstream, into effects: inout MultiplexerEffects
  ) throws(WireError) {
    let others = serving.filter { $0 != stream.id }
    switch frame.command {
    case Command.announcement, Command.itemAnnouncement, Command.partyMessage, Command.guildMessage,
      Command.clanMessage:
      counters.mirrored &+= 1
      send(to: others, upTo: frame.count, into: &effects) {
        $0.frame(frame, command: Command.mirrored(frame.command))
      }
    case Command.clanJoined, Command.clanLeft:
      let clan = try frame.u32(at: 2)
      guard let members = clans.change(clan, joined: frame.command == Command.clanJoined) else { return }
      counters.mirrored &+= 1
      send(to: others, upTo: 8, into: &effects) { $0.clanCountFrame(clan, members) }
    default: break
    }
  }

  /// Saves are handed out; a final one is answered, so that the map-server forgets its player. One that still has a
  /// voice and a player who is elsewhere is told to let go of him.
  private mutating func refuse(
    _ frame: Frame, from stream: Downstream, _ refusal: FrameRefusal, into effects: inout MultiplexerEffects
  ) {
    effects.events.append(.refused(stream.id, refusal, command: frame.command))
    countRefusal(frame, of: stream.reign, from: stream.id, refusal, into: &effects)
    guard refusal == .staleReign || refusal == .notHere, frame.command == Command.saveCharacter,
      let save = try? SaveFrame(frame)
    else { return }
    if save.isFinal {
      counters.staleFinalsAnswered &+= 1
      counters.answeredHere &+= 1
      send(to: stream.id, upTo: 10, into: &effects) { $0.saveAnswerFrame(save.player) }
    } else if refusal == .notHere {
      kick(save.player.account, from: stream.id, into: &effects)
    }
  }

  mutating func countRefusal(
    _ frame: Frame, of reign: Reign, from stream: StreamID?, _ refusal: FrameRefusal,
    into effects: inout MultiplexerEffects
  ) {
    switch refusal {
    case .staleReign: counters.staleReign &+= 1
    case .notServing: counters.notServing &+= 1
    case .notHere: counters.notHere &+= 1
    case .otherBuild: counters.otherBuild &+= 1
    case .noRoom: counters.noRoom &+= 1
    case .malformed: counters.malformed &+= 1
    }
    guard RequestKey.of(frame.command)?.isSave ?? false else { return }
    counters.savesRefused &+= 1
    guard let message = effects.buffer.append(frame.bytes) else { return hitLimit(.buffer, into: &effects) }
    effects.journal.append(
      MultiplexerEffects.Journal(stream: stream, reign: reign, refusal: refusal, message: message))
  }
}
