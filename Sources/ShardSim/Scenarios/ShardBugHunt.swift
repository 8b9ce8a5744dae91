package import MapShard

/// Looks for a planted bug with everything that there is: the run that is known to find it, then all directed runs and
/// random worlds, a few of each at a time.
package enum ShardBugHunt {
  /// A run that finds a bug quickly. Not a promise: a core that changes may need another one.
  enum Known {
    case directed(String, UInt64)
    case soak(UInt64)
  }

  static let known: [ShardBugs: Known] = [
    .recordedSetForAcks: .directed("answer to an expansion is late, the new member takes over", 1),
    .recordedSetForPromises: .directed("answer to an expansion is late, the new member takes over", 1),
    .floorMissing: .directed("power cut everywhere", 1),
    .doubtMissing: .directed("answer to a request for the shard is late", 8),
    .seriesMissing: .directed("owner is stopped past its promises", 1),
    .lifeIgnored: .directed("moves one after the other", 1),
    .moveWithoutStop: .directed("move of an idle shard, the target learns of it before the old owner", 1),
    .releaseWithoutStop: .directed("clean stop, the old owner hears late", 2),
    .previousEntryUnchecked: .soak(1),
    .cutNotAtFirstMatch: .directed("takeovers in a row with tails that differ", 1),
    .promiseFromReceipt: .directed("answers of heartbeats are slow", 1),
    .giveShorterThanHold: .directed("owner cut off from one member", 1),
    .acknowledgeWithoutAct: .directed("heartbeats are lost, links are not", 2),
    .recoverWithoutProof: .directed("all restart while the owner is cut off", 1),
    .copyWithoutClosing: .directed("old voter loses power before its end is durable", 1),
    .voterAnswersBeforeSync: .soak(6),
    .staleEpochAccepted: .directed("old appends arrive in a new reign", 1),
    .duplicateRequestsApplied: .soak(1),
    .expandWithoutCatchUp: .directed("expansion while entries are under way", 1),
    .criticalFromMemory: .directed("power cut everywhere", 1),
    .timeOutResolves: .directed("answer to a request for the shard is late", 2),
    .takeWithoutLapse: .soak(1),
    .versionUnchecked: .soak(13),
    .readUncommitted: .soak(1),
    .copyFromOne: .directed("new voters hear a voter that was away", 2),
    .storeIgnored: .directed("the only voter loses its disk", 1),
    .ballotIgnored: .soak(2),
  ]

  /// Where and how a bug was found; `nil`: it was not.
  package static func find(_ bug: ShardBugs, rounds: UInt64 = 6) -> String? {
    switch known[bug] {
    case .directed(let name, let seed)?:
      if let run = DirectedRun.named(name), let found = found(run, seed, bug) { return found }
    case .soak(let seed)?: if let found = found(seed, bug) { return found }
    case nil: break
    }
    for round in 1...rounds {
      for run in DirectedRun.all {
        if let found = found(run, round, bug) { return found }
      }
      for seed in (round - 1) * 20 + 1...round * 20 {
        if let found = found(seed, bug) { return found }
      }
    }
    return nil
  }

  private static func found(_ run: DirectedRun, _ seed: UInt64, _ bug: ShardBugs) -> String? {
    run.run(seed: seed, planted: bug)?.summary
  }

  private static func found(_ seed: UInt64, _ bug: ShardBugs) -> String? {
    ShardSoak.run(seed: seed, planted: bug).violation?.summary
  }
}
