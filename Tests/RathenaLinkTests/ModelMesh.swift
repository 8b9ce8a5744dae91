import RathenaLink
import Wire

/// Hosts with map-servers, one bridge, one char-server and players, in one seeded world: every message waits in its
/// queue until chance delivers it, in order per link.
struct ModelMesh {
  struct Size {
    var shards: UInt64 = 6
    var hosts: UInt64 = 5
    var players: UInt32 = 40
  }

  /// A map-server process with its link.
  struct Process {
    var server: ModelMapServer
    var stream: StreamID
    /// As its host believes.
    var reign: Reign
    var isFrozen = false
    /// Its host has a younger one for the shard. It tries again, until its host stops it.
    var isOutdated = false
    var up: [(bytes: [UInt8], epoch: Epoch, sequence: UInt64)] = []
    var down: [[UInt8]] = []
    var sequence: UInt64 = 0
  }

  enum Client: Hashable {
    case offline
    case entering(Int)
    case playing(Int)
    /// On the way to another map-server.
    case crossing(LinkMapName, LinkAddress, loginID1: UInt32)
  }

  let size: Size
  var chance: Chance
  var now: UInt64 = 1_000_000_000
  var bridge: Rig
  var charServer = ModelCharServer()
  var toCharServer: [[UInt8]] = []
  var isLinked = false
  /// Processes by number, never used twice.
  var processes: [Int: Process] = [:]
  var owners: [UInt64: Reign] = [:]
  var clients: [UInt32: Client] = [:]
  /// Since when a client has been trying in vain.
  var tryingSince: [UInt32: UInt64] = [:]
  var warps = 0
  var deaths = 0
  var thaws = 0
  var violations: [String] = []
  private var nextProcess = 1
  private var nextStream: UInt64 = 1

  init(seed: UInt64, size: Size = Size()) {
    self.size = size
    chance = Chance(seed: seed)
    bridge = Rig()
    let world = (1...size.shards).map {
      ServedShard(shard: ShardID(rawValue: $0), maps: Rig.shardMaps($0).map(Made.map))
    }
    bridge.handle(.world(world))
    bridge.handle(.active(true))
    for shard in 1...size.shards { give(shard, to: 1 + shard % size.hosts) }
    for number in 1...size.players { clients[number] = .offline }
  }

  static func door(_ shard: UInt64, _ host: UInt64) -> LinkAddress {
    LinkAddress(ipv4: 0x0a00_0000 | UInt32(shard << 8 | host), port: 7_001)
  }

  // MARK: what happens to hosts

  /// The register names a host, whose map-server starts.
  mutating func give(_ shard: UInt64, to host: UInt64) {
    let epoch = (owners[shard]?.epoch.rawValue ?? 0) + 1
    let reign = Made.reign(shard, host: host, epoch: epoch)
    owners[shard] = reign
    feed(.owner(reign.shard, reign))
    // A warm standby was there already, sometimes.
    start(reign, opens: chance.happens(0.5) ? Epoch(epoch - 1) : reign.epoch)
  }

  mutating func start(_ reign: Reign, opens epoch: Epoch) {
    let number = nextProcess
    nextProcess += 1
    let (shard, host) = (reign.shard.rawValue, reign.host.rawValue)
    let address = LinkAddress(ipv4: 0x7f00_0001, port: UInt16(17_000 + number % 40_000))
    var process = Process(
      server: ModelMapServer(maps: Rig.shardMaps(shard).map(Made.map), address: address), stream: StreamID(0),
      reign: reign)
    process.server.connect()
    processes[number] = process
    open(number, epoch: epoch, door: ModelMesh.door(shard, host))
  }

  private mutating func open(_ number: Int, epoch: Epoch, door: LinkAddress) {
    guard let process = processes[number] else { return }
    let stream = StreamID(nextStream)
    nextStream += 1
    processes[number]?.stream = stream
    processes[number]?.up = []
    processes[number]?.down = []
    feed(
      .streamOpened(
        stream, Reign(shard: process.reign.shard, host: process.reign.host, epoch: epoch),
        process: ProcessNumber(UInt64(number)), door: door))
    collect(number)
  }

  /// The link breaks and is made anew.
  mutating func relink(_ number: Int) {
    guard let process = processes[number], !process.isFrozen else { return }
    feed(.streamClosed(process.stream))
    processes[number]?.server.connect()
    let (shard, host) = (process.reign.shard.rawValue, process.reign.host.rawValue)
    open(number, epoch: process.reign.epoch, door: ModelMesh.door(shard, host))
  }

  /// The process is gone: its clients lose their sockets.
  mutating func kill(_ number: Int) {
    guard let process = processes.removeValue(forKey: number) else { return }
    dropClients(of: number)
    feed(.streamClosed(process.stream))
  }

  mutating func dropClients(of number: Int) {
    for account in clients.keys.sorted()
    where clients[account] == .playing(number) || clients[account] == .entering(number) {
      clients[account] = .offline
    }
  }

  mutating func thaw(_ number: Int) {
    guard processes[number]?.isFrozen == true else { return }
    thaws += 1
    processes[number]?.isFrozen = false
    // It goes on as if nothing had been: it saves, then sees that the sockets are closed.
    for (account, _) in processes[number]?.server.sortedPlayers ?? [] {
      processes[number]?.server.autosave(account)
      processes[number]?.server.leave(account, now: now)
    }
    collect(number)
  }

  mutating func restartCharServer(losesMemory: Bool) {
    guard isLinked else { return }
    isLinked = false
    toCharServer = []
    if losesMemory { charServer.restart() } else { charServer.closeLink() }
    feed(.upstreamClosed)
  }

  // MARK: delivery

  mutating func feed(_ input: MultiplexerInput) {
    bridge.now = Now(monotonic: now, wall: 0)
    bridge.handle(input)
    settle()
  }

  /// Takes over what the bridge has said.
  private mutating func settle() {
    if isLinked { toCharServer += bridge.upstream }
    bridge.upstream = []
    if !bridge.downstream.isEmpty {
      for number in processes.keys.sorted() {
        if let frames = bridge.downstream[processes[number]?.stream ?? StreamID(0)] {
          processes[number]?.down += frames
        }
      }
      bridge.downstream = [:]
    }
    let closed = bridge.closedStreams
    bridge.closedStreams = []
    let outdated = bridge.events.compactMap { event -> StreamID? in
      if case .outdated(let stream) = event { stream } else { nil }
    }
    for number in processes.keys.sorted() {
      guard let stream = processes[number]?.stream, closed.contains(stream) else { continue }
      if outdated.contains(stream) {
        processes[number]?.isOutdated = true
        processes[number]?.server.closeLink()
      } else {
        relink(number)
      }
    }
    for deadline in bridge.deadlines where deadline.timer.kind == 2 { pendingFlush = deadline.timer }
    bridge.deadlines = []
    bridge.events = []
    bridge.taken = []
    bridge.presence = []
  }

  private var pendingFlush: Timer?

  /// Frames of a map-server enter its link, and its clients see what they see.
  mutating func collect(_ number: Int) {
    guard var process = processes[number] else { return }
    for frame in process.server.sent {
      process.sequence += 1
      process.up.append((frame, process.reign.epoch, process.sequence))
    }
    process.server.sent = []
    let notices = process.server.notices
    process.server.notices = []
    processes[number] = process
    for notice in notices {
      switch notice {
      case .entered(let account):
        if clients[number: account] == .entering(number) {
          clients[number: account] = .playing(number)
          tryingSince[account - 2_000_000] = nil
        } else {
          // The client has gone away meanwhile.
          processes[number]?.server.leave(account, now: now)
          collect(number)
        }
      case .disconnected(let account):
        let client = clients[number: account]
        if client == .entering(number) || client == .playing(number) { clients[number: account] = .offline }
      case .sentTo(let account, let map, let address, let loginID1):
        guard clients[number: account] == .playing(number) else { continue }
        warps += 1
        clients[number: account] = .crossing(map, address, loginID1: loginID1)
      }
    }
  }

  /// One message of one link, chosen by chance; false when there is none.
  mutating func deliver() -> Bool {
    if let timer = pendingFlush {
      pendingFlush = nil
      feed(.deadline(timer))
      return true
    }
    if !isLinked, chance.happens(0.2) {
      isLinked = true
      feed(.upstreamOpened)
      return true
    }
    var links: [(Int, Bool)] = []
    for number in processes.keys.sorted() {
      guard let process = processes[number] else { continue }
      if !process.up.isEmpty { links.append((number, true)) }
      if !process.down.isEmpty, !process.isFrozen { links.append((number, false)) }
    }
    let upstream = (toCharServer.isEmpty ? 0 : 2) + (charServer.sent.isEmpty ? 0 : 2)
    guard links.count + upstream > 0 else { return !isLinked }
    let choice = chance.below(links.count + upstream)
    guard choice >= links.count else {
      let (number, isUp) = links[choice]
      if isUp {
        guard let next = processes[number]?.up.removeFirst(), let stream = processes[number]?.stream else {
          return true
        }
        next.bytes.withUnsafeBytes { feed(.frame($0, stream, next.epoch, sequence: next.sequence)) }
      } else {
        guard let bytes = processes[number]?.down.removeFirst() else { return true }
        do { try processes[number]?.server.receive(bytes, now: now) } catch { violations.append("bad frame: \(error)") }
        collect(number)
      }
      return true
    }
    if !toCharServer.isEmpty, charServer.sent.isEmpty || chance.happens(0.5) {
      toCharServer.removeFirst().withUnsafeBytes { charServer.receive($0, now: now) }
    } else {
      let count = 1 + chance.below(charServer.sent.count)
      let part = Array(charServer.sent.prefix(count))
      charServer.sent.removeFirst(count)
      part.withUnsafeBytes { feed(.upstream($0)) }
    }
    return true
  }

  /// Until nothing is under way.
  mutating func drain() {
    var rest = 1_000_000
    while deliver(), rest > 0 { rest -= 1 }
    if rest == 0 { violations.append("it never comes to rest") }
  }

  mutating func pass(_ span: UInt64) {
    now += span
    charServer.tick(now)
    for number in processes.keys.sorted() where processes[number]?.isFrozen == false {
      processes[number]?.server.tick(now)
      collect(number)
    }
  }
}

extension [UInt32: ModelMesh.Client] {
  /// By account.
  subscript(number account: UInt32) -> ModelMesh.Client {
    get { self[account - 2_000_000] ?? .offline }
    set { self[account - 2_000_000] = newValue }
  }
}
