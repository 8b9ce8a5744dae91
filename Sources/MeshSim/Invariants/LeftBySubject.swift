import Gossip
import Wire

/// Check 5: `left` is held of a subject only if that life of it was told to leave.
struct LeftBySubject: Invariant {
  static let number = 5
  static let name = "left by the subject only"

  mutating func look(at entry: EntryView, of subject: Int, in step: Step, _ truth: borrowing Truth) -> String? {
    guard entry.status == .left, truth[subject].leftGeneration < entry.incarnation.generation else { return nil }
    return
      "\(entry.host) is held as left in generation \(entry.incarnation.generation), but never said so after "
      + "generation \(truth[subject].leftGeneration)"
  }
}
