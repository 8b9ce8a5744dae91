package import Wire

/// What a plan is for.
package enum PlanPurpose: Hashable, Sendable {
  /// Everything leaves the host.
  case drain(HostID)
  case undrain(HostID)
  /// Moves from hosts above their share, players or not.
  case rebalance
  case pin(ShardID, HostID)
  case unpin(ShardID)
  case move(ShardID, HostID)
  /// What if the host had this weight, or died? Nothing to apply.
  case weight(HostID, Int)
  case loss(HostID)
}

/// What would happen, worked out by the code that makes it happen. It stands while the membership stays as it was.
package struct Plan: Hashable, Sendable {
  package struct Move: Hashable, Sendable {
    package var shard: ShardID
    package var from: HostID
    package var to: HostID
    package var reason: OwnerReason
    package var players: Int
    package var maps: Int
  }

  package struct Copy: Hashable, Sendable {
    package var shard: ShardID
    package var to: HostID
    package var bytes: UInt64
  }

  package var id: UInt64
  package var purpose: PlanPurpose
  package var membershipVersion: UInt64
  /// In the order in which they are made: fewest players first.
  package var moves: [Move]
  package var copies: [Copy]
  /// The greatest load over fair share, in thousandths, before and after.
  package var balanceBefore: Int
  package var balanceAfter: Int
  /// Shards that lack something afterwards that they do not lack now.
  package var newlyDegraded: [ShardID]
  /// Shards that nobody could own afterwards.
  package var ownerless: [ShardID]

  package var playersTouched: Int { moves.reduce(0) { $0 + $1.players } }
  package var bytesCopied: UInt64 { copies.reduce(0) { $0 &+ $1.bytes } }
}

package enum PlanRefusal: Error, Hashable, Sendable {
  /// Hosts or weights are others than when the plan was drawn.
  case membershipChanged(planned: UInt64, now: UInt64)
  case unknownHost(HostID)
  case unknownShard(ShardID)
  case mayNotOwn(HostID, Unfit)
  /// What-ifs cannot be applied.
  case onlyAQuestion
  case tooManyPlans
}

extension Plan {
  /// Draws a plan on what is now. Members that the plan needs are taken to be in sync by then: copies come first.
  package static func draw(
    _ purpose: PlanPurpose, id: UInt64, on view: PlacementView, ranking: inout Ranking
  ) throws(PlanRefusal) -> Plan {
    let before = Placement(view, ranking: &ranking)
    var changed = try view.changed(by: purpose)
    // A plan's changes are not there yet: a ranking of its own, so that the kept one stays what it is.
    var ranking = ranking
    let first = Placement(changed, ranking: &ranking)
    var copies: [Copy] = []
    for index in changed.shards.indices {
      guard let placed = first.shard(changed.shards[index].id), var standing = changed.shards[index].standing else {
        continue
      }
      for host in placed.replicas where !standing.members.contains(host) {
        if !standing.learners.contains(host) {
          copies.append(Copy(shard: placed.id, to: host, bytes: changed.shards[index].stateBytes))
        }
        standing.members.append(host)
      }
      changed.shards[index].standing = standing
    }
    var draft = Drafting(changed, ranking: &ranking)
    draft.chooseOwners()
    if purpose == .rebalance { _ = draft.relieve(budget: Int.max) { _ in true } }
    if case .move(let shard, let host) = purpose { draft.order(shard, to: host) }
    return Plan(
      id: id, purpose: purpose, membershipVersion: view.membershipVersion,
      moves: draft.moves.sorted { ($0.players, $0.maps, $0.shard) < ($1.players, $1.maps, $1.shard) },
      copies: copies.sorted { ($0.shard, $0.to) < ($1.shard, $1.to) }, before: before, after: draft.placement)
  }

  private init(
    id: UInt64, purpose: PlanPurpose, membershipVersion: UInt64, moves: [Move], copies: [Copy], before: Placement,
    after: Placement
  ) {
    self.id = id
    self.purpose = purpose
    self.membershipVersion = membershipVersion
    self.moves = moves
    self.copies = copies
    balanceBefore = before.balancePerMille
    balanceAfter = after.balancePerMille
    newlyDegraded = zip(before.shards, after.shards).filter { !$1.degraded.subtracting($0.degraded).isEmpty }
      .map(\.1.id)
    ownerless = after.shards.filter { $0.owner == nil }.map(\.id)
  }

  /// Draws it again on what is now: what was shown is what is done, or it is refused.
  package func redrawn(on view: PlacementView, ranking: inout Ranking) throws(PlanRefusal) -> Plan {
    let now = view.membershipVersion
    guard now == membershipVersion else { throw .membershipChanged(planned: membershipVersion, now: now) }
    switch purpose {
    case .weight, .loss: throw .onlyAQuestion
    case .drain, .undrain, .rebalance, .pin, .unpin, .move: break
    }
    return try Plan.draw(purpose, id: id, on: view, ranking: &ranking)
  }
}

extension PlacementView {
  /// The same world with the plan's purpose fulfilled.
  package func changed(by purpose: PlanPurpose) throws(PlanRefusal) -> PlacementView {
    var view = self
    switch purpose {
    case .rebalance: break
    case .drain(let host): view.hosts[try view.index(host)].isDraining = true
    case .undrain(let host): view.hosts[try view.index(host)].isDraining = false
    case .weight(let host, let weight): view.hosts[try view.index(host)].weight = min(Weight.limit, max(0, weight))
    case .loss(let host):
      view.hosts[try view.index(host)].presence = .gone
      for shard in view.shards.indices {
        view.shards[shard].standing?.members.removeAll { $0 == host }
        if view.shards[shard].standing?.owner == host { view.shards[shard].standing?.owner = nil }
      }
    case .pin(let shard, let host):
      let row = try view.index(shard)
      try view.demandOwner(host, of: view.shards[row].kind)
      view.shards[row].pin = host
    case .unpin(let shard): view.shards[try view.index(shard)].pin = nil
    case .move(let shard, let host): try view.demandOwner(host, of: view.shards[try view.index(shard)].kind)
    }
    return view
  }

  private func index(_ host: HostID) throws(PlanRefusal) -> Int {
    guard let index = hosts.firstIndex(where: { $0.id == host }) else { throw .unknownHost(host) }
    return index
  }

  private func index(_ shard: ShardID) throws(PlanRefusal) -> Int {
    guard let index = shards.firstIndex(where: { $0.id == shard }) else { throw .unknownShard(shard) }
    return index
  }

  private func demandOwner(_ host: HostID, of kind: PlacementShard.Kind) throws(PlanRefusal) {
    let obstacles = Eligibility(hosts, rules).obstacles(of: hosts[try index(host)], for: kind)
    guard obstacles.isEmpty else { throw .mayNotOwn(host, obstacles) }
  }
}

extension Drafting {
  /// Changes of owners that this draft makes to what is.
  var moves: [Plan.Move] {
    shards.indices.compactMap { row in
      guard let from = shards[row].standing?.owner, let owner = owners[row] else { return nil }
      let to = table.hosts[owner].id
      guard from != to else { return nil }
      return Plan.Move(
        shard: shards[row].id, from: from, to: to, reason: reasons[row], players: shards[row].players,
        maps: shards[row].maps)
    }
  }

  mutating func order(_ shard: ShardID, to host: HostID) {
    guard let row = shards.firstIndex(where: { $0.id == shard }), let taker = table.index(of: host) else { return }
    give(row, to: taker, from: owners[row], .order)
  }
}
