/// What the membership has counted since it began. Shown by `mesh-ctl` and as metrics; nothing reads them to decide.
package struct MembershipCounters: Hashable, Sendable {
  package var messagesReceived: UInt64 = 0
  package var messagesSent: UInt64 = 0
  package var bytesSent: UInt64 = 0
  /// Bytes of load items, and whole packets that carry nothing else: part of `bytesSent`.
  package var loadBytesSent: UInt64 = 0
  package var loadPacketsSent: UInt64 = 0
  /// The buffer of the turn was full.
  package var messagesNotSent: UInt64 = 0

  package var pings: UInt64 = 0
  package var pingsRepeated: UInt64 = 0
  package var helpersAsked: UInt64 = 0
  package var probesFailed: UInt64 = 0
  package var acksUnexpected: UInt64 = 0
  package var relaysRefused: UInt64 = 0

  package var suspicions: UInt64 = 0
  package var deathsFound: UInt64 = 0
  package var deathsLearned: UInt64 = 0
  /// A death that too few had vouched for.
  package var deathsDoubted: UInt64 = 0
  package var refutations: UInt64 = 0
  package var refutationsDelayed: UInt64 = 0

  package var duplicates: UInt64 = 0
  /// Records of an incarnation that is older than what is held, or buried.
  package var stale: UInt64 = 0
  /// Accusations of an incarnation that the subject has not signed, or by hosts that are not known.
  package var unproven: UInt64 = 0
  package var signaturesChecked: UInt64 = 0
  package var signaturesBad: UInt64 = 0
  package var checksRefused: UInt64 = 0
  package var newMembersRefused: UInt64 = 0
  package var tableFull: UInt64 = 0

  package var malformed: UInt64 = 0
  /// Messages of hosts whose metadata is not held, or answers that nobody had asked for.
  package var uninvited: UInt64 = 0
  package var fromRevoked: UInt64 = 0

  package var metadataPulled: UInt64 = 0
  package var metadataServed: UInt64 = 0
  package var metadataRefused: UInt64 = 0
  package var metadataGivenUp: UInt64 = 0
  package var awaitedFull: UInt64 = 0

  package var syncsStarted: UInt64 = 0
  package var syncsServed: UInt64 = 0
  package var syncsRefused: UInt64 = 0
  package var rostersRead: UInt64 = 0
  package var rostersRefused: UInt64 = 0
  package var joinsReceived: UInt64 = 0
  package var joinsRefused: UInt64 = 0
  package var oneWayMarksRefused: UInt64 = 0
  package var timersLate: UInt64 = 0
  package var persistsFailed: UInt64 = 0

  package init() {}
}
