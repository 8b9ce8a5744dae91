import Wire

/// What the log holds in memory of a batch that is being filled or waits for the disk.
struct Parcel {
  var sequence: UInt64
  var body: [UInt8] = []
  var shards: Set<ShardID> = []
  var hasRegister = false
  var isUrgent = false

  init(sequence: UInt64) { self.sequence = sequence }

  /// Sorted; `nil` when there are too many to list in a batch's head.
  var listedShards: [ShardID]? { shards.count <= Batch.shardsLimit ? shards.sorted() : nil }
}

/// A file that batches are written to, or will be.
struct Segment {
  var number: UInt64
  var salt: UInt64
  var size: Int
  /// Where the next batch goes.
  var used = SegmentHead.size
  /// Zeros were really written up to here …
  var zeroed: Int
  /// … and are being written up to here: no batch may go there meanwhile.
  var zeroing: Int?
  var lastSequence: UInt64 = 0
  var lastWall: UInt64 = 0
  /// The last batch with records of each shard.
  var lastOf: [ShardID: UInt64] = [:]

  var closed: ClosedSegment {
    ClosedSegment(number: number, size: size, lastSequence: lastSequence, lastWall: lastWall, lastOf: lastOf)
  }
}

/// A file that nothing is written to any more.
struct ClosedSegment: Hashable, Sendable {
  var number: UInt64
  var size: Int
  var lastSequence: UInt64
  var lastWall: UInt64
  var lastOf: [ShardID: UInt64]
}

/// What the log knows of a shard.
struct LoggedShard: Hashable, Sendable {
  /// Records of the shard in one batch, and the sequence that its log ended with there.
  struct Span: Hashable, Sendable {
    var batch: UInt64
    var last: UInt64
  }

  struct Install: Hashable, Sendable {
    var number: UInt64
    var sequence: UInt64
    /// The log was cut below it meanwhile.
    var isVoid = false
  }

  /// By rising number.
  var snapshots: [Snapshot] = []
  /// Number of the snapshot that a recovery would begin with; it is on the line of the log.
  var base: UInt64?
  /// Sizes of the snapshot files that exist, also of those that are only there for their blocks.
  var files: [UInt64: Int] = [:]
  /// Files from which no further snapshot takes blocks.
  var damagedFiles: Set<UInt64> = []
  var last: Position = .start
  /// What the base does not cover.
  var spans: [Span] = []
  var entriesSince = 0
  var bytesSince = 0
  /// When the first change since the base came (`Now.monotonic`).
  var dirtySince: UInt64?
  var isWanted = false
  /// The life before ended within an installation: the line goes on as it was before that.
  var needsResume = false
  /// Damage was found: the next snapshot is taken even if nothing has changed.
  var repairs = false
  /// Numbers of contents that are being installed, and what they would end with: no other snapshots until they are whole.
  var installing: [Install] = []
  /// The last installed content: older snapshots belong to another line.
  var lineStart: UInt64 = 0

  var covers: UInt64 { snapshots.last { $0.number == base }?.covers ?? 0 }

  /// What lay behind the end of the log is void.
  mutating func clip() {
    for index in spans.indices { spans[index].last = min(spans[index].last, last.sequence) }
  }

  mutating func note(batch: UInt64) {
    if spans.last?.batch == batch {
      spans[spans.count - 1].last = last.sequence
    } else {
      spans.append(Span(batch: batch, last: last.sequence))
    }
  }
}

/// What recovery hands to the writer beside the shards.
struct LogHandover: Hashable, Sendable {
  var nextSegment: UInt64 = 1
  var nextSequence: UInt64 = 1
  var nextSnapshot: UInt64 = 1
  var nextCheckpoint: UInt64 = 1
  /// By rising number.
  var segments: [ClosedSegment] = []
  var shards: [ShardID: LoggedShard] = [:]
  /// Files that are of no use: half-written snapshots, segments that nothing was written to, snapshots of forgotten
  /// shards.
  var leftovers: [StoreFile] = []
  /// The last segment of the life before, and where its batches end.
  var cut: Cut?

  struct Cut: Hashable, Sendable {
    var file: StoreFile
    var size: Int
  }
}

/// What a start finds: for the shards, and for the log that goes on.
package struct RecoveredLog: Sendable {
  package var shards = RecoveredShards()
  var handover = LogHandover()

  package init() {}
}
