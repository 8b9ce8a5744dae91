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

  /// How this host stands in the present set of voters.
  package var seat: SeatState {
    guard let set = sets.current, set.voters.contains(where: { $0.host == me.host }) else { return .none }
    guard set.voters.contains(VoterSeat(host: me.host, store: store)) else { return .otherStore }
    if voter.isDamaged || storeFailed { return .damaged }
    if let copying = voter.copying {
      return .copying(from: copying.from.map(\.host).filter { copying.sources[$0]?.isWhole != true })
    }
    if let rebuilding = voter.rebuilding {
      var silent: Set<HostID> = []
      var open = 0
      for replica in replicas where !rebuilding.done.contains(replica.shard) {
        open += 1
        let known = rebuilding.shards[replica.shard]
        let asked = known?.record?.record.members.map(\.host) ?? replica.replicas
        silent.formUnion(
          asked.filter { $0 != me.host && known?.answered.contains($0) != true && !rebuilding.gone.contains($0) })
      }
      return .rebuilding(open: open, silent: silent.sorted())
    }
    return votes(in: set.number) ? .voting : .opening
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

/// A host's part in the present set of voters, for people.
package enum SeatState: Sendable, Hashable {
  /// It has no seat in the set, or knows no set.
  case none
  /// The set names it with another data directory than it has.
  case otherStore
  /// Parts of its register may be lost: it never votes again with this data directory.
  case damaged
  /// It waits for the register of these hosts of the set before.
  case copying(from: [HostID])
  /// It learns the register from the hosts: so many shards are open, and these hosts have not answered about them.
  case rebuilding(open: Int, silent: [HostID])
  /// It waits for its disk.
  case opening
  case voting
}
