import Gossip
import Wire

/// Check 8 and half of check 9: tables and queues stay within their limits, and the digest that is kept up from change
/// to change is that of the table. Looked at every 64th turn of a node.
struct Bounds {
  static let number = 8
  static let name = "bounds"
  static let digestNumber = 9
  static let digestName = "digest of the table"

  private static let awaitedLimit = 256
  private static let relayLimit = 64
  private static let turnsBetween: UInt8 = 64

  private let identities: Int
  private var turns: ContiguousArray<UInt8>

  init(machines: Int, identities: Int) {
    self.identities = identities
    turns = ContiguousArray(repeating: 0, count: machines)
  }

  mutating func isDue(_ machine: Int) -> Bool {
    turns[machine] = (turns[machine] + 1) % Bounds.turnsBetween
    return turns[machine] == 0
  }

  func look(at membership: borrowing Membership) -> (number: Int, name: String, text: String)? {
    let entries = membership.entryCount
    var excess: String?
    if entries > identities { excess = "\(entries) entries of \(identities) hosts that there are" }
    if membership.liveCount > entries { excess = "\(membership.liveCount) live hosts in \(entries) entries" }
    if membership.rumourCount > entries { excess = "\(membership.rumourCount) rumours of \(entries) entries" }
    if membership.suspicionCount > entries { excess = "\(membership.suspicionCount) suspicions" }
    if membership.awaitedCount > Bounds.awaitedLimit { excess = "\(membership.awaitedCount) hosts awaited" }
    if membership.relayCount > Bounds.relayLimit { excess = "\(membership.relayCount) probes helped with" }
    if let excess { return (Bounds.number, Bounds.name, excess) }
    let recomputed = membership.recomputedRoot()
    guard recomputed != membership.root else { return nil }
    return (
      Bounds.digestNumber, Bounds.digestName,
      "the root is kept as \(hexadecimal(membership.root)), the table has \(hexadecimal(recomputed))"
    )
  }
}
