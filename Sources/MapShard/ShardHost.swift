package import Wire

/// All shards of one host (`ownership-protocol.md`): its part in the register, its proposals, its copies, and the shards
/// that it owns. A value without clock, disk or network: what happens comes in, what is to be done goes out.
///
/// The rules stand in files named after the roles; each is an extension of this type, because promises belong to pairs of
/// hosts and votes to the host, not to one shard.
package struct ShardHost {
  package let me: Member
  /// Of this host's data directory: with the host it is a voter's seat.
  package let store: UInt64
  let settings: ShardSettings
  let signer: any RegisterSigner
  /// When this life began.
  let bornAt: UInt64

  var latest: Now
  var chance: Chance
  var peers = Peers()
  var sets = VoterSets()
  var voter = Voter()
  var replicas: [Replica] = []
  /// Where a shard stands in `replicas`.
  var places: [ShardID: Int] = [:]
  var durability = DurabilityQueue()
  var forwards = Forwards()
  /// Clean stop: nothing is begun any more.
  var isStopping = false
  var storeFailed = false
  /// As the log says. New writes come in only while it is open.
  var admission = LogAdmission.open
  /// The log has lost records of shards that nobody can name: what it does not know may have stood in it.
  private(set) var hasStrayLoss = false
  var linksWanted: [HostID] = []

  // Of the present turn.
  /// Replicas that something happened to.
  var touched: [Int] = []
  /// Messages to this host's own voter, or of it to this host.
  var loopback: [RegisterMessage] = []
  /// Hosts whose series was raised in this turn: once for a batch of shards.
  var raised: [HostID] = []
  var readsWanted: [ShardID] = []

  var heartbeatArmed = false
  /// The last round of heartbeats to everybody.
  var beatenAt: UInt64 = 0
  var voterArmed = UInt64.max
  package internal(set) var counters = ShardCounters()

  /// Shards that one host holds at most; a world has at most 1,500 maps, and a shard at least one of them.
  package static let shardsLimit = 8192

  package init(
    me: Member, store: UInt64, settings: ShardSettings, signer: any RegisterSigner, seed: UInt64,
    recovered: RecoveredShards, now: Now
  ) {
    self.me = settings.breaks(.lifeIgnored) ? Member(host: me.host, life: ShardHost.onlyLife) : me
    self.store = store
    self.settings = settings
    self.signer = signer
    bornAt = now.monotonic
    latest = now
    chance = Chance(seed: seed)
    recover(from: recovered)
  }

  /// Nanoseconds of the present turn.
  var now: UInt64 { latest.monotonic }

  package mutating func handle(_ input: ShardInput, now: Now, into effects: inout ShardEffects) {
    latest = now
    raised.removeAll(keepingCapacity: true)
    switch known(input) {
    case .heartbeat(let bytes, let from): receiveHeartbeat(bytes, from: from, &effects)
    case .frame(let carrier, let bytes, let from): receive(carrier, bytes, from: from, &effects)
    case .linkUp(let member):
      meet(member)
      peers.update(member.host) { $0.isLinked = true }
      linkChanged(member.host, &effects)
    case .linkDown(let host):
      peers.update(host) { $0.isLinked = false }
      linkChanged(host, &effects)
    case .room(let carrier, let host): if carrier != .register { touch(sharedWith: host) }
    case .snapshot(let bytes, let from): install(bytes, from: from, &effects)
    case .met(let member): meet(member)
    case .advice(let host, let advice):
      peers.update(host) { $0.advice = advice }
      touch(sharedWith: host)
    case .deadline(let timer): fire(timer, &effects)
    case .durable(let token): becomeDurable(token, &effects)
    case .admission(let admission): self.admission = admission
    case .storeFailed: failStore(&effects)
    case .command(let command): obey(command, &effects)
    }
    settle(&effects)
  }

  /// The life of everybody where lives are ignored (a planted bug).
  private static let onlyLife = Life(rawValue: 1)

  @inline(__always)
  private func known(_ input: ShardInput) -> ShardInput {
    guard settings.breaks(.lifeIgnored) else { return input }
    func seat(_ member: Member) -> Member { Member(host: member.host, life: ShardHost.onlyLife) }
    switch input {
    case .heartbeat(let bytes, let from): return .heartbeat(bytes, from: seat(from))
    case .frame(let carrier, let bytes, let from): return .frame(carrier, bytes, from: seat(from))
    case .linkUp(let member): return .linkUp(seat(member))
    case .snapshot(let bytes, let from): return .snapshot(bytes, from: seat(from))
    case .met(let member): return .met(seat(member))
    default: return input
    }
  }

  // MARK: Turns

  private static let roundsPerTurn = 64

  /// Lets everything that was touched go on, until nothing moves.
  private mutating func settle(_ effects: inout ShardEffects) {
    var rounds = 0
    while rounds < ShardHost.roundsPerTurn, !(touched.isEmpty && loopback.isEmpty && readsWanted.isEmpty) {
      rounds += 1
      if !touched.isEmpty {
        let indexes = touched.sorted()
        touched.removeAll(keepingCapacity: true)
        var before = -1
        for index in indexes where index != before {
          before = index
          tick(index, &effects)
        }
      }
      sendReads(&effects)
      if !loopback.isEmpty {
        let messages = loopback
        loopback.removeAll(keepingCapacity: true)
        for message in messages { obey(message, from: me, &effects) }
      }
    }
    armHeartbeats(&effects)
    armVoter(&effects)
  }

  mutating func touch(_ index: Int) {
    if touched.last != index { touched.append(index) }
  }

  mutating func touchAll() { touched.append(contentsOf: replicas.indices) }

  /// All shards that this host shares with another.
  mutating func touch(sharedWith host: HostID) {
    for index in replicas.indices where isShared(index, with: host) { touched.append(index) }
  }

  private func isShared(_ index: Int, with host: HostID) -> Bool {
    replicas[index].replicas.contains(host) || replicas[index].others.contains { $0.member.host == host }
      || replicas[index].members.contains { $0.host == host }
  }

  /// One look at a shard: everything that its state and the time ask for. Idempotent.
  private mutating func tick(_ index: Int, _ effects: inout ShardEffects) {
    guard replicas[index].stopped == nil else { return }
    replicas[index].due = .max
    resendProposal(index, &effects)
    if isOwner(index) {
      own(index, &effects)
    } else {
      watch(index, &effects)
    }
    compare(index, &effects)
    if replicas[index].due < replicas[index].armed {
      let due = replicas[index].due
      replicas[index].armed = due
      effects.deadlines.append(
        Deadline(at: due, timer: Timer(kind: TimerKind.shard, subject: replicas[index].shard.rawValue)))
    }
  }

  enum TimerKind {
    static let shard: UInt8 = 1
    static let heartbeat: UInt8 = 2
    static let voter: UInt8 = 3
  }

  private mutating func fire(_ timer: Timer, _ effects: inout ShardEffects) {
    switch timer.kind {
    case TimerKind.shard:
      // Everything that is due goes in one turn: one withdrawal and one READ serve many shards.
      for index in replicas.indices where replicas[index].armed <= now {
        replicas[index].armed = .max
        touched.append(index)
      }
    case TimerKind.heartbeat: beat(&effects)
    case TimerKind.voter: tickVoter(&effects)
    default: break
    }
  }

  // MARK: Shards

  func index(of shard: ShardID) -> Int? { places[shard] }

  /// The place of a shard; made when there is none yet and there is room.
  mutating func makeIndex(of shard: ShardID) -> Int? {
    if let index = places[shard] { return index }
    guard replicas.count < ShardHost.shardsLimit else {
      counters.limitsHit += 1
      return nil
    }
    var replica = Replica(shard: shard)
    replica.reignSince = now
    replica.ownerHeard = now
    replica.isDamaged = hasStrayLoss
    replicas.append(replica)
    places[shard] = replicas.count - 1
    return replicas.count - 1
  }

  /// An assertion of E11 does not hold: the shard does nothing any more, and a person must look.
  mutating func stop(_ index: Int, _ why: String, _ effects: inout ShardEffects) {
    guard replicas[index].stopped == nil else { return }
    replicas[index].stopped = why
    counters.shardsStopped += 1
    effects.events.append(.corrupt(replicas[index].shard, why))
    refuseAll(index, .storeFailed, &effects)
  }

  private mutating func recover(from recovered: RecoveredShards) {
    recoverVoter(recovered)
    hasStrayLoss = recovered.strayLoss != nil
    for (shard, found) in recovered.shards.sorted(by: { $0.key < $1.key }) {
      guard let index = makeIndex(of: shard) else { return }
      replicas[index].rec = found.record
      replicas[index].matchedEpoch = found.sealed
      replicas[index].isDamaged = found.damaged
      replicas[index].log = ShardLog(base: found.content.position)
      replicas[index].state = ShardState(found.content)
      replicas[index].commit = found.content.position.sequence
      replicas[index].commitEpoch = found.content.position.epoch
      for entry in found.entries { replicas[index].log.append(entry) }
      replicas[index].durable = replicas[index].log.last.sequence
      replicas[index].batched = replicas[index].durable
      // The reign was learnt in another life.
      replicas[index].reignSince = 0
      touched.append(index)
    }
  }

  /// The committed state of a shard, for a snapshot; `nil` when this host holds none.
  package func content(of shard: ShardID) -> ShardContent? {
    guard let index = index(of: shard), replicas[index].stopped == nil,
      replicas[index].state.position.sequence > 0
    else { return nil }
    return replicas[index].state.content(of: shard)
  }
}
