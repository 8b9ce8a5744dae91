package struct EventsReply: Reply, Hashable {
  package static let schemaName = "mesh.events/1"
  package var schema = EventsReply.schemaName
  package var at: Timestamp
  /// By sequence.
  package var events: [EventReport]
  /// Events that were asked for but are not kept any more (or were left out because this reader was too slow).
  package var missed: Int

  package init(at: Timestamp, events: [EventReport], missed: Int = 0) {
    self.at = at
    self.events = events.sorted { $0.sequence < $1.sequence }
    self.missed = missed
  }
}

package struct EventReport: Codable, Hashable, Sendable {
  /// Counts up from the start of the node.
  package var sequence: UInt64
  package var at: Timestamp
  package var name: EventName
  package var health: Health
  package var subject: HostName?
  /// One sentence for people.
  package var text: String
  package var code: String?

  package init(
    sequence: UInt64, at: Timestamp, name: EventName, health: Health = .ok, subject: HostName? = nil, text: String,
    code: ErrorCode? = nil
  ) {
    self.sequence = sequence
    self.at = at
    self.name = name
    self.health = health
    self.subject = subject
    self.text = text
    self.code = code?.rawValue
  }
}

/// The stable dotted name of an event; logs use the same ones. A reader takes names that it does not know.
package struct EventName: RawRepresentable, Codable, Hashable, Sendable {
  package var rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }

  package static let nodeStarted = EventName(rawValue: "node.started")
  package static let nodeJoined = EventName(rawValue: "node.joined")
  package static let nodeSynchronized = EventName(rawValue: "node.synchronized")
  package static let nodeLeaving = EventName(rawValue: "node.leaving")
  package static let nodeRefuted = EventName(rawValue: "node.refuted")
  package static let nodeStalled = EventName(rawValue: "node.stalled")
  package static let nodeAddressObserved = EventName(rawValue: "node.address.observed")
  package static let nodeIdentityConflict = EventName(rawValue: "node.identity.conflict")
  package static let nodeCertificateRenewed = EventName(rawValue: "node.certificate.renewed")
  package static let nodePersistFailed = EventName(rawValue: "node.persist.failed")
  package static let memberAlive = EventName(rawValue: "member.alive")
  package static let memberSuspected = EventName(rawValue: "member.suspected")
  package static let memberRefuted = EventName(rawValue: "member.refuted")
  package static let memberDead = EventName(rawValue: "member.dead")
  package static let memberLeft = EventName(rawValue: "member.left")
  package static let memberRevoked = EventName(rawValue: "member.revoked")
  package static let memberForgotten = EventName(rawValue: "member.forgotten")
  package static let memberMoved = EventName(rawValue: "member.moved")
  package static let memberImpaired = EventName(rawValue: "member.impaired")
  package static let memberRecovered = EventName(rawValue: "member.recovered")
  package static let memberMetadata = EventName(rawValue: "member.metadata.adopted")
  package static let memberStableUp = EventName(rawValue: "member.stable.up")
  package static let memberStableDown = EventName(rawValue: "member.stable.down")
  package static let peerSessionUp = EventName(rawValue: "peer.session.up")
  package static let peerSessionDown = EventName(rawValue: "peer.session.down")
  package static let peerUnreachable = EventName(rawValue: "peer.unreachable")
  package static let peerViolation = EventName(rawValue: "peer.violation")
  package static let peerBanned = EventName(rawValue: "peer.banned")
  package static let peerLinkUp = EventName(rawValue: "peer.link.up")
  package static let peerLinkDown = EventName(rawValue: "peer.link.down")
  package static let controlChange = EventName(rawValue: "control.change")

  package init(from decoder: any Decoder) throws {
    rawValue = try decoder.singleValueContainer().decode(String.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}
