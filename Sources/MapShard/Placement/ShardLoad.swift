/// A shard's load, smoothed: half of a change is believed after 15 minutes. The unit is the reporter's (thousandths of a
/// core); placement only compares.
package struct ShardLoad: Hashable, Sendable {
  /// 2³² − 1: more than any machine; keeps every sum of placement within 64 bits.
  package static let limit: UInt64 = 0xffff_ffff

  /// With 16 binary places.
  private var smoothed: UInt64 = 0
  private var updated: UInt64?
  /// The power of two at or above the load: 2^exponent.
  package private(set) var classExponent = 0
  private var belowSince: UInt64?

  package init() {}

  package var value: UInt64 { (smoothed + 0x8000) >> 16 }

  /// A first report is believed at once: there is nothing older to be loyal to.
  package mutating func report(_ load: UInt64, monotonic: UInt64) {
    let scaled = min(load, ShardLoad.limit) << 16
    if let updated {
      let kept = ShardLoad.kept(afterSeconds: (monotonic &- min(monotonic, updated)) / 1_000_000_000)
      let old = smoothed.multipliedFullWidth(by: kept)
      let new = scaled.multipliedFullWidth(by: 1 << 32 - kept)
      // Both products have 32 further binary places and stay below 2⁸⁰.
      let low = old.low.addingReportingOverflow(new.low)
      let high = old.high &+ new.high &+ (low.overflow ? 1 : 0)
      smoothed = high << 32 | low.partialValue >> 32
      // Seconds that were cut off count the next time.
      self.updated = updated &+ (monotonic &- min(monotonic, updated)) / 1_000_000_000 * 1_000_000_000
    } else {
      smoothed = scaled
      updated = monotonic
    }
    classify(monotonic: monotonic)
  }

  /// Raised at once, because a host that is too weak harms players now; lowered after half an hour below, because every
  /// change of the class may change replica lists.
  private mutating func classify(monotonic: UInt64) {
    let fitting = ShardLoad.classExponent(of: value)
    if fitting >= classExponent {
      classExponent = fitting
      belowSince = nil
    } else if let since = belowSince {
      if monotonic >= since &+ ShardLoad.loweringSpan {
        classExponent = fitting
        belowSince = nil
      }
    } else {
      belowSince = monotonic
    }
  }

  package static let loweringSpan: UInt64 = 1_800_000_000_000

  /// Of the smallest power of two that is not below the load.
  package static func classExponent(of load: UInt64) -> Int {
    load <= 1 ? 0 : UInt64.bitWidth - (min(load, limit) - 1).leadingZeroBitCount
  }

  /// 2^(−seconds / 900) with 32 binary places, by squaring.
  static func kept(afterSeconds seconds: UInt64) -> UInt64 {
    // Forty half-lives leave nothing.
    guard seconds < 36_000 else { return 0 }
    // 2^(−1/900) = 0.999230129… with 32 binary places.
    var factor: UInt64 = 4_291_660_742
    var result: UInt64 = 1 << 32
    var left = seconds
    while left > 0 {
      if left & 1 == 1 { result = product(result, factor) }
      factor = product(factor, factor)
      left >>= 1
    }
    return result
  }

  /// Of two numbers up to 1 with 32 binary places.
  private static func product(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let full = left.multipliedFullWidth(by: right)
    return full.high << 32 | full.low >> 32
  }
}
