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
    .doubtMissing: .directed("answer to a request for the shard is late", 4),
    .seriesMissing: .directed("owner is stopped past its promises", 1),
    .lifeIgnored: .directed("moves one after the other", 1),
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
