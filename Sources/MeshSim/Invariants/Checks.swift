import Gossip
import Wire

/// All checks of one world.
package struct Checks {
  let directory: HostDirectory
  var truth: Truth
  private var ownEntry = OwnEntry()
  private var precedence: Precedence
  private var leftBySubject = LeftBySubject()
  private var ringEvents: RingEvents
  private var chance: Chance
  private let identities: Int
  /// Where the walk over each machine's table is.
  private var cursor: ContiguousArray<Int32>
  private(set) var failure: (number: Int, name: String, text: String)?
  private var lastIdentity: ContiguousArray<Int>

  /// Entries of the table that each turn of its node shows to the checks, beside those that its events name.
  private static let entriesPerTurn = 8

  init(directory: HostDirectory, seed: UInt64, bugs: PlantedBugs) {
    self.directory = directory
    identities = directory.count
    truth = Truth(identities: identities)
    precedence = Precedence(machines: identities, identities: identities)
    ringEvents = RingEvents(machines: identities, identities: identities)
    chance = Chance(seed: seed)
    cursor = ContiguousArray(repeating: 0, count: identities)
    lastIdentity = ContiguousArray(repeating: -1, count: identities)
  }

  // MARK: What the world tells

  mutating func started(_ machine: Int, identity: Int, life: UInt32) {
    truth[identity].processes += 1
    lastIdentity[machine] = identity
    precedence.begin(machine: machine, identity: identity)
    ringEvents.begin(machine: machine, identity: identity)
  }

  mutating func ended(_ machine: Int) {}
  mutating func leaving(_ identity: Int) { truth[identity].isLeaving = true }
  mutating func revoked(_ identity: Int) { truth[identity].isRevoked = true }

  mutating func look(at datagram: UnsafeRawBufferPointer, sentBy machine: Int) {}
}
