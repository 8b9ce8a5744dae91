import Gossip
import MapShard
import SecureChannel
import Wire

/// What the steward's node decides, and how that becomes lists, wishes and what all are told.
extension Node {
  mutating func decideIfDue(now: Now, into effects: inout NodeEffects) {
    guard stewardship.isDue, let world = stewardship.world else { return }
    stewardship.isDue = false
    guard stewardship.stewardHost(seenBy: membership.host) == membership.host else {
      // Another one is steward: what this one had begun is forgotten, the register remembers what counts.
      stewardship.steward = nil
      stewardship.view = nil
      return
    }
    guard let certified = hosts, knowsTheHosts(world, certified, now: now) else { return }
    let view = stewardView(world, certified, now: now)
    if stewardship.steward == nil {
      stewardship.steward = Steward(firstPlan: now.wall / 1_000_000)
      stewardship.directory.begin(as: shards.me)
    }
    guard let decision = stewardship.steward?.decide(view, now: now) else { return }
    stewardship.counters.decisions &+= 1
    stewardship.placement = decision.placement
    stewardship.view = view.placement
    carryOut(decision, view, now: now, into: &effects)
  }

  private func stewardView(_ world: ActiveWorld, _ certified: any CertifiedHosts, now: Now) -> StewardView {
    var hosts: [PlacementHost] = []
    var holders = 0
    for host in certified.admitted {
      guard let certificate = certified.certified(host) else { continue }
      let status = membership.status(of: host)
      let isGone = status == .left || status == .revoked
      if certificate.roles.contains(.host), !certificate.roles.contains(.observer), !isGone { holders += 1 }
      guard !isGone, let received = stewardship.reports[host],
        now.monotonic &- received.at < Stewardship.reportLife || host == membership.host
      else { continue }
      hosts.append(placementHost(host, certificate, received, now: now))
    }
    countOnThoseWhoJustCameBack(&hosts, for: world.rules.replicationFactor)
    let placed = world.shards.map { placementShard($0, now: now) }
    return StewardView(
      placement: PlacementView(salt: world.salt, rules: world.rules, hosts: hosts, shards: placed),
      admittedHolders: holders)
  }

  /// A host that has died of late is not counted on for a minute or more, so that a bad line moves no shards about. That
  /// must not keep copies from being made where too few others are: then it may hold some, like one that is suspected.
  private func countOnThoseWhoJustCameBack(_ hosts: inout [PlacementHost], for copies: Int) {
    let awaited: [PlacementHost.Presence] = [.gone, .returning]
    let present = hosts.count { !awaited.contains($0.presence) && !$0.isDraining && !$0.isImpaired && $0.weight > 0 }
    guard present < copies else { return }
    for index in hosts.indices
    where awaited.contains(hosts[index].presence) && stewardship.living.contains(hosts[index].id) {
      hosts[index].presence = .suspect
    }
  }

  private func placementHost(
    _ host: HostID, _ certificate: CertifiedHost, _ received: Stewardship.Received, now: Now
  ) -> PlacementHost {
    let report = received.report
    let isOwn = host == membership.host
    let endpoint = isOwn ? membership.endpoint : membership.member(host)?.endpoint
    var placed = PlacementHost(
      id: host, ringSeed: certificate.ringSeed, roles: certificate.roles, trustClass: certificate.trustClass,
      contributor: certificate.contributor, zone: endpoint?.prefix ?? 0,
      weight: certificate.capacity > 0 ? min(certificate.capacity, Int(report.weight)) : Int(report.weight),
      resources: report.resources)
    placed.isDraining = report.isDraining || stewardship.orders.drained.contains(host)
    placed.hasActiveWorld = report.world == stewardship.world?.version
    placed.isImpaired = stewardship.impaired.contains(host)
    let isSuspect = membership.status(of: host) == .suspect
    placed.presence =
      isOwn || stewardship.stable.contains(host)
      ? (isSuspect ? .suspect : .alive) : membership.isReturning(host) ? .returning : .gone
    return placed
  }

  private func placementShard(_ shard: ActiveWorld.Shard, now: Now) -> PlacementShard {
    var placed = PlacementShard(id: shard.id, maps: shard.maps)
    if let load = stewardship.loads[shard.id] {
      placed.load = load.load.value
      placed.classExponent = load.load.classExponent
      placed.players = load.players
    }
    placed.pin = stewardship.orders.pins[shard.id]
    if let record = shards.newestRecord(of: shard.id) {
      placed.standing = ShardStanding(record, since: stewardship.reigns[shard.id]?.since ?? 0) { member in
        member == shards.me || (member.host != membership.host && channel.life(of: member.host) == member.life)
      }
    }
    return placed
  }

  private mutating func carryOut(
    _ decision: StewardDecision, _ view: StewardView, now: Now, into effects: inout NodeEffects
  ) {
    let lists = Dictionary(decision.lists.map { ($0.shard, $0) }) { first, _ in first }
    var changed = false
    for shard in view.placement.shards {
      let record = shards.newestRecord(of: shard.id)
      noteReign(record, now: now)
      var entry = stewardship.directory[shard.id] ?? DirectoryEntry(shard: shard.id)
      if let list = lists[shard.id] {
        entry.replicas = list.replicas
        entry.minimum = UInt8(clamping: list.minimum)
      }
      entry.pin = shard.pin
      if let record { entry.take(record, since: stewardship.reigns[shard.id]?.wall ?? 0) }
      if stewardship.directory.set(entry) {
        changed = true
        place(entry, now: now, into: &effects)
      }
    }
    if changed {
      effects.events.append(.directoryChanged)
      for host in stewardship.reports.keys.sorted() { tell(host, now: now, into: &effects) }
    }
    for action in decision.actions { ask(action, now: now, into: &effects) }
  }

  /// The owner of a shard says by which record he owns it. Changes of which this voter was told nothing, because it was
  /// away or a message was lost, are read: otherwise it would tell everybody of an owner who is none.
  mutating func catchUp(with load: HostReport.Load, of host: HostID, now: Now, into effects: inout NodeEffects) {
    guard stewardship.steward != nil else { return }
    let known = shards.newestRecord(of: load.shard)
    guard load.version > known?.version ?? 0 || known?.owner.host != host else { return }
    shards.handle(.command(.refresh(load.shard)), now: now, into: &effects.shards)
  }

  private mutating func noteReign(_ record: Record?, now: Now) {
    guard let record else { return }
    if stewardship.reigns[record.shard]?.owner != record.owner {
      stewardship.reigns[record.shard] = Stewardship.Reign(
        owner: record.owner, since: now.monotonic, wall: now.wallSeconds)
    }
  }

  private mutating func ask(_ action: WantedAction, now: Now, into effects: inout NodeEffects) {
    // Invitations and drops follow from the list that the owner is told.
    guard case .move(let target) = action.step, let reason = action.reason.change,
      let owner = shards.newestRecord(of: action.shard)?.owner.host
    else { return }
    stewardship.counters.wishesSent &+= 1
    if owner == membership.host {
      shards.handle(
        .command(.move(action.shard, to: target, reason: reason, plan: action.plan, request: 0)), now: now,
        into: &effects.shards)
    } else {
      let wish = MoveWish(shard: action.shard, to: target, reason: reason, plan: action.plan)
      send(.move(wish), to: owner, now: now, into: &effects)
    }
  }
}

extension DirectoryEntry {
  mutating func take(_ record: Record, since: UInt64) {
    epoch = record.epoch
    version = record.version
    owner = record.owner.host
    members = record.members.map(\.host)
    learners = record.learners
    reason = record.reason
    plan = record.plan
    self.since = since
  }
}
