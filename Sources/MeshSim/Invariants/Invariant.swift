import Gossip
import Wire

/// One turn of one node, as the checks see it.
struct Step {
  let machine: Int
  let identity: Int
  /// The node's own clock.
  let now: Now
  /// World time.
  let time: UInt64
  /// Deadlines of this node have passed and wait: it is blocked, or in the middle of catching up, or leaves and heeds
  /// none of others any more.
  let isBehind: Bool
}

/// A check of `gossip.md` 5.10 that looks at a node after each of its turns. It returns what is wrong.
protocol Invariant {
  static var number: Int { get }
  static var name: String { get }

  /// An entry of the node's table that may have changed, or whose turn it is: every turn shows the entries that the
  /// node's events name and the next few of the table, so that each is seen at least every (members / 8) turns.
  mutating func look(at entry: EntryView, of subject: Int, in step: Step, _ truth: borrowing Truth) -> String?

  /// Something that the node's gossip said.
  mutating func hear(
    _ event: MembershipEvent, about subject: Int?, in step: Step, _ membership: borrowing Membership,
    _ truth: borrowing Truth
  ) -> String?

  /// A new process on a machine.
  mutating func begin(machine: Int, identity: Int)
}

extension Invariant {
  mutating func look(at entry: EntryView, of subject: Int, in step: Step, _ truth: borrowing Truth) -> String? { nil }

  mutating func hear(
    _ event: MembershipEvent, about subject: Int?, in step: Step, _ membership: borrowing Membership,
    _ truth: borrowing Truth
  ) -> String? { nil }

  mutating func begin(machine: Int, identity: Int) {}
}

/// One value per subject for each machine, made when it is first needed.
struct PerPair<Value> {
  private var rows: ContiguousArray<ContiguousArray<Value>>
  private let width: Int
  private let empty: Value

  init(machines: Int, identities: Int, empty: Value) {
    rows = ContiguousArray(repeating: [], count: machines)
    width = identities
    self.empty = empty
  }

  subscript(machine: Int, subject: Int) -> Value {
    get { rows[machine].isEmpty ? empty : rows[machine][subject] }
    set {
      if rows[machine].isEmpty { rows[machine] = ContiguousArray(repeating: empty, count: width) }
      rows[machine][subject] = newValue
    }
  }

  mutating func clear(_ machine: Int) { rows[machine] = [] }
}
