import Wire

/// When snapshots are taken, and what becomes of them.
extension LogWriter {
  private static let retryPeriod = Nanoseconds.seconds(5)
  private static let prunePeriod = Nanoseconds.seconds(600)

  mutating func wantSnapshotIfDue(_ shard: ShardID, _ now: Now) {
    guard let log = shards[shard], !log.isWanted, log.installing.isEmpty, let since = log.dirtySince else { return }
    let isAged = now.monotonic >= since && now.monotonic - since >= settings.snapshotAge
    guard isAged || log.entriesSince >= settings.snapshotEntries || log.bytesSince >= settings.snapshotBytes
    else { return }
    shards[shard]?.isWanted = true
    wanted.append(shard)
  }

  mutating func wantAgedSnapshots(_ now: Now) {
    for shard in shards.keys.sorted() { wantSnapshotIfDue(shard, now) }
  }

  /// The log of the shard becomes this content. The number of the snapshot that must be whole before it is durable.
  mutating func install(_ content: ShardContent) -> UInt64 {
    let shard = content.shard
    // What came before is void, what comes after is not: a batch holds only one of them.
    closeOpen()
    let number = nextSnapshot
    nextSnapshot += 1
    let covers = lastAssigned
    put(.installing(shard, content.position, snapshot: number), shard: shard)
    var log = shards[shard] ?? LoggedShard()
    log.last = content.position
    log.installing.append(LoggedShard.Install(number: number, sequence: content.position.sequence))
    if maker?.snapshot.shard == shard, maker?.isInstall == false { maker?.isAbandoned = true }
    log.note(batch: lastAssigned)
    shards[shard] = log
    unpublished.insert(number)
    installs.append(Install(content: content, number: number, covers: covers))
    return number
  }

  /// Asks for the next content, or goes on with the snapshot under way.
  mutating func goOnWithSnapshots(_ now: Now, _ effects: inout LogEffects) {
    if let retry = makerRetry {
      guard now.monotonic >= retry else { return }
      makerRetry = nil
    }
    if let maker {
      if maker.isWritten { publishIfDurable() }
      return
    }
    if let install = installs.first {
      begin(
        SnapshotMaker(
          install.content, number: install.number, covers: install.covers, needs: install.covers, isInstall: true,
          log: shards[install.content.shard], store: settings.store, wall: now.wall), now, &effects)
      return
    }
    guard asked == nil else { return }
    while let shard = wanted.popFirst() {
      guard let log = shards[shard], log.isWanted else { continue }
      asked = shard
      effects.contentsWanted.append(shard)
      return
    }
  }

  mutating func contentCame(
    _ shard: ShardID, _ content: ShardContent?, _ now: Now, _ effects: inout LogEffects
  ) {
    guard asked == shard else {
      counters.strayAnswers &+= 1
      return
    }
    asked = nil
    guard var log = shards[shard] else { return }
    log.isWanted = false
    let covered = log.snapshots.last { $0.number == log.base }?.position.sequence ?? 0
    // Nothing new that is committed, or an installation came between: after a while again.
    guard let content, content.shard == shard, log.installing.isEmpty,
      content.position.sequence > covered || log.repairs && content.position.sequence == covered,
      content.position.sequence <= log.last.sequence
    else {
      log.dirtySince = log.spans.isEmpty ? nil : now.monotonic
      log.entriesSince = 0
      log.bytesSince = 0
      shards[shard] = log
      return
    }
    shards[shard] = log
    // Records of the shard behind the content begin in this batch; the one that is being filled can still get some.
    let firstBehind = log.spans.first { $0.last > content.position.sequence }?.batch ?? .max
    let number = nextSnapshot
    nextSnapshot += 1
    begin(
      SnapshotMaker(
        content, number: number, covers: min(firstBehind - 1, lastClosed), needs: lastAssigned, isInstall: false,
        log: log, store: settings.store, wall: now.wall), now, &effects)
  }

  private mutating func begin(_ maker: SnapshotMaker, _ now: Now, _ effects: inout LogEffects) {
    self.maker = maker
    cutSlice(now, &effects)
  }

  mutating func cutSlice(_ now: Now, _ effects: inout LogEffects) {
    guard maker != nil, maker?.isWritten == false else { return }
    if maker?.isAbandoned == true { return drop() }
    guard maker?.cut() == true else {
      sliceTimer &+= 1
      setTimer(.slice, at: now.monotonic, token: sliceTimer, into: &effects)
      return
    }
    if maker?.isTooLarge == true {
      if let shard = maker?.snapshot.shard { effects.events.append(.snapshotRefused(shard, .tooLarge)) }
      counters.refusedTooLarge &+= 1
      // `append` lets no such content in for installation.
      if maker?.isInstall == true { return fail(maker?.file.name ?? "", code: LogWriter.tooLarge, &effects) }
      return drop()
    }
    if let steps = maker?.steps() { sideQueue.append(.snapshotPart(steps)) }
  }

  mutating func snapshotPartWritten(_ now: Now, _ effects: inout LogEffects) {
    maker?.partWritten()
    // `goOn` publishes a written one, or gives it up.
    if maker?.isWritten == false { cutSlice(now, &effects) }
  }

  private mutating func publishIfDurable() {
    guard let maker, durableSequence >= maker.needs, !isPublishing else { return }
    if maker.isAbandoned { return drop() }
    isPublishing = true
    sideQueue.append(.snapshotPublish([.rename(maker.unfinished, to: maker.file), .syncFolder]))
  }

  mutating func snapshotPublished(_ now: Now, _ effects: inout LogEffects) {
    isPublishing = false
    guard let maker else { return }
    self.maker = nil
    let snapshot = maker.snapshot
    if maker.isInstall { _ = installs.popFirst() }
    unpublished.remove(snapshot.number)
    reportDurable(&effects)
    if maker.isAbandoned { return sideQueue.append(.delete([maker.file])) }
    let install = shards[snapshot.shard]?.installing.first { $0.number == snapshot.number }
    guard var log = shards[snapshot.shard], !maker.isInstall || install != nil else {
      // Forgotten meanwhile: the file goes when the record of that is durable.
      pendingRemovals.append(Removal(shard: snapshot.shard, batch: lastAssigned, files: [maker.file]))
      removeForgotten()
      return
    }
    log.installing.removeAll { $0.number == snapshot.number }
    log.snapshots.append(snapshot)
    log.files[snapshot.number] = snapshot.fileSize
    let isVoid = install?.isVoid == true
    if maker.isInstall { log.lineStart = snapshot.number }
    if isVoid {
      log.base = nil
    } else {
      log.base = snapshot.number
      log.damagedFiles.formIntersection(log.files.keys)
      log.repairs = false
    }
    let covers = log.covers
    log.spans.removeAll { $0.batch <= covers }
    log.entriesSince = 0
    log.bytesSince = 0
    log.dirtySince = log.spans.isEmpty ? nil : now.monotonic
    shards[snapshot.shard] = log
    counters.snapshots &+= 1
    counters.snapshotBytes &+= UInt64(snapshot.fileSize)
    counters.segmentsShared &+= UInt64(maker.shared)
    if !isVoid {
      put(.snapshotMade(snapshot.shard, snapshot: snapshot.number), shard: snapshot.shard)
      setLazyTimer(now, &effects)
    }
    prune(snapshot.shard, now)
    effects.events.append(.snapshotMade(snapshot.shard, number: snapshot.number, snapshot.position))
  }

  /// Gives up the snapshot under way and removes what is written of it.
  private mutating func drop() {
    guard let maker else { return }
    self.maker = nil
    sideQueue.append(.delete([maker.unfinished]))
  }

  mutating func snapshotRefusedByDisk(_ now: Now, _ effects: inout LogEffects) {
    guard let maker else { return }
    let shard = maker.snapshot.shard
    effects.events.append(.snapshotRefused(shard, .diskFull))
    sideQueue.append(.delete([maker.unfinished]))
    self.maker = nil
    makerRetry = now.monotonic &+ LogWriter.retryPeriod
    if !maker.isInstall { shards[shard]?.dirtySince = now.monotonic }
  }

  /// Removes what the history does not keep, and files whose blocks nobody shares any more.
  mutating func prune(_ shard: ShardID, _ now: Now) {
    guard var log = shards[shard] else { return }
    var kept = History.kept(log.snapshots, wall: now.wall)
    if let base = log.base, !kept.contains(base) { kept.append(base) }
    let before = log.snapshots.count
    log.snapshots.removeAll { !kept.contains($0.number) }
    counters.snapshotsDropped &+= UInt64(before - log.snapshots.count)
    let files = History.files(of: log.snapshots, kept: kept)
    // A snapshot under way may share blocks of any file that its predecessor used, and a fetch reads them.
    guard maker?.snapshot.shard != shard, fetching?.snapshot.shard != shard else {
      shards[shard] = log
      return
    }
    let gone = log.files.keys.filter { !files.contains($0) }.sorted()
    for number in gone { log.files[number] = nil }
    shards[shard] = log
    if !gone.isEmpty { sideQueue.append(.delete(gone.map { .snapshot(shard, $0) })) }
  }

  mutating func pruneAll(_ now: Now) {
    nextPrune = now.monotonic &+ LogWriter.prunePeriod
    for shard in shards.keys.sorted() { prune(shard, now) }
  }
}
