import Gossip
import Testing
import Wire

@Suite struct SuspicionTests {
  private static let second: UInt64 = 1_000_000_000

  /// (confirmed, K, min, max, expected) in milliseconds; `gossip.md` 3.2 for K = 2.
  @Test(arguments: [
    (0, 2, 3_000, 18_000, 18_000), (1, 2, 3_000, 18_000, 8_536), (2, 2, 3_000, 18_000, 3_000),
    (3, 2, 3_000, 18_000, 3_000), (0, 1, 3_000, 9_000, 9_000), (1, 1, 3_000, 9_000, 3_000),
    (0, 0, 6_000, 6_000, 6_000), (5, 0, 6_000, 6_000, 6_000), (-1, 2, 3_000, 18_000, 18_000),
  ]) func length(confirmed: Int, of confirmations: Int, minimum: Int, maximum: Int, expected: Int) {
    let length = Suspicion.length(
      confirmed: confirmed, of: confirmations, minimum: UInt64(minimum) * 1_000_000,
      maximum: UInt64(maximum) * 1_000_000)
    #expect(Int(length / 1_000_000) == expected)
  }

  /// DESIGN 5.3.
  @Test(arguments: [(1, nil, 0), (2, nil, 0), (3, 1, 1), (4, 2, 2), (5, 2, 2), (1_000, 2, 2)] as [(Int, Int?, Int)])
  func smallMeshes(live: Int, quorum: Int?, confirmations: Int) {
    #expect(MembershipSettings.quorum(live: live) == quorum)
    #expect(MembershipSettings.confirmations(live: live) == confirmations)
  }

  /// `gossip.md` 5.5: 4, 8 and 12 at 8, 64 and 128.
  @Test(arguments: [(1, 4), (8, 4), (64, 8), (128, 12), (1_000, 16)]) func retransmits(live: Int, times: Int) {
    #expect(MembershipSettings.retransmits(live: live) == times)
  }

  @Test func shortestGrowsWithTheLogarithm() {
    let lan = MembershipSettings.lan
    #expect(lan.suspicionMinimum(live: 2) == 3 * Self.second)
    #expect(lan.suspicionMinimum(live: 10) / 1_000 == 3_000_000)
    #expect(lan.suspicionMinimum(live: 64) / 1_000_000 == 5_418)
    #expect(
      lan.suspicionMinimum(live: 1_000) / 1_000 == 9_000_000 - 1
        || lan.suspicionMinimum(live: 1_000) / 1_000 == 9_000_000)
    #expect(binaryLogarithm(1) == 0)
    #expect(binaryLogarithm(1_024) == 10)
    #expect(abs(binaryLogarithm(3) - 1.584962500721156) < 1e-9)
  }

  @Test func twoHostsWaitTwiceTheShortest() {
    let suspicion = Suspicion(start: 5, live: 2, loss: 0, settings: .lan)
    #expect(suspicion.deadline == 5 + 6 * Self.second)
  }

  @Test func confirmationsShortenAndStallsPostpone() {
    var suspicion = Suspicion(start: 0, live: 8, loss: 0, settings: .lan)
    var deadlines = [suspicion.deadline]
    for accuser in 1...4 {
      _ = suspicion.accusations.add(accusation(UInt64(accuser)))
      deadlines.append(suspicion.deadline)
    }
    // Longest at 3 × the shortest in a small mesh without loss; the first accuser confirms nothing.
    #expect(deadlines[0] == 9 * Self.second)
    #expect(deadlines[1] == 9 * Self.second)
    #expect(deadlines[3] == 3 * Self.second)
    #expect(deadlines == deadlines.sorted(by: >))
    suspicion.postpone(Self.second)
    #expect(suspicion.deadline == 4 * Self.second)
    #expect(Suspicion(start: 0, live: 8, loss: 0.03, settings: .lan).deadline == 18 * Self.second)
  }

  @Test func oneContributorCountsOnce() {
    var accusations = Accusations()
    for accuser in [(1, 7), (2, 7), (3, 7)] as [(UInt64, UInt32)] {
      #expect(accusations.add(accusation(accuser.0, contributor: accuser.1)) == true)
    }
    #expect(accusations.distinct == 1)
    #expect(accusations.add(accusation(4, contributor: 7)) == false, "full, and it would not count")
    #expect(accusations.add(accusation(5, contributor: 8)) == true, "it replaces one that does not count")
    #expect(accusations.distinct == 2)
    #expect(accusations.contains(HostID(rawValue: 1)), "the first of a contributor stays")
    #expect(accusations.add(accusation(6)) == true)
    #expect(accusations.distinct == 3)
    #expect(accusations.add(accusation(9)) == false, "three that count are enough")
    #expect(accusations.add(accusation(6)) == false, "an accuser counts once")
  }

  @Test func theOperatorsMachinesCountEach() {
    var accusations = Accusations()
    _ = accusations.add(accusation(1))
    _ = accusations.add(accusation(2))
    #expect(accusations.distinct == 2)
  }

  private func accusation(_ accuser: UInt64, contributor: UInt32 = 0) -> Accusation {
    Accusation(accuser: HostID(rawValue: accuser), contributor: contributor, signature: Signature())
  }
}
