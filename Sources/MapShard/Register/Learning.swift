import Wire

/// How records come to be known (E5).
extension ShardHost {
  func isOwner(_ index: Int) -> Bool {
    replicas[index].rec?.record.owner == me
  }

  /// A record with the signatures of a majority of a known set of voters, all of one ballot.
  mutating func isProven(_ proven: ProvenRecord) -> Bool {
    guard let set = sets.known(proven.voterSet) else {
      counters.setsUnknown += 1
      return false
    }
    var valid = 0
    var before: HostID?
    for vote in proven.proof {
      // Sorted: nobody is counted twice.
      if let before, vote.voter <= before { break }
      before = vote.voter
      guard set.voters.contains(where: { $0.host == vote.voter }) else { continue }
      let verdict = ProvenRecord.withSignedBytes(proven.record, voterSet: proven.voterSet, ballot: proven.ballot) {
        signer.verify(vote.signature, over: $0, by: vote.voter)
      }
      if verdict == .valid { valid += 1 }
    }
    guard valid > set.voters.count / 2 else {
      counters.proofsBad += 1
      return false
    }
    return true
  }

  /// Takes a record if it is newer and proven. True when this host knows it now (or a later one).
  ///
  /// - Parameter makes: keep the shard although nothing of it was here before, when the record names this host.
  @discardableResult
  mutating func learn(_ proven: ProvenRecord, makes: Bool = false, _ effects: inout ShardEffects) -> Bool {
    let record = proven.record
    guard let index = index(of: record.shard) ?? (makes && names(record) ? makeIndex(of: record.shard) : nil) else {
      return false
    }
    guard record.version > replicas[index].version else { return true }
    guard isProven(proven) else { return false }
    guard record.epoch >= replicas[index].epoch else {
      stop(index, "a later version of the record has an earlier reign", &effects)
      return false
    }
    let isNewReign = record.epoch != replicas[index].epoch
    let wasOwner = isOwner(index)
    let oldEpoch = replicas[index].epoch
    replicas[index].rec = proven
    replicas[index].absentSince = nil
    let settled = settleProposal(index)
    effects.events.append(.recordLearned(proven))
    replicas[index].isSetStale = true
    if isNewReign { beginReign(index) }
    let isOwnerNow = isOwner(index)
    if isNewReign, wasOwner, !isOwnerNow { lose(index, oldEpoch, &effects) }
    if isOwnerNow {
      if isNewReign { win(index, wasOwner: wasOwner, &effects) }
      refreshSet(index)
    }
    if let settled { moveSettled(index, settled, &effects) }
    store(.reign(record.shard, proven, sealed: replicas[index].matchedEpoch), .lazy, &effects)
    touch(index)
    return true
  }

  private func names(_ record: Record) -> Bool {
    record.members.contains { $0.host == me.host } || record.learners.contains(me.host)
  }

  /// The only way a proposal is resolved (invariant (c)).
  private mutating func settleProposal(_ index: Int) -> Proposal? {
    guard let proposal = replicas[index].proposal, replicas[index].version >= proposal.record.version else {
      return nil
    }
    replicas[index].proposal = nil
    return proposal
  }

  private mutating func beginReign(_ index: Int) {
    replicas[index].others.removeAll()
    replicas[index].reignSince = now
    replicas[index].freedAt = nil
    replicas[index].recovery = Recovery()
    replicas[index].comparison = Comparison()
  }

  private mutating func lose(_ index: Int, _ epoch: Epoch, _ effects: inout ShardEffects) {
    counters.reignsLost += 1
    guard let record = replicas[index].rec?.record else { return }
    // Entries that had not left yet go to the log: it must be whole, and they may still be found and kept by nobody.
    if replicas[index].batched < replicas[index].log.last.sequence { logBatch(index, &effects) }
    replicas[index].batchDue = nil
    replicas[index].heldSince = nil
    replicas[index].said = .nothing
    replicas[index].uncommitted.removeAll()
    replicas[index].volatile = VolatileValues()
    effects.events.append(.lost(replicas[index].shard, epoch, to: record.owner))
    if replicas[index].move == nil { refuseAll(index, .notOwner(record.owner), &effects) }
  }

  private mutating func win(_ index: Int, wasOwner: Bool, _ effects: inout ShardEffects) {
    counters.reignsWon += 1
    let last = replicas[index].log.last.sequence
    if replicas[index].batched < last { logBatch(index, &effects) }
    replicas[index].batchedCritical = last
    let isFloorMissing = settings.breaks(.floorMissing)
    replicas[index].floor = isFloorMissing ? 0 : last
    // Nothing of the log is known to be on the disks of all members: a client may ask again about what is critical.
    replicas[index].acked = wasOwner ? min(replicas[index].acked, last) : isFloorMissing ? last : 0
    replicas[index].matchedEpoch = replicas[index].epoch
    replicas[index].said = .nothing
    replicas[index].heldSince = nil
    replicas[index].recordedAt = now
    if !wasOwner { replicas[index].waiting = WaitingRequests() }
    effects.events.append(.won(replicas[index].shard, replicas[index].epoch))
    for member in replicas[index].members where member.host != me.host { sendHeartbeat(to: member.host, &effects) }
  }

  mutating func receiveRecord(
    _ shard: ShardID, _ record: ProvenRecord?, from: Member, _ effects: inout ShardEffects
  ) {
    if sets.isVoter(from.host) { sets.answeredAt = now }
    guard let record else {
      // Only a voter can say that there is none, and only about a shard that has had none so far.
      if sets.isVoter(from.host), let index = index(of: shard), replicas[index].rec == nil,
        replicas[index].absentSince == nil
      {
        replicas[index].absentSince = now
        touch(index)
      }
      return
    }
    learn(record, makes: true, &effects)
  }
}
