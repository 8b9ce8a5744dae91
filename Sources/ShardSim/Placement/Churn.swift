import MapShard
import Wire

extension PlacementExperiment {
  /// 200 steps of ten seconds: loads wander, one host is always away, another one every tenth step.
  package static let churn = PlacementExperiment(
    name: "churn", summary: "loads wander and hosts come and go; moves per step that no death forced",
    anchors: PlacementAnchors.churn, sizes: [200, 50], loads: [.zipfHead, .zipfCapped], runs: 5
  ) { trial in
    var unforced: [Double] = []
    var all: [Double] = []
    var balance: [Double] = []
    var floors: [Double] = []
    let compared: [Rival] = [.hrw, .bounded, .leastLoaded]
    var rivalMoves = [[Double]](repeating: [], count: compared.count)
    var rivalBalance = rivalMoves
    for run in 0..<trial.runs {
      trial.progress(run)
      var churn = Churn(trial.world(run: run), compared)
      for step in 0..<Churn.steps { churn.step(step) }
      trial.keep(churn.violations, run: run)
      let steps = Double(Churn.steps)
      unforced.append(Double(churn.mesh.unforcedMoves) / steps)
      all.append(Double(churn.mesh.unforcedMoves + churn.mesh.forcedMoves) / steps)
      balance.append(churn.balance / steps)
      floors.append(churn.floor / steps)
      for index in compared.indices {
        rivalMoves[index].append(Double(churn.rivals[index].unforced) / steps)
        rivalBalance[index].append(churn.rivals[index].balance / steps)
      }
    }
    trial.reportMean("unforced_moves_per_step", unforced)
    trial.reportMean("moves_per_step", all)
    trial.reportMean("max_over_mean", balance)
    trial.reportMean("floor", floors)
    for (index, rival) in compared.enumerated() {
      trial.reportMean("\(rival.rawValue)_unforced_moves_per_step", rivalMoves[index])
      trial.reportMean("\(rival.rawValue)_max_over_mean", rivalBalance[index])
    }
  }
}

/// One run.
private struct Churn {
  static let steps = 200
  static let stepsAway = 10
  /// Decisions in a step of ten seconds.
  static let decisions = 5

  struct RivalState {
    let rival: Rival
    var owners: [HostID] = []
    var unforced = 0
    var balance = 0.0
  }

  var mesh: StewardedMesh
  var rivals: [RivalState]
  var balance = 0.0
  var floor = 0.0
  var violations: [String] = []
  private var wander: [Double]
  private var smoothed: [ShardLoad]
  private var away: HostID?

  init(_ world: PlacementWorld, _ compared: [Rival]) {
    mesh = StewardedMesh(world)
    rivals = compared.map { RivalState(rival: $0) }
    wander = [Double](repeating: 0, count: world.shards.count)
    smoothed = world.shards.map { shard in
      var load = ShardLoad()
      load.report(shard.load, monotonic: 0)
      return load
    }
  }

  mutating func step(_ number: Int) {
    let loads = wanderedLoads()
    for index in loads.indices {
      smoothed[index].report(loads[index], monotonic: mesh.now.monotonic)
      mesh.world.shards[index].load = smoothed[index].value
      mesh.world.shards[index].classExponent = smoothed[index].classExponent
    }
    let died = number % Churn.stepsAway == 0 ? exchange() : nil
    for _ in 0..<Churn.decisions {
      mesh.pass(seconds: UInt64(10 / Churn.decisions))
      _ = mesh.decide()
    }
    balance += mesh.maximumOverMean(loads)

    compare(loads, died)
  }

  /// Each load is its base times 1 + x; x forgets a tenth and gains a tenth of a normal deviate per step.
  private mutating func wanderedLoads() -> [UInt64] {
    wander.indices.map { index in
      // Twelve uniform ones, Irwin and Hall: near enough to normal.
      let deviate = (0..<12).reduce(0.0) { sum, _ in sum + mesh.world.chance.unit() } - 6
      wander[index] = 0.9 * wander[index] + 0.1 * deviate
      return UInt64(Double(mesh.world.base[index]) * max(0.1, 1 + wander[index]))
    }
  }

  private mutating func exchange() -> HostID? {
    let back = away
    let living = mesh.living
    let dying = living[mesh.world.chance.below(living.count)].id
    mesh.lose(dying)
    if let back { mesh.comeBack(back) }
    away = dying
    return dying
  }

  private mutating func compare(_ loads: [UInt64], _ died: HostID?) {
    var shards = mesh.world.shards
    for index in shards.indices { shards[index].load = loads[index] }
    let living = mesh.living
    var world = mesh.world
    world.hosts = living
    world.shards = shards
    floor += Rival.floor(world)
    for index in rivals.indices {
      let owners = rivals[index].rival.owners(living, shards, world.salt)
      var carried = Carried()
      for (shard, owner) in zip(shards, owners) { carried.add(shard.load, to: owner) }
      rivals[index].balance += carried.maximumOverMean(living)
      for (old, new) in zip(rivals[index].owners, owners) where old != new && old != died {
        rivals[index].unforced += 1
      }
      rivals[index].owners = owners
    }
  }
}
