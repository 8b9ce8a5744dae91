import Wire

/// What the batches of all segments say, one after the other.
struct LogReplay {
  struct Placed {
    var batch: UInt64
    var segment: UInt64
    var offset: Int
    var record: StoredRecord
  }

  /// Records that are gone: of these shards (`nil`: of any), in batches up to this one.
  struct Loss {
    var batch: UInt64
    var fault: StoreFault
    func hurts(_ shard: ShardID) -> Bool { fault.shards?.contains(shard) ?? true }
  }

  struct Reign {
    var record: ProvenRecord
    var sealed: Epoch
  }

  struct Tail {
    var torn: RecoveredShards.TornTail?
    var cut: LogHandover.Cut?
  }

  /// Batches up to this one are in the snapshot of a shard: their records are not kept.
  var covered: [ShardID: UInt64] = [:]
  private(set) var register: [UInt64: [UInt8]] = [:]
  private(set) var reigns: [ShardID: Reign] = [:]
  private(set) var records: [ShardID: [Placed]] = [:]
  private(set) var spans: [ShardID: [LoggedShard.Span]] = [:]
  /// The newest snapshot that the log says is whole.
  private(set) var noted: [ShardID: UInt64] = [:]
  private(set) var forgottenAt: [ShardID: UInt64] = [:]
  private(set) var segments: [ClosedSegment] = []
  private(set) var losses: [Loss] = []
  private(set) var faults: [StoreFault] = []
  /// Sequence of the next batch; `nil`: there is none yet.
  private(set) var expected: UInt64?
  /// Of the first batch that is there.
  private(set) var firstSequence = UInt64.max
  private(set) var nextCheckpoint: UInt64 = 1
  /// Above every number that the log names, also of snapshots that are gone.
  private(set) var nextSnapshot: UInt64 = 1

  private var current: (segment: ClosedSegment, end: Int)?
  /// What was met since the last whole batch.
  private var bads: [BadPlace] = []

  private struct BadPlace {
    var segment: UInt64
    var bad: SegmentScan.Bad
    /// What is known to be wrong, if it is more than a bad batch.
    var fault: StoreFault?

    /// Hurts nobody, until it is known what is missing.
    var batchFault: StoreFault {
      StoreFault(
        kind: fault?.kind ?? .batch, file: StoreFile.segment(segment).name,
        offset: fault?.offset ?? UInt64(bad.offset), shards: [])
    }
  }
  private var registerLostAt: UInt64?
  /// A checkpoint says that records of unknown shards were lost before it; where it stands.
  private(set) var strayNoted: StoreFault?
  /// As the last whole checkpoint says.
  private var notedLosses: Losses = []
  private var checkpoint: (number: UInt64, batch: UInt64, losses: Losses)?
  private var hasCheckpoint = false

  init() {}

  /// For another round, with the same thresholds.
  func restarted() -> LogReplay {
    var fresh = LogReplay()
    fresh.covered = covered
    return fresh
  }

  /// All shards that anything is known of.
  var shards: Set<ShardID> {
    Set(records.keys).union(reigns.keys).union(noted.keys).union(losses.flatMap { $0.fault.shards ?? [] })
  }

  /// Bodies are missing, or were when a checkpoint was written. Without the beginning of the log only a whole checkpoint
  /// says what there was.
  var registerDamaged: Bool {
    notedLosses.contains(.register) || registerLostAt != nil
      || (!hasCheckpoint && firstSequence > 1 && firstSequence != .max)
  }

  mutating func begin(_ number: UInt64, _ size: Int) {
    current = (ClosedSegment(number: number, size: size, lastSequence: 0, lastWall: 0, lastOf: [:]), SegmentHead.size)
  }

  mutating func note(_ fault: StoreFault) { faults.append(fault) }

  /// Nothing of a file can be read, or believed. The next whole batch shows whether anything is missing.
  mutating func loseFile(_ number: UInt64, _ fault: StoreFault) {
    bads.append(BadPlace(segment: number, bad: SegmentScan.Bad(kind: .stray(isBody: false), offset: 0), fault: fault))
  }

  private mutating func lose(_ loss: Loss, register: Bool) {
    losses.append(loss)
    checkpoint = nil
    if register { registerLostAt = max(registerLostAt ?? 0, loss.batch) }
  }

  mutating func take(_ bad: SegmentScan.Bad) {
    guard let number = current?.segment.number else { return }
    bads.append(BadPlace(segment: number, bad: bad))
  }

  mutating func take(_ head: Batch.Head, at offset: Int, _ body: [UInt8]) {
    guard var (segment, _) = current else { return }
    // Before batch 1 there was nothing.
    let expected = self.expected ?? head.sequence
    let isFirst = firstSequence == .max && head.sequence > 1
    if firstSequence == .max { firstSequence = head.sequence }
    if head.sequence < expected {
      // No life writes a number twice behind a whole batch of that number.
      let fault = StoreFault(
        kind: .brokenChain, file: StoreFile.segment(segment.number).name, offset: UInt64(offset), shards: head.shards)
      faults.append(fault)
      lose(Loss(batch: head.sequence, fault: fault), register: head.hasRegister)
      return
    }
    judgeBads(before: head.sequence, expected: expected, isFirst: isFirst, in: segment.number, offset)
    self.expected = head.sequence + 1
    segment.lastSequence = head.sequence
    segment.lastWall = head.wall
    replay(head, offset, body, &segment)
    current = (segment, offset + head.imageSize)
  }

  /// What lies between the last whole batch and this one.
  private mutating func judgeBads(before next: UInt64, expected: UInt64, isFirst: Bool, in segment: UInt64, _ at: Int) {
    var missing = next - expected
    let found = bads
    bads.removeAll()
    for place in found {
      let bad = place.bad
      var fault = place.batchFault
      switch bad.kind {
      case .speck: faults.append(fault)
      case .body(let head, _) where head.sequence >= expected && head.sequence < next, .body(let head, _) where isFirst:
        fault.shards = head.shards
        faults.append(fault)
        lose(Loss(batch: head.sequence, fault: fault), register: head.hasRegister)
        missing = missing > 0 ? missing - 1 : 0
      case .body, .stray:
        // In an earlier segment, with nothing missing: the torn end of an earlier life, which was cut there.
        if place.segment != segment, missing == 0, !isFirst, place.fault == nil { continue }
        if missing > 0 || isFirst { fault.shards = nil }
        faults.append(fault)
        if fault.shards == nil { lose(Loss(batch: next - 1, fault: fault), register: true) }
        // One broken head accounts for at least one batch; the loss covers all up to here anyway.
        missing = 0
      }
    }
    if missing > 0 {
      let fault = StoreFault(
        kind: .missingBatches, file: StoreFile.segment(segment).name, offset: UInt64(at), shards: nil)
      faults.append(fault)
      lose(Loss(batch: next - 1, fault: fault), register: true)
    }
  }

  private mutating func replay(_ head: Batch.Head, _ offset: Int, _ body: [UInt8], _ segment: inout ClosedSegment) {
    var parsed: [StoredRecord] = []
    let isWhole = body.withUnsafeBytes { bytes in
      var reader = Reader(bytes)
      while !reader.isAtEnd {
        guard let record = try? StoredRecord(&reader) else { return false }
        parsed.append(record)
      }
      return true
    }
    for shard in head.shards ?? [] { segment.lastOf[shard] = head.sequence }
    guard isWhole else {
      let fault = StoreFault(
        kind: .brokenChain, file: StoreFile.segment(segment.number).name, offset: UInt64(offset), shards: head.shards)
      faults.append(fault)
      return lose(Loss(batch: head.sequence, fault: fault), register: true)
    }
    for record in parsed {
      if let shard = record.shard { segment.lastOf[shard] = head.sequence }
      replay(record, head.sequence, segment.number, offset)
    }
  }

  private mutating func replay(_ record: StoredRecord, _ batch: UInt64, _ segment: UInt64, _ offset: Int) {
    switch record {
    case .entries(let shard, let entries):
      keep(record, of: shard, batch, segment, offset, last: entries.last?.position.sequence ?? 0)
    case .truncate(let shard, let position):
      var clipped = spans[shard] ?? []
      for index in clipped.indices { clipped[index].last = min(clipped[index].last, position.sequence) }
      spans[shard] = clipped
      keep(record, of: shard, batch, segment, offset, last: position.sequence)
    case .installing(let shard, let position, let number):
      nextSnapshot = max(nextSnapshot, number + 1)
      keep(record, of: shard, batch, segment, offset, last: position.sequence)
    case .reign(let shard, let proven, let sealed): reigns[shard] = Reign(record: proven, sealed: sealed)
    case .register(let key, let body): register[key] = body
    case .forget(let shard):
      records[shard] = nil
      spans[shard] = nil
      reigns[shard] = nil
      noted[shard] = nil
      forgottenAt[shard] = batch
      losses.removeAll { $0.fault.shards == [shard] }
    case .snapshotMade(let shard, let number):
      nextSnapshot = max(nextSnapshot, number + 1)
      noted[shard] = number
    case .checkpointBegin(let number, let losses):
      nextCheckpoint = max(nextCheckpoint, number + 1)
      checkpoint = (number, batch, losses)
      if losses.contains(.stray) {
        strayNoted = StoreFault(
          kind: .missingBatches, file: StoreFile.segment(segment).name, offset: UInt64(offset), shards: nil)
      }
    case .checkpointEnd(let number):
      guard let begun = checkpoint, begun.number == number else { return }
      checkpoint = nil
      hasCheckpoint = true
      notedLosses = begun.losses
      if let lost = registerLostAt, lost < begun.batch { registerLostAt = nil }
    }
  }

  private mutating func keep(
    _ record: StoredRecord, of shard: ShardID, _ batch: UInt64, _ segment: UInt64, _ offset: Int, last: UInt64
  ) {
    guard batch > covered[shard] ?? 0 else { return }
    records[shard, default: []].append(Placed(batch: batch, segment: segment, offset: offset, record: record))
    var noted = spans[shard] ?? []
    if noted.last?.batch == batch { noted.removeLast() }
    noted.append(LoggedShard.Span(batch: batch, last: last))
    spans[shard] = noted
  }

  /// False when nothing was ever written to the segment.
  mutating func endSegment() -> Bool {
    guard let (segment, end) = current else { return true }
    current = nil
    let isHurt = bads.contains { bad in
      if bad.segment != segment.number { return false }
      if case .speck = bad.bad.kind { return false }
      return true
    }
    if segment.lastSequence == 0, !isHurt { return false }
    segments.append(segment)
    ends[segment.number] = end
    return true
  }

  private var ends: [UInt64: Int] = [:]

  /// What stands behind the last whole batch of all.
  mutating func finish() -> Tail {
    let found = bads
    bads.removeAll()
    var isFault = false
    var torn: RecoveredShards.TornTail?
    let next = expected ?? 1
    for place in found {
      let bad = place.bad
      var fault = place.batchFault
      switch bad.kind {
      case .speck:
        faults.append(fault)
        continue
      case _ where bad.isUnwritten(from: next) && !isFault:
        if torn == nil { torn = RecoveredShards.TornTail(file: fault.file, offset: fault.offset) }
      case .body(let head, _):
        isFault = true
        fault.shards = head.shards
        faults.append(fault)
        lose(Loss(batch: max(head.sequence, next), fault: fault), register: head.hasRegister)
        expected = max(expected ?? 0, head.sequence + 1)
      case .stray:
        isFault = true
        fault.shards = nil
        faults.append(fault)
        lose(Loss(batch: expected ?? next, fault: fault), register: true)
        expected = (expected ?? next) + 1
      }
    }
    guard !isFault, var last = segments.last, let end = ends[last.number] else { return Tail() }
    let cut = LogHandover.Cut(file: .segment(last.number), size: end)
    last.size = end
    segments[segments.count - 1] = last
    return Tail(torn: torn, cut: cut)
  }
}

extension SegmentScan.Bad {
  /// The write of a batch that was under way: some of its sectors were never written, the first one perhaps.
  fileprivate func isUnwritten(from next: UInt64) -> Bool {
    switch kind {
    case .body(let head, let lostSectors): lostSectors > 0 && head.sequence >= next
    case .stray(let isBody): isBody
    case .speck: false
    }
  }
}

extension StoredRecord {
  var shard: ShardID? {
    switch self {
    case .entries(let shard, _), .truncate(let shard, _), .reign(let shard, _, _), .installing(let shard, _, _),
      .forget(let shard), .snapshotMade(let shard, _):
      shard
    case .register, .checkpointBegin, .checkpointEnd: nil
    }
  }
}
