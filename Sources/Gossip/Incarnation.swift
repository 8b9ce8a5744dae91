package import Wire

/// The life of a node and its refutations within that life; greater supersedes smaller, of one host only.
///
/// `generation` is persisted before the first packet of a life: max(persisted + 1, seconds since 2025-01-01), so a mass
/// restart never begins below what others remember (`gossip.md` 5.1). 40 + 24 bits.
package struct Incarnation: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let rawValue: UInt64

  package static let generationLimit: UInt64 = 1 << 40
  package static let refutationLimit: UInt64 = 1 << 24

  package init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Values above their limits are cut to them.
  package init(generation: UInt64, refutation: UInt64) {
    rawValue =
      min(generation, Incarnation.generationLimit - 1) << 24 | min(refutation, Incarnation.refutationLimit - 1)
  }

  /// 2025-01-01 in Unix seconds.
  private static let epoch: UInt64 = 1_735_689_600

  /// The next life: above every earlier one, and at least the seconds since 2025, so that one that was lost with its disk
  /// is still passed by.
  package static func generation(after persisted: UInt64, at now: Now) -> UInt64 {
    let clock = now.wallSeconds > epoch ? now.wallSeconds - epoch : 0
    return max(min(persisted, generationLimit) + 1, clock)
  }

  package var generation: UInt64 { rawValue >> 24 }
  package var refutation: UInt64 { rawValue & 0xff_ffff }

  package var description: String { "\(generation).\(refutation)" }

  package static func < (left: Incarnation, right: Incarnation) -> Bool { left.rawValue < right.rawValue }
}
