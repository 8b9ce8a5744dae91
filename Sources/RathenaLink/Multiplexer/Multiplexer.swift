package import Wire

/// Makes many map-servers look like one to a char-server, and lets through only what the owner of a shard may say.
///
/// A pure value: same inputs, same effects. This file holds the state and sends each input to the extension that has
/// its rule; `docs/rathena-link.md` says which file that is.
package struct Multiplexer {
  package let settings: MultiplexerSettings
  package internal(set) var counters = MultiplexerCounters()
  /// A standby logs in, keeps its slot with an equal list of maps and serves nobody.
  package internal(set) var isActive = false
  package internal(set) var presence = Presence()

  var upstream = UpstreamLink()
  var replay = Replay()
  var expected = ExpectedAnswers()
  var waiting = WaitingFrames()
  var whispers = Whispers()
  var clans = ClanCounts()
  var holders = LastHolders()
  /// Real map-servers that share the char-server with us (its other slot).
  var neighbours: [ServerMapsFrame] = []
  /// Size of `mmo_charstatus`, read off the first frame that has one.
  var statusSize: Int?

  var shards = ShardTable()
  var streams: [StreamID: Downstream] = [:]
  /// Of `streams`, rising.
  var streamOrder: [StreamID] = []
  /// Those of `streamOrder` that have been let in.
  var serving: [StreamID] = []
  /// Something has changed that lets streams in or keeps them out; most frames change nothing of that.
  var isUnsettled = true
  /// Accounts whose socket a door has.
  var heldByDoors: Set<UInt32> = []

  package init(settings: MultiplexerSettings) { self.settings = settings }

  package mutating func handle(_ input: MultiplexerInput, now: Now, into effects: inout MultiplexerEffects) {
    switch input {
    case .frame, .upstream, .leftSave: break
    default: isUnsettled = true
    }
    switch input {
    case .active(let active): setActive(active, into: &effects)
    case .world(let world): shards.adopt(world)
    case .owner(let shard, let reign): ownerChanged(shard, to: reign, into: &effects)
    case .gone(let reign): mapServerGone(reign, into: &effects)
    case .restore(let rows): restore(rows, into: &effects)
    case .door(let account, let holds): doorChanged(account, holds: holds, into: &effects)
    case .upstreamOpened: openUpstream(now, into: &effects)
    case .upstream(let bytes): receiveUpstream(bytes, now: now, into: &effects)
    case .upstreamClosed: closeUpstream(into: &effects)
    case .streamOpened(let id, let reign, let process, let door):
      openStream(Downstream(id: id, reign: reign, process: process, door: door), into: &effects)
    case .frame(let bytes, let id, let epoch, let sequence):
      receive(bytes, from: id, epoch: epoch, sequence: sequence, into: &effects)
    case .leftSave(let bytes, let reign, let sequence):
      receiveLeftSave(bytes, of: reign, sequence: sequence, into: &effects)
    case .caughtUp(let reign): caughtUp(reign)
    case .handled(let reign, let sequence): shards.setHandled(sequence, of: reign)
    case .streamClosed(let id): closeStream(id, into: &effects)
    case .deadline(let timer): fire(timer, now: now, into: &effects)
    }
    settle(into: &effects)
  }

  /// After each input: what follows from the state as a whole.
  private mutating func settle(into effects: inout MultiplexerEffects) {
    guard isUnsettled else { return }
    isUnsettled = false
    fenceStreams(into: &effects)
    letStreamsIn(into: &effects)
    announceUnion(into: &effects)
  }

  /// The reign may speak for its shard now.
  func isCurrent(_ reign: Reign) -> Bool { isActive && shards.isCurrent(reign) }

  /// The map-server that serves a reign now.
  func servingStream(of reign: Reign) -> StreamID? {
    let entry = shards[reign.shard]
    return entry.owner == reign ? entry.serving : nil
  }

  /// Players in the game, as a count of 2afe.
  var users: UInt16 { UInt16(clamping: serving.reduce(0) { $0 + Int(streams[$1]?.users ?? 0) }) }
}

// Messages. A frame that does not fit into the buffer of the call is counted and lost: the caller let it run full.
extension Multiplexer {
  mutating func send(
    upTo maximum: Int, into effects: inout MultiplexerEffects, _ body: (inout Writer) -> Void
  ) {
    guard let message = effects.buffer.append(maximum: maximum, body) else {
      return hitLimit(.buffer, into: &effects)
    }
    counters.passedUp &+= 1
    effects.upstream.append(message)
  }

  mutating func send(
    to stream: StreamID, upTo maximum: Int, into effects: inout MultiplexerEffects, _ body: (inout Writer) -> Void
  ) {
    send(to: CollectionOfOne(stream), upTo: maximum, into: &effects, body)
  }

  /// One copy for all.
  mutating func send(
    to receivers: some Collection<StreamID>, upTo maximum: Int, into effects: inout MultiplexerEffects,
    _ body: (inout Writer) -> Void
  ) {
    guard !receivers.isEmpty else { return }
    guard let message = effects.buffer.append(maximum: maximum, body) else {
      return hitLimit(.buffer, into: &effects)
    }
    for stream in receivers {
      counters.passedDown &+= 1
      effects.downstream.append(MultiplexerEffects.Downstream(stream: stream, message: message))
    }
  }

  mutating func hitLimit(_ limit: MultiplexerLimit, into effects: inout MultiplexerEffects) {
    counters.limitsHit &+= 1
    effects.events.append(.limitHit(limit))
  }
}
