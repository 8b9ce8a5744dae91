import Wire

/// The timers and events of the stable view.
extension Membership {
  /// One timer for the next host that may rise, one for the gathered falls.
  mutating func armStability(into effects: inout MembershipEffects) {
    if let due = stability.risesAt, due < stableUpAt || !timers.isArmed(.stableUp) {
      stableUpAt = due
      timers.arm(.stableUp, at: due, into: &effects)
    }
    if let due = stability.fallsAt, !timers.isArmed(.stableDown) {
      timers.arm(.stableDown, at: due, into: &effects)
    }
  }

  mutating func raiseStable(_ now: Now, into effects: inout MembershipEffects) {
    while let slot = stability.nextRisen(at: now.monotonic) {
      guard table.isUsed(slot), table[slot].status == .alive else { continue }
      effects.events.append(.stableUp(table[slot].host))
    }
  }

  mutating func lowerStable(_ now: Now, into effects: inout MembershipEffects) {
    let fallen = stability.takeFallen(at: now.monotonic)
    if !fallen.isEmpty { effects.events.append(.stableDown(fallen.map { table[$0].host })) }
  }
}
