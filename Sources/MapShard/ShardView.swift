package import Wire

/// What checks and screens read of one shard. A copy: it changes nothing and is not changed.
package struct ShardView: Sendable {
  package var shard: ShardID
  package var rec: ProvenRecord?
  package var proposal: (kind: ChangeKind, record: Record)?
  package var isOwner: Bool
  /// The reign that this host gave up, and the one whose owner gave it up.
  package var released: Epoch
  package var releasedBy: Epoch
  package var matchedEpoch: Epoch
  package var commit: UInt64
  package var floor: UInt64
  /// Acknowledged in this reign.
  package var acked: UInt64
  package var durable: UInt64
  package var log: ShardLog
  package var state: ShardState
  package var maximalSet: [Member]
  package var followers: [FollowerView]
  /// Whether anything but promises forbids acting.
  package var couldAct: Bool
  package var holdReason: HoldReason
  /// What this host's voter holds.
  package var voted: Record?
  package var stopped: String?
  /// The log lacks, or may lack, what was durable: it may not stand in a recovery.
  package var isDamaged: Bool
  /// Until when this host has promised the owner to be quiet; 0: it has not.
  package var promisedUntil: UInt64
  package var replicas: [HostID]
  package var minimum: Int
  package var planned: HostID?

  package var last: Position { log.last }

  /// `act` (E2) at a moment, as far as is known now.
  package func acts(at now: Now) -> Bool {
    couldAct && followers.allSatisfy { !$0.countsForPromises || $0.isSealed && $0.promisedUntil > now.monotonic }
  }

  package struct FollowerView: Hashable, Sendable {
    package var member: Member
    package var isMember: Bool
    package var countsForPromises: Bool
    package var match: UInt64?
    package var durable: UInt64
    /// Its promise; 0: none.
    package var promisedUntil: UInt64
    /// It has acknowledged my log in the series of its promise.
    package var isSealed: Bool
    package var isGettingSnapshot: Bool
  }
}

/// What an owner has done for a shard since its process began.
package struct OwnedWork: Hashable, Sendable {
  package var shard: ShardID
  package var epoch: Epoch
  package var writes: UInt64
  package var bytes: UInt64

  package init(shard: ShardID, epoch: Epoch, writes: UInt64, bytes: UInt64) {
    self.shard = shard
    self.epoch = epoch
    self.writes = writes
    self.bytes = bytes
  }
}

extension ShardHost {
  /// Of the shards that this host owns, sorted.
  package var ownedWork: [OwnedWork] {
    replicas.indices.filter { isOwner($0) }.map { index in
      OwnedWork(
        shard: replicas[index].shard, epoch: replicas[index].epoch, writes: replicas[index].writes,
        bytes: replicas[index].writtenBytes)
    }.sorted { $0.shard < $1.shard }
  }

  /// Sorted.
  package var shards: [ShardID] { replicas.map(\.shard).sorted() }

  package func view(of shard: ShardID) -> ShardView? {
    guard let index = index(of: shard) else { return nil }
    let replica = replicas[index]
    let followers = replica.others.map { progress in
      let heard = peers[progress.member.host]?.heard.flatMap { $0.life == progress.member.life ? $0 : nil }
      return ShardView.FollowerView(
        member: progress.member, isMember: progress.isMember, countsForPromises: progress.countsForPromises,
        match: progress.match, durable: progress.durable, promisedUntil: heard?.until ?? 0,
        isSealed: heard != nil && progress.sealSeries == heard?.series,
        isGettingSnapshot: progress.snapshotUntil != nil)
    }
    return ShardView(
      shard: shard, rec: replica.rec, proposal: replica.proposal.map { ($0.kind, $0.record) },
      isOwner: isOwner(index), released: replica.released, releasedBy: replica.releasedBy,
      matchedEpoch: replica.matchedEpoch, commit: replica.commit, floor: replica.floor, acked: replica.acked,
      durable: replica.durable, log: replica.log, state: replica.state, maximalSet: maximalSet(index),
      followers: followers, couldAct: couldAct(index), holdReason: holdReason(index),
      voted: voter.slots[shard]?.record, stopped: replica.stopped, isDamaged: replica.isDamaged,
      promisedUntil: replica.rec.map { promiseEnd(to: $0.record.owner) } ?? 0, replicas: replica.replicas,
      minimum: replica.minimum, planned: replica.move?.target)
  }

  /// Whether this host has anything of a shard: a copy, or a place in its list.
  package func holds(_ shard: ShardID) -> Bool { places[shard] != nil }

  /// The entry of a committed position, as long as it is held in memory; for watchers.
  package func committed(_ shard: ShardID, at position: Position) -> Entry? {
    guard let index = index(of: shard), let entry = replicas[index].log[position.sequence],
      entry.position == position
    else { return nil }
    return entry
  }

  /// Committed keys of a shard that this host may answer for: in their order, after `after`, at most `limit`, and whether
  /// more follow.
  package func list(
    _ shard: ShardID, prefix: [UInt8], after: [UInt8]?, limit: Int
  ) -> Result<(items: [ShardContent.Item], more: Bool), ShardRefusal.Failure> {
    guard let index = index(of: shard) else { return .failure(.init(refusal: .unknownShard)) }
    guard isOwner(index) else { return .failure(.init(refusal: .notOwner(replicas[index].rec?.record.owner))) }
    guard acts(index) else { return .failure(.init(refusal: .held(holdReason(index)))) }
    let found = replicas[index].state.content(of: shard).items.filter { item in
      item.key.starts(with: prefix) && (after.map { $0.lexicographicallyPrecedes(item.key) } ?? true)
    }
    return .success((Array(found.prefix(limit)), found.count > limit))
  }

  /// The voter's record of a shard, whether or not the shard is held here.
  package func voted(_ shard: ShardID) -> Record? { voter.slots[shard]?.record }

  /// The newest that this host knows of the register's record. A voter is not in every round of several voters, so what
  /// its own voter holds may be old.
  package func newestRecord(of shard: ShardID) -> Record? {
    let learnt = index(of: shard).flatMap { replicas[$0].rec?.record }
    guard let voted = voted(shard), voted.version > learnt?.version ?? 0 else { return learnt }
    return voted
  }

  /// The version of the record by which this host owns a shard; `nil`: it does not.
  package func ownedVersion(of shard: ShardID) -> UInt64? {
    index(of: shard).flatMap { isOwner($0) ? replicas[$0].version : nil }
  }
  /// The set in which this host votes now; `nil`: in none.
  package var votingSet: UInt64? { voter.seat.flatMap { votes(in: $0.number) ? $0.number : nil } }
  /// The number of the set of voters that this host knows.
  package var voterSet: VoterSetDescription? { sets.current }
  /// 0: it knows none.
  package var voterSetNumber: UInt64 { sets.current?.number ?? 0 }
  /// Withdrawals towards a host.
  package func series(towards host: HostID) -> UInt64 { peers[host]?.series ?? 0 }
}
