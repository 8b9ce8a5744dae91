import Gossip
import MapShard
import NodeCore
import SecureChannel
import Wire

/// What the world shows to its checks after each turn.
extension Simulation {
  func inspect(_ machine: Int, _ process: Process<Channel>) {
    let step = Step(
      machine: machine, identity: machines[machine].identity, now: clock(of: machine), time: time,
      isBehind: !process.late.isEmpty || isBlocked(process) || process.saysGoodbye)
    checks.begin(step, &process.node)
    var conflict = false
    for event in effects.events {
      guard case .membership(let event) = event else { continue }
      event.forEachSummary { summary in
        trace.note(summary, host: machine, at: time)
        if summary.kind == .conflict { conflict = true }
        if summary.kind == .leaveFinished, whole != nil {
          queue.insert(.end(machine: Int32(machine), life: process.life), at: time)
        }
        let subject = summary.subject == 0 ? nil : directory.index(of: HostID(rawValue: summary.subject))
        if let subject { observations.note(summary, observer: machine, subject: subject, at: time) }
        checks.hear(event, about: subject, in: step, process.node.membership)
      }
    }
    checks.walk(&process.node, in: step)
    if let failure = checks.failure {
      fail(failure.number, failure.name, failure.text, machine, failure.subject)
    }
    if let whole { inspectShards(machine, process, whole) }
    // Exit code 5: another process lives with this identity.
    if conflict { queue.insert(.end(machine: Int32(machine), life: process.life), at: time) }
  }

  /// The checks that are sampled once a second of world time.
  func sample() {
    queue.insert(.sample, at: time + Nanoseconds.seconds(1))
    let running = running
    guard running.count > 1 else { return }
    let first = running[sampler.below(running.count)]
    let second = running[sampler.below(running.count)]
    guard first != second, let one = machines[first].process, let other = machines[second].process else { return }
    if let text = EqualRoots.compare(one.node.membership, other.node.membership, directory) {
      fail(EqualRoots.number, EqualRoots.name, text, first, second)
    }
  }

  /// Check 10: the same inputs at the same times gave the same effects.
  func compareTwin(of machine: Int) {
    guard violation == nil, fingerprint(effects) != fingerprint(twinEffects) else { return }
    fail(
      10, "determinism",
      "two nodes with the same past differ: \(summary(effects)) here, \(summary(twinEffects)) there", machine)
  }

  private func fingerprint(_ effects: NodeEffects) -> UInt64 {
    var hash: UInt64 = 0
    func absorb(_ value: UInt64) { hash = mix64(hash ^ value) &+ 0x9e37_79b9_7f4a_7c15 }
    for send in effects.sends {
      absorb(keyedHash(UnsafeRawBufferPointer(effects.buffer.bytes(of: send.message)), key: send.to.low))
      absorb(UInt64(send.to.port))
    }
    for action in effects.connections {
      switch action {
      case .connect(let id, let endpoint): absorb(id.rawValue ^ endpoint.low)
      case .write(let id, let message):
        absorb(keyedHash(UnsafeRawBufferPointer(effects.buffer.bytes(of: message)), key: id.rawValue))
      case .read(let id, let on): absorb(id.rawValue ^ (on ? 1 : 0))
      case .close(let id, let reset): absorb(id.rawValue ^ (reset ? 2 : 3))
      }
    }
    for deadline in effects.deadlines {
      absorb(deadline.at)
      absorb(deadline.timer.subject ^ UInt64(deadline.timer.kind) << 40 ^ UInt64(deadline.timer.token))
    }
    for persist in effects.persists { absorb(persist.token) }
    for job in effects.jobs { absorb(job.number << 8 ^ UInt64(job.lane.rawValue) ^ UInt64(job.steps.count) << 2) }
    for (request, _) in effects.replies { absorb(request) }
    for event in effects.events {
      guard case .membership(let event) = event else { continue }
      event.forEachSummary { absorb($0.subject ^ $0.detail ^ UInt64($0.kind.rawValue) << 56) }
    }
    return hash
  }

  private func summary(_ effects: NodeEffects) -> String {
    "\(effects.sends.count) sends, \(effects.deadlines.count) deadlines, \(effects.events.count) events"
  }
}
