/// What a replica list lacks.
package struct Degraded: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Two hosts in one zone.
  package static let zone = Degraded(rawValue: 1)
  /// Two hosts of one contributor.
  package static let contributor = Degraded(rawValue: 2)
  /// Fewer hosts than wanted.
  package static let count = Degraded(rawValue: 4)
  /// No host is strong enough for this shard's load; the strongest were taken.
  package static let load = Degraded(rawValue: 8)
  /// A host that may hold copies only.
  package static let copyOnly = Degraded(rawValue: 16)
  /// `max_maps_per_host` is too small for these hosts.
  package static let cap = Degraded(rawValue: 32)
  /// Nobody may own it.
  package static let nobody = Degraded(rawValue: 64)
}

/// Walks a shard's ranking and takes the hosts that should hold it: distinct contributors, then distinct zones; then the
/// demands are given up one after the other, never that a host is there.
struct ReplicaWalk {
  let table: HostTable
  let kind: PlacementShard.Kind
  let leastWeight: UInt64
  let wanted: Int
  /// Hosts that are gone count as there: where copies would be if they came back.
  var countsGone = false
  /// Hosts that have just come back take part only here: where they would be if nobody were gone.
  var placesOfReturning: [Int] = []

  struct Choice {
    var hosts: [Int] = []
    var degraded: Degraded = []
  }

  /// The demands, strictest first. A copy at another contributor is worth more than one at a host that may own: a person
  /// who leaves takes all his machines along.
  private enum Tier: CaseIterable {
    case strict, anyZone, anyLoad, copyOnly, anyContributor, copyOnlyAnyContributor
  }

  /// - Parameters:
  ///   - ranked: indices of hosts, best first; -1 for none.
  ///   - isWhole: whether there are no further ones.
  /// - Returns: `nil` when the answer depends on further ones.
  func choose(from ranked: some Sequence<Int>, isWhole: Bool) -> Choice? {
    var choice = Choice()
    choice.hosts.reserveCapacity(wanted)
    for tier in Tier.allCases {
      take(tier, from: ranked, into: &choice)
      if choice.hosts.count == wanted { break }
      if !isWhole, !isExhausted(tier, choice) { return nil }
    }
    choice.degraded = judge(choice.hosts)
    return choice
  }

  private func take(_ tier: Tier, from ranked: some Sequence<Int>, into choice: inout Choice) {
    if tier == .anyLoad, leastWeight > 0 {
      // The strongest first; among equals the better score.
      for weight in table.weightsOfOwners {
        for host in ranked where host >= 0 && table.weights[host] == weight {
          if choice.hosts.count == wanted { return }
          consider(host, tier, &choice)
        }
      }
      return
    }
    for host in ranked where host >= 0 {
      if choice.hosts.count == wanted { return }
      consider(host, tier, &choice)
    }
  }

  @inline(__always)
  private func consider(_ host: Int, _ tier: Tier, _ choice: inout Choice) {
    if !countsGone, !table.takesNew(host), !placesOfReturning.contains(host) { return }
    let isGone = countsGone && table.hosts[host].presence == .gone
    let mayOwn = isGone || table.owns(host, kind)
    switch tier {
    case .strict, .anyZone: guard mayOwn, table.weights[host] >= leastWeight else { return }
    case .anyLoad, .anyContributor: guard mayOwn else { return }
    case .copyOnly, .copyOnlyAnyContributor: guard mayOwn || table.holds(host, kind) else { return }
    }
    for other in choice.hosts {
      if other == host { return }
      if tier == .strict, table.shareZone(host, other) { return }
      if tier != .anyContributor, tier != .copyOnlyAnyContributor, table.shareContributor(host, other) { return }
    }
    choice.hosts.append(host)
  }

  /// Whether no host beyond the ranked ones could satisfy the tier.
  private func isExhausted(_ tier: Tier, _ choice: Choice) -> Bool {
    guard tier == .strict, kind == .maps else { return false }
    var zones = 0
    for (position, host) in choice.hosts.enumerated()
    where !choice.hosts[..<position].contains(where: { table.shareZone(host, $0) }) {
      zones += 1
    }
    return zones >= table.zones
  }

  func judge(_ chosen: [Int]) -> Degraded {
    var degraded: Degraded = []
    if chosen.count < wanted { degraded.insert(.count) }
    for (position, host) in chosen.enumerated() {
      if table.weights[host] < leastWeight { degraded.insert(.load) }
      if kind == .maps, !table.owns(host, kind) { degraded.insert(.copyOnly) }
      for other in chosen[..<position] {
        if table.shareZone(host, other) { degraded.insert(.zone) }
        if table.shareContributor(host, other) { degraded.insert(.contributor) }
      }
    }
    if !chosen.contains(where: { table.owns($0, kind) }) { degraded.insert(.nobody) }
    return degraded
  }
}
