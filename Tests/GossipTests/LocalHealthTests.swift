import Gossip
import Testing

@Suite struct LocalHealthTests {
  @Test func staysBetweenZeroAndSeven() {
    var health = LocalHealth()
    health.probeSucceeded()
    #expect(health.score == 0)
    for _ in 0..<20 { health.probeFailed(helpersAsked: 0, nacks: 0) }
    #expect(health.score == 7)
    #expect(health.stretched(1_000) == 8_000)
    #expect(health.stretchedHalf(1_000) == 4_500)
    for _ in 0..<20 { health.probeSucceeded() }
    #expect(health.score == 0)
    #expect(health.stretched(1_000) == 1_000)
    #expect(health.stretchedHalf(1_000) == 1_000)
  }

  /// A failed probe whose helpers all said so is the target's fault, not ours.
  @Test(arguments: [(3, 3, 0), (3, 2, 1), (3, 0, 1), (0, 0, 1), (1, 1, 0)])
  func missingNacksCountOnce(asked: Int, nacks: Int, score: Int) {
    var health = LocalHealth()
    health.probeFailed(helpersAsked: asked, nacks: nacks)
    #expect(health.score == score)
  }

  @Test func stallsAndRefutations() {
    var health = LocalHealth()
    health.stalled(300_000_000)
    #expect(health.score == 1)
    health.stalled(1_000_000_000)
    #expect(health.score == 3)
    health.refutedSelf()
    #expect(health.score == 4)
  }

  @Test func lossIsHalfOfWhatRoundTripsLose() {
    var health = LocalHealth()
    for probe in 0..<10_000 { health.reached(livingHost: probe % 10 != 0) }
    #expect(abs(health.loss - 0.05) < 0.02, "\(health.loss)")
  }

  @Test func theLastProbesOfAMemberAreRemembered() {
    var losses = LossHistory()
    #expect(losses.ratio == nil)
    losses.add(lost: true)
    #expect(losses.ratio == 1)
    for _ in 0..<3 { losses.add(lost: false) }
    #expect(losses.ratio == 0.25)
    for _ in 0..<27 { losses.add(lost: false) }
    #expect(losses.ratio == 1.0 / 31)
    losses.add(lost: false)
    #expect(losses.ratio == 0, "the oldest is forgotten")
    for _ in 0..<100 { losses.add(lost: true) }
    #expect(losses.ratio == 1)
    for _ in 0..<40 { losses.add(lost: false) }
    losses.add(lost: true)
    #expect(losses.ratio == 1.0 / 31)
  }
}
