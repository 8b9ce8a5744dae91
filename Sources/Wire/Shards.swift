/// A shard's identity: the first 8 bytes (read big-endian) of BLAKE2b-256("shard/1" ‖ its name).
package struct ShardID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let rawValue: UInt64

  @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }

  package var description: String {
    let digits = String(rawValue, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  @inlinable package static func < (left: ShardID, right: ShardID) -> Bool { left.rawValue < right.rawValue }
}

/// The number of a reign over a shard. 0: nobody has ever owned it.
package struct Epoch: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let rawValue: UInt64

  @inlinable package init(_ rawValue: UInt64) { self.rawValue = rawValue }

  package static let none = Epoch(0)
  package var description: String { String(rawValue) }

  @inlinable package static func < (left: Epoch, right: Epoch) -> Bool { left.rawValue < right.rawValue }
}

/// One start of a process: 64 random bits, never stored. The `boot_id` of the handshake, so that every session and link
/// belongs to one life of its peer.
package struct Life: Hashable, Comparable, Sendable {
  package let rawValue: UInt64

  @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }

  @inlinable package static func < (left: Life, right: Life) -> Bool { left.rawValue < right.rawValue }
}

extension Reader {
  @inlinable package mutating func shardID() throws(WireError) -> ShardID { ShardID(rawValue: try u64()) }
}

extension Writer {
  @inlinable package mutating func shardID(_ shard: ShardID) { u64(shard.rawValue) }
}
