package import Wire

/// Counts handshakes by address: how many left, how many were answered. Only handshakes touch it, so it costs the
/// path of data one comparison a datagram.
package struct HelloLedger {
  /// First byte of datagrams (`security.md` 3.3).
  enum Kind {
    static let hello: UInt8 = 1
    static let response: UInt8 = 2
    static let cookie: UInt8 = 3
    static let data: UInt8 = 4
  }

  package struct Entry: Equatable {
    package var sent = 0
    package var answered = 0
    /// `Now.monotonic` of the last HELLO that we sent there.
    package var lastSent: UInt64 = 0
  }

  /// Addresses that are remembered; the one that was sent to longest ago makes room.
  package static let limit = 256

  package private(set) var entries: [Endpoint: Entry] = [:]

  package init() {}

  package subscript(endpoint: Endpoint) -> Entry { entries[endpoint] ?? Entry() }

  package mutating func sent(to endpoint: Endpoint, at monotonic: UInt64) {
    if entries[endpoint] == nil, entries.count >= HelloLedger.limit,
      let oldest = entries.min(by: { ($0.value.lastSent, $0.key.low) < ($1.value.lastSent, $1.key.low) })
    {
      entries[oldest.key] = nil
    }
    var entry = self[endpoint]
    entry.sent += 1
    entry.lastSent = monotonic
    entries[endpoint] = entry
  }

  /// A RESPONSE or COOKIE came in. From an address that we have not asked it counts for nothing.
  package mutating func answered(by endpoint: Endpoint) { entries[endpoint]?.answered += 1 }

  /// Whether we had asked this address within the longest time that a handshake goes on (90 s): then a session with it
  /// proves nothing about who can reach whom.
  package func hasAsked(_ endpoint: Endpoint, at monotonic: UInt64) -> Bool {
    guard let entry = entries[endpoint], entry.sent > 0 else { return false }
    return monotonic < entry.lastSent &+ 90_000_000_000
  }
}
