/// A moment of wall time, in nanoseconds since 1970 UTC (`Now.wall`). As text it is RFC 3339 in UTC with milliseconds,
/// `2026-05-04T20:14:03.250Z`: that is how every reply carries it.
package struct Timestamp: Hashable, Comparable, Sendable {
  package var nanoseconds: UInt64

  package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  package init(seconds: UInt64) {
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    nanoseconds = overflow ? .max : product
  }

  package static func < (left: Timestamp, right: Timestamp) -> Bool { left.nanoseconds < right.nanoseconds }

  /// Whole Unix seconds.
  package var seconds: UInt64 { nanoseconds / 1_000_000_000 }

  /// Seconds from `earlier` to this moment; 0 when `earlier` is later.
  package func seconds(since earlier: Timestamp) -> Double {
    nanoseconds <= earlier.nanoseconds ? 0 : Double(nanoseconds - earlier.nanoseconds) / 1e9
  }
}

/// A moment as the calendar and the clock on the wall show it.
package struct CalendarTime: Hashable, Sendable {
  package var year: Int
  package var month: Int
  package var day: Int
  package var hour: Int
  package var minute: Int
  package var second: Int

  /// `offset` is what the local clock is ahead of UTC, in seconds.
  package init(_ moment: Timestamp, offset: Int = 0) {
    let local = Int(moment.seconds) + offset
    var days = local / 86_400
    var rest = local % 86_400
    if rest < 0 {
      rest += 86_400
      days -= 1
    }
    (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60)
    // Days since 0000-03-01: a year that begins in March has its leap day last, so months are regular (H. Hinnant,
    // "chrono-compatible low-level date algorithms").
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  /// `2026-05-04`
  package var dateText: String { "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))" }
  /// `20:14:03`
  package var clockText: String { "\(digits(hour, 2)):\(digits(minute, 2)):\(digits(second, 2))" }

  private func digits(_ number: Int, _ width: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }

  /// Days from 1970-01-01 to a date of the Gregorian calendar (the inverse of the above).
  static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = shiftedYear / 400
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}

extension Timestamp: CustomStringConvertible, LosslessStringConvertible {
  package var description: String {
    let time = CalendarTime(self)
    let milliseconds = String(nanoseconds / 1_000_000 % 1_000)
    let padded = String(repeating: "0", count: 3 - milliseconds.count) + milliseconds
    return "\(time.dateText)T\(time.clockText).\(padded)Z"
  }

  /// Reads RFC 3339: `2026-05-04T20:14:03Z`, with or without a fraction (finer than nanoseconds is cut), with `Z` or
  /// an offset `+02:00`. Years 1970 to 2400.
  package init?(_ text: String) {
    var rest = text.utf8[...]
    func number(_ width: Int) -> Int? {
      guard rest.count >= width else { return nil }
      var value = 0
      for byte in rest.prefix(width) {
        guard (0x30...0x39).contains(byte) else { return nil }
        value = value * 10 + Int(byte - 0x30)
      }
      rest = rest.dropFirst(width)
      return value
    }
    func skip(_ characters: String) -> Bool {
      guard let first = rest.first, characters.utf8.contains(first) else { return false }
      rest = rest.dropFirst()
      return true
    }
    guard let year = number(4), (1970...2400).contains(year), skip("-"), let month = number(2),
      (1...12).contains(month), skip("-"), let day = number(2), (1...31).contains(day), skip("Tt "),
      let hour = number(2), hour < 24, skip(":"), let minute = number(2), minute < 60, skip(":"),
      let second = number(2), second <= 60
    else { return nil }
    var fraction = 0
    if skip(".") {
      var unit = 100_000_000
      var digits = 0
      while let digit = number(1) {
        fraction += digit * unit
        unit /= 10
        digits += 1
      }
      guard (1...32).contains(digits) else { return nil }
    }
    var offset = 0
    if !skip("Zz") {
      let sign: Int
      if skip("+") { sign = 1 } else if skip("-") { sign = -1 } else { return nil }
      guard let hours = number(2), hours < 24, skip(":"), let minutes = number(2), minutes < 60 else { return nil }
      offset = sign * (hours * 3_600 + minutes * 60)
    }
    let days = CalendarTime.daysSince1970(year: year, month: month, day: day)
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset
    guard rest.isEmpty, seconds >= 0 else { return nil }
    self.init(nanoseconds: UInt64(seconds) * 1_000_000_000 + UInt64(fraction))
  }
}

extension Timestamp: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let moment = Timestamp(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an RFC 3339 time: \(text)")
    }
    self = moment
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
