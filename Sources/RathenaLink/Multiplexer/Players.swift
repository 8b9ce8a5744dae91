import Wire

// Where players are, and when they are nowhere.
extension Multiplexer {
  mutating func setActive(_ active: Bool, into effects: inout MultiplexerEffects) {
    guard active != isActive else { return }
    isActive = active
    if active {
      // The char-server holds the players for those of the other bridge until we name them.
      if upstream.phase == .ready { replayUsers(into: &effects) }
    } else {
      // They are another bridge's now; nothing is said of them.
      presence.removeAll()
      waiting.removeAll()
      holders.removeAll()
      shards.forgetHandled()
    }
  }

  mutating func restore(_ rows: [PresenceRow], into effects: inout MultiplexerEffects) {
    for row in rows where !presence.set(row) { hitLimit(.players, into: &effects) }
    // What is known of these reigns is known: their lists of users adopt nobody.
    for row in rows { shards.update(row.reign.shard) { $0.isKnown = true } }
    if isActive, upstream.phase == .ready { replayUsers(into: &effects) }
  }

  mutating func set(_ row: PresenceRow, into effects: inout MultiplexerEffects) {
    guard presence.set(row) else { return hitLimit(.players, into: &effects) }
    effects.presence.append(.set(row))
  }

  mutating func remove(account: UInt32, into effects: inout MultiplexerEffects) {
    guard presence.remove(account: account) != nil else { return }
    effects.presence.append(.removed(account: account))
  }

  mutating func ownerChanged(_ shard: ShardID, to reign: Reign?, into effects: inout MultiplexerEffects) {
    let old = shards[shard].owner
    guard old != reign, old.map({ old in reign.map { $0.epoch >= old.epoch } ?? true }) ?? true else { return }
    let handled = shards[shard].handled
    // A bridge before this one may have told.
    let known = reign.flatMap { shards.takePast($0) } ?? 0
    shards.change(shard) {
      $0.owner = reign
      $0.handled = known
      guard old?.host != reign?.host else { return }
      $0.isGone = false
      $0.isCaughtUp = false
    }
    if let old { shards.setHandled(handled, of: old) }
    for id in streamOrder {
      guard let stream = streams[id] else { continue }
      let today = reignToday(stream.reign)
      streams[id]?.reign = today
    }
    guard let old else { return }
    if let reign, reign.host == old.host {
      // The same host reigns on, so its map-server goes on with its players.
      for var row in presence.rows(of: old) {
        row.reign = reign
        set(row, into: &effects)
      }
    } else {
      shards.update(shard) { $0.serving = nil }
      endPlayers(of: old, into: &effects)
    }
  }

  mutating func mapServerGone(_ reign: Reign, into effects: inout MultiplexerEffects) {
    guard shards[reign.shard].owner == reign else { return }
    shards.change(reign.shard) { $0.isGone = true }
    for id in streamOrder where streams[id]?.reign == reign && (streams[id]?.phase ?? .opened) >= .serving {
      effects.closedStreams.append(id)
    }
    endPlayers(of: reign, into: &effects)
  }

  mutating func doorChanged(_ account: UInt32, holds: Bool, into effects: inout MultiplexerEffects) {
    if holds {
      guard heldByDoors.count < Presence.limit || heldByDoors.contains(account) else {
        return hitLimit(.doors, into: &effects)
      }
      heldByDoors.insert(account)
    } else if heldByDoors.remove(account) != nil, let row = presence.row(account: account) {
      endIfNobodyHas(row, into: &effects)
    }
  }

  /// One by one, because the link itself goes on: without it they would stay "already online" for good.
  private mutating func endPlayers(of reign: Reign, into effects: inout MultiplexerEffects) {
    guard isActive else { return }
    for row in presence.rows(of: reign) { endIfNobodyHas(row, into: &effects) }
  }

  /// No map-server has him, no door, and he is not on his way in elsewhere.
  mutating func endIfNobodyHas(_ row: PresenceRow, into effects: inout MultiplexerEffects) {
    let account = row.player.account
    guard isActive, !isCurrent(row.reign), !heldByDoors.contains(account), !expected.hasAuth(account: account)
    else { return }
    remove(account: account, into: &effects)
    if row.state != .leaving { setOffline(row.player, of: row.reign, into: &effects) }
  }

  mutating func setOffline(_ player: PlayerKey, of reign: Reign, into effects: inout MultiplexerEffects) {
    counters.setOffline &+= 1
    if waiting.isEmpty {
      // While the char-server is away nothing is owed: it learns who is there when it is back.
      guard upstream.phase == .ready else { return }
      send(upTo: 10, into: &effects) { $0.characterFrame(Command.characterOffline, player) }
      return
    }
    // Behind saves of his that wait: a save of somebody offline can set him online again.
    let bytes = [UInt8](unsafeUninitializedCapacity: 10) { buffer, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(buffer))
      writer.characterFrame(Command.characterOffline, player)
      count = writer.count
    }
    bytes.withUnsafeBytes { bytes in
      guard let frame = try? Frame(bytes, table: .toCharServer) else { return }
      if !waiting.append(frame, stream: nil, reign: reign, limit: settings.waitingLimit) {
        hitLimit(.waitingFrames, into: &effects)
      }
    }
  }

  /// 2aff of one map-server: who is there. What contradicts the table is not believed, and kicked there.
  ///
  /// The char-server takes everybody who is not in a list for lost, also one who is on his way in by a request that it
  /// has answered and we have not seen yet. So it gets a list only when it is back, and 2b19 for those we learn of here.
  mutating func receiveUsers(
    _ frame: Frame, from stream: Downstream, into effects: inout MultiplexerEffects
  ) throws(WireError) {
    let users = try UserListFrame(frame).players
    let adopts = !shards[stream.reign.shard].isKnown
    shards.update(stream.reign.shard) { $0.isKnown = true }
    for player in users {
      let row = presence.row(account: player.account)
      if let row, row.reign == stream.reign, row.player == player { continue }
      if row == nil, adopts {
        // A bridge that began without a table: the first list of each shard is all there is to know.
        counters.usersAdopted &+= 1
        set(PresenceRow(player: player, reign: stream.reign), into: &effects)
        if upstream.phase == .ready {
          send(upTo: 10, into: &effects) { $0.characterFrame(Command.characterOnline, player) }
        }
        continue
      }
      counters.usersRefused &+= 1
      kick(player.account, from: stream.id, into: &effects)
    }
  }

  /// 2b18: a map-server stops. Behind the shared link it would set everybody of all map-servers offline.
  mutating func setAllOffline(of stream: Downstream, into effects: inout MultiplexerEffects) {
    for row in presence.rows(of: stream.reign) where row.state == .playing {
      remove(account: row.player.account, into: &effects)
      setOffline(row.player, of: row.reign, into: &effects)
    }
  }

  mutating func kick(_ account: UInt32, from stream: StreamID, into effects: inout MultiplexerEffects) {
    send(to: stream, upTo: 7, into: &effects) {
      $0.kickFrame(account: account, reason: KickReason.someoneElseLoggedIn)
    }
  }
}
