package import Wire

/// Sizes and times of a host's log. The figures are those of `ownership.md` 3.10 and 3.11; tests make them small.
package struct LogSettings: Hashable, Sendable {
  /// Born with the data directory: tells this store's files from another's.
  package var store: UInt64
  /// Of a log file; reserved as a whole, so that a full disk is met before a write and not in it.
  package var segmentSize = 64 << 20
  /// Body of a batch. Bounds what one sync makes wait, and what one damaged batch takes with it.
  package var batchLimit = 1 << 20
  /// How long a lazy record may wait for company.
  package var lazyFlush = Nanoseconds.milliseconds(50)
  /// A snapshot of a shard is due after so many entries, bytes of entries, or so long after its first change.
  package var snapshotEntries = 4_096
  package var snapshotBytes = 1 << 20
  package var snapshotAge = Nanoseconds.seconds(60)
  /// How long log segments and intermediate snapshots are kept after they are needed no more.
  package var logWindow = Nanoseconds.seconds(3_600)
  /// Bytes that the store may take; 0: as much as the file system has.
  package var spaceGiven: UInt64 = 0
  /// Above this much waiting for the disk no new writes are admitted …
  package var waitingSlow = 8 << 20
  /// … and above this much the store has failed: what has been admitted cannot be kept.
  package var waitingLimit = 256 << 20
  package var scrubPeriod = Nanoseconds.seconds(86_400)
  /// Bytes per second that the scrub reads.
  package var scrubRate = 1 << 20

  package init(store: UInt64) { self.store = store }
}
