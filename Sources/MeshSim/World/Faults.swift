import NodeCore
import SecureChannel
import Wire

/// What each fault does.
extension Simulation {
  package func apply(_ fault: Fault) {
    trace.note(fault: fault.description, host: subject(of: fault), at: time)
    switch fault {
    case .crash(let machine): crash(machine)
    case .restart(let machine): start(machine, through: seeds(for: machine))
    case .restartEmpty(let machine):
      if let whole {
        guard !isRunning(machine), !isLastDisk(machine, whole) else { return }
        whole.loseDisk(of: machine, newStore: chance.next() | 1)
      }
      machines[machine].disk.lose()
      checks.diskLost(machines[machine].identity)
      start(machine, through: seeds(for: machine))
    case .restartElsewhere(let machine):
      guard !isRunning(machine) else { return }
      move(machine, to: freshAddress())
      start(machine, through: seeds(for: machine))
    case .restartAt(let machine, let other):
      guard !isRunning(machine), !isRunning(other) else { return }
      let endpoint = machines[other].endpoint
      move(other, to: freshAddress())
      move(machine, to: endpoint)
      start(machine, through: seeds(for: machine))
    case .leave(let machine): leave(machine)
    case .clone(let machine, let spare):
      guard !isRunning(spare) else { return }
      machines[spare].disk = machines[machine].disk
      startTwin(of: machine, on: spare)
    case .cloneKeys(let machine, let spare):
      guard !isRunning(spare) else { return }
      startTwin(of: machine, on: spare)
    case .revoke(let machine, let judge):
      checks.revoked(machines[machine].identity)
      command(.revoke(revocation(machines[machine].identity)), on: judge)
    case .freeze, .starve, .block, .blockAndOpen: stall(fault)
    case .slowDisk(let machine, let latency): machines[machine].disk.latency = latency
    case .brokenDisk(let machine): machines[machine].disk.fails = true
    case .wallStep(let machine, let step): machines[machine].clock.wallError += step * 1_000_000_000
    case .heal:
      network.heal(to: settings.network)
      for machine in machines {
        machine.disk.fails = false
        machine.disk.latency = Nanoseconds.milliseconds(5)
      }
      healWhole()
    case .powerLoss, .slowStore, .failStore, .fullStore, .mendStore, .drain, .pin, .breakStreams: apply(whole: fault)
    default: applyToWires(fault)
    }
  }

  private func startTwin(of machine: Int, on spare: Int) {
    machines[spare].identity = machines[machine].identity
    checks.cloned(machines[machine].identity)
    start(spare, through: seeds(for: spare))
  }

  private func stall(_ fault: Fault) {
    switch fault {
    case .freeze(let machine, let span):
      if let process = machines[machine].process { stand(process, on: machine, until: time + span) }
    case .starve(let machine, let pause, let span):
      guard let process = machines[machine].process else { return }
      process.pause = pause
      process.starvedUntil = max(process.starvedUntil, time + span)
      stand(process, on: machine, until: time + pause)
    case .block(let machine, let span, let kind): block(machine, for: span, kind)
    case .blockAndOpen(let machine, let blocked, let open, let span, let kind):
      block(machine, for: min(blocked, span), kind)
      if span > blocked + open {
        let rest = Fault.blockAndOpen(machine, blocked: blocked, open: open, for: span - blocked - open, kind)
        schedule(rest, at: time + blocked + open)
      }
    default: break
    }
  }

  private func applyToWires(_ fault: Fault) {
    switch fault {
    case .egressLoss(let machine, let loss): network.setEgressLoss(loss, of: machine)
    case .ingressLoss(let machine, let loss): network.setIngressLoss(loss, of: machine)
    case .egressDelay(let machine, let delay): network.setEgressDelay(delay, of: machine)
    case .pathLoss(let from, let to, let loss): network.setLoss(loss, from: from, to: to)
    case .flipFlop(let machine, let half, let span):
      var at = time
      while at < time + span {
        schedule(.ingressLoss(machine, 1), at: at)
        schedule(.ingressLoss(machine, 0), at: at + half)
        at += 2 * half
      }
    case .split(let sides): network.split(bits(sides), .bothWays)
    case .splitOneWay(let sides): network.split(bits(sides), .fromLowerToHigher)
    case .mendSplit: network.mendSplit()
    case .loss(let loss): network.settings.loss = loss
    case .duplication(let chance): network.settings.duplication = chance
    case .reordering(let chance): network.settings.reordering = chance
    case .corruption(let chance): network.settings.corruption = chance
    case .rebind(let machine): move(machine, to: freshAddress())
    default: break
    }
  }

  private func bits(_ sides: UInt64) -> [UInt8] {
    machines.indices.map { UInt8($0 < 64 ? sides >> UInt64($0) & 1 : 0) }
  }

  /// The bootstrap list: the first machines that run, other than itself.
  func seeds(for machine: Int) -> [Int] {
    Array(machines.indices.lazy.filter { $0 != machine && self.machines[$0].process != nil }.prefix(3))
  }

  /// The machine whose lines a fault belongs to.
  private func subject(of fault: Fault) -> Int {
    switch fault {
    case .crash(let machine), .restart(let machine), .restartEmpty(let machine), .restartElsewhere(let machine),
      .restartAt(let machine, _), .leave(let machine), .clone(let machine, _), .cloneKeys(let machine, _),
      .revoke(let machine, _),
      .freeze(let machine, _), .starve(let machine, _, _), .block(let machine, _, _),
      .blockAndOpen(let machine, _, _, _, _), .egressLoss(let machine, _),
      .ingressLoss(let machine, _), .egressDelay(let machine, _), .pathLoss(let machine, _, _),
      .flipFlop(let machine, _, _), .rebind(let machine), .slowDisk(let machine, _), .brokenDisk(let machine),
      .wallStep(let machine, _), .powerLoss(let machine), .slowStore(let machine, _), .failStore(let machine),
      .fullStore(let machine), .mendStore(let machine), .drain(let machine, _), .breakStreams(let machine, _):
      machine
    case .pin(_, let machine): machine ?? 0
    case .split, .splitOneWay, .mendSplit, .loss, .duplication, .reordering, .corruption, .heal: 0
    }
  }
}
