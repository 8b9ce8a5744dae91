import Wire

/// Why a host may not own shards, or not this one. Empty: it may.
package struct Unfit: OptionSet, Hashable, Sendable {
  package let rawValue: UInt16

  package init(rawValue: UInt16) { self.rawValue = rawValue }

  package static let gone = Unfit(rawValue: 1)
  package static let draining = Unfit(rawValue: 2)
  package static let impaired = Unfit(rawValue: 4)
  package static let role = Unfit(rawValue: 8)
  package static let observer = Unfit(rawValue: 16)
  package static let withoutWeight = Unfit(rawValue: 32)
  /// So far it may not even hold copies; with these it may.
  package static let trustClass = Unfit(rawValue: 64)
  package static let cores = Unfit(rawValue: 128)
  package static let memory = Unfit(rawValue: 256)
  package static let bandwidth = Unfit(rawValue: 512)
  package static let uptime = Unfit(rawValue: 1_024)
  package static let world = Unfit(rawValue: 2_048)
  /// Below `min_hosts` only hosts with role home own.
  package static let notHome = Unfit(rawValue: 4_096)
  /// This shard is too heavy for it.
  package static let load = Unfit(rawValue: 8_192)

  /// Back after a death: keeps what it has and takes nothing new.
  package static let returning = Unfit(rawValue: 16_384)

  package static let holdsNothing: Unfit = [.gone, .draining, .impaired, .role, .observer, .withoutWeight]
  package static let requirements: Unfit = [.cores, .memory, .bandwidth, .uptime]
}

/// Who may own and who may hold, before any particular shard's load.
struct Eligibility {
  let rules: PlacementRules
  /// Fewer hosts than `min_hosts` are alive and one with role home is fit.
  let isAtHome: Bool

  init(_ view: [PlacementHost], _ rules: PlacementRules) {
    self.rules = rules
    let living = view.filter { $0.presence != .gone && $0.roles.contains(.host) }.count
    let home = Eligibility(rules: rules, isAtHome: true)
    isAtHome = living < rules.minimumHosts && view.contains { home.obstacles(of: $0, for: .maps).isEmpty }
  }

  private init(rules: PlacementRules, isAtHome: Bool) {
    self.rules = rules
    self.isAtHome = isAtHome
  }

  /// What keeps `host` from owning shards of this kind.
  func obstacles(of host: PlacementHost, for kind: PlacementShard.Kind) -> Unfit {
    var unfit: Unfit = []
    if host.presence == .gone { unfit.insert(.gone) }
    if host.isDraining { unfit.insert(.draining) }
    if host.weight <= 0 { unfit.insert(.withoutWeight) }
    if host.isImpaired { unfit.insert(.impaired) }
    if host.roles.contains(.observer) { unfit.insert(.observer) }
    switch kind {
    case .bridge:
      // The bridge is one machine of the operator's; what shards of maps need does not matter to it.
      if !host.roles.contains(.bridge) { unfit.insert(.role) }
    case .maps:
      if !host.roles.contains(.host) { unfit.insert(.role) }
      if host.trustClass > rules.ownersTrustClass { unfit.insert(.trustClass) }
      if !host.hasActiveWorld { unfit.insert(.world) }
      if isAtHome, !host.roles.contains(.home) { unfit.insert(.notHome) }
      let needs = rules.requirements
      if host.resources.cores < needs.cores { unfit.insert(.cores) }
      if host.resources.memoryBytes < needs.memoryBytes { unfit.insert(.memory) }
      if host.resources.uplinkBitsPerSecond < needs.bandwidthBitsPerSecond { unfit.insert(.bandwidth) }
      if host.resources.uptimePerMille < needs.uptimePerMille { unfit.insert(.uptime) }
    }
    return unfit
  }

  /// Whether a host with these obstacles may hold copies of shards of this kind.
  func mayHold(_ host: PlacementHost, _ kind: PlacementShard.Kind, toMaps: Unfit, toBridge: Unfit) -> Bool {
    switch kind {
    case .maps: toMaps.isDisjoint(with: .holdsNothing)
    case .bridge: toBridge.isEmpty || (host.trustClass <= 1 && toMaps.isDisjoint(with: .holdsNothing))
    }
  }
}

extension PlacementView {
  /// What keeps each host from owning shards of maps, whatever the shard.
  package func obstacles() -> [(host: PlacementHost, unfit: Unfit)] {
    let eligibility = Eligibility(hosts, rules)
    return hosts.map { host in
      (host, eligibility.obstacles(of: host, for: .maps).union(host.presence == .returning ? .returning : []))
    }
  }
}
