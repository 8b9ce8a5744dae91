import Gossip
import Wire

/// Check 1: a node's own entry is alive with its own incarnation, and nobody but the subject itself ever raises one.
struct OwnEntry: Invariant {
  static let number = 1
  static let name = "own entry"

  mutating func look(atOwn view: EntryView, incarnation: Incarnation, _ facts: Truth.Facts) -> String? {
    guard view.incarnation == incarnation, view.status == .alive || view.status == .left || facts.isRevoked else {
      return "a node holds itself \(view.status) with \(view.incarnation), its incarnation is \(incarnation)"
    }
    return nil
  }

  mutating func look(at entry: EntryView, of subject: Int, in step: Step, _ truth: borrowing Truth) -> String? {
    if entry.incarnation > truth[subject].greatest {
      return
        "\(entry.host) is held with incarnation \(entry.incarnation), but it never had more than \(truth[subject].greatest)"
    }
    return nil
  }
}
