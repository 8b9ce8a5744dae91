/// How much a host trusts itself (Lifeguard): 0 well … 7 sick. A sick host probes less often and waits longer, because
/// what it misses is more likely its own fault. Also the packet loss that its probes have seen.
package struct LocalHealth: Hashable {
  package static let worst = 7

  package private(set) var score = 0
  /// Share of round trips to living hosts that failed at first; weight 1/64 to each.
  private var roundTripLoss = 0.0

  package init() {}

  /// A round trip crosses the network twice.
  package var loss: Double { roundTripLoss / 2 }

  package mutating func probeSucceeded() { add(-1) }

  /// A failed probe says something about us only when helpers did not even send their nacks, or when there were none.
  package mutating func probeFailed(helpersAsked: Int, nacks: Int) {
    if helpersAsked == 0 || nacks < helpersAsked { add(1) }
  }

  package mutating func refutedSelf() { add(1) }

  /// The loop did not turn for a while: 1, or 2 from one second on.
  package mutating func stalled(_ span: UInt64) { add(span >= Span.seconds(1) ? 2 : 1) }

  package mutating func reached(livingHost directly: Bool) {
    roundTripLoss += ((directly ? 0 : 1) - roundTripLoss) / 64
  }

  private mutating func add(_ change: Int) { score = min(LocalHealth.worst, max(0, score + change)) }

  /// Stretches a probe interval.
  package func stretched(_ interval: UInt64) -> UInt64 { interval * UInt64(score + 1) }
  /// Stretches a direct timeout half as much, so that helpers still get their share of the interval.
  package func stretchedHalf(_ timeout: UInt64) -> UInt64 { timeout * UInt64(score + 2) / 2 }
}
