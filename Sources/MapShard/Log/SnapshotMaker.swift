import Hashing
import Wire

/// Writes one snapshot, slice by slice, so that a large state holds up neither the loop nor the log.
struct SnapshotMaker {
  /// Raw bytes that are cut, hashed and compressed in one go: well below a millisecond.
  private static let sliceSize = 128 << 10
  /// Stored bytes that one job writes.
  private static let partSize = 512 << 10
  /// A file of which less than a quarter is still in use gives no more blocks: its rest is written again, and it can go.
  private static let liveShare = 4

  private(set) var snapshot: Snapshot
  let isInstall: Bool
  /// The log must be durable up to here before the snapshot may count: a snapshot that is ahead of the log would make
  /// later batches of the same numbers look covered.
  let needs: UInt64
  /// Cut away or forgotten meanwhile: what is written of it goes.
  var isAbandoned = false

  private let store: UInt64
  private var cutter: StateBlock.Cutter
  private var known: [Digest: BlockReference] = [:]
  private var part: [UInt8]
  private var written = 0
  private var isCut = false
  private var isCreated = false
  /// Whole and synced under its unfinished name.
  private(set) var isWritten = false
  private(set) var shared = 0

  var file: StoreFile { .snapshot(snapshot.shard, snapshot.number) }
  var unfinished: StoreFile { .unfinished(snapshot.shard, snapshot.number) }

  init(
    _ content: ShardContent, number: UInt64, covers: UInt64, needs: UInt64, isInstall: Bool, log: LoggedShard?,
    store: UInt64, wall: UInt64
  ) {
    snapshot = Snapshot(
      shard: content.shard, number: number, position: content.position, covers: covers, wall: wall,
      keys: content.items.count, size: 0, blocks: [])
    self.isInstall = isInstall
    self.needs = needs
    self.store = store
    cutter = StateBlock.Cutter(content)
    part = SnapshotFile.head(store: store, content.shard, number)
    if let log { learn(log) }
  }

  /// Which blocks need not be written again.
  private mutating func learn(_ log: LoggedShard) {
    guard let newest = log.snapshots.last else { return }
    var live: [UInt64: Int] = [:]
    for block in newest.blocks { live[block.file, default: 0] += block.storedSize }
    for block in newest.blocks where !log.damagedFiles.contains(block.file) {
      guard let size = log.files[block.file], (live[block.file] ?? 0) * SnapshotMaker.liveShare >= size else {
        continue
      }
      known[block.address] = block
    }
  }

  /// True when `steps` has something to do; false: call again.
  mutating func cut() -> Bool {
    var done = 0
    while !isCut, done < SnapshotMaker.sliceSize, part.count < SnapshotMaker.partSize {
      guard let raw = cutter.next() else {
        isCut = true
        break
      }
      done += raw.count
      add(raw)
    }
    return isCut || part.count >= SnapshotMaker.partSize
  }

  private mutating func add(_ raw: [UInt8]) {
    snapshot.size += raw.count
    let address = raw.withUnsafeBytes { Digest(of: $0) }
    if let block = known[address] {
      shared += 1
      snapshot.blocks.append(block)
      return
    }
    let stored = StateBlock.pack(raw)
    let block = BlockReference(
      address: address, check: stored.withUnsafeBytes { Digest(of: $0).low }, rawSize: raw.count,
      storedSize: stored.count, file: snapshot.number, offset: written + part.count)
    part.append(contentsOf: stored)
    known[address] = block
    snapshot.blocks.append(block)
  }

  /// The content does not fit a snapshot.
  var isTooLarge: Bool {
    snapshot.blocks.count > SnapshotFile.blocksLimit || snapshot.size > SnapshotFile.rawSizeLimit
  }

  /// The steps of the next job.
  mutating func steps() -> [DiskStep] {
    var steps: [DiskStep] = []
    if !isCreated {
      isCreated = true
      steps.append(.create(unfinished, reserve: 0))
    }
    if isCut { part.append(contentsOf: SnapshotFile.ending(snapshot, store: store, at: written + part.count)) }
    steps.append(.write(unfinished, at: written, part))
    written += part.count
    part.removeAll(keepingCapacity: true)
    if isCut {
      steps.append(.sync(unfinished))
      snapshot.fileSize = written
    }
    return steps
  }

  /// What `steps` asked for last is done.
  mutating func partWritten() { isWritten = isCut }
}
