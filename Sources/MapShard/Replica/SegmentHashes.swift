import Hashing

/// BLAKE2b-256 of each of the 256 segments of a state and of its clients, and one over all of them. No sums: equal
/// changes in two segments must not cancel out.
struct SegmentHashes: Hashable, Sendable {
  private var hashes: [[UInt8]] = Array(repeating: [], count: ShardState.segmentCount + 1)
  /// Bits of the segments whose hash is out of date.
  private var dirty: [UInt64] = [.max, .max, .max, .max, 1]

  var firstDirty: Int? {
    for (index, word) in dirty.enumerated() where word != 0 { return index * 64 + word.trailingZeroBitCount }
    return nil
  }

  mutating func touch(_ segment: Int) { dirty[segment >> 6] |= 1 << UInt64(segment & 63) }

  mutating func set(_ segment: Int, _ hash: [UInt8]) {
    hashes[segment] = hash
    dirty[segment >> 6] &= ~(1 << UInt64(segment & 63))
  }

  /// Over all segments, when none is out of date.
  var root: [UInt8]? {
    guard firstDirty == nil else { return nil }
    var running = Blake2b()
    for hash in hashes { running.update(hash) }
    return running.finish()
  }
}
