import Gossip
import Testing

@Suite struct StableViewTests {
  private static let second: UInt64 = 1_000_000_000

  /// When the host in slot 1 rises after it came (back) at `now`, in seconds.
  private func rise(_ view: inout StableView, after now: UInt64) -> Double? {
    guard let at = view.risesAt, view.nextRisen(at: at - 1) == nil, view.nextRisen(at: at) == 1 else { return nil }
    return Double(at - now) / 1e9
  }

  @Test func holdDownDoublesWithEachDeath() {
    var view = StableView()
    var now = Self.second
    view.alive(1, at: now)
    #expect(rise(&view, after: now) == 5)
    for expected in [60.0, 120, 240, 480, 960, 1_920, 1_920] {
      now += Self.second
      view.gone(1, died: true, at: now)
      #expect(view.takeFallen(at: now).isEmpty, "falls are gathered first")
      now += 400_000_000
      _ = view.takeFallen(at: now)
      view.alive(1, at: now)
      // Risen in thought only: the next death must find it up.
      #expect(rise(&view, after: now) == expected)
    }
  }

  @Test func deathsAreForgivenOneEachTenMinutes() {
    var view = StableView()
    var now = Self.second
    view.alive(1, at: now)
    for _ in 0..<3 {
      view.gone(1, died: true, at: now)
      now += Self.second
      view.alive(1, at: now)
    }
    view.gone(1, died: true, at: now)
    now += 20 * 60 * Self.second
    view.alive(1, at: now)
    // Four deaths, two forgiven: two are left.
    var risen: UInt64?
    while let at = view.risesAt, risen == nil { if view.nextRisen(at: at) == 1 { risen = at } }
    #expect(risen == now + 120 * Self.second)
  }

  @Test func aSuspicionStopsTheClock() {
    var view = StableView()
    view.alive(1, at: 0)
    view.doubted(1)
    #expect(view.nextRisen(at: 10 * Self.second) == nil)
    view.alive(1, at: 10 * Self.second)
    #expect(view.nextRisen(at: 15 * Self.second - 1) == nil)
    #expect(view.nextRisen(at: 15 * Self.second) == 1)
    view.doubted(1)
    #expect(view.isUp(1), "who is up stays up until it is dead")
    view.alive(1, at: 20 * Self.second)
    #expect(view.nextRisen(at: 200 * Self.second) == nil, "and does not rise twice")
  }

  @Test func fallsAreToldTogetherAndOnce() {
    var view = StableView()
    for slot in 1...3 { view.alive(slot, at: 0) }
    var risen: [Int] = []
    while let slot = view.nextRisen(at: 5 * Self.second) { risen.append(slot) }
    #expect(risen == [1, 2, 3])
    view.gone(1, died: true, at: 10 * Self.second)
    view.gone(3, died: false, at: 10 * Self.second + 200_000_000)
    view.gone(1, died: true, at: 10 * Self.second + 250_000_000)
    #expect(view.fallsAt == 10 * Self.second + 300_000_000)
    #expect(view.takeFallen(at: 10 * Self.second + 299_999_999).isEmpty)
    #expect(view.takeFallen(at: 10 * Self.second + 300_000_000) == [1, 3])
    #expect(view.takeFallen(at: 99 * Self.second).isEmpty)
    #expect(!view.isUp(1) && view.isUp(2) && !view.isUp(3))
  }

  @Test func aGoodbyeIsNoFlap() {
    var view = StableView()
    view.alive(1, at: 0)
    _ = view.nextRisen(at: 5 * Self.second)
    view.gone(1, died: false, at: 6 * Self.second)
    _ = view.takeFallen(at: 7 * Self.second)
    view.alive(1, at: 8 * Self.second)
    #expect(view.nextRisen(at: 13 * Self.second) == 1)
  }

  @Test func whoIsGoneBeforeItRoseIsNotTold() {
    var view = StableView()
    view.alive(1, at: 0)
    view.gone(1, died: true, at: Self.second)
    #expect(view.fallsAt == nil)
    #expect(view.nextRisen(at: 100 * Self.second) == nil)
  }

  @Test func whoWasUpOnceIsRemembered() {
    var view = StableView()
    view.alive(1, at: 0)
    #expect(!view.hasRisen(1) && !view.hasRisen(9))
    _ = view.nextRisen(at: 5 * Self.second)
    view.gone(1, died: true, at: 6 * Self.second)
    _ = view.takeFallen(at: 7 * Self.second)
    view.alive(1, at: 8 * Self.second)
    #expect(view.hasRisen(1) && !view.isUp(1))
    view.forget(1)
    #expect(!view.hasRisen(1), "another host may have the slot")
  }
}
