import Wire

/// The time that an accused host has to answer: long while one accuser stands alone, shorter with each that confirms
/// (Lifeguard). Kept on after a death for the accusations that prove it.
package struct Suspicion {
  package let start: UInt64
  package let minimum: UInt64
  package let maximum: UInt64
  /// K at the start: confirmations beyond the first accuser after which the time is `minimum`.
  package let confirmations: Int
  /// Time that our own stalls have added.
  package private(set) var postponed: UInt64 = 0
  package var accusations = Accusations()
  /// Names the one timer that counts; earlier ones are stale.
  package var token: UInt32 = 0

  package init(start: UInt64, live: Int, loss: Double, settings: MembershipSettings) {
    self.start = start
    confirmations = MembershipSettings.confirmations(live: live)
    let shortest = settings.suspicionMinimum(live: live)
    if confirmations == 0 {
      // Two hosts: nobody can confirm, so there is one time, between the extremes.
      minimum = shortest * 2
      maximum = minimum
    } else {
      minimum = shortest
      maximum = shortest * MembershipSettings.suspicionSpread(live: live, loss: loss)
    }
  }

  package var deadline: UInt64 {
    start &+ postponed
      &+ Suspicion.length(
        confirmed: accusations.distinct - 1, of: confirmations, minimum: minimum, maximum: maximum)
  }

  package mutating func postpone(_ span: UInt64) { postponed &+= span }

  /// max(min, max − (max − min) · ln(C + 1) / ln(K + 1)). K is at most 2, so the logarithms are three constants.
  package static func length(confirmed: Int, of confirmations: Int, minimum: UInt64, maximum: UInt64) -> UInt64 {
    guard confirmed > 0 else { return maximum }
    guard confirmed < confirmations else { return minimum }
    let lnTwoByLnThree = 0.6309297535714574
    return max(minimum, maximum - UInt64(Double(maximum - minimum) * lnTwoByLnThree))
  }
}
