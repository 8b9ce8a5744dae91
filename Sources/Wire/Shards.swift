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

/// What holds a seat in an in-sync set: one life of a host.
package struct Member: Hashable, Comparable, Sendable {
  package let host: HostID
  package let life: Life

  @inlinable package init(host: HostID, life: Life) {
    self.host = host
    self.life = life
  }

  @inlinable package static func < (left: Member, right: Member) -> Bool {
    left.host != right.host ? left.host < right.host : left.life < right.life
  }
}

extension Reader {
  @inlinable package mutating func shardID() throws(WireError) -> ShardID { ShardID(rawValue: try u64()) }
  @inlinable package mutating func member() throws(WireError) -> Member {
    Member(host: try hostID(), life: Life(rawValue: try u64()))
  }
}

extension Writer {
  @inlinable package mutating func shardID(_ shard: ShardID) { u64(shard.rawValue) }
  @inlinable package mutating func member(_ member: Member) {
    hostID(member.host)
    u64(member.life.rawValue)
  }
}
