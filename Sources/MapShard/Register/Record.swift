package import Wire

/// What the register holds of one shard (`ownership-protocol.md` E1): who owns it, in which reign, and who holds every
/// acknowledged entry. A change raises `version` by exactly 1; a change of the owner raises `epoch` by exactly 1 too.
package struct Record: Hashable, Sendable {
  /// An in-sync set has 1...7 members.
  package static let membersLimit = 7
  /// Learners are advice; more than these would not be served at once.
  package static let learnersLimit = 7

  package var shard: ShardID
  package var epoch: Epoch
  package var version: UInt64
  package var owner: Member
  /// The in-sync set: sorted, the owner included.
  package var members: [Member]
  /// Hosts that are catching up. Count for nothing.
  package var learners: [HostID]
  package var reason: ChangeReason
  /// The plan that this change belongs to; 0: none.
  package var plan: UInt64

  package init(
    shard: ShardID, epoch: Epoch, version: UInt64, owner: Member, members: [Member], learners: [HostID] = [],
    reason: ChangeReason, plan: UInt64 = 0
  ) {
    self.shard = shard
    self.epoch = epoch
    self.version = version
    self.owner = owner
    self.members = members
    self.learners = learners
    self.reason = reason
    self.plan = plan
  }
}

/// Why a record was changed: kept in it and shown by `mesh-ctl explain`. The raw value is on the wire.
package enum ChangeReason: UInt8, Sendable, CaseIterable {
  case initial = 1
  /// The owner was silent, died or released the shard.
  case death = 2
  /// A planned move, because a host is drained, another carries less, the operator pinned, ordered, or wants it back home.
  case drain = 3
  case relief = 4
  case pin = 5
  case order = 6
  case comeback = 7
  /// A change of the in-sync set or of the version alone.
  case shrink = 8
  case expand = 9
  case touch = 10
  /// The same owner begins a new reign.
  case renew = 11
  /// All members had restarted; entries that were durable nowhere are gone.
  case recover = 12
  /// By the operator's signed word, past the rules.
  case unclean = 13
  /// The replica list has changed and this owner is in it no more.
  case placement = 14
}

/// A record and the voters' signatures over it: what voters give out and replicas and the bridge believe.
package struct ProvenRecord: Hashable, Sendable {
  package var record: Record
  /// Number of the voter set that vouches.
  package var voterSet: UInt64
  /// One signature, or those of a majority of 3 or 5 voters, sorted by host.
  package var proof: [VoterSignature]

  package init(record: Record, voterSet: UInt64, proof: [VoterSignature]) {
    self.record = record
    self.voterSet = voterSet
    self.proof = proof
  }
}

package struct VoterSignature: Hashable, Sendable {
  package var voter: HostID
  package var signature: Signature

  package init(voter: HostID, signature: Signature) {
    self.voter = voter
    self.signature = signature
  }
}
