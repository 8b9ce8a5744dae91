package import Hashing
package import MapShard
import Wire

/// Hosts and shards of one run: ids, seeds and capacities by chance, loads by shape.
package struct PlacementWorld {
  var chance: Chance
  package let salt: ShortHash
  package var hosts: [PlacementHost] = []
  var shards: [PlacementShard] = []
  /// What each shard's load wanders about.
  private(set) var base: [UInt64] = []

  /// Loads sum to about this; large enough that rounding shows nowhere.
  private static let total = 120_000_000.0

  package init(
    hosts count: Int, shards shardCount: Int, capacities: (least: Int, most: Int), load: LoadShape, seed: UInt64
  ) {
    chance = Chance(seed: mix64(seed ^ 0x706c_6163))
    salt = PlacementWorld.salt(&chance)
    let powers = (0...6).map { 1 << $0 }.filter { (capacities.least...capacities.most).contains($0) }
    for _ in 0..<count {
      hosts.append(newHost(weight: powers.isEmpty ? capacities.least : powers[chance.below(powers.count)]))
    }
    base = PlacementWorld.shares(of: shardCount, load).map { UInt64($0 * PlacementWorld.total) }
    shards = base.map { PlacementShard(id: ShardID(rawValue: chance.next()), maps: 1, load: $0) }
  }

  private static func salt(_ chance: inout Chance) -> ShortHash {
    let words = (chance.next(), chance.next())
    guard let salt = withUnsafeBytes(of: words, { ShortHash(key: $0) }) else {
      preconditionFailure("16 bytes are a key")
    }
    return salt
  }

  mutating func newHost(weight: Int) -> PlacementHost {
    PlacementHost(
      id: HostID(rawValue: chance.next()), ringSeed: RingSeed(low: chance.next(), high: chance.next()),
      zone: chance.next(), weight: weight,
      resources: HostResources(
        cores: weight, memoryBytes: UInt64(weight) << 31, uplinkBitsPerSecond: UInt64(weight) * 10_000_000))
  }

  package var view: PlacementView { PlacementView(salt: salt, rules: PlacementRules(), hosts: hosts, shards: shards) }

  /// Of the first, second, … shard; they sum to 1.
  static func shares(of count: Int, _ load: LoadShape) -> [Double] {
    let raw: [Double]
    switch load {
    case .equal: raw = [Double](repeating: 1, count: count)
    case .zipfHead:
      // The first has 40 %, the others share the rest as k^−1.516, whatever their number.
      let tail = (2...max(2, count)).map { 1 / power(Double($0), 1.516) }
      let sum = tail.reduce(0, +)
      raw = [0.4] + (count > 1 ? tail.map { 0.6 * $0 / sum } : [])
    case .zipfCapped:
      let free = (1...count).map { 1 / Double($0) }
      var cap = 1.0
      // Lowering the cap lowers the sum: the fixed point is reached from above.
      for _ in 0..<200 { cap = 0.02 * free.reduce(0) { $0 + min($1, cap) } }
      raw = 50 >= count ? [Double](repeating: 1, count: count) : free.map { min($0, cap) }
    }
    let sum = raw.reduce(0, +)
    return raw.map { $0 / sum }
  }

  /// base^exponent for base ≥ 1, by halving the exponent: there is no library here.
  private static func power(_ base: Double, _ exponent: Double) -> Double {
    var result = 1.0
    var left = exponent
    var factor = base
    while left >= 1 {
      result *= base
      left -= 1
    }
    for _ in 0..<40 {
      factor = factor.squareRoot()
      left *= 2
      if left >= 1 {
        result *= factor
        left -= 1
      }
    }
    return result
  }
}

/// Balance of loads over capacities.
struct Carried {
  private(set) var loads: [HostID: UInt64] = [:]

  mutating func add(_ load: UInt64, to host: HostID) { loads[host, default: 0] += load }

  /// The greatest load / capacity over the mean of all hosts.
  func maximumOverMean(_ hosts: [PlacementHost]) -> Double {
    let total = loads.values.reduce(0, +)
    let capacity = hosts.reduce(0) { $0 + $1.weight }
    guard total > 0, capacity > 0 else { return 0 }
    let mean = Double(total) / Double(capacity)
    return hosts.map { Double(loads[$0.id] ?? 0) / Double($0.weight) / mean }.max() ?? 0
  }
}
