import Gossip
import MapShard
import Wire

/// A steward that has just got a world, or has just started, knows of nobody but itself: deciding then would give every
/// shard to its own host, and hosts that activate the world a moment later would have to get theirs back by moves.
extension Node {
  /// Long enough for one report of every host, with what a link needs to open.
  private static var firstReports: UInt64 { Stewardship.reportPeriod + Nanoseconds.seconds(1) }
  /// A host that lives and still has not got the world by then is not waited for: its download may take long.
  private static var patience: UInt64 { Nanoseconds.seconds(30) }

  /// Whether enough is known to decide by this world; once so, always so.
  mutating func knowsTheHosts(_ world: ActiveWorld, _ certified: any CertifiedHosts, now: Now) -> Bool {
    if stewardship.readyFor == world.version { return true }
    let since = stewardship.activated.map { now.monotonic &- $0 } ?? .max
    let silent = certified.admitted.filter { host in
      guard certified.certified(host)?.roles.contains(.host) == true else { return false }
      let status = membership.status(of: host)
      return status != .left && status != .revoked && stewardship.reports[host]?.report.world != world.version
    }
    let isReady =
      silent.isEmpty || since >= Self.patience
      || since >= Self.firstReports && !silent.contains { $0 == membership.host || stewardship.stable.contains($0) }
    if isReady { stewardship.readyFor = world.version }
    return isReady
  }
}
