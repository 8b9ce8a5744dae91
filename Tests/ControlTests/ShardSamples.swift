import Control

/// The shards of the samples' mesh, as `home` tells of them.
enum ShardSamples {
  static let home = HostName(id: "0a11ce0000000001", name: "home")
  static let prt1 = HostName(id: "0a11ce0000000002", name: "prt-1")
  static let pay1 = HostName(id: "0a11ce0000000003", name: "pay-1")
  static let mor1 = HostName(id: "0a11ce0000000004", name: "mor-1")
  static let tiny = HostName(id: "0a11ce0000000005", name: "tiny")

  static let status = StatusReply(
    at: Samples.now, network: Samples.network, hosts: HostCounts(alive: 5, dead: 1),
    view: ViewAgreement(digest: "7c1e55aa00112233", agreeing: 5, heard: 5), own: Samples.own, shards: maps.counts,
    warnings: Samples.degraded.warnings + maps.counts.warnings)

  // MARK: Ring

  private static func part(
    _ host: HostName, _ weight: Int?, _ share: Double?, _ load: Double?, _ shards: Int, _ maps: Int, _ copies: Int,
    draining: Bool = false, unfit: String? = nil
  ) -> RingReply.Host {
    RingReply.Host(
      host: host, weight: weight, share: share, load: load, shards: shards, maps: maps, copies: copies,
      draining: draining, unfit: unfit, hotMap: nil)
  }

  static let ring = RingReply(
    at: Samples.now, network: Samples.network, world: 4,
    hosts: [
      part(home, 1, 0.125, 0, 0, 0, 0), part(prt1, 4, 0.5, 1.11, 25, 1_012, 60),
      part(pay1, 2, 0.25, 0.97, 13, 209, 58), part(mor1, 1, 0.125, 1.62, 2, 44, 9, draining: true),
      part(tiny, 1, 0, 0, 0, 0, 12, unfit: "observer, too few cores"),
    ], maxOverMean: 1.62, lastMoveAt: Timestamp(seconds: Samples.now.seconds - 240), pins: 2, voters: [home],
    steward: home)

  static let ringElsewhere = RingReply(
    at: Samples.now, network: Samples.network, world: 4,
    hosts: [part(prt1, nil, nil, nil, 25, 1_012, 60), part(pay1, nil, nil, nil, 1, 9, 58)], maxOverMean: nil,
    lastMoveAt: nil, pins: 0, voters: [home, prt1, pay1], steward: home)

  // MARK: Maps

  private static func shard(
    _ name: String, _ maps: [String], _ state: ShardState, _ owner: HostName?, _ copies: [HostName], epoch: UInt64,
    learners: [HostName] = [], pinned: HostName? = nil, why: String? = nil
  ) -> MapsReply.Shard {
    MapsReply.Shard(
      name: name, maps: maps, state: state, epoch: epoch, owner: owner, copies: copies, learners: learners, wanted: 3,
      pinned: pinned, why: why)
  }

  static let prt = shard(
    "prt", ["prontera", "prt_castle", "prt_in", "prt_fild08"] + (1...10).map { "prt_maze\($0)" }, .acting, prt1,
    [prt1, pay1, home], epoch: 41, pinned: prt1)

  static let maps = MapsReply(
    at: Samples.now, network: Samples.network, world: 4,
    shards: [
      prt, shard("pay", ["payon", "pay_arche"], .acting, pay1, [pay1, prt1], epoch: 3, learners: [home, mor1]),
      shard(
        "gef", ["geffen", "gef_tower"], .unowned, Samples.gef2, [Samples.gef2, tiny], epoch: 7, why: "gef-2 is dead"),
      shard("moc", ["morocc"], .moving, mor1, [mor1, prt1, pay1], epoch: 12),
      shard("alde", ["aldebaran"], .held, home, [home, pay1, prt1], epoch: 2, why: "pay-1 does not answer"),
      shard("new", ["evil\u{1b}[2J"], .unowned, nil, [], epoch: 0, why: "no host has taken it yet"),
    ])

  // MARK: One map

  static let placement = PlacementReply(
    at: Samples.now, map: "prontera", shard: prt, ownerSince: Timestamp("2026-05-04T19:58:40Z")!,
    candidates: [
      .init(rank: 1, host: pay1, score: 0.913, eligible: true, load: 1.31, verdict: "copy", evidence: nil),
      .init(
        rank: 2, host: prt1, score: 0.874, eligible: true, load: 1.08,
        verdict: "owner: takes it from a host that is no longer among the best for this shard", evidence: nil),
      .init(
        rank: 3, host: home, score: 0.655, eligible: true, load: 0.97,
        verdict: "passed over: same contributor as pay-1", evidence: nil),
      .init(
        rank: nil, host: tiny, score: 0.702, eligible: false, load: nil, verdict: "may not own it",
        evidence: "is an observer, 1 cores, wants 4 (min_cpu_cores)"),
    ],
    moves: [
      .init(
        at: Timestamp("2026-05-04T19:58:40Z")!, from: pay1, to: prt1, epoch: 41, reason: "pinned by the operator",
        plan: 17),
      .init(
        at: Timestamp("2026-05-03T18:02:11Z")!, from: nil, to: pay1, epoch: 40, reason: "its owner was silent",
        plan: nil),
    ], waitsFor: [], steward: home)

  static let unowned = PlacementReply(
    at: Samples.now, map: "geffen", shard: maps.shards[2], ownerSince: nil, candidates: [], moves: [],
    waitsFor: ["the promise of tiny"], steward: nil)

  // MARK: Orders

  static func drain(_ shards: Int, _ copies: Int) -> DrainReply {
    DrainReply(
      at: Samples.now, host: mor1, draining: true, shards: shards, copies: copies, shardsBefore: 4, copiesBefore: 6,
      done: shards == 0 && copies == 0, waitsFor: shards == 3 ? "no voter is there" : nil)
  }

  static let pin = PinReply(at: Samples.now, shard: "prt", maps: prt.maps, host: pay1)

  // MARK: State

  static let value = StateReply(shard: "prt", key: Array("greeting".utf8), value: Array("hello".utf8), sequence: 17)
  static let list = StateListReply(
    shard: "prt",
    entries: [
      .init(key: [0, 0xff], sequence: 4, size: 3), .init(key: Array("greeting".utf8), sequence: 17, size: 5),
    ], more: true)
  static let changes = [
    StateChangeReply(shard: "prt", epoch: 3, sequence: 18, key: Array("a\nb".utf8), value: [0xc0, 0xff, 0xee]),
    StateChangeReply(shard: "prt", epoch: 3, sequence: 19, key: Array("a".utf8), value: nil),
  ]

  static let history = StateHistoryReply(
    shard: "prt", host: home, owner: true,
    snapshots: [
      .init(
        snapshot: 412, takenAt: Timestamp(seconds: Samples.now.seconds - 60), epoch: 41, sequence: 90_017, keys: 1_205,
        sizeBytes: 482_113),
      .init(
        snapshot: 388, takenAt: Timestamp(seconds: Samples.now.seconds - 3_700), epoch: 40, sequence: 88_002,
        keys: 1_190, sizeBytes: 470_008),
    ])

  static func restore(_ snapshot: UInt64, done: Bool) -> StateRestoreReply {
    StateRestoreReply(
      shard: "prt", snapshot: snapshot, takenAt: Timestamp(seconds: Samples.now.seconds - 3_700),
      plan: "\(snapshot)-41",
      added: 1, changed: 12, removed: 3, epoch: done ? 42 : 41, sequence: done ? 90_033 : 90_017, done: done)
  }

  // MARK: Answers

  /// As `home` answers, who is the steward and owns no shard called `pay`.
  // MARK: Voters

  private static func voter(_ host: HostName, _ state: VotersReply.SeatWord) -> VotersReply.Voter {
    VotersReply.Voter(host: host, seat: "\(host.id):00000000000000a1", state: state)
  }

  static let voters = VotersReply(
    at: Samples.now, number: 2, voters: [voter(home, .voting), voter(prt1, .opening), voter(pay1, .voting)],
    steward: home, waitsFor: "the register of pay-1",
    candidates: [home, prt1, pay1, mor1].map {
      VotersReply.Candidate(host: $0, seat: "\($0.id):00000000000000a1")
    })

  static let votersGone = VotersReply(
    at: Samples.now, number: 1, voters: [voter(Samples.gef2, .away)], steward: nil, waitsFor: nil,
    candidates: voters.candidates)

  // MARK: Takeover

  private static func copy(
    _ host: HostName, _ member: Bool, _ state: TakeoverReply.CopyState, _ epoch: UInt64 = 0, _ sequence: UInt64 = 0
  ) -> TakeoverReply.Copy {
    TakeoverReply.Copy(
      host: host, member: member, state: state, epoch: epoch, sequence: sequence, current: state != .silent)
  }

  static let leftOver = TakeoverReply(
    at: Samples.now, shard: "gef", id: "00000000000000b7", maps: ["geffen", "gef_tower"], state: .unowned,
    why: "gef-2 is dead", epoch: 7, version: 88, owner: Samples.gef2,
    copies: [
      copy(Samples.gef2, true, .silent), copy(pay1, true, .damaged, 7, 1_377), copy(mor1, false, .whole, 7, 1_203),
    ])

  static func answers(to request: ShardRequest) -> [[UInt8]] {
    switch request {
    case .ring: return [ring.line()]
    case .maps: return [maps.line()]
    case .explain(let map):
      switch map {
      case "prontera", "prt": return [placement.line()]
      case "geffen": return [unowned.line()]
      default: return [Fault(.mapUnknown, ["name": map]).line()]
      }
    case .get(let shard, let key):
      guard shard != "pay" else { return [Fault(.shardElsewhere, ["shard": "pay", "owner": "pay-1"]).line()] }
      switch key {
      case Array("greeting".utf8): return [value.line()]
      case [0, 0xff]: return [StateReply(shard: "prt", key: key, value: [0xc0, 0xff, 0xee], sequence: 4).line()]
      default: return [StateReply(shard: "prt", key: key, value: nil, sequence: 0).line()]
      }
    case .write(let write):
      guard write.expected == nil || write.expected == 17 else {
        return [Fault(.stateConflict, ["shard": "prt", "key": "greeting", "sequence": "17"]).line()]
      }
      return [StateWriteReply(shard: "prt", epoch: 3, sequence: write.durability == .volatile ? 0 : 18).line()]
    case .list: return [list.line()]
    case .watch: return changes.map { $0.line() }
    case .history(let shard):
      guard shard == "prt" else {
        return [StateHistoryReply(shard: shard, host: home, owner: false, snapshots: []).line()]
      }
      return [history.line()]
    case .restore(let wanted):
      guard let plan = wanted.plan else { return [restore(wanted.snapshot, done: false).line()] }
      guard plan == "\(wanted.snapshot)-41" else {
        return [Fault(.planChanged, ["plan": "\(wanted.snapshot)-41"]).line()]
      }
      return [restore(wanted.snapshot, done: true).line()]
    case .drain: return [drain(4, 6).line(), drain(3, 5).line(), drain(0, 0).line()]
    case .undrain:
      var reply = drain(0, 0)
      reply.draining = false
      return [reply.line()]
    case .pin: return [pin.line()]
    case .unpin: return [PinReply(at: Samples.now, shard: "prt", maps: prt.maps, host: nil).line()]
    }
  }
}
