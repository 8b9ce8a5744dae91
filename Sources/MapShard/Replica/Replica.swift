import Wire

/// Everything that a host holds of one shard (E2): as a replica, as a candidate and as its owner.
struct Replica: Hashable, Sendable {
  let shard: ShardID

  // MARK: Every node that holds the shard
  /// The highest version known; `nil`: none.
  var rec: ProvenRecord?
  var proposal: Proposal?
  /// The last reign whose owner's log and mine were made equal.
  var matchedEpoch = Epoch.none
  /// The reign whose owner has released it.
  var releasedBy = Epoch.none
  var log = ShardLog()
  /// Everything up to here is durable.
  var durable: UInt64 = 0
  /// Known as acknowledged (or as standing in the log of an owner at the start of his reign).
  var commit: UInt64 = 0
  /// The reign in which `commit` was last raised: entries up to it may be cut only after a later loss (f).
  var commitEpoch = Epoch.none
  /// All entries up to `commit`, applied.
  var state = ShardState()
  /// The log had holes at the start of this life; it may not stand in a recovery until a snapshot or an owner healed it.
  var isDamaged = false
  /// An assertion failed: the shard does nothing any more in this life.
  var stopped: String?

  // MARK: Placement
  /// Best first. Empty: this host has no part in placement of the shard.
  var replicas: [HostID] = []
  var minimum = 1
  /// The register has answered that there is no record; when.
  var absentSince: UInt64?

  // MARK: Watching the owner
  /// The present reign was learnt.
  var reignSince: UInt64 = 0
  /// The owner's host was seen in another life, or he released the shard; when that was noticed.
  var freedAt: UInt64?
  /// An append of the owner came last.
  var ownerHeard: UInt64 = 0
  var readAt: UInt64 = 0
  var recovery = Recovery()
  /// What hosts have answered since a person asked; `nil`: nobody has.
  var inquiry: [HostID: HeldCopy]?

  // MARK: Owner
  var floor: UInt64 = 0
  /// May be acknowledged in this reign: all of M hold it, and durably what is critical.
  var acked: UInt64 = 0
  /// The present record was learnt, or the reign began.
  var recordedAt: UInt64 = 0
  /// The reign in which I asked for a move: I never act in it again (j).
  var movedIn = Epoch.none
  /// The reign that I gave up.
  var released = Epoch.none
  var releasedAt: UInt64 = 0
  var releaseAgainAt: UInt64 = 0
  var others: [Progress] = []
  /// What `others` follows from has changed.
  var isSetStale = true
  /// Entries up to here were given to my log and to the followers; later ones wait for their batch.
  var batched: UInt64 = 0
  var batchDue: UInt64?
  /// The last critical one of the entries that were given away, or where the reign began.
  var batchedCritical: UInt64 = 0
  var waiting = WaitingRequests()
  /// Writes that were put into the log here, and their bytes: what the shard costs its owner.
  var writes: UInt64 = 0
  var writtenBytes: UInt64 = 0
  /// Keys of entries that are not committed, with the last of them.
  var uncommitted: [[UInt8]: Uncommitted] = [:]
  /// What was last said about acting.
  var said = Said.nothing
  var heldSince: UInt64?
  /// While held: when the followers are asked next whether they know of another reign.
  var askFollowersAt: UInt64 = 0
  var move: PlannedMove?
  var restore: PlannedRestore?
  var comparison = Comparison()
  /// The state on its way to followers that need it as a whole.
  var snapshot: SnapshotBuilder?
  var snapshotSliceAt: UInt64 = 0
  var volatile = VolatileValues()

  /// The earliest moment at which something is to be done, and the earliest at which a deadline is set.
  var due = UInt64.max
  var armed = UInt64.max

  enum Said: Hashable, Sendable {
    case nothing, acting
    case held(HoldReason)
  }

  struct Uncommitted: Hashable, Sendable {
    var sequence: UInt64
    var deletes: Bool
  }

  init(shard: ShardID) { self.shard = shard }

  var epoch: Epoch { rec?.record.epoch ?? .none }
  var version: UInt64 { rec?.record.version ?? 0 }
  var members: [Member] { rec?.record.members ?? [] }

  /// Bytes of entries that wait for this host's disk.
  var undurableBytes: Int { log.bytes(after: durable, through: log.last.sequence) }

  /// Looks at the shard again at this moment, or before.
  mutating func wake(at time: UInt64) { if time < due { due = time } }
}

/// A follower as its owner sees it: `match`, `durable`, `sealSeries` and `lifeOf` of E2, and what is on its way to it.
struct Progress: Hashable, Sendable {
  let member: Member
  /// Sequence up to which its log is known to be equal to mine; `nil`: not known in this reign.
  var match: UInt64?
  var durable: UInt64 = 0
  var sealSeries: UInt64?
  /// The highest version that it has answered with.
  var version: UInt64 = 0
  /// What was sent, if it streams; otherwise one message at a time finds the place to begin.
  var sent: UInt64
  var isStreaming = false
  /// Something was sent and nothing came back since; when it was sent.
  var askedAt: UInt64?
  /// The version that it has answered with DOUBT; a later one is sent at once.
  var doubted = UInt64.max
  /// It moved on, or had everything.
  var progressAt: UInt64
  /// More became durable there, or everything was that had to be.
  var durableAt: UInt64
  /// The commit that it was told last.
  var commitTold: UInt64 = 0
  var commitDue: UInt64?
  /// It holds everything and has not said that it does so durably: when to ask.
  var durableDue: UInt64?
  var snapshotUntil: UInt64?
  var snapshotPosition: UInt64?
  var wantsSnapshot = false
  /// An empty APPEND is to go, to hear what it knows.
  var wantsAppend = false
  /// The snapshot replaces a copy that is not what it should be.
  var isRepair = false
  /// In `M`; otherwise a learner, which counts for nothing.
  var isMember = false
  /// It became a member, or ceased to be one.
  var memberSince: UInt64 = 0
  var countsForAcks = false
  var countsForPromises = false

  init(member: Member, sent: UInt64, now: UInt64) {
    self.member = member
    self.sent = sent
    progressAt = now
    durableAt = now
  }
}

/// A move to another member that was asked for.
struct PlannedMove: Hashable, Sendable {
  var target: HostID
  var reason: ChangeReason
  var plan: UInt64
  var request: UInt64
  var since: UInt64
  /// The last sequence when admission stopped.
  var sequence: UInt64
}
