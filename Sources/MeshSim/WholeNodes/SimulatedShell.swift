import MapShard
import NodeCore
import SecureChannel
import ShardSim
import Wire
import WorldData

/// What the simulated shell does for a whole node: the jobs of its log, worlds, answers to clients, the clock's work.
extension Simulation {
  private var tickPeriod: UInt64 { Nanoseconds.seconds(1) }
  private var reportTicks: UInt64 { 5 }
  private var releaseCheck: UInt64 { Nanoseconds.milliseconds(10) }
  private var releaseLimit: UInt64 { Nanoseconds.seconds(settings.profile == .wan ? 3 : 1) }

  /// What the node's new process reads from its disk.
  func wholeBirth(of machine: Int) -> WholeBirth? {
    guard let whole else { return nil }
    let store = whole.stores[machine]
    var log = whole.settings.log(store: store.id)
    if settings.sabotage.shell.contains(.storeBornAgain) { log.store = chance.next() | 1 }
    if settings.sabotage.shell.contains(.lastSegmentUnread),
      let last = store.log.names.last(where: { $0.hasPrefix("log-") })
    {
      store.log.remove(last)
    }
    if !store.isFailing { store.log.synchronize() }
    let recovered = LogRecovery.run(store.log, settings: log)
    let isExcused = whole.ledger.excused.contains(machine)
    if !isExcused, !recovered.shards.faults.isEmpty || recovered.shards.registerDamaged {
      fail(.init(.diskIsWhole, "the start finds \(recovered.shards.faults)"), machine)
    }
    return WholeBirth(
      store: store, recovered: recovered, log: log,
      core: whole.settings.core(settings.profile, planted: settings.sabotage.shards))
  }

  /// After the node has begun its life.
  func startShell(of machine: Int, _ process: Process<Channel>) {
    guard let whole else { return }
    whole.ledger.started(machine, as: process.node.shards.me.life)
    handle(.command(.steward(.order(whole.orders))), on: machine, process)
    measure(machine, process, whole)
    queue.insert(.whole(.tick(machine: Int32(machine), life: process.life)), at: time + tickPeriod)
  }

  func carryOutWhole(on machine: Int, _ process: Process<Channel>, _ whole: WholeMesh) {
    let life = process.life
    process.whole.turns += 1
    for job in effects.jobs {
      if process.whole.jobs[Int(job.lane.rawValue)] != nil {
        fail(.init(.stopped, "a second job of lane \(job.lane) while one is under way"), machine)
      }
      process.whole.jobs[Int(job.lane.rawValue)] = job
      let latency = whole.stores[machine].latency
      let span = latency.lowerBound + chance.below(latency.upperBound - latency.lowerBound + 1)
      queue.insert(.whole(.jobEnds(machine: Int32(machine), life: life, lane: job.lane.rawValue)), at: time + span)
    }
    for persist in effects.worldPersists {
      process.whole.worldPersists[persist.token] = persist.content
      queue.insert(
        .whole(.worldStored(machine: Int32(machine), life: life, token: persist.token)),
        at: time + whole.stores[machine].latency.upperBound)
    }
    for serve in effects.serves {
      whole.lastServe &+= 1
      whole.serves[whole.lastServe] = serve
      queue.insert(
        .whole(.served(machine: Int32(machine), life: life, whole.lastServe)),
        at: time + whole.stores[machine].latency.lowerBound)
    }
  }

  func happen(_ event: WholeEvent) {
    guard let whole else { return }
    switch event {
    case .jobEnds(let machine, let life, let lane): jobEnds(lane, on: Int(machine), life: life, whole)
    case .worldStored(let machine, let life, let token): worldStored(token, on: Int(machine), life: life, whole)
    case .served(let machine, let life, let number):
      guard let serve = whole.serves.removeValue(forKey: number),
        let process = current(machine, life), let world = process.node.worlds.store[serve.mark]
      else { return }
      input(
        .whole(.objects(whole.stores[Int(machine)].batch(serve, of: world.world), to: serve.to)), to: Int(machine),
        process)
    case .tick(let machine, let life):
      guard let process = current(machine, life) else { return }
      queue.insert(.whole(event), at: time + tickPeriod)
      // Ticks that pass while the loop stands are one.
      guard !stands(process), !isBlocked(process) else { return }
      input(.whole(.tick), to: Int(machine), process)
    case .goodbye(let machine, let life): goodbye(Int(machine), life: life)
    case .request(let machine, let life, let id):
      guard let process = current(machine, life) else { return }
      input(.whole(.request(id)), to: Int(machine), process)
    case .client(let index): clientActs(Int(index))
    case .clientGivesUp(let index, let attempt): clientGivesUp(Int(index), attempt: attempt)
    case .publish: publish(whole)
    }
  }

  func current(_ machine: Int32, _ life: UInt32) -> Process<Channel>? {
    guard let process = machines[Int(machine)].process, process.life == life else { return nil }
    return process
  }

  /// Gives a whole node something that has come.
  func take(_ arrival: WholeInput, on machine: Int, _ process: Process<Channel>) {
    guard let whole else { return }
    switch arrival {
    case .log(let input): handle(.log(input), on: machine, process)
    case .world(let input): handle(.world(input), on: machine, process)
    case .objects(let bytes, let host): handle(.objects(bytes, to: host), on: machine, process)
    case .request(let id):
      guard let request = whole.requests[id] else { return }
      trace.note(.request, host: machine, at: time, id)
      handle(.command(.shards(command(of: request, id: id, whole))), on: machine, process)
    case .tick:
      process.whole.ticks &+= 1
      checkCalm(machine, process)
      handle(.log(.space(available: whole.stores[machine].available)), on: machine, process)
      if process.whole.ticks % reportTicks == 0 { measure(machine, process, whole) }
    }
  }

  /// What this host is and carries, for the voters.
  func measure(_ machine: Int, _ process: Process<Channel>, _ whole: WholeMesh) {
    let resources = HostResources(cores: 8, memoryBytes: 16 << 30, uplinkBitsPerSecond: 1_000_000_000)
    let drains = whole.draining.contains(machine) || process.isLeaving
    let loads = process.whole.loads.measure(process.node.shards.ownedWork, monotonic: clock(of: machine).monotonic)
    let report = HostReport(weight: drains ? 0 : 8, resources: resources, isDraining: drains, world: 0, loads: loads)
    handle(.command(.steward(.measure(report))), on: machine, process)
  }

  private func publish(_ whole: WholeMesh) {
    guard let process = machines[0].process else {
      queue.insert(.whole(.publish), at: time + tickPeriod)
      return
    }
    whole.stores[0].keep(.objects(whole.objects))
    input(
      .whole(
        .world(.command(.publish(whole.document.bytes, objects: whole.objects.map(\.address)), request: 1))),
      to: 0, process)
  }

  // MARK: Disk

  private func jobEnds(_ lane: UInt8, on machine: Int, life: UInt32, _ whole: WholeMesh) {
    guard let process = current(Int32(machine), life), let job = process.whole.jobs[Int(lane)] else { return }
    process.whole.jobs[Int(lane)] = nil
    let store = whole.stores[machine]
    let result: LogInput
    var done = job
    if settings.sabotage.shell.contains(.logNotSynced) {
      done.steps.removeAll { if case .sync = $0 { true } else { false } }
    }
    switch store.log.perform(done) {
    case .success(let reads):
      trace.note(.jobDone, host: machine, at: time, job.number, UInt64(lane))
      result = .done(job.lane, job.number, reads: reads)
    case .failure(let failure):
      trace.note(.jobFailed, host: machine, at: time, job.number, UInt64(UInt32(bitPattern: failure.code)))
      if !failure.isFull { whole.ledger.excused.insert(machine) }
      result = .failed(job.lane, job.number, failure)
    }
    input(.whole(.log(result)), to: machine, process)
  }

  private func worldStored(_ token: UInt64, on machine: Int, life: UInt32, _ whole: WholeMesh) {
    guard let process = current(Int32(machine), life),
      let content = process.whole.worldPersists.removeValue(forKey: token)
    else { return }
    let isWell = whole.stores[machine].health == .well
    if isWell { whole.stores[machine].keep(content) }
    input(.whole(.world(isWell ? .stored(token: token) : .storeFailed(token: token))), to: machine, process)
  }

  /// The process ends: of the jobs under way, any number of steps is done. Without power, what was not synced may be gone.
  func endShell(of machine: Int, _ process: Process<Channel>, losesPower: Bool) {
    guard let whole else { return }
    for lane in process.whole.jobs.indices {
      guard let job = process.whole.jobs[lane] else { continue }
      if case .failure(let failure) = whole.stores[machine].log.perform(
        job, limit: chance.below(job.steps.count + 1)), !failure.isFull, whole.stores[machine].isFailing
      {
        whole.ledger.excused.insert(machine)
      }
    }
    if losesPower { whole.stores[machine].log.crash(&chance) }
    noteDown(of: process, whole)
  }

  // MARK: Leaving

  /// SIGTERM: shards are given away first, then the goodbye is said.
  func leaveWhole(_ machine: Int, _ process: Process<Channel>) {
    process.whole.releaseEnd = time + releaseLimit
    command(.shards(.releaseAll), on: machine)
    goodbye(machine, life: process.life)
  }

  private func goodbye(_ machine: Int, life: UInt32) {
    guard let process = current(Int32(machine), life), !process.saysGoodbye else { return }
    guard !stands(process), process.node.shards.isGivingAway, time < process.whole.releaseEnd else {
      return sayGoodbye(machine, process)
    }
    queue.insert(.whole(.goodbye(machine: Int32(machine), life: life)), at: time + releaseCheck)
  }
}
