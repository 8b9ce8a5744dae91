/// A number with a unit: what people write, and the base unit in which it is kept.
struct Quantity: Sendable {
  struct Unit: Sendable {
    var name: String
    /// In base units.
    var factor: Int
    /// Used when a value is written out; the others are only read.
    var isShown = true
  }

  /// As in "is not a unit of time".
  let noun: String
  /// From the smallest to the largest.
  let units: [Unit]
  /// The factor of a number without a unit.
  let plain: Unit
  /// The finest step, in base units.
  let grain: Int

  /// Kept in nanoseconds; the seed's figures are seconds.
  static let time: Quantity = {
    let second = Unit(name: "s", factor: 1_000_000_000)
    return Quantity(
      noun: "time",
      units: [
        Unit(name: "ms", factor: 1_000_000), second, Unit(name: "m", factor: 60_000_000_000, isShown: false),
        Unit(name: "min", factor: 60_000_000_000, isShown: false),
        Unit(name: "h", factor: 3_600_000_000_000), Unit(name: "d", factor: 86_400_000_000_000),
      ], plain: second, grain: 1_000_000)
  }()

  /// Kept in bytes; a number in a setting named `…_gb` is gigabytes.
  static let gigabytes: Quantity = {
    let gigabyte = Unit(name: "GB", factor: 1_000_000_000)
    return Quantity(
      noun: "size",
      units: [
        Unit(name: "B", factor: 1), Unit(name: "kB", factor: 1000), Unit(name: "MB", factor: 1_000_000), gigabyte,
        Unit(name: "TB", factor: 1_000_000_000_000), Unit(name: "KiB", factor: 1 << 10, isShown: false),
        Unit(name: "MiB", factor: 1 << 20, isShown: false), Unit(name: "GiB", factor: 1 << 30, isShown: false),
        Unit(name: "TiB", factor: 1 << 40, isShown: false),
      ], plain: gigabyte, grain: 1)
  }()

  /// Kept in bits per second; a number in a setting named `…_mbps` is megabits.
  static let megabits: Quantity = {
    let megabit = Unit(name: "mbps", factor: 1_000_000)
    return Quantity(
      noun: "bandwidth",
      units: [Unit(name: "kbps", factor: 1000), megabit, Unit(name: "gbps", factor: 1_000_000_000)], plain: megabit,
      grain: 1000)
  }()

  /// Kept in tenths of a percent.
  static let percent: Quantity = {
    let percent = Unit(name: "%", factor: 10)
    return Quantity(noun: "share", units: [percent], plain: percent, grain: 1)
  }()

  static let count = Quantity(noun: "count", units: [], plain: Unit(name: "", factor: 1), grain: 1)

  /// In the largest unit that leaves a whole number; `parse` gives the same value back.
  func text(_ value: Int) -> String {
    let unit = units.filter { $0.isShown && value % $0.factor == 0 }.max { $0.factor < $1.factor }
    guard let unit, value != 0 else {
      let fraction = value % plain.factor
      guard fraction != 0 else { return "\(value / plain.factor)\(plain.name)" }
      // Only shares have no unit below the plain one: tenths of a percent.
      return "\(value / plain.factor).\(fraction * 10 / plain.factor)\(plain.name)"
    }
    return "\(value / unit.factor)\(unit.name)"
  }

  var unitList: String { units.map(\.name).joined(separator: ", ") }

  enum Failure: Error {
    case notANumber
    /// The unit is at these bytes of the text.
    case unknownUnit(String, at: Range<Int>)
    case tooLarge
    case negative
    /// Finer than `grain`.
    case tooFine
  }

  /// Reads `30`, `300ms`, `1.5 h`.
  func parse(_ text: String) throws(Failure) -> Int {
    let bytes = Array(text.utf8)
    var at = 0
    if bytes.first == UInt8(ascii: "-"), bytes.count > 1, Quantity.isDigit(bytes[1]) { throw .negative }
    var mantissa = 0
    func digits(into mantissa: inout Int) throws(Failure) -> Int {
      let start = at
      while at < bytes.count, Quantity.isDigit(bytes[at]) {
        let (tenfold, overflow) = mantissa.multipliedReportingOverflow(by: 10)
        let (sum, carry) = tenfold.addingReportingOverflow(Int(bytes[at] - UInt8(ascii: "0")))
        guard !overflow, !carry else { throw .tooLarge }
        mantissa = sum
        at += 1
      }
      return at - start
    }
    guard try digits(into: &mantissa) > 0 else { throw .notANumber }
    var divisor = 1
    if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
      at += 1
      let places = try digits(into: &mantissa)
      guard places > 0 else { throw .notANumber }
      guard places <= 9 else { throw .tooFine }
      for _ in 0..<places { divisor *= 10 }
    }
    while at < bytes.count, bytes[at] == UInt8(ascii: " ") { at += 1 }
    var factor = plain.factor
    if at < bytes.count {
      let name = String(decoding: bytes[at...], as: UTF8.self)
      guard let unit = units.first(where: { $0.name.lowercased() == name.lowercased() }) else {
        // "7000-7999" or "4x4" is no number with a unit; "5MB" and "5 parsecs" are.
        let looksLikeUnit = name.utf8.allSatisfy { Character(Unicode.Scalar($0)).isLetter || $0 == UInt8(ascii: "%") }
        guard looksLikeUnit else { throw .notANumber }
        throw .unknownUnit(name, at: at..<bytes.count)
      }
      factor = unit.factor
    }
    let (product, overflow) = mantissa.multipliedReportingOverflow(by: factor)
    guard !overflow else { throw .tooLarge }
    guard product % divisor == 0, product / divisor % grain == 0 else { throw .tooFine }
    return product / divisor
  }

  static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
