import Gossip
import NodeCore
import SecureChannel
import Wire

/// How nodes come to life and end.
extension Simulation {
  /// Starts a machine's node; it joins through these machines and the peers on its disk.
  package func start(_ machine: Int, through seeds: [Int] = []) {
    guard machines[machine].process == nil else { return }
    let host = machines[machine]
    host.lives += 1
    if settings.sabotage.shell.contains(.generationNotPersisted) {
      host.clock.wallError = -Int64(HostClock.worldBegins + time)
    }
    let birth = Birth(
      identity: host.identity, life: host.lives, directory: directory, disk: host.disk, endpoint: host.endpoint,
      seed: lifeSeed(of: machine, life: host.lives), now: clock(of: machine), profile: settings.profile,
      sabotage: settings.sabotage,
      warmSessions: settings.warm && host.lives == 1 ? warmSessions(of: machine) : [],
      whole: wholeBirth(of: machine))
    let process = Process(
      life: host.lives, node: make(birth), twin: settings.twin == machine ? make(birth) : nil)
    host.process = process
    trace.note(.started, host: machine, at: time, UInt64(host.lives))
    checks.started(machine, identity: host.identity)
    handle(.command(.start(peers: seeds.map(knownPeer) + host.disk.peers)), on: machine, process)
    for revocation in host.disk.revocations { handle(.command(.revoke(revocation)), on: machine, process) }
    startShell(of: machine, process)
    finishTurn(of: machine, process)
    if settings.load {
      queue.insert(
        .load(machine: Int32(machine), life: process.life), at: time + chance.below(Nanoseconds.seconds(1)))
    }
  }

  private func lifeSeed(of machine: Int, life: UInt32) -> UInt64 {
    mix64(settings.seed ^ mix64(UInt64(machine) << 32 | UInt64(life)))
  }

  private func warmSessions(of machine: Int) -> [WarmSession] {
    (0..<settings.hosts).filter { $0 != machine }.map { other in
      WarmSession(
        own: machine, other: other, endpoint: machines[other].endpoint,
        otherBoot: lifeSeed(of: other, life: 1), seed: settings.seed)
    }
  }

  private func knownPeer(_ machine: Int) -> KnownPeer {
    let identity = directory.identities[machines[machine].identity]
    return KnownPeer(key: identity.key, host: identity.host, endpoint: machines[machine].endpoint)
  }

  /// Starts a machine later.
  package func scheduleStart(_ machine: Int, through seeds: [Int], at: UInt64) {
    starts.append((machine, seeds))
    queue.insert(.start(Int32(starts.count - 1)), at: max(at, time))
  }

  /// kill -9: nothing is said, nothing more is written.
  package func crash(_ machine: Int) {
    guard let process = machines[machine].process else { return }
    end(process, on: machine)
    trace.note(.crashed, host: machine, at: time)
  }

  /// The power goes: peers are not told, and what was not synced may be gone.
  func losePower(_ machine: Int) {
    guard let process = machines[machine].process else { return }
    end(process, on: machine, losesPower: true)
    trace.note(.crashed, host: machine, at: time, 1)
  }

  private func end(_ process: Process<Channel>, on machine: Int, losesPower: Bool = false) {
    for case .datagram(let slot) in process.arrivals { datagrams.giveBack(slot) }
    machines[machine].process = nil
    checks.ended(machines[machine].identity, at: time)
    if losesPower {
      streams.vanish(machine, life: process.life)
    } else {
      streams.closeAll(of: machine, life: process.life, now: time)
    }
    schedulePendingStreams()
    endShell(of: machine, process, losesPower: losesPower)
  }

  package func leave(_ machine: Int) {
    guard let process = machines[machine].process, !process.isLeaving else { return }
    process.isLeaving = true
    if whole != nil { leaveWhole(machine, process) } else { sayGoodbye(machine, process) }
  }

  func sayGoodbye(_ machine: Int, _ process: Process<Channel>) {
    process.saysGoodbye = true
    checks.leaving(machines[machine].identity, generation: process.node.membership.incarnation.generation)
    command(.leave, on: machine)
    // A shell does not wait for ever.
    queue.insert(.end(machine: Int32(machine), life: process.life), at: time + Nanoseconds.seconds(10))
  }

  func endLeave(of machine: Int, life: UInt32) {
    guard let process = machines[machine].process, process.life == life else { return }
    end(process, on: machine)
    trace.note(.stopped, host: machine, at: time)
  }

  func move(_ machine: Int, to endpoint: Endpoint) {
    let old = machines[machine].endpoint
    if machineAt[old] == machine { machineAt[old] = nil }
    machines[machine].endpoint = endpoint
    machineAt[endpoint] = machine
  }

  /// A measurement of a host that is neither idle nor steady.
  func reportLoad(on machine: Int, life: UInt32) {
    guard let process = machines[machine].process, process.life == life else { return }
    queue.insert(.load(machine: Int32(machine), life: life), at: time + Nanoseconds.seconds(1))
    guard !stands(process) else { return }
    let load = LoadRecord(
      processor: UInt8(chance.below(200)), memory: UInt8(40 + chance.below(20)), players: UInt32(chance.below(300)),
      maps: 20, uplink: 80, loopLag: UInt8(chance.below(16)))
    command(.setLoad(load), on: machine)
  }
}
