package import Wire

/// The log of a host, for all its shards and its part in the register: records in, effects on the disk out.
///
/// Batches: what comes while a batch is being written forms the next one, so one write and one sync are in flight and
/// nobody waits for a timer; lazy records alone wait up to 50 ms. Snapshots, new segments, removals and the scrub go
/// beside it in a second lane. After a failed write or sync nothing more is written in this life.
///
/// What is durable is what `effects.durable` says, token by token in the order of the appends.
package struct LogWriter {
  package let settings: LogSettings
  package internal(set) var counters = LogCounters()
  package internal(set) var admission = LogAdmission.open

  let entropy: any Entropy
  var isFailed = false
  var nextJob: UInt64 = 1

  // Batches. `queue` holds what is full or must stay apart, `open` what is being filled.
  var queue = Fifo<Parcel>()
  var open: Parcel?
  var nextSequence: UInt64
  var durableSequence: UInt64
  var batchJob: BatchJob?
  /// Bytes of all parcels.
  var waiting = 0
  var lazyTimer: UInt32 = 0
  var isLazyTimerSet = false
  var isLazyDue = false
  /// The disk was full in the middle of a batch: it is written again when space is back.
  var isBatchRefused = false
  var refusedParcel: Parcel?

  // Tokens, in the order of the appends.
  var tokens = Fifo<Token>()

  // Segments.
  var current: Segment?
  var prepared: Segment?
  var isPreparing = false
  var isPreparingRefused = false
  var nextSegment: UInt64
  /// By rising number.
  var closed: [ClosedSegment]
  var checkpoint: Checkpoint
  var available: UInt64?

  /// Snapshot files that go when the batch that says so is durable.
  var pendingRemovals: [Removal] = []

  // Content.
  var shards: [ShardID: LoggedShard]
  var register: [UInt64: [UInt8]]
  var losses: Losses = []
  var reigns: [ShardID: Reign]

  // Snapshots.
  var nextSnapshot: UInt64
  var wanted = Fifo<ShardID>()
  var asked: ShardID?
  var installs = Fifo<Install>()
  var maker: SnapshotMaker?
  var isPublishing = false
  /// When a refused one is tried again.
  var makerRetry: UInt64?
  var sliceTimer: UInt32 = 0
  /// Installed contents that are not yet whole on the disk.
  var unpublished: Set<UInt64> = []

  // The second lane.
  var sideJob: SideJob?
  var sideQueue = Fifo<SideWork>()

  var fetches = Fifo<Fetch>()
  var fetching: Fetch?
  var scrub: Scrub?
  var nextScrub: UInt64
  var scrubTimer: UInt32 = 0
  var pendingFaults: [StoreFault] = []
  var nextPrune: UInt64

  struct Token {
    var token: UInt64
    var batch: UInt64
    /// The snapshot that must be whole too.
    var snapshot: UInt64?
  }

  struct BatchJob {
    var number: UInt64
    var parcel: Parcel
    var size: Int
    var wall: UInt64
  }

  struct Removal {
    var shard: ShardID
    var batch: UInt64
    var files: [StoreFile]
  }

  struct Reign {
    var record: ProvenRecord
    var sealed: Epoch
  }

  struct Install {
    var content: ShardContent
    var number: UInt64
    var covers: UInt64
  }

  enum TimerKind: UInt8 {
    case lazy = 1
    case tick = 2
    case slice = 3
    case scrub = 4
  }

  private static let tickPeriod = Nanoseconds.seconds(1)

  /// - Parameter recovered: what `LogRecovery` found in the same folder; a fresh store gives an empty one.
  package init(
    _ settings: LogSettings, entropy: any Entropy, recovered: RecoveredLog, now: Now, into effects: inout LogEffects
  ) {
    self.settings = settings
    self.entropy = entropy
    let handover = recovered.handover
    nextSequence = handover.nextSequence
    durableSequence = handover.nextSequence - 1
    nextSegment = handover.nextSegment
    nextSnapshot = handover.nextSnapshot
    closed = handover.segments
    checkpoint = Checkpoint(next: handover.nextCheckpoint)
    shards = handover.shards
    register = recovered.shards.register
    if recovered.shards.registerDamaged { losses.insert(.register) }
    if recovered.shards.strayLoss != nil { losses.insert(.stray) }
    reigns = [:]
    for (shard, found) in recovered.shards.shards {
      if let record = found.record { reigns[shard] = Reign(record: record, sealed: found.sealed) }
    }
    for shard in shards.keys where shards[shard]?.spans.isEmpty == false { shards[shard]?.dirtySince = now.monotonic }
    // Recovery has just read the log and the newest snapshots: the rest has an hour.
    nextScrub = now.monotonic &+ settings.scrubPeriod / 24
    nextPrune = now.monotonic
    for shard in shards.keys.sorted() {
      guard var log = shards[shard], log.needsResume else { continue }
      put(.installing(shard, log.last, snapshot: 0), shard: shard)
      open?.isUrgent = true
      log.needsResume = false
      log.clip()
      log.note(batch: lastAssigned)
      shards[shard] = log
    }
    if !handover.leftovers.isEmpty { sideQueue.append(.delete(handover.leftovers)) }
    if let cut = handover.cut { sideQueue.append(.truncate(cut.file, cut.size)) }
    setTimer(.tick, at: now.monotonic &+ LogWriter.tickPeriod, into: &effects)
    goOn(now, &effects)
  }

  /// Takes a record. `token` comes back in `effects.durable` once the record and all before it are durable.
  package mutating func append(
    _ record: LogRecord, urgency: Urgency, token: UInt64, now: Now, into effects: inout LogEffects
  ) {
    guard !isFailed else {
      counters.refusedAfterFailure &+= 1
      return
    }
    guard isWithinLimits(record) else {
      counters.refusedTooLarge &+= 1
      return
    }
    counters.records &+= 1
    var snapshot: UInt64?
    switch record {
    case .entries(let shard, let entries): take(entries, of: shard, now)
    case .truncate(let shard, let position): truncate(shard, to: position, now)
    case .reign(let shard, let proven, let sealed):
      reigns[shard] = Reign(record: proven, sealed: sealed)
      put(.reign(shard, proven, sealed: sealed), shard: shard)
    case .register(let key, let body):
      register[key] = body
      put(.register(key: key, body))
    case .install(let content): snapshot = install(content)
    case .forget(let shard): forget(shard)
    }
    tokens.append(Token(token: token, batch: lastAssigned, snapshot: snapshot))
    // `put` has opened a parcel; it may have been closed at once by an installation.
    if urgency == .urgent {
      if open != nil { open?.isUrgent = true }
    } else {
      setLazyTimer(now, &effects)
    }
    if waiting > settings.waitingLimit {
      fail("the log", code: 0, &effects)
      return
    }
    goOn(now, &effects)
  }

  package mutating func handle(_ input: LogInput, now: Now, into effects: inout LogEffects) {
    guard !isFailed else {
      if case .fetch(_, _, let request) = input { effects.fetched.append((request, .failure(.storeFailed))) }
      counters.refusedAfterFailure &+= 1
      return
    }
    switch input {
    case .done(.log, let number, _): batchDone(number, now, &effects)
    case .failed(.log, let number, let failure): batchFailed(number, failure, &effects)
    case .done(.side, let number, let reads): sideDone(number, reads, now, &effects)
    case .failed(.side, let number, let failure): sideFailed(number, failure, now, &effects)
    case .deadline(let timer): due(timer, now, &effects)
    case .content(let shard, let content): contentCame(shard, content, now, &effects)
    case .space(let bytes): available = bytes
    case .fetch(let shard, let snapshot, let request): fetch(shard, snapshot, request, &effects)
    }
    if !isFailed { goOn(now, &effects) }
  }

  /// Snapshots of a shard that can be looked at, by rising number.
  package func history(of shard: ShardID) -> [Snapshot] { shards[shard]?.snapshots ?? [] }

  /// Bytes that the files of the store take.
  package var used: UInt64 {
    var sum = closed.reduce(0) { $0 + $1.size } + (current?.size ?? 0) + (prepared?.size ?? 0)
    for log in shards.values { sum += log.files.values.reduce(0, +) }
    return UInt64(clamping: sum)
  }

  /// Bytes that wait for the disk.
  package var waitingBytes: Int { waiting }

  /// Starts whatever can start.
  mutating func goOn(_ now: Now, _ effects: inout LogEffects) {
    writeBatch(now, &effects)
    prepareSegment(now, &effects)
    goOnWithSnapshots(now, &effects)
    goOnAside(now, &effects)
    judgeAdmission(&effects)
  }

  mutating func due(_ timer: Timer, _ now: Now, _ effects: inout LogEffects) {
    switch TimerKind(rawValue: timer.kind) {
    case .lazy where timer.token == lazyTimer:
      isLazyTimerSet = false
      isLazyDue = true
    case .slice where timer.token == sliceTimer: cutSlice(now, &effects)
    case .scrub where timer.token == scrubTimer:
      scrubOn()
      endScrubIfDone(&effects)
    case .tick:
      // The disk may have room again.
      isPreparingRefused = false
      isBatchRefused = false
      wantAgedSnapshots(now)
      freeSegments(now, &effects)
      if now.monotonic >= nextPrune { pruneAll(now) }
      if scrub == nil, now.monotonic >= nextScrub { beginScrub(now, &effects) }
      setTimer(.tick, at: now.monotonic &+ LogWriter.tickPeriod, into: &effects)
    default: break
    }
  }

  func setTimer(_ kind: TimerKind, at: UInt64, token: UInt32 = 0, into effects: inout LogEffects) {
    effects.deadlines.append(Deadline(at: at, timer: Timer(kind: kind.rawValue, token: token)))
  }

  mutating func fail(_ file: String, code: Int32, _ effects: inout LogEffects) {
    isFailed = true
    queue.removeAll()
    open = nil
    tokens.removeAll()
    maker = nil
    installs.removeAll()
    effects.events.append(.failed(file: file, code: code))
    for request in [fetching].compactMap({ $0 }) { effects.fetched.append((request.request, .failure(.storeFailed))) }
    fetches.forEach { effects.fetched.append(($0.request, .failure(.storeFailed))) }
    fetching = nil
    fetches.removeAll()
    judgeAdmission(&effects)
  }

  mutating func judgeAdmission(_ effects: inout LogEffects) {
    let judged: LogAdmission =
      if isFailed { .failed } else if isPreparingRefused || isBatchRefused || isNearlyFull {
        .full
      } else if waiting
        > settings.waitingSlow
      { .slow } else { .open }
    guard judged != admission else { return }
    admission = judged
    effects.events.append(.admission(judged))
  }

  private var isNearlyFull: Bool {
    let used = self.used
    var given = settings.spaceGiven == 0 ? UInt64.max : settings.spaceGiven
    if let available { given = min(given, used &+ available) }
    // 90 %, without an overflow.
    return given != .max && used >= given - given / 10
  }

  private func isWithinLimits(_ record: LogRecord) -> Bool {
    switch record {
    case .entries(_, let entries):
      !entries.isEmpty && entries.allSatisfy { $0.key.count <= Entry.keyLimit && $0.value.count <= Entry.valueLimit }
    case .register(_, let body): body.count <= LogRecord.registerBodyLimit
    case .reign(_, let proven, _): proven.record.isWellFormed && proven.proof.count <= ProvenRecord.proofLimit
    case .install(let content):
      content.encodedSize <= ShardContent.sizeLimit && content.items.count <= ShardContent.keysLimit
        && content.clients.count <= ShardContent.clientsLimit
    case .truncate, .forget: true
    }
  }
}
