import MapShard
import Wire

/// How processes begin, stand and end.
extension ShardWorld {
  mutating func start(_ machine: Int) {
    guard !machines[machine].isRunning else { return }
    machines[machine].process &+= 1
    machines[machine].life = Life(rawValue: chance.next())
    machines[machine].pausedUntil = 0
    machines[machine].backlog = []
    machines[machine].syncAt = .max
    for peer in machines.indices { machines[machine].sessions[peer] = nil }
    trace.note(
      .started, host: machine, at: time, machines[machine].life.rawValue, 0, "life \(machines[machine].life.rawValue)")
    let now = machines[machine].clock.now(at: time)
    let recovered = machines[machine].disk.recover(&chance)
    machines[machine].core = ShardHost(
      me: machines[machine].member, store: machines[machine].store, settings: settings.core,
      signer: SimulatedSigner(me: hosts[machine], hosts: hosts), seed: chance.next(), recovered: recovered, now: now)
    ledger.started(machine)
    feed(.command(.adopt(firstVoterSet)), to: machine)
    for (index, shard) in shards.enumerated() {
      feed(
        .command(.place(shard, replicas: replicas[index].map { hosts[$0] }, minimum: settings.minimum)), to: machine)
    }
    for peer in machines.indices where peer != machine && machines[peer].isRunning {
      greetSoon(min(machine, peer), max(machine, peer))
      gossip(about: machine, .alive, to: peer, within: Nanoseconds.milliseconds(500))
    }
  }

  /// The process ends. With `isNoticed` its kernel closes the connections; otherwise peers find out by time-outs.
  mutating func kill(_ machine: Int, isNoticed: Bool) {
    guard machines[machine].isRunning else { return }
    trace.note(.ended, host: machine, at: time, 0, 0, isNoticed ? "killed" : "without power")
    machines[machine].core = nil
    machines[machine].coreFingerprint = nil
    machines[machine].backlog = []
    machines[machine].pausedUntil = 0
    machines[machine].disk.crash(&chance)
    ledger.ended(machine, at: time)
    for peer in machines.indices where peer != machine {
      let side = machine < peer ? 0 : 1
      links[machine, peer].setWanted(side, false)
      links[machine, peer].setBelieved(side, false)
      if isNoticed, links[machine, peer].isUp {
        // What the kernel had already sent arrives before the end does.
        post(
          .linkBreaks(
            Int32(min(machine, peer)), Int32(max(machine, peer)), generation: links[machine, peer].generation),
          after: chance.below(Nanoseconds.milliseconds(6)))
      } else {
        suspectLink(machine, peer)
      }
      guard machines[peer].isRunning else { continue }
      gossip(about: machine, .suspect, to: peer, within: Nanoseconds.seconds(2))
      gossip(about: machine, .dead, to: peer, after: Nanoseconds.seconds(2), within: Nanoseconds.seconds(3))
    }
  }

  mutating func gossip(
    about machine: Int, _ advice: HostAdvice, to peer: Int, after: UInt64 = Nanoseconds.milliseconds(50),
    within span: UInt64
  ) {
    post(
      .advice(Int32(peer), process: machines[peer].process, about: Int32(machine), advice),
      after: after + chance.below(span))
  }

  mutating func pause(_ machine: Int, for span: UInt64) {
    guard machines[machine].isRunning else { return }
    machines[machine].pausedUntil = max(machines[machine].pausedUntil, time + span)
    trace.note(.paused, host: machine, at: time, span, 0, "for \(seconds(span)) s")
    enqueue(.resume(Int32(machine)), at: machines[machine].pausedUntil)
    for peer in machines.indices where peer != machine { suspectLink(machine, peer) }
  }

  /// The process goes on: what came meanwhile first, then the deadlines that passed, or now and then the other way round.
  mutating func resume(_ machine: Int) {
    guard machines[machine].isRunning, machines[machine].pausedUntil <= time, machines[machine].pausedUntil > 0 else {
      return
    }
    machines[machine].pausedUntil = 0
    let backlog = machines[machine].backlog
    machines[machine].backlog = []
    trace.note(.resumed, host: machine, at: time, UInt64(backlog.count), 0, "\(backlog.count) waiting")
    let deadlinesFirst = chance.below(4) == 0
    for event in backlog where event.isDeadline == deadlinesFirst { take(event) }
    for event in backlog where event.isDeadline != deadlinesFirst { take(event) }
    for peer in machines.indices where peer != machine { pumpLanes(machine, peer) }
  }
}
