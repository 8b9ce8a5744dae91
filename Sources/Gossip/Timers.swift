import Wire

/// What a timer of this room means.
package enum TimerKind: UInt8, CaseIterable {
  case probe = 1
  case directTimeout
  case repeatPing
  case confirmationTimeout
  case confirmationDirectTimeout
  case confirmationRepeat
  case gossip
  case loadPackets
  case joinRetry
  case joinSync
  case syncTimeout
  case rosterTimeout
  case rosterTurn
  case metadata
  case heal
  case sweep
  case peerBook
  case stableUp
  case stableDown
  case oneWay
  case leaveDrain
  case persistRetry
  /// One per suspicion; `subject` is the host.
  case suspicion
  /// One per probe that we help with; `token` is its sequence.
  case relay
}

/// The tokens of the timers of which there is one each. Setting one again makes the earlier one stale.
struct Timers {
  private var tokens = InlineArray<32, UInt32>(repeating: 0)
  private var armed: UInt32 = 0

  func isArmed(_ kind: TimerKind) -> Bool { armed & 1 << UInt32(kind.rawValue) != 0 }

  mutating func arm(_ kind: TimerKind, at time: UInt64, into effects: inout MembershipEffects) {
    tokens[Int(kind.rawValue)] &+= 1
    armed |= 1 << UInt32(kind.rawValue)
    effects.deadlines.append(
      Deadline(at: time, timer: Timer(kind: kind.rawValue, token: tokens[Int(kind.rawValue)])))
  }

  mutating func disarm(_ kind: TimerKind) {
    tokens[Int(kind.rawValue)] &+= 1
    armed &= ~(1 << UInt32(kind.rawValue))
  }

  mutating func disarmAll() {
    for kind in TimerKind.allCases { disarm(kind) }
  }

  /// Whether this is the timer that counts; it counts once.
  mutating func fires(_ kind: TimerKind, _ timer: Timer) -> Bool {
    guard isArmed(kind), tokens[Int(kind.rawValue)] == timer.token else { return false }
    armed &= ~(1 << UInt32(kind.rawValue))
    return true
  }
}
