/// What a host says of its own load, once a second at most. Unsigned; steers nothing but the choice of helpers and
/// screens (DESIGN 5.1). Encodings: `gossip.md` 5.7.
package struct LoadRecord: Hashable, Sendable {
  /// 0–200 = 0–100 % in steps of a half, smoothed over 5 s.
  package var processor: UInt8
  /// Percent of the memory limit.
  package var memory: UInt8
  package var players: UInt32
  package var maps: UInt32
  /// Spare up-link, logarithmic: 8 steps per octave from 64 kbit/s; 0 = unknown.
  package var uplink: UInt8
  /// Worst lateness of the loop in 5 s, logarithmic: 8 steps per octave from 1 ms; 0 = below.
  package var loopLag: UInt8
  package var flags: Flags

  package struct Flags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    package static let draining = Flags(rawValue: 1)
    package static let impaired = Flags(rawValue: 2)
    package static let bridge = Flags(rawValue: 4)
    package static let full = Flags(rawValue: 8)
  }

  package init(
    processor: UInt8 = 0, memory: UInt8 = 0, players: UInt32 = 0, maps: UInt32 = 0, uplink: UInt8 = 0,
    loopLag: UInt8 = 0, flags: Flags = []
  ) {
    self.processor = processor
    self.memory = memory
    self.players = players
    self.maps = maps
    self.uplink = uplink
    self.loopLag = loopLag
    self.flags = flags
  }
}
