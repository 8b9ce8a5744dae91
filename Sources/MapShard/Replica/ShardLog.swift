import Wire

/// The entries of one shard that are held in memory: everything that is not known as committed, and before that as much
/// as a follower that is behind may want.
package struct ShardLog: Hashable, Sendable {
  /// The position before the first entry that is held.
  package private(set) var base: Position
  private var entries: ContiguousArray<Entry> = []
  /// Bytes of all entries up to and with the one at the same index, counted from the beginning of this log.
  private var ends: ContiguousArray<Int> = []
  /// Entries at the front that are gone; the arrays are compacted when they are half of it.
  private var head = 0
  private var bytesBefore = 0

  package init(base: Position = .start) { self.base = base }

  package var count: Int { entries.count - head }
  package var isEmpty: Bool { count == 0 }
  package var last: Position { isEmpty ? base : entries[entries.count - 1].position }
  /// Bytes of the entries held.
  package var bytes: Int { (ends.last ?? bytesBefore) - bytesBefore }

  private func index(of sequence: UInt64) -> Int? {
    guard sequence > base.sequence, sequence <= last.sequence else { return nil }
    let index = head + Int(truncatingIfNeeded: sequence - base.sequence) - 1
    return index < entries.count ? index : nil
  }

  package subscript(sequence: UInt64) -> Entry? { index(of: sequence).map { entries[$0] } }

  /// `nil` outside of what is held; the base belongs to it.
  package func position(at sequence: UInt64) -> Position? {
    sequence == base.sequence ? base : index(of: sequence).map { entries[$0].position }
  }

  package func contains(_ position: Position) -> Bool { self.position(at: position.sequence) == position }

  /// The last position that is behind neither of the two, as far as it is held.
  func last(upTo sequence: UInt64, epoch: Epoch) -> Position {
    var candidate = min(sequence, last.sequence)
    while candidate > base.sequence {
      if let position = position(at: candidate), position.epoch <= epoch { return position }
      candidate -= 1
    }
    return base
  }

  mutating func append(_ entry: Entry) {
    ends.append((ends.last ?? bytesBefore) + entry.size)
    entries.append(entry)
  }

  /// Ends the log at this sequence, which is held.
  mutating func cut(to sequence: UInt64) {
    guard sequence >= base.sequence, sequence < last.sequence else { return }
    let excess = Int(truncatingIfNeeded: last.sequence - sequence)
    entries.removeLast(excess)
    ends.removeLast(excess)
  }

  /// Forgets entries from the front, at most up to and with `sequence`, until at most `limit` bytes are held.
  mutating func trim(upTo sequence: UInt64, to limit: Int) {
    var floor = base
    var before = bytesBefore
    while let end = ends.last, end - before > limit, floor.sequence < sequence, head < entries.count {
      floor = entries[head].position
      before = ends[head]
      head += 1
    }
    base = floor
    bytesBefore = before
    if head > 64, head * 2 > entries.count {
      entries.removeFirst(head)
      ends.removeFirst(head)
      head = 0
    }
  }

  /// Bytes of the entries after `first`, up to and with `last`.
  func bytes(after first: UInt64, through last: UInt64) -> Int {
    max(0, end(of: last) - end(of: first))
  }

  private func end(of sequence: UInt64) -> Int {
    if let index = index(of: sequence) { return ends[index] }
    return sequence <= base.sequence ? bytesBefore : ends.last ?? bytesBefore
  }

  /// Entries after `sequence`, up to a count and a size; at least one, if there is one.
  func batch(after sequence: UInt64, count limit: Int, bytes: Int) -> [Entry] {
    guard let first = index(of: sequence + 1) else { return [] }
    var next = first
    var size = 0
    while next < entries.count, next - first < limit {
      size += entries[next].size
      if size > bytes, next > first { break }
      next += 1
    }
    return Array(entries[first..<next])
  }
}
