package import Wire

/// Where one shard belongs.
package struct PlacedShard: Hashable, Sendable {
  package var id: ShardID
  /// Who should hold it, best first; the host of a pin is among them.
  package var replicas: [HostID]
  /// Who should own it now. `nil`: nobody may, or whoever takes it over is not known yet.
  package var owner: HostID?
  package var reason: OwnerReason
  package var degraded: Degraded
}

/// A pure function: world × hosts × what the register says → replica list and owner of every shard, with reasons.
package struct Placement: Sendable {
  /// Sorted by id.
  package var shards: [PlacedShard] = []
  /// Load of all shards of maps, and weight of all hosts that may own them: their quotient is the fair share of a weight
  /// of 1.
  package var totalLoad: UInt64 = 0
  package var totalWeight: UInt64 = 0
  /// Load of each host if every owner were who should be, sorted by host.
  package var loads: [HostLoad] = []
  package var isAtHome = false

  package struct HostLoad: Hashable, Sendable {
    package var host: HostID
    /// 0: may not own.
    package var weight: UInt64
    package var load: UInt64
    package var maps: Int
    package var shards: Int
  }

  package init() {}

  /// - Parameter ranking: kept from call to call by the caller; a new one costs what a first call costs.
  package init(_ view: PlacementView, ranking: inout Ranking) {
    var drafting = Drafting(view, ranking: &ranking)
    drafting.chooseOwners()
    self = drafting.placement
  }

  package func shard(_ id: ShardID) -> PlacedShard? {
    var low = 0
    var high = shards.count
    while low < high {
      let middle = (low + high) / 2
      if shards[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low < shards.count && shards[low].id == id ? shards[low] : nil
  }

  /// The greatest load of a host over its fair share, in thousandths; 1,000 is perfect. 0 without load or hosts.
  package var balancePerMille: Int {
    loads.filter { $0.weight > 0 }.map { perMille(of: $0) }.max() ?? 0
  }

  /// A host's load over its fair share, in thousandths.
  package func perMille(of host: HostLoad) -> Int {
    guard totalLoad > 0, host.weight > 0 else { return 0 }
    let share = UInt128(totalLoad) * UInt128(host.weight)
    return Int(truncatingIfNeeded: UInt128(host.load) * UInt128(totalWeight) * 1_000 / share)
  }
}
