import MapShard
package import Wire

/// A mesh that does at once what its steward asks: copies arrive in a second, moves take no time, the first in-sync host
/// in the told order takes over. What remains is what the steward decides.
package struct StewardedMesh {
  var world: PlacementWorld
  private(set) var steward = Steward(firstPlan: 1)
  private(set) var now = StewardedMesh.time(afterSeconds: 0)
  private var told: [ShardID: [HostID]] = [:]
  private(set) var unforcedMoves = 0
  private(set) var forcedMoves = 0
  private(set) var copies = 0

  init(_ world: PlacementWorld) {
    self.world = world
    // The first decision has no records: whoever leads a told list creates the shard.
    decideAndTell()
    for index in self.world.shards.indices {
      let replicas = told[self.world.shards[index].id] ?? []
      self.world.shards[index].standing = ShardStanding(owner: replicas.first, members: replicas)
    }
    pass(seconds: 600)
    forgetCounts()
  }

  /// Simulated time: some machine has been up for a while on some day.
  package static func time(afterSeconds seconds: UInt64) -> Now {
    Now(
      monotonic: 1_000_000_000_000 + Nanoseconds.seconds(seconds),
      wall: 1_800_000_000_000_000_000 + Nanoseconds.seconds(seconds))
  }

  mutating func forgetCounts() {
    (unforcedMoves, forcedMoves, copies) = (0, 0, 0)
  }

  mutating func pass(seconds: UInt64) {
    now.monotonic += Nanoseconds.seconds(seconds)
    now.wall += Nanoseconds.seconds(seconds)
  }

  @discardableResult
  private mutating func decideAndTell() -> StewardDecision {
    let decision = steward.decide(StewardView(placement: world.view, admittedHolders: world.hosts.count), now: now)
    for list in decision.lists { told[list.shard] = list.replicas }
    return decision
  }

  /// One decision and its fulfilment. Returns whether anything was asked for.
  mutating func decide() -> Bool {
    let decision = decideAndTell()
    guard !decision.actions.isEmpty else { return false }
    var index: [ShardID: Int] = [:]
    for (position, shard) in world.shards.enumerated() { index[shard.id] = position }
    for action in decision.actions {
      guard let row = index[action.shard], var standing = world.shards[row].standing else { continue }
      switch action.step {
      case .invite(let host):
        standing.members.append(host)
        copies += 1
      case .drop(let host): standing.members.removeAll { $0 == host }
      case .move(let host):
        precondition(standing.members.contains(host), "a move to a host that is not in sync")
        standing.owner = host
        standing.since = now.monotonic
        standing.epoch = Epoch(standing.epoch.rawValue + 1)
        unforcedMoves += 1
      }
      world.shards[row].standing = standing
    }
    return true
  }

  /// Decides every second until nothing was asked for in a relief period, at most for `seconds`.
  mutating func settle(atMost seconds: Int) {
    var quiet = 0
    for _ in 0..<seconds {
      pass(seconds: 1)
      quiet = decide() ? 0 : quiet + 1
      // Lists may change again a minute after their last change; relief waits for half a minute of calm.
      if quiet > 75 { return }
    }
  }

  mutating func join(_ host: PlacementHost) { world.hosts.append(host) }

  /// The host dies: members take over what it owned.
  mutating func lose(_ host: HostID) {
    for index in world.hosts.indices where world.hosts[index].id == host { world.hosts[index].presence = .gone }
    for row in world.shards.indices {
      guard var standing = world.shards[row].standing else { continue }
      standing.members.removeAll { $0 == host }
      if standing.owner == host {
        standing.owner = told[world.shards[row].id]?.first { standing.members.contains($0) } ?? standing.members.first
        standing.since = now.monotonic
        forcedMoves += 1
      }
      world.shards[row].standing = standing
    }
  }

  /// It is back, with what it had on disk: it catches up like any learner.
  mutating func comeBack(_ host: HostID) {
    for index in world.hosts.indices where world.hosts[index].id == host { world.hosts[index].presence = .alive }
  }

  mutating func forget(_ host: HostID) { world.hosts.removeAll { $0.id == host } }

  var living: [PlacementHost] { world.hosts.filter { $0.presence != .gone } }

  /// - Parameter loads: of the shards, in their order; `nil`: as placement knows them.
  func maximumOverMean(_ loads: [UInt64]? = nil) -> Double {
    var carried = Carried()
    for (index, shard) in world.shards.enumerated() {
      if let owner = shard.standing?.owner { carried.add(loads?[index] ?? shard.load, to: owner) }
    }
    return carried.maximumOverMean(living)
  }

  var owners: [HostID?] { world.shards.map { $0.standing?.owner } }
  var members: [[HostID]] { world.shards.map { ($0.standing?.members ?? []).sorted() } }
}
