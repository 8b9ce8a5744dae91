package import Control
import EventLoop
import MapShard
import NodeCore
import SecureChannel
package import Wire
import WorldData

/// What a host that does not own a shard can tell of its owner.
package struct OwnerSight {
  var host: String
  var state: MemberState
  /// The life that owns the shard, and the one that the host lives now; `nil`: not known here.
  var recorded: Life?
  var present: Life?

  package init(host: String, state: MemberState, recorded: Life?, present: Life?) {
    self.host = host
    self.state = state
    self.recorded = recorded
    self.present = present
  }

  /// Why nobody acts for the shard, as far as can be seen from here.
  package var whyNot: String? {
    // Who is only suspected may well act on.
    guard state == .alive || state == .suspect else { return "\(host) is \(state.rawValue)" }
    guard let recorded, let present, recorded != present else { return nil }
    return "\(host) has restarted"
  }
}

/// How shards stand, as people and machines are told. What a host cannot know itself comes from the steward's directory.
extension Shell {
  private var at: Timestamp { Timestamp(nanoseconds: loop.now.wall) }

  func mapsReply(_ world: World, _ names: ShardNames) -> MapsReply {
    let wanted = wantedCopies
    return MapsReply(
      at: at, network: networkName, world: world.version,
      shards: world.shards.map { shardReport($0, names, wanted: wanted) })
  }

  func shardReport(_ shard: WorldShard, _ names: ShardNames, wanted: Int) -> MapsReply.Shard {
    let entry = node.stewardship.directory[shard.id] ?? DirectoryEntry(shard: shard.id)
    let view = node.shards.holds(shard.id) ? node.shards.view(of: shard.id) : nil
    var epoch = entry.epoch
    var owner = entry.owner
    var members = entry.members
    var learners = entry.learners
    var life: Life?
    // A record that is held here may be newer than what the steward has told, and names the owner's life.
    if let record = node.shards.newestRecord(of: shard.id), record.version >= entry.version {
      epoch = record.epoch
      owner = record.owner.host
      life = record.owner.life
      members = record.members.map(\.host)
      learners = record.learners
    }
    let (state, why) = state(
      of: view, owner: owner, life: life, epoch: epoch, isKnown: node.stewardship.directory[shard.id] != nil)
    return MapsReply.Shard(
      name: shard.name.text, maps: names.maps(of: shard), state: state, epoch: epoch.rawValue,
      owner: owner.map(hostName), copies: members.map(hostName),
      learners: learners.filter { memberState(of: $0) == .alive }.map(hostName),
      wanted: wanted,
      pinned: entry.pin.map(hostName), why: why)
  }

  /// As many as the world says, unless fewer hosts may hold any.
  private var wantedCopies: Int {
    let holders = identity.roster.hosts.count { host in
      guard let roles = identity.roster.certificate(of: host)?.roles else { return false }
      let state = host == identity.host ? .alive : memberState(of: host)
      return roles.contains(.host) && !roles.contains(.observer) && state != .left && state != .revoked
    }
    return max(1, min(node.stewardship.world?.rules.replicationFactor ?? 1, holders))
  }

  /// For `status`; `nil` without an active world, and as long as this host has heard nothing of its shards.
  func shardCounts() -> ShardCounts? {
    // Before the steward has told anything, nothing is known, which is not the same as nobody.
    guard node.stewardship.directory.count > 0, let (world, names) = activeWorld() else { return nil }
    var counts = ShardCounts()
    let here = identity.host.description
    let wanted = wantedCopies
    for shard in world.shards {
      let report = shardReport(shard, names, wanted: wanted)
      counts.add(
        maps: shard.maps.count, report.state, copies: report.copies.count, wanted: report.wanted,
        isHere: report.owner?.id == here)
    }
    return counts
  }

  /// Maps that each host owns, as far as is known here; `nil` likewise.
  func mapsOwned() -> [HostID: Int]? {
    guard let world = node.worlds.store.active?.world, node.stewardship.directory.count > 0 else { return nil }
    var owned: [HostID: Int] = [:]
    for shard in world.shards {
      guard let owner = node.stewardship.directory[shard.id]?.owner else { continue }
      owned[owner, default: 0] += shard.maps.count
    }
    return owned
  }

  private func state(
    of view: ShardView?, owner: HostID?, life: Life?, epoch: Epoch, isKnown: Bool
  ) -> (Control.ShardState, String?) {
    if let stopped = view?.stopped { return (.held, "stopped on \(identity.name): \(stopped)") }
    if let view, view.isOwner {
      if view.planned != nil { return (.moving, nil) }
      return view.acts(at: loop.now) ? (.acting, nil) : (.held, view.holdReason.words(name(of:)))
    }
    guard let owner, epoch > .none else {
      return (.unowned, isKnown ? "no host has taken it yet" : "this host has not heard of it yet")
    }
    if owner == identity.host { return (.unowned, "\(identity.name) has restarted") }
    let sight = OwnerSight(
      host: name(of: owner), state: memberState(of: owner), recorded: life, present: node.channel.life(of: owner))
    if let whyNot = sight.whyNot { return (.unowned, whyNot) }
    return (.acting, memberState(of: owner) == .suspect ? "\(name(of: owner)) is suspect" : nil)
  }

  // MARK: Ring

  func ringReply(_ world: World, _ names: ShardNames) -> RingReply {
    let placement = node.stewardship.placement
    let steward = node.stewardship.stewardHost(seenBy: identity.host)
    // Others have no placement of their own to tell of.
    let decides = steward == identity.host
    let obstacles = node.stewardship.obstacles
    let weights = Dictionary(placement.loads.map { ($0.host, $0) }) { first, _ in first }
    let total = Double(max(1, placement.totalWeight))
    var owned: [HostID: (shards: Int, maps: Int)] = [:]
    var copies: [HostID: Int] = [:]
    for shard in world.shards {
      guard let entry = node.stewardship.directory[shard.id] else { continue }
      if let owner = entry.owner {
        owned[owner, default: (0, 0)].shards += 1
        owned[owner, default: (0, 0)].maps += shard.maps.count
      }
      for member in entry.members { copies[member, default: 0] += 1 }
    }
    let hosts = identity.roster.hosts.compactMap { host -> RingReply.Host? in
      let isHere = host == identity.host || memberState(of: host) == .alive || memberState(of: host) == .suspect
      guard isHere || owned[host] != nil || copies[host] != nil else { return nil }
      let load = weights[host]
      let fair = Double(placement.totalLoad) * Double(load?.weight ?? 0) / total
      return RingReply.Host(
        host: hostName(host), weight: decides ? Int(load?.weight ?? 0) : nil,
        share: decides ? Double(load?.weight ?? 0) / total : nil,
        load: decides ? (fair > 0 ? Double(load?.load ?? 0) / fair : 0) : nil, shards: owned[host]?.shards ?? 0,
        maps: owned[host]?.maps ?? 0, copies: copies[host] ?? 0,
        draining: node.stewardship.isDraining(host) || (host == identity.host && orders.drainsHere),
        unfit: unfit(obstacles[host] ?? [], isUnknown: decides && load == nil), hotMap: nil)
    }
    let moved = node.stewardship.directory.all.filter { $0.epoch > Epoch(1) }.map(\.since).max()
    return RingReply(
      at: at, network: networkName, world: world.version, hosts: hosts,
      maxOverMean: decides ? Double(placement.balancePerMille) / 1_000 : nil,
      lastMoveAt: moved.map { Timestamp(seconds: $0) },
      pins: node.stewardship.directory.all.count { $0.pin != nil },
      voters: node.stewardship.voters.map(hostName),
      steward: steward.map(hostName))
  }

  private func unfit(_ obstacles: [String], isUnknown: Bool) -> String? {
    if isUnknown { return "it has not reported yet" }
    return obstacles.isEmpty ? nil : obstacles.joined(separator: ", ")
  }

  // MARK: One map

  func placementReply(_ map: String, _ id: ShardID, _ names: ShardNames) -> PlacementReply {
    let shard = names.shard(id)
    let report = shard.map { shardReport($0, names, wanted: wantedCopies) }
    let entry = node.stewardship.directory[id]
    let candidates = (node.stewardship.explanation(of: id)?.rows ?? []).map { row in
      let obstacles = node.stewardship.obstacles(in: row)
      return PlacementReply.Candidate(
        rank: row.rank, host: hostName(row.host), score: Double(row.score) / 1_000, eligible: row.unfit.isEmpty,
        load: row.rank == nil ? nil : Double(row.loadPerMille) / 1_000, verdict: row.verdict.text(name: name(of:)),
        evidence: obstacles.isEmpty ? nil : obstacles.joined(separator: ", "))
    }
    var waits: [String] = []
    if let view = node.shards.holds(id) ? node.shards.view(of: id) : nil, view.isOwner, !view.acts(at: loop.now) {
      waits = view.followers.filter { $0.countsForPromises && $0.promisedUntil <= loop.now.monotonic }
        .map { "the promise of \(name(of: $0.member.host))" }
    }
    return PlacementReply(
      at: at, map: map,
      shard: report
        ?? MapsReply.Shard(
          name: map, maps: [], state: .unowned, epoch: 0, owner: nil, copies: [], learners: [], wanted: 0, pinned: nil,
          why: nil),
      ownerSince: entry.flatMap {
        $0.since > 0 && $0.epoch.rawValue == report?.epoch ? Timestamp(seconds: $0.since) : nil
      }, candidates: candidates,
      moves: placementHistory.moves(of: id).map { move in
        PlacementReply.Move(
          at: Timestamp(nanoseconds: move.wall), from: move.from.map(hostName), to: hostName(move.to),
          epoch: move.epoch.rawValue, reason: move.reason?.words ?? "as this host found it",
          plan: move.plan == 0 ? nil : move.plan)
      }, waitsFor: waits, steward: node.stewardship.stewardHost(seenBy: identity.host).map(hostName))
  }
}

/// The last moves of each shard, as this host has heard of them.
struct PlacementHistory {
  /// Of one shard.
  static let limit = 5

  struct Move {
    var wall: UInt64
    var from: HostID?
    var to: HostID
    var epoch: Epoch
    /// `nil`: the record had changed within this reign before this host heard of it.
    var reason: ChangeReason?
    var plan: UInt64
  }

  private var moves: [ShardID: [Move]] = [:]

  /// Newest first.
  func moves(of shard: ShardID) -> [Move] { moves[shard] ?? [] }

  mutating func note(_ entry: DirectoryEntry, at wall: UInt64) {
    guard let owner = entry.owner, entry.epoch > .none else { return }
    let last = moves[entry.shard]?.first
    guard last.map({ entry.epoch > $0.epoch }) ?? true else { return }
    guard moves[entry.shard] != nil || moves.count < PlacementView.shardsLimit else { return }
    moves[entry.shard, default: []].insert(
      Move(
        wall: entry.since > 0 ? entry.since * 1_000_000_000 : wall, from: last?.to, to: owner, epoch: entry.epoch,
        reason: entry.reason.beginsReign ? entry.reason : entry.epoch == Epoch(1) ? .initial : nil, plan: entry.plan),
      at: 0)
    if let count = moves[entry.shard]?.count, count > PlacementHistory.limit { moves[entry.shard]?.removeLast() }
  }
}

extension ChangeReason {
  fileprivate var beginsReign: Bool {
    switch self {
    case .shrink, .expand, .touch: false
    default: true
    }
  }

  /// For people.
  var words: String {
    switch self {
    case .initial: "first owner"
    case .death: "its owner was silent"
    case .drain: "its owner is drained"
    case .relief: "its owner carried more than its share"
    case .pin: "pinned by the operator"
    case .order: "moved by the operator"
    case .comeback: "back to where it belongs"
    case .shrink: "a copy does not answer"
    case .expand: "a copy has caught up"
    case .touch: "confirmed"
    case .renew: "its owner began anew"
    case .recover: "all its hosts had restarted"
    case .unclean: "taken over by the operator's word"
    case .placement: "its owner is not on its list any more"
    }
  }
}
