import Wire

/// What the responder's ladder asks before a HELLO costs it anything (`security.md` 3.3, steps 4–9).
struct Responder {
  enum Verdict { case serve, askForCookie, refuse }

  private static let underLoadAbove = 100
  private static let unconfirmedLimit = 128
  private static let unconfirmedLife = Nanoseconds.seconds(5)
  private static let secretLife = Nanoseconds.seconds(120)
  private static let sourcesLimit = 4_096

  /// Sessions that we answered and nobody has used yet, oldest first.
  var unconfirmed: [Int] = []
  private let secret: UInt64
  private var second: UInt64 = 0
  private var hellosThisSecond = 0
  private var loadedUntil: UInt64 = 0
  private var cookies = TokenBucket(perSecond: 2_000, burst: 2_000)
  private var handshakes = TokenBucket(perSecond: 500, burst: 64)
  private var addresses: [Endpoint: TokenBucket] = [:]
  private var prefixes: [UInt64: TokenBucket] = [:]

  init(secret: UInt64) { self.secret = secret }

  mutating func judge(from: Endpoint, cookie: UInt64, now: UInt64) -> Verdict {
    countHello(now)
    if now < loadedUntil {
      guard cookie != 0, isOurs(cookie, from: from, now: now) else {
        return cookies.take(at: now) ? .askForCookie : .refuse
      }
      guard take(from.withPort(0), in: &addresses, perSecond: 20, burst: 5, now: now),
        take(from.prefix, in: &prefixes, perSecond: 100, burst: 100, now: now)
      else { return .refuse }
    }
    return handshakes.take(at: now) ? .serve : .refuse
  }

  private mutating func countHello(_ now: UInt64) {
    if now / 1_000_000_000 != second {
      second = now / 1_000_000_000
      hellosThisSecond = 0
    }
    hellosThisSecond += 1
    if hellosThisSecond > Responder.underLoadAbove { loadedUntil = now + Nanoseconds.seconds(1) }
  }

  /// The table forgets everything when it is full: that is kinder to the honest than refusing them.
  private func take<Key: Hashable>(
    _ key: Key, in table: inout [Key: TokenBucket], perSecond: UInt64, burst: UInt64, now: UInt64
  ) -> Bool {
    if table.count >= Responder.sourcesLimit, table[key] == nil { table.removeAll(keepingCapacity: true) }
    return table[key, default: TokenBucket(perSecond: perSecond, burst: burst)].take(at: now)
  }

  func cookie(for endpoint: Endpoint, now: UInt64) -> UInt64 { cookie(endpoint, period: now / Responder.secretLife) }

  private func isOurs(_ cookie: UInt64, from endpoint: Endpoint, now: UInt64) -> Bool {
    let period = now / Responder.secretLife
    if cookie == self.cookie(endpoint, period: period) { return true }
    // The previous secret is accepted for 10 s more.
    return period > 0 && now % Responder.secretLife < Nanoseconds.seconds(10)
      && cookie == self.cookie(endpoint, period: period - 1)
  }

  private func cookie(_ endpoint: Endpoint, period: UInt64) -> UInt64 {
    mix64(secret ^ mix64(endpoint.low ^ UInt64(endpoint.port) << 48 ^ period &* 0x9e37_79b9_7f4a_7c15)) | 1
  }

  /// Room for one more unconfirmed session, by ending those that nobody used in time.
  mutating func makeRoom(_ sessions: inout SessionTable, now: UInt64) -> Bool {
    guard unconfirmed.count >= Responder.unconfirmedLimit else { return true }
    unconfirmed.removeAll { place in
      guard now &- sessions[place].established > Responder.unconfirmedLife else { return false }
      sessions.close(place)
      return true
    }
    return unconfirmed.count < Responder.unconfirmedLimit
  }
}
