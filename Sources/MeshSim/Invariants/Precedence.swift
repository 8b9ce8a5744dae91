import Gossip
import Wire

/// Check 2: what an observer holds of a subject only moves up the order of (incarnation, status).
struct Precedence: Invariant {
  static let number = 2
  static let name = "precedence"

  private struct Held {
    var incarnation = Incarnation(rawValue: 0)
    var rank: Int8 = -1
  }

  private var held: PerPair<Held>

  init(machines: Int, identities: Int) {
    held = PerPair(machines: machines, identities: identities, empty: Held())
  }

  mutating func begin(machine: Int, identity: Int) { held.clear(machine) }

  mutating func look(at entry: EntryView, of subject: Int, in step: Step, _ truth: borrowing Truth) -> String? {
    let before = held[step.machine, subject]
    let rank = entry.status.checkRank
    guard before.rank != rank || before.incarnation != entry.incarnation else { return nil }
    held[step.machine, subject] = Held(incarnation: entry.incarnation, rank: rank)
    // A revocation concerns the key and stands above every incarnation.
    if entry.status == .revoked { return nil }
    if before.incarnation > entry.incarnation || before.incarnation == entry.incarnation && before.rank > rank {
      return
        "\(entry.host) fell from (\(before.incarnation), rank \(before.rank)) to (\(entry.incarnation), rank \(rank))"
    }
    return nil
  }

  mutating func hear(
    _ event: MembershipEvent, about subject: Int?, in step: Step, _ membership: borrowing Membership,
    _ truth: borrowing Truth
  ) -> String? {
    if case .forgotten = event, let subject { held[step.machine, subject] = Held() }
    return nil
  }
}

extension Status {
  /// alive < suspect < dead < left < revoked (`gossip.md` 5.1), written down here once more, independently.
  var checkRank: Int8 {
    switch self {
    case .alive: 0
    case .suspect: 1
    case .dead: 2
    case .left: 3
    case .revoked: 4
    }
  }
}
