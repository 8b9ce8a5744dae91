import Gossip
import NodeCore
import SecureChannel
import Wire

/// The loop of a simulated shell, in the order of DESIGN 3.2: lateness, what came in, deadlines, then what goes out.
extension Simulation {
  /// What the shell calls a stall.
  private static var stallFrom: UInt64 { Nanoseconds.milliseconds(250) }
  private static var datagramsPerTurn: Int { 512 }

  func clock(of machine: Int) -> Now { machines[machine].clock.now(at: time) }

  // MARK: What wakes the loop

  func arrive(_ slot: Int32) {
    let envelope = datagrams.envelope(slot)
    let machine = Int(envelope.to)
    guard let process = machines[machine].process else {
      datagrams.giveBack(slot)
      return
    }
    if stands(process) || isBlocked(process) {
      if !process.buffer(datagram: slot, count: Int(envelope.count)) {
        counters.overflowed += 1
        datagrams.giveBack(slot)
      }
      return
    }
    take(slot, on: machine, process)
    finishTurn(of: machine, process)
  }

  func fire(_ timer: Timer, on machine: Int, life: UInt32) {
    guard let process = machines[machine].process, process.life == life else { return }
    if stands(process) || isBlocked(process) && holdsTimer(timer, process) {
      process.late.append((time, timer))
      return
    }
    fireNow(timer, on: machine, process)
    finishTurn(of: machine, process)
  }

  func input(_ arrival: Process<Channel>.Arrival, to machine: Int, _ process: Process<Channel>) {
    if stands(process) || isBlocked(process) {
      process.arrivals.append(arrival)
      return
    }
    take(arrival, on: machine, process)
    finishTurn(of: machine, process)
  }

  func command(_ command: NodeCommand, on machine: Int) {
    guard let process = machines[machine].process else { return }
    handle(.command(command), on: machine, process)
    finishTurn(of: machine, process)
  }

  // MARK: One turn

  private func take(_ arrival: Process<Channel>.Arrival, on machine: Int, _ process: Process<Channel>) {
    switch arrival {
    case .datagram(let slot):
      process.unbuffer(datagramOf: Int(datagrams.envelope(slot).count))
      take(slot, on: machine, process)
    case .stream(let id, let input):
      take(input, of: id, on: machine, process)
    case .persisted(let token, let durable):
      trace.note(durable ? .persisted : .persistFailed, host: machine, at: time, token)
      handle(durable ? .persisted(token: token) : .persistFailed(token: token), on: machine, process)
    case .whole(let input): take(input, on: machine, process)
    }
  }

  private func take(_ slot: Int32, on machine: Int, _ process: Process<Channel>) {
    let envelope = datagrams.envelope(slot)
    trace.note(.datagram, host: machine, at: time, UInt64(envelope.from), UInt64(envelope.count))
    handle(.datagram(datagrams.bytes(slot), from: envelope.source), on: machine, process)
    datagrams.giveBack(slot)
  }

  private func take(
    _ input: Streams.Input, of id: ConnectionID, on machine: Int, _ process: Process<Channel>
  ) {
    trace.note(.stream, host: machine, at: time, id.rawValue)
    switch input {
    case .accepted(let from): handle(.accepted(id, from: from), on: machine, process)
    case .connected: handle(.connected(id), on: machine, process)
    case .received(let bytes):
      bytes.withUnsafeBytes { handle(.received(id, $0), on: machine, process) }
    case .drained: handle(.drained(id), on: machine, process)
    case .closed:
      process.streams[id] = nil
      handle(.closed(id), on: machine, process)
    }
  }

  private func fireNow(_ timer: Timer, on machine: Int, _ process: Process<Channel>) {
    trace.note(.deadline, host: machine, at: time, UInt64(timer.room) << 32 | UInt64(timer.kind), timer.subject)
    handle(.deadline(timer), on: machine, process)
  }

  func handle(_ input: NodeInput, on machine: Int, _ process: Process<Channel>) {
    let now = clock(of: machine)
    if process.twin != nil {
      // The twin goes first, on a copy where the input can be changed by the one who reads it.
      if case .datagram(let bytes, let from) = input {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        copy.copyMemory(from: UnsafeRawBufferPointer(bytes))
        process.twin?.handle(.datagram(copy, from: from), now: now, into: &twinEffects)
        copy.deallocate()
      } else {
        process.twin?.handle(input, now: now, into: &twinEffects)
      }
    }
    process.node.handle(input, now: now, into: &effects)
  }

  /// The end of a turn: what the node wants is done and the checks look at it.
  func finishTurn(of machine: Int, _ process: Process<Channel>) {
    let now = clock(of: machine)
    process.twin?.endTurn(now: now, into: &twinEffects)
    process.node.endTurn(now: now, into: &effects)
    if process.twin != nil {
      compareTwin(of: machine)
      twinEffects.removeAll()
    }
    carryOut(on: machine, process)
    inspect(machine, process)
    effects.removeAll()
    if process.starvedUntil > time { stand(process, on: machine, until: time + process.pause) }
  }

  // MARK: Stalls

  func stands(_ process: Process<Channel>) -> Bool { process.standsUntil > time }

  func isBlocked(_ process: Process<Channel>) -> Bool { process.blockedUntil > time }

  func stand(_ process: Process<Channel>, on machine: Int, until: UInt64) {
    guard until > process.standsUntil else { return }
    process.standsUntil = until
    queue.insert(.wake(machine: Int32(machine), life: process.life), at: until)
  }

  func wake(_ machine: Int, life: UInt32) {
    guard let process = machines[machine].process, process.life == life, !stands(process) else { return }
    trace.note(.woke, host: machine, at: time, UInt64(process.arrivals.count), UInt64(process.late.count))
    if !isBlocked(process) { catchUp(machine, process) }
    finishTurn(of: machine, process)
  }

  /// The first turns after the loop stood. A stalled loop must not judge by deadlines that passed meanwhile before it
  /// has read what came meanwhile.
  private func catchUp(_ machine: Int, _ process: Process<Channel>) {
    flushHeld(machine, process)
    let late = process.late
    process.late = []
    if let first = late.first {
      let lateness = machines[machine].clock.monotonic(at: time) - machines[machine].clock.monotonic(at: first.at)
      if lateness >= Simulation.stallFrom, !settings.sabotage.shell.contains(.timersBeforeSocket) {
        counters.stalls += 1
        checks.stalled(machine, for: lateness)
        trace.note(.stall, host: machine, at: time, lateness)
        handle(.stall(lateness), on: machine, process)
      }
    }
    if settings.sabotage.shell.contains(.timersBeforeSocket) {
      for (_, timer) in late { fireNow(timer, on: machine, process) }
      drain(machine, process, atMost: .max)
    } else {
      drain(machine, process, atMost: Simulation.datagramsPerTurn)
      for (_, timer) in late { fireNow(timer, on: machine, process) }
      // What is left is taken in turns that follow at once.
      drain(machine, process, atMost: .max)
    }
  }

  private func drain(_ machine: Int, _ process: Process<Channel>, atMost limit: Int) {
    guard !process.arrivals.isEmpty else { return }
    let count = min(limit, process.arrivals.count)
    let taken = Array(process.arrivals[..<count])
    process.arrivals.removeFirst(count)
    for arrival in taken { take(arrival, on: machine, process) }
  }

  func block(_ machine: Int, for span: UInt64, _ kind: Fault.BlockKind) {
    guard let process = machines[machine].process else { return }
    process.blockedUntil = max(process.blockedUntil, time + span)
    process.blockKind = kind
    process.hasBlockedSend = false
    queue.insert(.unblock(machine: Int32(machine), life: process.life), at: process.blockedUntil)
  }

  /// Once a send has blocked its worker, only what needs no send runs: suspicions expire.
  private func holdsTimer(_ timer: Timer, _ process: Process<Channel>) -> Bool {
    process.blockKind == .worker && process.hasBlockedSend && !timer.isSuspicionDeadline
  }

  func unblock(_ machine: Int, life: UInt32) {
    guard let process = machines[machine].process, process.life == life, !isBlocked(process), !stands(process) else {
      return
    }
    trace.note(.woke, host: machine, at: time, UInt64(process.arrivals.count), UInt64(process.late.count))
    flushHeld(machine, process)
    let late = process.late
    process.late = []
    drain(machine, process, atMost: .max)
    for (_, timer) in late { fireNow(timer, on: machine, process) }
    finishTurn(of: machine, process)
  }

  private func flushHeld(_ machine: Int, _ process: Process<Channel>) {
    for (target, bytes) in process.held { bytes.withUnsafeBytes { put($0, from: machine, to: target) } }
    process.held = []
    process.heldBytes = 0
  }
}

extension Timer {
  /// The one deadline of a node that needs no send.
  fileprivate var isSuspicionDeadline: Bool { room == 0 && kind == 23 }
}
