package import MapShard

/// Looks for a planted bug with everything that there is: directed runs first, then random worlds, then the search.
package enum ShardBugHunt {
  /// Where and how a bug was found; `nil`: it was not.
  package static func find(_ bug: ShardBugs, seeds: UInt64 = 6, worlds: UInt64 = 100) -> String? {
    for seed in 1...seeds {
      for run in DirectedRun.all {
        if let violation = run.run(seed: seed, planted: bug) {
          return "directed run '\(run.name)', seed \(seed): \(violation.summary)"
        }
      }
    }
    for seed in 1...worlds {
      if let violation = ShardSoak.run(seed: seed, planted: bug).violation { return violation.summary }
    }
    for var setting in ShardSearch.Setting.all {
      setting.planted = bug
      let result = ShardSearch.run(setting, limit: 400_000)
      if let violation = result.violation { return "search '\(setting.name)': \(violation.summary)" }
    }
    return nil
  }
}
