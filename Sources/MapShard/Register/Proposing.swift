import Wire

/// Proposals and reads: this host as a client of the voters.
extension ShardHost {
  /// A record that follows the present one.
  func next(
    _ index: Int, owner: Member? = nil, members: [Member]? = nil, reason: ChangeReason, plan: UInt64 = 0,
    isNewReign: Bool = false
  ) -> Record? {
    guard let record = replicas[index].rec?.record else { return nil }
    let epoch = isNewReign ? Epoch(record.epoch.rawValue &+ 1) : record.epoch
    let learners = replicas[index].replicas.filter { host in !(members ?? record.members).contains { $0.host == host } }
    return Record(
      shard: record.shard, epoch: epoch, version: record.version &+ 1, owner: owner ?? record.owner,
      members: (members ?? record.members).sorted(), learners: Array(learners.prefix(Record.learnersLimit)),
      reason: reason, plan: plan, lastLoss: reason.isLoss ? epoch : record.lastLoss)
  }

  /// Begins a proposal: it counts from now on, whatever becomes of the message.
  mutating func propose(
    _ index: Int, _ kind: ChangeKind, _ record: Record, order: [UInt8] = [], isFreed: Bool = false,
    _ effects: inout ShardEffects
  ) {
    replicas[index].proposal = Proposal(
      kind: kind, record: record, order: order, isFreed: isFreed, interval: settings.proposalRetry, since: now)
    replicas[index].isSetStale = true
    effects.events.append(.asked(record.shard, record.epoch, record.reason))
    resendProposal(index, &effects)
  }

  /// Sends the same PROPOSE again while its outcome is not known.
  mutating func resendProposal(_ index: Int, _ effects: inout ShardEffects) {
    guard let proposal = replicas[index].proposal else { return }
    if settings.breaks(.timeOutResolves), now >= proposal.since &+ settings.out {
      replicas[index].proposal = nil
      replicas[index].isSetStale = true
      return
    }
    if now >= proposal.resendAt, let set = sets.current {
      let message = RegisterMessage.propose(
        RegisterMessage.Propose(
          set: set.number, nonce: chance.next(), record: proposal.record, isFreed: proposal.isFreed,
          order: proposal.order))
      if let voter = chooseVoter(proposal.attempts) {
        send(message, to: voter, &effects)
        counters.proposalsSent += 1
      }
      var sent = proposal
      sent.attempts += 1
      sent.resendAt = now &+ proposal.interval
      sent.interval = min(proposal.interval + proposal.interval / 2, settings.proposalRetryLimit)
      replicas[index].proposal = sent
    }
    replicas[index].wake(at: max(replicas[index].proposal?.resendAt ?? .max, now &+ 1))
  }

  /// Voters in turn: this host itself, those with a link, the others.
  func chooseVoter(_ attempts: Int) -> HostID? {
    guard let set = sets.current, !set.voters.isEmpty else { return nil }
    let hosts = set.voters.map(\.host)
    let reachable = hosts.filter { $0 == me.host } + hosts.filter { $0 != me.host && peers.isLinked($0) }
    return reachable.isEmpty ? nil : reachable[attempts % reachable.count]
  }

  /// A voter is there to be asked. Without one nothing is proposed: a proposal that nobody gets would only put this
  /// host in doubt, and when the voters come back it may be needed no more.
  var canAskVoters: Bool { chooseVoter(0) != nil }

  // MARK: Reads

  /// Wants to know what the register holds of the shard, at most once in `readPeriod`.
  mutating func wantRead(_ index: Int) {
    if now >= replicas[index].readAt {
      replicas[index].readAt = now &+ settings.readPeriod
      if readsWanted.count < 4 * RegisterMessage.readLimit { readsWanted.append(replicas[index].shard) }
    }
    replicas[index].wake(at: replicas[index].readAt)
  }

  mutating func sendReads(_ effects: inout ShardEffects) {
    guard !readsWanted.isEmpty else { return }
    let shards = readsWanted
    readsWanted.removeAll(keepingCapacity: true)
    sets.reads += 1
    guard let set = sets.current, let voter = chooseVoter(sets.reads) else { return }
    var rest = shards[...]
    while !rest.isEmpty {
      let part = Array(rest.prefix(RegisterMessage.readLimit))
      rest = rest.dropFirst(part.count)
      send(.read(set: set.number, nonce: chance.next(), shards: part), to: voter, &effects)
    }
  }
}
