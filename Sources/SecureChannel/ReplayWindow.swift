/// Which counters of a session were seen: a sliding window (RFC 6479's ring of words, so that moving on clears whole
/// words instead of shifting bits).
///
/// A counter is accepted once, and only while it is fewer than `width` below the highest one accepted. The caller
/// authenticates first: an unauthenticated counter must not move the window.
package struct ReplayWindow {
  /// Counters that are remembered.
  package static let width: UInt64 = 2048
  /// `width` bits can straddle one word more than they fill.
  private static let words = 33

  private var bits = InlineArray<33, UInt64>(repeating: 0)
  private var highest: UInt64?

  package init() {}

  /// The highest counter accepted.
  package var last: UInt64? { highest }

  /// True when `accept` would be.
  package func isFresh(_ counter: UInt64) -> Bool {
    guard let highest, counter <= highest else { return true }
    guard highest - counter < ReplayWindow.width else { return false }
    return bits[slot(counter)] & bit(counter) == 0
  }

  /// Marks a counter as seen; false when it was, or is too old to tell.
  package mutating func accept(_ counter: UInt64) -> Bool {
    guard isFresh(counter) else { return false }
    if let highest, counter > highest {
      clearWords(after: highest >> 6, through: counter >> 6)
      self.highest = counter
    } else if highest == nil {
      highest = counter
    }
    bits[slot(counter)] |= bit(counter)
    return true
  }

  private mutating func clearWords(after last: UInt64, through new: UInt64) {
    let count = min(new - last, UInt64(ReplayWindow.words))
    for step in 0..<count { bits[Int(truncatingIfNeeded: (new - step) % UInt64(ReplayWindow.words))] = 0 }
  }

  private func slot(_ counter: UInt64) -> Int { Int(truncatingIfNeeded: (counter >> 6) % UInt64(ReplayWindow.words)) }
  private func bit(_ counter: UInt64) -> UInt64 { 1 << (counter & 63) }
}
