import Glibc
import MeshLab

/// The owner (etcd: the leader) is killed under load: how long nothing is acknowledged of what it owned, and what is
/// missing afterwards. Redis is not here: its replicas take over only in a cluster of six servers or beside three
/// sentinels, which is another system than the one whose writes are measured.
struct StateFailover {
  var binaries: String
  /// Where etcd is unpacked; `nil`: it is left out.
  var peers: String?
  var kills: Int

  struct Result {
    /// From the last acknowledgement before a kill to the first one after it, sorted, in seconds.
    var gaps: [Double]
    var acknowledged: Int
    var missing: Int
  }

  func rows() throws -> [BenchRow] {
    let mesh = try killOwners()
    let etcd = try peers.map { try EtcdFailover.run(peers: $0, kills: kills) }
    let name = "owner killed, \(kills) kills"
    func row(_ what: String, _ unit: String, budget: Double? = nil, _ figure: (Result) -> Double) -> BenchRow {
      BenchRow(
        what: "\(name): \(what)", measured: figure(mesh), unit: unit,
        reference: etcd.map { _ in "etcd, leader killed" }, referenceMeasured: etcd.map(figure), budget: budget)
    }
    return [
      row("no acknowledgement for, p50", "s", budget: 1.5) { $0.gaps.quantile(0.5) },
      row("no acknowledgement for, slowest", "s", budget: 3) { $0.gaps.last ?? 0 },
      row("writes acknowledged, all runs", "") { Double($0.acknowledged) },
      row("acknowledged and missing", "", budget: 0) { Double($0.missing) },
    ]
  }

  /// A host that has died is given nothing for a minute, so each kill needs one host more.
  private func killOwners() throws -> Result {
    let nodes = Lab.wantedCopies + min(kills, 5)
    var world = LabWorld.small
    world.voters = 3
    let lab = try LabRun(nodes: nodes, options: Lab.Options(binaries: binaries), world: world, say: { _ in }).start()
      .lab
    defer { lab.stop() }
    var failover = LabFailover(lab, voters: world.voters)
    failover.isPaced = true
    for number in 1...kills {
      if BenchInterrupt.came { throw LabError("interrupted") }
      let kill = try failover.killOwner()
      BenchNote.say(
        "kill \(number) of \(kills): \(kill.gaps.count) shards, longest gap \((kill.gaps.max() ?? 0).shown) s")
    }
    let verdict = failover.verify()
    for finding in verdict.findings { BenchNote.say(finding) }
    // Whatever else is wrong with the state counts as missing too: a figure of 0 has to mean that all is well.
    let wrong = verdict.missing.count + verdict.duplicated.count + verdict.misordered.count + verdict.faults.count
    return Result(gaps: failover.gaps, acknowledged: verdict.acknowledged, missing: wrong)
  }
}
