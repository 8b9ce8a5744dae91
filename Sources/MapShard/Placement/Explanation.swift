import Hashing
package import Wire

/// Why a shard is where it is, host by host: what `mesh-ctl explain` shows. Holds all inputs, so that the decision can be
/// recomputed from it.
package struct Explanation: Sendable {
  package struct Row: Hashable, Sendable {
    package var host: HostID
    /// From 1 among hosts that may own this shard; `nil` for the others.
    package var rank: Int?
    /// See `Score.thousandths`.
    package var score: Int
    package var unfit: Unfit
    /// Load over fair share in thousandths; 0 for hosts that may not own.
    package var loadPerMille: Int
    package var verdict: Verdict
  }

  package enum Verdict: Hashable, Sendable {
    case owner(OwnerReason)
    /// On the list and in sync.
    case copy
    /// On the list and catching up, or about to.
    case learner
    /// In sync, no longer on the list, stays until others have caught up.
    case leaving
    case sameContributor(as: HostID)
    case sameZone(as: HostID)
    /// There are enough better ones.
    case notNeeded
    /// It may not; see `unfit`.
    case unfit
  }

  package var shard: ShardID
  package var placed: PlacedShard
  package var standing: ShardStanding?
  package var load: UInt64
  /// The load class, 2^exponent, and the least weight of a host for it.
  package var classExponent: Int
  package var leastWeight: UInt64
  /// By rank; hosts that may not own come last, by score.
  package var rows: [Row]

  /// `nil` when the view has no such shard.
  package init?(of id: ShardID, on view: PlacementView, ranking: inout Ranking) {
    var draft = Drafting(view, ranking: &ranking)
    draft.chooseOwners()
    guard let row = draft.row(of: id), let placed = draft.placement.shard(id) else { return nil }
    let shard = draft.shards[row]
    self.shard = id
    self.placed = placed
    standing = shard.standing
    load = shard.load
    classExponent = shard.classExponent
    leastWeight = draft.table.leastWeight(for: shard, of: draft.totalLoad)
    rows = []
    rows = draft.explainHosts(of: row, placed, leastWeight, salt: view.salt, placement: draft.placement)
  }
}

extension Drafting {
  fileprivate func explainHosts(
    of row: Int, _ placed: PlacedShard, _ leastWeight: UInt64, salt: ShortHash, placement: Placement
  ) -> [Explanation.Row] {
    let shard = shards[row]
    let scored = table.hosts.indices.map { index in
      let host = table.hosts[index]
      return (
        index: index,
        score: Score(of: shard.id, for: host.ringSeed, host: host.id, weight: host.weight, salt: salt),
        unfit: table.eligibility.obstacles(of: host, for: shard.kind)
          .union(table.weights[index] < leastWeight ? .load : [])
          .union(table.takesNew(index) ? [] : .returning)
      )
    }
    let sorted = scored.sorted { left, right in
      left.unfit.isEmpty != right.unfit.isEmpty ? left.unfit.isEmpty : left.score.ranksBefore(right.score)
    }
    return sorted.enumerated().map { position, entry in
      Explanation.Row(
        host: table.hosts[entry.index].id, rank: entry.unfit.isEmpty ? position + 1 : nil,
        score: entry.score.thousandths, unfit: entry.unfit,
        loadPerMille: placement.perMille(of: placement.loads[entry.index]),
        verdict: verdict(on: entry.index, row, placed, entry.unfit))
    }
  }

  private func verdict(on host: Int, _ row: Int, _ placed: PlacedShard, _ unfit: Unfit) -> Explanation.Verdict {
    let id = table.hosts[host].id
    let isMember = shards[row].standing?.members.contains(id) ?? false
    if placed.owner == id { return .owner(placed.reason) }
    if placed.replicas.contains(id) { return isMember || shards[row].standing == nil ? .copy : .learner }
    if isMember { return .leaving }
    if !unfit.isEmpty { return .unfit }
    if let other = lists[row].first(where: { table.shareContributor($0, host) }) {
      return .sameContributor(as: table.hosts[other].id)
    }
    if let other = lists[row].first(where: { table.shareZone($0, host) }) {
      return .sameZone(as: table.hosts[other].id)
    }
    return .notNeeded
  }
}

extension Explanation.Verdict {
  /// One sentence for the row, without the host's own name.
  package func text(name: (HostID) -> String) -> String {
    switch self {
    case .owner(let reason): "owner: \(reason.text)"
    case .copy: "copy"
    case .learner: "will hold a copy; catching up"
    case .leaving: "holds a copy until others have caught up"
    case .sameContributor(let other): "passed over: same contributor as \(name(other))"
    case .sameZone(let other): "passed over: same network zone as \(name(other))"
    case .notNeeded: "not needed: enough hosts rank higher"
    case .unfit: "may not own it"
    }
  }
}

extension Unfit {
  /// What keeps a host from owning, one phrase each, with the figure and the setting where there is one.
  package func texts(_ host: PlacementHost, _ rules: PlacementRules) -> [String] {
    let needs = rules.requirements
    let all: [(Unfit, String)] = [
      (.gone, "is not there"),
      (.returning, "was dead a short time ago: keeps what it has, takes nothing new yet"),
      (.draining, "is being drained"),
      (.impaired, "cannot be reached as it should"),
      (.role, "its certificate lacks the role"),
      (.observer, "is an observer"),
      (.withoutWeight, "has no weight"),
      (
        .trustClass,
        "trust class \(host.trustClass), owners have at most \(rules.ownersTrustClass) (owners_trust_class)"
      ),
      (.cores, "\(host.resources.cores) cores, wants \(needs.cores) (min_cpu_cores)"),
      (
        .memory,
        "\(Unfit.gigabytes(host.resources.memoryBytes)) GB, wants \(Unfit.gigabytes(needs.memoryBytes)) (min_memory_gb)"
      ),
      (
        .bandwidth,
        "\(host.resources.uplinkBitsPerSecond / 1_000_000) Mbit/s, wants \(needs.bandwidthBitsPerSecond / 1_000_000) (min_bandwidth_mbps)"
      ),
      (
        .uptime,
        "there for \(Unfit.percent(host.resources.uptimePerMille)) % of the time, wants \(Unfit.percent(needs.uptimePerMille)) (min_uptime_percent)"
      ),
      (.world, "does not have the active world yet"),
      (.notHome, "fewer than \(rules.minimumHosts) hosts: only hosts with role home own (min_hosts)"),
      (.load, "too weak for this shard's load"),
    ]
    return all.filter { contains($0.0) }.map(\.1)
  }

  private static func gigabytes(_ bytes: UInt64) -> String {
    let tenths = bytes / 100_000_000
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
  }

  private static func percent(_ perMille: Int) -> String {
    perMille % 10 == 0 ? "\(perMille / 10)" : "\(perMille / 10).\(perMille % 10)"
  }
}

extension Degraded {
  /// What a replica list lacks, one phrase each.
  package var texts: [String] {
    let all: [(Degraded, String)] = [
      (.count, "fewer copies than wanted"),
      (.contributor, "two copies at one contributor"),
      (.zone, "two copies in one network zone"),
      (.load, "no host is strong enough for its load"),
      (.copyOnly, "a copy at a host that may not own"),
      (.cap, "max_maps_per_host leaves no room"),
      (.nobody, "no host may own it"),
    ]
    return all.filter { contains($0.0) }.map(\.1)
  }
}

extension PlanRefusal {
  package func text(name: (HostID) -> String) -> String {
    switch self {
    case .membershipChanged: "hosts or weights have changed since the plan was drawn; draw it again"
    case .unknownHost(let host): "no host \(name(host))"
    case .unknownShard(let shard): "no shard \(shard)"
    case .mayNotOwn(let host, _): "\(name(host)) may not own shards"
    case .onlyAQuestion: "a what-if cannot be applied"
    case .tooManyPlans: "\(Steward.plansLimit) plans are open already"
    }
  }
}
