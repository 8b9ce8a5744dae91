import Wire

/// The formulas of `gossip.md` 5.5 and DESIGN 5.3, written down once more for the checks, so that a mistake in the core
/// is not repeated by what judges it.
enum Formulas {
  /// log10 by repeated squaring, to about 1e-9.
  static func decades(_ live: Int) -> Double {
    var value = Double(max(1, live))
    var result = 0.0
    while value >= 10 {
      value /= 10
      result += 1
    }
    var digit = 0.5
    for _ in 0..<30 {
      value *= value
      if value >= 10 {
        value /= 10
        result += digit
      }
      digit /= 2
    }
    return result
  }

  /// The shortest suspicion: alpha · max(1, log10 live) probe intervals.
  static func suspicionMinimum(live: Int, factor: UInt64, interval: UInt64) -> UInt64 {
    UInt64(Double(factor * interval) * max(1, decades(live)))
  }

  /// The longest suspicion, in shortest ones.
  static let suspicionSpread: UInt64 = 6

  /// Distinct accusers before a death is believed that the observer has not found itself; `nil` = never.
  static func quorum(live: Int) -> Int? { live <= 2 ? nil : live == 3 ? 1 : 2 }
}
