import Gossip
import Wire

/// What a node's gossip said, in a form that costs no memory of its own.
package struct EventSummary {
  package enum Kind: UInt8, Sendable {
    case joined = 1, synchronized, alive, suspected, refuted, dead, left, revoked, forgotten, metadata, moved,
      ownEndpoint, refutedSelf, conflict, badRecord, badMessage, stableUp, stableDown, impaired, unimpaired,
      leaveFinished
  }

  let kind: Kind
  /// Host id, or 0.
  let subject: UInt64
  /// Incarnation, accuser, count or version; cut to 56 bits.
  let detail: UInt64

  init(_ kind: Kind, _ subject: HostID? = nil, _ detail: UInt64 = 0) {
    self.kind = kind
    self.subject = subject?.rawValue ?? 0
    self.detail = detail & 0xff_ffff_ffff_ffff
  }

  static func text(subject: UInt64, packed: UInt64) -> String {
    let kind = Kind(rawValue: UInt8(packed >> 56)).map { "\($0)" } ?? "event"
    let detail = packed & 0xff_ffff_ffff_ffff
    return "gossip says \(kind) \(hexadecimal(subject)) (\(hexadecimal(detail)))"
  }
}

extension MembershipEvent {
  /// One summary, or one for each host that `stableDown` names.
  func forEachSummary(_ body: (EventSummary) -> Void) {
    switch self {
    case .joined(let through): body(EventSummary(.joined, through))
    case .synchronized(let members): body(EventSummary(.synchronized, nil, UInt64(members)))
    case .alive(let host, let incarnation): body(EventSummary(.alive, host, incarnation.rawValue))
    case .suspected(let host, let accuser): body(EventSummary(.suspected, host, accuser.rawValue))
    case .refuted(let host): body(EventSummary(.refuted, host))
    case .dead(let host, let incarnation, _): body(EventSummary(.dead, host, incarnation.rawValue))
    case .left(let host): body(EventSummary(.left, host))
    case .revoked(let host): body(EventSummary(.revoked, host))
    case .forgotten(let host): body(EventSummary(.forgotten, host))
    case .metadataAdopted(let host, let version): body(EventSummary(.metadata, host, version))
    case .endpointChanged(let host, let endpoint): body(EventSummary(.moved, host, endpoint.low))
    case .ownEndpoint(let endpoint): body(EventSummary(.ownEndpoint, nil, endpoint.low))
    case .refutedSelf(let incarnation): body(EventSummary(.refutedSelf, nil, incarnation.rawValue))
    case .identityConflict: body(EventSummary(.conflict))
    case .badRecord(let from, let forged): body(EventSummary(.badRecord, from, forged ? 1 : 0))
    case .badMessage(let from): body(EventSummary(.badMessage, from))
    case .stableUp(let host): body(EventSummary(.stableUp, host))
    case .stableDown(let hosts): for host in hosts { body(EventSummary(.stableDown, host)) }
    case .impaired(let host, let impaired): body(EventSummary(impaired ? .impaired : .unimpaired, host))
    case .leaveFinished: body(EventSummary(.leaveFinished))
    }
  }
}

/// What nodes said of others, for measurements: who said what of whom, and when.
package struct Observations {
  package struct Entry: Sendable {
    /// World time.
    package let at: UInt64
    /// Machines.
    package let observer: Int32
    package let subject: Int32
    package let kind: EventSummary.Kind
  }

  /// Kinds worth keeping. `alive` is not: a bootstrap of 2,000 nodes says it four million times.
  private static let kept: Set<EventSummary.Kind> = [
    .suspected, .dead, .left, .revoked, .stableUp, .stableDown, .impaired, .refutedSelf, .conflict,
  ]
  /// More than any experiment needs; a world that says more than this has other troubles.
  private static let limit = 8_000_000

  package private(set) var entries: ContiguousArray<Entry> = []

  mutating func note(_ event: EventSummary, observer: Int, subject: Int, at: UInt64) {
    guard Observations.kept.contains(event.kind), entries.count < Observations.limit else { return }
    entries.append(Entry(at: at, observer: Int32(observer), subject: Int32(subject), kind: event.kind))
  }

  package mutating func removeAll() { entries.removeAll() }
}
