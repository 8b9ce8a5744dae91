/// What a host has, measured at itself and told to the voters.
package struct HostResources: Hashable, Sendable {
  package var cores: Int
  package var memoryBytes: UInt64
  package var uplinkBitsPerSecond: UInt64
  /// Share of the time since its first join that the host was there, 0...1000.
  package var uptimePerMille: Int

  package init(cores: Int, memoryBytes: UInt64, uplinkBitsPerSecond: UInt64, uptimePerMille: Int = 1_000) {
    self.cores = cores
    self.memoryBytes = memoryBytes
    self.uplinkBitsPerSecond = uplinkBitsPerSecond
    self.uptimePerMille = uptimePerMille
  }
}

/// The share of the shards that a host takes, 1...64; 0: none.
package enum Weight {
  package static let limit = 64

  @inline(__always)
  static func clamped(_ weight: Int) -> Int { min(limit, max(1, weight)) }

  /// From the resource that binds: a unit is one core, 2 GiB of memory and 10 Mbit/s towards the mesh. The uptime takes
  /// up to a half; `cap` is the certificate's (0: none).
  package static func measured(_ resources: HostResources, cap: Int) -> Int {
    // In thousandths, so that 3 GiB count as 1.5 and not as 1 before the uptime takes its part.
    let cores = UInt64(min(limit, max(0, resources.cores))) * 1_000
    let memory = (min(resources.memoryBytes, 1 << 40) * 1_000) >> 31
    let uplink = resources.uplinkBitsPerSecond / 10_000
    let binding = min(cores, memory, uplink, UInt64(limit) * 1_000)
    let uptimeFactor = UInt64(500 + min(1_000, max(0, resources.uptimePerMille)) / 2)
    let weight = clamped(Int(binding * uptimeFactor / 1_000_000))
    return cap > 0 ? min(cap, weight) : weight
  }

  /// A host new to the mesh begins with a quarter of its weight and has all of it after ten minutes, so that a machine
  /// that does not keep what it promises is noticed while it carries little.
  package static func ramped(_ weight: Int, ageSeconds: UInt64) -> Int {
    let span: UInt64 = 600
    guard ageSeconds < span else { return weight }
    return clamped(weight * Int(span + 3 * ageSeconds) / Int(4 * span))
  }
}

/// The weight that a host has told the voters. It follows what is measured reluctantly: every change of a weight moves
/// shards, so changes below a fifth are not told, and none within five minutes of the last.
package struct PublishedWeight: Hashable, Sendable {
  package static let quietSpan: UInt64 = 300_000_000_000

  /// 0...64; 0 until the first measurement and while draining.
  package private(set) var weight = 0
  /// Counts changes; a greater version wins.
  package private(set) var version: UInt64 = 0
  private var changed: UInt64 = 0

  package init() {}

  /// - Parameters:
  ///   - measured: 1...64, ramped.
  ///   - monotonic: now, in nanoseconds.
  /// - Returns: whether there is something new to tell.
  package mutating func update(measured: Int, isDraining: Bool, monotonic: UInt64) -> Bool {
    let wanted = isDraining ? 0 : Weight.clamped(measured)
    guard wanted != weight else { return false }
    // To and from zero at once: an operator waits for it.
    if wanted != 0, weight != 0 {
      guard monotonic >= changed &+ PublishedWeight.quietSpan, abs(wanted - weight) * 5 >= weight else { return false }
    }
    weight = wanted
    version &+= 1
    changed = monotonic
    return true
  }
}
