/// Numbers as people read them: three significant digits and a unit.
package enum Figures {
  /// `0.4 ms`, `12 ms`, `84 ms`, `1.3 s`, `72 s`; 100 s and more as `00:01:40`.
  package static func short(_ seconds: Double) -> String {
    switch seconds {
    case ..<0: "0 ms"
    case ..<0.0095: decimal(seconds * 1_000, 1) + " ms"
    case ..<0.995: decimal(seconds * 1_000, 0) + " ms"
    case ..<9.95: decimal(seconds, 1) + " s"
    case ..<99.5: decimal(seconds, 0) + " s"
    default: long(seconds)
    }
  }

  /// `00:01:12`, `6 d 02:11`.
  package static func long(_ seconds: Double) -> String {
    let whole = whole(seconds)
    let (days, hours, minutes) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60)
    return days > 0
      ? "\(days) d \(two(hours)):\(two(minutes))" : "\(two(hours)):\(two(minutes)):\(two(whole % 60))"
  }

  /// For what lasts long: `88 days`, `1 day`, `5 hours`, `12 minutes`.
  package static func coarse(_ seconds: Double) -> String {
    // What was given for 7 days a moment ago is not yet 6 days.
    let whole = whole(seconds >= 3_600 ? seconds + 59 : seconds)
    if whole >= 2 * 86_400 { return Plural.of(whole / 86_400, "day") }
    if whole >= 2 * 3_600 { return Plural.of(whole / 3_600, "hour") }
    if whole >= 120 { return Plural.of(whole / 60, "minute") }
    return Plural.of(whole, "second")
  }

  /// `1,265`, for terminals.
  package static func grouped(_ count: Int) -> String {
    var text = ""
    for (place, digit) in "\(count.magnitude)".reversed().enumerated() {
      if place > 0, place.isMultiple(of: 3) { text = "," + text }
      text = "\(digit)" + text
    }
    return count < 0 ? "-" + text : text
  }

  /// `41%`
  package static func percent(_ ratio: Double) -> String { decimal(ratio * 100, 0) + "%" }
  /// `0.2%`
  package static func finePercent(_ ratio: Double) -> String { decimal(ratio * 100, 1) + "%" }

  /// `940 B`, `18.4 MB`, `2.10 GB`, in powers of 1,000.
  package static func bytes(_ count: UInt64) -> String {
    guard count >= 1_000 else { return "\(count) B" }
    var value = Double(count)
    var unit = 0
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    while value >= 999.5, unit + 1 < units.count {
      value /= 1_000
      unit += 1
    }
    return decimal(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0) + " " + units[unit]
  }

  /// Rounded half up to so many decimals. Not a number, or too large for a screen, is `?`.
  package static func decimal(_ value: Double, _ decimals: Int) -> String {
    let scale = (0..<decimals).reduce(1) { scale, _ in scale * 10 }
    let scaled = (value.magnitude * Double(scale)).rounded()
    guard scaled < 1e15 else { return "?" }
    let number = Int(scaled)
    let sign = value < 0 && number > 0 ? "-" : ""
    guard decimals > 0 else { return "\(sign)\(number)" }
    let fraction = String(number % scale)
    return "\(sign)\(number / scale).\(String(repeating: "0", count: decimals - fraction.count))\(fraction)"
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  /// Seconds from outside may be anything.
  private static func whole(_ seconds: Double) -> Int { seconds > 0 && seconds < 1e12 ? Int(seconds) : 0 }
}
