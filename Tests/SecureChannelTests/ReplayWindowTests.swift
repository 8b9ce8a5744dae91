import SecureChannel
import Testing
import Wire

@Suite struct ReplayWindowTests {
  /// The definition: everything accepted is remembered, nothing older than the width is taken.
  private struct Oracle {
    var seen: Set<UInt64> = []
    var highest: UInt64?

    mutating func accept(_ counter: UInt64) -> Bool {
      if let highest, counter <= highest, highest - counter >= ReplayWindow.width { return false }
      guard seen.insert(counter).inserted else { return false }
      highest = max(highest ?? 0, counter)
      return true
    }
  }

  private func compare(_ counters: some Sequence<UInt64>, _ comment: Comment) {
    var window = ReplayWindow()
    var oracle = Oracle()
    for counter in counters {
      let isFresh = window.isFresh(counter)
      let expected = oracle.accept(counter)
      let accepted = window.accept(counter)
      // Plain comparisons: an expectation per counter would be most of the time.
      if accepted != expected || isFresh != expected || window.last != oracle.highest {
        Issue.record("counter \(counter): \(accepted), expected \(expected); \(comment)")
        return
      }
    }
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>) func agreesWithASetOnRandomCounters(seed: UInt64) {
    var chance = Chance(seed: seed)
    var base: UInt64 = seed % 2 == 0 ? UInt64.max - 3_000_000 : 0
    let counters = (0..<125_000).lazy.map { _ -> UInt64 in
      switch chance.below(40) {
      case 0: base &+= chance.below(UInt64(5_000))
      case 1: base &+= chance.below(UInt64(200))
      default: base &+= chance.below(UInt64(3))
      }
      let back = chance.below(UInt64(chance.happens(0.1) ? 5_000 : 300))
      return back > base ? 0 : base - back
    }
    compare(counters, "seed \(seed)")
  }

  @Test(arguments: [0, 1, 63, 64, 2046, 2047, 2048, 2049, 4096, 1 << 32, (1 << 48) - 1, .max - 2048, .max] as [UInt64])
  func edgesAreExact(highest: UInt64) {
    var window = ReplayWindow()
    #expect(window.accept(highest) == true)
    #expect(window.accept(highest) == false)
    for distance in [1, 62, 63, 64, 65, 2046, 2047, 2048, 2049] as [UInt64] where distance <= highest {
      #expect(window.isFresh(highest - distance) == (distance < ReplayWindow.width), "\(distance) below")
    }
    if highest >= 2047 {
      #expect(window.accept(highest - 2047) == true)
      #expect(window.accept(highest - 2047) == false)
    }
  }

  @Test func aJumpForgetsNothingItShouldKnow() {
    for jump in [1, 31, 64, 2047, 2048, 2111, 2112, 2113, 100_000, 1 << 47, .max - 10] as [UInt64] {
      compare([5, 6, 7, 7 &+ jump, 7, 6, 7 &+ jump &- 1, 7 &+ jump &- 2047, 7 &+ jump &- 2048, 8], "jump \(jump)")
    }
  }
}
