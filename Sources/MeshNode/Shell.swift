import Configuration
import Control
import EventLoop
import KeyStore
import Logging
import MapShard
import NodeCore
import SecureChannel
import Wire
import WorldData

/// Runs one node on one loop: gives it what happens, carries out what it wants, and takes no decision that a peer could
/// notice.
///
/// What belongs to it stands in files of its own: `Telling` (events and log), `Housekeeping` (once a second), `Answers`
/// (control socket), `Peers` (bootstrap list), `Ending`.
final class Shell {
  let loop: Loop
  let identity: NodeIdentity
  var settings: Settings
  var node: Node<Channel>
  let signer: RosterSigner
  let ports: Ports
  let disk: Disk
  let storeDisk: StoreDisk
  let worldDisk: WorldDisk
  var worldRequests: [UInt64: (WorldOutcome) -> Void] = [:]
  var lastWorldRequest: UInt64 = 0
  let links: LinkSockets
  let audit: AuditLog
  let lookup: PeerSource
  let host = HostMeasurements()
  let events = EventLog()
  let notice = ServiceNotice()
  let log = Logger(label: "mesh")
  let startedAt = SystemClock.now
  /// When the node began its life, `Now.monotonic`.
  var liveAt: UInt64?
  let options: RunOptions
  /// What start-up has to tell.
  let notices: [Announcement]

  var control: ControlSocket?
  var signals: [SignalWatch] = []
  var joining = JoinProgress()
  var ending = Ending()
  var doctors: [DoctorRun] = []
  var hellos = HelloLedger()
  var sightings = Sightings()
  var seen = SeenFaults()
  let shardRequests = ShardRequests()
  var shardWatches: [ShardWatch] = []
  var fetches: [UInt64: Fetched] = [:]
  var lastFetch: UInt64 = 0
  /// Of the world that was active when they were last asked for.
  var shardNames: (mark: WorldMark, names: ShardNames)?
  var drains: [DrainProgress] = []
  var controlWaits: [ControlWait] = []
  /// Seconds of this life.
  var ticks: UInt64 = 0
  var publishedWeight = PublishedWeight()
  /// This is the host's first life: its weight grows.
  let isNewHost: Bool
  var ownedLoads = OwnedLoads()
  var placementHistory = PlacementHistory()
  var orders: OrderBook

  private var effects = NodeEffects()
  /// Outcomes that came while effects were being carried out; given to the node right after.
  private var later: [Late] = []
  private var isCarryingOut = false

  enum Late {
    case persisted(UInt64)
    case persistFailed(UInt64)
    case closed(ConnectionID)
    case drained(ConnectionID)
    case log(LogInput)
    case world(WorldInput)
    case objects([UInt8]?, to: HostID)
  }

  /// The parts are made by `Startup` and know their shell from here on.
  init(_ parts: ShellParts) {
    loop = parts.loop
    identity = parts.identity
    settings = parts.settings
    node = parts.node
    signer = parts.signer
    ports = parts.ports
    disk = parts.disk
    storeDisk = parts.storeDisk
    worldDisk = parts.worldDisk
    links = parts.links
    audit = parts.audit
    lookup = parts.lookup
    options = parts.options
    orders = parts.orders
    isNewHost = parts.isNewHost
    notices = parts.notices
    disk.client = self
    storeDisk.client = self
    worldDisk.client = self
    links.client = self
  }

  // MARK: The node

  /// Gives the node something that happened outside of datagrams and deadlines, and carries out what follows.
  func handle(_ input: NodeInput) {
    node.handle(input, now: loop.now, into: &effects)
    carryOut()
  }

  func command(_ command: NodeCommand) { handle(.command(command)) }

  /// The same for what comes within a turn of the loop, often several times: what follows is carried out at its end, in
  /// fewer and larger writes.
  func gather(_ input: NodeInput) { node.handle(input, now: loop.now, into: &effects) }

  /// Everything that the node wants, in its order. What comes back at once is an input of its own, afterwards.
  private func carryOut() {
    guard !isCarryingOut else { return }
    isCarryingOut = true
    defer { isCarryingOut = false }
    node.endTurn(now: loop.now, into: &effects)
    repeat {
      for index in effects.sends.indices { send(effects.sends[index]) }
      for index in effects.connections.indices { links.perform(effects.connections[index], effects.buffer) }
      links.writeGathered()
      for deadline in effects.deadlines { loop.schedule(deadline) }
      for job in effects.jobs { storeDisk.run(job) }
      for persist in effects.persists { disk.keep(persist.content, token: persist.token) }
      // Taken only when there are some: a second reference would make the effects allocate anew.
      for persist in effects.worldPersists { worldDisk.keep(persist) }
      for serve in effects.serves { self.serve(serve) }
      let happened = effects.events.isEmpty ? [] : effects.events
      let worldAnswers = effects.worldReplies.isEmpty ? [] : effects.worldReplies
      let answered = effects.replies.isEmpty ? [] : effects.replies
      let fetched = effects.fetched.isEmpty ? [] : effects.fetched
      effects.removeAll()
      for event in happened { follow(event) }
      for (request, reply) in worldAnswers { worldRequests.removeValue(forKey: request)?(reply) }
      for (request, reply) in answered {
        shardRequests.answer(request, reply, at: Timestamp(nanoseconds: SystemClock.wall))
      }
      for (request, content) in fetched { fetches.removeValue(forKey: request)?(content) }
      giveBack()
      node.endTurn(now: loop.now, into: &effects)
    } while !effects.isEmpty
    if links.hasDrained {
      loop.schedule(Deadline(at: 0, timer: Wire.Timer(room: ShellTimer.room, kind: ShellTimer.linkNews)))
    }
  }

  private func send(_ send: ChannelEffects.Send) {
    let bytes = UnsafeRawBufferPointer(effects.buffer.bytes(of: send.message))
    if bytes.first == HelloLedger.Kind.hello { hellos.sent(to: send.to, at: loop.now.monotonic) }
    ports.datagrams.send(bytes, to: send.to)
  }

  private func giveBack() {
    guard !later.isEmpty else { return }
    let outcomes = later
    later.removeAll(keepingCapacity: true)
    for outcome in outcomes {
      let input: NodeInput =
        switch outcome {
        case .persisted(let token): .persisted(token: token)
        case .persistFailed(let token): .persistFailed(token: token)
        case .closed(let connection): .closed(connection)
        case .drained(let connection): .drained(connection)
        case .log(let input): .log(input)
        case .world(let input): .world(input)
        case .objects(let bytes, let host): .objects(bytes, to: host)
        }
      node.handle(input, now: loop.now, into: &effects)
    }
  }

  func give(_ outcome: Late) {
    later.append(outcome)
    carryOut()
  }
}

extension Shell: LoopClient {
  func stalled(by lateness: UInt64, now: Now) {
    node.handle(.stall(lateness), now: now, into: &effects)
    announceStall(lateness)
  }

  func received(_ datagram: UnsafeMutableRawBufferPointer, from: Endpoint, on: Datagrams, now: Now) {
    if let kind = datagram.first, kind == HelloLedger.Kind.response || kind == HelloLedger.Kind.cookie {
      hellos.answered(by: from)
    }
    node.handle(.datagram(datagram, from: from), now: now, into: &effects)
  }

  func due(_ timer: Wire.Timer, at: UInt64, now: Now) {
    if timer.room == ShellTimer.room {
      fire(timer, now: now)
    } else {
      node.handle(.deadline(timer), now: now, into: &effects)
    }
  }

  func turnEnded(now: Now) { carryOut() }
}

extension Shell: DiskClient {
  func persisted(_ token: UInt64) { give(.persisted(token)) }

  func persistFailed(_ token: UInt64, _ fault: Fault) {
    seen.state = fault
    give(.persistFailed(token))
  }
}

extension Shell: StoreDiskClient {
  func storeDid(_ input: LogInput) { give(.log(input)) }
}

extension Shell: LinkSocketsClient {
  func accepted(_ connection: ConnectionID, from: Endpoint) { handle(.accepted(connection, from: from)) }
  func connected(_ connection: ConnectionID) { handle(.connected(connection)) }
  func received(_ connection: ConnectionID, _ bytes: UnsafeRawBufferPointer) { gather(.received(connection, bytes)) }
  func drained(_ connection: ConnectionID) { give(.drained(connection)) }
  func closed(_ connection: ConnectionID) { give(.closed(connection)) }
}

extension NodeEffects {
  fileprivate var isEmpty: Bool {
    sends.isEmpty && connections.isEmpty && deadlines.isEmpty && persists.isEmpty && events.isEmpty && jobs.isEmpty
      && replies.isEmpty && worldPersists.isEmpty && serves.isEmpty && worldReplies.isEmpty && fetched.isEmpty
  }
}

/// The shell's own timers.
enum ShellTimer {
  /// Not one of NodeCore's rooms.
  static let room: UInt8 = 255
  static let tick: UInt8 = 1
  static let joinTimeout: UInt8 = 2
  static let leaveLimit: UInt8 = 3
  static let closeCheck: UInt8 = 4
  static let doctor: UInt8 = 5
  static let linkNews: UInt8 = 6
  static let watchdog: UInt8 = 7
  static let trim: UInt8 = 8
  static let release: UInt8 = 9
}
