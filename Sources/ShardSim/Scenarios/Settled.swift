package import MapShard
import Wire

/// How directed runs begin and what they ask.
extension ShardWorld {
  /// A world in which every shard is served in all its copies and clients have written.
  ///
  /// - Returns: `nil` when it did not come to that; `violation` of the world says why.
  package static func settled(_ settings: ShardWorldSettings) -> ShardWorld? {
    var world = ShardWorld(settings)
    world.settle()
    return world.violation == nil ? world : nil
  }

  mutating func settle() {
    startAll()
    let isSettled = run(until: Nanoseconds.seconds(30)) { world in
      world.shards.indices.allSatisfy { world.isServed($0) && world.copies(of: $0) == world.replicas[$0].count }
    }
    guard isSettled else {
      return fail(.healed, "the world did not settle: \(situation(0))")
    }
    run(until: time + Nanoseconds.seconds(2))
  }

  /// Seats in the in-sync set.
  package func copies(of shard: Int) -> Int { ledger.shards[shard].newest?.members.count ?? 0 }

  package var acknowledgements: Int { ledger.acknowledgements }
  package var reigns: Int { ledger.reigns }
  package var lostNormal: Int { ledger.lostNormal }

  package func newestRecord(of shard: Int) -> Record? { ledger.shards[shard].newest }

  /// The machine of the recorded owner, alive or not.
  package func recordedOwner(of shard: Int) -> Int? {
    ledger.shards[shard].newest.flatMap { machineOf[$0.owner.host] }
  }

  /// Machines with a seat, sorted.
  package func members(of shard: Int) -> [Int] {
    (ledger.shards[shard].newest?.members ?? []).compactMap { machineOf[$0.host] }.sorted()
  }

  package func isRunning(_ machine: Int) -> Bool { machines[machine].isRunning }

  /// Why a host does not act, in its own words.
  package func holdReason(of shard: Int, on machine: Int) -> HoldReason? {
    machines[machine].core?.view(of: shards[shard])?.holdReason
  }

  /// Runs for a span of world time.
  package mutating func run(for span: UInt64) { run(until: time + span) }

  /// Runs until the shard is served by a host other than `machine`; the time that took.
  package mutating func runUntilServed(_ shard: Int, notBy machine: Int?, within span: UInt64) -> UInt64? {
    let began = time
    let isServed = run(until: began + span) { world in
      world.actingMachine(shard).map { $0 != machine } ?? false
    }
    return isServed ? time - began : nil
  }
}
