/// Rules of the ownership protocol that a simulation breaks on purpose, one at a time, to see that its checks notice
/// (the mutation list of E11 and more).
///
/// They exist only where `MESH_PLANTED_BUGS` is defined (the build that runs the suite). Everywhere else `breaks` is
/// `false` at compile time: nothing of them is in a program that runs a mesh.
package struct ShardBugs: OptionSet, Hashable, Sendable {
  package let rawValue: UInt64
  package init(rawValue: UInt64) { self.rawValue = rawValue }

  /// A pending change of the in-sync set does not count for acknowledgements (C6).
  package static let recordedSetForAcks = ShardBugs(rawValue: 1 << 0)
  /// A pending change of the in-sync set does not count for promises (C5).
  package static let recordedSetForPromises = ShardBugs(rawValue: 1 << 1)
  /// What the owner had when its reign began does not count as committed (C11).
  package static let floorMissing = ShardBugs(rawValue: 1 << 2)
  /// A candidate goes on obeying the old reign while its request is in flight (C7).
  package static let doubtMissing = ShardBugs(rawValue: 1 << 3)
  /// A candidate does not withdraw its promise to the host of the owner (C7, several shards).
  package static let seriesMissing = ShardBugs(rawValue: 1 << 4)
  /// A seat belongs to a host, whatever its life (C8).
  package static let lifeIgnored = ShardBugs(rawValue: 1 << 5)
  /// The owner acts on until the answer to its planned move is there.
  package static let moveWithoutStop = ShardBugs(rawValue: 1 << 6)
  /// The owner acts on after it has released the shard.
  package static let releaseWithoutStop = ShardBugs(rawValue: 1 << 7)
  /// A follower appends without looking at what comes before.
  package static let previousEntryUnchecked = ShardBugs(rawValue: 1 << 8)
  /// A follower keeps its own tail at the first append of a reign.
  package static let cutNotAtFirstMatch = ShardBugs(rawValue: 1 << 9)
  /// A promise counts from the arrival of the answer.
  package static let promiseFromReceipt = ShardBugs(rawValue: 1 << 10)
  /// A member's promise ends before the owner's belief in it.
  package static let giveShorterThanHold = ShardBugs(rawValue: 1 << 11)
  /// Clients are answered although the owner may not act (C9).
  package static let acknowledgeWithoutAct = ShardBugs(rawValue: 1 << 12)
  /// A shard is recovered without proof that every recorded life is dead.
  package static let recoverWithoutProof = ShardBugs(rawValue: 1 << 13)
  /// New voters copy from old ones that are still open (C10).
  package static let copyWithoutClosing = ShardBugs(rawValue: 1 << 14)
  /// A voter answers before its record is durable.
  package static let voterAnswersBeforeSync = ShardBugs(rawValue: 1 << 15)
  /// Replicas obey reigns that are over.
  package static let staleEpochAccepted = ShardBugs(rawValue: 1 << 16)
  /// A request that comes again is applied again.
  package static let duplicateRequestsApplied = ShardBugs(rawValue: 1 << 17)
  /// An expansion does not ask for everything that is committed.
  package static let expandWithoutCatchUp = ShardBugs(rawValue: 1 << 18)
  /// Critical entries are acknowledged from memory.
  package static let criticalFromMemory = ShardBugs(rawValue: 1 << 19)
  /// A time-out resolves a proposal.
  package static let timeOutResolves = ShardBugs(rawValue: 1 << 20)
  /// A member asks for the shard although its promise has not lapsed.
  package static let takeWithoutLapse = ShardBugs(rawValue: 1 << 21)
  /// The voter does not compare versions.
  package static let versionUnchecked = ShardBugs(rawValue: 1 << 22)
  /// A read sees what is not committed.
  package static let readUncommitted = ShardBugs(rawValue: 1 << 23)
  /// A new voter copies from one of the old voters, not from a majority.
  package static let copyFromOne = ShardBugs(rawValue: 1 << 24)
  /// A blank voter votes.
  package static let storeIgnored = ShardBugs(rawValue: 1 << 25)
  /// A round of several voters does not keep the value with the greatest ballot.
  package static let ballotIgnored = ShardBugs(rawValue: 1 << 26)

  /// All of them, in order, with their names.
  package static let all: [(name: String, bug: ShardBugs)] = [
    ("recordedSetForAcks", .recordedSetForAcks), ("recordedSetForPromises", .recordedSetForPromises),
    ("floorMissing", .floorMissing), ("doubtMissing", .doubtMissing), ("seriesMissing", .seriesMissing),
    ("lifeIgnored", .lifeIgnored), ("moveWithoutStop", .moveWithoutStop), ("releaseWithoutStop", .releaseWithoutStop),
    ("previousEntryUnchecked", .previousEntryUnchecked), ("cutNotAtFirstMatch", .cutNotAtFirstMatch),
    ("promiseFromReceipt", .promiseFromReceipt), ("giveShorterThanHold", .giveShorterThanHold),
    ("acknowledgeWithoutAct", .acknowledgeWithoutAct), ("recoverWithoutProof", .recoverWithoutProof),
    ("copyWithoutClosing", .copyWithoutClosing), ("voterAnswersBeforeSync", .voterAnswersBeforeSync),
    ("staleEpochAccepted", .staleEpochAccepted), ("duplicateRequestsApplied", .duplicateRequestsApplied),
    ("expandWithoutCatchUp", .expandWithoutCatchUp), ("criticalFromMemory", .criticalFromMemory),
    ("timeOutResolves", .timeOutResolves), ("takeWithoutLapse", .takeWithoutLapse),
    ("versionUnchecked", .versionUnchecked), ("readUncommitted", .readUncommitted), ("copyFromOne", .copyFromOne),
    ("storeIgnored", .storeIgnored), ("ballotIgnored", .ballotIgnored),
  ]
}

extension ShardSettings {
  @inline(__always)
  func breaks(_ bug: ShardBugs) -> Bool {
    #if MESH_PLANTED_BUGS
      planted.contains(bug)
    #else
      false
    #endif
  }
}
