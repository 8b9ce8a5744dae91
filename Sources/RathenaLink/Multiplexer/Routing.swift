import Wire

// What comes from the char-server.
extension Multiplexer {
  mutating func receive(_ frame: Frame, now: Now, into effects: inout MultiplexerEffects) {
    guard let route = AnswerRoutes.route(of: frame.command) else {
      counters.withoutReceiver &+= 1
      return
    }
    if route == .bridge { return receiveAsBridge(frame, now: now, into: &effects) }
    guard isActive else { return receiveAsStandby(frame, into: &effects) }
    switch route {
    case .account(let offset):
      let account = (try? frame.u32(at: offset)) ?? 0
      forward(frame, to: presence.row(account: account), into: &effects)
    case .character(let offset):
      let character = (try? frame.u32(at: offset)) ?? 0
      forward(frame, to: presence.row(character: character), into: &effects)
    case .asker: receiveAnswer(frame, into: &effects)
    case .senderName(let offset):
      let name = try? frame.bytes(at: offset, count: 24)
      forward(frame, to: name.flatMap { whispers.stream(ofSender: $0) }, into: &effects)
    case .everyone: spread(frame, into: &effects)
    case .bridge: break
    }
  }

  /// The char-server waits for the word of every link before it tells a sender that nobody of that name is there.
  private mutating func receiveAsStandby(_ frame: Frame, into effects: inout MultiplexerEffects) {
    switch frame.command {
    case Command.whisperToServers:
      if let whisper = try? frame.u32(at: 4) { answerWhisper(whisper, into: &effects) }
    case Command.keepaliveAnswer: _ = expected.take(.keepalive)
    default: break
    }
  }

  private mutating func forward(_ frame: Frame, to row: PresenceRow?, into effects: inout MultiplexerEffects) {
    let stream = row.flatMap { servingStream(of: $0.reign) }
    if stream == nil, frame.command == Command.kick, let account = try? frame.u32(at: 2),
      let reason = try? frame.u8(at: 6)
    {
      effects.events.append(.kickWithoutServer(account: account, reason: reason))
    }
    // 2b1f also ends the attempt of one who is just entering: then the map-server that asked has him.
    forward(frame, to: stream, into: &effects)
    if frame.command == 0x3856 { settleAnswer(.boundItems, into: &effects) }
  }

  private mutating func forward(_ frame: Frame, to stream: StreamID?, into effects: inout MultiplexerEffects) {
    guard let stream, streams[stream] != nil else {
      counters.withoutReceiver &+= 1
      return
    }
    send(to: stream, upTo: frame.count, into: &effects) { $0.append(frame.bytes) }
  }

  private mutating func spread(_ frame: Frame, into effects: inout MultiplexerEffects) {
    switch frame.command {
    case Command.whisperToServers:
      guard let whisper = try? frame.u32(at: 4) else { return }
      guard !serving.isEmpty else { return answerWhisper(whisper, into: &effects) }
      whispers.spread(whisper, to: serving)
    case Command.famePoints: replay.applyFamePoints(frame)
    case Command.partyInfo where frame.count == 12:
      // "No such party" names the character whose map-server asked.
      let row = (try? frame.u32(at: 4)).flatMap { presence.row(character: $0) }
      return forward(frame, to: row, into: &effects)
    default: break
    }
    send(to: serving, upTo: frame.count, into: &effects) { $0.append(frame.bytes) }
  }

  mutating func answerWhisper(_ whisper: UInt32, into effects: inout MultiplexerEffects) {
    guard upstream.phase == .ready else { return }
    counters.answeredHere &+= 1
    send(upTo: 7, into: &effects) { $0.whisperResultFrame(whisper, 1) }
  }

  /// The request that an answer is for; those before it will never be answered.
  @discardableResult
  private mutating func settleAnswer(
    _ kind: AnswerKind, account: UInt32? = nil, character: UInt32? = nil, into effects: inout MultiplexerEffects
  ) -> ExpectedAnswers.Entry? {
    guard let (entry, givenUp) = expected.take(kind, account: account, character: character) else { return nil }
    counters.unanswered &+= UInt64(givenUp)
    return entry
  }

  private mutating func receiveAnswer(_ frame: Frame, into effects: inout MultiplexerEffects) {
    guard let kind = AnswerKind(answer: frame.command) else { return }
    switch kind {
    case .auth: receiveAuthAnswer(frame, into: &effects)
    case .changeServer: receiveChangeAnswer(frame, into: &effects)
    case .finalSave: receiveSaveAnswer(frame, into: &effects)
    default:
      if kind == .clans { clans.learn(frame) }
      let character = kind == .name ? try? frame.u32(at: 2) : nil
      guard let entry = settleAnswer(kind, character: character, into: &effects) else {
        counters.withoutReceiver &+= 1
        return
      }
      if kind == .keepalive { return }
      forward(frame, to: entry.stream, into: &effects)
    }
  }

  /// 2afd and 2b27. Only the char-server's word moves a player.
  private mutating func receiveAuthAnswer(_ frame: Frame, into effects: inout MultiplexerEffects) {
    let isAccepted = frame.command == Command.authAccepted
    guard let account = try? frame.u32(at: isAccepted ? 4 : 2),
      let entry = settleAnswer(.auth, account: account, into: &effects)
    else {
      counters.withoutReceiver &+= 1
      return
    }
    forward(frame, to: entry.stream, into: &effects)
    guard isAccepted else {
      // What was spared because he was on his way in.
      if let row = presence.row(account: account) { endIfNobodyHas(row, into: &effects) }
      return
    }
    guard let accepted = try? AuthAcceptedFrame(frame), let asked = entry.reign else { return }
    // The host may reign anew since.
    let reign = reignToday(asked)
    statusSize = accepted.status.size
    let old = presence.row(account: account)
    if entry.isWithdrawn {
      // 2b17 is on its way behind the request.
      remove(account: account, into: &effects)
      return
    }
    if let old, old.reign != reign, old.state == .playing, let stream = servingStream(of: old.reign) {
      // The char-server compares links, and both are ours: it does not see that one player is in two places.
      counters.takenOver &+= 1
      effects.events.append(.takenOver(account: account, from: old.reign))
      kick(account, from: stream, into: &effects)
    }
    let row = PresenceRow(player: accepted.player, reign: reign)
    set(row, into: &effects)
    holders.note(accepted.player.character, reign)
    shards.update(reign.shard) { $0.isKnown = true }
    // The map-server that asked is gone meanwhile.
    endIfNobodyHas(row, into: &effects)
  }

  /// 2b06: the address that the map-server asked for comes back; from now on the player is on his way.
  private mutating func receiveChangeAnswer(_ frame: Frame, into effects: inout MultiplexerEffects) {
    guard let answer = try? ChangeServerFrame(frame),
      let entry = settleAnswer(
        .changeServer, account: answer.player.account, character: answer.player.character, into: &effects)
    else {
      counters.withoutReceiver &+= 1
      return
    }
    if let stream = entry.stream, streams[stream] != nil, let address = entry.address {
      send(to: stream, upTo: frame.count, into: &effects) {
        $0.frame(frame, address: address, at: ChangeServerFrame.addressOffset)
      }
    } else {
      counters.withoutReceiver &+= 1
    }
    guard answer.loginID1 != 0, var row = presence.row(account: answer.player.account),
      row.reign == entry.reign.map(reignToday)
    else {
      return
    }
    if neighbours.contains(where: { $0.address == entry.address }) {
      remove(account: row.player.account, into: &effects)
      return
    }
    row.state = .crossing
    if let next = shards.owner(of: answer.map) { row.reign = next }
    set(row, into: &effects)
    // Where he is going may have ended while the char-server answered.
    endIfNobodyHas(row, into: &effects)
  }

  private mutating func receiveSaveAnswer(_ frame: Frame, into effects: inout MultiplexerEffects) {
    guard let account = try? frame.u32(at: 2), let character = try? frame.u32(at: 6),
      let entry = settleAnswer(.finalSave, account: account, character: character, into: &effects)
    else {
      counters.withoutReceiver &+= 1
      return
    }
    let isLinked = entry.stream.map { streams[$0] != nil } ?? false
    if let receiver = isLinked ? entry.stream : entry.reign.flatMap({ servingStream(of: reignToday($0)) }) {
      forward(frame, to: receiver, into: &effects)
    } else if entry.stream != nil {
      counters.withoutReceiver &+= 1
    }
    guard let row = presence.row(account: account), row.state == .leaving,
      row.reign == entry.reign.map(reignToday),
      row.player.character == character
    else { return }
    remove(account: account, into: &effects)
  }
}
