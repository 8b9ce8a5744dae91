package import Wire

/// Why a shard is where it is: every host with its score and what keeps it from owning.
extension PlacementView {
  package struct Ranked: Hashable, Sendable {
    /// From 1 among those that may own; `nil`: this one may not.
    package var rank: Int?
    package var host: HostID
    package var score: Score
    package var unfit: Unfit
  }

  /// What keeps each host from owning shards of maps, whatever the shard.
  package func obstacles() -> [HostID: Unfit] {
    let eligibility = Eligibility(hosts, rules)
    return Dictionary(hosts.map { ($0.id, eligibility.obstacles(of: $0, for: .maps)) }) { first, _ in first }
  }

  /// All hosts, nearest first.
  package func ranking(of shard: ShardID) -> [Ranked] {
    let eligibility = Eligibility(hosts, rules)
    let kind = shards.first { $0.id == shard }?.kind ?? .maps
    let scored = hosts.map { host in
      Ranked(
        rank: nil, host: host.id,
        score: Score(of: shard, for: host.ringSeed, host: host.id, weight: host.weight, salt: salt),
        unfit: eligibility.obstacles(of: host, for: kind))
    }
    var ranked = scored.sorted { $0.score.ranksBefore($1.score) }
    var rank = 0
    for index in ranked.indices where ranked[index].unfit.isEmpty {
      rank += 1
      ranked[index].rank = rank
    }
    return ranked
  }
}
