import Hashing
import MapShard
import Wire

/// How others place: each is a stateless function hosts × shards → owner.
enum Rival: String, CaseIterable {
  /// 160 points per mean capacity on a ring; the next point owns.
  case ring = "ring_160"
  case hrw
  /// The next host by score that stays below 1.25 times its share (Mirrokni, Thorup, Zadimoghaddam, by load).
  case bounded = "bounded_load"
  /// The least loaded of the three best by score.
  case leastLoaded = "least_loaded_of_3"
  /// Largest first, to the least loaded of all: no regard for movement.
  case largestFirst = "largest_first"

  func owners(_ hosts: [PlacementHost], _ shards: [PlacementShard], _ salt: ShortHash) -> [HostID] {
    switch self {
    case .ring: ringOwners(hosts, shards, salt)
    case .hrw: ranks(hosts, shards, salt).map { hosts[$0[0]].id }
    case .bounded: boundedOwners(hosts, shards, salt)
    case .leastLoaded: leastLoadedOwners(hosts, shards, salt)
    case .largestFirst: largestFirstOwners(hosts, shards)
    }
  }

  func maximumOverMean(_ world: PlacementWorld) -> Double {
    var carried = Carried()
    for (shard, owner) in zip(world.shards, owners(world.hosts, world.shards, world.salt)) {
      carried.add(shard.load, to: owner)
    }
    return carried.maximumOverMean(world.hosts)
  }

  /// The heaviest shard alone on the strongest host: nothing can be better.
  static func floor(_ world: PlacementWorld) -> Double {
    let total = Double(world.shards.reduce(0) { $0 + $1.load })
    let capacity = Double(world.hosts.reduce(0) { $0 + $1.weight })
    let heaviest = Double(world.shards.map(\.load).max() ?? 0)
    let strongest = Double(world.hosts.map(\.weight).max() ?? 1)
    return max(1, heaviest / strongest / (total / capacity))
  }

  private func ringOwners(_ hosts: [PlacementHost], _ shards: [PlacementShard], _ salt: ShortHash) -> [HostID] {
    let mean = Double(hosts.reduce(0) { $0 + $1.weight }) / Double(hosts.count)
    var points: [(UInt64, HostID)] = []
    for host in hosts {
      for point in 0..<max(1, Int(160 * Double(host.weight) / mean)) {
        points.append((salt(host.ringSeed.low ^ UInt64(point), host.ringSeed.high), host.id))
      }
    }
    points.sort { $0.0 < $1.0 }
    return shards.map { shard in
      let place = salt(shard.id.rawValue, 0)
      var low = 0
      var high = points.count
      while low < high {
        let middle = (low + high) / 2
        if points[middle].0 < place { low = middle + 1 } else { high = middle }
      }
      return points[low == points.count ? 0 : low].1
    }
  }

  private func ranks(_ hosts: [PlacementHost], _ shards: [PlacementShard], _ salt: ShortHash) -> [[Int]] {
    shards.map { shard in
      let scores = hosts.map { Score(of: shard.id, for: $0.ringSeed, host: $0.id, weight: $0.weight, salt: salt) }
      return scores.indices.sorted { scores[$0].ranksBefore(scores[$1]) }
    }
  }

  private func boundedOwners(_ hosts: [PlacementHost], _ shards: [PlacementShard], _ salt: ShortHash) -> [HostID] {
    let total = Double(shards.reduce(0) { $0 + $1.load })
    let capacity = Double(hosts.reduce(0) { $0 + $1.weight })
    let bounds = hosts.map { 1.25 * total * Double($0.weight) / capacity }
    var loads = [Double](repeating: 0, count: hosts.count)
    return zip(shards, ranks(hosts, shards, salt)).map { shard, rank in
      let load = Double(shard.load)
      let fitting = rank.first { loads[$0] + load <= bounds[$0] }
      let owner =
        fitting ?? rank.min {
          (loads[$0] + load) / Double(hosts[$0].weight) < (loads[$1] + load) / Double(hosts[$1].weight)
        }
        ?? 0
      loads[owner] += load
      return hosts[owner].id
    }
  }

  private func leastLoadedOwners(_ hosts: [PlacementHost], _ shards: [PlacementShard], _ salt: ShortHash) -> [HostID] {
    var loads = [Double](repeating: 0, count: hosts.count)
    return zip(shards, ranks(hosts, shards, salt)).map { shard, rank in
      let load = Double(shard.load)
      let owner =
        rank.prefix(3).min {
          (loads[$0] + load) / Double(hosts[$0].weight) < (loads[$1] + load) / Double(hosts[$1].weight)
        } ?? 0
      loads[owner] += load
      return hosts[owner].id
    }
  }

  private func largestFirstOwners(_ hosts: [PlacementHost], _ shards: [PlacementShard]) -> [HostID] {
    var loads = [Double](repeating: 0, count: hosts.count)
    var owners = [HostID](repeating: HostID(rawValue: 0), count: shards.count)
    for shard in shards.indices.sorted(by: { shards[$0].load > shards[$1].load }) {
      let load = Double(shards[shard].load)
      let owner =
        hosts.indices.min {
          (loads[$0] + load) / Double(hosts[$0].weight) < (loads[$1] + load) / Double(hosts[$1].weight)
        } ?? 0
      loads[owner] += load
      owners[shard] = hosts[owner].id
    }
    return owners
  }
}
