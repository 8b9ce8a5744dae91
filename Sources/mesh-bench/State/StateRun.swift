import Control
import Glibc
import MeshLab

/// The workload on each system in turn, in rounds, so that a busy minute of the machine meets all of them.
struct StateRun {
  /// A system and the level at which it acknowledges.
  enum Subject: String, CaseIterable {
    case meshTwo = "mesh, normal, 2 copies (A)"
    case meshThree = "mesh, normal, 3 copies (B)"
    case meshDurable = "mesh, critical, 3 copies (D)"
    case redisOne = "Redis, everysec + WAIT 1 (A)"
    case redisTwo = "Redis, everysec + WAIT 2 (B)"
    case redisAlways = "Redis, always + WAIT 2 (near D)"
    case etcd = "etcd, gRPC (C)"
  }

  var binaries: String
  var peers: String?
  var seconds: Double
  var runs: Int
  var kills: Int
  var runsEtcdCheck: Bool

  func rows() throws -> [BenchRow] {
    BenchInterrupt.watch()
    let missing = missingPeers()
    var found: [Subject: [StateFigures]] = [:]
    var ownCheck: Double?
    for round in 1...runs {
      let keep = { (subject: Subject, figures: StateFigures) in
        BenchNote.say("\(round) of \(runs): \(subject.rawValue): \(figures.shown)")
        found[subject, default: []].append(figures)
      }
      try mesh(copies: 2, [(.meshTwo, "normal")], keep)
      if !missing.contains(.redis) { try redis("everysec", [(.redisOne, 1), (.redisTwo, 2)], keep) }
      if !missing.contains(.etcd) {
        let value = try etcd(keep, checks: runsEtcdCheck && round == runs)
        ownCheck = value ?? ownCheck
      }
      try mesh(copies: 3, [(.meshThree, "normal"), (.meshDurable, "critical")], keep)
      if !missing.contains(.redis) { try redis("always", [(.redisAlways, 2)], keep) }
    }
    var rows = StateRows.rows(found.mapValues(StateFigures.median), etcdOwnCheck: ownCheck)
    rows.append(ControlWork.row())
    if kills > 0 {
      rows += try StateFailover(binaries: binaries, peers: missing.contains(.etcd) ? nil : peers, kills: kills).rows()
    }
    return rows
  }

  private enum Peer { case redis, etcd }

  /// Says why rows will not be there.
  private func missingPeers() -> Set<Peer> {
    guard let peers else {
      BenchNote.say("warning: no --peers: the rows of Redis and etcd are left out")
      return [.redis, .etcd]
    }
    var missing: Set<Peer> = []
    for (peer, program) in [(Peer.redis, "redis-server"), (.etcd, "etcd")] {
      let path = "\(peers)/usr/bin/\(program)"
      guard access(path, X_OK) != 0 else { continue }
      BenchNote.say("warning: \(path) cannot be run: its rows are left out")
      missing.insert(peer)
    }
    return missing
  }

  // MARK: Each system

  private func mesh(
    copies: Int, _ subjects: [(Subject, durability: String)], _ keep: (Subject, StateFigures) -> Void
  ) throws {
    var world = LabWorld(.generated(48), shards: "auto \(StateWorkload.shards)", voters: 3)
    world.copies = copies
    let started = try LabRun(nodes: 3, options: Lab.Options(binaries: binaries), world: world, say: { _ in }).start()
    let lab = started.lab
    defer { lab.stop() }
    let shards = started.shards
    guard shards.count == StateWorkload.shards else {
      throw LabError("the world has \(shards.count) shards, not \(StateWorkload.shards)")
    }
    // A game process stands beside its owner: each client keeps to the shards of one node, and nodes get clients as they
    // have shards.
    let homes = (0..<StateWorkload.clients).map { shards[$0 % shards.count].owner?.name ?? "" }
    let clients = try homes.enumerated().map { index, home in
      guard let member = lab.members.first(where: { $0.name == home }) else { throw LabError("a shard has no owner") }
      return (
        place: StatePlace.unix(member.socket), shards: shards.indices.filter { shards[$0].owner?.name == home },
        part: (index: homes[..<index].count { $0 == home }, count: homes.count { $0 == home })
      )
    }
    let processes = lab.members.compactMap(\.process)
    let names = shards.map(\.name)
    for (number, (subject, durability)) in subjects.enumerated() {
      let loop = try ClosedLoop(
        MeshDialect(shards: names, durability: durability),
        clients.map { ClosedLoop<MeshDialect>.Client(place: $0.place, shards: $0.shards, part: $0.part) })
      if number == 0 { try loop.fill() }
      keep(subject, try StateFigures.measure(loop, processes, seconds: seconds))
    }
  }

  private func redis(
    _ policy: String, _ subjects: [(Subject, copies: Int)], _ keep: (Subject, StateFigures) -> Void
  ) throws {
    let peers = try StatePeers(root: peers ?? "")
    defer { peers.stop() }
    try peers.startRedis(synchronizing: policy)
    for (number, (subject, copies)) in subjects.enumerated() {
      let loop = try allClients(RedisDialect(waitingFor: copies), at: peers.ports[0])
      if number == 0 { try loop.fill() }
      keep(subject, try StateFigures.measure(loop, peers.processes, seconds: seconds))
    }
  }

  /// What etcd's own load generator says, when it `checks`.
  private func etcd(_ keep: (Subject, StateFigures) -> Void, checks: Bool) throws -> Double? {
    let peers = try StatePeers(root: peers ?? "")
    defer { peers.stop() }
    try peers.startEtcd()
    guard let leader = peers.etcdLeader else { throw LabError("etcd has no leader") }
    let loop = try allClients(EtcdDialect(), at: peers.ports[leader])
    try loop.fill()
    keep(.etcd, try StateFigures.measure(loop, peers.processes, seconds: seconds))
    guard checks else { return nil }
    guard peers.has("etcdctl") else {
      BenchNote.say("warning: no etcdctl: etcd's own figure is left out")
      return nil
    }
    return try peers.etcdOwnCheck()
  }

  /// Of a system that takes all writes at one place.
  private func allClients<Dialect>(_ dialect: Dialect, at port: UInt16) throws -> ClosedLoop<Dialect> {
    try ClosedLoop(
      dialect,
      (0..<StateWorkload.clients).map { index in
        ClosedLoop<Dialect>.Client(
          place: .loopback(port: port), shards: Array(0..<StateWorkload.shards),
          part: (index: index, count: StateWorkload.clients))
      })
  }
}

/// Figures as rows: each of ours beside the peer that it is compared with.
enum StateRows {
  /// What the mesh is compared with. For etcd that is the durable class: C is less than D.
  private static let pairs: [(StateRun.Subject, StateRun.Subject)] = [
    (.meshTwo, .redisOne), (.meshThree, .redisTwo), (.meshDurable, .etcd), (.meshDurable, .redisAlways),
  ]
  /// DESIGN 12, in ms.
  private static let slowest = 10.0

  static func rows(_ found: [StateRun.Subject: StateFigures], etcdOwnCheck: Double?) -> [BenchRow] {
    var rows: [BenchRow] = []
    for (own, peer) in pairs {
      guard let figures = found[own] else { continue }
      let beside = found[peer]
      func row(
        _ what: String, _ unit: String, budget: Double? = nil, isFloor: Bool = false, _ figure: (StateFigures) -> Double
      ) {
        rows.append(
          BenchRow(
            what: "\(own.rawValue): \(what)", measured: figure(figures), unit: unit,
            reference: beside.map { _ in peer.rawValue }, referenceMeasured: beside.map(figure), budget: budget,
            isFloor: isFloor))
      }
      // "Ahead" is a target against Redis with WAIT 1 and against etcd.
      let isAhead = peer == .redisOne || peer == .etcd
      row(
        "acknowledged writes", "/s", budget: isAhead ? beside?.operationsPerSecond : nil, isFloor: true,
        \.operationsPerSecond)
      row("p50", "ms", \.p50)
      row("p99", "ms", budget: slowest, \.p99)
      row("p99.9", "ms", \.p999)
      row("CPU of 1,000 writes, all three", "s", \.processorSecondsPer1000)
      row("RSS, all three", "MB", \.residentMegabytes)
      if figures.refusedPercent > 0 || beside.map({ $0.refusedPercent > 0 }) ?? false {
        row("refused", "%", \.refusedPercent)
      }
    }
    if let own = found[.meshDurable], let etcdOwnCheck {
      rows.append(
        BenchRow(
          what: "\(StateRun.Subject.meshDurable.rawValue): acknowledged writes", measured: own.operationsPerSecond,
          unit: "/s", reference: "etcdctl check perf --load=l (gRPC, 500 clients, values of 1,024 B)",
          referenceMeasured: etcdOwnCheck))
    }
    return rows
  }
}
