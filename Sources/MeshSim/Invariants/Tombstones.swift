import Gossip
import Wire

/// Check 4: a generation that an observer holds as a tombstone, or that has said goodbye, is never alive there again;
/// and tombstones are kept as long as they must be (left 1 h, dead 24 h or four times as many as there are members).
struct Tombstones: Invariant {
  static let number = 4
  static let name = "tombstones"

  private struct Grave {
    /// Greatest generation + 1 that must not rise again; 0 = none.
    var closed: UInt64 = 0
    /// When it was first seen dead or left (the observer's monotonic clock), and which of the two it was.
    var since: UInt64 = 0
    var left = false
  }

  private static let leftMemory = Nanoseconds.seconds(3_600)
  private static let deadMemory = Nanoseconds.seconds(24 * 3_600)

  private var graves: PerPair<Grave>

  init(machines: Int, identities: Int) {
    graves = PerPair(machines: machines, identities: identities, empty: Grave())
  }

  mutating func begin(machine: Int, identity: Int) { graves.clear(machine) }

  mutating func look(at entry: EntryView, of subject: Int, in step: Step, _ truth: borrowing Truth) -> String? {
    let grave = graves[step.machine, subject]
    let generation = entry.incarnation.generation
    switch entry.status {
    case .alive, .suspect:
      if generation < grave.closed {
        return "\(entry.host) rose again in generation \(generation), which had ended here"
      }
      if grave.since != 0 { graves[step.machine, subject].since = 0 }
    case .dead, .left, .revoked:
      if grave.since == 0 || grave.left != (entry.status == .left) {
        graves[step.machine, subject].since = max(1, step.now.monotonic)
        graves[step.machine, subject].left = entry.status == .left
      }
      if entry.isBuried || entry.status == .left, generation >= grave.closed {
        graves[step.machine, subject].closed = generation + 1
      }
    }
    return nil
  }

  mutating func hear(
    _ event: MembershipEvent, about subject: Int?, in step: Step, _ membership: borrowing Membership,
    _ truth: borrowing Truth
  ) -> String? {
    guard case .forgotten(let host) = event, let subject else { return nil }
    let grave = graves[step.machine, subject]
    graves[step.machine, subject].since = 0
    guard grave.since != 0 else { return nil }
    // What an observer heard late may be older than its own memory of it.
    let lasted = max(step.now.monotonic &- grave.since, truth[subject].endedAt.map { step.time - $0 } ?? 0)
    let memory = grave.left ? Tombstones.leftMemory : Tombstones.deadMemory
    // Ages travel in whole minutes, and clocks run up to 1 % apart.
    guard lasted + 2 * Nanoseconds.seconds(60) + memory / 50 < memory else { return nil }
    return "\(host) was forgotten \(seconds(lasted)) s after it ended, which is too soon"
  }
}
