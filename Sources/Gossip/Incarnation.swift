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

  package var generation: UInt64 { rawValue >> 24 }
  package var refutation: UInt64 { rawValue & 0xff_ffff }

  package var description: String { "\(generation).\(refutation)" }

  package static func < (left: Incarnation, right: Incarnation) -> Bool { left.rawValue < right.rawValue }
}
