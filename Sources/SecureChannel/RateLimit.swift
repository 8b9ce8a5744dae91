import Wire

/// A token bucket: `rate` per second on average, `burst` at once.
///
/// It keeps the time at which it will be full again (the generic cell rate algorithm), so one word is its whole state.
package struct TokenBucket: Sendable {
  /// Nanoseconds that one token takes to come back.
  private let interval: UInt64
  /// How far the bucket may run ahead of the clock.
  private let tolerance: UInt64
  private var fullAt: UInt64 = 0

  package init(rate: UInt64, burst: UInt64) {
    interval = 1_000_000_000 / max(rate, 1)
    tolerance = interval * max(burst, 1)
  }

  /// Takes `count` tokens, or none when there are fewer.
  package mutating func take(_ count: UInt64 = 1, at now: UInt64) -> Bool {
    let start = max(fullAt, now)
    let end = start &+ interval &* count
    guard end &- now <= tolerance else { return false }
    fullAt = end
    return true
  }

  /// True when `take` would be.
  package func has(_ count: UInt64 = 1, at now: UInt64) -> Bool {
    max(fullAt, now) &+ interval &* count &- now <= tolerance
  }

  /// Nanoseconds until one token is there.
  package func wait(at now: UInt64) -> UInt64 {
    let end = max(fullAt, now) &+ interval
    return end &- now > tolerance ? end &- now &- tolerance : 0
  }
}

/// Token buckets per source, in a table of fixed size: at most 4,096 sources at once, forgotten after a second.
///
/// Four places per source (chosen by a secret salt, so that nobody can aim at a neighbour's places). A full set is a
/// refusal, or with `evicts` the longest idle source gives way: the former for sources that proved their address (they
/// are few), the latter where spoofed sources may come in and may not push an honest one out for long.
package struct RateTable {
  private struct Entry {
    var key: UInt64 = 0
    var fullAt: UInt64 = 0
    var usedAt: UInt64 = 0
    var isUsed = false
  }

  private static let ways = 4
  private static let sets = 1024
  /// An idle entry is forgotten after a second: its bucket is full again by then.
  private static let life: UInt64 = 1_000_000_000

  private let interval: UInt64
  private let tolerance: UInt64
  private let salt: UInt64
  private let evicts: Bool
  private var entries: ContiguousArray<Entry> = []

  package init(rate: UInt64, burst: UInt64, salt: UInt64, evicts: Bool) {
    interval = 1_000_000_000 / max(rate, 1)
    tolerance = interval * max(burst, 1)
    self.salt = salt
    self.evicts = evicts
  }

  /// True when `take` would be: nothing is entered for a source that is not there yet.
  package func has(_ key: UInt64, at now: UInt64) -> Bool {
    guard !entries.isEmpty else { return true }
    let set = setStart(key)
    for index in set..<set + RateTable.ways where entries[index].isUsed && entries[index].key == key {
      return max(entries[index].fullAt, now) &+ interval &- now <= tolerance
    }
    return true
  }

  /// Takes a token of this source.
  package mutating func take(_ key: UInt64, at now: UInt64) -> Bool {
    // 4,096 entries are 128 KiB: most nodes are never under load and never need them.
    if entries.isEmpty {
      entries = ContiguousArray(repeating: Entry(), count: RateTable.ways * RateTable.sets)
    }
    let set = setStart(key)
    var place: Int?
    var oldest = set
    for index in set..<set + RateTable.ways {
      if entries[index].isUsed, entries[index].key == key { return charge(index, at: now) }
      if !entries[index].isUsed || now &- entries[index].usedAt > RateTable.life { place = place ?? index }
      if entries[index].usedAt < entries[oldest].usedAt { oldest = index }
    }
    guard let free = place ?? (evicts ? oldest : nil) else { return false }
    entries[free] = Entry(key: key, fullAt: now, usedAt: now, isUsed: true)
    return charge(free, at: now)
  }

  private mutating func charge(_ index: Int, at now: UInt64) -> Bool {
    let end = max(entries[index].fullAt, now) &+ interval
    entries[index].usedAt = now
    guard end &- now <= tolerance else { return false }
    entries[index].fullAt = end
    return true
  }

  private func setStart(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: mix64(key ^ salt) % UInt64(RateTable.sets)) * RateTable.ways
  }
}

extension Endpoint {
  /// One source for rate limits: a whole IPv4 address, the /64 of an IPv6 one (a host owns its /64).
  var rateKey: UInt64 { isIPv4 ? low : high | 1 }
}

/// The limits of `security.md` 3.3 (steps 4 to 6) and 3.8 on work for sources that have not proven who they are.
struct HandshakeLimits {
  /// Per address with a proven source: 20/s, burst 5.
  var addresses: RateTable
  /// Per /24 or /48 with a proven source: 100/s.
  var prefixes: RateTable
  /// Cookies per /24 or /48: 50/s.
  var cookiePrefixes: RateTable
  /// Cookies in all are at most 2,000/s; a quarter of them is kept for the neighbourhoods of known hosts, so that a
  /// flood from random addresses cannot use up the cookies that honest hosts need.
  var cookies = TokenBucket(rate: 1500, burst: 256)
  var knownCookies = TokenBucket(rate: 500, burst: 128)
  /// Handshakes that may cost Diffie-Hellman work: 500/s, burst 64.
  var work: TokenBucket
  /// Our own HELLOs: a forged member list must not make a flooder of us.
  var hellos: TokenBucket

  init(settings: ChannelSettings, salt: UInt64) {
    addresses = RateTable(rate: 20, burst: 5, salt: salt, evicts: false)
    prefixes = RateTable(rate: 100, burst: 100, salt: salt &+ 1, evicts: false)
    cookiePrefixes = RateTable(rate: 50, burst: 50, salt: salt &+ 2, evicts: true)
    work = TokenBucket(rate: settings.handshakesPerSecond, burst: settings.handshakeBurst)
    hellos = TokenBucket(rate: settings.hellosPerSecond, burst: settings.hellosPerSecond)
  }

  /// One cookie for a source that has proven nothing.
  mutating func takeCookie(for source: Endpoint, isKnown: Bool, at now: UInt64) -> Bool {
    // The prefix is looked at first and entered last: a flood from one prefix must not use up what all share, and a
    // flood from many may enter no more prefixes than cookies are sent.
    guard cookiePrefixes.has(source.prefix, at: now) else { return false }
    guard cookies.take(at: now) || (isKnown && knownCookies.take(at: now)) else { return false }
    return cookiePrefixes.take(source.prefix, at: now)
  }

  /// One handshake for a source that has proven its address.
  mutating func takeProven(_ source: Endpoint, at now: UInt64) -> Bool {
    prefixes.take(source.prefix, at: now) && addresses.take(source.rateKey, at: now)
  }
}
