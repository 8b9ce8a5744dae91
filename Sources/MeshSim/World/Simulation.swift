import Gossip
package import NodeCore
import SecureChannel
package import Wire

/// What a world is made of; with the faults it decides everything that happens.
package struct WorldSettings {
  package var seed: UInt64
  /// Machines with an identity of their own.
  package var hosts: Int
  /// Machines that have none and wait for a fault (clones).
  package var spares = 0
  /// Persons whose machines they are; 0 = all are the operator's.
  package var contributors = 0
  package var profile = Profile.lan
  package var network = NetworkSettings()
  /// Monotonic clocks run up to 1 % fast or slow.
  package var driftingClocks = true
  /// Hosts report load each second.
  package var load = false
  package var sabotage = Sabotage()
  /// Sessions of all ages stand between all pairs from the beginning, as after hours of running.
  package var warm = false
  /// A machine whose node runs twice, for check 10.
  package var twin: Int?
  /// The nodes are whole: with a store, a world document, shards and clients.
  package var whole: WholeSettings?

  package init(seed: UInt64, hosts: Int) {
    self.seed = seed
    self.hosts = hosts
  }
}

/// What a new process is given.
package struct Birth {
  package let identity: Int
  package let life: UInt32
  package let directory: HostDirectory
  package let disk: Disk
  package let endpoint: Endpoint
  /// Differs for every life.
  package let seed: UInt64
  package let now: Now
  package let profile: Profile
  package let sabotage: Sabotage
  /// Sessions that stand already.
  let warmSessions: [WarmSession]
  /// What a whole node finds on its disk.
  let whole: WholeBirth?
}

/// What the world's queue holds. Lives keep what was meant for an earlier process from reaching a later one.
enum WorldEvent {
  case datagram(Int32)
  case deadline(machine: Int32, life: UInt32, Timer)
  case wake(machine: Int32, life: UInt32)
  case unblock(machine: Int32, life: UInt32)
  case persisted(machine: Int32, life: UInt32, token: UInt64)
  case stream(Int32)
  case load(machine: Int32, life: UInt32)
  case fault(Int32)
  case start(Int32)
  case sample
  case end(machine: Int32, life: UInt32)
  case whole(WholeEvent)
}

/// A world: machines, wires and time. Everything that happens is an element of one queue, ordered by time, then by
/// order of insertion; nothing else moves. Same settings, same run.
package final class Simulation<Channel: PeerChannel> {
  package let settings: WorldSettings
  package let directory: HostDirectory
  /// Nanoseconds since the world began.
  package internal(set) var time: UInt64 = 0
  package internal(set) var trace: Trace
  package internal(set) var observations = Observations()
  package internal(set) var checks: Checks
  /// The first violation; the world stands still from then on.
  package internal(set) var violation: Violation?
  package internal(set) var counters = WorldCounters()

  let make: (Birth) -> Node<Channel>
  let revocation: (Int) -> [UInt8]
  var queue = DeadlineQueue<WorldEvent>()
  var chance: Chance
  /// Draws what the sampled checks look at; apart, so that a check changes nothing in a run.
  var sampler: Chance
  var network: Wires
  var machines: ContiguousArray<Machine<Channel>> = []
  var machineAt: [Endpoint: Int] = [:]
  let datagrams = DatagramPool()
  var streams = Streams()
  var streamEvents: [Int32: Streams.Event] = [:]
  var lastStreamEvent: Int32 = 0
  var faults: [Fault] = []
  /// What a world of whole nodes has besides.
  let whole: WholeMesh?
  var starts: [(machine: Int, seeds: [Int])] = []
  var effects = NodeEffects()
  var twinEffects = NodeEffects()
  private var nextAddress: UInt32 = 0
  /// Things that have happened at this moment. A node that asks for a deadline which is past already, again and again,
  /// would keep the world from going on.
  private var happenings = 0
  private let progressLimit = 1_000_000

  /// `directory` names `settings.hosts` + `settings.spares` hosts; `revocation` is the operator's word against one.
  init(
    _ settings: WorldSettings, directory: HostDirectory, revocation: @escaping (Int) -> [UInt8],
    whole: WholeMesh? = nil, make: @escaping (Birth) -> Node<Channel>
  ) {
    self.settings = settings
    self.whole = whole
    self.directory = directory
    self.revocation = revocation
    self.make = make
    let total = directory.count
    chance = Chance(seed: settings.seed)
    network = Wires(settings: settings.network, hosts: total, seed: chance.next())
    trace = Trace(hosts: total)
    checks = Checks(
      directory: directory, settings: settings.profile.membership, isPlain: Channel.self == ChannelModel.self,
      seed: chance.next())
    sampler = Chance(seed: chance.next())
    for number in 0..<total {
      let rate = settings.driftingClocks ? Int64(chance.below(20_001)) - 10_000 : 0
      let clock = HostClock(rate: rate, origin: Nanoseconds.seconds(4_000) + chance.below(Nanoseconds.seconds(100_000)))
      let machine = Machine<Channel>(number: number, endpoint: freshAddress(), clock: clock)
      machineAt[machine.endpoint] = number
      machines.append(machine)
    }
    queue.insert(.sample, at: Nanoseconds.seconds(1))
  }

  deinit { checks.release() }

  /// Four machines share a /24; none ever comes back.
  func freshAddress() -> Endpoint {
    let number = nextAddress
    nextAddress += 1
    return Endpoint(ipv4: 0x0a00_0000 | (number / 4) << 8 | (number % 4 + 1), port: 7_946)
  }

  // MARK: Time

  /// Runs the world until `end` (nanoseconds since it began) or until a check fails.
  package func run(until end: UInt64) {
    while violation == nil, let (at, event) = queue.popFirst(dueBy: end) {
      if at > time {
        time = at
        happenings = 0
      }
      happenings += 1
      if happenings > progressLimit {
        fail(8, "progress", "\(progressLimit) things happened at one moment, and still more wait", nil)
      }
      happen(event)
    }
    if violation == nil { time = max(time, end) }
  }

  package func run(for span: UInt64) { run(until: time + span) }

  private func happen(_ event: WorldEvent) {
    counters.events += 1
    switch event {
    case .datagram(let slot): arrive(slot)
    case .deadline(let machine, let life, let timer): fire(timer, on: Int(machine), life: life)
    case .wake(let machine, let life): wake(Int(machine), life: life)
    case .unblock(let machine, let life): unblock(Int(machine), life: life)
    case .persisted(let machine, let life, let token): persisted(token, on: Int(machine), life: life)
    case .stream(let number): step(number)
    case .load(let machine, let life): reportLoad(on: Int(machine), life: life)
    case .fault(let number): apply(faults[Int(number)])
    case .start(let number): start(starts[Int(number)].machine, through: starts[Int(number)].seeds)
    case .sample: sample()
    case .end(let machine, let life): endLeave(of: Int(machine), life: life)
    case .whole(let event): happen(event)
    }
  }

  package func schedule(_ fault: Fault, at: UInt64) {
    faults.append(fault)
    queue.insert(.fault(Int32(faults.count - 1)), at: max(at, time))
  }

  // MARK: What others may look at

  package var count: Int { machines.count }

  package func isRunning(_ machine: Int) -> Bool { machines[machine].process != nil }

  package var running: [Int] { machines.indices.filter { machines[$0].process != nil } }

  package func identity(of machine: Int) -> Int { machines[machine].identity }

  package func host(of machine: Int) -> HostID { directory.identities[machines[machine].identity].host }

  package func endpoint(of machine: Int) -> Endpoint { machines[machine].endpoint }

  /// Looks into a running node.
  package func look<Result>(into machine: Int, _ body: (Node<Channel>) -> Result) -> Result? {
    machines[machine].process.map { body($0.node) }
  }
}

/// What the world itself counted.
package struct WorldCounters: Sendable {
  package var events: UInt64 = 0
  package var datagrams: UInt64 = 0
  /// Content of datagrams, without IP and UDP headers.
  package var datagramBytes: UInt64 = 0
  package var lost: UInt64 = 0
  package var overflowed: UInt64 = 0
  package var stalls: UInt64 = 0
}
