import MapShard
import Wire

/// One host of a world: its clock, its disk and, while its process runs, the real core.
struct Machine {
  let host: HostID
  let clock: HostClock
  /// `nil` while the process is down.
  var core: ShardHost?
  var life = Life(rawValue: 0)
  /// Processes so far; names the events that were meant for an earlier one.
  var process: UInt32 = 0
  var store: UInt64
  var disk: SimulatedDisk
  /// The life that this host's session with each machine is bound to.
  var sessions: ContiguousArray<Life?>
  /// The process stands until then.
  var pausedUntil: UInt64 = 0
  /// What came while it stood.
  var backlog: [WorldEvent] = []
  /// Of the core as it is; `nil`: not known since its last turn.
  var coreFingerprint: Int?
  /// A sync is wanted at this world time; `.max`: none.
  var syncAt = UInt64.max

  init(host: HostID, clock: HostClock, store: UInt64, machines: Int, shards: [ShardID]) {
    self.host = host
    self.clock = clock
    self.store = store
    disk = SimulatedDisk(shards: shards)
    sessions = ContiguousArray(repeating: nil, count: machines)
  }

  var isRunning: Bool { core != nil }
  var member: Member { Member(host: host, life: life) }

  func isPaused(at time: UInt64) -> Bool { pausedUntil > time }
  func isResponsive(at time: UInt64) -> Bool { isRunning && !isPaused(at: time) }
}

/// What the queue of a world holds. `process` keeps what was meant for an earlier process from reaching a later one.
enum WorldEvent: Sendable {
  case heartbeat(from: Int32, life: Life, to: Int32, toLife: Life, [UInt8])
  /// The first frame of a lane is due.
  case lane(Int32, Int32, lane: Int8, generation: UInt32)
  case snapshot(from: Int32, life: Life, to: Int32, toLife: Life, [UInt8])
  case deadline(Int32, process: UInt32, Timer)
  case syncBegins(Int32, process: UInt32)
  case syncEnds(Int32, process: UInt32)
  case greet(Int32, Int32)
  case dial(Int32, Int32)
  /// The end of a connection arrives, after what was on its way.
  case linkBreaks(Int32, Int32, generation: UInt32)
  case linkCheck(Int32, Int32, generation: UInt32)
  case linkNoticed(Int32, process: UInt32, peer: Int32, generation: UInt32)
  case advice(Int32, process: UInt32, about: Int32, HostAdvice)
  case request(Int32, process: UInt32, UInt64)
  case client(Int32)
  case clientGivesUp(Int32, attempt: UInt32)
  case fault(Int32)
  case start(Int32)
  case end(Int32, process: UInt32)
  case resume(Int32)
}
