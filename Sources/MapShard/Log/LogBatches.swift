import Wire

/// Records become batches, batches become durable.
extension LogWriter {
  /// Sequence of the batch that the newest record is in.
  var lastAssigned: UInt64 { nextSequence - 1 }
  /// Sequence of the newest batch that gets no further records.
  var lastClosed: UInt64 { open == nil ? nextSequence - 1 : nextSequence - 2 }

  mutating func take(_ entries: [Entry], of shard: ShardID, _ now: Now) {
    var rest = entries[...]
    while !rest.isEmpty {
      var count = 0
      var size = 0
      while count < rest.count, count < StoredRecord.entriesLimit, count == 0 || size < settings.batchLimit / 2 {
        size += rest[rest.startIndex + count].size
        count += 1
      }
      put(.entries(shard, Array(rest.prefix(count))), shard: shard)
      var log = shards[shard] ?? LoggedShard()
      log.last = rest[rest.startIndex + count - 1].position
      log.note(batch: lastAssigned)
      log.entriesSince += count
      log.bytesSince += size
      if log.dirtySince == nil { log.dirtySince = now.monotonic }
      shards[shard] = log
      rest = rest.dropFirst(count)
    }
    wantSnapshotIfDue(shard, now)
  }

  mutating func truncate(_ shard: ShardID, to position: Position, _ now: Now) {
    guard var log = shards[shard] else { return put(.truncate(shard, to: position), shard: shard) }
    // A snapshot above the cut is not on the line any more. One below it is, if its line was not replaced.
    while let base = log.snapshots.last(where: { $0.number == log.base }), base.position.sequence > position.sequence {
      log.base = log.snapshots.last { $0.number < base.number && $0.number >= log.lineStart }?.number
      log.entriesSince = settings.snapshotEntries
      // Before the cut: from then on the history may drop the newer one.
      put(.snapshotMade(shard, snapshot: log.base ?? 0), shard: shard)
    }
    put(.truncate(shard, to: position), shard: shard)
    log.last = position
    log.clip()
    log.note(batch: lastAssigned)
    if log.dirtySince == nil { log.dirtySince = now.monotonic }
    for index in log.installing.indices where log.installing[index].sequence > position.sequence {
      log.installing[index].isVoid = true
    }
    if let snapshot = maker?.snapshot, snapshot.shard == shard, snapshot.position.sequence > position.sequence,
      maker?.isInstall == false
    {
      maker?.isAbandoned = true
    }
    shards[shard] = log
    wantSnapshotIfDue(shard, now)
  }

  mutating func forget(_ shard: ShardID) {
    put(.forget(shard), shard: shard)
    // What comes of the shard later is in later batches: recovery tells its snapshots by that.
    closeOpen()
    reigns[shard] = nil
    guard let log = shards.removeValue(forKey: shard) else { return }
    // An installation goes on: tokens of records before this one wait for it.
    if maker?.snapshot.shard == shard, maker?.isInstall == false { maker?.isAbandoned = true }
    // The record goes first: without the files and without it the shard would look damaged.
    pendingRemovals.append(
      Removal(shard: shard, batch: lastAssigned, files: log.files.keys.sorted().map { .snapshot(shard, $0) }))
  }

  mutating func put(_ record: StoredRecord, shard: ShardID? = nil) {
    let bound = record.sizeBound
    if let body = open?.body, !body.isEmpty, body.count + bound > settings.batchLimit { closeOpen() }
    if open == nil {
      open = Parcel(sequence: nextSequence)
      nextSequence += 1
    }
    let before = open?.body.count ?? 0
    open?.body.write(atMost: bound) { record.encode(into: &$0) }
    waiting += (open?.body.count ?? 0) - before
    if let shard { open?.shards.insert(shard) } else { open?.hasRegister = true }
  }

  mutating func closeOpen() {
    guard let parcel = open else { return }
    queue.append(parcel)
    open = nil
  }

  mutating func setLazyTimer(_ now: Now, _ effects: inout LogEffects) {
    guard !isLazyTimerSet else { return }
    isLazyTimerSet = true
    lazyTimer &+= 1
    setTimer(.lazy, at: now.monotonic &+ settings.lazyFlush, token: lazyTimer, into: &effects)
  }

  /// Starts the next write if there is something to write and room for it.
  mutating func writeBatch(_ now: Now, _ effects: inout LogEffects) {
    guard batchJob == nil, !isBatchRefused else { return }
    if refusedParcel == nil, queue.isEmpty, let parcel = open, parcel.isUrgent || isLazyDue { closeOpen() }
    guard let parcel = refusedParcel ?? queue.first else {
      isLazyDue = false
      return
    }
    let shards = parcel.listedShards
    let size = Batch.imageSize(body: parcel.body.count, shards: shards?.count ?? 0)
    guard takeRoom(size, now, &effects), let segment = current else { return }
    if refusedParcel != nil { refusedParcel = nil } else { _ = queue.popFirst() }
    // What came up to now is under way.
    if queue.isEmpty, open == nil { isLazyDue = false }
    let head = Batch.Head(
      salt: segment.salt, sequence: parcel.sequence, wall: now.wall, bodySize: parcel.body.count,
      hasRegister: parcel.hasRegister, shards: shards)
    let file = StoreFile.segment(segment.number)
    batchJob = BatchJob(number: nextJob, parcel: parcel, size: size, wall: now.wall)
    effects.jobs.append(
      DiskJob(
        lane: .log, number: nextJob,
        steps: [.write(file, at: segment.used, Batch.image(head, parcel.body)), .sync(file)]))
    nextJob += 1
  }

  mutating func batchDone(_ number: UInt64, _ now: Now, _ effects: inout LogEffects) {
    guard let job = batchJob, job.number == number else {
      counters.strayAnswers &+= 1
      return
    }
    batchJob = nil
    let sequence = job.parcel.sequence
    waiting -= job.parcel.body.count
    durableSequence = sequence
    current?.used += job.size
    current?.lastSequence = sequence
    current?.lastWall = job.wall
    for shard in job.parcel.shards { current?.lastOf[shard] = sequence }
    counters.batches &+= 1
    counters.batchBytes &+= UInt64(job.size)
    checkpoint.durable(sequence)
    reportDurable(&effects)
    removeForgotten()
  }

  mutating func removeForgotten() {
    while let removal = pendingRemovals.first, removal.batch <= durableSequence {
      pendingRemovals.removeFirst()
      if !removal.files.isEmpty { sideQueue.append(.delete(removal.files)) }
    }
  }

  mutating func reportDurable(_ effects: inout LogEffects) {
    while let next = tokens.first, next.batch <= durableSequence, next.snapshot.map(unpublished.contains) != true {
      effects.durable.append(next.token)
      _ = tokens.popFirst()
    }
  }

  mutating func batchFailed(_ number: UInt64, _ failure: DiskFailure, _ effects: inout LogEffects) {
    guard let job = batchJob, job.number == number else {
      counters.strayAnswers &+= 1
      return
    }
    let isWrite = failure.step == 0
    if isWrite, failure.isFull {
      // The file system had not kept its word about the reserved room. Nothing was synced: the same bytes can go to the
      // same place again.
      batchJob = nil
      refusedParcel = job.parcel
      isBatchRefused = true
      return
    }
    fail(StoreFile.segment(current?.number ?? 0).name, code: failure.code, &effects)
  }
}
