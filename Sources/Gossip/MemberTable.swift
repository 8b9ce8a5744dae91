package import Wire

/// All hosts that are known, ourselves in slot 0, with the digest and the list of the living kept up at each change.
///
/// A host keeps its slot until it is forgotten, so other tables (loads, rumours, stability) run parallel to this one.
package struct MemberTable {
  package static let own = 0

  package private(set) var members: ContiguousArray<Member> = []
  private var index: [HostID: UInt32] = [:]
  private var free: ContiguousArray<UInt32> = []
  /// Living hosts except ourselves, in no meaningful order: what samples are drawn from.
  package private(set) var live: ContiguousArray<UInt32> = []
  /// Where a slot stands in `live`; `absent`, or `empty` for a slot without a member.
  private var livePosition: ContiguousArray<Int32> = []
  package private(set) var digest = Digest()
  package private(set) var dead = 0

  private static let absent: Int32 = -1
  private static let empty: Int32 = -2

  package init(own: Member) {
    _ = insert(own)
  }

  /// Members and tombstones.
  package var count: Int { index.count }
  /// Slots in use or free: the size of parallel tables.
  package var slots: Int { members.count }
  /// Living hosts, ourselves included.
  package var liveCount: Int { live.count + (members[MemberTable.own].status.isLive ? 1 : 0) }

  package func slot(of host: HostID) -> Int? { index[host].map(Int.init) }
  package func isUsed(_ slot: Int) -> Bool { livePosition[slot] != MemberTable.empty }

  /// Not a coroutine (`_read`): Swift 6.3 without optimisation reads trivial fields after its frame is freed.
  package subscript(slot: Int) -> Member { members[slot] }

  /// `nil` when the table is full or the host has a slot.
  package mutating func insert(_ member: Member) -> Int? {
    guard index.count < Limits.members, index[member.host] == nil else { return nil }
    let slot: Int
    if let reused = free.popLast() {
      slot = Int(reused)
      members[slot] = member
      livePosition[slot] = MemberTable.absent
    } else {
      slot = members.count
      members.append(member)
      livePosition.append(MemberTable.absent)
    }
    index[member.host] = UInt32(slot)
    enter(slot)
    return slot
  }

  /// Changes anything about a member except its host.
  package mutating func update(_ slot: Int, _ change: (inout Member) -> Void) {
    leave(slot)
    change(&members[slot])
    enter(slot)
  }

  /// Changes what neither the digest nor the list of the living depends on: everything but record, status, burial.
  package mutating func note(_ slot: Int, _ change: (inout Member) -> Void) { change(&members[slot]) }

  package mutating func remove(_ slot: Int) {
    leave(slot)
    index[members[slot].host] = nil
    livePosition[slot] = MemberTable.empty
    free.append(UInt32(slot))
  }

  private mutating func enter(_ slot: Int) {
    if let leaf = Digest.leaf(members[slot]) { digest.add(leaf, of: members[slot].host) }
    if members[slot].status == .dead { dead += 1 }
    if members[slot].status.isLive, slot != MemberTable.own {
      livePosition[slot] = Int32(live.count)
      live.append(UInt32(slot))
    }
  }

  private mutating func leave(_ slot: Int) {
    if let leaf = Digest.leaf(members[slot]) { digest.remove(leaf, of: members[slot].host) }
    if members[slot].status == .dead { dead -= 1 }
    let position = livePosition[slot]
    if position >= 0 {
      let last = live.removeLast()
      if Int(last) != slot {
        live[Int(position)] = last
        livePosition[Int(last)] = position
      }
      livePosition[slot] = MemberTable.absent
    }
  }

  /// Up to `count` different living hosts other than ourselves, by chance; those in `excluded` are left out.
  package func sample(_ count: Int, excluding excluded: Int? = nil, _ chance: inout Chance, into chosen: inout [Int]) {
    chosen.removeAll(keepingCapacity: true)
    let excludedLives = excluded.map { livePosition[$0] >= 0 } ?? false
    let available = live.count - (excludedLives ? 1 : 0)
    if available <= count {
      for slot in live where Int(slot) != excluded { chosen.append(Int(slot)) }
      return
    }
    // Few are wanted of many: drawing again on a repetition is rare.
    while chosen.count < count {
      let slot = Int(live[chance.below(live.count)])
      if slot != excluded, !chosen.contains(slot) { chosen.append(slot) }
    }
  }
}
