import MapShard
import Wire

/// What each event of the queue does, and how a core's effects are carried out.
extension ShardWorld {
  mutating func take(_ event: WorldEvent) {
    if let machine = event.machine, machines[machine].isPaused(at: time) {
      machines[machine].backlog.append(event)
      return
    }
    switch event {
    case .heartbeat(let from, let life, let to, let toLife, let bytes):
      guard machines[Int(to)].isRunning, machines[Int(to)].life == toLife else { return }
      trace.note(
        .datagram, host: Int(to), at: time, UInt64(from), bytes.withUnsafeBytes(checksum),
        "from \(from): \(MessageKind.text(nil, bytes))")
      let sender = Member(host: hosts[Int(from)], life: life)
      bytes.withUnsafeBytes { feed(.heartbeat($0, from: sender), to: Int(to)) }
    case .lane(let first, let second, let lane, let generation):
      takeLane(Int(first), Int(second), lane: Int(lane), generation: generation)
    case .snapshot(let from, let life, let to, let toLife, let bytes):
      guard machines[Int(to)].isRunning, machines[Int(to)].life == toLife, wires.isOpen(Int(from), Int(to)) else {
        return
      }
      trace.note(.snapshot, host: Int(to), at: time, UInt64(from), UInt64(bytes.count), "from \(from)")
      feed(.snapshot(bytes, from: Member(host: hosts[Int(from)], life: life)), to: Int(to))
    case .deadline(let machine, let process, let timer):
      guard isCurrent(machine, process) else { return }
      trace.note(
        .deadline, host: Int(machine), at: time, UInt64(timer.kind), timer.subject,
        "kind \(timer.kind) subject \(hexadecimal(timer.subject))")
      feed(.deadline(timer), to: Int(machine))
    case .syncBegins(let machine, let process):
      if isCurrent(machine, process) { syncBegins(Int(machine)) }
    case .syncEnds(let machine, let process):
      if isCurrent(machine, process) { syncEnds(Int(machine)) }
    case .greet(let first, let second): greet(Int(first), Int(second))
    case .dial(let first, let second): dial(Int(first), Int(second))
    case .linkCheck(let first, let second, let generation): checkLink(Int(first), Int(second), generation: generation)
    case .linkNoticed(let machine, let process, let peer, let generation):
      if isCurrent(machine, process) { linkNoticed(Int(machine), peer: Int(peer), generation: generation) }
    case .advice(let machine, let process, let about, let advice):
      guard isCurrent(machine, process) else { return }
      trace.note(.advice, host: Int(machine), at: time, UInt64(about), 0, "\(about) is \(advice)")
      feed(.advice(hosts[Int(about)], advice), to: Int(machine))
    case .request(let machine, let process, let id):
      guard isCurrent(machine, process), let request = requests[id] else { return }
      let command = command(of: request, id: id)
      trace.note(
        .request, host: Int(machine), at: time, id, request.operation.sequence,
        "client \(request.client) \(request.operation.kind) sequence \(request.operation.sequence)")
      feed(.command(command), to: Int(machine))
    case .client(let index): clientActs(Int(index))
    case .clientGivesUp(let index, let attempt): clientGivesUp(Int(index), attempt: attempt)
    case .fault(let index): apply(faults[Int(index)])
    case .start(let machine): start(Int(machine))
    case .end(let machine, let process): if isCurrent(machine, process) { kill(Int(machine), isNoticed: true) }
    case .linkBreaks(let first, let second, let generation):
      guard links[Int(first), Int(second)].generation == generation else { return }
      breakLink(Int(first), Int(second), noticedWithin: Nanoseconds.milliseconds(20))
    case .resume(let machine): resume(Int(machine))
    }
  }

  private func isCurrent(_ machine: Int32, _ process: UInt32) -> Bool {
    machines[Int(machine)].isRunning && machines[Int(machine)].process == process
  }

  /// One call into a core, what it wants done, and the checks.
  mutating func feed(_ input: ShardInput, to machine: Int) {
    guard violation == nil, machines[machine].isRunning else { return }
    let now = machines[machine].clock.now(at: time)
    turn.effects.removeAll()
    turn.effects.buffer.removeAll()
    noteActsBefore(machine, now: now)
    machines[machine].coreFingerprint = nil
    machines[machine].core?.handle(input, now: now, into: &turn.effects)
    carryOut(machine, now: now)
    if violation == nil { checkTurn(of: machine) }
    actOnReflexes()
  }

  private mutating func carryOut(_ machine: Int, now: Now) {
    let effects = turn.effects
    let process = machines[machine].process
    for append in effects.appends {
      checkAppend(append.record, on: machine)
      write(append, on: machine)
    }
    for heartbeat in effects.heartbeats {
      send(heartbeat: Array(effects.buffer.bytes(of: heartbeat.message)), from: machine, to: heartbeat.to)
    }
    for frame in effects.frames {
      send(frame: Array(effects.buffer.bytes(of: frame.message)), on: frame.carrier, from: machine, to: frame.to)
    }
    for snapshot in effects.snapshots { send(snapshot: snapshot.content, from: machine, to: snapshot.to) }
    for (host, wanted) in effects.links {
      guard let peer = machineOf[host], peer != machine else { continue }
      links[machine, peer].setWanted(machine < peer ? 0 : 1, wanted)
      if wanted { dialSoon(machine, peer) }
    }
    for deadline in effects.deadlines {
      let at = max(machines[machine].clock.worldTime(of: deadline.at), time)
      enqueue(.deadline(Int32(machine), process: process, deadline.timer), at: at)
    }
    for (request, reply) in effects.replies {
      trace.note(.reply, host: machine, at: time, request, 0, "\(reply)")
      answered(request, reply, by: machine)
    }
    for event in effects.events {
      trace.note(.event, host: machine, at: time, 0, 0, "\(event)")
      said(event, by: machine)
    }
  }

  // MARK: Disk

  private mutating func write(_ append: ShardEffects.Append, on machine: Int) {
    machines[machine].disk.write(append.token, append.record)
    wantSync(machine, within: append.urgency == .urgent ? 0 : Nanoseconds.milliseconds(50))
  }

  private mutating func wantSync(_ machine: Int, within span: UInt64) {
    guard machines[machine].disk.syncing == nil else { return }
    let at = time + span
    guard at < machines[machine].syncAt else { return }
    machines[machine].syncAt = at
    enqueue(.syncBegins(Int32(machine), process: machines[machine].process), at: at)
  }

  private mutating func syncBegins(_ machine: Int) {
    guard machines[machine].syncAt <= time, machines[machine].disk.syncing == nil else { return }
    machines[machine].syncAt = .max
    guard machines[machine].disk.hasUnsynced else { return }
    machines[machine].disk.beginSync()
    let latency = machines[machine].disk.latency
    let span = latency.lowerBound + chance.below(latency.upperBound - latency.lowerBound + 1)
    post(.syncEnds(Int32(machine), process: machines[machine].process), after: span)
  }

  private mutating func syncEnds(_ machine: Int) {
    guard machines[machine].disk.syncing != nil else { return }
    guard machines[machine].disk.health == .well else {
      machines[machine].disk.abandonSync()
      trace.note(.storeFailed, host: machine, at: time, 0, 0, "\(machines[machine].disk.health)")
      feed(.storeFailed, to: machine)
      return
    }
    guard let (token, votes) = machines[machine].disk.endSync() else { return }
    trace.note(.durable, host: machine, at: time, token, 0, "up to \(token)")
    if machines[machine].disk.hasUnsynced { wantSync(machine, within: 0) }
    if votes { noteVotes(of: machine) }
    feed(.durable(token: token), to: machine)
    if votes { occasion(.votes, machine, peer: (machine + 1) % machines.count) }
  }

  // MARK: Sending

  private mutating func send(heartbeat bytes: [UInt8], from machine: Int, to host: HostID) {
    guard let target = machineOf[host], let toLife = machines[machine].sessions[target] else { return }
    guard sends(nil, bytes, from: machine, to: target) else { return }
    let path = wires[machine, target]
    let network = settings.network
    if path.cuts > 0 || path.loss > 0 && chance.happens(path.loss) || network.loss > 0 && chance.happens(network.loss) {
      return
    }
    let event = WorldEvent.heartbeat(
      from: Int32(machine), life: machines[machine].life, to: Int32(target), toLife: toLife, bytes)
    var delay = oneWay(machine, target)
    if network.reordering > 0, chance.happens(network.reordering) {
      delay += chance.below(Nanoseconds.milliseconds(400))
    }
    post(event, after: delay)
    if network.duplication > 0, chance.happens(network.duplication) {
      post(event, after: delay + chance.below(Nanoseconds.milliseconds(400)))
    }
  }

  mutating func oneWay(_ from: Int, _ to: Int) -> UInt64 {
    let span = settings.network.delay
    return span.lowerBound + chance.below(span.upperBound - span.lowerBound + 1) + wires[from, to].delay
  }

  private mutating func send(frame bytes: [UInt8], on carrier: ShardCarrier, from machine: Int, to host: HostID) {
    guard let target = machineOf[host] else { return }
    if target == machine { return fail(.bounded, "a frame to itself", host: machine) }
    guard links[machine, target].isUp, links[machine, target].believes(machine < target ? 0 : 1) else { return }
    guard sends(carrier, bytes, from: machine, to: target) else { return }
    let lane = Link.lane(machine < target ? 0 : 1, carrier)
    let due = max(
      time + oneWay(machine, target) + chance.below(settings.network.carrierLag + 1),
      links[machine, target].lanes[lane].lastDue)
    links[machine, target].lanes[lane].lastDue = due
    links[machine, target].lanes[lane].frames.append((due, bytes))
    links[machine, target].lanes[lane].bytes += bytes.count
    enqueue(
      .lane(
        Int32(min(machine, target)), Int32(max(machine, target)), lane: Int8(lane),
        generation: links[machine, target].generation), at: due)
  }

  private mutating func send(snapshot content: [UInt8], from machine: Int, to host: HostID) {
    guard let target = machineOf[host], let toLife = machines[machine].sessions[target] else { return }
    post(
      .snapshot(
        from: Int32(machine), life: machines[machine].life, to: Int32(target), toLife: toLife, content),
      after: Nanoseconds.milliseconds(5) + chance.below(Nanoseconds.milliseconds(200)))
  }
}

extension WorldEvent {
  /// The machine whose process takes this event; `nil` when a standing process does not keep it from happening.
  var machine: Int? {
    switch self {
    case .heartbeat(_, _, let to, _, _), .snapshot(_, _, let to, _, _): Int(to)
    case .deadline(let machine, _, _), .syncEnds(let machine, _), .syncBegins(let machine, _),
      .linkNoticed(let machine, _, _, _), .advice(let machine, _, _, _), .request(let machine, _, _):
      Int(machine)
    case .lane, .greet, .dial, .linkCheck, .linkBreaks, .client, .clientGivesUp, .fault, .start, .end, .resume: nil
    }
  }

  var isDeadline: Bool { if case .deadline = self { true } else { false } }
}
