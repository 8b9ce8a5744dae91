/// How a shard stands: the word of screens and of `--json`.
package enum ShardState: String, Codable, Hashable, Sendable, CaseIterable {
  /// Its owner acts.
  case acting
  /// It has an owner who may not act now.
  case held
  /// It is being moved.
  case moving
  /// Nobody owns it.
  case unowned
}

/// `mesh-ctl maps`
package struct MapsReply: Reply, Hashable {
  package static let schemaName = "mesh.maps/1"
  package var schema = MapsReply.schemaName
  package var at: Timestamp
  package var network: NetworkName
  /// Version of the active world; 0: none.
  package var world: UInt64
  package var shards: [Shard]

  package struct Shard: Codable, Hashable, Sendable {
    package var name: String
    package var maps: [String]
    package var state: ShardState
    package var epoch: UInt64
    package var owner: HostName?
    /// The in-sync set, the owner included.
    package var copies: [HostName]
    /// Hosts that are there and catch up.
    package var learners: [HostName]
    /// Copies wanted.
    package var wanted: Int
    package var pinned: HostName?
    /// Why it is held or unowned, in words.
    package var why: String?

    package init(
      name: String, maps: [String], state: ShardState, epoch: UInt64, owner: HostName?, copies: [HostName],
      learners: [HostName], wanted: Int, pinned: HostName?, why: String?
    ) {
      self.name = name
      self.maps = maps
      self.state = state
      self.epoch = epoch
      self.owner = owner
      self.copies = copies
      self.learners = learners
      self.wanted = wanted
      self.pinned = pinned
      self.why = why
    }
  }

  package init(at: Timestamp, network: NetworkName, world: UInt64, shards: [Shard]) {
    self.at = at
    self.network = network
    self.world = world
    self.shards = shards
  }
}

/// `mesh-ctl ring`
package struct RingReply: Reply, Hashable {
  package static let schemaName = "mesh.ring/1"
  package var schema = RingReply.schemaName
  package var at: Timestamp
  package var network: NetworkName
  package var world: UInt64
  package var hosts: [Host]
  /// Largest load per weight over the mean; `nil` where the node that answers is not the steward.
  package var maxOverMean: Double?
  package var lastMoveAt: Timestamp?
  package var pins: Int
  package var voters: [HostName]
  package var steward: HostName?

  package struct Host: Codable, Hashable, Sendable {
    package var host: HostName
    /// Weight, share and load are known to the steward only; `nil` elsewhere.
    package var weight: Int?
    /// Part of all weights, 0...1.
    package var share: Double?
    /// Of its fair share; 1 = exactly that.
    package var load: Double?
    package var shards: Int
    package var maps: Int
    package var copies: Int
    package var draining: Bool
    /// Why it may own nothing, in words; `nil`: it may, as far as the node that answers knows.
    package var unfit: String?
    /// The map that carries most; `nil` when that is not known.
    package var hotMap: String?

    package init(
      host: HostName, weight: Int?, share: Double?, load: Double?, shards: Int, maps: Int, copies: Int,
      draining: Bool, unfit: String?, hotMap: String?
    ) {
      self.host = host
      self.weight = weight
      self.share = share
      self.load = load
      self.shards = shards
      self.maps = maps
      self.copies = copies
      self.draining = draining
      self.unfit = unfit
      self.hotMap = hotMap
    }
  }

  package init(
    at: Timestamp, network: NetworkName, world: UInt64, hosts: [Host], maxOverMean: Double?, lastMoveAt: Timestamp?,
    pins: Int, voters: [HostName], steward: HostName?
  ) {
    self.at = at
    self.network = network
    self.world = world
    self.hosts = hosts
    self.maxOverMean = maxOverMean
    self.lastMoveAt = lastMoveAt
    self.pins = pins
    self.voters = voters
    self.steward = steward
  }
}

/// `mesh-ctl explain MAP`
package struct PlacementReply: Reply, Hashable {
  package static let schemaName = "mesh.placement/1"
  package var schema = PlacementReply.schemaName
  package var at: Timestamp
  package var map: String
  package var shard: MapsReply.Shard
  package var ownerSince: Timestamp?
  package var candidates: [Candidate]
  package var moves: [Move]
  /// Silent members, promises that are missing: what the owner waits for.
  package var waitsFor: [String]
  /// Who decides; only his own node knows the candidates.
  package var steward: HostName?

  package struct Candidate: Codable, Hashable, Sendable {
    /// From 1; `nil`: not eligible.
    package var rank: Int?
    package var host: HostName
    /// The score of the hash, as shown; larger is nearer.
    package var score: Double
    package var eligible: Bool
    /// Of its fair share.
    package var load: Double?
    package var verdict: String
    /// `file:line` of the setting that decides, or other proof.
    package var evidence: String?

    package init(
      rank: Int?, host: HostName, score: Double, eligible: Bool, load: Double?, verdict: String, evidence: String?
    ) {
      self.rank = rank
      self.host = host
      self.score = score
      self.eligible = eligible
      self.load = load
      self.verdict = verdict
      self.evidence = evidence
    }
  }

  package struct Move: Codable, Hashable, Sendable {
    package var at: Timestamp
    package var from: HostName?
    package var to: HostName
    package var epoch: UInt64
    package var reason: String
    package var plan: UInt64?

    package init(at: Timestamp, from: HostName?, to: HostName, epoch: UInt64, reason: String, plan: UInt64?) {
      self.at = at
      self.from = from
      self.to = to
      self.epoch = epoch
      self.reason = reason
      self.plan = plan
    }
  }

  package init(
    at: Timestamp, map: String, shard: MapsReply.Shard, ownerSince: Timestamp?, candidates: [Candidate],
    moves: [Move], waitsFor: [String], steward: HostName?
  ) {
    self.at = at
    self.map = map
    self.shard = shard
    self.ownerSince = ownerSince
    self.candidates = candidates
    self.moves = moves
    self.waitsFor = waitsFor
    self.steward = steward
  }
}
