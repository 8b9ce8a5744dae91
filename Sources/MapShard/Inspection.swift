package import Wire

/// What simulations ask often: cheaper than a whole view.
extension ShardHost {
  /// `act` (E2) for a shard at a moment, as far as is known now.
  package func acts(for shard: ShardID, at moment: Now) -> Bool {
    guard let index = index(of: shard), couldAct(index) else { return false }
    return replicas[index].others.allSatisfy { !$0.countsForPromises || isPromised($0, at: moment.monotonic) }
  }

  /// An entry that is held in memory, committed or not.
  package func entry(_ shard: ShardID, at sequence: UInt64) -> Entry? {
    index(of: shard).flatMap { replicas[$0].log[sequence] }
  }

  /// Clean stop: nothing is begun any more.
  package var isLeaving: Bool { isStopping }

  /// A shard was released here that another member can take and has not taken yet.
  package var isGivingAway: Bool {
    replicas.contains { replica in
      replica.rec?.record.owner == me && replica.released == replica.epoch && replica.stopped == nil
        && replica.others.contains { $0.isMember && peers.isLinked($0.member.host) && !peers.isDead($0.member) }
    }
  }

  /// Equal for equal hosts within one run of a program; what is only counted, drawn by chance or for screens is left out.
  package var fingerprint: Int {
    var hasher = Hasher()
    hasher.combine(me)
    hasher.combine(peers)
    hasher.combine(sets)
    hasher.combine(voter)
    hasher.combine(replicas)
    hasher.combine(durability)
    hasher.combine(forwards)
    hasher.combine(beatenAt)
    hasher.combine(isStopping)
    hasher.combine(storeFailed)
    return hasher.finalize()
  }
}
