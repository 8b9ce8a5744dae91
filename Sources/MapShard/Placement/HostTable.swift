import Wire

/// The hosts of one placement by index (sorted by id), with what is asked of each again and again. It never changes; an
/// object, because every shard's walk holds it.
final class HostTable: Sendable {
  let rules: PlacementRules
  let eligibility: Eligibility
  let hosts: [PlacementHost]
  /// May own shards of maps, load aside; may own `@bridge`; may hold copies of maps; of `@bridge`.
  let owns: [Bool]
  let ownsBridge: [Bool]
  let holds: [Bool]
  let holdsBridge: [Bool]
  let weights: [UInt64]
  /// Of all hosts that may own shards of maps.
  let totalWeight: UInt64
  /// Distinct weights of these, the greatest first.
  let weightsOfOwners: [UInt64]
  private let indexOfHost: [HostID: Int]
  /// Distinct zones and contributors among hosts that may own: more than these no list can have.
  let zones: Int
  let contributors: Int

  init(_ given: [PlacementHost], _ rules: PlacementRules) {
    self.rules = rules
    // Of one host given twice the first counts; a bound on what a caller can make us do.
    var keys: [(id: HostID, place: Int)] = given.indices.map { (given[$0].id, $0) }
    keys.sort { ($0.id, $0.place) < ($1.id, $1.place) }
    var sorted: [PlacementHost] = []
    sorted.reserveCapacity(keys.count)
    for key in keys where sorted.last?.id != key.id && sorted.count < PlacementView.hostsLimit {
      sorted.append(given[key.place])
    }
    hosts = sorted
    let eligibility = Eligibility(sorted, rules)
    self.eligibility = eligibility
    let toMaps = sorted.map { eligibility.obstacles(of: $0, for: .maps) }
    let toBridge = sorted.map { eligibility.obstacles(of: $0, for: .bridge) }
    owns = toMaps.map(\.isEmpty)
    ownsBridge = toBridge.map(\.isEmpty)
    holds = sorted.indices.map { index in
      eligibility.mayHold(sorted[index], .maps, toMaps: toMaps[index], toBridge: toBridge[index])
    }
    holdsBridge = sorted.indices.map { index in
      eligibility.mayHold(sorted[index], .bridge, toMaps: toMaps[index], toBridge: toBridge[index])
    }
    weights = sorted.map { UInt64(Weight.clamped($0.weight)) }
    var total: UInt64 = 0
    var distinct: Set<UInt64> = []
    var zones: Set<UInt64> = []
    var contributors: Set<UInt32> = []
    var operators = 0
    var index: [HostID: Int] = [:]
    index.reserveCapacity(sorted.count)
    for (position, host) in sorted.enumerated() {
      index[host.id] = position
      guard owns[position] else { continue }
      total += weights[position]
      distinct.insert(weights[position])
      zones.insert(host.zone)
      if host.contributor == 0 { operators += 1 } else { contributors.insert(host.contributor) }
    }
    totalWeight = total
    weightsOfOwners = distinct.sorted(by: >)
    indexOfHost = index
    self.zones = zones.count
    self.contributors = contributors.count + operators
  }

  func index(of host: HostID) -> Int? { indexOfHost[host] }

  /// What a ranking of these hosts consists of: whoever holds something, or will when it is back.
  var rankable: [Ranking.Entry] {
    hosts.indices.compactMap { index in
      let host = hosts[index]
      guard host.weight > 0, !host.isDraining,
        holds[index] || holdsBridge[index] || host.presence == .gone
      else { return nil }
      return Ranking.Entry(id: host.id, seed: host.ringSeed, weight: weights[index])
    }
  }

  /// Whether a shard or a copy that it did not have before may be given to it.
  func takesNew(_ index: Int) -> Bool { hosts[index].presence != .returning }

  func owns(_ index: Int, _ kind: PlacementShard.Kind) -> Bool { kind == .maps ? owns[index] : ownsBridge[index] }
  func holds(_ index: Int, _ kind: PlacementShard.Kind) -> Bool { kind == .maps ? holds[index] : holdsBridge[index] }

  /// The weight from which a host is strong enough for a shard: 1.25 times its fair share of `totalLoad` reaches the
  /// shard's load class, or the class is at most a quarter of what the host can carry at all (a unit of weight is a core,
  /// 1,000). Without the second half a world of few or idle shards would use its strongest hosts only.
  func leastWeight(for shard: PlacementShard, of totalLoad: UInt64) -> UInt64 {
    guard shard.kind == .maps, totalLoad > 0, totalWeight > 0 else { return 0 }
    let loadClass: UInt64 = 1 << UInt64(min(32, max(0, shard.classExponent)))
    // 5/4 · total · w / W ≥ class. Loads sum to less than 2⁴⁵, weights to at most 2¹⁸: no product reaches 2⁵³.
    let unit = 5 * totalLoad
    let byShare = (loadClass * 4 * totalWeight + unit - 1) / unit
    return min(byShare, (loadClass + 249) / 250)
  }

  /// Two copies on machines of one person are one copy less when he leaves; the operator's own machines are trusted.
  func shareContributor(_ one: Int, _ other: Int) -> Bool {
    hosts[one].contributor != 0 && hosts[one].contributor == hosts[other].contributor
  }

  func shareZone(_ one: Int, _ other: Int) -> Bool { hosts[one].zone == hosts[other].zone }
}
