package import Hashing
package import Wire

/// What placement knows of a host. Hosts that are gone for longer than they are waited for are left out.
package struct PlacementHost: Hashable, Sendable {
  package var id: HostID
  /// These five are the certificate's.
  package var ringSeed: RingSeed
  package var roles: Roles
  package var trustClass: UInt8
  /// Whose machine it is; 0: the operator's.
  package var contributor: UInt32
  /// `Endpoint.prefix` of its address as the voters see it.
  package var zone: UInt64
  /// As published, 0...64.
  package var weight: Int
  package var resources: HostResources
  package var presence = Presence.alive
  package var isDraining = false
  package var hasActiveWorld = true
  /// Its mesh port does not answer from outside, or gossip calls it impaired: holds nothing new, owns nothing.
  package var isImpaired = false

  /// By gossip's *stable* events.
  package enum Presence: UInt8, Sendable, Comparable {
    case alive, suspect
    /// Back after a death, not yet trusted to stay (the hold-down of `gossip.md` 5.8): has its own places in the lists
    /// again, so that copies are not missing meanwhile, and takes nothing else.
    case returning
    /// Dead or left, and perhaps back soon: what it held is not given a lasting place elsewhere.
    case gone

    package static func < (left: Presence, right: Presence) -> Bool { left.rawValue < right.rawValue }
  }

  package init(
    id: HostID, ringSeed: RingSeed, roles: Roles = .host, trustClass: UInt8 = 0, contributor: UInt32 = 0,
    zone: UInt64 = 0, weight: Int, resources: HostResources
  ) {
    self.id = id
    self.ringSeed = ringSeed
    self.roles = roles
    self.trustClass = trustClass
    self.contributor = contributor
    self.zone = zone
    self.weight = weight
    self.resources = resources
  }
}

/// What the signed world says of placement: equal at every host.
package struct PlacementRules: Hashable, Sendable {
  /// Copies wanted of each shard, the owner's included: 1...7.
  package var replicationFactor = 3
  /// `min_replication`: the smallest in-sync set at which critical writes go on.
  package var minimumReplication = 2
  /// While fewer hosts are alive all shards stay with hosts of role home, if there are any.
  package var minimumHosts = 1
  /// 0: no limit.
  package var maximumMapsPerHost = 0
  package var ownersTrustClass: UInt8 = 1
  package var requirements = Requirements()
  /// `auto_distribute`; false: only pins, orders, drains and deaths move shards.
  package var movesByItself = true

  /// What a host needs to own shards. One that has less may hold copies.
  package struct Requirements: Hashable, Sendable {
    package var cores = 0
    package var memoryBytes: UInt64 = 0
    package var bandwidthBitsPerSecond: UInt64 = 0
    package var uptimePerMille = 0

    package init() {}
  }

  package init() {}
}

/// What placement knows of a shard.
package struct PlacementShard: Hashable, Sendable {
  package var id: ShardID
  /// Maps in it: what `maximumMapsPerHost` counts.
  package var maps: Int
  package var kind = Kind.maps
  /// Smoothed; see `ShardLoad`. An idle map counts as 1.
  package var load: UInt64
  /// See `ShardLoad`.
  package var classExponent: Int
  package var players = 0
  /// What a copy of its state weighs; for forecasts only.
  package var stateBytes: UInt64 = 0
  package var pin: HostID?
  /// `nil`: the register has no record of it.
  package var standing: ShardStanding?

  package enum Kind: UInt8, Sendable {
    case maps
    /// The reserved shard `@bridge`: only hosts with role bridge own it; copies go to hosts of trust class 0 and 1.
    case bridge
  }

  package init(id: ShardID, maps: Int, load: UInt64 = 0, classExponent: Int? = nil, standing: ShardStanding? = nil) {
    self.id = id
    self.maps = maps
    self.load = load
    self.classExponent = classExponent ?? ShardLoad.classExponent(of: load)
    self.standing = standing
  }

  /// What sums are made of: never 0, so that idle shards are spread too.
  var weighedLoad: UInt64 { min(ShardLoad.limit, max(load, UInt64(max(1, min(maps, 1 << 20))))) }
}

/// What the register says of a shard, lives resolved: a seat whose life is over is not a member here.
package struct ShardStanding: Hashable, Sendable {
  /// `nil`: the recorded owner's life is over.
  package var owner: HostID?
  /// The in-sync set.
  package var members: [HostID]
  package var learners: [HostID]
  package var epoch: Epoch
  package var version: UInt64
  /// Monotonic time since which this owner reigns; 0: longer than this steward knows.
  package var since: UInt64
  package var reason: ChangeReason

  package init(
    owner: HostID?, members: [HostID], learners: [HostID] = [], epoch: Epoch = Epoch(1), version: UInt64 = 1,
    since: UInt64 = 0, reason: ChangeReason = .initial
  ) {
    self.owner = owner
    self.members = members
    self.learners = learners
    self.epoch = epoch
    self.version = version
    self.since = since
    self.reason = reason
  }

  /// Of a record, when every recorded life is still the life of its host as `isLive` says.
  package init(_ record: Record, since: UInt64, isLive: (Member) -> Bool) {
    let live = record.members.filter(isLive)
    self.init(
      owner: isLive(record.owner) ? record.owner.host : nil, members: live.map(\.host), learners: record.learners,
      epoch: record.epoch, version: record.version, since: since, reason: record.reason)
  }
}

/// Everything that a placement depends on. Equal views, equal placements, in whatever order hosts and shards are given.
package struct PlacementView: Sendable {
  package static let hostsLimit = 4_096
  package static let shardsLimit = 8_192

  /// Drawn when the world is made, after the hosts' ring seeds: nobody can choose an id that attracts a shard.
  package var salt: ShortHash
  package var rules: PlacementRules
  package var hosts: [PlacementHost]
  package var shards: [PlacementShard]

  package init(salt: ShortHash, rules: PlacementRules, hosts: [PlacementHost], shards: [PlacementShard]) {
    self.salt = salt
    self.rules = rules
    self.hosts = hosts
    self.shards = shards
  }

  /// Of what may change under a plan: who is there, with what weight, fit for what. Load, players and records may go on.
  package var membershipVersion: UInt64 {
    var version = salt(UInt64(hosts.count), UInt64(rules.replicationFactor) << 32 | UInt64(rules.maximumMapsPerHost))
    for host in hosts.sorted(by: { $0.id < $1.id }) {
      let flags =
        UInt64(host.roles.rawValue) | UInt64(host.trustClass) << 8 | UInt64(min(255, max(0, host.weight))) << 16
        | UInt64(host.presence.rawValue) << 24 | (host.isDraining ? 1 << 32 : 0) | (host.hasActiveWorld ? 1 << 33 : 0)
        | (host.isImpaired ? 1 << 34 : 0)
      version = salt(version, host.id.rawValue)
      version = salt(version, flags)
      version = salt(version, host.zone ^ UInt64(host.contributor) << 1)
    }
    return version
  }
}
