import Wire

/// How entries go from an owner to its log and its followers, and how they come to be acknowledged (E7).
extension ShardHost {
  // MARK: Batches

  /// Gives entries that wait to the log and to the followers, when the batch is full, due, or nothing is under way.
  mutating func closeBatch(_ index: Int, _ effects: inout ShardEffects) {
    let last = replicas[index].log.last.sequence
    guard replicas[index].batched < last else {
      replicas[index].batchDue = nil
      return
    }
    let due = replicas[index].batchDue ?? (now &+ settings.batchTime)
    replicas[index].batchDue = due
    let count = last - replicas[index].batched
    let isFull =
      count >= UInt64(settings.batchEntries)
      || replicas[index].log.bytes(after: replicas[index].batched, through: last) >= settings.batchBytes
    guard isFull || now >= due || !isAnythingUnderWay(index) else {
      replicas[index].wake(at: due)
      return
    }
    // What is sent now counts from now.
    for place in replicas[index].others.indices {
      let progress = replicas[index].others[place]
      if progress.match == replicas[index].batched { replicas[index].others[place].progressAt = now }
      if progress.durable >= mustBeDurable(index) { replicas[index].others[place].durableAt = now }
    }
    logBatch(index, &effects)
  }

  private func isAnythingUnderWay(_ index: Int) -> Bool {
    replicas[index].others.contains { $0.isStreaming && $0.isMember && $0.sent > $0.match ?? 0 }
  }

  /// What a member should have on its disk: what is acknowledged, and all that is critical, which is not acknowledged
  /// before.
  func mustBeDurable(_ index: Int) -> UInt64 { max(replicas[index].acked, replicas[index].batchedCritical) }

  /// Everything after `batched` goes to this host's log.
  mutating func logBatch(_ index: Int, _ effects: inout ShardEffects) {
    let last = replicas[index].log.last.sequence
    while replicas[index].batched < last {
      let entries = replicas[index].log.batch(
        after: replicas[index].batched, count: settings.batchEntries, bytes: ShardHost.recordBytes)
      guard let end = entries.last?.position.sequence else { return }
      let critical = entries.last { $0.entryClass == .critical }?.position.sequence
      if let critical { replicas[index].batchedCritical = critical }
      store(
        .entries(replicas[index].shard, entries), critical != nil ? .urgent : .lazy, then: .entries(index, end),
        &effects)
      replicas[index].batched = end
    }
    replicas[index].batchDue = nil
  }

  static let recordBytes = 256 << 10

  // MARK: Sending

  /// Sends to each follower what it may get now.
  mutating func pump(_ index: Int, _ effects: inout ShardEffects) {
    for place in replicas[index].others.indices {
      let host = replicas[index].others[place].member.host
      guard peers.isLinked(host), peers.life(of: host) == replicas[index].others[place].member.life else { continue }
      if replicas[index].others[place].wantsSnapshot {
        replicas[index].others[place].wantsSnapshot = false
        sendSnapshot(index, place, &effects)
      }
      pump(index, place, &effects)
    }
  }

  private mutating func pump(_ index: Int, _ place: Int, _ effects: inout ShardEffects) {
    if let asked = replicas[index].others[place].askedAt {
      guard now >= asked &+ settings.retransmit || replicas[index].others[place].doubted < replicas[index].version
      else {
        replicas[index].wake(at: asked &+ settings.retransmit)
        if replicas[index].others[place].isStreaming { stream(index, place, &effects) }
        return
      }
      // Lost: begin again where it is known to be.
      replicas[index].others[place].askedAt = nil
      replicas[index].others[place].doubted = .max
      replicas[index].others[place].isStreaming = false
      if let match = replicas[index].others[place].match { replicas[index].others[place].sent = match }
    }
    if replicas[index].others[place].isStreaming {
      stream(index, place, &effects)
      if wantsSeal(index, place) { sendAppend(index, place, [], &effects) }
      askForDurable(index, place, &effects)
    } else {
      guard replicas[index].log.position(at: replicas[index].others[place].sent) != nil else {
        return sendSnapshot(index, place, &effects)
      }
      sendAppend(index, place, [], &effects)
    }
  }

  private mutating func stream(_ index: Int, _ place: Int, _ effects: inout ShardEffects) {
    while replicas[index].others[place].sent < replicas[index].batched {
      let sent = replicas[index].others[place].sent
      let underWay = replicas[index].log.bytes(after: replicas[index].others[place].match ?? sent, through: sent)
      guard underWay < settings.credit else { return }
      guard replicas[index].log.position(at: sent) != nil else { return sendSnapshot(index, place, &effects) }
      var entries = replicas[index].log.batch(
        after: sent, count: settings.batchEntries, bytes: settings.batchBytes)
      if let excess = entries.firstIndex(where: { $0.change == .restore }) {
        // What a restore put in place does not stand in the entry: the state itself goes.
        if excess == 0 { return sendSnapshot(index, place, &effects) }
        entries.removeSubrange(excess...)
      }
      guard let end = entries.last?.position.sequence, sendAppend(index, place, entries, &effects) else { return }
      replicas[index].others[place].sent = end
    }
    let told = replicas[index].others[place].commitTold
    if told < replicas[index].commit, replicas[index].others[place].askedAt == nil {
      // Followers learn what is committed with the next entries, or soon after the last ones.
      let due = (replicas[index].others[place].commitDue ?? now) &+ ShardHost.commitPatience
      if replicas[index].others[place].commitDue == nil { replicas[index].others[place].commitDue = now }
      if now >= due {
        sendAppend(index, place, [], &effects)
      } else {
        replicas[index].wake(at: due)
      }
    }
  }

  /// The word that something is durable now may get lost: asks for it.
  private mutating func askForDurable(_ index: Int, _ place: Int, _ effects: inout ShardEffects) {
    let progress = replicas[index].others[place]
    guard progress.askedAt == nil, progress.match == replicas[index].batched,
      progress.durable < replicas[index].batched
    else {
      replicas[index].others[place].durableDue = nil
      return
    }
    let due = progress.durableDue ?? (now &+ settings.retransmit)
    if now >= due {
      replicas[index].others[place].durableDue = nil
      sendAppend(index, place, [], &effects)
    } else {
      replicas[index].others[place].durableDue = due
      replicas[index].wake(at: due)
    }
  }

  static let commitPatience = Nanoseconds.milliseconds(20)

  /// It answers heartbeats in a later series than that of its last acknowledgement: it must acknowledge anew. When the
  /// acknowledgement is the later one, the next heartbeat is: asked for, it would only be repeated.
  private func wantsSeal(_ index: Int, _ place: Int) -> Bool {
    let progress = replicas[index].others[place]
    guard progress.askedAt == nil else { return false }
    if progress.wantsAppend || progress.version < replicas[index].version { return true }
    guard let heard = peers[progress.member.host]?.heard, heard.life == progress.member.life else { return false }
    let isEarlier = progress.sealSeries.map { $0 < heard.series } ?? true
    return isEarlier && progress.match ?? 0 >= replicas[index].floor
  }

  @discardableResult
  private mutating func sendAppend(
    _ index: Int, _ place: Int, _ entries: [Entry], _ effects: inout ShardEffects
  ) -> Bool {
    guard let proven = replicas[index].rec else { return false }
    let progress = replicas[index].others[place]
    guard let previous = replicas[index].log.position(at: progress.sent) else { return false }
    let append = ReplicaMessage.Append(
      toLife: progress.member.life, shard: replicas[index].shard, epoch: proven.record.epoch,
      version: proven.record.version, record: progress.version < proven.record.version ? proven : nil,
      floor: replicas[index].floor, previous: previous, commit: replicas[index].commit,
      isUrgent: replicas[index].move != nil, entries: entries)
    let isBehind = replicas[index].batched - min(progress.sent, replicas[index].batched) > UInt64(settings.batchEntries)
    guard send(.append(append), to: progress.member.host, on: isBehind ? .catchUp : .replication, &effects) else {
      return false
    }
    counters.appendsSent += 1
    if progress.askedAt == nil { replicas[index].others[place].askedAt = now }
    replicas[index].wake(at: now &+ settings.retransmit)
    replicas[index].others[place].commitTold = replicas[index].commit
    replicas[index].others[place].commitDue = nil
    replicas[index].others[place].wantsAppend = false
    return true
  }

  // MARK: Acknowledging

  /// Answers, in order, what all of `M` hold (and hold durably, if it is critical). Only while acting (C9).
  mutating func acknowledge(_ index: Int, _ effects: inout ShardEffects) {
    reachFloor(index, &effects)
    guard replicas[index].acked < replicas[index].log.last.sequence else { return }
    guard acts(index) || settings.breaks(.acknowledgeWithoutAct) && couldAct(index) else { return }
    var limit = replicas[index].batched
    var durable = replicas[index].durable
    for progress in replicas[index].others where progress.countsForAcks {
      limit = min(limit, progress.match ?? 0)
      durable = min(durable, progress.durable)
    }
    var acked = max(replicas[index].acked, replicas[index].log.base.sequence)
    while acked < limit, let entry = replicas[index].log[acked + 1] {
      if entry.entryClass == .critical, durable <= acked, !settings.breaks(.criticalFromMemory) { break }
      acked += 1
    }
    guard acked > replicas[index].acked else { return }
    replicas[index].acked = acked
    raiseCommit(index, to: acked, &effects)
    while let write = replicas[index].waiting.popFirst(upTo: acked) {
      let epoch = replicas[index].log.position(at: write.sequence)?.epoch ?? replicas[index].epoch
      answer(write.asker, .acknowledged(epoch: epoch, sequence: write.sequence), replicas[index].shard, &effects)
    }
  }

  /// What the log held when the reign began counts as committed, once all of `M` hold it: acting means that they do.
  /// Not before: an owner that never came to act may be followed by one without the end of it (f).
  mutating func reachFloor(_ index: Int, _ effects: inout ShardEffects) {
    guard replicas[index].commit < replicas[index].floor, acts(index) else { return }
    raiseCommit(index, to: replicas[index].floor, &effects)
  }

  /// Entries up to here are held by all of `M`: every owner to come has them.
  mutating func raiseCommit(_ index: Int, to sequence: UInt64, _ effects: inout ShardEffects) {
    let end = min(sequence, replicas[index].log.last.sequence)
    guard end > replicas[index].commit else { return }
    replicas[index].commit = end
    replicas[index].commitEpoch = replicas[index].epoch
    apply(index, &effects)
    if let position = replicas[index].log.position(at: end) {
      effects.events.append(.committed(replicas[index].shard, position))
    }
    replicas[index].log.trim(upTo: end, to: settings.ringBytes)
  }

  private mutating func apply(_ index: Int, _ effects: inout ShardEffects) {
    while replicas[index].state.position.sequence < replicas[index].commit {
      guard let entry = replicas[index].log[replicas[index].state.position.sequence + 1] else {
        return stop(index, "a committed entry is missing", &effects)
      }
      replicas[index].state.apply(entry)
      counters.entriesCommitted += 1
      if replicas[index].uncommitted[entry.key]?.sequence == entry.position.sequence {
        replicas[index].uncommitted[entry.key] = nil
      }
      if entry.client != 0,
        replicas[index].waiting.pendingOfClient[entry.client]?.sequence == entry.position.sequence
      {
        replicas[index].waiting.pendingOfClient[entry.client] = nil
      }
      checkPassed(index)
    }
  }
}
