package import Wire

/// A host's clock as a function of the world's time (nanoseconds since the world began): it starts at a value of its
/// own and runs up to 1 % fast or slow.
package struct HostClock: Hashable, Sendable {
  /// Deviation of the rate in parts per million, within ±10,000.
  package let rate: Int64
  /// Its value at the world's beginning.
  package let origin: UInt64

  /// 2026-01-01 00:00:00 UTC, when every world begins.
  package static let worldBegins: UInt64 = 1_767_225_600_000_000_000

  package init(rate: Int64 = 0, origin: UInt64 = 0) {
    self.rate = max(-10_000, min(10_000, rate))
    self.origin = origin
  }

  package func now(at time: UInt64) -> Now {
    let elapsed = scaled(time)
    return Now(monotonic: origin &+ elapsed, wall: HostClock.worldBegins &+ elapsed)
  }

  /// The first world time at which the clock shows at least `monotonic`.
  package func worldTime(of monotonic: UInt64) -> UInt64 {
    guard monotonic > origin else { return 0 }
    let elapsed = monotonic - origin
    if rate == 0 || elapsed > 1 << 62 { return elapsed }
    let product = elapsed.multipliedFullWidth(by: 1_000_000)
    var time = UInt64(1_000_000 + rate).dividingFullWidth(product).quotient
    // Rounding may have put it a nanosecond off, either way.
    while scaled(time) < elapsed { time += 1 }
    while time > 0, scaled(time - 1) >= elapsed { time -= 1 }
    return time
  }

  private func scaled(_ time: UInt64) -> UInt64 {
    time &+ UInt64(bitPattern: Int64(time) / 1_000_000 &* rate &+ Int64(time) % 1_000_000 &* rate / 1_000_000)
  }
}
