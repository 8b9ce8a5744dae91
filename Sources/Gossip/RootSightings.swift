import Wire

/// Whose table was seen to be like ours, and whose not: what `status` says about agreement. Nothing decides by it.
struct RootSightings {
  /// The hosts heard last; in a large mesh a sample that is renewed all the time.
  static let limit = 32
  /// Older sightings say nothing about now.
  static let memory = Span.minutes(2)

  struct Sighting {
    var host: HostID
    var at: UInt64
    /// Since when its root has differed from ours at every sighting; `nil` while they agree.
    var differsSince: UInt64?
  }

  private(set) var sightings: ContiguousArray<Sighting> = []

  mutating func saw(_ host: HostID, agrees: Bool, at now: UInt64) {
    if let index = sightings.firstIndex(where: { $0.host == host }) {
      sightings[index].at = now
      sightings[index].differsSince = agrees ? nil : sightings[index].differsSince ?? now
      return
    }
    let sighting = Sighting(host: host, at: now, differsSince: agrees ? nil : now)
    if sightings.count < RootSightings.limit {
      sightings.append(sighting)
    } else if let oldest = sightings.indices.min(by: { sightings[$0].at < sightings[$1].at }) {
      sightings[oldest] = sighting
    }
  }
}

/// How many of the living hosts heard of late hold the same table as we.
package struct RootAgreement: Hashable, Sendable {
  /// Ourselves included in both.
  package let agreeing: Int
  package let heard: Int
  /// Nanoseconds for which the one that has differed longest has done so; 0 when all agree.
  package let differingFor: UInt64
}

extension Membership {
  package var rootAgreement: RootAgreement {
    let now = latest.monotonic
    var heard = 1
    var agreeing = 1
    var longest: UInt64 = 0
    for sighting in roots.sightings where now &- sighting.at <= RootSightings.memory {
      guard let slot = table.slot(of: sighting.host), table[slot].status.isLive else { continue }
      heard += 1
      if let since = sighting.differsSince { longest = max(longest, now &- since) } else { agreeing += 1 }
    }
    return RootAgreement(agreeing: agreeing, heard: heard, differingFor: longest)
  }
}
