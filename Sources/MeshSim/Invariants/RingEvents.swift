import Gossip
import Wire

/// Check 11: what the ring follows alternates between up and down for each subject, and nobody becomes stable while he
/// is suspect, nor before the hold-down of `gossip.md` 5.8 has passed (5 s at first, 60 s or more after a death that is
/// not yet forgiven; one is forgiven each 10 minutes).
struct RingEvents: Invariant {
  static let number = 11
  static let name = "ring events"

  private struct Pair {
    var isUp = false
    /// Since when the node holds it alive, and when it last held it dead (its own monotonic clock); 0 = not, never.
    var aliveSince: UInt64 = 0
    var diedAt: UInt64 = 0
  }

  private static let firstHold = Nanoseconds.seconds(5)
  private static let flapHold = Nanoseconds.seconds(60)
  private static let forgiveness = Nanoseconds.seconds(600)

  private var pairs: PerPair<Pair>

  init(machines: Int, identities: Int) {
    pairs = PerPair(machines: machines, identities: identities, empty: Pair())
  }

  mutating func begin(machine: Int, identity: Int) { pairs.clear(machine) }

  mutating func hear(
    _ event: MembershipEvent, about subject: Int?, in step: Step, _ membership: borrowing Membership,
    _ truth: borrowing Truth
  ) -> String? {
    switch event {
    case .alive: if let subject { return becameAlive(subject, step) }
    case .dead:
      if let subject {
        pairs[step.machine, subject].aliveSince = 0
        pairs[step.machine, subject].diedAt = step.now.monotonic
      }
    case .left, .revoked, .forgotten: if let subject { pairs[step.machine, subject].aliveSince = 0 }
    case .stableUp(let host): if let subject { return up(host, subject, step, membership) }
    case .stableDown(let hosts): return down(hosts, subject, step)
    default: break
    }
    return nil
  }

  private mutating func becameAlive(_ subject: Int, _ step: Step) -> String? {
    if pairs[step.machine, subject].aliveSince == 0 {
      pairs[step.machine, subject].aliveSince = max(1, step.now.monotonic)
    }
    return nil
  }

  private mutating func up(
    _ host: HostID, _ subject: Int, _ step: Step, _ membership: borrowing Membership
  ) -> String? {
    let pair = pairs[step.machine, subject]
    pairs[step.machine, subject].isUp = true
    if pair.isUp { return "\(host) became stable twice" }
    guard subject != step.identity else { return nil }
    if let status = membership.status(of: host), status != .alive {
      return "\(host) became stable while it is held \(status)"
    }
    let flapped = pair.diedAt != 0 && pair.aliveSince &- pair.diedAt < RingEvents.forgiveness
    let hold = flapped ? RingEvents.flapHold : RingEvents.firstHold
    // A stall moves deadlines, never this one forward; one millisecond for rounding.
    if pair.aliveSince == 0 || step.now.monotonic &+ 1_000_000 < pair.aliveSince &+ hold {
      return "\(host) became stable \(seconds(step.now.monotonic &- pair.aliveSince)) s after it was alive again, "
        + "the hold-down is \(seconds(hold)) s"
    }
    return nil
  }

  private mutating func down(_ hosts: [HostID], _ subject: Int?, _ step: Step) -> String? {
    guard let subject else { return nil }
    let pair = pairs[step.machine, subject]
    pairs[step.machine, subject].isUp = false
    return pair.isUp ? nil : "one of \(hosts) went down without having been up"
  }
}
