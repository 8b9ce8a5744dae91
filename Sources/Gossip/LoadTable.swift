import Wire

/// The last load that was heard of each host, in the order in which news came. Load is no rumour: nothing is repeated
/// a number of times; a packet takes the newest entries that its receiver has not been offered yet (`gossip.md` 5.7).
package struct LoadTable {
  package struct Entry {
    package fileprivate(set) var record = LoadRecord()
    /// Grows with each change that a host announces within one life.
    package fileprivate(set) var sequence: UInt32 = 0
    /// Low bits of the generation that it belongs to.
    package fileprivate(set) var life: UInt8 = 0
    package fileprivate(set) var isKnown = false
    package fileprivate(set) var arrived: UInt64 = 0
    /// When the host itself spoke, as far as the ages on the way tell.
    package fileprivate(set) var born: UInt64 = 0
    fileprivate var newer = LoadTable.none
    fileprivate var older = LoadTable.none
  }

  private static let none = UInt32.max

  private var entries: ContiguousArray<Entry> = []
  private var newest = LoadTable.none
  private var oldest = LoadTable.none

  package init() {}

  package subscript(slot: Int) -> Entry? {
    slot < entries.count && entries[slot].isKnown ? entries[slot] : nil
  }

  /// False when this or something newer is known.
  package mutating func learn(
    _ record: LoadRecord, sequence: UInt32, life: UInt8, age: UInt64, of slot: Int, at now: UInt64
  ) -> Bool {
    while entries.count <= slot { entries.append(Entry()) }
    if entries[slot].isKnown {
      if entries[slot].life == life, entries[slot].sequence >= sequence { return false }
      unlink(slot)
    }
    entries[slot] = Entry()
    entries[slot].record = record
    entries[slot].sequence = sequence
    entries[slot].life = life
    entries[slot].isKnown = true
    entries[slot].arrived = now
    entries[slot].born = now > age ? now - age : 0
    entries[slot].older = newest
    if newest == LoadTable.none {
      oldest = UInt32(slot)
    } else {
      entries[Int(newest)].newer = UInt32(slot)
    }
    newest = UInt32(slot)
    return true
  }

  package mutating func forget(_ slot: Int) {
    guard slot < entries.count, entries[slot].isKnown else { return }
    unlink(slot)
    entries[slot] = Entry()
  }

  package var newestSlot: Int? { newest == LoadTable.none ? nil : Int(newest) }

  package func slot(before slot: Int) -> Int? {
    let older = entries[slot].older
    return older == LoadTable.none ? nil : Int(older)
  }

  private mutating func unlink(_ slot: Int) {
    let entry = entries[slot]
    if entry.newer == LoadTable.none { newest = entry.older } else { entries[Int(entry.newer)].older = entry.older }
    if entry.older == LoadTable.none { oldest = entry.newer } else { entries[Int(entry.older)].newer = entry.newer }
  }
}

extension LoadRecord {
  /// Whether the difference is worth telling before the old value is 5 s old: more than 5 % of a scale or of a count.
  package func differsMuch(from other: LoadRecord) -> Bool {
    func far(_ left: UInt8, _ right: UInt8, _ step: UInt8) -> Bool {
      (left > right ? left - right : right - left) > step
    }
    func far(_ left: UInt32, _ right: UInt32) -> Bool {
      (left > right ? left - right : right - left) > max(left, right) / 20
    }
    return flags != other.flags || far(processor, other.processor, 10) || far(memory, other.memory, 5)
      || far(players, other.players) || far(maps, other.maps) || far(uplink, other.uplink, 1)
      || far(loopLag, other.loopLag, 4)
  }
}
