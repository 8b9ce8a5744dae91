package import Wire

/// A file of the store; all lie in one folder.
package enum StoreFile: Hashable, Sendable {
  case segment(UInt64)
  case snapshot(ShardID, UInt64)
  /// A snapshot that is being written: never read, removed at the next start.
  case unfinished(ShardID, UInt64)

  package var name: String {
    switch self {
    case .segment(let number): "log-" + StoreFile.digits(number)
    case .snapshot(let shard, let number): "snapshot-\(shard)-" + StoreFile.digits(number)
    case .unfinished(let shard, let number): "snapshot-\(shard)-" + StoreFile.digits(number) + ".new"
    }
  }

  /// Reads what `name` writes; `nil` for files that are not the store's.
  package init?(name: String) {
    let parts = name.split(separator: "-", omittingEmptySubsequences: false)
    if parts.count == 2, parts[0] == "log", let number = StoreFile.number(parts[1]) {
      self = .segment(number)
    } else if parts.count == 3, parts[0] == "snapshot", let shard = StoreFile.number(parts[1]) {
      let last = parts[2]
      if last.hasSuffix(".new"), let number = StoreFile.number(last.dropLast(4)) {
        self = .unfinished(ShardID(rawValue: shard), number)
      } else if let number = StoreFile.number(last) {
        self = .snapshot(ShardID(rawValue: shard), number)
      } else {
        return nil
      }
    } else {
      return nil
    }
  }

  private static func digits(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  private static func number(_ text: Substring) -> UInt64? {
    guard text.utf8.count == 16 else { return nil }
    guard let value = UInt64(text, radix: 16), digits(value) == text else { return nil }
    return value
  }
}

/// One step of a job, done by the shell or the simulated disk in the order of the job.
package enum DiskStep: Hashable, Sendable {
  /// A new file of zeros, its whole size reserved on the disk.
  case create(StoreFile, reserve: Int)
  case write(StoreFile, at: Int, [UInt8])
  /// Zeros, really written, so that later writes there change no metadata.
  case zero(StoreFile, at: Int, count: Int)
  /// Data of the file durable (fdatasync). An error here is final: the kernel may have dropped what it could not write.
  case sync(StoreFile)
  case rename(StoreFile, to: StoreFile)
  /// Creations, renames and removals durable.
  case syncFolder
  case truncate(StoreFile, to: Int)
  case delete(StoreFile)
  /// The bytes come back in `LogInput.done`; fewer when the file ends before.
  case read(StoreFile, at: Int, count: Int)
}

/// Steps in a row. At most one job of a lane is in flight; the lanes go on beside each other.
package struct DiskJob: Hashable, Sendable {
  package enum Lane: UInt8, Sendable, CaseIterable {
    /// Batches of the log: exactly one write and one sync.
    case log = 0
    /// Everything else: next segments, snapshots, removals, scrub, history.
    case side = 1
  }

  package var lane: Lane
  package var number: UInt64
  package var steps: [DiskStep]
}

/// Why a step of a job failed. The steps after it were not done.
package struct DiskFailure: Error, Hashable, Sendable {
  package var step: Int
  /// The system's number, positive (`errno`).
  package var code: Int32

  package init(step: Int, code: Int32) {
    self.step = step
    self.code = code
  }

  /// ENOSPC and EDQUOT of Linux: space may come back.
  package var isFull: Bool { code == 28 || code == 122 }
}

/// What can happen to the log besides appends.
package enum LogInput: Sendable {
  /// The job is done; what its read steps gave.
  case done(DiskJob.Lane, UInt64, reads: [[UInt8]])
  case failed(DiskJob.Lane, UInt64, DiskFailure)
  case deadline(Timer)
  /// The committed state of a shard, as asked for by `contentsWanted`; `nil`: this host has none now.
  case content(ShardID, ShardContent?)
  /// Bytes that the file system still has for this store.
  case space(available: UInt64)
  /// Wants the content of a snapshot in the history; answered in `LogEffects.fetched`.
  case fetch(ShardID, snapshot: UInt64, request: UInt64)
}

/// What a call into the log wants done, in order. Reused from call to call.
package struct LogEffects: Sendable {
  package var jobs: [DiskJob] = []
  /// Tokens of appends that are durable now, in their order.
  package var durable: [UInt64] = []
  /// Shards whose committed content is wanted for a snapshot.
  package var contentsWanted: [ShardID] = []
  package var fetched: [(request: UInt64, content: Result<ShardContent, SnapshotRefusal>)] = []
  package var deadlines: [Deadline] = []
  package var events: [LogEvent] = []

  package init() {}

  package mutating func removeAll() {
    jobs.removeAll(keepingCapacity: true)
    durable.removeAll(keepingCapacity: true)
    contentsWanted.removeAll(keepingCapacity: true)
    fetched.removeAll(keepingCapacity: true)
    deadlines.removeAll(keepingCapacity: true)
    events.removeAll(keepingCapacity: true)
  }
}

package enum SnapshotRefusal: Error, Hashable, Sendable {
  case unknown
  case damaged(StoreFault)
  /// Too many requests wait.
  case busy
  case storeFailed
}

/// Whether new writes may come in. What is already admitted is always taken.
package enum LogAdmission: Hashable, Sendable {
  case open
  /// 90 % of the space given is used, or the next segment cannot be made: heals when space is back.
  case full
  /// The disk cannot keep up with what waits.
  case slow
  /// Final: `LogEvent.failed` said why.
  case failed
}

package enum LogEvent: Hashable, Sendable {
  /// A write or sync failed: nothing later becomes durable in this life (`fsync` is never retried).
  case failed(file: String, code: Int32)
  case admission(LogAdmission)
  case snapshotMade(ShardID, number: UInt64, Position)
  /// The content was above the limits, or the disk was full: tried again later.
  case snapshotRefused(ShardID, SnapshotProblem)
  /// Found by the scrub.
  case damaged(StoreFault)
  /// A pass of the scrub over everything is over.
  case scrubbed(bytes: UInt64, faults: Int)
  case segmentFreed(UInt64)
}

package enum SnapshotProblem: Hashable, Sendable {
  case tooLarge
  case diskFull
}

/// What is counted, for people and for tests.
package struct LogCounters: Hashable, Sendable {
  package var records: UInt64 = 0
  package var batches: UInt64 = 0
  package var batchBytes: UInt64 = 0
  package var segmentsMade: UInt64 = 0
  package var segmentsFreed: UInt64 = 0
  package var snapshots: UInt64 = 0
  package var snapshotBytes: UInt64 = 0
  /// State segments that a snapshot shared with an earlier one.
  package var segmentsShared: UInt64 = 0
  package var snapshotsDropped: UInt64 = 0
  /// Appends and requests that came after the store had failed.
  package var refusedAfterFailure: UInt64 = 0
  package var refusedTooLarge: UInt64 = 0
  package var refusedBusy: UInt64 = 0
  package var faults: UInt64 = 0
  /// Answers of the disk to jobs that were not in flight.
  package var strayAnswers: UInt64 = 0

  package init() {}
}
