import Wire

/// Reads and writes of clients (E7): admitted while acting, answered while acting.
extension ShardHost {
  mutating func write(_ shard: ShardID, _ request: WriteRequest, _ asker: Asker, _ effects: inout ShardEffects) {
    counters.writes += 1
    guard let index = index(of: shard) else {
      return answer(asker, .refused(.unknownShard), shard, &effects)
    }
    if let refusal = admit(index, request, asker) {
      counters.writesRefused += 1
      return answer(asker, .refused(refusal), shard, &effects)
    }
    guard isOwner(index) else { return forward(index, request, asker, &effects) }
    if mustQueue(index) {
      replicas[index].waiting.queued.append(WaitingRequests.Queued(write: request, asker: asker))
      return touch(index)
    }
    if request.entryClass == .volatile {
      let isKept = replicas[index].volatile.put(request)
      touch(index)
      return answer(
        asker, isKept ? .acknowledged(epoch: replicas[index].epoch, sequence: 0) : .refused(.tooLarge), shard, &effects)
    }
    reachFloor(index, &effects)
    if answerRepeated(index, request, asker, &effects) { return }
    if let expected = request.expected {
      let present = presentSequence(index, request.key)
      guard present == expected else {
        return answer(asker, .refused(.unexpected(sequence: present)), shard, &effects)
      }
    }
    append(index, request, asker)
  }

  /// Why a write may not come in now.
  private func admit(_ index: Int, _ request: WriteRequest, _ asker: Asker) -> ShardRefusal? {
    guard !request.key.isEmpty, request.key.count <= Entry.keyLimit, request.value.count <= Entry.valueLimit,
      request.change != .restore
    else { return .tooLarge }
    guard !storeFailed else { return .storeFailed }
    guard isOwner(index) else {
      // Another life of its host would answer, and be taken for somebody else: the client would wait in vain.
      guard asker.forwarder == nil, let owner = replicas[index].rec?.record.owner, peers.isLinked(owner.host),
        peers.life(of: owner.host) == owner.life, forwards.hasRoom
      else { return .notOwner(replicas[index].rec?.record.owner) }
      return nil
    }
    if admission != .open, request.entryClass != .volatile { return .noRoom(admission) }
    if mustQueue(index) { return replicas[index].waiting.queued.count < settings.queueLimit ? nil : .busy }
    guard acts(index) else { return .held(holdReason(index)) }
    let copies = replicas[index].members.count
    if request.entryClass == .critical, copies < replicas[index].minimum {
      return .belowMinimum(copies: copies, minimum: replicas[index].minimum)
    }
    guard unansweredBytes(index) < settings.credit,
      request.entryClass == .volatile || isRoomOnDisks(index)
    else { return .busy }
    let state = replicas[index].state
    if request.change == .put, request.entryClass != .volatile,
      state.bytes + request.key.count + request.value.count > ShardSettings.stateBytesLimit
        || state.count + replicas[index].uncommitted.count >= ShardSettings.keysLimit
          && state.item(request.key) == nil
    {
      return .tooLarge
    }
    return nil
  }

  /// Entries of this reign that are not acknowledged yet.
  func unansweredBytes(_ index: Int) -> Int {
    let acked = max(replicas[index].acked, replicas[index].floor)
    return replicas[index].log.bytes(after: acked, through: replicas[index].log.last.sequence)
  }

  /// Normal entries are acknowledged from memory: no member's disk may fall far behind for them, because what its log
  /// cannot write in the end is lost to it and its store has failed.
  func isRoomOnDisks(_ index: Int) -> Bool {
    var durable = replicas[index].durable
    for progress in replicas[index].others where progress.countsForAcks { durable = min(durable, progress.durable) }
    let last = replicas[index].log.last.sequence
    return replicas[index].log.bytes(after: durable, through: last) < settings.undurable
  }

  /// Behind others that wait, during a move or a restore, and while promises that were there a moment ago are missing.
  private func mustQueue(_ index: Int) -> Bool {
    if replicas[index].move != nil || replicas[index].proposal?.kind == .move {
      return !settings.breaks(.moveWithoutStop)
    }
    guard couldAct(index) else { return false }
    if replicas[index].restore != nil { return true }
    if acts(index) { return !replicas[index].waiting.queued.isEmpty }
    return now < (replicas[index].heldSince ?? now) &+ settings.queuePatience
  }

  /// What waited for promises comes in, or has waited too long.
  mutating func careForQueue(_ index: Int, _ effects: inout ShardEffects) {
    guard !replicas[index].waiting.queued.isEmpty, replicas[index].move == nil,
      replicas[index].proposal?.kind != .move
    else { return }
    if acts(index) {
      if replicas[index].restore == nil { resumeQueue(index, &effects) }
    } else {
      let end = (replicas[index].heldSince ?? now) &+ settings.queuePatience
      guard now >= end || !couldAct(index) else { return replicas[index].wake(at: end) }
      let queued = replicas[index].waiting.queued
      replicas[index].waiting.queued.removeAll()
      for item in queued {
        answer(item.asker, .refused(.held(holdReason(index))), replicas[index].shard, &effects)
      }
    }
  }

  /// A request that was applied already, or is on its way, is not applied again.
  private mutating func answerRepeated(
    _ index: Int, _ request: WriteRequest, _ asker: Asker, _ effects: inout ShardEffects
  ) -> Bool {
    guard request.client != 0, !settings.breaks(.duplicateRequestsApplied) else { return false }
    let shard = replicas[index].shard
    if let pending = replicas[index].waiting.pendingOfClient[request.client] {
      if request.clientSequence == pending.clientSequence {
        counters.duplicateRequests += 1
        replicas[index].waiting.add(asker, at: pending.sequence)
        return true
      }
      if request.clientSequence < pending.clientSequence {
        answer(asker, .refused(.outdated(last: pending.clientSequence)), shard, &effects)
        return true
      }
    }
    guard let mark = replicas[index].state.clients.mark(of: request.client) else { return false }
    if request.clientSequence == mark.clientSequence {
      counters.duplicateRequests += 1
      if mark.sequence > replicas[index].acked {
        replicas[index].waiting.add(asker, at: mark.sequence)
      } else {
        answer(asker, .acknowledged(epoch: mark.epoch, sequence: mark.sequence), shard, &effects)
      }
      return true
    }
    guard request.clientSequence < mark.clientSequence else { return false }
    answer(asker, .refused(.outdated(last: mark.clientSequence)), shard, &effects)
    return true
  }

  /// Sequence of the entry that holds the key, also when it is not committed; 0: absent.
  private func presentSequence(_ index: Int, _ key: [UInt8]) -> UInt64 {
    if let last = replicas[index].uncommitted[key] { return last.deletes ? 0 : last.sequence }
    return replicas[index].state.item(key)?.sequence ?? 0
  }

  /// `asker`: `nil` when nobody waits for this one.
  mutating func append(_ index: Int, _ request: WriteRequest, _ asker: Asker?) {
    let entry = Entry(
      after: replicas[index].log.last, epoch: replicas[index].epoch, entryClass: request.entryClass,
      change: request.change, key: request.key, value: request.value, client: request.client,
      clientSequence: request.clientSequence, wall: latest.wall)
    let sequence = entry.position.sequence
    replicas[index].log.append(entry)
    replicas[index].writes &+= 1
    replicas[index].writtenBytes &+= UInt64(entry.size)
    replicas[index].uncommitted[request.key] = Replica.Uncommitted(
      sequence: sequence, deletes: request.change == .delete)
    if request.client != 0 {
      replicas[index].waiting.pendingOfClient[request.client] = WaitingRequests.Pending(
        clientSequence: request.clientSequence, sequence: sequence)
    }
    if let asker { replicas[index].waiting.add(asker, at: sequence) }
    touch(index)
  }

  mutating func read(_ shard: ShardID, _ key: [UInt8], _ request: UInt64, _ effects: inout ShardEffects) {
    guard let index = index(of: shard) else { return reply(request, .refused(.unknownShard), &effects) }
    guard isOwner(index) else {
      return reply(request, .refused(.notOwner(replicas[index].rec?.record.owner)), &effects)
    }
    guard acts(index) else { return reply(request, .refused(.held(holdReason(index))), &effects) }
    reachFloor(index, &effects)
    if let value = replicas[index].volatile.value(of: key) {
      return reply(request, .value(value, sequence: 0), &effects)
    }
    if settings.breaks(.readUncommitted), let last = replicas[index].uncommitted[key] {
      let value = last.deletes ? nil : replicas[index].log[last.sequence]?.value
      return reply(request, .value(value, sequence: last.sequence), &effects)
    }
    let item = replicas[index].state.item(key)
    reply(request, .value(item?.value, sequence: item?.sequence ?? 0), &effects)
  }

  // MARK: Answers

  mutating func reply(_ request: UInt64, _ reply: ShardReply, _ effects: inout ShardEffects) {
    guard request != 0 else { return }
    effects.replies.append((request, reply))
  }

  mutating func answer(_ asker: Asker, _ reply: ShardReply, _ shard: ShardID, _ effects: inout ShardEffects) {
    guard let forwarder = asker.forwarder else { return self.reply(asker.request, reply, &effects) }
    guard peers.life(of: forwarder.host) == forwarder.life else { return }
    send(.forwarded(shard, id: asker.request, RegisterMessage.Outcome(reply)), to: forwarder.host, &effects)
  }

  /// Tells everybody who waits that this host will not answer him. What became of a write in the log is not known: it
  /// may surface later, and who asks again with the same sequence gets its answer then.
  mutating func refuseAll(_ index: Int, _ refusal: ShardRefusal, _ effects: inout ShardEffects) {
    let shard = replicas[index].shard
    if let restore = replicas[index].restore {
      replicas[index].restore = nil
      reply(restore.request, .refused(refusal), &effects)
    }
    while let write = replicas[index].waiting.popFirst(upTo: .max) {
      answer(write.asker, .refused(refusal), shard, &effects)
    }
    let queued = replicas[index].waiting.queued
    replicas[index].waiting = WaitingRequests()
    for item in queued { answer(item.asker, .refused(refusal), shard, &effects) }
  }

  /// The move did not take place: what waited for it comes in now.
  mutating func resumeQueue(_ index: Int, _ effects: inout ShardEffects) {
    let queued = replicas[index].waiting.queued
    replicas[index].waiting.queued.removeAll()
    for item in queued { write(replicas[index].shard, item.write, item.asker, &effects) }
  }

  /// The move took place: what waited goes to the new owner, in order.
  mutating func forwardQueue(_ index: Int, to owner: Member, _ effects: inout ShardEffects) {
    let queued = replicas[index].waiting.queued
    replicas[index].waiting.queued.removeAll()
    refuseAll(index, .notOwner(owner), &effects)
    for item in queued {
      if item.asker.forwarder == nil, forwards.hasRoom, peers.isLinked(owner.host) {
        forward(index, item.write, item.asker, &effects)
      } else {
        answer(item.asker, .refused(.notOwner(owner)), replicas[index].shard, &effects)
      }
    }
  }
}
