package import Wire

/// Everything that can happen to the shards of a host. Bytes are valid during the call only.
///
/// Carriers (E3): heartbeats come by datagram, everything else in frames of the link between two hosts. No order between
/// carriers is assumed. `Member` says which life of the peer sent it: session and link are bound to it.
package enum ShardInput {
  /// A DATA frame of kind 4.
  case heartbeat(UnsafeRawBufferPointer, from: Member)
  /// A frame of the link: `register` (channel 1), `replication` (4) or `catchUp` (5).
  case frame(ShardCarrier, UnsafeRawBufferPointer, from: Member)
  case linkUp(Member)
  case linkDown(HostID)
  /// The link can take frames of this carrier again after it had refused one.
  case room(ShardCarrier, to: HostID)
  /// A snapshot came whole, by transfer.
  case snapshot([UInt8], from: Member)
  /// A session was confirmed with this life of the host: every other life of it is dead.
  case met(Member)
  /// What gossip says of a host. Advice: it makes members ask sooner and never grants anything.
  case advice(HostID, HostAdvice)
  case deadline(Timer)
  /// The log has made everything durable up to and with the record that carried this token.
  case durable(token: UInt64)
  /// Whether the log takes new writes.
  case admission(LogAdmission)
  /// The store failed for good: nothing later becomes durable.
  case storeFailed
  case command(ShardCommand)
}

package enum ShardCarrier: UInt8, Sendable, CaseIterable {
  case register = 1
  case replication = 4
  case catchUp = 5
}

package enum HostAdvice: Sendable, Hashable {
  case alive, suspect, dead, left, revoked
}

/// What the shell, placement or a client asks of the shards of this host. `request` comes back with the reply.
package enum ShardCommand: Sendable {
  /// The voters, in order (E9). The first one is the world's, later ones are signed by the operator.
  case adopt(VoterSetDescription)
  /// The next voter set, signed by the operator: the bytes of `VoterSetDescription.signed`.
  case changeVoters(signed: [UInt8])
  /// The replica list of a shard, best first: who may create it, whom the owner invites as a learner, who asks first.
  case place(ShardID, replicas: [HostID], minimum: Int)
  /// Write; answered by `.acknowledged` or `.refused`.
  case write(ShardID, WriteRequest, request: UInt64)
  case read(ShardID, key: [UInt8], request: UInt64)
  /// Move the shard to another member of the in-sync set, losing nothing.
  case move(ShardID, to: HostID, reason: ChangeReason, plan: UInt64, request: UInt64)
  case cancelMove(ShardID)
  /// Puts an earlier content of the shard in place, in a new reign; answered by `.restored` or `.refused`.
  case restore(ShardID, to: ShardContent, request: UInt64)
  /// Give up all shards (clean stop).
  case releaseAll
  /// What is known here of a shard's record seems old: the register is read, if it was not a moment ago.
  case refresh(ShardID)
  /// A person wants to know what hosts have of the shard: everybody within reach is asked; see `inquiry(of:)`.
  case inquire(ShardID)
  /// The operator's signed word that `host` takes the shard (E7, unclean): the bytes of `UncleanOrder`.
  case unclean(ShardID, signed: [UInt8])
}

package struct VoterSetDescription: Hashable, Sendable {
  package var number: UInt64
  /// 1, 3 or 5 voters: host and store id.
  package var voters: [VoterSeat]
  /// Those of the set before, from whom the new ones copy; empty in the world's first set.
  package var previous: [VoterSeat]
  /// The only voter before lost its disk: the new one learns the register from all hosts.
  package var isRebuild: Bool
  /// Hosts of which the operator says, for a rebuild, that they are gone for good.
  package var gone: [HostID]

  package init(
    number: UInt64, voters: [VoterSeat], previous: [VoterSeat] = [], isRebuild: Bool = false, gone: [HostID] = []
  ) {
    self.number = number
    self.voters = voters
    self.previous = previous
    self.isRebuild = isRebuild
    self.gone = gone
  }
}

/// A voter is a host with one data directory: a lost disk is another voter.
package struct VoterSeat: Hashable, Comparable, Sendable {
  package var host: HostID
  package var store: UInt64

  package init(host: HostID, store: UInt64) {
    self.host = host
    self.store = store
  }

  package static func < (left: VoterSeat, right: VoterSeat) -> Bool {
    left.host != right.host ? left.host < right.host : left.store < right.store
  }
}

package struct WriteRequest: Sendable, Hashable {
  package var entryClass: EntryClass
  package var change: Entry.Change
  package var key: [UInt8]
  package var value: [UInt8]
  /// Sequence of the entry that must hold the key now (0: absent); nil: whatever.
  package var expected: UInt64?
  package var client: UInt64
  package var clientSequence: UInt64

  package init(
    entryClass: EntryClass, change: Entry.Change, key: [UInt8], value: [UInt8] = [], expected: UInt64? = nil,
    client: UInt64 = 0, clientSequence: UInt64 = 0
  ) {
    self.entryClass = entryClass
    self.change = change
    self.key = key
    self.value = value
    self.expected = expected
    self.client = client
    self.clientSequence = clientSequence
  }
}
