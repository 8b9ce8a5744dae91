package import Control
package import EventLoop
package import MapShard
package import Wire

/// Hears what the store has done, on the loop.
package protocol ShardStoreClient: AnyObject {
  /// The record of this token and everything before it are durable.
  func durable(_ token: UInt64)
  /// Nothing later becomes durable; said once.
  func storeFailed(_ fault: Fault)
  /// The committed state of a shard for a snapshot; `nil`: none now, the store asks again later.
  func content(of shard: ShardID) -> ShardContent?
  /// Whether new writes may come in has changed.
  func admissionChanged(_ admission: LogAdmission)
  func happened(_ event: LogEvent)
  func fetched(_ request: UInt64, _ content: Result<ShardContent, SnapshotRefusal>)
}

/// The shard store of a node: the log's effects on real files. Batches are written and synced on the pool, one at a time;
/// snapshots, new segments, removals and the scrub go beside them, one at a time.
package final class ShardStore {
  /// Timers of the store carry this room: their owner gives them back to `due`.
  package let room: UInt8
  package let recovered: RecoveredShards
  package weak var client: (any ShardStoreClient)?

  private let loop: Loop
  private let folder: StoreFolder
  private let asideFolder: StoreFolder
  private let batches: Lane
  private let aside: Lane
  private var writer: LogWriter
  private var effects = LogEffects()
  private var isCarryingOut = false
  private var isMeasuring = false
  private var inFlight = 0
  private var nextMeasure: UInt64 = 0
  private var whenIdle: (() -> Void)?

  private static let measurePeriod = Nanoseconds.seconds(10)

  /// Reads the store and opens it for writing. Blocks: before the loop runs.
  /// - Parameter path: the folder of the store, made when it is not there; the process has locked the data directory.
  package init(
    _ loop: Loop, path: String, settings: LogSettings, entropy: any Entropy, room: UInt8
  ) throws(Fault) {
    self.loop = loop
    self.room = room
    do throws(UVError) {
      if (try? Files.information(path)) == nil {
        try Files.makeDirectory(path)
        try Files.synchronizeDirectory(of: path)
      }
      // A folder that cannot be listed must not look like an empty store.
      _ = try Files.list(path)
    } catch {
      throw Fault(.cannotWrite, ["file": path, "reason": error.message], at: path)
    }
    folder = StoreFolder(path)
    asideFolder = StoreFolder(path)
    batches = loop.lane(atOnce: 1, waiting: 1)
    aside = loop.lane(atOnce: 1, waiting: 4)
    let log = LogRecovery.run(folder, settings: settings)
    recovered = log.shards
    var effects = LogEffects()
    writer = LogWriter(settings, entropy: entropy, recovered: log, now: loop.now, into: &effects)
    self.effects = effects
  }

  package var admission: LogAdmission { writer.admission }
  package var counters: LogCounters { writer.counters }
  /// Bytes that the store's files take.
  package var used: UInt64 { writer.used }

  /// Carries out what the start asked for. Call it once the client is set.
  package func begin() {
    measure()
    carryOut()
  }

  package func append(_ record: LogRecord, urgency: Urgency, token: UInt64) {
    writer.append(record, urgency: urgency, token: token, now: loop.now, into: &effects)
    carryOut()
  }

  package func due(_ timer: Timer) {
    if loop.now.monotonic >= nextMeasure { measure() }
    give(.deadline(timer))
  }

  package func history(of shard: ShardID) -> [Snapshot] { writer.history(of: shard) }

  /// Reads a snapshot of the history; `fetched` brings it.
  package func fetch(_ shard: ShardID, snapshot: UInt64, request: UInt64) {
    give(.fetch(shard, snapshot: snapshot, request: request))
  }

  /// Calls `body` once no job is in flight and no record waits.
  package func whenIdle(_ body: @escaping () -> Void) {
    whenIdle = body
    callIfIdle()
  }

  private func give(_ input: LogInput) {
    writer.handle(input, now: loop.now, into: &effects)
    carryOut()
  }

  /// Carries out effects until there are none; what the client does meanwhile is carried out by the same loop.
  private func carryOut() {
    guard !isCarryingOut else { return }
    isCarryingOut = true
    while !isQuiet {
      let taken = effects
      effects.removeAll()
      for job in taken.jobs { start(job) }
      for deadline in taken.deadlines {
        var timer = deadline.timer
        timer.room = room
        loop.schedule(Deadline(at: deadline.at, timer: timer))
      }
      for token in taken.durable { client?.durable(token) }
      for event in taken.events { tell(event) }
      for answer in taken.fetched { client?.fetched(answer.request, answer.content) }
      for shard in taken.contentsWanted {
        writer.handle(.content(shard, client?.content(of: shard)), now: loop.now, into: &effects)
      }
    }
    isCarryingOut = false
    callIfIdle()
  }

  private var isQuiet: Bool {
    effects.jobs.isEmpty && effects.deadlines.isEmpty && effects.durable.isEmpty && effects.events.isEmpty
      && effects.fetched.isEmpty && effects.contentsWanted.isEmpty
  }

  private func tell(_ event: LogEvent) {
    switch event {
    case .failed(let file, let code):
      let path = "\(folder.path)/\(file)"
      client?.storeFailed(
        Fault(.cannotWrite, ["file": path, "reason": UVError(code: -code).message], at: path))
    case .admission(let admission): client?.admissionChanged(admission)
    default: break
    }
    client?.happened(event)
  }

  private func start(_ job: DiskJob) {
    let (lane, folder) = job.lane == .log ? (batches, self.folder) : (aside, asideFolder)
    inFlight += 1
    let isTaken = lane.run({ folder.perform(job) }) { [weak self] result in
      // `nil`: the loop closed before the job began, and nobody waits for it.
      guard let self else { return }
      inFlight -= 1
      guard let result else { return }
      switch result {
      case .success(let reads): give(.done(job.lane, job.number, reads: reads))
      case .failure(let failure): give(.failed(job.lane, job.number, failure))
      }
    }
    // The log has one job of a lane in flight; a lane that refuses it belongs to a loop that has closed.
    if !isTaken { inFlight -= 1 }
  }

  /// Asks the file system how much room is left.
  private func measure() {
    nextMeasure = loop.now.monotonic &+ ShardStore.measurePeriod
    guard !isMeasuring else { return }
    isMeasuring = true
    let folder = asideFolder
    let isTaken = aside.run({ folder.availableSpace() }) { [weak self] available in
      guard let self else { return }
      isMeasuring = false
      if let available, let available { give(.space(available: available)) }
    }
    if !isTaken { isMeasuring = false }
  }

  private func callIfIdle() {
    guard inFlight == 0, writer.waitingBytes == 0, let body = whenIdle else { return }
    whenIdle = nil
    body()
  }
}
