import Wire

/// The link to the char-server.
struct UpstreamLink {
  enum Phase: Hashable {
    case down
    /// 2af8 is sent.
    case loggingIn
    /// 2afa is sent.
    case listing
    case ready
  }

  var phase = Phase.down
  var cutter = FrameCutter(table: .toMapServer)
  /// Timers of an earlier link are late.
  var life: UInt32 = 0
  var lastHeard: UInt64 = 0
  var announced: [LinkMapName]?
  /// `ShardTable.version` of that.
  var announcedVersion: UInt64 = 0
  var announcedUsers: UInt16?
  var leftOut = 0
}

enum MultiplexerTimer: UInt8 {
  case keepalive = 1
  /// More waits for the char-server than one call may send.
  case flush = 2
}

extension Multiplexer {
  mutating func openUpstream(_ now: Now, into effects: inout MultiplexerEffects) {
    if upstream.phase != .down { closeUpstream(into: &effects) }
    upstream = UpstreamLink(phase: .loggingIn, life: upstream.life &+ 1, lastHeard: now.monotonic)
    counters.upstreamLogins &+= 1
    let (user, password, address) = (settings.user, settings.password, settings.address)
    send(upTo: 60, into: &effects) { $0.loginFrame(user: user, password: password, address: address) }
    armKeepalive(now, into: &effects)
  }

  /// Requests without a key are dropped on both sides; map-servers, players and what waits are kept.
  mutating func closeUpstream(into effects: inout MultiplexerEffects) {
    guard upstream.phase != .down else { return }
    upstream = UpstreamLink(life: upstream.life)
    // Castles and clans are asked once in a map-server's life: it begins its link anew if it lost the answer.
    for entry in expected.waiting where entry.kind == .castles || entry.kind == .clans {
      guard let stream = entry.stream, streams[stream]?.phase == .listed,
        !effects.closedStreams.contains(stream)
      else { continue }
      effects.closedStreams.append(stream)
    }
    counters.unanswered &+= UInt64(expected.count)
    expected.removeAll()
    whispers.removeAll()
    clans.removeAll()
    for neighbour in neighbours { withdraw(neighbour, into: &effects) }
    neighbours = []
    effects.events.append(.upstreamLost)
  }

  private mutating func giveUpUpstream(_ event: MultiplexerEvent, into effects: inout MultiplexerEffects) {
    effects.events.append(event)
    effects.closesUpstream = true
    closeUpstream(into: &effects)
  }

  private func armKeepalive(_ now: Now, into effects: inout MultiplexerEffects) {
    let timer = Timer(kind: MultiplexerTimer.keepalive.rawValue, token: upstream.life)
    effects.deadlines.append(Deadline(at: now.monotonic &+ settings.keepalive, timer: timer))
  }

  mutating func fire(_ timer: Timer, now: Now, into effects: inout MultiplexerEffects) {
    guard timer.token == upstream.life, upstream.phase != .down else { return }
    switch MultiplexerTimer(rawValue: timer.kind) {
    case .keepalive:
      guard now.monotonic &- upstream.lastHeard < settings.silence else {
        return giveUpUpstream(.upstreamSilent, into: &effects)
      }
      if upstream.phase == .ready, expect(ExpectedAnswers.Entry(.keepalive), into: &effects) {
        send(upTo: 2, into: &effects) { $0.command(Command.keepalive) }
      }
      armKeepalive(now, into: &effects)
    case .flush: flush(now, into: &effects)
    case nil: break
    }
  }

  mutating func receiveUpstream(
    _ bytes: UnsafeRawBufferPointer, now: Now, into effects: inout MultiplexerEffects
  ) {
    guard upstream.phase != .down else { return }
    upstream.lastHeard = now.monotonic
    // Out of the state while its frames are handled, so that it is not copied.
    var cutter = upstream.cutter
    upstream.cutter = FrameCutter(table: .toMapServer)
    let life = upstream.life
    do {
      try cutter.cut(bytes) { frame in
        // The link may have been given up by an earlier frame.
        guard upstream.life == life, upstream.phase != .down else { return }
        if let frame = try? Frame(frame, table: .toMapServer) { receive(frame, now: now, into: &effects) }
      }
    } catch {
      return giveUpUpstream(.upstreamFault(error), into: &effects)
    }
    if upstream.life == life, upstream.phase != .down { upstream.cutter = cutter }
  }

  /// Frames that are the bridge's own business.
  mutating func receiveAsBridge(_ frame: Frame, now: Now, into effects: inout MultiplexerEffects) {
    isUnsettled = true
    switch frame.command {
    case Command.loginAnswer:
      guard upstream.phase == .loggingIn else { return }
      let result = (try? frame.u8(at: 2)) ?? .max
      // After a refusal the char-server leaves the socket open.
      guard result == 0 else { return giveUpUpstream(.upstreamRefused(result), into: &effects) }
      upstream.phase = .listing
      announceUnion(into: &effects)
    case Command.storageTable:
      replay.keepStorageTable(frame)
    case Command.welcome:
      let result = (try? frame.u8(at: 4)) ?? .max
      guard result == 0 else { return giveUpUpstream(.upstreamRefused(result), into: &effects) }
      replay.keepWelcome(frame)
      // Each 2afa brings one: only the first one of a link says that it is up.
      if upstream.phase == .listing { beginUpstream(now, into: &effects) }
    case Command.fameLists:
      if replay.keepFameLists(frame) {
        let size = frame.count
        send(to: serving, upTo: size, into: &effects) { $0.append(frame.bytes) }
      }
    case Command.othersMaps:
      if let other = try? ServerMapsFrame(frame) { meet(other, into: &effects) }
    case Command.serverGone:
      if let other = try? ServerMapsFrame(frame) { part(other, into: &effects) }
    default:
      // 2b1e: our address is virtual, nothing to look up.
      break
    }
  }

  /// The char-server has us: users first, each one online, then what waited.
  private mutating func beginUpstream(_ now: Now, into effects: inout MultiplexerEffects) {
    upstream.phase = .ready
    effects.events.append(.upstreamReady)
    if isActive { replayUsers(into: &effects) }
    flush(now, into: &effects)
  }

  mutating func replayUsers(into effects: inout MultiplexerEffects) {
    let players = presence.sorted.filter { $0.state != .leaving }.map(\.player)
    announceUsers(players, into: &effects)
    for player in players {
      send(upTo: 10, into: &effects) { $0.characterFrame(Command.characterOnline, player) }
    }
    announceUserCount(into: &effects)
  }

  /// 2aff with all users of all map-servers; whoever it does not name is nowhere for the char-server. What does not fit
  /// is named one by one afterwards.
  mutating func announceUsers(_ players: [PlayerKey], into effects: inout MultiplexerEffects) {
    let listed = players.prefix(UserListFrame.capacity)
    send(upTo: 6 + listed.count * 8, into: &effects) { $0.userListFrame(listed) }
    for player in players.dropFirst(listed.count) {
      send(upTo: 10, into: &effects) { $0.characterFrame(Command.characterOnline, player) }
    }
  }

  mutating func announceUserCount(into effects: inout MultiplexerEffects) {
    guard isActive, upstream.phase == .ready, upstream.announcedUsers != users else { return }
    let users = users
    upstream.announcedUsers = users
    send(upTo: 4, into: &effects) { $0.userCountFrame(users) }
  }

  /// The union of maps whenever it has changed; never more than the char-server survives.
  mutating func announceUnion(into effects: inout MultiplexerEffects) {
    guard upstream.phase == .listing || upstream.phase == .ready, upstream.announcedVersion != shards.version
    else { return }
    upstream.announcedVersion = shards.version
    let all = shards.union
    let maps = Array(all.prefix(settings.mapLimit))
    let leftOut = all.count - maps.count
    if leftOut != upstream.leftOut {
      upstream.leftOut = leftOut
      effects.events.append(.mapsLeftOut(leftOut))
    }
    guard maps != upstream.announced else { return }
    upstream.announced = maps
    counters.unionsSent &+= 1
    send(upTo: Frame.variableHeader + maps.count * LinkMapName.size, into: &effects) { $0.mapListFrame(maps) }
  }

  mutating func expect(_ entry: ExpectedAnswers.Entry, into effects: inout MultiplexerEffects) -> Bool {
    if expected.append(entry) { return true }
    hitLimit(.expectedAnswers, into: &effects)
    return false
  }
}
