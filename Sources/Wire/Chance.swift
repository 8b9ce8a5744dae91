/// The source of chance for choices (whom to probe, jitter): xoshiro256** (Blackman and Vigna, 2018), seeded by
/// SplitMix64. Same seed, same choices. Never for secrets, indices or salts: those come from `Entropy`.
package struct Chance: RandomNumberGenerator, Hashable, Sendable {
  private var s0: UInt64
  private var s1: UInt64
  private var s2: UInt64
  private var s3: UInt64

  package init(seed: UInt64) {
    var state = seed
    func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      return mix64(state)
    }
    s0 = next()
    s1 = next()
    s2 = next()
    s3 = next()
  }

  package mutating func next() -> UInt64 {
    let result = rotate(s1 &* 5, 7) &* 9
    let shifted = s1 << 17
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = rotate(s3, 45)
    return result
  }

  /// Uniform in 0..<bound (Lemire's multiplication; the bias is below bound / 2^64). 0 for bound 0.
  package mutating func below(_ bound: Int) -> Int {
    guard bound > 1 else { return 0 }
    return Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// Uniform in 0..<bound.
  package mutating func below(_ bound: UInt64) -> UInt64 {
    next().multipliedFullWidth(by: bound).high
  }

  /// True with the given probability.
  package mutating func happens(_ probability: Double) -> Bool {
    Double(next() >> 11) * 0x1p-53 < probability
  }

  /// Uniform in 0..<1.
  package mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// `span` ± `fraction`, uniformly.
  package mutating func jittered(_ span: UInt64, by fraction: Double) -> UInt64 {
    let width = Double(span) * fraction
    let value = Double(span) - width + 2 * width * unit()
    return value <= 0 ? 0 : UInt64(value)
  }

  private func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): a bijection on 64 bits with good avalanche.
@inlinable package func mix64(_ value: UInt64) -> UInt64 {
  var z = value
  z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
  z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
  return z ^ z >> 31
}

/// The source of secrets, indices and salts, injected: the shell's is libsodium, the simulator's is seeded.
package protocol Entropy: AnyObject {
  /// Fills the whole buffer.
  func fill(_ bytes: UnsafeMutableRawBufferPointer)
}

extension Entropy {
  package func u64() -> UInt64 {
    var value: UInt64 = 0
    withUnsafeMutableBytes(of: &value) { fill($0) }
    return value
  }

  package func u32() -> UInt32 { UInt32(truncatingIfNeeded: u64()) }
}
