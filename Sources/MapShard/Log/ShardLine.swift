/// Replays a shard's records on a snapshot: what is left is the tail of its log.
///
/// The records may begin a little before the snapshot, and the log may have been cut in between. So the line can run
/// below the snapshot's position for a while; it counts once it has come to exactly that position.
struct ShardLine {
  enum Verdict {
    case goOn
    /// The record contradicts what came before.
    case broken
  }

  private enum Place {
    /// At the snapshot or behind it: `entries` follow it.
    case on
    /// On the way to it.
    case below(Position)
  }

  let base: Position
  /// Number of the snapshot; 0: none, the line begins with the first entry.
  let number: UInt64
  /// Snapshots up to this number are known to have been whole at some time.
  let newestKnown: UInt64
  private(set) var entries: [Entry] = []
  private var place = Place.on
  /// An installation that was not finished: what follows belongs to content that never became whole.
  private(set) var isSuspended = false
  /// The line as it was before each of the last installations.
  private var before: [Saved] = []

  private struct Saved {
    var place: Place
    var entries: [Entry]
    var end: Position
  }

  init(base: Position, number: UInt64, newestKnown: UInt64) {
    self.base = base
    self.number = number
    self.newestKnown = newestKnown
  }

  /// The log was cut below the snapshot and never came back to it.
  var isBaseVoid: Bool { if case .below = place { true } else { false } }
  private var last: Position { entries.last?.position ?? base }
  private var end: Position { if case .below(let position) = place { position } else { last } }

  mutating func take(_ record: StoredRecord) -> Verdict {
    switch record {
    case .installing(_, let position, let snapshot): return install(position, snapshot)
    case _ where isSuspended: return .goOn
    case .entries(_, let new):
      for entry in new where !take(entry) { return .broken }
      return .goOn
    case .truncate(_, let position): return cut(position)
    default: return .goOn
    }
  }

  private mutating func take(_ entry: Entry) -> Bool {
    switch place {
    case .on where entry.follows(last):
      entries.append(entry)
      return true
    case .on:
      // Records from before the snapshot, or of a line that was cut before it, come only at the beginning of what it does
      // not cover. If they do not lead to it, the base is void in the end.
      guard entries.isEmpty, number > 0 else { return false }
    case .below(let position):
      guard entry.follows(position) else { return false }
    }
    place = entry.position == base ? .on : .below(entry.position)
    return true
  }

  private mutating func cut(_ position: Position) -> Verdict {
    if case .on = place, position.sequence >= base.sequence, position == base || !entries.isEmpty || number == 0 {
      while let entry = entries.last, entry.position.sequence > position.sequence { entries.removeLast() }
      return last == position ? .goOn : .broken
    }
    // Below the snapshot, or on a line that was cut before it.
    entries.removeAll()
    place = position == base ? .on : .below(position)
    return .goOn
  }

  private mutating func install(_ position: Position, _ snapshot: UInt64) -> Verdict {
    // 0: the installation was not finished, and a later life went on where the line had been before it.
    if snapshot == 0 {
      if isSuspended {
        isSuspended = false
      } else if let saved = before.last(where: { $0.end == position }) {
        place = saved.place
        entries = saved.entries
      } else {
        // The record of the installation itself is covered.
        return cut(position)
      }
      before = []
      return .goOn
    }
    if snapshot > number {
      guard snapshot > newestKnown else { return .broken }
      isSuspended = true
      return .goOn
    }
    // For a later snapshot every installation before it looks finished; the next records show whether it was.
    before = isSuspended ? [] : before + [Saved(place: place, entries: entries, end: end)]
    isSuspended = false
    entries.removeAll()
    place = position == base ? .on : .below(position)
    return .goOn
  }
}
