import MapShard
package import Wire

/// A world of hosts that own shards: the real core on each, and clocks, disks, wires and clients around it. A value:
/// a copy goes its own way.
///
/// Everything that happens is an element of one queue, ordered by time, then by order of insertion; nothing else moves.
/// Same settings, same faults, same run.
package struct ShardWorld {
  package let settings: ShardWorldSettings
  package let shards: [ShardID]
  /// Nanoseconds since the world began.
  package internal(set) var time: UInt64 = 0
  package internal(set) var trace: ShardTrace
  package internal(set) var violation: ShardViolation?
  package internal(set) var events: UInt64 = 0

  let hosts: [HostID]
  let machineOf: [HostID: Int]
  /// Replica list of each shard, as machines.
  let replicas: [[Int]]
  var machines: ContiguousArray<Machine>
  var wires: Wires
  var links: Links
  var queue = DeadlineQueue<WorldEvent>()
  var chance: Chance
  var clients: ContiguousArray<ShardClient> = []
  var requests: [UInt64: ShardRequest] = [:]
  var ledger: Ledger
  var faults: [ShardFault] = []
  /// Faults that wait for something to happen.
  var reflexes: [Reflex] = []
  /// What reflexes want done when the turn is over.
  var reflexActions: [(action: Reflex.Action, machine: Int, peer: Int)] = []
  /// The world's first voter set, and the one that the operator signed last.
  let firstVoterSet: VoterSetDescription
  var voterSet: VoterSetDescription
  /// What may happen next, while a search decides what does; `nil` in a world that runs by its clock.
  var stepped: SteppedEvents?
  /// Effects of the turn that runs; empty between turns, so that copies may share it.
  let turn = Turn()

  final class Turn {
    var effects = ShardEffects(buffer: MessageBuffer())
  }

  /// Request number of moves that faults ask for.
  var moveRequest: UInt64 { 1 << 62 }

  package init(_ settings: ShardWorldSettings) {
    self.settings = settings
    chance = Chance(seed: mix64(settings.seed ^ 0x7368_6172_64))
    hosts = (0..<settings.hosts).map { HostID(rawValue: 0x1000 + UInt64($0)) }
    machineOf = Dictionary(hosts.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    let ids = (0..<settings.shards).map { ShardID(rawValue: ShardID.first + UInt64($0)) }
    shards = ids
    trace = ShardTrace(isNarrated: settings.isNarrated)
    wires = Wires(machines: settings.hosts)
    links = Links(machines: settings.hosts)
    var lists: [[Int]] = []
    for shard in 0..<settings.shards {
      let first = settings.spareFirst ? 1 : 0
      let eligible = settings.hosts - first
      lists.append((0..<min(settings.replicas, eligible)).map { first + ($0 + shard) % eligible })
    }
    replicas = lists
    var made: ContiguousArray<Machine> = []
    for host in hosts {
      let rate = settings.driftingClocks ? Int64(chance.below(20_001)) - 10_000 : 0
      let origin = Nanoseconds.seconds(1_000) + chance.below(Nanoseconds.seconds(100_000))
      made.append(
        Machine(
          host: host, clock: HostClock(rate: rate, origin: origin), store: chance.next() | 1, machines: hosts.count,
          shards: ids))
    }
    machines = made
    firstVoterSet = VoterSetDescription(
      number: 1, voters: settings.voters.map { VoterSeat(host: made[$0].host, store: made[$0].store) }.sorted())
    voterSet = firstVoterSet
    ledger = Ledger(shards: shards, machines: hosts.count, voters: settings.voters)
    for index in 0..<settings.clients {
      clients.append(ShardClient(id: 0xc000 + UInt64(index), shards: settings.shards))
    }
  }

  /// Starts all processes within `span`, and the clients after it.
  package mutating func startAll(within span: UInt64 = Nanoseconds.milliseconds(300)) {
    for machine in machines.indices { post(.start(Int32(machine)), after: chance.below(span)) }
    for client in clients.indices {
      post(.client(Int32(client)), after: span + chance.below(Nanoseconds.seconds(1)))
    }
  }

  package mutating func schedule(_ fault: ShardFault, at: UInt64) {
    faults.append(fault)
    enqueue(.fault(Int32(faults.count - 1)), at: max(at, time))
  }

  mutating func post(_ event: WorldEvent, after delay: UInt64) { enqueue(event, at: time &+ delay) }

  mutating func enqueue(_ event: WorldEvent, at due: UInt64) {
    guard stepped != nil else { return queue.insert(event, at: due) }
    switch event {
    case .heartbeat, .deadline, .syncEnds: stepped?.open.append((due, event))
    // Frames wait in their lanes.
    case .lane: break
    // A search looks at the order of messages, deadlines and syncs; everything else happens at once.
    default: queue.insert(event, at: time)
    }
  }

  /// Runs until a world time, or until an invariant has failed.
  package mutating func run(until end: UInt64) {
    while violation == nil, let (at, event) = queue.popFirst(dueBy: end) {
      time = max(time, at)
      events &+= 1
      take(event)
    }
    if violation == nil { time = max(time, end) }
  }

  /// Runs until `condition` holds, at most until `end`; whether it holds.
  package mutating func run(until end: UInt64, or condition: (ShardWorld) -> Bool) -> Bool {
    while violation == nil, !condition(self), let (at, event) = queue.popFirst(dueBy: end) {
      time = max(time, at)
      events &+= 1
      take(event)
    }
    return violation == nil && condition(self)
  }

  mutating func fail(_ rule: ShardRule, _ text: String, host: Int? = nil) {
    guard violation == nil else { return }
    violation = ShardViolation(rule: rule, text: text, at: time, host: host, lines: trace.lines)
  }

  package func fails(_ rule: ShardRule) -> Bool { violation?.rule == rule }
}
