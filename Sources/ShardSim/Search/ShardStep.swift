import MapShard
import Wire

/// One thing that a search lets happen.
enum ShardStep: Hashable, Sendable {
  /// The datagram at this place arrives, or does not.
  case datagram(Int)
  case loseDatagram(Int)
  /// The first frame of a lane arrives.
  case lane(Int, Int, Int)
  case breakLink(Int, Int)
  /// A disk finishes its sync.
  case sync(Int)
  /// The time of the next deadline comes.
  case tick
  /// A process ends; what was not durable is kept, or not.
  case crash(Int, keeps: Bool)
  case restart(Int)
  /// A critical write at the machine that owns the shard.
  case write(Int)
  case move(Int)
}

extension ShardWorld {
  mutating func beginStepping(_ budget: ShardSearch.Budget) {
    var events = SteppedEvents(budget: budget)
    while let (at, event) = queue.popFirst() {
      switch event {
      case .heartbeat, .deadline, .syncEnds: events.open.append((at, event))
      default: break
      }
    }
    stepped = events
  }

  /// What can happen next.
  func steps() -> [ShardStep] {
    guard let stepped else { return [] }
    var steps: [ShardStep] = []
    var deadlines = 0
    for (index, entry) in stepped.open.enumerated() {
      switch entry.event {
      case .heartbeat(_, _, let to, let life, _):
        guard machines[Int(to)].isRunning, machines[Int(to)].life == life else { continue }
        steps.append(.datagram(index))
        if stepped.budget.losses > 0 { steps.append(.loseDatagram(index)) }
      case .syncEnds(let machine, let process):
        if machines[Int(machine)].isRunning, machines[Int(machine)].process == process {
          steps.append(.sync(Int(machine)))
        }
      case .deadline(let machine, let process, _):
        if machines[Int(machine)].isRunning, machines[Int(machine)].process == process { deadlines += 1 }
      default: break
      }
    }
    for first in machines.indices {
      for second in machines.indices where second > first && links[first, second].isUp {
        var isBusy = false
        for lane in links[first, second].lanes.indices where !links[first, second].lanes[lane].frames.isEmpty {
          steps.append(.lane(first, second, lane))
          isBusy = true
        }
        if isBusy, stepped.budget.breaks > 0 { steps.append(.breakLink(first, second)) }
      }
    }
    let budget = stepped.budget
    for machine in machines.indices {
      if machines[machine].isRunning {
        if budget.crashes > 0 {
          steps.append(.crash(machine, keeps: true))
          if !machines[machine].disk.pending.isEmpty { steps.append(.crash(machine, keeps: false)) }
        }
        if ledger.owns(machine, 0, machines[machine].member) {
          if budget.writes > 0 { steps.append(.write(machine)) }
          if budget.moves > 0 { steps.append(.move(machine)) }
        }
      } else if budget.restarts > 0 {
        steps.append(.restart(machine))
      }
    }
    if deadlines > 0, budget.ticks > 0 { steps.append(.tick) }
    return steps
  }

  mutating func take(_ step: ShardStep) {
    switch step {
    case .datagram(let index): takeOpen(index)
    case .loseDatagram(let index):
      stepped?.budget.losses -= 1
      stepped?.open.remove(at: index)
    case .lane(let first, let second, let lane):
      let frame = links[first, second].lanes[lane].frames.removeFirst()
      deliver(frame.bytes, first, second, lane: lane)
    case .breakLink(let first, let second):
      stepped?.budget.breaks -= 1
      breakLink(first, second, noticedWithin: 0)
    case .sync(let machine):
      let index = stepped?.open.firstIndex {
        if case .syncEnds(let other, _) = $0.event { Int(other) == machine } else { false }
      }
      if let index { takeOpen(index) }
    case .tick: tick()
    case .crash(let machine, let keeps):
      stepped?.budget.crashes -= 1
      machines[machine].disk.keepsAllInCrash = keeps
      kill(machine, isNoticed: true)
    case .restart(let machine):
      stepped?.budget.restarts -= 1
      start(machine)
    case .write(let machine): write(on: machine)
    case .move(let machine):
      stepped?.budget.moves -= 1
      let target = ledger.shards[0].newest?.members.first { $0.host != hosts[machine] }
      if let target, let other = machineOf[target.host] { apply(.move(shards[0], to: other)) }
    }
    settleQueue()
  }

  private mutating func takeOpen(_ index: Int) {
    guard let entry = stepped?.open.remove(at: index) else { return }
    events &+= 1
    take(entry.event)
  }

  /// What happens at once.
  private mutating func settleQueue() {
    while violation == nil, let (_, event) = queue.popFirst() {
      events &+= 1
      take(event)
    }
  }

  /// Time goes to the next deadline that changes anything; those of one moment come together.
  private mutating func tick() {
    stepped?.budget.ticks -= 1
    var isOver = false
    while violation == nil, !isOver, let next = nextDeadline() {
      time = max(time, next)
      while let index = stepped?.open.firstIndex(where: { $0.due <= time && $0.event.isDeadline }) {
        guard case .deadline(let machine, let process, _)? = stepped?.open[index].event else { break }
        let isLive = machines[Int(machine)].isRunning && machines[Int(machine)].process == process
        let before = isLive ? coreFingerprint(Int(machine)) : nil
        takeOpen(index)
        settleQueue()
        if isLive, coreFingerprint(Int(machine)) != before { isOver = true }
        if violation != nil { return }
      }
    }
  }

  private func nextDeadline() -> UInt64? {
    var next: UInt64?
    for entry in stepped?.open ?? [] {
      if entry.event.isDeadline { next = min(next ?? .max, entry.due) }
    }
    return next
  }

  private mutating func write(on machine: Int) {
    stepped?.budget.writes -= 1
    stepped?.writes += 1
    let count = stepped?.writes ?? 0
    let operation = ShardClient.Operation(
      shard: 0, kind: .critical, key: [1], value: [UInt8(truncatingIfNeeded: count)], sequence: 1, begunAt: time)
    if clients.count < count { clients.append(ShardClient(id: 0xc000 + UInt64(count), shards: 1)) }
    let id = UInt64(count - 1) << 32
    let request = ShardRequest(client: count - 1, attempt: 0, machine: machine, operation: operation)
    requests[id] = request
    feed(.command(command(of: request, id: id)), to: machine)
  }

  /// Equal states have equal fingerprints, within one run of the program.
  mutating func fingerprint() -> Int {
    var hasher = Hasher()
    hasher.combine(time)
    for index in machines.indices {
      hasher.combine(machines[index].life)
      hasher.combine(coreFingerprint(index))
    }
    for machine in machines {
      hasher.combine(machine.disk.pending.count)
      hasher.combine(machine.disk.syncing)
      for log in machine.disk.durable {
        hasher.combine(log.last)
        hasher.combine(log.record?.record.version)
      }
      for key in machine.disk.register.keys.sorted() {
        hasher.combine(key)
        hasher.combine(machine.disk.register[key])
      }
    }
    for first in machines.indices {
      for second in machines.indices where second > first {
        hasher.combine(links[first, second].isUp)
        for lane in links[first, second].lanes {
          hasher.combine(lane.frames.count)
          for frame in lane.frames { hasher.combine(frame.bytes) }
        }
      }
    }
    if let stepped {
      hasher.combine(stepped.budget)
      // Datagrams have no order.
      var open = 0
      for entry in stepped.open { open &+= fingerprint(of: entry.event, entry.due) }
      hasher.combine(open)
    }
    for shard in ledger.shards {
      hasher.combine(shard.acknowledgedTop)
      hasher.combine(shard.newest)
    }
    return hasher.finalize()
  }

  private mutating func coreFingerprint(_ machine: Int) -> Int? {
    if machines[machine].coreFingerprint == nil {
      machines[machine].coreFingerprint = machines[machine].core?.fingerprint
    }
    return machines[machine].coreFingerprint
  }

  private func fingerprint(of event: WorldEvent, _ due: UInt64) -> Int {
    var hasher = Hasher()
    switch event {
    case .heartbeat(let from, let life, let to, let toLife, let bytes):
      hasher.combine(from)
      hasher.combine(life)
      hasher.combine(to)
      hasher.combine(toLife)
      hasher.combine(bytes)
    case .deadline(let machine, let process, let timer):
      guard machines[Int(machine)].process == process else { return 0 }
      hasher.combine(due)
      hasher.combine(machine)
      hasher.combine(timer)
    case .syncEnds(let machine, let process):
      guard machines[Int(machine)].process == process else { return 0 }
      hasher.combine(machine)
    default: return 0
    }
    return hasher.finalize()
  }
}
