import Hashing
import Testing
import Wire
import WorldData

/// Hosts with a disk each, joined by datagrams that may be lost and transfers that take time; everything from one seed.
struct SyncNetwork {
  struct Host {
    var sync: WorldSync
    var effects = WorldEffects(buffer: MessageBuffer())
    var objects: [Digest: [UInt8]] = [:]
    var documents: [UInt64: [UInt8]] = [:]
    var state = WorldState()
    var events: [WorldEvent] = []
    var replies: [UInt64: WorldOutcome] = [:]
    var reports: [HostID] = []
    var isCut = false
    var diskFails = false
    /// Changes what it sends.
    var forge: (([UInt8]) -> [UInt8])?
    var servedObjects = 0
  }

  enum Happening {
    case input(HostID, Kind)
    enum Kind {
      case message([UInt8], HostID)
      case document([UInt8], HostID)
      case objects([UInt8], HostID)
      case served(HostID)
      case stored(UInt64)
      case storeFailed(UInt64)
      case deadline(Wire.Timer)
      case told(WorldMark?, HostID)
    }
  }

  var hosts: [HostID: Host] = [:]
  var now = Made.now
  var loss = 0.0
  private var queue = DeadlineQueue<Happening>()
  private var chance: Chance
  private var announced: [HostID: WorldMark] = [:]

  init(_ count: Int, seed: UInt64) {
    chance = Chance(seed: seed)
    for number in 1...UInt64(count) {
      let store = WorldStore(network: Made.network, verify: Made.verify)
      hosts[HostID(rawValue: number)] = Host(sync: WorldSync(store: store, seed: seed &* 131 &+ number))
    }
  }

  static func id(_ number: UInt64) -> HostID { HostID(rawValue: number) }

  subscript(number: UInt64) -> Host {
    get {
      guard let host = hosts[SyncNetwork.id(number)] else { preconditionFailure("no host \(number)") }
      return host
    }
    set { hosts[SyncNetwork.id(number)] = newValue }
  }

  mutating func give(_ number: UInt64, _ input: WorldInput) {
    let id = SyncNetwork.id(number)
    guard var host = hosts[id] else { return }
    host.sync.handle(input, now: now, into: &host.effects)
    hosts[id] = host
    carryOut(id)
  }

  /// As the shell of an operator's node does it: ask, write the objects, publish.
  mutating func publish(_ bundle: WorldBundle, at number: UInt64, request: UInt64 = 1) {
    give(number, .command(.prepare(bundle.document.bytes), request: request))
    guard case .prepared = self[number].replies[request] else { return }
    for object in bundle.objects { self[number].objects[object.address] = object.encoded }
    give(
      number,
      .command(.publish(bundle.document.bytes, objects: bundle.objects.map(\.address)), request: request))
  }

  private mutating func carryOut(_ id: HostID) {
    guard var host = hosts[id] else { return }
    let effects = host.effects
    host.effects.removeAll()
    host.events += effects.events
    host.reports += effects.reports
    for (request, reply) in effects.replies { host.replies[request] = reply }
    let messages = effects.sends.map { ($0.to, [UInt8](UnsafeRawBufferPointer(effects.buffer.bytes(of: $0.message)))) }
    effects.buffer.removeAll()
    hosts[id] = host
    for (to, bytes) in messages where !chance.happens(loss) {
      #expect(bytes.count <= 1_188)
      post(.message(forged(host, bytes), id), to: to, after: 1 + chance.below(20 as UInt64), from: id)
    }
    for (to, bytes) in effects.documents {
      post(.document(forged(host, bytes), id), to: to, after: 50 + chance.below(200 as UInt64), from: id)
      post(.served(to), to: id, after: 260)
    }
    for serve in effects.serves { self.serve(serve, from: id) }
    for persist in effects.persists { self.persist(persist, at: id) }
    for deadline in effects.deadlines { queue.insert(.input(id, .deadline(deadline.timer)), at: deadline.at) }
    let mark = host.sync.announced
    if announced[id] != mark {
      announced[id] = mark
      for other in hosts.keys.sorted() where other != id {
        post(.told(mark, id), to: other, after: 500 + chance.below(1_500 as UInt64), from: id)
      }
    }
  }

  private func forged(_ host: Host, _ bytes: [UInt8]) -> [UInt8] { host.forge?(bytes) ?? bytes }

  private mutating func serve(_ serve: WorldEffects.Serve, from id: HostID) {
    guard let host = hosts[id], let world = host.sync.store[serve.mark] else { return }
    let batch = ObjectBatch.encode(serve.mark, of: world.world, maps: serve.maps) { host.objects[$0] }
    guard let batch else { return post(.served(serve.to), to: id, after: 1) }
    #expect(batch.count <= ObjectBatch.sizeLimit)
    hosts[id]?.servedObjects += 1
    post(.objects(forged(host, batch), id), to: serve.to, after: 50 + chance.below(300 as UInt64), from: id)
    post(.served(serve.to), to: id, after: 360)
  }

  private mutating func persist(_ persist: WorldEffects.Persist, at id: HostID) {
    guard var host = hosts[id] else { return }
    if host.diskFails { return post(.storeFailed(persist.token), to: id, after: 5) }
    switch persist.content {
    case .document(let world): host.documents[world.mark.version] = world.bytes
    case .objects(let objects): for object in objects { host.objects[object.address] = object.encoded }
    case .state(let state): host.state = state
    case .forget(let worlds, let objects):
      for world in worlds { host.documents[world.version] = nil }
      for object in objects { host.objects[object] = nil }
    }
    hosts[id] = host
    post(.stored(persist.token), to: id, after: 5)
  }

  private mutating func post(
    _ kind: Happening.Kind, to id: HostID, after milliseconds: UInt64, from sender: HostID? = nil
  ) {
    if let sender, hosts[sender]?.isCut ?? true || hosts[id]?.isCut ?? true { return }
    queue.insert(.input(id, kind), at: now.monotonic + Nanoseconds.milliseconds(milliseconds))
  }

  mutating func run(seconds: UInt64) {
    let end = now.monotonic + Nanoseconds.seconds(seconds)
    while let due = queue.popFirst(dueBy: end) {
      advance(to: max(now.monotonic, due.at))
      guard case .input(let id, let kind) = due.element else { continue }
      switch kind {
      case .message(let bytes, let from):
        bytes.withUnsafeBytes { give(id.rawValue, .message($0, from: from)) }
      case .document(let bytes, let from): give(id.rawValue, .document(bytes, from: from))
      case .objects(let bytes, let from): give(id.rawValue, .objects(bytes, from: from))
      case .served(let to): give(id.rawValue, .served(to))
      case .stored(let token): give(id.rawValue, .stored(token: token))
      case .storeFailed(let token): give(id.rawValue, .storeFailed(token: token))
      case .deadline(let timer): give(id.rawValue, .deadline(timer))
      case .told(let mark, let by): give(id.rawValue, .told(mark, by: by))
      }
    }
    advance(to: end)
  }

  private mutating func advance(to time: UInt64) {
    now.wall += time - now.monotonic
    now.monotonic = time
  }

  /// Starts a host anew from its disk, after whatever `change` does to it.
  mutating func restart(_ number: UInt64, _ change: (inout Host) -> Void = { _ in }) {
    var host = self[number]
    change(&host)
    var store = WorldStore(network: Made.network, verify: Made.verify)
    let held = host.objects.filter { address, bytes in
      (try? read(bytes) { reader throws(WireError) in try MapObject(&reader) })?.address == address
    }
    let refused = store.recover(
      state: host.state, documents: host.documents.keys.sorted().compactMap { host.documents[$0] },
      objects: Set(held.keys))
    #expect(refused.isEmpty || host.forge != nil)
    host.sync = WorldSync(store: store, seed: number)
    host.events = []
    self[number] = host
    announced[SyncNetwork.id(number)] = nil
    for other in hosts.keys.sorted() where other.rawValue != number {
      give(number, .told(hosts[other]?.sync.announced, by: other))
    }
  }

  func active(_ number: UInt64) -> UInt64? { self[number].sync.store.state.active?.version }

  /// Hosts that work by this version and have all of it on their disks.
  func count(active version: UInt64) -> Int {
    hosts.values.count { host in
      guard let world = host.sync.store.active, world.mark.version == version, host.state.active == world.mark,
        host.documents[version] == world.bytes
      else { return false }
      return world.world.maps.allSatisfy { host.objects[$0.address] != nil }
    }
  }
}
