package import MapShard
package import Wire

/// What screens read of the steward's part. Only the steward's own node knows reports; others know what they were told.
extension Stewardship {
  /// What a host has told this voter of its data directory and its vote; `nil`: nothing, or this host is no voter.
  package func seatReport(of host: HostID) -> (store: UInt64, votes: UInt64)? {
    reports[host].map { ($0.report.store, $0.report.votes) }
  }

  package func isDraining(_ host: HostID) -> Bool {
    orders.drained.contains(host) || reports[host]?.report.isDraining == true
  }

  /// The hosts that can hold copies when this one does not are fewer than the copies that must be; `nil` when they are
  /// enough, or where this node does not decide.
  package func scarcity(without host: HostID) -> (holders: Int, minimum: Int)? {
    guard let view else { return nil }
    let holders = view.hosts.count { other in
      other.id != host && !other.isDraining && other.presence != .gone && other.roles.contains(.host)
        && !other.roles.contains(.observer)
    }
    let minimum = directory.all.filter { $0.members.contains(host) }.map { Int($0.minimum) }.max() ?? 1
    return holders < minimum ? (holders, minimum) : nil
  }

  /// What keeps hosts from owning any shard, one phrase each; empty where this node does not decide.
  package var obstacles: [HostID: [String]] {
    guard let view else { return [:] }
    return Dictionary(view.obstacles().map { ($0.host.id, $0.unfit.texts($0.host, view.rules)) }) { first, _ in first }
  }

  /// Why a shard is where it is; `nil` where this node does not decide.
  package func explanation(of shard: ShardID) -> Explanation? {
    guard let view else { return nil }
    // Drawn anew: this is asked by people, and the steward's own ranking stays as it is.
    var ranking = Ranking(salt: view.salt)
    return Explanation(of: shard, on: view, ranking: &ranking)
  }

  /// What keeps one host from owning the shard of a row, one phrase each.
  package func obstacles(in row: Explanation.Row) -> [String] {
    guard let view, let host = view.hosts.first(where: { $0.id == row.host }) else { return [] }
    return row.unfit.texts(host, view.rules)
  }
}
