import Gossip
package import MapShard
import SecureChannel
package import Wire

/// The part of a node that places shards (DESIGN 2: steward). Every host reports to the voters; the first voter that is
/// stably alive decides where shards should be and tells everybody. All of it is advice to the ownership protocol, so a
/// steward that is wrong, slow or double moves shards about and endangers nothing.
package struct Stewardship {
  package static let reportPeriod = Nanoseconds.seconds(5)
  /// The steward decides at once after a change, and at least this often: reports, relief and retries wait for it.
  package static let decisionPeriod = Nanoseconds.seconds(1)
  /// A report that is older says nothing: its host is not considered until it reports again.
  package static let reportLife = Nanoseconds.seconds(30)

  package internal(set) var world: ActiveWorld?
  package internal(set) var directory = Directory()
  /// What the operator wants, kept by the shell of the steward's node.
  package internal(set) var orders = StewardOrders()
  package internal(set) var placement = Placement()
  package internal(set) var counters = Counters()

  /// What the last decision was made of.
  var view: PlacementView?
  var own: HostReport?
  var reports: [HostID: Received] = [:]
  var loads: [ShardID: Load] = [:]
  var stable: Set<HostID> = []
  /// Those that gossip calls alive, stable or not.
  var living: Set<HostID> = []
  var impaired: Set<HostID> = []
  var reigns: [ShardID: Reign] = [:]
  var steward: Steward?
  /// An earlier voter than this host expects, which speaks as the steward, and who has spoken last (`Following.swift`).
  var followed: HostID?
  var heard: (host: HostID, at: UInt64)?
  var isDue = false
  /// When the world was activated here, and the version for which enough hosts have reported (`Readiness.swift`).
  var activated: UInt64?
  var readyFor: UInt64?
  var hasTimers = false
  var linked: Set<HostID> = []

  package struct Counters: Hashable, Sendable {
    package var decisions: UInt64 = 0
    package var wishesSent: UInt64 = 0
    package var malformed: UInt64 = 0
    /// From a host that is no voter, or not the one that counts.
    package var notFromSteward: UInt64 = 0
  }

  struct Received {
    var report: HostReport
    var at: UInt64
    var first: UInt64
    /// Whose directory it has. In the report itself that changes when something is sent.
    var follows: HostID
  }

  struct Load {
    var load = ShardLoad()
    var players = 0
    var at: UInt64 = 0
  }

  /// An owner as the steward first saw it.
  struct Reign {
    var owner: MapShard.Member
    var since: UInt64
    var wall: UInt64
  }

  package init() {}

  /// Voters in the order of stewardship: of the set that the register has now, which is the world's until the operator
  /// has signed another.
  package internal(set) var voters: [HostID] = []
  var voterSet: UInt64 = 0
  /// Admitted hosts that may hold copies, as this host sees them.
  var holders = 0

  /// The smallest in-sync set at which critical writes go on (DESIGN 2): min(`min_replication`, hosts that may hold
  /// copies). The first is the operator's signed word. Of the second this host believes what it sees itself, and a
  /// steward that knows of more; none can talk it into fewer.
  package static func minimum(replication: Int, holders: Int, told: Int) -> Int {
    max(1, min(replication, max(holders, told)))
  }

  func minimum(told: Int) -> Int {
    guard let world else { return told }
    return Stewardship.minimum(replication: world.rules.minimumReplication, holders: holders, told: told)
  }
}

/// What an operator has ordered.
package struct StewardOrders: Hashable, Sendable {
  /// Hosts that give everything away. A host's own wish stands in its report.
  package var drained: Set<HostID> = []
  package var pins: [ShardID: HostID] = [:]

  package init() {}
}

/// Orders and measurements for the joint below.
package enum StewardCommand: Sendable {
  case activate(ActiveWorld)
  /// This host's own measurements, every few seconds.
  case measure(HostReport)
  /// Only the steward's node follows orders about others.
  case order(StewardOrders)
  /// The operator's signed order that a host takes a shard: the bytes of `UncleanOrder`.
  case carry([UInt8])
}

extension Node {
  mutating func obey(_ command: StewardCommand, now: Now, into effects: inout NodeEffects) {
    switch command {
    case .activate(let world):
      guard world.version > stewardship.world?.version ?? 0 else { return }
      stewardship.world = world
      stewardship.activated = now.monotonic
      stewardship.directory.keep(only: Set(world.shards.map(\.id)))
      shards.handle(.command(.adopt(world.voters)), now: now, into: &effects.shards)
      noteVoters(now: now, into: &effects)
      wantVoters(now: now, into: &effects)
      noteHolders(now: now, into: &effects)
      stewardship.isDue = true
    case .measure(let report):
      let isFirst = stewardship.own == nil
      let wasDraining = stewardship.own?.isDraining
      stewardship.own = report
      if isFirst || wasDraining != report.isDraining { sendReports(now: now, into: &effects) }
    case .order(let orders):
      stewardship.orders = orders
      stewardship.isDue = true
    case .carry(let order): carry(order, now: now, into: &effects)
    }
    if stewardship.world != nil, !stewardship.hasTimers {
      stewardship.hasTimers = true
      schedule(.report, at: now.monotonic &+ Stewardship.reportPeriod, into: &effects)
      schedule(.decide, at: now.monotonic &+ Stewardship.decisionPeriod, into: &effects)
    }
    decideIfDue(now: now, into: &effects)
  }

  /// After each turn: the set of voters may have changed.
  mutating func noteVoters(now: Now, into effects: inout NodeEffects) {
    stewardship.voterSet = shards.voterSetNumber
    stewardship.voters = shards.voterSet?.voters.map(\.host) ?? []
    stewardship.followed = nil
    stewardship.isDue = true
    if stewardship.world != nil { wantVoters(now: now, into: &effects) }
  }

  /// Counts the admitted hosts that may hold copies, and places anew when they are others than before.
  private mutating func noteHolders(now: Now, into effects: inout NodeEffects) {
    guard stewardship.world != nil, let hosts else { return }
    let holders = hosts.admitted.count { host in
      guard let certificate = hosts.certified(host) else { return false }
      let status = membership.status(of: host)
      return certificate.roles.contains(.host) && !certificate.roles.contains(.observer) && status != .left
        && status != .revoked
    }
    guard holders != stewardship.holders else { return }
    stewardship.holders = holders
    for entry in stewardship.directory.all { place(entry, now: now, into: &effects) }
  }

  /// Links to the voters stay: reports, records and the register's answers go over them.
  private mutating func wantVoters(now: Now, into effects: inout NodeEffects) {
    let wanted = Set(stewardship.voters.filter { $0 != membership.host })
    for host in stewardship.linked.subtracting(wanted).sorted() {
      want(host, false, by: .stewardship, now: now, &effects)
    }
    for host in wanted.subtracting(stewardship.linked).sorted() {
      want(host, true, by: .stewardship, now: now, &effects)
    }
    stewardship.linked = wanted
  }

  // MARK: Time

  enum StewardTimer: UInt8 {
    case report = 1
    case decide = 2
  }

  private func schedule(_ kind: StewardTimer, at: UInt64, into effects: inout NodeEffects) {
    effects.deadlines.append(
      Deadline(at: at, timer: Timer(room: TimerRoom.node, kind: kind.rawValue)))
  }

  mutating func fireStewardship(_ timer: Timer, now: Now, into effects: inout NodeEffects) {
    switch StewardTimer(rawValue: timer.kind) {
    case .report:
      schedule(.report, at: now.monotonic &+ Stewardship.reportPeriod, into: &effects)
      sendReports(now: now, into: &effects)
    case .decide:
      schedule(.decide, at: now.monotonic &+ Stewardship.decisionPeriod, into: &effects)
      noteHolders(now: now, into: &effects)
      stewardship.stopFollowingTheSilent(now: now.monotonic)
      stewardship.isDue = true
      decideIfDue(now: now, into: &effects)
    case nil: break
    }
  }

  // MARK: What gossip says

  mutating func noteStability(_ event: MembershipEvent, now: Now, into effects: inout NodeEffects) {
    switch event {
    case .alive(let host, _), .refuted(let host):
      stewardship.living.insert(host)
      return
    case .dead(let host, _, _), .left(let host):
      stewardship.living.remove(host)
      return
    case .stableUp(let host): stewardship.stable.insert(host)
    case .stableDown(let hosts): stewardship.stable.subtract(hosts)
    case .impaired(let host, let isImpaired):
      if isImpaired { stewardship.impaired.insert(host) } else { stewardship.impaired.remove(host) }
    case .revoked(let host), .forgotten(let host):
      stewardship.reports[host] = nil
      stewardship.stable.remove(host)
      stewardship.living.remove(host)
      stewardship.impaired.remove(host)
    default: return
    }
    stewardship.isDue = true
    decideIfDue(now: now, into: &effects)
  }

  // MARK: Reports

  private mutating func sendReports(now: Now, into effects: inout NodeEffects) {
    guard var report = stewardship.own, let world = stewardship.world else { return }
    report.world = world.version
    report.directory = stewardship.directory.mark
    report.store = shards.store
    report.votes = shards.votingSet ?? 0
    report.loads = report.loads.compactMap { load in
      shards.ownedVersion(of: load.shard).map { version in
        HostReport.Load(shard: load.shard, load: load.load, players: load.players, version: version)
      }
    }
    for voter in stewardship.voters {
      if voter == membership.host {
        note(report, from: voter, now: now, into: &effects)
      } else {
        send(.report(report), to: voter, now: now, into: &effects)
      }
    }
  }

  private mutating func note(_ report: HostReport, from host: HostID, now: Now, into effects: inout NodeEffects) {
    let first = stewardship.reports[host]?.first ?? now.monotonic
    let before = stewardship.reports[host]?.report
    stewardship.reports[host] = Stewardship.Received(
      report: report, at: now.monotonic, first: first, follows: report.directory.steward)
    for load in report.loads {
      catchUp(with: load, of: host, now: now, into: &effects)
      // Only the owner knows; whoever else reports a shard is not heard.
      guard stewardship.reigns[load.shard]?.owner.host == host else { continue }
      stewardship.loads[load.shard, default: Stewardship.Load()].load.report(
        UInt64(load.load), monotonic: now.monotonic)
      stewardship.loads[load.shard]?.players = Int(load.players)
      stewardship.loads[load.shard]?.at = now.monotonic
    }
    let isNews =
      before == nil || before?.weight != report.weight || before?.isDraining != report.isDraining
      || before?.world != report.world || before?.resources != report.resources
    if isNews { stewardship.isDue = true }
  }

  // MARK: Messages

  mutating func send(
    _ message: StewardMessage, to host: HostID, now: Now, into effects: inout NodeEffects
  ) {
    guard let body = message.encoded() else { return }
    channel.handle(.command(.linkFrame(.register, body, to: host)), now: now, into: &effects.channel)
  }

  mutating func receive(
    _ bytes: UnsafeRawBufferPointer, from sender: MapShard.Member, now: Now, into effects: inout NodeEffects
  ) {
    let message: StewardMessage
    do throws(WireError) {
      message = try StewardMessage(bytes)
    } catch {
      stewardship.counters.malformed &+= 1
      channel.handle(.command(.report(sender.host, .badMessage)), now: now, into: &effects.channel)
      return
    }
    switch message {
    case .report(let report):
      guard stewardship.voters.contains(membership.host) else { return }
      note(report, from: sender.host, now: now, into: &effects)
      decideIfDue(now: now, into: &effects)
      tell(sender.host, evenNothing: true, now: now, into: &effects)
    case .directory(let part):
      // A voter speaks for itself only.
      guard part.mark.steward == sender.host, part.mark.life == sender.life,
        stewardship.hears(sender.host, me: membership.host, now: now.monotonic)
      else {
        stewardship.counters.notFromSteward &+= 1
        return
      }
      let news = stewardship.directory.take(part)
      for entry in news { place(entry, now: now, into: &effects) }
      if !news.isEmpty { effects.events.append(.directoryChanged) }
      decideIfDue(now: now, into: &effects)
    case .move(let wish):
      guard sender.host == stewardship.stewardHost(seenBy: membership.host) else {
        stewardship.counters.notFromSteward &+= 1
        return
      }
      shards.handle(
        .command(.move(wish.shard, to: wish.to, reason: wish.reason, plan: wish.plan, request: 0)), now: now,
        into: &effects.shards)
    case .order(let order):
      // Nobody makes this host send on what is not meant for it.
      guard StewardMessage.target(of: order)?.1 == membership.host else { return }
      carry(order, now: now, into: &effects)
    }
  }

  /// Brings the operator's order to the host that it names. Here it is obeyed, if the operator has signed it.
  mutating func carry(_ order: [UInt8], now: Now, into effects: inout NodeEffects) {
    guard let (shard, host) = StewardMessage.target(of: order) else { return }
    if host == membership.host {
      shards.handle(.command(.unclean(shard, signed: order)), now: now, into: &effects.shards)
    } else {
      send(.order(order), to: host, now: now, into: &effects)
    }
  }

  mutating func place(_ entry: DirectoryEntry, now: Now, into effects: inout NodeEffects) {
    let concerns =
      entry.replicas.contains(membership.host) || entry.members.contains(membership.host)
      || stewardship.voters.contains(membership.host) || shards.holds(entry.shard)
    guard concerns, !entry.replicas.isEmpty, !breaks(.directoryNotPlaced) else { return }
    shards.handle(
      .command(.place(entry.shard, replicas: entry.replicas, minimum: stewardship.minimum(told: Int(entry.minimum)))),
      now: now,
      into: &effects.shards)
  }

  /// What a host lacks; `evenNothing`: also when that is nothing, so that it hears that this is the steward.
  mutating func tell(_ host: HostID, evenNothing: Bool = false, now: Now, into effects: inout NodeEffects) {
    guard host != membership.host, stewardship.steward != nil, let held = stewardship.reports[host]?.report.directory
    else { return }
    let part = stewardship.directory.part(after: held)
    guard evenNothing || part.mark != held else { return }
    send(.directory(part), to: host, now: now, into: &effects)
    // Sent counts as held until the host's next report says otherwise, so that changes are not told twice.
    stewardship.reports[host]?.report.directory = part.mark
  }
}
