import Wire

/// The folder of a store as recovery reads it, before the loop runs.
package protocol StoreReading {
  /// Names and sizes of the files in the folder.
  func files() -> [(name: String, size: Int)]
  /// The bytes from `offset` on, fewer when the file ends before; `nil` when the disk refuses.
  func read(_ file: StoreFile, at offset: Int, count: Int) -> [UInt8]?
}

/// Reads a store at the start of a life.
///
/// Of a shard it takes the newest whole snapshot and replays the records of all batches that the snapshot does not cover.
/// A bad batch with good ones behind it is a fault of the disk: nothing is cut, its shards are damaged unless their
/// snapshot covers it. A bad end is the write that was under way at the crash when some of its sectors were never
/// written; otherwise it is a fault too. Nothing is ever written to a segment of an earlier life.
package struct LogRecovery<Disk: StoreReading> {
  private let disk: Disk
  private let settings: LogSettings
  private var recovered = RecoveredLog()
  private var segments: [(number: UInt64, size: Int)] = []
  /// By rising number; `nil`: the manifest is damaged.
  private var snapshots: [ShardID: [(number: UInt64, snapshot: Snapshot?)]] = [:]
  private var fileSizes: [ShardID: [UInt64: Int]] = [:]
  private var log = LogReplay()
  /// Snapshots that are no base: damaged, or cut away.
  private var rejected: Set<UInt64> = []

  /// - Returns: what stands on the disk. Everything that is wrong there is named in `shards.faults`.
  package static func run(_ disk: Disk, settings: LogSettings) -> RecoveredLog {
    var recovery = LogRecovery(disk: disk, settings: settings)
    recovery.sortFiles()
    recovery.readLog()
    recovery.resolveShards()
    return recovery.recovered
  }

  /// The id of the store that the segments belong to, when the file that holds it is damaged; `nil` unless there are
  /// segments and all whole heads agree.
  package static func storeID(_ disk: Disk) -> UInt64? {
    var found: Set<UInt64> = []
    for (name, size) in disk.files() {
      guard case .segment(let number)? = StoreFile(name: name),
        let bytes = disk.read(.segment(number), at: 0, count: min(size, SegmentHead.size))
      else { continue }
      for head in SegmentHead.copies(in: bytes) where head?.number == number { head.map { _ = found.insert($0.store) } }
    }
    return found.count == 1 ? found.first : nil
  }

  private init(disk: Disk, settings: LogSettings) {
    self.disk = disk
    self.settings = settings
  }

  private mutating func sortFiles() {
    for (name, size) in disk.files().sorted(by: { $0.name < $1.name }) {
      switch StoreFile(name: name) {
      case .segment(let number)?:
        segments.append((number, size))
        recovered.handover.nextSegment = max(recovered.handover.nextSegment, number &+ 1)
      case .snapshot(let shard, let number)?:
        fileSizes[shard, default: [:]][number] = size
        snapshots[shard, default: []].append((number, manifest(shard, number, size)))
        recovered.handover.nextSnapshot = max(recovered.handover.nextSnapshot, number &+ 1)
      case .unfinished(let shard, let number)?:
        recovered.handover.leftovers.append(.unfinished(shard, number))
        recovered.handover.nextSnapshot = max(recovered.handover.nextSnapshot, number &+ 1)
      case nil: break
      }
    }
  }

  private mutating func manifest(_ shard: ShardID, _ number: UInt64, _ size: Int) -> Snapshot? {
    let file = StoreFile.snapshot(shard, number)
    if size <= SnapshotFile.sizeLimit, size >= SnapshotFile.headSize + SnapshotFile.tailSize,
      let tail = disk.read(file, at: size - SnapshotFile.tailSize, count: SnapshotFile.tailSize),
      let offset = SnapshotFile.manifestOffset(tail: tail, fileSize: size),
      let head = disk.read(file, at: 0, count: SnapshotFile.headSize),
      let ending = disk.read(file, at: offset, count: size - offset), ending.count == size - offset,
      let snapshot = SnapshotFile.read(
        head: head, ending: ending, at: offset, store: settings.store, shard: shard, number: number)
    {
      return snapshot
    }
    name(StoreFault(kind: .manifest, file: file.name, offset: 0, shards: [shard]))
    return nil
  }

  private mutating func name(_ fault: StoreFault) { recovered.shards.faults.append(fault) }

  // MARK: The log

  private mutating func readLog() {
    for shard in snapshots.keys { log.covered[shard] = candidates(shard).last?.covers ?? 0 }
    for segment in segments { read(segment.number, segment.size) }
    let tail = log.finish()
    recovered.shards.tornTail = tail.torn
    recovered.handover.cut = tail.cut
    recovered.shards.register = log.register
    recovered.shards.registerDamaged = log.registerDamaged
    recovered.shards.strayLoss = log.losses.first { $0.fault.shards == nil }?.fault ?? log.strayNoted
    recovered.shards.faults += log.faults
    recovered.handover.segments = log.segments
    recovered.handover.nextSnapshot = max(recovered.handover.nextSnapshot, log.nextSnapshot)
    recovered.handover.nextCheckpoint = log.nextCheckpoint
    recovered.handover.nextSequence = max(log.expected ?? 1, 1)
    // Batches below what a snapshot says it covers would be taken for covered.
    for found in snapshots.values.joined() {
      recovered.handover.nextSequence = max(recovered.handover.nextSequence, (found.snapshot?.covers ?? 0) + 1)
    }
  }

  /// The head of a segment from the better of its copies. `nil`: there is none, and nothing of the file can be believed.
  private mutating func head(_ number: UInt64, _ size: Int, _ isAgain: Bool) -> SegmentHead? {
    let file = StoreFile.segment(number)
    guard let bytes = disk.read(file, at: 0, count: min(size, SegmentHead.size)) else {
      log.loseFile(number, StoreFault(kind: .unreadable, file: file.name, offset: 0, shards: nil))
      return nil
    }
    let copies = SegmentHead.copies(in: bytes)
    // A crash while the segment was made leaves less than a head, or one copy of it; batches come only after both are
    // durable.
    if copies[0] == nil || copies[1] == nil, SegmentHead.isTorn(bytes), isUnused(file, size) {
      if !isAgain { recovered.handover.leftovers.append(file) }
      return nil
    }
    guard let head = copies[0] ?? copies[1] else {
      log.loseFile(number, StoreFault(kind: .segmentHead, file: file.name, offset: 0, shards: nil))
      return nil
    }
    guard head.store == settings.store, head.number == number else {
      log.loseFile(number, StoreFault(kind: .foreign, file: file.name, offset: 0, shards: nil))
      return nil
    }
    if copies[0] != copies[1] {
      let offset = copies[0] == nil ? 0 : Batch.sectorSize
      log.note(StoreFault(kind: .segmentHead, file: file.name, offset: UInt64(offset), shards: []))
    }
    return head
  }

  /// Nothing but zeros behind the place of the head.
  private func isUnused(_ file: StoreFile, _ size: Int) -> Bool {
    var offset = SegmentHead.size
    while offset < size {
      let count = min(SegmentScan.pieceSize, size - offset)
      guard let bytes = disk.read(file, at: offset, count: count), bytes.count == count,
        bytes.withUnsafeBytes({ SegmentScan.isZero($0) })
      else { return false }
      offset += count
    }
    return true
  }

  private mutating func read(_ number: UInt64, _ size: Int, isAgain: Bool = false) {
    let file = StoreFile.segment(number)
    guard let head = head(number, size, isAgain) else { return }
    log.begin(number, size)
    var scan = SegmentScan(salt: head.salt, fileSize: size)
    reading: while true {
      switch scan.next() {
      case .need(let offset, let count):
        guard let bytes = disk.read(file, at: offset, count: count), bytes.count == count else {
          log.loseFile(number, StoreFault(kind: .unreadable, file: file.name, offset: UInt64(offset), shards: nil))
          break reading
        }
        scan.take(bytes, at: offset)
      case .batch(let head, let offset, let body): log.take(head, at: offset, body)
      case .bad(let bad): log.take(bad)
      case .end: break reading
      }
    }
    if !log.endSegment(), !isAgain { recovered.handover.leftovers.append(file) }
  }

  // MARK: The shards

  private mutating func resolveShards() {
    // A shard whose newest snapshot is no base is read again from an older one; each round takes at least one snapshot
    // out, so it ends.
    while true {
      let again = log.shards.union(snapshots.keys).sorted().filter { !resolve($0) }
      if again.isEmpty { break }
      for shard in again { log.covered[shard] = candidates(shard).last?.covers ?? 0 }
      log = log.restarted()
      for segment in segments { read(segment.number, segment.size, isAgain: true) }
      _ = log.finish()
    }
  }

  /// Snapshots of a shard that were not forgotten, by rising number.
  private func living(_ shard: ShardID) -> [(number: UInt64, snapshot: Snapshot?)] {
    (snapshots[shard] ?? []).filter { found in
      guard let forgotten = log.forgottenAt[shard] else { return true }
      // Of a damaged one only the log knows whether it was made since.
      return found.snapshot.map { $0.covers >= forgotten } ?? (found.number <= log.noted[shard] ?? 0)
    }
  }

  /// Snapshots that may be a base, by rising number.
  private func candidates(_ shard: ShardID) -> [Snapshot] {
    living(shard).compactMap { $0.snapshot }.filter { !rejected.contains($0.number) }
  }

  /// False when another round is needed.
  private mutating func resolve(_ shard: ShardID) -> Bool {
    if recovered.shards.shards[shard] != nil { return true }
    let living = self.living(shard)
    let dead = (snapshots[shard] ?? []).map(\.number).filter { number in !living.contains { $0.number == number } }
    if !log.shards.contains(shard), living.isEmpty {
      recovered.handover.leftovers += dead.map { .snapshot(shard, $0) }
      return true
    }
    let newestKnown = max(living.last?.number ?? 0, log.noted[shard] ?? 0)
    let base = candidates(shard).last
    // Before it was forgotten there is nothing that counts.
    let covers = base?.covers ?? log.forgottenAt[shard] ?? 0
    var content = ShardContent(shard: shard, position: .start)
    if let base {
      switch load(base) {
      case .success(let loaded): content = loaded
      case .failure(let fault):
        name(fault)
        rejected.insert(base.number)
        return false
      }
    }
    var line = ShardLine(base: content.position, number: base?.number ?? 0, newestKnown: newestKnown)
    var broken: StoreFault?
    for placed in log.records[shard] ?? [] where placed.batch > covers && broken == nil {
      if case .broken = line.take(placed.record) {
        broken = StoreFault(
          kind: .brokenChain, file: StoreFile.segment(placed.segment).name, offset: UInt64(placed.offset),
          shards: [shard])
      }
    }
    if line.isBaseVoid, let base {
      rejected.insert(base.number)
      return false
    }
    // With an older snapshot than the newest every record since then must be there.
    var missing: StoreFault?
    if (base?.number ?? 0) < newestKnown, log.firstSequence > covers + 1 {
      missing = StoreFault(
        kind: .missingSnapshot, file: StoreFile.snapshot(shard, newestKnown).name, offset: 0, shards: [shard])
    }
    // A loss of which only a checkpoint still tells may have had everything of a shard without a snapshot.
    let noted = base == nil && log.forgottenAt[shard] == nil ? log.strayNoted : nil
    let lost = log.losses.first { $0.hurts(shard) && $0.batch > covers }?.fault ?? noted
    recovered.handover.leftovers += dead.map { .snapshot(shard, $0) }
    finish(shard, content, line, base, damage: lost ?? missing ?? broken)
    return true
  }

  private mutating func finish(
    _ shard: ShardID, _ content: ShardContent, _ line: ShardLine, _ base: Snapshot?, damage: StoreFault?
  ) {
    var found = RecoveredShard(content: content)
    found.entries = line.entries
    found.damage = damage
    if let damage, !recovered.shards.faults.contains(damage) { name(damage) }
    if let reign = log.reigns[shard] {
      found.record = reign.record
      found.sealed = reign.sealed
    }
    recovered.shards.shards[shard] = found
    var kept = LoggedShard()
    kept.snapshots = living(shard).compactMap { $0.snapshot }
    for (number, _) in living(shard) { kept.files[number] = fileSizes[shard]?[number] ?? 0 }
    kept.needsResume = line.isSuspended
    kept.base = base?.number
    kept.last = found.last
    kept.lineStart = base?.number ?? 0
    kept.entriesSince = found.entries.count
    kept.bytesSince = found.entries.reduce(0) { $0 + $1.size }
    // A damaged shard holds on to the log until it is repaired.
    if damage != nil { kept.spans.append(LoggedShard.Span(batch: 0, last: found.last.sequence)) }
    kept.spans += (log.spans[shard] ?? []).filter { $0.batch > (base?.covers ?? 0) }
    for fault in recovered.shards.faults {
      if case .snapshot(shard, let number)? = StoreFile(name: fault.file) { kept.damagedFiles.insert(number) }
    }
    recovered.handover.shards[shard] = kept
  }

  /// The content of a snapshot, block by block.
  private func load(_ snapshot: Snapshot) -> Result<ShardContent, StoreFault> {
    var content = ShardContent(shard: snapshot.shard, position: snapshot.position)
    for block in snapshot.blocks {
      let file = StoreFile.snapshot(snapshot.shard, block.file)
      guard let stored = disk.read(file, at: block.offset, count: block.storedSize),
        let raw = StateBlock.unpack(stored, as: block), (try? StateBlock.read(raw, into: &content)) != nil
      else {
        return .failure(
          StoreFault(
            kind: .snapshotSegment, file: file.name, offset: UInt64(block.offset), shards: [snapshot.shard]))
      }
    }
    guard content.isSorted, content.items.count == snapshot.keys else {
      return .failure(StoreFault(kind: .manifest, file: snapshot.file.name, offset: 0, shards: [snapshot.shard]))
    }
    return .success(content)
  }
}
