import Wire

/// The newest register bodies, reigns and snapshot notes are written again in every segment, so that old segments can go.
struct Checkpoint {
  private var next: UInt64
  /// The one under way: batches of its first and last record.
  private var begun: (first: UInt64, last: UInt64)?
  /// First batch of the last one that is whole on the disk: nothing before it is needed for what it holds.
  private(set) var durableFrom: UInt64 = 0

  init(next: UInt64) { self.next = next }

  var isUnderWay: Bool { begun != nil }

  mutating func number() -> UInt64 {
    defer { next += 1 }
    return next
  }

  mutating func began(_ first: UInt64, _ last: UInt64) { begun = (first, last) }

  mutating func durable(_ sequence: UInt64) {
    guard let begun, sequence >= begun.last else { return }
    durableFrom = begun.first
    self.begun = nil
  }
}

/// Files of the log: the next one is made while the current one fills, old ones go when nothing needs them.
extension LogWriter {
  /// Really written zeros go ahead of the batches in such pieces: a later write there changes no metadata of the file
  /// and its sync takes one write less.
  private static let zeroStep = 1 << 20
  private static let zeroAhead = 4 << 20
  /// EFBIG: the settings allow records that no segment can take.
  static let tooLarge: Int32 = 27

  /// True when the next batch can be written to `current`.
  mutating func takeRoom(_ size: Int, _ now: Now, _ effects: inout LogEffects) -> Bool {
    if let segment = current, segment.used + size > segment.size {
      closed.append(segment.closed)
      current = nil
    }
    if current == nil {
      guard let next = prepared else { return false }
      prepared = nil
      guard next.used + size <= next.size else {
        fail(StoreFile.segment(next.number).name, code: LogWriter.tooLarge, &effects)
        return false
      }
      current = next
      writeCheckpoint()
    }
    guard let segment = current else { return false }
    let end = segment.used + size
    // The zeros under way must not land on the batch.
    if let zeroing = segment.zeroing, end > segment.zeroed, segment.used < zeroing { return false }
    current?.zeroed = max(segment.zeroed, end)
    return true
  }

  private mutating func writeCheckpoint() {
    guard !checkpoint.isUnderWay else { return }
    let number = checkpoint.number()
    put(.checkpointBegin(number: number, losses))
    let first = lastAssigned
    for key in register.keys.sorted() { put(.register(key: key, register[key] ?? [])) }
    for shard in reigns.keys.sorted() {
      if let reign = reigns[shard] { put(.reign(shard, reign.record, sealed: reign.sealed), shard: shard) }
    }
    for shard in shards.keys.sorted() {
      if let base = shards[shard]?.base { put(.snapshotMade(shard, snapshot: base), shard: shard) }
    }
    put(.checkpointEnd(number: number))
    checkpoint.began(first, lastAssigned)
    open?.isUrgent = true
  }

  /// Whether a further segment is wanted: there is something to write and none, or the current one is half full.
  private var wantsSegment: Bool {
    guard prepared == nil, !isPreparing, !isPreparingRefused else { return false }
    guard let current else { return refusedParcel != nil || !queue.isEmpty || open != nil }
    return current.used > current.size / 2
  }

  mutating func prepareSegment(_ now: Now, _ effects: inout LogEffects) {
    guard wantsSegment else { return }
    isPreparing = true
    let zeros = min(settings.segmentSize, LogWriter.zeroStep)
    let segment = Segment(
      number: nextSegment, salt: entropy.u64(), size: settings.segmentSize, zeroed: zeros, zeroing: nil)
    nextSegment += 1
    let head = SegmentHead(store: settings.store, number: segment.number, salt: segment.salt, wall: now.wall)
    sideQueue.prepend(.makeSegment(segment, head: head.image, zeros: zeros))
  }

  mutating func segmentMade(_ segment: Segment) {
    isPreparing = false
    prepared = segment
    counters.segmentsMade &+= 1
  }

  /// The place for zeros ahead of the batches, when there is one.
  mutating func zerosAhead() -> SideWork? {
    guard let segment = current, segment.zeroing == nil, segment.zeroed < segment.size,
      segment.zeroed - segment.used < LogWriter.zeroAhead
    else { return nil }
    // Where a batch is under way `zeroed` is behind its end already.
    let count = min(LogWriter.zeroStep, segment.size - segment.zeroed)
    current?.zeroing = segment.zeroed + count
    return .zero(segment.number, at: segment.zeroed, count: count)
  }

  mutating func zerosWritten(_ number: UInt64, upTo end: Int) {
    guard var segment = current, segment.number == number else { return }
    segment.zeroed = max(segment.zeroed, end)
    segment.zeroing = nil
    current = segment
  }

  /// Removes the oldest segments that no recovery needs and whose time has passed.
  mutating func freeSegments(_ now: Now, _ effects: inout LogEffects) {
    while let oldest = closed.first, isFree(oldest, now) {
      closed.removeFirst()
      counters.segmentsFreed &+= 1
      sideQueue.append(.delete([.segment(oldest.number)]))
      effects.events.append(.segmentFreed(oldest.number))
    }
  }

  private func isFree(_ segment: ClosedSegment, _ now: Now) -> Bool {
    guard segment.lastSequence < checkpoint.durableFrom, now.wall >= segment.lastWall,
      now.wall - segment.lastWall >= settings.logWindow
    else { return false }
    return segment.lastOf.allSatisfy { shard, batch in
      // A forgotten shard has the record of that in front of it: until it is durable the old ones count.
      guard !pendingRemovals.contains(where: { $0.shard == shard }) else { return false }
      guard let log = shards[shard] else { return true }
      // Reigns and notes are in the checkpoint; what must be covered is content.
      return log.covers >= batch || log.spans.isEmpty || (log.spans[0].batch > batch && log.base != nil)
    }
  }
}
