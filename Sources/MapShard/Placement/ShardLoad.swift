/// A shard's load as placement takes it. The unit is the reporter's (thousandths of a core); placement only compares.
package struct ShardLoad: Hashable, Sendable {
  /// 2³² − 1: more than any machine; keeps every sum of placement within 64 bits.
  package static let limit: UInt64 = 0xffff_ffff
  /// A class is lowered after half an hour below.
  package static let loweringSpan: UInt64 = 1_800_000_000_000

  /// Half of a change is believed after 10 s, two reports: what owners are balanced by. Slower, and balance runs after
  /// the load.
  private var recent = MovingAverage(perSecond: MovingAverage.halfIn10Seconds)
  /// Half of a change is believed after 15 minutes: what the class follows, because a class changes replica lists.
  private var lasting = MovingAverage(perSecond: MovingAverage.halfIn15Minutes)
  /// The power of two at or above the lasting load: 2^exponent.
  package private(set) var classExponent = 0
  private var belowSince: UInt64?

  package init() {}

  package var value: UInt64 { recent.value }
  package var lastingValue: UInt64 { lasting.value }

  package mutating func report(_ load: UInt64, monotonic: UInt64) {
    recent.add(min(load, ShardLoad.limit), monotonic: monotonic)
    lasting.add(min(load, ShardLoad.limit), monotonic: monotonic)
    classify(monotonic: monotonic)
  }

  /// Raised at once, because a host that is too weak harms players now.
  private mutating func classify(monotonic: UInt64) {
    let fitting = ShardLoad.classExponent(of: lasting.value)
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

  /// Of the smallest power of two that is not below the load.
  package static func classExponent(of load: UInt64) -> Int {
    load <= 1 ? 0 : UInt64.bitWidth - (min(load, limit) - 1).leadingZeroBitCount
  }
}

/// An exponential moving average in integers.
struct MovingAverage: Hashable, Sendable {
  /// 2^(−1/10) and 2^(−1/900), with 32 binary places.
  static let halfIn10Seconds: UInt64 = 4_007_346_185
  static let halfIn15Minutes: UInt64 = 4_291_660_742

  /// What is left of the past after a second, with 32 binary places.
  private let perSecond: UInt64
  /// With 16 binary places; values are below 2³².
  private var average: UInt64 = 0
  private var updated: UInt64?

  init(perSecond: UInt64) { self.perSecond = perSecond }

  var value: UInt64 { (average + 0x8000) >> 16 }

  /// A first value is believed at once: there is nothing older to be loyal to.
  mutating func add(_ value: UInt64, monotonic: UInt64) {
    let scaled = value << 16
    guard let updated else {
      average = scaled
      self.updated = monotonic
      return
    }
    let seconds = monotonic > updated ? (monotonic - updated) / 1_000_000_000 : 0
    let kept = left(afterSeconds: seconds)
    let old = average.multipliedFullWidth(by: kept)
    let new = scaled.multipliedFullWidth(by: 1 << 32 - kept)
    // Both products have 32 further binary places and stay below 2⁸⁰.
    let low = old.low.addingReportingOverflow(new.low)
    let high = old.high &+ new.high &+ (low.overflow ? 1 : 0)
    average = high << 32 | low.partialValue >> 32
    // What is left of a second counts the next time.
    self.updated = updated &+ seconds &* 1_000_000_000
  }

  /// perSecond^seconds, by squaring.
  private func left(afterSeconds seconds: UInt64) -> UInt64 {
    // Forty half-lives of a quarter of an hour leave nothing.
    guard seconds < 36_000 else { return 0 }
    var factor = perSecond
    var result: UInt64 = 1 << 32
    var left = seconds
    while left > 0 {
      if left & 1 == 1 { result = MovingAverage.product(result, factor) }
      factor = MovingAverage.product(factor, factor)
      left >>= 1
    }
    return result
  }

  /// Of two numbers up to 1 with 32 binary places.
  private static func product(_ one: UInt64, _ other: UInt64) -> UInt64 {
    let full = one.multipliedFullWidth(by: other)
    return full.high << 32 | full.low >> 32
  }
}
