import Wire

/// Verifies a placement anew, by other code than made it: every host's score for every shard is computed again.
package enum PlacementCheck {
  /// What is wrong, one sentence each; empty: everything holds. Hundreds of times the cost of a placement.
  package static func violations(of placement: Placement, on view: PlacementView) -> [String] {
    var found: [String] = []
    let table = HostTable(view.hosts, view.rules)
    var shards: [ShardID: PlacementShard] = [:]
    for shard in view.shards where shards[shard.id] == nil { shards[shard.id] = shard }
    if placement.shards.count != min(shards.count, PlacementView.shardsLimit) {
      found.append("\(placement.shards.count) shards placed of \(shards.count)")
    }
    let total = shards.values.reduce(0) { $0 &+ ($1.kind == .maps ? $1.weighedLoad : 0) }
    var loads: [HostID: UInt64] = [:]
    var maps: [HostID: Int] = [:]
    var last: ShardID?
    for placed in placement.shards {
      if let last, last >= placed.id { found.append("\(placed.id) out of order or twice") }
      last = placed.id
      guard let shard = shards[placed.id] else {
        found.append("\(placed.id) is not in the view")
        continue
      }
      found += ListCheck(table: table, shard: shard, placed: placed, view: view, totalLoad: total).violations()
      if let owner = placed.owner, shard.kind == .maps {
        loads[owner, default: 0] += shard.weighedLoad
        maps[owner, default: 0] += shard.maps
      }
    }
    for host in placement.loads {
      if host.load != loads[host.host] ?? 0 { found.append("the load of \(host.host) does not add up") }
      if host.maps != maps[host.host] ?? 0 { found.append("the maps of \(host.host) do not add up") }
    }
    if placement.totalLoad != total { found.append("the total load does not add up") }
    if view.rules.maximumMapsPerHost > 0 { found += capViolations(placement, view, shards, maps) }
    return found
  }

  /// A host above the cap is right only if every shard that was given to it lately says that there was no room.
  private static func capViolations(
    _ placement: Placement, _ view: PlacementView, _ shards: [ShardID: PlacementShard], _ maps: [HostID: Int]
  ) -> [String] {
    let over = maps.filter { $0.value > view.rules.maximumMapsPerHost }.map(\.key)
    return placement.shards.compactMap { placed in
      guard let owner = placed.owner, over.contains(owner), let shard = shards[placed.id], shard.kind == .maps,
        placed.reason != .incumbent, placed.reason != .waitsForCopy, placed.reason != .pin,
        !placed.degraded.contains(.cap), shard.standing == nil
      else { return nil }
      return "\(placed.id) was given to \(owner), which is above max_maps_per_host"
    }
  }
}

/// One shard.
private struct ListCheck {
  let table: HostTable
  let shard: PlacementShard
  let placed: PlacedShard
  let view: PlacementView
  let totalLoad: UInt64

  func violations() -> [String] {
    var found: [String] = []
    let hosts = placed.replicas.compactMap(table.index(of:))
    let wanted = min(Record.membersLimit, max(1, view.rules.replicationFactor))
    if hosts.count != placed.replicas.count { found.append("\(shard.id): a replica at an unknown host") }
    if Set(hosts).count != hosts.count { found.append("\(shard.id): two copies at one host") }
    if hosts.count > wanted { found.append("\(shard.id): \(hosts.count) copies") }
    for host in hosts where !table.holds(host, shard.kind) {
      found.append("\(shard.id): \(table.hosts[host].id) may hold nothing")
    }
    let holders = table.hosts.indices.filter {
      table.holds($0, shard.kind) && (table.takesNew($0) || hosts.contains($0))
    }
    .count
    if hosts.count < min(wanted, holders) { found.append("\(shard.id): \(hosts.count) copies, \(holders) hosts") }
    if (hosts.count < wanted) != placed.degraded.contains(.count) { found.append("\(shard.id): wrong flag count") }
    found += ownerViolations()
    if placed.degraded.isEmpty, shard.pin == nil { found += rankViolations(hosts) }
    return found
  }

  private func ownerViolations() -> [String] {
    let fit = table.hosts.indices.filter { table.owns($0, shard.kind) }
    guard let owner = placed.owner else {
      // Without an owner only when nobody is fit, or nobody fit is in sync after a death.
      let members = shard.standing?.members ?? []
      let couldOwn = shard.standing == nil ? !fit.isEmpty : fit.contains { members.contains(table.hosts[$0].id) }
      return couldOwn ? ["\(shard.id): no owner although a host may"] : []
    }
    var found: [String] = []
    guard let index = table.index(of: owner), table.hosts[index].presence != .gone else {
      return ["\(shard.id): its owner is gone"]
    }
    if let standing = shard.standing {
      if !standing.members.contains(owner), standing.owner != owner {
        found.append("\(shard.id): its owner is not in sync")
      }
    } else if !placed.replicas.contains(owner) {
      found.append("\(shard.id): its owner is not on the list")
    }
    let isWaiting = placed.reason == .waitsForCopy || placed.reason == .death
    if !isWaiting {
      if !table.owns(index, shard.kind) { found.append("\(shard.id): its owner may not own") }
      if !placed.replicas.contains(owner), placed.reason != .order {
        found.append("\(shard.id): its owner is not on the list")
      }
    }
    return found
  }

  /// Every host with a better score than the last of the list is in it or has a reason not to be.
  private func rankViolations(_ hosts: [Int]) -> [String] {
    let least = table.leastWeight(for: shard, of: totalLoad)
    func score(_ host: Int) -> Score {
      let entry = table.hosts[host]
      return Score(of: shard.id, for: entry.ringSeed, host: entry.id, weight: entry.weight, salt: view.salt)
    }
    let listed = hosts.map(score)
    for (one, other) in zip(listed, listed.dropFirst()) where !one.ranksBefore(other) {
      return ["\(shard.id): the list is not in the order of the ranking"]
    }
    for host in table.hosts.indices where !hosts.contains(host) {
      guard table.owns(host, shard.kind), table.takesNew(host), table.weights[host] >= least else { continue }
      let mine = score(host)
      let better = zip(hosts, listed).filter { $1.ranksBefore(mine) }.map(\.0)
      if better.count == hosts.count { continue }
      if !better.contains(where: { table.shareZone($0, host) || table.shareContributor($0, host) }) {
        return ["\(shard.id): \(table.hosts[host].id) was passed over"]
      }
    }
    return []
  }
}
