package import Wire

/// What holds a seat in an in-sync set: one life of a host.
package struct Member: Hashable, Comparable, Sendable {
  package let host: HostID
  package let life: Life

  package init(host: HostID, life: Life) {
    self.host = host
    self.life = life
  }

  package static func < (left: Member, right: Member) -> Bool {
    left.host != right.host ? left.host < right.host : left.life < right.life
  }
}

extension Reader {
  mutating func member() throws(WireError) -> Member {
    Member(host: try hostID(), life: Life(rawValue: try u64()))
  }
}

extension Writer {
  mutating func member(_ member: Member) {
    hostID(member.host)
    u64(member.life.rawValue)
  }
}
