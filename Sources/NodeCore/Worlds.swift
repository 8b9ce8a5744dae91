import Hashing
import MapShard
import SecureChannel
import Wire
import WorldData

/// The joint of worlds: who has which, by datagrams to peers with a session; documents and objects by transfers; the
/// active one is what shards are placed by.
///
/// What a host has is told to a peer when their session begins, when it changes, and now and then to somebody, so that a
/// lost datagram delays and never keeps a world from anybody.
struct WorldJoint {
  /// Kind 0 of a frame of worlds: {kind 1, whether any 1, version 8, root 32}. `WorldMessage` has the others.
  static let haveKind: UInt8 = 0
  static let haveSize = 2 + 8 + 32
  static let timerKind: UInt8 = 16
  static let period = Nanoseconds.seconds(1)
  /// Peers that hear of a change in one period.
  static let tellsPerPeriod = 64
  /// Periods between two words to somebody who has heard it already.
  static let reminder: UInt64 = 30

  var sessions: Set<HostID> = []
  /// Peers with a session who have not heard what is here now.
  var untold: Set<HostID> = []
  var announced: WorldMark?
  var periods: UInt64 = 0
  var chance: Chance
  var hasBegun = false
  var isArmed = false

  init(seed: UInt64) { chance = Chance(seed: seed) }
}

extension Node {
  mutating func giveWorlds(_ input: WorldInput, now: Now, into effects: inout NodeEffects) {
    worlds.handle(input, now: now, into: &effects.worlds)
  }

  /// At the start of a life: the world that was active before it.
  mutating func beginWorlds(now: Now, into effects: inout NodeEffects) {
    guard !worldJoint.hasBegun else { return }
    worldJoint.hasBegun = true
    if let world = worlds.store.active { enter(world, now: now, into: &effects) }
    noteAnnounced(now: now, into: &effects)
  }

  // MARK: Telling

  mutating func worldPeriod(now: Now, into effects: inout NodeEffects) {
    worldJoint.isArmed = false
    worldJoint.periods &+= 1
    noteAnnounced(now: now, into: &effects)
    arm(now: now, into: &effects)
    var told = 0
    for host in worldJoint.untold.sorted() where told < WorldJoint.tellsPerPeriod {
      tellWorld(host, now: now, into: &effects)
      told += 1
    }
    if worldJoint.periods % WorldJoint.reminder == 0, !worldJoint.sessions.isEmpty {
      let all = worldJoint.sessions.sorted()
      tellWorld(all[worldJoint.chance.below(all.count)], now: now, into: &effects)
    }
  }

  private mutating func noteAnnounced(now: Now, into effects: inout NodeEffects) {
    guard worldJoint.announced != worlds.announced else { return }
    worldJoint.announced = worlds.announced
    worldJoint.untold = worldJoint.sessions
    arm(now: now, into: &effects)
  }

  /// Who has nothing to tell needs no timer.
  private mutating func arm(now: Now, into effects: inout NodeEffects) {
    guard worldJoint.announced != nil, !worldJoint.isArmed else { return }
    worldJoint.isArmed = true
    effects.deadlines.append(
      Deadline(
        at: now.monotonic &+ WorldJoint.period, timer: Timer(room: TimerRoom.node, kind: WorldJoint.timerKind)))
  }

  mutating func worldSession(_ host: HostID, isUp: Bool, now: Now, into effects: inout NodeEffects) {
    guard isUp else {
      worldJoint.sessions.remove(host)
      worldJoint.untold.remove(host)
      return
    }
    worldJoint.sessions.insert(host)
    if worlds.announced != nil { tellWorld(host, now: now, into: &effects) }
  }

  private mutating func tellWorld(_ host: HostID, now: Now, into effects: inout NodeEffects) {
    worldJoint.untold.remove(host)
    let mark = worlds.announced
    let message = effects.buffer.append(maximum: WorldJoint.haveSize) { writer in
      writer.u8(WorldJoint.haveKind)
      writer.u8(mark == nil ? 0 : 1)
      if let mark { mark.write(into: &writer) }
    }
    guard let message else { return }
    channel.send(.world, message, to: host, at: nil, now: now, into: &effects.channel)
  }

  mutating func hearOfWorld(
    _ bytes: UnsafeRawBufferPointer, from host: HostID, now: Now, into effects: inout NodeEffects
  ) {
    guard bytes.first == WorldJoint.haveKind else {
      giveWorlds(.message(bytes, from: host), now: now, into: &effects)
      return
    }
    var reader = Reader(bytes)
    do throws(WireError) {
      _ = try reader.u8()
      let mark: WorldMark?
      switch try reader.u8() {
      case 0: mark = nil
      case 1: mark = try WorldMark(&reader)
      default: throw .invalid
      }
      try reader.expectEnd()
      giveWorlds(.told(mark, by: host), now: now, into: &effects)
    } catch {
      channel.handle(.command(.report(host, .badMessage)), now: now, into: &effects.channel)
    }
  }

  // MARK: Transfers

  mutating func sendDocument(
    _ document: (to: HostID, bytes: [UInt8]), now: Now, into effects: inout NodeEffects
  ) {
    transfer(.worldManifest, document.bytes, to: document.to, now: now, into: &effects)
  }

  /// The shell has read the objects of a batch that `NodeEffects.serves` asked for; `nil`: none could be read.
  mutating func sendObjects(_ bytes: [UInt8]?, to host: HostID, now: Now, into effects: inout NodeEffects) {
    guard let bytes else { return giveWorlds(.served(host), now: now, into: &effects) }
    transfer(.objectBatch, bytes, to: host, now: now, into: &effects)
  }

  // MARK: What the worlds want

  mutating func follow(_ event: WorldEvent, now: Now, into effects: inout NodeEffects) {
    switch event {
    case .activated(let mark):
      if let world = worlds.store[mark] { enter(world, now: now, into: &effects) }
    case .whole: noteAnnounced(now: now, into: &effects)
    default: break
    }
    effects.events.append(.world(event))
  }

  private mutating func enter(_ world: SignedWorld, now: Now, into effects: inout NodeEffects) {
    guard let active = ActiveWorld(world.world) else { return }
    obey(.activate(active), now: now, into: &effects)
  }

  mutating func send(_ message: WorldEffects.Send, now: Now, into effects: inout NodeEffects) {
    channel.send(.world, message.message, to: message.to, at: nil, now: now, into: &effects.channel)
  }
}

extension WorldMark {
  fileprivate func write(into writer: inout Writer) {
    writer.u64(version)
    root.withBytes { writer.append($0) }
  }

  fileprivate init(_ reader: inout Reader) throws(WireError) {
    let version = try reader.u64()
    guard let root = Digest(bytes: try reader.take(Digest.size)) else { throw .invalid }
    self.init(version: version, root: root)
  }
}

extension ActiveWorld {
  /// `nil` for a salt that is none; a signed world has 16 bytes there.
  init?(_ world: World) {
    guard let salt = world.salt.withUnsafeBytes({ ShortHash(key: $0) }) else { return nil }
    var rules = PlacementRules()
    rules.replicationFactor = Int(world.settings.replicationFactor)
    rules.minimumReplication = Int(world.settings.minReplication)
    rules.minimumHosts = Int(world.settings.minHosts)
    rules.maximumMapsPerHost = Int(world.settings.maxMapsPerHost)
    rules.ownersTrustClass = world.settings.ownersTrustClass
    rules.movesByItself = world.settings.autoDistribute
    rules.requirements.cores = Int(world.settings.minCores)
    rules.requirements.memoryBytes = world.settings.minMemoryBytes
    rules.requirements.bandwidthBitsPerSecond = world.settings.minBandwidthBitsPerSecond
    rules.requirements.uptimePerMille = Int(world.settings.minUptimePerMille)
    self.init(
      version: world.version, salt: salt, rules: rules,
      voters: VoterSetDescription(
        number: 1, voters: world.voters.map { VoterSeat(host: $0.host, store: $0.store) }),
      shards: world.shards.map { ActiveWorld.Shard(id: $0.id, maps: $0.maps.count) })
  }
}
