package import Wire

/// What is held of a host. A higher status supersedes a lower one within one incarnation, and a greater incarnation
/// supersedes everything but a revocation; after `left` the incarnation must be of a greater generation.
package enum Status: UInt8, Comparable, Sendable {
  case alive
  /// Accused, and time to answer is running. Counts as live.
  case suspect
  case dead
  /// Said goodbye itself.
  case left
  /// Expelled by the operator; final.
  case revoked

  package static func < (left: Status, right: Status) -> Bool { left.rawValue < right.rawValue }

  package var isLive: Bool { self <= .suspect }
}

/// What a host says of itself and signs (DESIGN 5.1).
package struct SelfRecord: Hashable {
  package var host: HostID
  package var incarnation: Incarnation
  package var endpoint: Endpoint
  package var metadataVersion: UInt64
  package var roles: Roles

  package init(host: HostID, incarnation: Incarnation, endpoint: Endpoint, metadataVersion: UInt64, roles: Roles) {
    self.host = host
    self.incarnation = incarnation
    self.endpoint = endpoint
    self.metadataVersion = metadataVersion
    self.roles = roles
  }
}

/// One entry of the table. There are millions in a large simulation: it is kept small, and what only few members have
/// (a suspicion, a rumour, a load) is kept elsewhere.
package struct Member {
  package var record: SelfRecord
  /// Of the self-record; of the goodbye once the host has left.
  package var signature: Signature
  package var status: Status
  /// A tombstone: out of the digest, and only a greater generation rises from it.
  package var isBuried = false
  /// Round-trip multiplier that the host told last: a sick host is a bad helper.
  package var health: UInt8 = 0
  /// Probes in a row that only helpers brought home.
  package var oneWayRounds: UInt8 = 0
  /// Second of `checks`, and signature checks that this host has cost us in it.
  package var checkSecond: UInt32 = 0
  package var checks: UInt16 = 0
  /// When the status was adopted; for a death that was learned later, when it happened.
  package var since: UInt64
  /// The last message that came from the host itself; 0 = none.
  package var heard: UInt64 = 0
  /// When the host was last told that it counts as dead.
  package var told: UInt64 = 0
  /// When a packet to this host last carried load.
  package var loadSent: UInt64 = 0
  package var roundTrip = RoundTrip()
  package var losses = LossHistory()

  package init(record: SelfRecord, signature: Signature, status: Status, since: UInt64) {
    self.record = record
    self.signature = signature
    self.status = status
    self.since = since
  }

  package var host: HostID { record.host }
  package var incarnation: Incarnation { record.incarnation }
}

/// Smoothed round trip and its mean deviation in microseconds (weights of RFC 6298).
package struct RoundTrip: Hashable {
  package private(set) var smoothed: UInt32 = 0
  package private(set) var deviation: UInt32 = 0

  package var isKnown: Bool { smoothed > 0 }
  package var nanoseconds: UInt64 { UInt64(smoothed) * 1_000 }

  /// About the 99th percentile: for a normal distribution 2.33 standard deviations are 2.9 mean deviations.
  package var high: UInt64 { (UInt64(smoothed) + 3 * UInt64(deviation)) * 1_000 }

  package mutating func measured(_ nanoseconds: UInt64) {
    let sample = UInt32(clamping: max(1, nanoseconds / 1_000))
    guard isKnown else {
      smoothed = sample
      deviation = sample / 2
      return
    }
    let distance = sample > smoothed ? sample - smoothed : smoothed - sample
    deviation = UInt32(clamping: (UInt64(deviation) * 3 + UInt64(distance)) / 4)
    smoothed = max(1, UInt32(clamping: (UInt64(smoothed) * 7 + UInt64(sample)) / 8))
  }
}

/// Which of the last 31 probes got no answer to their first ping in time, the newest in the lowest bit; a leading one
/// stands before the oldest.
package struct LossHistory: Hashable {
  private var bits: UInt32 = 1

  package init() {}

  package mutating func add(lost: Bool) {
    let isFull = bits.leadingZeroBitCount == 0
    bits = bits << 1 | (lost ? 1 : 0)
    if isFull { bits |= 1 << 31 }
  }

  /// 0…1; `nil` before the first probe.
  package var ratio: Double? {
    let count = 31 - bits.leadingZeroBitCount
    return count == 0 ? nil : Double(bits.nonzeroBitCount - 1) / Double(count)
  }
}

/// A member as screens and the simulator see it.
package struct MemberView: Hashable, Sendable {
  package let host: HostID
  package let status: Status
  package let incarnation: Incarnation
  package let endpoint: Endpoint
  package let roles: Roles
  package let metadataVersion: UInt64
  /// Nanoseconds in this status.
  package let age: UInt64
  /// Nanoseconds since a message came from the host itself; `nil` = never.
  package let silence: UInt64?
  /// Smoothed round trip in nanoseconds; `nil` = not measured.
  package let roundTrip: UInt64?
  /// Share of our last probes whose first ping was not answered in time; `nil` before the first.
  package let loss: Double?
  /// The last load that was heard and its age in nanoseconds; `nil` when it is too old to mean anything.
  package let load: LoadRecord?
  package let loadAge: UInt64?
  package let why: Why
  /// Ownership may count on it (hold-down is over).
  package let isStable: Bool
  /// Observers that reach it through others only.
  package let isImpaired: Bool
  /// A tombstone: only a greater generation rises from it.
  package let isBuried: Bool

  /// Why the status is what it is.
  package enum Why: Hashable, Sendable {
    case saysSo
    case accused(by: [HostID])
    case saidGoodbye
    case expelled
  }
}
