import Wire

/// The follower's side of replication (E6): whom to obey, what to append, what to cut, what to answer.
extension ShardHost {
  mutating func follow(_ append: ReplicaMessage.Append, from: Member, _ effects: inout ShardEffects) {
    guard append.toLife == me.life else {
      counters.otherLife += 1
      return
    }
    guard let index = place(for: append, from: from, &effects), replicas[index].stopped == nil, !storeFailed else {
      return
    }
    guard obeys(append, from: from, index, &effects) else { return }
    replicas[index].ownerHeard = now
    let hasMatched = replicas[index].matchedEpoch >= append.epoch
    // An honest owner has at most its credit under way; what comes beyond is not kept.
    guard replicas[index].log.bytes <= settings.ringBytes + ShardHost.uncommittedLimit else {
      counters.limitsHit += 1
      return
    }
    // Nor does it take what its disk cannot write: the owner sends it again, or goes on without this host.
    let limit = admission == .open ? settings.undurable : settings.undurableSlow
    if !append.entries.isEmpty, replicas[index].undurableBytes >= limit {
      counters.limitsHit += 1
      return
    }
    guard let plan = match(append, index, hasMatched: hasMatched, &effects) else { return }
    if let cut = plan.cut, !cutLog(index, to: cut, append.epoch, &effects) { return }
    take(plan.entries, index, isUrgent: append.isUrgent, &effects)
    if plan.isMatched, !hasMatched {
      replicas[index].matchedEpoch = append.epoch
      if let rec = replicas[index].rec {
        store(.reign(replicas[index].shard, rec, sealed: append.epoch), .lazy, &effects)
      }
    }
    if plan.isMatched { raiseCommit(index, to: min(append.commit, plan.match), &effects) }
    answer(.ok, match: plan.match, index, to: from, &effects)
    if append.isUrgent, replicas[index].durable < plan.match, let rec = replicas[index].rec {
      // Whatever is written urgently makes everything before it durable.
      store(.reign(replicas[index].shard, rec, sealed: replicas[index].matchedEpoch), .urgent, &effects)
    }
    touch(index)
  }

  /// Where the shard stands here. A shard that is new to this host needs a proven record that names the sender.
  private mutating func place(
    for append: ReplicaMessage.Append, from: Member, _ effects: inout ShardEffects
  ) -> Int? {
    if let index = index(of: append.shard) { return index }
    guard let record = append.record, record.record.owner == from, isProven(record) else {
      if append.record == nil { answerUnknown(append, to: from, &effects) }
      return nil
    }
    return makeIndex(of: append.shard)
  }

  /// Whether this reign is obeyed: not an old one, and not one against which this host has asked for the shard (d).
  private mutating func obeys(
    _ append: ReplicaMessage.Append, from: Member, _ index: Int, _ effects: inout ShardEffects
  ) -> Bool {
    let isNews = append.version > replicas[index].version
    let owner = isNews ? append.record?.record.owner : replicas[index].rec?.record.owner
    let isOver = append.epoch < replicas[index].epoch && !settings.breaks(.staleEpochAccepted)
    if isOver || owner != from && !settings.breaks(.staleEpochAccepted) {
      counters.staleAnswered += 1
      answer(.stale(replicas[index].rec), match: 0, index, to: from, epoch: append.epoch, &effects)
      return false
    }
    if let proposal = replicas[index].proposal, proposal.kind.isTakeover,
      append.version < proposal.record.version, !settings.breaks(.doubtMissing)
    {
      counters.doubtsAnswered += 1
      answer(.doubt, match: 0, index, to: from, epoch: append.epoch, &effects)
      return false
    }
    if isNews {
      guard let record = append.record, learn(record, &effects) else { return false }
    }
    return append.epoch == replicas[index].epoch && !isOwner(index) || settings.breaks(.staleEpochAccepted)
  }

  /// Bytes of entries beyond the ring that a follower takes before it knows them as committed.
  static let uncommittedLimit = 64 << 20

  // MARK: Matching

  struct Matching {
    /// Where my log is to end before `entries` follow; `nil`: where it ends.
    var cut: UInt64?
    var entries: ArraySlice<Entry>
    /// The last sequence of the message.
    var match: UInt64
    /// My log is a beginning of the owner's.
    var isMatched: Bool
  }

  /// Compares a message with my log. `nil`: answered otherwise, or refused.
  ///
  /// At the first match of a reign my log is cut where it differs from the owner's (the first-match rule). A message
  /// that ends before the owner's log and agrees with mine says nothing about what I hold behind it: up to `floor`
  /// that may be acknowledged, so it stays until a message shows it to differ; behind `floor` it is nobody's.
  private mutating func match(
    _ append: ReplicaMessage.Append, _ index: Int, hasMatched: Bool, _ effects: inout ShardEffects
  ) -> Matching? {
    let log = replicas[index].log
    var entries = append.entries[...]
    var previous = append.previous
    let base = log.base.sequence
    if previous.sequence < base {
      // What I no longer hold is committed. The message must reach it to be compared.
      entries = entries.drop { $0.position.sequence < base }
      guard let first = entries.first, first.position == log.base else {
        if hasMatched, append.entries.last?.position.sequence ?? previous.sequence <= base {
          // An old message of this reign: everything in it was taken long ago.
          return Matching(
            cut: nil, entries: [], match: append.entries.last?.position.sequence ?? previous.sequence,
            isMatched: true)
        }
        answerGap(append, index, &effects)
        return nil
      }
      previous = log.base
      entries = entries.dropFirst()
    }
    guard log.contains(previous) || settings.breaks(.previousEntryUnchecked) else {
      answerGap(append, index, &effects)
      return nil
    }
    let end = entries.last?.position.sequence ?? previous.sequence
    // Where both agree.
    while let first = entries.first, log.position(at: first.position.sequence) == first.position {
      previous = first.position
      entries = entries.dropFirst()
    }
    var before = previous
    for entry in entries {
      guard entry.follows(before) || settings.breaks(.previousEntryUnchecked), entry.position.epoch <= append.epoch
      else {
        counters.malformed += 1
        return nil
      }
      before = entry.position
    }
    let last = log.last.sequence
    if hasMatched {
      // Same reign: my log is a beginning of the owner's. A difference cannot be.
      guard
        entries.isEmpty || previous.sequence == last || settings.breaks(.previousEntryUnchecked)
          || settings.breaks(.cutNotAtFirstMatch)
      else {
        stop(index, "entries of one reign differ at \(previous.sequence + 1)", &effects)
        return nil
      }
      return Matching(cut: nil, entries: previous.sequence == last ? entries : [], match: end, isMatched: true)
    }
    if settings.breaks(.cutNotAtFirstMatch) {
      return Matching(cut: nil, entries: previous.sequence == last ? entries : [], match: end, isMatched: true)
    }
    if previous.sequence == last {
      return Matching(cut: nil, entries: entries, match: end, isMatched: true)
    }
    if !entries.isEmpty || previous.sequence >= append.floor {
      return Matching(cut: previous.sequence, entries: entries, match: end, isMatched: true)
    }
    return Matching(cut: nil, entries: [], match: end, isMatched: false)
  }

  /// Invariant (f): what is known as committed is cut only after a reign that began with a loss. False when it was not cut.
  private mutating func cutLog(
    _ index: Int, to sequence: UInt64, _ epoch: Epoch, _ effects: inout ShardEffects
  ) -> Bool {
    if sequence < replicas[index].commit {
      guard let record = replicas[index].rec?.record, record.lastLoss > replicas[index].commitEpoch else {
        stop(index, "the owner lacks committed entries after \(sequence)", &effects)
        return false
      }
      // The state cannot go back: it comes whole from the owner.
      wantSnapshot(index, &effects)
      return false
    }
    guard let position = replicas[index].log.position(at: sequence) else { return false }
    counters.cuts += 1
    effects.events.append(.cut(replicas[index].shard, to: position, lost: replicas[index].log.last.sequence - sequence))
    replicas[index].log.cut(to: sequence)
    replicas[index].durable = min(replicas[index].durable, sequence)
    durability.cut(index, to: sequence)
    store(.truncate(replicas[index].shard, to: position), .lazy, &effects)
    replicas[index].batched = sequence
    return true
  }

  private mutating func take(
    _ entries: ArraySlice<Entry>, _ index: Int, isUrgent: Bool, _ effects: inout ShardEffects
  ) {
    guard let end = entries.last?.position.sequence else { return }
    for entry in entries { replicas[index].log.append(entry) }
    counters.entriesAppended += UInt64(entries.count)
    replicas[index].batched = end
    store(
      .entries(replicas[index].shard, Array(entries)),
      isUrgent || entries.contains { $0.entryClass == .critical } ? .urgent : .lazy, then: .entries(index, end),
      &effects)
  }

  // MARK: Answering

  private mutating func answer(
    _ status: ReplicaMessage.Status, match: UInt64, _ index: Int, to: Member, epoch: Epoch? = nil,
    _ effects: inout ShardEffects
  ) {
    let appended = ReplicaMessage.Appended(
      shard: replicas[index].shard, epoch: epoch ?? replicas[index].epoch, version: replicas[index].version,
      status: status, match: match, durable: min(match, replicas[index].durable), life: me.life,
      series: peers[to.host]?.series ?? 0)
    counters.appendsTaken += 1
    send(.appended(appended), to: to.host, &effects)
  }

  /// A shard of which nothing is held and an append that left the record out: the owner sends it along next time.
  private mutating func answerUnknown(
    _ append: ReplicaMessage.Append, to: Member, _ effects: inout ShardEffects
  ) {
    let appended = ReplicaMessage.Appended(
      shard: append.shard, epoch: append.epoch, version: 0, status: .stale(nil), match: 0, durable: 0,
      life: me.life, series: peers[to.host]?.series ?? 0)
    send(.appended(appended), to: to.host, &effects)
  }

  /// Promises nothing, seals nothing.
  private mutating func answerGap(
    _ append: ReplicaMessage.Append, _ index: Int, _ effects: inout ShardEffects
  ) {
    counters.gapsAnswered += 1
    let log = replicas[index].log
    var hint = log.last(upTo: append.previous.sequence, epoch: append.previous.epoch)
    if hint.sequence == append.previous.sequence, hint.sequence > log.base.sequence {
      // The same place, another entry: it is the one before that may be common.
      hint = log.last(upTo: hint.sequence - 1, epoch: append.previous.epoch)
    }
    answer(
      .gap(last: log.last, hint: hint), match: 0, index,
      to: replicas[index].rec?.record.owner ?? me, &effects)
  }

  /// More became durable: the owner of the reign is told, unless this host is in doubt about him.
  mutating func tellDurable(_ index: Int, _ effects: inout ShardEffects) {
    guard let record = replicas[index].rec?.record, !isOwner(index), replicas[index].stopped == nil,
      replicas[index].matchedEpoch == record.epoch, !isInDoubt(index)
    else { return }
    answer(.ok, match: replicas[index].log.last.sequence, index, to: record.owner, &effects)
  }

  func isInDoubt(_ index: Int) -> Bool {
    guard let proposal = replicas[index].proposal else { return false }
    return proposal.kind.isTakeover && !settings.breaks(.doubtMissing)
  }

  // MARK: Snapshots

  mutating func wantSnapshot(_ index: Int, _ effects: inout ShardEffects) {
    guard let owner = replicas[index].rec?.record.owner else { return }
    send(.wantSnapshot(replicas[index].shard, replicas[index].epoch), to: owner.host, &effects)
  }

  /// A snapshot came whole: `epoch 8, repair 1, content`. Only of the owner, only of the present reign.
  mutating func install(_ bytes: [UInt8], from: Member, _ effects: inout ShardEffects) {
    guard isPresent(from), !storeFailed else { return }
    let read: (Epoch, Bool, ShardContent)? = bytes.withUnsafeBytes { raw in
      var reader = Reader(raw)
      guard let epoch = try? reader.u64(), let isRepair = try? reader.flag(),
        let content = try? ShardContent(&reader), reader.isAtEnd
      else { return nil }
      return (Epoch(epoch), isRepair, content)
    }
    guard let (epoch, isRepair, content) = read else {
      counters.malformed += 1
      return
    }
    guard let index = index(of: content.shard), replicas[index].stopped == nil, !isOwner(index),
      let record = replicas[index].rec?.record, record.owner == from, record.epoch == epoch, !isInDoubt(index)
    else { return }
    let sequence = content.position.sequence
    guard sequence <= ShardHost.sequenceLimit, content.position.epoch <= epoch else {
      counters.malformed += 1
      return
    }
    // One that lacks committed entries comes only after a loss (f).
    guard sequence >= replicas[index].commit || record.lastLoss > replicas[index].commitEpoch || isRepair else {
      return
    }
    let hasMatched = replicas[index].matchedEpoch == epoch
    // What is held already needs no snapshot.
    guard isRepair || !hasMatched || sequence > replicas[index].log.last.sequence else { return }
    replace(index, by: content, keepsTail: hasMatched && replicas[index].log.contains(content.position), &effects)
    answer(.ok, match: sequence, index, to: from, &effects)
    touch(index)
  }

  /// No log gets so far in a world's life; beyond it sums could not be trusted.
  static let sequenceLimit: UInt64 = 1 << 60

  /// The state becomes that of the content, and so does the log; entries behind it stay if they follow it.
  private mutating func replace(
    _ index: Int, by content: ShardContent, keepsTail: Bool, _ effects: inout ShardEffects
  ) {
    let sequence = content.position.sequence
    var tail: [Entry] = []
    if keepsTail {
      while let entry = replicas[index].log[sequence + 1 + UInt64(tail.count)] { tail.append(entry) }
    }
    let commit = max(sequence, keepsTail ? replicas[index].commit : 0)
    counters.snapshotsTaken += 1
    durability.forget(index)
    replicas[index].log = ShardLog(base: content.position)
    replicas[index].state = ShardState(content)
    replicas[index].commit = sequence
    replicas[index].commitEpoch = replicas[index].epoch
    replicas[index].matchedEpoch = replicas[index].epoch
    replicas[index].batched = sequence
    replicas[index].durable = 0
    replicas[index].isDamaged = false
    replicas[index].comparison = Comparison()
    store(.install(content), .urgent, then: .entries(index, sequence), &effects)
    if !tail.isEmpty {
      take(tail[...], index, isUrgent: true, &effects)
      raiseCommit(index, to: commit, &effects)
    }
  }
}

extension ChangeKind {
  /// Proposals against the present owner: from their sending on nothing is given to his reign.
  var isTakeover: Bool { self == .take || self == .recover || self == .unclean }
}
