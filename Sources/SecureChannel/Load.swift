import Wire

/// Tells when the node is under load: HELLOs must then prove their source by a cookie before they cost anything
/// (`security.md` 3.3, step 4). It lasts a second after the last reason.
package struct LoadGauge: Sendable {
  /// More HELLOs with a right mac1 than this in a second are load.
  package static let hellosPerSecond = 100
  /// With a loop this late, an eighth of a full queue (256) is load already.
  package static let lateness = Nanoseconds.milliseconds(20)
  package static let hellosWhenLate = 32
  private static let second = Nanoseconds.seconds(1)

  /// HELLOs in this window of a second and in the one before.
  private var windowStart: UInt64 = 0
  private var current = 0
  private var previous = 0
  private var loadedUntil: UInt64 = 0
  private var lateUntil: UInt64 = 0

  package init() {}

  package func isUnderLoad(at now: UInt64) -> Bool { now < loadedUntil }

  /// A HELLO with a right mac1 came in.
  package mutating func countHello(at now: UInt64) {
    advance(to: now)
    current += 1
    let recent = current + previous
    if current > LoadGauge.hellosPerSecond || recent > 2 * LoadGauge.hellosPerSecond
      || (now < lateUntil && recent > LoadGauge.hellosWhenLate)
    {
      loadedUntil = now &+ LoadGauge.second
    }
  }

  /// The loop served something so much too late.
  package mutating func observe(lateness: UInt64, at now: UInt64) {
    guard lateness > LoadGauge.lateness else { return }
    lateUntil = now &+ LoadGauge.second
  }

  private mutating func advance(to now: UInt64) {
    let elapsed = now &- windowStart
    guard elapsed >= LoadGauge.second else { return }
    previous = elapsed < 2 * LoadGauge.second ? current : 0
    current = 0
    windowStart = now
  }
}
