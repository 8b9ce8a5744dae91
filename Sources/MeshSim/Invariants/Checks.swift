import Gossip
import Wire

/// All checks that look at every turn of every node; see `docs/simulation.md` for the list and for what is sampled.
package struct Checks {
  let directory: HostDirectory
  var truth: Truth
  private var ownEntry = OwnEntry()
  private var precedence: Precedence
  private var leftBySubject = LeftBySubject()
  private var ringEvents: RingEvents
  /// Where the walk over each machine's table is.
  private var cursors: ContiguousArray<Int>
  private(set) var failure: (number: Int, name: String, text: String, subject: Int?)?

  /// Entries of the table that each turn of its node shows to the checks, beside those that its events name.
  private static let entriesPerTurn = 8

  init(directory: HostDirectory, seed: UInt64, bugs: PlantedBugs) {
    let count = directory.count
    self.directory = directory
    truth = Truth(identities: count)
    precedence = Precedence(machines: count, identities: count)
    ringEvents = RingEvents(machines: count, identities: count)
    cursors = ContiguousArray(repeating: 0, count: count)
  }

  // MARK: What the world did

  mutating func started(_ machine: Int, identity: Int, life: UInt32) {
    cursors[machine] = 0
    precedence.begin(machine: machine, identity: identity)
    ringEvents.begin(machine: machine, identity: identity)
  }

  mutating func ended(_ machine: Int) {}
  mutating func leaving(_ identity: Int) { truth[identity].isLeaving = true }
  mutating func revoked(_ identity: Int) { truth[identity].isRevoked = true }

  // MARK: One turn

  mutating func begin(_ step: Step) {}

  mutating func hear(
    _ event: MembershipEvent, about subject: Int?, in step: Step, _ membership: borrowing Membership
  ) {
    judge(RingEvents.self, ringEvents.hear(event, about: subject, in: step, membership, truth), subject)
    judge(Precedence.self, precedence.hear(event, about: subject, in: step, membership, truth), subject)
  }

  mutating func look(at membership: borrowing Membership, in step: Step) {}

  mutating func look(at datagram: UnsafeRawBufferPointer, sentBy machine: Int) {}

  private mutating func judge<Check: Invariant>(_ check: Check.Type, _ text: String?, _ subject: Int?) {
    guard let text, failure == nil else { return }
    failure = (Check.number, Check.name, text, subject)
  }
}
