package import Hashing
package import Wire

/// The 16 bytes that the operator drew for a host's certificate. They and nothing that a host chooses decide what falls
/// to it: a host cannot make keys until it gets the shard it wants.
package struct RingSeed: Hashable, Sendable {
  package let low: UInt64
  package let high: UInt64

  /// `nil` unless there are 16 bytes.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count == 16 else { return nil }
    var words: (UInt64, UInt64) = (0, 0)
    withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
    self.init(low: UInt64(littleEndian: words.0), high: UInt64(littleEndian: words.1))
  }

  /// As two little-endian words.
  package init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }
}

/// How well a host suits a shard: weight / −log2(u), u from SipHash-2-4 under the world's salt over the eight bytes of the
/// shard id and the sixteen of the host's ring seed. Weighted rendezvous hashing: each shard goes to a host with a
/// probability in proportion to the host's weight, and a host that comes or goes changes nothing between the others.
package struct Score: Hashable, Sendable {
  /// −log2(u) with 48 binary places, 1...2⁵⁴. Less is better.
  package let cost: UInt64
  /// 1...64.
  package let weight: UInt64
  package let host: HostID

  package init(of shard: ShardID, for seed: RingSeed, host: HostID, weight: Int, salt: ShortHash) {
    cost = Log2Table.entries.withUnsafeBufferPointer { table -> UInt64 in
      guard let entries = table.baseAddress else { return .max }
      return Score.cost(of: shard, for: seed, salt: salt, entries)
    }
    self.weight = UInt64(Weight.clamped(weight))
    self.host = host
  }

  @inline(__always)
  static func cost(of shard: ShardID, for seed: RingSeed, salt: ShortHash, _ entries: UnsafePointer<UInt64>) -> UInt64 {
    let words = (shard.rawValue.bigEndian, seed.low.littleEndian, seed.high.littleEndian)
    return Log2Table.cost(of: withUnsafeBytes(of: words) { salt($0) }, entries)
  }

  /// Whether it stands before `other` in the shard's ranking; the lower host id wins a tie.
  @inline(__always)
  package func ranksBefore(_ other: Score) -> Bool {
    Score.ranksBefore(cost, weight, host, other.cost, other.weight, other.host)
  }

  /// weight / cost > otherWeight / otherCost without a division: 2⁵⁴ · 64 fits 64 bits.
  @inline(__always)
  static func ranksBefore(
    _ cost: UInt64, _ weight: UInt64, _ host: HostID, _ otherCost: UInt64, _ otherWeight: UInt64, _ otherHost: HostID
  ) -> Bool {
    let mine = cost &* otherWeight
    let others = otherCost &* weight
    return mine != others ? mine < others : host < otherHost
  }

  /// u^(1 / weight) in thousandths: 1,000 is perfect. What `explain` shows; orders like the score itself.
  package var thousandths: Int { Log2Table.thousandths(ofPowerMinus: cost / weight) }
}
