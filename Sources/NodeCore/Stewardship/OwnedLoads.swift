package import MapShard
import Wire

/// What the shards that a host owns cost it, from one report to the next: the load that placement balances by.
///
/// Without a map-server there is nothing to measure but the mesh's own work for a shard, so this is an estimate that
/// weighs writes and bytes alike on every machine. Placement only compares.
package struct OwnedLoads: Sendable {
  /// Nanoseconds of a core that an owner spends for a write (checks, log, followers, answers) and for a byte of it.
  static let writeCost: UInt64 = 20_000
  static let byteCost: UInt64 = 10

  private var before: [ShardID: OwnedWork] = [:]
  private var measured: UInt64?

  package init() {}

  /// - Parameters:
  ///   - work: of the shards that are owned now, since the process began.
  ///   - monotonic: now, in nanoseconds.
  /// - Returns: in the order of `work`; a shard that was not owned at the last report waits for the next.
  package mutating func measure(_ work: [OwnedWork], monotonic: UInt64) -> [HostReport.Load] {
    let span = measured.map { monotonic &- $0 } ?? 0
    var loads: [HostReport.Load] = []
    for now in work {
      guard let then = before[now.shard], then.epoch == now.epoch, span > 0 else { continue }
      let writes = now.writes &- then.writes
      let bytes = now.bytes &- then.bytes
      let cost = writes &* OwnedLoads.writeCost &+ bytes &* OwnedLoads.byteCost
      // Thousandths of a core: ns of work per µs.
      let load = cost / max(1, span / 1_000)
      loads.append(HostReport.Load(shard: now.shard, load: UInt32(clamping: load), players: 0))
    }
    before = Dictionary(work.map { ($0.shard, $0) }) { first, _ in first }
    measured = monotonic
    return loads
  }
}
