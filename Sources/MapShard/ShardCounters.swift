/// What the shards of a host have counted since the process began. Shown as metrics; nothing reads them to decide.
package struct ShardCounters: Hashable, Sendable {
  package var heartbeatsSent: UInt64 = 0
  package var heartbeatsAnswered: UInt64 = 0
  package var heartbeatAnswers: UInt64 = 0
  package var appendsSent: UInt64 = 0
  package var appendsTaken: UInt64 = 0
  package var entriesAppended: UInt64 = 0
  package var entriesCommitted: UInt64 = 0
  package var gapsAnswered: UInt64 = 0
  package var staleAnswered: UInt64 = 0
  package var doubtsAnswered: UInt64 = 0
  package var cuts: UInt64 = 0
  package var snapshotsSent: UInt64 = 0
  package var snapshotsTaken: UInt64 = 0
  package var comparisons: UInt64 = 0
  package var differences: UInt64 = 0

  package var proposalsSent: UInt64 = 0
  package var proposalsTaken: UInt64 = 0
  package var proposalsRefused: UInt64 = 0
  package var vetoes: UInt64 = 0
  package var roundsBegun: UInt64 = 0
  package var roundsLost: UInt64 = 0
  package var takes: UInt64 = 0
  package var reignsWon: UInt64 = 0
  package var reignsLost: UInt64 = 0
  package var releases: UInt64 = 0

  package var writes: UInt64 = 0
  package var writesRefused: UInt64 = 0
  package var duplicateRequests: UInt64 = 0

  /// Bytes that no message has.
  package var malformed: UInt64 = 0
  /// Messages of or to a life that is not the present one.
  package var otherLife: UInt64 = 0
  package var proofsBad: UInt64 = 0
  /// Records of a voter set that this host does not know.
  package var setsUnknown: UInt64 = 0
  /// Messages that did not fit into the buffer of the turn.
  package var messagesNotSent: UInt64 = 0
  /// A table or a queue was full.
  package var limitsHit: UInt64 = 0
  package var shardsStopped: UInt64 = 0

  package init() {}
}
