import MapShard
import Wire

/// What each fault does.
extension ShardWorld {
  package mutating func apply(_ fault: ShardFault) {
    trace.note(.fault, host: -1, at: time, 0, 0, "\(fault)")
    switch fault {
    case .crash(let machine): kill(machine, isNoticed: true)
    case .powerLoss(let machine): kill(machine, isNoticed: false)
    case .restart(let machine): start(machine)
    case .bounce(let machine):
      kill(machine, isNoticed: true)
      post(.start(Int32(machine)), after: Nanoseconds.milliseconds(1) + chance.below(Nanoseconds.milliseconds(100)))
    case .stop(let machine):
      guard machines[machine].isRunning else { return }
      feed(.command(.releaseAll), to: machine)
      post(.end(Int32(machine), process: machines[machine].process), after: Nanoseconds.milliseconds(200))
    case .pause(let machine, let span): pause(machine, for: span)
    case .killAll(let list, let span):
      for machine in list { kill(machine, isNoticed: true) }
      for machine in list { post(.start(Int32(machine)), after: span + chance.below(Nanoseconds.milliseconds(500))) }
    case .move(let shard, let target): move(shard, to: target)
    case .cancelMove(let shard):
      for machine in machines.indices where machines[machine].isResponsive(at: time) {
        feed(.command(.cancelMove(shard)), to: machine)
      }
    case .advice(let machine, let subject, let advice):
      post(
        .advice(Int32(machine), process: machines[machine].process, about: Int32(subject), advice), after: 0)
    case .voters(let voters): change(voters: voters)
    case .rebuild(let voter): change(voters: [voter], isRebuild: true)
    case .unclean(let shard, let target): unclean(shard, to: target)
    case .heal: healAll()
    case .cut, .mend, .split, .mendSplit, .loss, .delay, .breakLink: applyToWires(fault)
    case .slowDisk, .failDisk, .fullDisk, .mendDisk, .rot, .loseDisk: applyToDisk(fault)
    }
  }

  // MARK: Wires

  private mutating func applyToWires(_ fault: ShardFault) {
    switch fault {
    case .cut(let from, let to): cut(from, to)
    case .mend(let from, let to): mend(from, to)
    case .split(let sides): forEachAcross(sides) { $0.cut($1, $2) }
    case .mendSplit(let sides): forEachAcross(sides) { $0.mend($1, $2) }
    case .loss(let from, let to, let loss): wires[from, to].loss = loss
    case .delay(let from, let to, let span): wires[from, to].delay = span
    case .breakLink(let first, let second):
      breakLink(first, second, noticedWithin: Nanoseconds.milliseconds(chance.below(2) == 0 ? 5 : 500))
    default: break
    }
  }

  private mutating func cut(_ from: Int, _ to: Int) {
    wires[from, to].cuts += 1
    suspectLink(from, to)
  }

  private mutating func mend(_ from: Int, _ to: Int) {
    guard wires[from, to].cuts > 0 else { return }
    wires[from, to].cuts -= 1
    if wires.isOpen(from, to) { pumpLanes(from, to) }
  }

  private mutating func forEachAcross(_ sides: UInt64, _ body: (inout ShardWorld, Int, Int) -> Void) {
    for from in machines.indices {
      for to in machines.indices where sides >> UInt64(from) & 1 != sides >> UInt64(to) & 1 { body(&self, from, to) }
    }
  }

  // MARK: Disks

  private mutating func applyToDisk(_ fault: ShardFault) {
    switch fault {
    case .slowDisk(let machine, let span): machines[machine].disk.latency = span / 2...span
    case .failDisk(let machine): machines[machine].disk.health = .failing
    case .fullDisk(let machine): machines[machine].disk.health = .full
    case .mendDisk(let machine):
      let wasWell = machines[machine].disk.health == .well
      machines[machine].disk.repair()
      if !wasWell { apply(.bounce(machine)) }
    case .rot(let machine, let shard):
      guard !machines[machine].isRunning, !isSeated(machine) else { return }
      machines[machine].disk.damage(shard.index)
      ledger.untrusted.insert(machine)
    case .loseDisk(let machine):
      guard !machines[machine].isRunning, !isSeated(machine), !ledger.voters.contains(machine) else { return }
      machines[machine].disk.lose()
      machines[machine].store = chance.next() | 1
      ledger.untrusted.insert(machine)
    default: break
    }
  }

  /// Whether a host has a seat anywhere: its disk may be the last copy then.
  func isSeated(_ machine: Int) -> Bool {
    ledger.shards.contains { $0.newest?.members.contains { $0.host == hosts[machine] } == true }
  }

  private mutating func healAll() {
    wires.heal()
    for machine in machines.indices {
      let wasWell = machines[machine].disk.health == .well
      machines[machine].disk.repair()
      if machines[machine].isPaused(at: time) {
        machines[machine].pausedUntil = time
        post(.resume(Int32(machine)), after: 0)
      }
      if !machines[machine].isRunning {
        start(machine)
      } else if !wasWell {
        // A store that failed has failed for the process: a supervisor starts it again.
        apply(.bounce(machine))
      }
    }
    for first in machines.indices {
      for second in machines.indices where second > first { pumpLanes(first, second) }
    }
  }

  // MARK: People

  private mutating func move(_ shard: ShardID, to target: Int) {
    for machine in machines.indices where machines[machine].isResponsive(at: time) && machine != target {
      guard let view = machines[machine].core?.view(of: shard), view.isOwner
      else {
        continue
      }
      feed(
        .command(.move(shard, to: hosts[target], reason: .relief, plan: 1, request: moveRequest)), to: machine)
      return
    }
  }

  /// The operator signs the next set of voters and gives it to whoever runs. A rebuild: the only voter has lost its
  /// disk, and the next one learns the register from all hosts.
  mutating func change(voters: [Int], isRebuild: Bool = false, tell told: [Int]? = nil) {
    voterSet = VoterSetDescription(
      number: voterSet.number + 1,
      voters: voters.map { VoterSeat(host: hosts[$0], store: machines[$0].store) }.sorted(),
      previous: voterSet.voters, isRebuild: isRebuild)
    ledger.voters = voters
    let signature = voterSet.signedBytes().withUnsafeBytes {
      SimulatedSigner.signature($0, by: SimulatedSigner.operatorKey)
    }
    let signed = voterSet.signed(signature)
    for machine in told ?? Array(machines.indices) where machines[machine].isResponsive(at: time) {
      feed(.command(.changeVoters(signed: signed)), to: machine)
    }
  }

  private mutating func unclean(_ shard: ShardID, to target: Int) {
    guard let record = machines[target].core?.view(of: shard)?.rec?.record else { return }
    var order: [UInt8] = []
    for value in [shard.rawValue, record.version, hosts[target].rawValue] {
      withUnsafeBytes(of: value.littleEndian) { order.append(contentsOf: $0) }
    }
    let covered = Array("mesh-unclean/1".utf8) + order
    let signature = covered.withUnsafeBytes { SimulatedSigner.signature($0, by: SimulatedSigner.operatorKey) }
    signature.withBytes { order.append(contentsOf: $0) }
    feed(.command(.unclean(shard, signed: order)), to: target)
  }
}
