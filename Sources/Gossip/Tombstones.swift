import Wire

/// How long the dead and the departed are remembered, so that nothing stale brings them back.
///
/// In the first half of its life a tombstone takes part in the digest and in exchanges, in the second it only refuses
/// what is old: so hosts forget at slightly different times without telling each other again. A buried generation never
/// lives again; a greater one always may.
enum Tombstone {
  static let deadFor = Span.hours(24)
  static let leftFor = Span.hours(1)
  /// Dead entries kept per living host.
  static let deadPerLive = 4
  static let deadAtLeast = 64

  static func life(_ status: Status) -> UInt64? {
    switch status {
    case .dead: deadFor
    case .left: leftFor
    case .alive, .suspect, .revoked: nil
    }
  }

  static func isBuried(_ status: Status, age: UInt64) -> Bool { life(status).map { age >= $0 / 2 } ?? false }

  // Ages travel in whole minutes.
  static func minutes(since: UInt64, at now: Now) -> UInt64 { (now.monotonic &- since) / Span.minutes(1) }
  static func age(minutes: UInt64) -> UInt64 { min(minutes, 1 << 20) * Span.minutes(1) }

  /// The moment of a death that is heard of later. It may lie before the start of our clock.
  static func since(minutes: UInt64, at now: Now) -> UInt64 { now.monotonic &- age(minutes: minutes) }
}

extension Membership {
  static let sweepInterval = Span.minutes(1)

  mutating func sweep(_ now: Now, into effects: inout MembershipEffects) {
    timers.arm(.sweep, at: now.monotonic &+ Membership.sweepInterval, into: &effects)
    for slot in 0..<table.slots where table.isUsed(slot) {
      guard var life = Tombstone.life(table[slot].status), slot != MemberTable.own else { continue }
      if settings.breaks(.tombstonesForgotten) { life = Span.seconds(30) }
      let age = now.monotonic &- table[slot].since
      if age >= life {
        forget(slot, into: &effects)
      } else if age >= life / 2 {
        bury(slot)
      }
    }
    forgetExcessDead(now, into: &effects)
  }

  /// Machines that come and go for ever must not fill the table: the longest dead are buried early and, where that is
  /// not enough, forgotten.
  private mutating func forgetExcessDead(_ now: Now, into effects: inout MembershipEffects) {
    let limit = max(Tombstone.deadAtLeast, Tombstone.deadPerLive * table.liveCount)
    guard table.dead > limit else { return }
    let longestFirst = (0..<table.slots).filter { table.isUsed($0) && table[$0].status == .dead }.sorted {
      let (left, right) = (now.monotonic &- table[$0].since, now.monotonic &- table[$1].since)
      return left != right ? left > right : table[$0].host < table[$1].host
    }
    for (position, slot) in longestFirst.enumerated() {
      if position < longestFirst.count - 2 * limit {
        forget(slot, into: &effects)
      } else if position < longestFirst.count - limit {
        bury(slot)
      }
    }
  }

  /// Others had buried us: it was we who were away, and the graves that we have dug meanwhile prove nothing. Those in them
  /// may answer for themselves.
  mutating func openGraves(_ now: Now) {
    for slot in 0..<table.slots where table.isUsed(slot) && table[slot].status == .dead && table[slot].isBuried {
      table.update(slot) {
        $0.isBuried = false
        $0.since = now.monotonic
      }
    }
  }

  private mutating func bury(_ slot: Int) {
    guard !table[slot].isBuried else { return }
    table.update(slot) { $0.isBuried = true }
    rumours.remove(slot)
  }

  private mutating func forget(_ slot: Int, into effects: inout MembershipEffects) {
    let host = table[slot].host
    suspicions[slot] = nil
    rumours.remove(slot)
    loads.forget(slot)
    stability.forget(slot)
    table.remove(slot)
    signer.forget(host)
    effects.events.append(.forgotten(host))
  }
}
