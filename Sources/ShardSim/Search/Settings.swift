extension ShardSearch.Setting {
  /// What the suite searches; the depths are such that all of them together take seconds.
  package static let all: [ShardSearch.Setting] = [
    setting("takeover", depth: 14) {
      $0.ticks = 7
      $0.writes = 1
    },
    setting("restart", depth: 12) {
      $0.ticks = 5
      $0.crashes = 1
      $0.restarts = 1
    },
    setting("lost messages", depth: 12) {
      $0.ticks = 6
      $0.losses = 2
      $0.breaks = 1
      $0.writes = 1
    },
    setting("move", depth: 14) {
      $0.ticks = 4
      $0.moves = 1
      $0.writes = 1
      $0.breaks = 1
    },
  ]

  private static func setting(_ name: String, depth: Int, _ budget: (inout ShardSearch.Budget) -> Void)
    -> ShardSearch.Setting
  {
    var limits = ShardSearch.Budget()
    limits.ticks = 0
    budget(&limits)
    return ShardSearch.Setting(name: name, depth: depth, budget: limits)
  }
}
