import MapShard
import ShardSim
import Wire

/// A host with a log on a simulated disk, and an account of what it was told: what must be there after any crash.
final class LogHost {
  /// What was done to a shard, in order.
  enum Deed {
    case entries([Entry])
    case truncate(Position)
    case install(ShardContent)
    case forget
  }

  /// The state of a shard as its deeds make it.
  struct State: Equatable {
    var position = Position.start
    var items: [[UInt8]: ShardContent.Item] = [:]
    /// States at earlier positions of the line, for cuts.
    var line: [Position] = [.start]

    static func == (left: State, right: State) -> Bool {
      left.position == right.position && left.items == right.items
    }
  }

  let disk: ByteDisk
  let settings: LogSettings
  private(set) var writer: LogWriter
  private(set) var recovered: RecoveredLog
  private(set) var now: Now
  private(set) var events: [LogEvent] = []
  private(set) var fetched: [UInt64: Result<ShardContent, SnapshotRefusal>] = [:]
  var chance: Chance
  private var effects = LogEffects()
  private var queue = DeadlineQueue<Happening>()
  private var nextToken: UInt64 = 1
  /// How long a job takes at most.
  var slowest = Nanoseconds.milliseconds(4)
  /// So many of the newest entries may not be committed when a content is given.
  var uncommitted = 0
  /// Whether contents are given when they are asked for.
  var givesContents = true

  // The account.
  private(set) var deeds: [ShardID: [Deed]] = [:]
  private(set) var durableDeeds: [ShardID: Int] = [:]
  private(set) var bodies: [UInt64: [[UInt8]]] = [:]
  private(set) var durableBodies: [UInt64: Int] = [:]
  private(set) var records: [ShardID: [ProvenRecord]] = [:]
  private(set) var durableRecords: [ShardID: Int] = [:]
  private(set) var waiting: [(token: UInt64, mark: Mark)] = []
  /// Tokens that came back out of order, or twice.
  private(set) var disorder: [UInt64] = []
  /// The sequence up to which a shard is committed: cuts stay above.
  var committed: [ShardID: UInt64] = [:]
  /// Shards that were cut below what was committed (a reign that lost entries) in this life: the snapshot that held the
  /// cut entries is void, and the log before it may be gone. They may come back damaged until the next snapshot.
  var lossCuts: Set<ShardID> = []

  enum Mark {
    case deed(ShardID, Int)
    case body(UInt64, Int)
    case record(ShardID, Int)
  }

  private enum Happening {
    case done(DiskJob)
    case timer(Timer)
  }

  init(seed: UInt64, disk: ByteDisk = ByteDisk(), _ settings: LogSettings, at start: UInt64 = 1) {
    chance = Chance(seed: seed)
    self.disk = disk
    self.settings = settings
    now = Now(monotonic: Nanoseconds.seconds(start), wall: Nanoseconds.seconds(1_700_000_000 + start))
    recovered = LogRecovery.run(disk, settings: settings)
    writer = LogWriter(
      settings, entropy: SeededEntropy(seed: seed), recovered: recovered, now: now, into: &effects)
    execute()
  }

  /// The machine dies and comes back: another life on the same disk with the same account.
  func crash() {
    breakOff()
    disk.crash(&chance)
    restart()
  }

  /// Only the process dies: what it wrote is there, synced or not.
  func kill() {
    breakOff()
    restart()
  }

  /// Jobs in flight have done any part of their steps.
  private func breakOff() {
    while let (_, happening) = queue.popFirst() {
      if case .done(let job) = happening { _ = disk.perform(job, limit: chance.below(job.steps.count + 1)) }
    }
  }

  func restart() {
    queue.removeAll()
    disk.synchronize()
    waiting.removeAll()
    effects = LogEffects()
    now.monotonic += Nanoseconds.seconds(1)
    now.wall += Nanoseconds.seconds(1)
    recovered = LogRecovery.run(disk, settings: settings)
    writer = LogWriter(
      settings, entropy: SeededEntropy(seed: chance.next()), recovered: recovered, now: now, into: &effects)
  }

  /// After `restart`: the account becomes what was recovered, and the new life's effects are carried out.
  func accept() {
    deeds.removeAll()
    durableDeeds.removeAll()
    bodies.removeAll()
    durableBodies.removeAll()
    records.removeAll()
    durableRecords.removeAll()
    lossCuts.formIntersection(recovered.shards.shards.filter { $0.value.damaged }.keys)
    for (shard, found) in recovered.shards.shards {
      deeds[shard] = [.install(found.content)] + (found.entries.isEmpty ? [] : [.entries(found.entries)])
      durableDeeds[shard] = deeds[shard]?.count
      committed[shard] = committed[shard].map { min($0, found.last.sequence) }
      if let record = found.record {
        records[shard] = [record]
        durableRecords[shard] = 1
      }
    }
    for (key, body) in recovered.shards.register {
      bodies[key] = [body]
      durableBodies[key] = 1
    }
    execute()
  }

  // MARK: Time

  /// Lets so much time pass.
  func run(milliseconds: UInt64) { run(until: now.monotonic + Nanoseconds.milliseconds(milliseconds)) }

  func run(until end: UInt64) {
    while let (at, happening) = queue.popFirst(dueBy: end) {
      pass(to: at)
      happen(happening)
    }
    pass(to: end)
  }

  private func pass(to moment: UInt64) {
    guard moment > now.monotonic else { return }
    now.wall += moment - now.monotonic
    now.monotonic = moment
  }

  private func happen(_ happening: Happening) {
    switch happening {
    case .timer(let timer): writer.handle(.deadline(timer), now: now, into: &effects)
    case .done(let job):
      switch disk.perform(job) {
      case .success(let reads): writer.handle(.done(job.lane, job.number, reads: reads), now: now, into: &effects)
      case .failure(let failure): writer.handle(.failed(job.lane, job.number, failure), now: now, into: &effects)
      }
    }
    execute()
  }

  private func execute() {
    while !effects.jobs.isEmpty || !effects.deadlines.isEmpty || !effects.contentsWanted.isEmpty
      || !effects.durable.isEmpty
      || !effects.events.isEmpty || !effects.fetched.isEmpty
    {
      let taken = effects
      effects.removeAll()
      for job in taken.jobs {
        queue.insert(.done(job), at: now.monotonic + 1 + chance.below(slowest))
      }
      for deadline in taken.deadlines { queue.insert(.timer(deadline.timer), at: max(deadline.at, now.monotonic)) }
      for token in taken.durable { markDurable(token) }
      events += taken.events
      for answer in taken.fetched { fetched[answer.request] = answer.content }
      for shard in taken.contentsWanted {
        writer.handle(.content(shard, givesContents ? content(of: shard) : nil), now: now, into: &effects)
      }
    }
  }

  private func markDurable(_ token: UInt64) {
    guard let next = waiting.first, next.token == token else {
      disorder.append(token)
      return
    }
    waiting.removeFirst()
    switch next.mark {
    case .deed(let shard, let count): durableDeeds[shard] = max(durableDeeds[shard] ?? 0, count)
    case .body(let key, let count): durableBodies[key] = max(durableBodies[key] ?? 0, count)
    case .record(let shard, let count): durableRecords[shard] = max(durableRecords[shard] ?? 0, count)
    }
  }

  // MARK: Records

  func append(_ record: LogRecord, _ urgency: Urgency = .urgent) {
    let token = nextToken
    nextToken += 1
    switch record {
    case .entries(let shard, let entries): note(shard, .entries(entries), token)
    case .truncate(let shard, let position): note(shard, .truncate(position), token)
    case .install(let content): note(content.shard, .install(content), token)
    case .forget(let shard):
      note(shard, .forget, token)
      records[shard] = nil
      durableRecords[shard] = nil
      committed[shard] = nil
      for index in waiting.indices {
        if case .record(shard, _) = waiting[index].mark { waiting[index].mark = .record(shard, 0) }
      }
    case .register(let key, let body):
      bodies[key, default: []].append(body)
      waiting.append((token, .body(key, bodies[key]?.count ?? 0)))
    case .reign(let shard, let record, _):
      records[shard, default: []].append(record)
      waiting.append((token, .record(shard, records[shard]?.count ?? 0)))
    }
    writer.append(record, urgency: urgency, token: token, now: now, into: &effects)
    execute()
  }

  private func note(_ shard: ShardID, _ deed: Deed, _ token: UInt64) {
    deeds[shard, default: []].append(deed)
    waiting.append((token, .deed(shard, deeds[shard]?.count ?? 0)))
  }

  /// Writes entries behind the end of the shard's log.
  func write(
    _ shard: ShardID, _ count: Int = 1, valueSize: Int = 40, epoch: UInt64? = nil, _ urgency: Urgency = .urgent
  ) {
    var last = state(of: shard).position
    var entries: [Entry] = []
    for _ in 0..<count {
      let key = Array("key-\(chance.below(40))".utf8)
      let value = (0..<chance.below(valueSize + 1)).map { _ in UInt8(truncatingIfNeeded: chance.next() >> 3) }
      let isDelete = chance.happens(0.1)
      let entry = Entry(
        after: last, epoch: epoch.map { Epoch($0) } ?? max(last.epoch, Epoch(1)),
        entryClass: chance.happens(0.5) ? .critical : .normal, change: isDelete ? .delete : .put, key: key,
        value: isDelete ? [] : value, wall: now.wall)
      entries.append(entry)
      last = entry.position
    }
    append(.entries(shard, entries), urgency)
  }

  func fetch(_ shard: ShardID, _ number: UInt64, request: UInt64) {
    writer.handle(.fetch(shard, snapshot: number, request: request), now: now, into: &effects)
    execute()
  }

  func tell(_ input: LogInput) {
    writer.handle(input, now: now, into: &effects)
    execute()
  }

  // MARK: States

  static func apply(_ deeds: some Sequence<Deed>) -> State {
    var state = State()
    var history: [(Position, [[UInt8]: ShardContent.Item])] = [(.start, [:])]
    for deed in deeds {
      switch deed {
      case .entries(let entries):
        for entry in entries {
          switch entry.change {
          case .put:
            state.items[entry.key] = ShardContent.Item(
              key: entry.key, value: entry.value, entryClass: entry.entryClass, sequence: entry.position.sequence)
          case .delete, .restore: state.items[entry.key] = nil
          }
          state.position = entry.position
          history.append((state.position, state.items))
        }
      case .truncate(let position):
        while let last = history.last, last.0.sequence > position.sequence { history.removeLast() }
        state.position = history.last?.0 ?? .start
        state.items = history.last?.1 ?? [:]
      case .install(let content):
        state.items = [:]
        for item in content.items { state.items[item.key] = item }
        state.position = content.position
        history = [(state.position, state.items)]
      case .forget:
        state = State()
        history = [(.start, [:])]
      }
    }
    state.line = history.map(\.0)
    return state
  }

  func state(of shard: ShardID) -> State { LogHost.apply(deeds[shard] ?? []) }

  static func content(_ shard: ShardID, _ state: State) -> ShardContent {
    ShardContent(
      shard: shard, position: state.position,
      items: state.items.values.sorted { $0.key.lexicographicallyPrecedes($1.key) },
      clients: [ShardContent.ClientMark(client: 7, clientSequence: 1, epoch: state.position.epoch, sequence: 1)])
  }

  /// The content at a position of the line that no cut will undo.
  private func content(of shard: ShardID) -> ShardContent? {
    let deeds = self.deeds[shard] ?? []
    let whole = LogHost.apply(deeds)
    let behind = min(uncommitted == 0 ? 0 : UInt64(chance.below(uncommitted)), whole.position.sequence)
    let limit = max(committed[shard] ?? 0, whole.position.sequence - behind)
    guard let position = whole.line.last(where: { $0.sequence <= limit }) else { return nil }
    committed[shard] = max(committed[shard] ?? 0, position.sequence)
    return LogHost.content(shard, LogHost.apply(deeds + [.truncate(position)]))
  }

  // MARK: What must hold after a start

  /// What is wrong with what was recovered: empty when nothing durable is missing and nothing was invented.
  func complaints(allowDamage: Bool = false) -> [String] {
    var complaints: [String] = []
    if !allowDamage {
      let unexpected = recovered.shards.faults.filter { fault in !(fault.shards?.allSatisfy(isExcused) ?? false) }
      if !unexpected.isEmpty { complaints.append("faults: \(unexpected)") }
      if recovered.shards.registerDamaged { complaints.append("register damaged") }
    }
    if !disorder.isEmpty { complaints.append("tokens out of order: \(disorder)") }
    for shard in Set(deeds.keys).union(recovered.shards.shards.keys).sorted() {
      let found = recovered.shards.shards[shard]
      if found?.damaged == true {
        if !allowDamage, !isExcused(shard) {
          complaints.append("shard \(shard) damaged: \(String(describing: found?.damage))")
        }
        continue
      }
      let deeds = self.deeds[shard] ?? []
      let durable = durableDeeds[shard] ?? 0
      let state = found.map { LogHost.apply([.install($0.content), .entries($0.entries)]) } ?? State()
      let fits = (durable...deeds.count).contains { LogHost.apply(deeds.prefix($0)) == state }
      if !fits, !isPartOfLastEntries(state, deeds, durable) {
        complaints.append(
          "shard \(shard): recovered \(state.position), durable \(durable) of \(deeds.count) deeds: "
            + "\(LogHost.apply(deeds.prefix(durable)).position) … \(LogHost.apply(deeds).position)")
      }
      let known = records[shard] ?? []
      let fitting = known.dropFirst(max(0, (durableRecords[shard] ?? 0) - 1))
      if durableRecords[shard] ?? 0 > 0, !fitting.contains(where: { $0 == found?.record }) {
        complaints.append("shard \(shard): record \(String(describing: found?.record))")
      }
    }
    guard !recovered.shards.registerDamaged else { return complaints }
    for key in bodies.keys.sorted() where durableBodies[key] ?? 0 > 0 {
      let fitting = (bodies[key] ?? []).dropFirst((durableBodies[key] ?? 1) - 1)
      if !fitting.contains(where: { $0 == recovered.shards.register[key] }) {
        complaints.append("register body \(key)")
      }
    }
    return complaints
  }

  private func isExcused(_ shard: ShardID) -> Bool {
    lossCuts.contains(shard) && recovered.shards.shards[shard]?.damaged == true
  }

  /// A long record of entries may be cut into several; any first part of it may be there.
  private func isPartOfLastEntries(_ state: State, _ deeds: [Deed], _ durable: Int) -> Bool {
    for count in durable..<max(durable, deeds.count) {
      guard case .entries(let entries) = deeds[count] else { continue }
      for part in entries.indices {
        if LogHost.apply(deeds.prefix(count) + [.entries(Array(entries[...part]))]) == state { return true }
      }
    }
    return false
  }
}

final class SeededEntropy: Entropy {
  private var chance: Chance
  init(seed: UInt64) { chance = Chance(seed: seed) }
  func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: chance.next()) }
  }
}
