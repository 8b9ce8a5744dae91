import Control
import EventLoop
import Glibc
import MapShard
import NodeCore
import SecureChannel
import Wire
import WorldData

/// What the shell does for shards by the clock, and what it tells of them.
extension Shell {
  /// As often as hosts report.
  static let reportTicks: UInt64 = 5

  func keepShards(tick: UInt64) {
    if tick % Shell.reportTicks == 0 { reportToSteward() }
    tellDrains()
    tellWaits()
    endWatchesWithoutCopy()
    storeDisk.measureSpace()
  }

  /// What this host is and carries, for the voters.
  func reportToSteward() {
    let now = loop.now.monotonic
    let cores = max(1, Int(host.processors.rounded(.down)))
    // An uplink is not measured yet: what is asked of hosts counts as there.
    let resources = HostResources(
      cores: cores, memoryBytes: host.memoryLimit ?? 0, uplinkBitsPerSecond: 1_000_000_000)
    var measured = Weight.measured(resources, cap: Int(identity.certificate.capacity))
    if isNewHost, let liveAt { measured = Weight.ramped(measured, ageSeconds: (now &- liveAt) / 1_000_000_000) }
    let drains = orders.drainsHere || joining.state == .leaving
    _ = publishedWeight.update(measured: measured, isDraining: drains, monotonic: now)
    command(
      .steward(
        .measure(
          HostReport(
            weight: UInt8(clamping: publishedWeight.weight), resources: resources, isDraining: drains, world: 0,
            loads: ownedLoads.measure(node.shards.ownedWork, monotonic: now)))))
  }

  /// Events of shards that change what people see; `true` when it was one.
  func followShards(_ event: NodeEvent) {
    switch event {
    case .shard(.committed(let shard, let position)): tellWatches(shard, position)
    case .directoryChanged:
      for entry in node.stewardship.directory.all { placementHistory.note(entry, at: SystemClock.wall) }
      tellDrains()
    case .log(.failed(let file, let code)):
      seen.store = Fault(
        .stateNotWritten, ["file": storeDisk.path + "/" + file, "reason": String(cString: strerror(code))])
    default: break
    }
  }

  /// `prontera`, or the id of a shard that the active world does not have.
  func name(of shard: ShardID) -> String {
    node.worlds.store.active?.world.shards.first { $0.id == shard }?.name.text ?? shard.description
  }
}
