import Wire

/// Times and limits of the ownership protocol (E10) and of the data path. Times are in nanoseconds.
package struct ShardSettings: Hashable, Sendable {
  /// One HEARTBEAT per owner and member host. At most `hold / 4`, so that three may be lost.
  package var heartbeatPeriod = Nanoseconds.milliseconds(300)
  /// How long an owner counts a promise, from the moment at which it *sent* the heartbeat.
  package var hold = Nanoseconds.milliseconds(1200)
  /// How long a member keeps its promise, from the moment at which the heartbeat *arrived*. At least
  /// `hold × (1 + d) / (1 − d)` for a clock error d of 1 %.
  package var give = Nanoseconds.milliseconds(1250)
  /// A member that is silent or does not get on for this long is dropped. `out` and a compare-and-set fit into `hold`:
  /// a dead member causes no pause.
  package var out = Nanoseconds.milliseconds(500)
  /// A member whose memory keeps up and whose disk does not get on for this long is dropped, too: critical writes wait for
  /// it. Longer than `out`, because it costs no promise, and a disk that stands still for a second is not full.
  package var outDurable = Nanoseconds.seconds(3)
  /// Candidates ask one after the other, so far apart. More than a compare-and-set takes.
  package var stagger = Nanoseconds.milliseconds(150)
  /// How much longer a candidate waits after the lapse when nothing else speaks against the owner.
  package var patience = Nanoseconds.milliseconds(300)

  /// A proposal is sent again after this, then after 1.5 times as long, up to `proposalRetryLimit`.
  package var proposalRetry = Nanoseconds.milliseconds(200)
  package var proposalRetryLimit = Nanoseconds.seconds(2)
  /// An owner that is held for this long without any voter, while a member answers, releases the shard.
  package var releaseAfter = Nanoseconds.seconds(3)
  /// A reign that was released and that nobody wanted is begun anew after this.
  package var renewAfter = Nanoseconds.seconds(5)
  /// A voter that heard the owner within `vetoFresh` refuses a take, for at most `vetoLimit` per version.
  package var vetoFresh = Nanoseconds.seconds(1)
  package var vetoLimit = Nanoseconds.seconds(4)
  /// How often a host that hears from no owner looks into the register.
  package var readPeriod = Nanoseconds.seconds(2)

  /// Entries leave in batches: after this time, or when they are as many or as large as the next two say.
  package var batchTime = Nanoseconds.milliseconds(2)
  package var batchBytes = 16 << 10
  package var batchEntries = 128
  /// Bytes of entries on their way to one follower, and bytes that wait for their acknowledgement.
  package var credit = 1 << 20
  /// Bytes of a shard's entries that may wait for a disk. A follower takes no more, an owner admits no more. With the 60
  /// shards of a large host it is below what its log lets wait at most; above `LogSettings.waitingSlow` a follower takes
  /// `undurableSlow`.
  package var undurable = 3 << 20
  package var undurableSlow = 256 << 10
  /// Entries kept in memory for followers that are behind; who needs older ones gets a snapshot.
  package var ringBytes = 4 << 20
  /// Without an answer for so long, what was sent counts as lost.
  package var retransmit = Nanoseconds.milliseconds(250)
  /// Writes that wait for the end of a planned move, or for promises that were there a moment ago.
  package var queueLimit = 1024
  /// How long writes wait for promises before they are refused.
  package var queuePatience = Nanoseconds.milliseconds(500)
  /// A planned move that cannot begin within this is given up.
  package var moveLimit = Nanoseconds.seconds(2)

  /// The copies of a shard are compared this often.
  package var checkPeriod = Nanoseconds.seconds(10)
  /// Bytes of state hashed or encoded in one turn: about 1 ms.
  package var sliceBytes = 192 << 10

  package static let keysLimit = 100_000
  /// A snapshot is a transfer of at most 64 MiB; this leaves room for its frame.
  package static let stateBytesLimit = 60 << 20

  package static let lan = ShardSettings()
  package static let lanFast = ShardSettings()
  /// Everything that waits for others takes three times as long.
  package static let wan: ShardSettings = {
    var settings = ShardSettings()
    settings.heartbeatPeriod *= 3
    settings.hold *= 3
    settings.give *= 3
    settings.out *= 3
    settings.stagger *= 3
    settings.patience *= 3
    settings.proposalRetry *= 3
    settings.releaseAfter *= 3
    settings.vetoFresh *= 3
    settings.retransmit *= 3
    return settings
  }()

  #if MESH_PLANTED_BUGS
    package var planted: ShardBugs = []
  #endif

  package init() {}
}
