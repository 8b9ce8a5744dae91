import MapShard
import Testing
import Wire

/// A few hosts with their shards, a network and disks, in virtual time. Messages take 1 ms, an urgent write 2 ms, a lazy
/// one up to 50 ms. What happens, happens in the order of its time.
final class TestWorld {
  enum Event {
    case heartbeat([UInt8], from: Member)
    case frame(ShardCarrier, [UInt8], from: Member)
    case snapshot([UInt8], from: Member)
    case deadline(Timer)
    case durable(UInt64)
  }

  struct Node {
    var core: ShardHost
    var life: Life
    var store: UInt64
    var isUp = true
    var isPaused = false
    var disk = TestDisk()
    var diskFreeAt: UInt64 = 0
    /// Writes end only at multiples of this: a disk whose syncs take so long. 0: whenever they are done.
    var diskStep: UInt64 = 0
    var inbox: [(Event, Life)] = []
  }

  /// A message on its way: what a test may keep, drop or let go later.
  struct Message {
    var from: HostID
    var to: HostID
    var event: Event
    var register: RegisterMessage?
    var replica: ReplicaMessage?
  }

  var nodes: [HostID: Node] = [:]
  var time: UInt64 = 1_000_000_000
  var settings: ShardSettings
  /// Pairs without a connection, each in both orders.
  var cut: Set<[HostID]> = []
  /// Says what happens to a message: true keeps it back (see `held`).
  var holdsBack: (Message) -> Bool = { _ in false }
  var held: [(Message, Life)] = []
  var replies: [UInt64: [ShardReply]] = [:]
  var events: [(host: HostID, event: ShardEvent)] = []
  var latency = Nanoseconds.milliseconds(1)
  /// What clients were told: shard, position. And by whom, when.
  var acknowledged: [(epoch: Epoch, sequence: UInt64, request: UInt64)] = []

  private var queue = DeadlineQueue<(HostID, Life, Event)>()
  private var effects = ShardEffects(buffer: MessageBuffer())
  private var nextLife: UInt64 = 100
  let shard = ShardID(rawValue: 7)
  var voters: [HostID] = []

  init(hosts: Int, voters: Int = 1, settings: ShardSettings = .lanFast) {
    self.settings = settings
    for number in 1...hosts { start(HostID(rawValue: UInt64(number)), store: UInt64(number)) }
    self.voters = (1...voters).map { HostID(rawValue: UInt64($0)) }
    connectAll()
    let set = VoterSetDescription(number: 1, voters: self.voters.map { VoterSeat(host: $0, store: $0.rawValue) })
    for host in hosts_ { command(host, .adopt(set)) }
  }

  var isPlanted: Bool {
    #if MESH_PLANTED_BUGS
      return settings.planted != []
    #else
      return false
    #endif
  }

  var hosts_: [HostID] { nodes.keys.sorted() }
  var now: Now { Now(monotonic: time, wall: 1_700_000_000_000_000_000 + time) }

  func member(_ number: Int) -> Member {
    let host = HostID(rawValue: UInt64(number))
    return Member(host: host, life: nodes[host]!.life)
  }
  func host(_ number: Int) -> HostID { HostID(rawValue: UInt64(number)) }

  // MARK: Life and death

  func start(_ host: HostID, store: UInt64) {
    nextLife += 1
    let life = Life(rawValue: nextLife)
    let disk = nodes[host]?.disk ?? TestDisk()
    let core = ShardHost(
      me: Member(host: host, life: life), store: store, settings: settings, signer: TestSigner(host: host),
      seed: host.rawValue, recovered: disk.recovered, now: now)
    nodes[host] = Node(core: core, life: life, store: store, disk: disk)
    nodes[host]!.disk.forgetUnsynced()
  }

  func crash(_ number: Int) {
    let host = host(number)
    nodes[host]!.isUp = false
    nodes[host]!.disk.forgetUnsynced()
    for other in hosts_ where other != host && nodes[other]!.isUp { input(other, .linkDown(host)) }
  }

  func restart(_ number: Int, store: UInt64? = nil) {
    let host = host(number)
    if nodes[host]!.isUp { crash(number) }
    if store != nil { nodes[host]!.disk = TestDisk() }
    start(host, store: store ?? nodes[host]!.store)
    for other in hosts_ where other != host { connect(host, other) }
    command(host, .adopt(firstSet))
    for (shard, list, minimum) in placements { command(host, .place(shard, replicas: list, minimum: minimum)) }
  }

  var firstSet: VoterSetDescription {
    VoterSetDescription(number: 1, voters: voters.map { VoterSeat(host: $0, store: $0.rawValue) })
  }
  private var placements: [(ShardID, [HostID], Int)] = []

  /// The process stands still: nothing is handled until it goes on.
  func pause(_ number: Int) { nodes[host(number)]!.isPaused = true }

  func unpause(_ number: Int) {
    nodes[host(number)]!.isPaused = false
    let inbox = nodes[host(number)]!.inbox
    nodes[host(number)]!.inbox = []
    for (event, life) in inbox { deliver(host(number), life, event) }
  }

  func connectAll() {
    for first in hosts_ { for second in hosts_ where first < second { connect(first, second) } }
  }

  func connect(_ first: HostID, _ second: HostID) {
    guard nodes[first]!.isUp, nodes[second]!.isUp, !cut.contains([first, second]) else { return }
    for (host, other) in [(first, second), (second, first)] {
      let member = Member(host: other, life: nodes[other]!.life)
      input(host, .met(member))
      input(host, .linkUp(member))
    }
  }

  func cut(_ first: Int, _ second: Int) {
    cut.insert([host(first), host(second)])
    cut.insert([host(second), host(first)])
    input(host(first), .linkDown(host(second)))
    input(host(second), .linkDown(host(first)))
  }

  func heal(_ first: Int, _ second: Int) {
    cut.remove([host(first), host(second)])
    cut.remove([host(second), host(first)])
    connect(host(first), host(second))
  }

  // MARK: Inputs

  func place(_ list: [Int], minimum: Int = 1, _ shard: ShardID? = nil) {
    let hosts = list.map { host($0) }
    placements.append((shard ?? self.shard, hosts, minimum))
    for host in hosts_ where nodes[host]!.isUp {
      command(host, .place(shard ?? self.shard, replicas: hosts, minimum: minimum))
    }
  }

  func command(_ host: HostID, _ command: ShardCommand) { input(host, .command(command)) }

  private var requests: UInt64 = 0

  @discardableResult
  func write(
    _ number: Int, _ key: String, _ value: String, _ entryClass: EntryClass = .critical, client: UInt64 = 0,
    sequence: UInt64 = 0, expected: UInt64? = nil
  ) -> UInt64 {
    requests += 1
    command(
      host(number),
      .write(
        shard,
        WriteRequest(
          entryClass: entryClass, change: .put, key: Array(key.utf8), value: Array(value.utf8), expected: expected,
          client: client, clientSequence: sequence), request: requests))
    return requests
  }

  func read(_ number: Int, _ key: String) -> ShardReply? {
    requests += 1
    command(host(number), .read(shard, key: Array(key.utf8), request: requests))
    return replies[requests]?.last
  }

  func move(_ number: Int, to target: Int) -> UInt64 {
    requests += 1
    command(host(number), .move(shard, to: host(target), reason: .order, plan: 1, request: requests))
    return requests
  }

  func reply(_ request: UInt64) -> ShardReply? { replies[request]?.last }

  func input(_ host: HostID, _ input: ShardInput) {
    guard nodes[host]!.isUp else { return }
    effects.removeAll()
    effects.buffer.removeAll()
    nodes[host]!.core.handle(input, now: now, into: &effects)
    carryOut(host)
    check()
  }

  private func carryOut(_ host: HostID) {
    let from = Member(host: host, life: nodes[host]!.life)
    for heartbeat in effects.heartbeats {
      let bytes = [UInt8](UnsafeRawBufferPointer(effects.buffer.bytes(of: heartbeat.message)))
      send(Message(from: host, to: heartbeat.to, event: .heartbeat(bytes, from: from)))
    }
    for frame in effects.frames {
      let bytes = [UInt8](UnsafeRawBufferPointer(effects.buffer.bytes(of: frame.message)))
      var message = Message(from: host, to: frame.to, event: .frame(frame.carrier, bytes, from: from))
      bytes.withUnsafeBytes { raw in
        var reader = Reader(raw)
        if frame.carrier == .register {
          message.register = try? RegisterMessage(&reader)
          #expect(message.register != nil || isPlanted, "a register message reads back")
        } else {
          message.replica = try? ReplicaMessage(&reader)
          #expect(message.replica != nil || isPlanted, "a replica message reads back")
        }
        #expect(reader.isAtEnd || isPlanted)
      }
      send(message)
    }
    for snapshot in effects.snapshots {
      send(Message(from: host, to: snapshot.to, event: .snapshot(snapshot.content, from: from)))
    }
    for append in effects.appends {
      nodes[host]!.disk.add(append)
      let takes = append.urgency == .urgent ? Nanoseconds.milliseconds(2) : Nanoseconds.milliseconds(50)
      // An urgent record takes the lazy ones before it along.
      var at = append.urgency == .urgent ? time + takes : max(time + takes, nodes[host]!.diskFreeAt)
      let step = nodes[host]!.diskStep
      if step > 0 { at = (at + step - 1) / step * step }
      nodes[host]!.diskFreeAt = max(nodes[host]!.diskFreeAt, append.urgency == .urgent ? at : 0)
      queue.insert((host, from.life, .durable(append.token)), at: at)
    }
    for deadline in effects.deadlines {
      queue.insert((host, from.life, .deadline(deadline.timer)), at: max(deadline.at, time))
    }
    for (request, reply) in effects.replies {
      replies[request, default: []].append(reply)
      if case .acknowledged(let epoch, let sequence) = reply { acknowledged.append((epoch, sequence, request)) }
    }
    for event in effects.events { events.append((host, event)) }
  }

  private func send(_ message: Message) {
    guard nodes[message.to] != nil, nodes[message.to]!.isUp, !cut.contains([message.from, message.to]) else { return }
    let life = nodes[message.to]!.life
    if holdsBack(message) {
      held.append((message, life))
    } else {
      queue.insert((message.to, life, message.event), at: time + latency)
    }
  }

  /// Lets kept messages go.
  func letGo(where matches: (Message) -> Bool = { _ in true }) {
    let released = held.filter { matches($0.0) }
    held.removeAll { matches($0.0) }
    for (message, life) in released { queue.insert((message.to, life, message.event), at: time) }
  }

  /// Hands the contents of kept records to a host, as if somebody had told it.
  func deliverHeld(to number: Int) {
    for (message, _) in held {
      guard case .record(_, _, _, let record?) = message.register else { continue }
      deliver(.moved(record), to: number)
    }
  }

  func deliver(_ message: RegisterMessage, to number: Int, from sender: Int = 1) {
    let buffer = MessageBuffer()
    let range = buffer.append(maximum: 4096) { message.write(into: &$0) }!
    input(host(number), .frame(.register, UnsafeRawBufferPointer(buffer.bytes(of: range)), from: member(sender)))
  }

  func deliver(_ message: ReplicaMessage, to number: Int, from sender: Int = 2) {
    let buffer = MessageBuffer()
    let range = buffer.append(maximum: 1 << 16) { message.write(into: &$0) }!
    input(host(number), .frame(.replication, UnsafeRawBufferPointer(buffer.bytes(of: range)), from: member(sender)))
  }

  func propose(_ record: Record, from number: Int) {
    deliver(
      .propose(RegisterMessage.Propose(set: 1, nonce: 1, record: record, isFreed: false, order: [])), to: 1,
      from: number)
  }

  /// What an owner of this reign could send: one entry at the very beginning.
  func forgedAppend(from number: Int, to target: Int, epoch: Epoch) -> ReplicaMessage {
    let entry = Entry(
      after: .start, epoch: epoch, entryClass: .normal, change: .put, key: [1], value: [1], wall: 0)
    return .append(
      ReplicaMessage.Append(
        toLife: nodes[host(target)]!.life, shard: shard, epoch: epoch, version: 3, record: nil, floor: 0,
        previous: .start, commit: 0, isUrgent: false, entries: [entry]))
  }

  /// Lets a host answer but not ask for the shard: its proposals are lost.
  func pauseTakeover(of number: Int) {
    let before = holdsBack
    let silenced = host(number)
    holdsBack = { message in
      if case .propose = message.register, message.from == silenced { return true }
      return before(message)
    }
  }

  // MARK: Time

  func run(_ milliseconds: UInt64) {
    let end = time + Nanoseconds.milliseconds(milliseconds)
    while let (at, (host, life, event)) = queue.popFirst(dueBy: end) {
      time = max(time, at)
      deliver(host, life, event)
    }
    time = end
  }

  private func deliver(_ host: HostID, _ life: Life, _ event: Event) {
    guard nodes[host]!.isUp, nodes[host]!.life == life else { return }
    if nodes[host]!.isPaused {
      nodes[host]!.inbox.append((event, life))
      return
    }
    switch event {
    case .heartbeat(let bytes, let from): bytes.withUnsafeBytes { input(host, .heartbeat($0, from: from)) }
    case .frame(let carrier, let bytes, let from):
      bytes.withUnsafeBytes { input(host, .frame(carrier, $0, from: from)) }
    case .snapshot(let bytes, let from): input(host, .snapshot(bytes, from: from))
    case .deadline(let timer): input(host, .deadline(timer))
    case .durable(let token):
      guard !nodes[host]!.disk.isStuck else { return }
      nodes[host]!.disk.sync(upTo: token)
      input(host, .durable(token: token))
    }
  }

  /// Until something is so, at most this long. The condition is asked after each millisecond.
  @discardableResult
  func run(atMost milliseconds: UInt64, until isSo: () -> Bool) -> Bool {
    for _ in 0..<milliseconds {
      if isSo() { return true }
      run(1)
    }
    return isSo()
  }

  // MARK: What is so

  func view(_ number: Int) -> ShardView? { nodes[host(number)]!.core.view(of: shard) }

  func acts(_ number: Int) -> Bool {
    nodes[host(number)]!.isUp && view(number)?.acts(at: now) ?? false
  }

  /// Hosts that act now, also those that stand still.
  var acting: [Int] { hosts_.map { Int($0.rawValue) }.filter { acts($0) } }

  /// P1 in true time, log matching of what is committed, and no alarm, after every input.
  var violations: [String] = []
  private func check() {
    let acting = acting
    if acting.count > 1 { violations.append("\(acting) act at \(time)") }
    for item in events.suffix(4) {
      if case .corrupt(_, let why) = item.event { violations.append("\(item.host): \(why)") }
    }
  }

  /// All hosts that are up hold the same committed state.
  func expectSame(_ comment: Comment? = nil, _ location: SourceLocation = #_sourceLocation) {
    let views = hosts_.filter { nodes[$0]!.isUp }.compactMap { nodes[$0]!.core.view(of: shard) }
    let members = views.filter { view in view.state.position.sequence > 0 }
    guard let first = members.first else { return }
    for view in members {
      #expect(view.state.position == first.state.position, comment, sourceLocation: location)
      #expect(
        view.state.content(of: shard) == first.state.content(of: shard), comment, sourceLocation: location)
    }
  }

  /// Three members, in sync, the first one owner. The usual beginning.
  static func settled(_ hosts: Int = 3, voters: Int = 1, list: [Int]? = nil, settings: ShardSettings = .lanFast)
    -> TestWorld
  {
    let world = TestWorld(hosts: hosts, voters: voters, settings: settings)
    let list = list ?? Array(1...hosts)
    world.place(list)
    world.run(
      atMost: 5_000, until: { world.view(list[0])?.rec?.record.members.count == list.count && world.acts(list[0]) })
    return world
  }
}

/// The log of one host: what is durable survives a crash.
struct TestDisk {
  private var durable: [LogRecord] = []
  private var unsynced: [(UInt64, LogRecord)] = []

  mutating func add(_ append: ShardEffects.Append) { unsynced.append((append.token, append.record)) }

  /// Nothing becomes durable.
  var isStuck = false

  mutating func sync(upTo token: UInt64) {
    while let first = unsynced.first, first.0 <= token {
      durable.append(first.1)
      unsynced.removeFirst()
    }
  }

  mutating func forgetUnsynced() { unsynced = [] }

  var waitingBytes: Int {
    unsynced.reduce(0) { sum, item in
      if case .entries(_, let entries) = item.1 { entries.reduce(sum) { $0 + $1.size } } else { sum }
    }
  }

  /// Records are gone of which nobody knows whose they were.
  var strayLoss: StoreFault?

  /// Everything of a shard is gone, as if its records had never been.
  mutating func lose(_ shard: ShardID) {
    durable.removeAll { record in
      switch record {
      case .entries(shard, _), .truncate(shard, _), .reign(shard, _, _), .forget(shard): true
      case .install(let content): content.shard == shard
      default: false
      }
    }
  }

  var recovered: RecoveredShards {
    var recovered = RecoveredShards()
    recovered.strayLoss = strayLoss
    func shard(_ id: ShardID) -> RecoveredShard {
      recovered.shards[id] ?? RecoveredShard(content: ShardContent(shard: id, position: .start))
    }
    for record in durable {
      switch record {
      case .entries(let id, let entries):
        var found = shard(id)
        for entry in entries {
          #expect(entry.follows(found.last), "the log gets entries in order")
          found.entries.append(entry)
        }
        recovered.shards[id] = found
      case .truncate(let id, let position):
        var found = shard(id)
        found.entries.removeAll { $0.position.sequence > position.sequence }
        #expect(found.last == position, "a log is cut where it has an entry")
        recovered.shards[id] = found
      case .reign(let id, let rec, let sealed):
        var found = shard(id)
        found.record = rec
        found.sealed = max(found.sealed, sealed)
        recovered.shards[id] = found
      case .register(let key, let body): recovered.register[key] = body
      case .install(let content):
        var found = shard(content.shard)
        found.content = content
        found.entries = []
        recovered.shards[content.shard] = found
      case .forget(let id): recovered.shards[id] = nil
      }
    }
    return recovered
  }
}
