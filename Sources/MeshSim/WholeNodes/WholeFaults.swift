import MapShard
import NodeCore
import Wire

/// Faults that only whole nodes and their shells know.
extension Simulation {
  func apply(whole fault: Fault) {
    guard let whole else { return }
    switch fault {
    case .powerLoss(let machine): losePower(machine)
    case .slowStore(let machine, let span): whole.stores[machine].latency = span / 2...span
    case .failStore(let machine): whole.stores[machine].set(.failing)
    case .fullStore(let machine): whole.stores[machine].set(.full)
    case .mendStore(let machine): mend(machine, whole)
    case .drain(let machine, let isWanted):
      if isWanted { whole.draining.insert(machine) } else { whole.draining.remove(machine) }
      guard let process = machines[machine].process, !stands(process), !isBlocked(process) else { return }
      measure(machine, process, whole)
      finishTurn(of: machine, process)
    case .pin(let shard, let machine):
      whole.orders.pins[whole.shards[shard]] = machine.map { directory.identities[$0].host }
      for voter in 0..<whole.settings.voters {
        guard let process = machines[voter].process, !stands(process), !isBlocked(process) else { continue }
        command(.steward(.order(whole.orders)), on: voter)
      }
    case .breakStreams(let first, let second):
      streams.breakAll(between: first, and: second, now: time)
      schedulePendingStreams()
    default: break
    }
  }

  /// Some shard may have no other in-sync copy whose disk is still there: nobody promises anything without it.
  func isLastDisk(_ machine: Int, _ whole: WholeMesh) -> Bool {
    let gone = whole.ledger.lostLives.union(whole.ledger.lives[machine])
    return whole.shards.enumerated().contains { index, shard in
      let known = [whole.ledger.shards[index].newest, whole.ledger.shards[index].lastVoted]
      let voted = machines.map { $0.process?.node.shards.voted(shard) }
      return (known + voted).contains { record in record?.members.allSatisfy { gone.contains($0.life) } ?? false }
    }
  }

  /// A disk that works again. A process whose store has failed is started anew, as a supervisor does.
  private func mend(_ machine: Int, _ whole: WholeMesh) {
    whole.stores[machine].set(.well)
    whole.stores[machine].latency = HostStore.quick
    guard machines[machine].process?.node.store.admission == .failed else { return }
    crash(machine)
    start(machine, through: seeds(for: machine))
  }

  func healWhole() {
    guard let whole else { return }
    for machine in machines.indices { mend(machine, whole) }
    whole.draining = []
    whole.orders = StewardOrders()
    for voter in 0..<whole.settings.voters where machines[voter].process != nil {
      command(.steward(.order(whole.orders)), on: voter)
    }
  }
}
