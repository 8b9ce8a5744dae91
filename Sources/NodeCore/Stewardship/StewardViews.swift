package import MapShard
package import Wire

/// What screens read of the steward's part. Only the steward's own node knows reports; others know what they were told.
extension Stewardship {
  package struct Candidate: Sendable {
    /// From 1 among those that may own; `nil`: this one may not.
    package var rank: Int?
    package var host: HostID
    /// Larger is nearer, 1 is perfect; for people only.
    package var score: Double
    package var unfit: Unfit
    /// Over its fair share, 1 = exactly that.
    package var load: Double?
  }

  package func isDraining(_ host: HostID) -> Bool {
    orders.drained.contains(host) || reports[host]?.report.isDraining == true
  }

  /// What keeps hosts from owning; empty where this node does not decide.
  package var obstacles: [HostID: Unfit] { view?.obstacles() ?? [:] }

  /// All hosts that were considered for a shard, nearest first; empty where this node does not decide.
  package func candidates(for shard: ShardID) -> [Candidate] {
    guard let view else { return [] }
    let loads = Dictionary(placement.loads.map { ($0.host, $0) }) { first, _ in first }
    return view.ranking(of: shard).map { ranked in
      Candidate(
        rank: ranked.rank, host: ranked.host, score: Double(ranked.score.thousandths) / 1_000, unfit: ranked.unfit,
        load: loads[ranked.host].map { Double(placement.perMille(of: $0)) / 1_000 })
    }
  }
}
