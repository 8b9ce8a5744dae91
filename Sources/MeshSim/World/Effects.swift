import Gossip
import NodeCore
import SecureChannel
import Wire

/// What the simulated shell does with a node's effects.
extension Simulation {
  func carryOut(on machine: Int, _ process: Process<Channel>) {
    // One copy of the lists, not one for each.
    let effects = self.effects
    for send in effects.sends {
      let bytes = UnsafeRawBufferPointer(effects.buffer.bytes(of: send.message))
      trace.absorb(keyedHash(bytes, key: 0))
      trace.absorb(send.to.low ^ UInt64(send.to.port))
      guard let target = machineAt[send.to] else {
        counters.lost += 1
        continue
      }
      trace.note(.sent, host: machine, at: time, UInt64(target), UInt64(bytes.count))
      checks.look(at: bytes)
      if isBlocked(process) {
        hold(bytes, for: target, process)
      } else {
        put(bytes, from: machine, to: target)
      }
    }
    for action in effects.connections { act(action, on: machine, process) }
    for deadline in effects.deadlines {
      var at = machines[machine].clock.worldTime(of: deadline.at)
      if settings.sabotage.shell.contains(.deadlinesEarly), at > time { at = time + (at - time) / 2 }
      trace.absorb(deadline.at ^ deadline.timer.subject)
      queue.insert(.deadline(machine: Int32(machine), life: process.life, deadline.timer), at: max(at, time))
    }
    for persist in effects.persists {
      process.persists[persist.token] = persist.content
      queue.insert(
        .persisted(machine: Int32(machine), life: process.life, token: persist.token),
        at: time + machines[machine].disk.latency)
    }
    if let whole { carryOutWhole(on: machine, process, whole) }
  }

  /// Puts a datagram on the wire.
  func put(_ bytes: UnsafeRawBufferPointer, from machine: Int, to target: Int) {
    counters.datagrams += 1
    counters.datagramBytes += UInt64(bytes.count)
    switch network.transit(from: machine, to: target) {
    case .lost: counters.lost += 1
    case .arrives(let delay): launch(bytes, from: machine, to: target, after: delay)
    case .arrivesTwice(let first, let second):
      launch(bytes, from: machine, to: target, after: first)
      launch(bytes, from: machine, to: target, after: second)
    }
  }

  private func launch(_ bytes: UnsafeRawBufferPointer, from machine: Int, to target: Int, after delay: UInt64) {
    let slot = datagrams.take(bytes, from: machine, to: target, source: machines[machine].endpoint)
    if let bit = network.damagedBit(count: bytes.count) { datagrams.bytes(slot)[bit / 8] ^= 1 << UInt8(bit % 8) }
    queue.insert(.datagram(slot), at: time + delay)
  }

  private func hold(_ bytes: UnsafeRawBufferPointer, for target: Int, _ process: Process<Channel>) {
    process.hasBlockedSend = true
    guard process.heldBytes + bytes.count <= Process<Channel>.sendBuffer else {
      counters.overflowed += 1
      return
    }
    process.heldBytes += bytes.count
    process.held.append((target, Array(bytes)))
  }

  // MARK: Disk

  func persisted(_ token: UInt64, on machine: Int, life: UInt32) {
    // A process that died first leaves nothing behind.
    guard let process = machines[machine].process, process.life == life,
      let content = process.persists.removeValue(forKey: token)
    else { return }
    let durable = !machines[machine].disk.fails
    if durable, !forgets(content) { machines[machine].disk.write(content) }
    if durable, case .generation(let generation) = content {
      checks.persisted(generation: generation, of: machines[machine].identity)
    }
    input(.persisted(token: token, durable: durable), to: machine, process)
  }

  /// A planted bug: the shell says that a life is on the disk, and it is not.
  private func forgets(_ content: NodeEffects.Persist.Content) -> Bool {
    guard settings.sabotage.shell.contains(.generationNotPersisted), case .generation = content else { return false }
    return true
  }

  // MARK: Streams

  private func act(_ action: ChannelEffects.ConnectionAction, on machine: Int, _ process: Process<Channel>) {
    switch action {
    case .connect(let id, let endpoint):
      let end = Streams.End(host: machine, life: process.life, id: id)
      process.streams[id] =
        machineAt[endpoint].map { streams.connect(from: end, to: $0, now: time) } ?? streams.refuse(end, now: time)
    case .write(let id, let message):
      guard let stream = process.streams[id], let side = streams.side(of: machine, id: id, in: stream) else { return }
      let bytes = Array(effects.buffer.bytes(of: message))
      streams.write(bytes, on: stream, side: side, network: &network, now: time)
    case .close(let id, let reset):
      guard let stream = process.streams.removeValue(forKey: id),
        let side = streams.side(of: machine, id: id, in: stream)
      else { return }
      streams.close(stream, side: side, reset: reset, now: time)
    case .read:
      break  // arrivals are taken as they come; credit is the channel's
    }
    schedulePendingStreams()
  }

  func schedulePendingStreams() {
    for (at, event) in streams.scheduled {
      lastStreamEvent &+= 1
      streamEvents[lastStreamEvent] = event
      queue.insert(.stream(lastStreamEvent), at: max(at, time))
    }
    streams.scheduled.removeAll(keepingCapacity: true)
  }

  func step(_ number: Int32) {
    guard let event = streamEvents.removeValue(forKey: number) else { return }
    let outcome = streams.step(event, network: &network, now: time) { machines[$0].process?.life ?? 0 }
    schedulePendingStreams()
    guard let outcome, let process = machines[outcome.host].process, process.life == outcome.life else { return }
    if case .accepted = outcome.input { process.streams[outcome.id] = outcome.stream }
    input(.stream(outcome.id, outcome.input), to: outcome.host, process)
  }
}
