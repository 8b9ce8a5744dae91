package import Wire

/// One question to one host: a direct ping, then helpers, and what came back until its deadline.
package struct Probe {
  package enum Answer { case none, throughHelper, direct }

  package let slot: Int
  package let host: HostID
  package let sequence: UInt32
  package let sentAt: UInt64
  package var deadline: UInt64
  package private(set) var answer = Answer.none
  /// Pings sent; after a repetition the round trip is ambiguous and not measured (Karn).
  package private(set) var pings = 1
  private var helpers = InlineArray<3, HostID>(repeating: HostID(rawValue: 0))
  package private(set) var helpersAsked = 0
  private var nacked: UInt8 = 0

  package init(slot: Int, host: HostID, sequence: UInt32, sentAt: UInt64, deadline: UInt64) {
    self.slot = slot
    self.host = host
    self.sequence = sequence
    self.sentAt = sentAt
    self.deadline = deadline
  }

  /// Helpers that said themselves that the target is silent.
  package var nacks: Int { nacked.nonzeroBitCount }

  package mutating func repeated() { pings += 1 }

  package mutating func asked(_ helper: HostID) {
    guard helpersAsked < Limits.helpers else { return }
    helpers[helpersAsked] = helper
    helpersAsked += 1
  }

  /// An ack with our sequence. Only the target and helpers that were asked count; a direct answer outranks a relayed
  /// one. Returns whether it counts.
  package mutating func acked(by host: HostID, relayed: Bool) -> Bool {
    if relayed {
      guard position(of: host) != nil else { return false }
      if answer == .none { answer = .throughHelper }
      return true
    }
    guard host == self.host else { return false }
    answer = .direct
    return true
  }

  package mutating func refused(by host: HostID) -> Bool {
    guard let position = position(of: host) else { return false }
    nacked |= 1 << UInt8(position)
    return true
  }

  private func position(of host: HostID) -> Int? {
    for position in 0..<helpersAsked where helpers[position] == host { return position }
    return nil
  }
}

/// The order in which all are asked: shuffled anew each round, so that the time to the next question to a host is
/// bounded by 2n − 1 periods and still not foreseeable.
package struct ProbeOrder {
  private var slots: ContiguousArray<UInt32> = []
  private var listed: ContiguousArray<Bool> = []
  private var cursor = 0

  package init() {}

  /// A host that has come gets a place by chance among those still to be asked in this round.
  package mutating func insert(_ slot: Int, _ chance: inout Chance) {
    while listed.count <= slot { listed.append(false) }
    guard !listed[slot] else { return }
    listed[slot] = true
    slots.append(UInt32(slot))
    let place = cursor + chance.below(slots.count - cursor)
    slots.swapAt(place, slots.count - 1)
  }

  package mutating func next(in table: borrowing MemberTable, _ chance: inout Chance) -> Int? {
    for _ in 0..<2 {
      while cursor < slots.count {
        let slot = Int(slots[cursor])
        cursor += 1
        if table.isUsed(slot), table[slot].status.isLive { return slot }
      }
      shuffle(table, &chance)
    }
    return nil
  }

  private mutating func shuffle(_ table: borrowing MemberTable, _ chance: inout Chance) {
    for slot in slots { listed[Int(slot)] = false }
    slots.removeAll(keepingCapacity: true)
    cursor = 0
    for slot in table.live {
      while listed.count <= Int(slot) { listed.append(false) }
      listed[Int(slot)] = true
      slots.append(slot)
    }
    slots.shuffle(using: &chance)
  }
}
