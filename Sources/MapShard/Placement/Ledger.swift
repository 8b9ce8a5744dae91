/// What each host carries while owners are being chosen, by index of the host table.
struct Ledger {
  private(set) var loads: [UInt64]
  private(set) var maps: [Int]
  let weights: [UInt64]

  init(weights: [UInt64]) {
    self.weights = weights
    loads = [UInt64](repeating: 0, count: weights.count)
    maps = [Int](repeating: 0, count: weights.count)
  }

  mutating func add(_ shard: PlacementShard, to host: Int) {
    loads[host] += shard.weighedLoad
    if shard.kind == .maps { maps[host] += shard.maps }
  }

  mutating func remove(_ shard: PlacementShard, from host: Int) {
    loads[host] -= shard.weighedLoad
    if shard.kind == .maps { maps[host] -= shard.maps }
  }

  /// Whether `load` more makes `one` carry less for its weight than it would make `other`. Loads sum to less than 2⁴⁵,
  /// weights are at most 64: nothing leaves 64 bits.
  @inline(__always)
  func isLighter(_ one: Int, than other: Int, with load: UInt64) -> Bool {
    (loads[one] + load) * weights[other] < (loads[other] + load) * weights[one]
  }

  /// Whether `one` carries more for its weight than `other`.
  @inline(__always)
  func isHeavier(_ one: Int, than other: Int) -> Bool { loads[one] * weights[other] > loads[other] * weights[one] }

  /// The greater of what both would carry for their weights if `load` went from `giver` to `taker`, in units of
  /// 1 / (weight of the giver · weight of the taker).
  @inline(__always)
  func pairMaximum(moving load: UInt64, from giver: Int, to taker: Int) -> UInt64 {
    max((loads[giver] - load) * weights[taker], (loads[taker] + load) * weights[giver])
  }
}
