import Wire

/// The local conduct score of one authenticated key: never shared, so nobody can have a host banned by reports.
///
/// Half-life 10 minutes. From 50 on the host is served last, at 100 it is banned: 10 minutes, doubling to 24 hours.
package struct ConductScore: Sendable {
  package static let deprioritisedAt = 50
  package static let bannedAt = 100
  static let halfLife = Nanoseconds.seconds(600)
  static let firstBan = Nanoseconds.seconds(600)
  static let longestBan = Nanoseconds.seconds(24 * 3600)
  /// A host that behaved so long after its last ban starts over with the first.
  static let banMemory = 2 * longestBan

  /// In 1/1024 points, as of `updatedAt`.
  private var level: UInt64 = 0
  private var updatedAt: UInt64 = 0
  private var bans: UInt8 = 0
  package private(set) var bannedUntil: UInt64 = 0

  package init() {}

  package func value(at now: UInt64) -> Int { Int(truncatingIfNeeded: decayed(at: now) >> 10) }
  package func isDeprioritised(at now: UInt64) -> Bool { value(at: now) >= ConductScore.deprioritisedAt }
  package func isBanned(at now: UInt64) -> Bool { now < bannedUntil }
  /// Nothing worth remembering.
  func isClean(at now: UInt64) -> Bool {
    !isBanned(at: now) && decayed(at: now) < 1024
      && (bans == 0 || now &- bannedUntil > ConductScore.banMemory)
  }

  /// Adds points; true when this brought a ban.
  package mutating func add(_ points: Int, at now: UInt64) -> Bool {
    level = min(decayed(at: now) &+ UInt64(max(points, 0)) << 10, 1 << 30)
    updatedAt = now
    guard value(at: now) >= ConductScore.bannedAt, !isBanned(at: now) else { return false }
    ban(at: now)
    return true
  }

  package mutating func ban(at now: UInt64) {
    if bans > 0, now &- bannedUntil > ConductScore.banMemory { bans = 0 }
    let span = min(ConductScore.firstBan << UInt64(min(bans, 8)), ConductScore.longestBan)
    bannedUntil = now &+ span
    bans = min(bans + 1, 16)
    // The ban is the answer to what was done before it.
    level = 0
  }

  private func decayed(at now: UInt64) -> UInt64 {
    let elapsed = now > updatedAt ? now - updatedAt : 0
    let halves = elapsed / ConductScore.halfLife
    guard halves < 32 else { return 0 }
    let whole = level >> halves
    // Between two halvings, a straight line: at most 6 % off the exponential, and the same on every machine.
    return whole - (whole / 2) * (elapsed % ConductScore.halfLife / 1_000_000) / (ConductScore.halfLife / 1_000_000)
  }
}
