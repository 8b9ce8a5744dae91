import Wire

/// Saying goodbye: a signed goodbye to a few at once and to all as a rumour, and pings are answered until it has spread.
/// A new life in the same process begins with the next generation.
extension Membership {
  mutating func leave(now: Now, into effects: inout MembershipEffects) {
    switch phase {
    case .running:
      break
    case .leaving, .left:
      return
    case .idle, .beginning, .ended:
      own.nextGeneration = nil
      phase = phase == .ended ? .ended : .left
      effects.events.append(.leaveFinished)
      return
    }
    phase = .leaving
    probe = nil
    confirmation = nil
    intake = nil
    own.nextGeneration = nil
    own.incarnation = Incarnation(
      generation: own.incarnation.generation, refutation: own.incarnation.refutation + 1)
    let signature = SignedBody.goodbye(host, own.incarnation) { signer.sign(.selfRecord, $0) }
    table.update(MemberTable.own) {
      $0.record.incarnation = own.incarnation
      $0.signature = signature
      $0.status = .left
      $0.since = now.monotonic
    }
    timers.disarmAll()
    spread(MemberTable.own, now, into: &effects)
    // 3 + log2 of the mesh hear it at once; the gossip tick goes on through the drain.
    let count = 3 + Int(binaryLogarithm(table.liveCount + 1).rounded(.up))
    table.sample(count, &chance, into: &chosen)
    for slot in chosen { gossip(to: slot, now, into: &effects) }
    let drain = table.live.isEmpty ? 0 : settings.leaveDrain
    timers.arm(.leaveDrain, at: now.monotonic &+ drain, into: &effects)
  }

  mutating func finishLeaving(into effects: inout MembershipEffects) {
    guard phase == .leaving else { return }
    phase = .left
    timers.disarmAll()
    effects.events.append(.leaveFinished)
  }
}
