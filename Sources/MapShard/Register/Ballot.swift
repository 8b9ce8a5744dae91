package import Wire

/// The number of an attempt of several voters to agree (CASPaxos): a counter and the voter that makes the attempt.
package struct Ballot: Hashable, Comparable, Sendable {
  package var counter: UInt64
  package var host: HostID

  package init(counter: UInt64, host: HostID) {
    self.counter = counter
    self.host = host
  }

  /// Before every attempt; the ballot of a register with one voter.
  package static let none = Ballot(counter: 0, host: HostID(rawValue: 0))

  /// Of an attempt after all that were seen, of this life and of no other: what a life before had promised itself may
  /// not have become durable, and two lives that each make an attempt of the same number agree on two things.
  static func counter(after seen: UInt64, in life: Life) -> UInt64 {
    ((seen >> 32) &+ 1) << 32 | life.rawValue & 0xffff_ffff
  }

  package static func < (left: Ballot, right: Ballot) -> Bool {
    left.counter != right.counter ? left.counter < right.counter : left.host < right.host
  }
}
