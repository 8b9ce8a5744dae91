package import Wire

/// What one host knows of all others, and how it keeps knowing it.
///
/// A pure value: same inputs, same seed, same effects. This file holds the state and sends each input to the extension
/// that has its rule; `docs/gossip.md` says which file that is.
package struct Membership {
  package let host: HostID
  package let settings: MembershipSettings
  package internal(set) var counters = MembershipCounters()

  let signer: any RecordSigner
  var chance: Chance
  var phase = Phase.idle
  var own: OwnLife
  var table: MemberTable
  /// By slot: of the suspected and, for the accusations, of the dead.
  var suspicions: [Int: Suspicion] = [:]
  var rumours = Rumours()
  var loads = LoadTable()
  var stability = StableView()
  var health = LocalHealth()
  var order = ProbeOrder()
  /// The question of the round, and the one that confirms what others say.
  var probe: Probe?
  var confirmation: Probe?
  var relays = Relays()
  var sync = SyncState()
  var roots = RootSightings()
  var join = JoinState()
  var awaited = AwaitedMetadata()
  var intake: RosterIntake?
  var marks = OneWayMarks()
  var book = PeerBook()
  var limits = RateLimits()
  var timers = Timers()
  /// Numbers pings, ours and those that we send for others.
  var sequence: UInt32
  /// Numbers persists.
  var persists: UInt64 = 0
  var lastGossip: UInt64 = 0
  /// When the timer for the next stable host is due.
  var stableUpAt: UInt64 = 0
  /// The time of the last input; views that are asked between inputs count ages from it.
  var latest = Now(monotonic: 0, wall: 0)
  /// The root as of the last input, and when it last changed.
  var settledRoot: UInt64 = 0
  var settledSince: UInt64 = 0

  // Reused from call to call.
  var packed: ContiguousArray<UInt32> = []
  var chosen: [Int] = []

  enum Phase {
    case idle
    /// The generation is being made durable; nothing is sent.
    case beginning
    case running
    /// Goodbye is said; pings are still answered.
    case leaving
    case left
    /// Expelled, or another process has our identity: silence.
    case ended
  }

  /// `persistedGeneration` is the last one that was made durable, 0 when there is none. The signer holds our own
  /// metadata already.
  package init(
    host: HostID, roles: Roles, settings: MembershipSettings, signer: any RecordSigner, persistedGeneration: UInt64,
    seed: UInt64
  ) {
    self.host = host
    self.settings = settings
    self.signer = signer
    chance = Chance(seed: seed)
    sequence = UInt32(truncatingIfNeeded: chance.next())
    own = OwnLife(persistedGeneration: persistedGeneration)
    let record = SelfRecord(
      host: host, incarnation: Incarnation(rawValue: 0), endpoint: .unspecified,
      metadataVersion: signer.metadataVersion(of: host) ?? 0, roles: roles)
    table = MemberTable(own: Member(record: record, signature: Signature(), status: .alive, since: 0))
  }

  package mutating func handle(_ input: MembershipInput, now: Now, into effects: inout MembershipEffects) {
    latest = now
    switch input {
    case .message(let bytes, let from, let endpoint):
      receive(bytes, from: from, at: endpoint, now: now, into: &effects)
    case .deadline(let timer):
      fire(timer, now: now, into: &effects)
    case .stall(let span):
      stalled(span)
    case .command(let command):
      obey(command, now: now, into: &effects)
    case .roster(let bytes, let from):
      receiveRoster(bytes, from: from, now: now, into: &effects)
    case .persisted(let token):
      persisted(token, now: now, into: &effects)
    case .persistFailed(let token):
      persistFailed(token, now: now, into: &effects)
    }
    settle(now, into: &effects)
  }

  private mutating func obey(_ command: MembershipCommand, now: Now, into effects: inout MembershipEffects) {
    switch command {
    case .start(let peers): start(peers, now: now, into: &effects)
    case .introduce(let peers): introduce(peers, now: now, into: &effects)
    case .peerMoved(let peer): tellWhereItIs(peer, into: &effects)
    case .leave: leave(now: now, into: &effects)
    case .setLoad(let load): setLoad(load, now: now, into: &effects)
    case .metadataChanged(let version): ownMetadataChanged(version, now: now, into: &effects)
    case .setEndpoint(let endpoint): setEndpoint(endpoint, now: now, into: &effects)
    case .revoke(let revocation): revoke(revocation, now: now, into: &effects)
    }
  }

  private mutating func fire(_ timer: Timer, now: Now, into effects: inout MembershipEffects) {
    guard let kind = TimerKind(rawValue: timer.kind) else { return }
    switch kind {
    case .suspicion:
      suspicionDue(HostID(rawValue: timer.subject), token: timer.token, now: now, into: &effects)
      return
    case .relay:
      relayDue(timer.token, now: now, into: &effects)
      return
    default:
      guard timers.fires(kind, timer) else {
        counters.timersLate &+= 1
        return
      }
    }
    switch kind {
    case .probe: probeTick(now, into: &effects)
    case .directTimeout: directTimeout(confirming: false, now, into: &effects)
    case .repeatPing: repeatPing(confirming: false, now, into: &effects)
    case .confirmationTimeout: confirmationTimeout(now, into: &effects)
    case .confirmationDirectTimeout: directTimeout(confirming: true, now, into: &effects)
    case .confirmationRepeat: repeatPing(confirming: true, now, into: &effects)
    case .gossip: gossipTick(now, into: &effects)
    case .loadPackets: loadTick(now, into: &effects)
    case .joinRetry: joinRetry(now, into: &effects)
    case .joinSync: joinSyncTick(now, into: &effects)
    case .syncTimeout: syncTimeout(now, into: &effects)
    case .rosterTimeout: rosterTimeout(now, into: &effects)
    case .rosterTurn: rosterTurn(now, into: &effects)
    case .metadata: metadataTick(now, into: &effects)
    case .heal: healTick(now, into: &effects)
    case .sweep: sweep(now, into: &effects)
    case .peerBook: peerBookTick(now, into: &effects)
    case .stableUp: raiseStable(now, into: &effects)
    case .stableDown: lowerStable(now, into: &effects)
    case .oneWay: oneWayTick(now, into: &effects)
    case .leaveDrain: finishLeaving(into: &effects)
    case .persistRetry: persistGeneration(now, into: &effects)
    case .suspicion, .relay: break
    }
  }

  /// Deadlines that passed while we did not look prove nothing: they move, and we trust ourselves less.
  private mutating func stalled(_ span: UInt64) {
    guard phase == .running else { return }
    probe?.deadline &+= span
    confirmation?.deadline &+= span
    // The order does not matter: each is moved by the same span and nothing is emitted.
    for slot in suspicions.keys { suspicions[slot]?.postpone(span) }
    relays.postpone(span)
    health.stalled(span)
  }

  /// After each input: what follows from the state as a whole.
  private mutating func settle(_ now: Now, into effects: inout MembershipEffects) {
    if table.digest.root != settledRoot {
      settledRoot = table.digest.root
      settledSince = now.monotonic
      if !marks.isEmpty { judgeImpairment(now, into: &effects) }
    }
    armStability(into: &effects)
  }
}

extension Endpoint {
  /// Not known yet. It is never announced.
  static let unspecified = Endpoint(ipv4: 0, port: 0)
}

/// What others may cost us.
struct RateLimits {
  var newMembers = RateLimit(perSecond: Limits.newMembersPerSecond)
  var checks = RateLimit(perSecond: Limits.checksPerSecond)
  /// Signature checks for hosts that are in no table yet share one allowance.
  var strangerChecks = RateLimit(perSecond: Limits.checksForStrangers)
  var metadata = RateLimit(perSecond: Limits.metadataPerSecond)
  var syncs = RateLimit(perSecond: Limits.syncsServedPerSecond)
  var rosters = RateLimit(perSecond: Limits.rostersPerSecond)
  var joins = RateLimit(perSecond: Limits.joinsPerSecond)
  var pullsFromStrangers = RateLimit(perSecond: Limits.metaPull)
}
