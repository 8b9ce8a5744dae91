import Gossip
import Wire

/// Check 31: nobody is called a liar in a world without liars. Whoever is gets banned, by everybody that he meets.
struct Honesty: Invariant {
  static let number = 31
  static let name = "nobody honest is called a liar"

  mutating func hear(
    _ event: MembershipEvent, about subject: Int?, in step: Step, _ membership: borrowing Membership,
    _ truth: borrowing Truth
  ) -> String? {
    switch event {
    case .badRecord(let host, let isForged): "a \(isForged ? "forged" : "wrong") record of \(host)"
    case .badMessage(let host): "a message of \(host) that nobody understands"
    default: nil
    }
  }
}
