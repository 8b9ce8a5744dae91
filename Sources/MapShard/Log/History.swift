import Wire

/// Which snapshots of a shard are kept (`ownership.md` 3.11): the newest two, because a damaged one leaves the one before
/// with the log's tail; the last of each hour for a day; the last of each day for a week.
package enum History {
  static let newest = 2
  static let hours: UInt64 = 24
  static let days: UInt64 = 7
  private static let hour = Nanoseconds.seconds(3_600)
  private static let day = Nanoseconds.seconds(86_400)

  /// `snapshots` of one shard by rising number; the numbers that are kept, sorted.
  package static func kept(_ snapshots: [Snapshot], wall: UInt64) -> [UInt64] {
    var kept = snapshots.suffix(newest).map(\.number)
    var seenHours: [UInt64] = []
    var seenDays: [UInt64] = []
    // The last of an hour is met first.
    for snapshot in snapshots.reversed() {
      // One from the future (the clock was set back) counts as of now.
      let taken = min(snapshot.wall, wall)
      let age = wall - taken
      if age < hours * hour, !seenHours.contains(taken / hour) {
        seenHours.append(taken / hour)
        kept.append(snapshot.number)
      }
      if age < days * day, !seenDays.contains(taken / day) {
        seenDays.append(taken / day)
        kept.append(snapshot.number)
      }
    }
    return Array(Set(kept)).sorted()
  }

  /// Numbers of the files that hold blocks of the kept snapshots, and the kept ones themselves.
  static func files(of snapshots: [Snapshot], kept: [UInt64]) -> Set<UInt64> {
    var files = Set(kept)
    for snapshot in snapshots where kept.contains(snapshot.number) {
      for block in snapshot.blocks { files.insert(block.file) }
    }
    return files
  }
}

/// What changed between two contents of a shard, by key. Applied to `from` as writes it gives `to`: so a restore is a list
/// of ordinary writes in a new reign, which replicate, are acknowledged and can be undone like any other.
package struct ContentDifference: Sendable, Hashable {
  package enum Change: Sendable, Hashable {
    case put(ShardContent.Item)
    case delete([UInt8], EntryClass)
  }

  /// Sorted by key.
  package var changes: [Change] = []
  package var added = 0
  package var changed = 0
  package var removed = 0

  /// Sequences are not compared: the same value put again is no difference.
  package init(from old: ShardContent, to new: ShardContent) {
    var left = old.items[...]
    var right = new.items[...]
    while true {
      switch (left.first, right.first) {
      case (nil, nil): return
      case (let before?, let after?) where before.key == after.key:
        if before.value != after.value || before.entryClass != after.entryClass {
          changes.append(.put(after))
          changed += 1
        }
        left.removeFirst()
        right.removeFirst()
      case (let before?, let after) where after.map({ before.key.lexicographicallyPrecedes($0.key) }) ?? true:
        changes.append(.delete(before.key, before.entryClass))
        removed += 1
        left.removeFirst()
      case (_, let after?):
        changes.append(.put(after))
        added += 1
        right.removeFirst()
      case (_?, nil): return
      }
    }
  }
}
