import Wire

/// The char-link of one map-server, at the bridge.
struct Downstream {
  enum Phase: UInt8, Comparable {
    case opened
    /// 2af8 has come; its answer waits for the char-server.
    case greeted
    /// 2af9 and 388c are sent.
    case loggedIn
    /// 2afa has come; its answer is withheld until the register names this reign. A warm standby stays here.
    case listed
    /// 2afb is sent: it plays.
    case serving
    /// It has played, and its reign is over.
    case fenced

    static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }
  }

  let id: StreamID
  var reign: Reign
  let process: ProcessNumber
  /// Where clients of its maps are sent.
  let door: LinkAddress
  var phase = Phase.opened
  /// What it takes for its own address (2af8).
  var ownAddress: LinkAddress?
  /// Of its 2afa, those of its shard.
  var maps: [LinkMapName] = []
  var users: UInt16 = 0
  /// Another link speaks in its place; it never comes back.
  var isReplaced = false
  /// Whose maps it has been told. It counts +1 for each 2b04 and -1 for each 2b20, and below 1 it disconnects players who
  /// leave for another map-server; so there is exactly one of each for each other map-server.
  var told: Set<LinkAddressOfMaps> = []

  init(id: StreamID, reign: Reign, process: ProcessNumber, door: LinkAddress) {
    self.id = id
    self.reign = reign
    self.process = process
    self.door = door
  }
}

/// Whose maps: a map-server of ours, or a neighbour.
enum LinkAddressOfMaps: Hashable {
  case stream(StreamID)
  case neighbour(LinkAddress)
}

extension Multiplexer {
  mutating func openStream(_ opened: Downstream, into effects: inout MultiplexerEffects) {
    var stream = opened
    guard streams[stream.id] == nil else { return }
    guard streams.count < settings.streamLimit else {
      effects.closedStreams.append(stream.id)
      return hitLimit(.streams, into: &effects)
    }
    guard !isOutdated(stream) else {
      counters.outdated &+= 1
      effects.events.append(.outdated(stream.id))
      effects.closedStreams.append(stream.id)
      return
    }
    guard rememberYoungest(stream, into: &effects) else { return }
    stream.reign = reignToday(stream.reign)
    streams[stream.id] = stream
    let place = streamOrder.firstIndex { $0 > stream.id } ?? streamOrder.count
    streamOrder.insert(stream.id, at: place)
    // A host that has lost count goes on behind it.
    if isCurrent(stream.reign) { acknowledge(stream.reign, into: &effects) }
  }

  /// A younger process of the same host has begun a link for the shard, if only once. A thawed process knows nothing of
  /// that; two that follow their host would replace each other for ever.
  func isOutdated(_ stream: Downstream) -> Bool {
    shards[stream.reign.shard].youngest[stream.reign.host].map { stream.process < $0 } ?? false
  }

  /// It outlives the link of the youngest: its older one must not slip in while that is made anew. Those of the older ones
  /// that are not in yet never will be; one that serves does so until the younger one can.
  private mutating func rememberYoungest(_ stream: Downstream, into effects: inout MultiplexerEffects) -> Bool {
    let (shard, host) = (stream.reign.shard, stream.reign.host)
    let known = shards[shard].youngest
    guard known[host] != nil || known.count < settings.streamLimit else {
      effects.closedStreams.append(stream.id)
      hitLimit(.streams, into: &effects)
      return false
    }
    shards.update(shard) { $0.youngest[host] = stream.process }
    for id in streamOrder {
      guard let older = streams[id], older.phase < .serving, older.reign.shard == shard, isOutdated(older) else {
        continue
      }
      streams[id]?.phase = .fenced
      counters.outdated &+= 1
      effects.events.append(.outdated(id))
      effects.closedStreams.append(id)
    }
    return true
  }

  /// A host's map-server follows its host from reign to reign: a standby into the first one, an owner into the next.
  func reignToday(_ reign: Reign) -> Reign {
    guard let owner = shards[reign.shard].owner, owner.host == reign.host, owner.epoch > reign.epoch else {
      return reign
    }
    return owner
  }

  mutating func closeStream(_ id: StreamID, into effects: inout MultiplexerEffects) {
    guard let stream = streams[id] else { return }
    if stream.phase == .serving { withdraw(stream, into: &effects) }
    streams[id] = nil
    streamOrder.removeAll { $0 == id }
    announceUserCount(into: &effects)
  }

  /// Those whose reign is over lose their voice at once.
  mutating func fenceStreams(into effects: inout MultiplexerEffects) {
    for id in serving {
      guard let stream = streams[id], !isCurrent(stream.reign) else { continue }
      withdraw(stream, into: &effects)
      streams[id]?.phase = .fenced
      effects.events.append(.fenced(id, stream.reign))
    }
  }

  /// The register names it, and no save of an earlier reign can come any more that its players would enter without.
  private func isAwaited(_ reign: Reign) -> Bool {
    let entry = shards[reign.shard]
    return isActive && entry.owner == reign && entry.isCaughtUp
  }

  /// Those whose reign the register names are let in.
  mutating func letStreamsIn(into effects: inout MultiplexerEffects) {
    for id in streamOrder {
      guard let stream = streams[id] else { continue }
      switch stream.phase {
      case .greeted where upstream.phase == .ready && replay.isComplete:
        answerLogin(id, into: &effects)
      case .listed where replay.isComplete && isAwaited(stream.reign):
        letIn(stream, into: &effects)
      case .fenced where isCurrent(stream.reign) && !stream.isReplaced && !isOutdated(stream):
        // It holds players that others have had since: it must begin anew.
        streams[id]?.phase = .opened
        effects.closedStreams.append(id)
      default: break
      }
    }
  }

  private mutating func answerLogin(_ id: StreamID, into effects: inout MultiplexerEffects) {
    streams[id]?.phase = .loggedIn
    send(to: id, upTo: 3, into: &effects) {
      $0.command(Command.loginAnswer)
      $0.u8(0)
    }
    let table = replay.storageTable
    send(to: id, upTo: table.count, into: &effects) { $0.append(table) }
  }

  private mutating func letIn(_ stream: Downstream, into effects: inout MultiplexerEffects) {
    let reign = stream.reign
    if let older = shards[reign.shard].serving, older != stream.id, let old = streams[older] {
      // The same process has a newer link, or its host a younger process.
      withdraw(old, into: &effects)
      streams[older]?.phase = .fenced
      streams[older]?.isReplaced = true
      effects.closedStreams.append(older)
    }
    shards.change(reign.shard) {
      $0.isGone = false
      $0.serving = stream.id
    }
    streams[stream.id]?.phase = .serving
    let place = serving.firstIndex { $0 > stream.id } ?? serving.count
    serving.insert(stream.id, at: place)
    let (welcome, fameLists) = (replay.welcome, replay.fameLists)
    send(to: stream.id, upTo: welcome.count, into: &effects) { $0.append(welcome) }
    send(to: stream.id, upTo: fameLists.count, into: &effects) { $0.append(fameLists) }
    introduce(stream, into: &effects)
    effects.events.append(.serving(stream.id, reign))
  }

  /// It serves no longer: others forget its maps, whispers do not wait for it.
  private mutating func withdraw(_ stream: Downstream, into effects: inout MultiplexerEffects) {
    serving.removeAll { $0 == stream.id }
    streams[stream.id]?.users = 0
    streams[stream.id]?.told = []
    shards.update(stream.reign.shard) { if $0.serving == stream.id { $0.serving = nil } }
    unannounce(stream, into: &effects)
    for whisper in whispers.forget(stream.id) { answerWhisper(whisper, into: &effects) }
  }

  /// Handshake, user count and keepalive: what a map-server says of itself. True when the frame was one of these.
  mutating func receiveOwnAffairs(
    _ frame: Frame, from stream: Downstream, into effects: inout MultiplexerEffects
  ) throws(WireError) -> Bool {
    let id = stream.id
    switch frame.command {
    case Command.login:
      streams[id]?.ownAddress = try LoginFrame(frame).address
      if stream.phase == .opened {
        streams[id]?.phase = .greeted
        isUnsettled = true
      }
    case Command.mapList:
      let announced = try frame.mapNames(from: Frame.variableHeader)
      // Maps are fixed at the start of a map-server: a second list says nothing new.
      guard stream.phase == .loggedIn else { break }
      let allowed = Set(shards[stream.reign.shard].maps)
      let maps = announced.filter { allowed.contains($0) }
      if maps.count < announced.count {
        effects.events.append(.foreignMaps(id, count: announced.count - maps.count))
      }
      streams[id]?.maps = maps
      streams[id]?.phase = .listed
      isUnsettled = true
    case Command.keepalive:
      counters.answeredHere &+= 1
      send(to: id, upTo: 2, into: &effects) { $0.command(Command.keepaliveAnswer) }
    case Command.ownAddress:
      // The char-server knows the virtual address only.
      break
    default: return false
    }
    return true
  }
}
