/// At most `rate` things per second, and no more than a second's worth at once.
package struct RateLimit {
  private let cost: UInt64
  /// Nanoseconds saved up.
  private var credit: UInt64 = RateLimit.second
  private var refilled: UInt64 = 0

  private static let second: UInt64 = 1_000_000_000

  package init(perSecond rate: Int) { cost = RateLimit.second / UInt64(rate) }

  package mutating func take(_ count: Int = 1, at now: UInt64) -> Bool {
    if now > refilled {
      credit = min(RateLimit.second, credit &+ min(now - refilled, RateLimit.second))
      refilled = now
    }
    let price = cost * UInt64(count)
    guard credit >= price else { return false }
    credit -= price
    return true
  }
}
