import Gossip
import Wire

/// Check 9: tables with equal roots are equal. Two nodes are drawn each second of world time; when their roots agree,
/// their tables must agree in everything that the digest covers (suspect counts as alive; tombstones are left out).
struct EqualRoots {
  static let number = 9
  static let name = "equal roots, equal tables"

  private struct Entry: Equatable {
    var incarnation: Incarnation
    var status: Status
    var metadataVersion: UInt64
  }

  static func compare(
    _ first: borrowing Membership, _ second: borrowing Membership, _ directory: HostDirectory
  ) -> String? {
    guard first.root == second.root else { return nil }
    for identity in directory.identities {
      let here = entry(of: first.entry(of: identity.host))
      let there = entry(of: second.entry(of: identity.host))
      guard here != there else { continue }
      return "\(first.host) and \(second.host) have the root \(hexadecimal(first.root)), but hold \(identity.host) as "
        + "\(text(here)) and \(text(there))"
    }
    return nil
  }

  private static func entry(of view: EntryView?) -> Entry? {
    guard let view, !view.isBuried else { return nil }
    // A revocation is final for the host whatever its record was: it may be known before, or without, any record.
    if view.status == .revoked {
      return Entry(incarnation: Incarnation(rawValue: 0), status: .revoked, metadataVersion: 0)
    }
    // A goodbye may be all that somebody has of a host that has left.
    return Entry(
      incarnation: view.incarnation, status: view.status == .suspect ? .alive : view.status,
      metadataVersion: view.status == .left ? 0 : view.metadataVersion)
  }

  private static func text(_ entry: Entry?) -> String {
    entry.map { "(\($0.incarnation), \($0.status), metadata \($0.metadataVersion))" } ?? "unknown"
  }
}
