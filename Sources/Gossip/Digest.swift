package import Wire

/// A fingerprint of the table that two hosts compare in 8 bytes (`gossip.md` 5.6).
///
/// Each entry is a leaf, 64 buckets are sums of leaves, the root is a sum of mixed buckets. Sums commute, so the order
/// in which hosts learned things does not show, and a change costs O(1). Load, round trips and timers stay outside:
/// what always changes would never agree. A suspect counts as alive, because a suspicion is an opinion of the moment.
package struct Digest: Hashable {
  package static let bucketCount = 64

  package private(set) var buckets = ContiguousArray<UInt64>(repeating: 0, count: Digest.bucketCount)
  package private(set) var root: UInt64 = 0

  package init() {}

  package static func bucket(of host: HostID) -> Int { Int(truncatingIfNeeded: host.rawValue & 63) }

  /// `nil` for an entry that does not take part: a tombstone in the second half of its life.
  package static func leaf(_ member: Member) -> UInt64? {
    if member.isBuried { return nil }
    // Expulsion concerns the key: whichever incarnation somebody saw last does not matter.
    if member.status == .revoked { return mix64(member.host.rawValue) ^ mix64(4) }
    let life = mix64(member.host.rawValue ^ mix64(member.incarnation.rawValue))
    return switch member.status {
    case .alive, .suspect: life ^ mix64(1 | member.record.metadataVersion << 3)
    case .dead: life ^ mix64(2 | member.record.metadataVersion << 3)
    // A goodbye may be all that somebody has of the host.
    case .left, .revoked: life ^ mix64(3)
    }
  }

  package mutating func add(_ leaf: UInt64, of host: HostID) { change(Digest.bucket(of: host)) { $0 &+ leaf } }
  package mutating func remove(_ leaf: UInt64, of host: HostID) { change(Digest.bucket(of: host)) { $0 &- leaf } }

  private mutating func change(_ bucket: Int, _ sum: (UInt64) -> UInt64) {
    root &-= Digest.mixed(buckets[bucket], bucket)
    buckets[bucket] = sum(buckets[bucket])
    root &+= Digest.mixed(buckets[bucket], bucket)
  }

  /// Empty buckets weigh nothing, so the root of nothing is 0.
  private static func mixed(_ sum: UInt64, _ bucket: Int) -> UInt64 {
    sum == 0 ? 0 : mix64(sum ^ mix64(UInt64(bucket) &+ 1))
  }

  /// What travels of a bucket: 32 bits are enough to find a difference that the root has already shown.
  package func short(_ bucket: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: Digest.mixed(buckets[bucket], bucket) >> 32)
  }
}
