import Wire

/// Reads everything that nothing is written to any more once a day, slowly, and checks each hash: damage is found while
/// there is still somebody to repair from.
struct Scrub {
  enum Item: Hashable {
    case segment(ClosedSegment)
    case snapshot(Snapshot)
  }

  enum Phase {
    case segmentHead
    case segmentBody(SegmentScan, next: UInt64?)
    case snapshotTail
    case snapshotEnding(at: Int)
    case snapshotBlocks(index: Int)
  }

  var items: [Item]
  var current: Item?
  var phase = Phase.segmentHead
  /// What the job in flight reads.
  var reading: DiskStep?
  var bytes: UInt64 = 0
  var faults = 0

  mutating func nextItem() -> Bool {
    guard !items.isEmpty else { return false }
    let item = items.removeFirst()
    current = item
    if case .segment = item { phase = .segmentHead } else { phase = .snapshotTail }
    return true
  }

  /// The next read; `nil`: this file is through.
  mutating func read() -> DiskStep? {
    switch (current, phase) {
    case (.segment(let segment), .segmentHead):
      return .read(.segment(segment.number), at: 0, count: SegmentHead.size)
    case (.snapshot(let snapshot), .snapshotTail):
      return .read(
        snapshot.file, at: max(0, snapshot.fileSize - SnapshotFile.tailSize), count: SnapshotFile.tailSize)
    case (.snapshot(let snapshot), .snapshotEnding(let offset)):
      return .read(snapshot.file, at: offset, count: snapshot.fileSize - offset)
    case (.snapshot(let snapshot), .snapshotBlocks(let index)):
      // Shared blocks are read with the file that they are in; if that snapshot has left the history, with this one.
      guard index < snapshot.blocks.count else { return nil }
      let block = snapshot.blocks[index]
      return .read(.snapshot(snapshot.shard, block.file), at: block.offset, count: block.storedSize)
    default: return nil
    }
  }
}

extension LogWriter {
  mutating func beginScrub(_ now: Now, _ effects: inout LogEffects) {
    nextScrub = now.monotonic &+ settings.scrubPeriod
    var items = closed.map { Scrub.Item.segment($0) }
    for shard in shards.keys.sorted() { items += (shards[shard]?.snapshots ?? []).map { .snapshot($0) } }
    scrub = Scrub(items: items)
    scrubOn()
    endScrubIfDone(&effects)
  }

  /// The next piece; called when its time has come.
  mutating func scrubOn() {
    guard var scrub, scrub.reading == nil else { return }
    while true {
      if scrub.current == nil, !scrub.nextItem() { break }
      guard let item = scrub.current, isThere(item) else {
        scrub.current = nil
        continue
      }
      if case .segment = item, case .segmentBody(var scan, var next) = scrub.phase {
        let step = scanOn(&scan, &next, &scrub)
        scrub.phase = .segmentBody(scan, next: next)
        if let step {
          start(step, &scrub)
          break
        }
        scrub.current = nil
        continue
      }
      if let step = scrub.read() {
        start(step, &scrub)
        break
      }
      scrub.current = nil
    }
    self.scrub = scrub
  }

  private mutating func start(_ step: DiskStep, _ scrub: inout Scrub) {
    scrub.reading = step
    sideQueue.append(.scrub([step]))
  }

  private func isThere(_ item: Scrub.Item) -> Bool {
    switch item {
    case .segment(let segment): closed.contains { $0.number == segment.number }
    case .snapshot(let snapshot): shards[snapshot.shard]?.snapshots.contains { $0.number == snapshot.number } == true
    }
  }

  /// Goes through what has been read of a segment; the next read, if there is one.
  private mutating func scanOn(_ scan: inout SegmentScan, _ next: inout UInt64?, _ scrub: inout Scrub) -> DiskStep? {
    guard case .segment(let segment) = scrub.current else { return nil }
    while true {
      switch scan.next() {
      case .need(let offset, let count): return .read(.segment(segment.number), at: offset, count: count)
      case .batch(let head, _, _):
        if head.sequence > segment.lastSequence { return nil }
        next = head.sequence + 1
      case .bad(let bad):
        // Behind the last batch lies at most what a crash left.
        if (next ?? 1) > segment.lastSequence { return nil }
        pendingFaults.append(fault(bad, in: segment))
        scrub.faults += 1
      case .end:
        // A segment that nothing was written to has 0 as its last sequence; the first batch has 1.
        if (next ?? 1) <= segment.lastSequence, scrub.faults == 0 {
          pendingFaults.append(
            StoreFault(
              kind: .missingBatches, file: StoreFile.segment(segment.number).name, offset: UInt64(scan.offset),
              shards: segment.lastOf.keys.sorted()))
          scrub.faults += 1
        }
        return nil
      }
    }
  }

  private func fault(_ bad: SegmentScan.Bad, in segment: ClosedSegment) -> StoreFault {
    let shards: [ShardID]? =
      switch bad.kind {
      case .body(let head, _): head.shards ?? segment.lastOf.keys.sorted()
      case .stray: segment.lastOf.keys.sorted()
      case .speck: []
      }
    return StoreFault(
      kind: .batch, file: StoreFile.segment(segment.number).name, offset: UInt64(bad.offset), shards: shards)
  }

  mutating func scrubRead(_ reads: [[UInt8]], _ now: Now, _ effects: inout LogEffects) {
    guard var scrub, let step = scrub.reading, case .read(let file, let offset, let count) = step else { return }
    let bytes = reads.first ?? []
    scrub.reading = nil
    scrub.bytes &+= UInt64(bytes.count)
    switch (scrub.current, scrub.phase) {
    case (.segment(let segment), .segmentHead): readHead(of: segment, bytes, &scrub)
    case (.segment, .segmentBody(var scan, let next)):
      if bytes.count == count {
        scan.take(bytes, at: offset)
        scrub.phase = .segmentBody(scan, next: next)
      } else {
        note(.unreadable, file, offset, [], &scrub)
      }
    case (.snapshot(let snapshot), .snapshotTail):
      if let offset = SnapshotFile.manifestOffset(tail: bytes, fileSize: snapshot.fileSize) {
        scrub.phase = .snapshotEnding(at: offset)
      } else {
        note(.manifest, file, offset, [snapshot.shard], &scrub)
      }
    case (.snapshot(let snapshot), .snapshotEnding(let offset)):
      let head = SnapshotFile.head(store: settings.store, snapshot.shard, snapshot.number)
      let found = SnapshotFile.read(
        head: head, ending: bytes, at: offset, store: settings.store, shard: snapshot.shard, number: snapshot.number)
      if found == snapshot {
        scrub.phase = .snapshotBlocks(index: 0)
      } else {
        note(.manifest, file, offset, [snapshot.shard], &scrub)
      }
    case (.snapshot(let snapshot), .snapshotBlocks(let index)):
      if StateBlock.unpack(bytes, as: snapshot.blocks[index]) == nil {
        note(.snapshotSegment, file, offset, [snapshot.shard], &scrub)
      } else {
        scrub.phase = .snapshotBlocks(index: index + 1)
      }
    default: break
    }
    self.scrub = scrub
    paceScrub(bytes.count, now, &effects)
  }

  mutating func scrubFailed(_ now: Now, _ effects: inout LogEffects) {
    guard var scrub, case .read(let file, let offset, _) = scrub.reading else { return }
    scrub.reading = nil
    if let item = scrub.current, isThere(item) {
      let shards: [ShardID] =
        switch item {
        case .segment(let segment): segment.lastOf.keys.sorted()
        case .snapshot(let snapshot): [snapshot.shard]
        }
      note(.unreadable, file, offset, shards, &scrub)
    }
    scrub.current = nil
    self.scrub = scrub
    paceScrub(SegmentScan.pieceSize, now, &effects)
  }

  private mutating func readHead(of segment: ClosedSegment, _ bytes: [UInt8], _ scrub: inout Scrub) {
    let heads = bytes.withUnsafeBytes { bytes in
      (0..<SegmentHead.copies).map { copy -> SegmentHead? in
        guard bytes.count == SegmentHead.size else { return nil }
        let start = copy * Batch.sectorSize
        return SegmentHead(sector: UnsafeRawBufferPointer(rebasing: bytes[start..<start + Batch.sectorSize]))
      }
    }
    let file = StoreFile.segment(segment.number)
    if heads[0] == nil || heads[0] != heads[1] { note(.segmentHead, file, 0, [], &scrub) }
    guard let head = heads[0] ?? heads[1] else { return }
    scrub.current = .segment(segment)
    scrub.phase = .segmentBody(SegmentScan(salt: head.salt, fileSize: segment.size), next: nil)
  }

  /// Gives up the file: what is wrong with it is known.
  private mutating func note(
    _ kind: StoreFault.Kind, _ file: StoreFile, _ offset: Int, _ shards: [ShardID], _ scrub: inout Scrub
  ) {
    pendingFaults.append(StoreFault(kind: kind, file: file.name, offset: UInt64(offset), shards: shards))
    scrub.faults += 1
    scrub.current = nil
  }

  /// The next piece comes when this one has had its time.
  private mutating func paceScrub(_ bytes: Int, _ now: Now, _ effects: inout LogEffects) {
    let faults = pendingFaults
    pendingFaults.removeAll()
    for fault in faults { found(fault, &effects) }
    scrubTimer &+= 1
    let pause = Nanoseconds.seconds(1) &* UInt64(max(bytes, 512)) / UInt64(max(settings.scrubRate, 1))
    setTimer(.scrub, at: now.monotonic &+ pause, token: scrubTimer, into: &effects)
  }

  mutating func endScrubIfDone(_ effects: inout LogEffects) {
    guard let done = scrub, done.reading == nil, done.current == nil, done.items.isEmpty else { return }
    scrub = nil
    effects.events.append(.scrubbed(bytes: done.bytes, faults: done.faults))
  }

  /// Damage of what lies on the disk while this host still has the state in memory: a new snapshot, that shares nothing
  /// with the damaged file, repairs it.
  mutating func found(_ fault: StoreFault, _ effects: inout LogEffects) {
    counters.faults &+= 1
    effects.events.append(.damaged(fault))
    let file = StoreFile(name: fault.file)
    for shard in fault.shards ?? shards.keys.sorted() {
      guard var log = shards[shard], !log.isWanted else { continue }
      if case .snapshot(_, let number) = file { log.damagedFiles.insert(number) }
      log.repairs = true
      log.isWanted = true
      shards[shard] = log
      wanted.append(shard)
    }
  }
}
