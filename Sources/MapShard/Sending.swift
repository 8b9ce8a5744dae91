import Wire

/// Messages in and out.
extension ShardHost {
  /// A session with this life of the host stands: every other life of it is dead.
  mutating func meet(_ member: Member) {
    guard member.host != me.host else { return }
    let old = peers.life(of: member.host)
    guard old != member.life else { return }
    let fits = peers.update(member.host) {
      $0.life = member.life
      $0.isLinked = false
      $0.heard = nil
      $0.answeredAt = 0
    }
    if !fits { counters.limitsHit += 1 }
    for index in replicas.indices { replicas[index].isSetStale = true }
    touch(sharedWith: member.host)
  }

  /// Whether a message of this member counts: it comes from the life that was met last.
  mutating func isPresent(_ member: Member) -> Bool {
    if member == me { return true }
    guard peers.life(of: member.host) == member.life else {
      counters.otherLife += 1
      return false
    }
    let time = now
    peers.update(member.host) { $0.lastHeard = time }
    return true
  }

  mutating func receive(
    _ carrier: ShardCarrier, _ bytes: UnsafeRawBufferPointer, from: Member, _ effects: inout ShardEffects
  ) {
    guard isPresent(from) else { return }
    var reader = Reader(bytes)
    do {
      if carrier == .register {
        let message = try RegisterMessage(&reader)
        try reader.expectEnd()
        obey(message, from: from, &effects)
      } else {
        let message = try ReplicaMessage(&reader)
        try reader.expectEnd()
        obey(message, from: from, &effects)
      }
    } catch {
      counters.malformed += 1
    }
  }

  mutating func obey(_ message: ReplicaMessage, from: Member, _ effects: inout ShardEffects) {
    switch message {
    case .append(let append): follow(append, from: from, &effects)
    case .appended(let appended): hear(appended, from: from, &effects)
    case .check(let shard, let epoch, let sequence):
      beginCheck(shard, epoch, sequence: sequence, from: from)
    case .root(let shard, let epoch, let sequence, let root):
      compareRoot(shard, epoch, sequence: sequence, root, from: from, &effects)
    case .volatile(let shard, let epoch, let values): keepVolatile(shard, epoch, values, from: from)
    case .wantSnapshot(let shard, let epoch): snapshotWanted(shard, epoch, by: from)
    }
  }

  mutating func obey(_ message: RegisterMessage, from: Member, _ effects: inout ShardEffects) {
    switch message {
    case .propose(let propose): vote(on: propose, by: from, &effects)
    case .read(let set, let nonce, let shards): answerRead(set, nonce, shards, to: from, &effects)
    case .record(_, _, let shard, let record): receiveRecord(shard, record, from: from, &effects)
    case .closed(let number, let next): hearClosed(number, next, from: from, &effects)
    case .who(let shard): answerWho(shard, to: from, &effects)
    case .iAm(let answer): hear(answer, from: from, &effects)
    case .release(let shard, let epoch): hearRelease(shard, epoch, from: from, &effects)
    case .moved(let record): learn(record, makes: true, &effects)
    case .prepare, .promise, .accept, .accepted, .outbid: takePart(in: message, from: from, &effects)
    case .close(let next): close(next, &effects)
    case .copy(let set, let after): answerCopy(set, after: after, to: from, &effects)
    case .copied(let copied): take(copied, from: from, &effects)
    case .forward(let shard, let id, let request):
      write(shard, request, Asker(request: id, forwarder: from), &effects)
    case .forwarded(let shard, let id, let outcome): hear(shard, id, outcome, from: from, &effects)
    }
  }

  /// False when it certainly did not go: no link, or no room in this turn.
  @discardableResult
  mutating func send(_ message: RegisterMessage, to host: HostID, _ effects: inout ShardEffects) -> Bool {
    if host == me.host {
      loopback.append(message)
      return true
    }
    guard peers.isLinked(host) else { return false }
    guard let range = effects.buffer.append(maximum: message.room, { message.write(into: &$0) }) else {
      counters.messagesNotSent += 1
      return false
    }
    effects.frames.append(ShardEffects.Frame(carrier: .register, to: host, message: range))
    return true
  }

  @discardableResult
  mutating func send(
    _ message: ReplicaMessage, to host: HostID, on carrier: ShardCarrier = .replication, _ effects: inout ShardEffects
  ) -> Bool {
    guard peers.isLinked(host) else { return false }
    guard let range = effects.buffer.append(maximum: message.room, { message.write(into: &$0) }) else {
      counters.messagesNotSent += 1
      return false
    }
    effects.frames.append(ShardEffects.Frame(carrier: carrier, to: host, message: range))
    return true
  }

  mutating func linkChanged(_ host: HostID, _ effects: inout ShardEffects) {
    let isUp = peers.isLinked(host)
    for index in replicas.indices {
      if isUp, sets.isVoter(host) {
        // What waits for a voter goes at once.
        if replicas[index].proposal != nil { replicas[index].proposal?.resendAt = 0 }
        replicas[index].readAt = 0
      }
      for place in replicas[index].others.indices where replicas[index].others[place].member.host == host {
        replicas[index].others[place].isStreaming = false
        replicas[index].others[place].askedAt = nil
        replicas[index].others[place].snapshotUntil = nil
        replicas[index].others[place].commitTold = 0
        if let match = replicas[index].others[place].match { replicas[index].others[place].sent = match }
      }
    }
    if isUp { tellSet(to: host, &effects) }
    voterLinkChanged(host, isUp: isUp, &effects)
    touchAll()
  }

  /// Says which links are needed: to the voters, to everybody with whom a shard is shared, to who is wanted as a learner.
  mutating func wantLinks(_ effects: inout ShardEffects) {
    var wanted: [HostID] = []
    if !replicas.isEmpty || sets.isVoter(me.host) {
      if let set = sets.current { wanted.append(contentsOf: set.voters.map(\.host)) }
      wanted.append(contentsOf: sets.copyingFrom)
    }
    for replica in replicas {
      let isMine = replica.rec?.record.owner == me
      if isMine { wanted.append(contentsOf: replica.replicas) }
      if isMine || replica.members.contains(where: { $0.host == me.host }) {
        wanted.append(contentsOf: replica.members.map(\.host))
      } else if let owner = replica.rec?.record.owner {
        wanted.append(owner.host)
      }
    }
    wanted.sort()
    var unique: [HostID] = []
    for host in wanted where host != me.host && unique.last != host { unique.append(host) }
    guard unique != linksWanted else { return }
    for host in unique where !linksWanted.contains(host) { effects.links.append((host, true)) }
    for host in linksWanted where !unique.contains(host) { effects.links.append((host, false)) }
    linksWanted = unique
  }
}
