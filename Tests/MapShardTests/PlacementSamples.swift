import Hashing
import MapShard
import Wire

/// Worlds for placement's tests, by seed.
struct PlacementSample {
  var chance: Chance

  init(seed: UInt64) { chance = Chance(seed: mix64(seed)) }

  mutating func salt() -> ShortHash {
    let words = (chance.next(), chance.next())
    guard let salt = withUnsafeBytes(of: words, { ShortHash(key: $0) }) else { fatalError("16 bytes are a key") }
    return salt
  }

  mutating func host(weight: Int? = nil, contributors: Int = 0, zones: Int = 0) -> PlacementHost {
    PlacementHost(
      id: HostID(rawValue: chance.next()), ringSeed: RingSeed(low: chance.next(), high: chance.next()),
      contributor: contributors == 0 ? 0 : UInt32(1 + chance.below(contributors)),
      zone: zones == 0 ? chance.next() : UInt64(chance.below(zones)),
      weight: weight ?? [1, 2, 4, 8][chance.below(4)],
      resources: HostResources(cores: 4, memoryBytes: 8 << 30, uplinkBitsPerSecond: 100_000_000))
  }

  mutating func view(hosts: Int, shards: Int, contributors: Int = 0, zones: Int = 0, load: UInt64 = 200)
    -> PlacementView
  {
    let salt = salt()
    let all = (0..<hosts).map { _ in host(contributors: contributors, zones: zones) }
    let placed = (0..<shards).map { _ in
      PlacementShard(id: ShardID(rawValue: chance.next()), maps: 1 + chance.below(3), load: chance.below(load + 1))
    }
    return PlacementView(salt: salt, rules: PlacementRules(), hosts: all, shards: placed)
  }
}

extension PlacementView {
  func placed() -> Placement {
    var ranking = Ranking(salt: salt)
    return Placement(self, ranking: &ranking)
  }

  /// As it is when everything that a placement wants has been done.
  func fulfilled(_ placement: Placement, since: UInt64 = 0) -> PlacementView {
    var view = self
    for index in view.shards.indices {
      guard let placed = placement.shard(view.shards[index].id) else { continue }
      view.shards[index].standing = ShardStanding(owner: placed.owner, members: placed.replicas, since: since)
    }
    return view
  }

  subscript(host id: HostID) -> PlacementHost {
    get { hosts.first { $0.id == id } ?? hosts[0] }
    set { for index in hosts.indices where hosts[index].id == id { hosts[index] = newValue } }
  }

  subscript(shard id: ShardID) -> PlacementShard {
    get { shards.first { $0.id == id } ?? shards[0] }
    set { for index in shards.indices where shards[index].id == id { shards[index] = newValue } }
  }
}
