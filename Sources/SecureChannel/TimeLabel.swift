import Wire

/// A TAI64N time, truncated to 2^24 ns (16.8 ms): a precise one would be a clock for attackers on other ground. It is a
/// label that rises, not a clock; in memory it is Unix nanoseconds.
package struct TimeLabel: Hashable, Comparable, Sendable {
  package let nanoseconds: UInt64

  /// 2^62 + the 10 leap seconds by which TAI was ahead in 1970.
  private static let secondsBase: UInt64 = 0x4000_0000_0000_000a
  private static let grain: UInt64 = 1 << 24
  private static let second: UInt64 = 1_000_000_000
  /// Year 2540; everything later is refused, so that sums of times cannot overflow.
  private static let latestSecond: UInt64 = 18_000_000_000

  package init(wall: UInt64) {
    let bounded = min(wall, TimeLabel.latestSecond * TimeLabel.second)
    let fraction = bounded % TimeLabel.second
    nanoseconds = bounded - fraction + (fraction & ~(TimeLabel.grain - 1))
  }

  /// The smallest later label.
  package var next: TimeLabel {
    let later = TimeLabel(wall: nanoseconds + TimeLabel.grain)
    return later > self ? later : self
  }

  package static func < (left: TimeLabel, right: TimeLabel) -> Bool { left.nanoseconds < right.nanoseconds }

  /// External TAI64N: 8 bytes of seconds and 4 of nanoseconds, big-endian.
  func write(into writer: inout Writer) {
    writer.u64((TimeLabel.secondsBase + nanoseconds / TimeLabel.second).byteSwapped)
    writer.u32(UInt32(truncatingIfNeeded: nanoseconds % TimeLabel.second).byteSwapped)
  }

  init(_ reader: inout Reader) throws(WireError) {
    let seconds = try reader.u64().byteSwapped.subtractingReportingOverflow(TimeLabel.secondsBase)
    let fraction = UInt64(try reader.u32().byteSwapped)
    guard !seconds.overflow, seconds.partialValue <= TimeLabel.latestSecond, fraction < TimeLabel.second else {
      throw .invalid
    }
    nanoseconds = seconds.partialValue * TimeLabel.second + fraction
  }
}

/// Labels of our HELLOs: they rise for ever, also when the clock steps back or the node restarts.
struct LabelClock {
  /// Labels that follow the clock need so much until the next `.labelFloor`.
  private static let reserve = Nanoseconds.seconds(61)
  /// Labels ahead of the clock (after a restart, or a step back) rise by grains only: this is some sixty of them.
  private static let reserveAhead = Nanoseconds.seconds(1)

  private var last: TimeLabel?
  private let floor: UInt64
  private var reserved: UInt64 = 0

  init(floor: UInt64) { self.floor = floor }

  mutating func next(wall: UInt64) -> TimeLabel {
    var label = TimeLabel(wall: wall)
    let start = TimeLabel(wall: floor &+ Nanoseconds.seconds(1))
    if floor > 0, label < start { label = start }
    if let last, label <= last { label = last.next }
    last = label
    return label
  }

  /// The floor to persist: regularly, and when a label went beyond what was reserved. It never sinks.
  mutating func floorToKeep(wall: UInt64, isDue: Bool) -> UInt64? {
    let newest = last?.nanoseconds ?? 0
    guard isDue || newest > reserved else { return nil }
    reserved = max(wall &+ LabelClock.reserve, newest &+ LabelClock.reserveAhead, floor)
    return reserved
  }
}
