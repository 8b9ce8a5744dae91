import Wire

/// Which members' states are news, and how often each has been passed on.
///
/// One place per subject: a newer fact replaces an older one and starts again, so there are never more rumours than
/// members. The least-sent go first, within one count the longest waiting. Revocations go before everything else.
package struct Rumours {
  /// Counts per class; above the greatest R (20 with 16,384 members).
  private static let levels = 32
  private static let urgent = 0
  private static let normal = Rumours.levels
  private static let none = UInt32.max
  private static let idle = UInt8.max

  private struct Link {
    var previous = Rumours.none
    var next = Rumours.none
    /// Class + times sent; `idle` when there is no rumour.
    var level = Rumours.idle
  }

  private var links: ContiguousArray<Link> = []
  private var heads = ContiguousArray<UInt32>(repeating: Rumours.none, count: 2 * Rumours.levels)
  private var tails = ContiguousArray<UInt32>(repeating: Rumours.none, count: 2 * Rumours.levels)
  /// Bit per level that has rumours.
  private var occupied: UInt64 = 0
  package private(set) var count = 0

  package init() {}

  package var isEmpty: Bool { count == 0 }

  package func isWaiting(_ slot: Int) -> Bool { slot < links.count && links[slot].level != Rumours.idle }

  /// Times that the rumour about this slot was sent.
  package func timesSent(_ slot: Int) -> Int { isWaiting(slot) ? Int(links[slot].level) % Rumours.levels : 0 }

  package mutating func add(_ slot: Int, urgent: Bool = false) {
    remove(slot)
    while links.count <= slot { links.append(Link()) }
    append(slot, urgent ? Rumours.urgent : Rumours.normal)
    count += 1
  }

  package mutating func remove(_ slot: Int) {
    guard isWaiting(slot) else { return }
    unlink(slot)
    count -= 1
  }

  package mutating func removeAll() {
    for slot in links.indices { remove(slot) }
  }

  /// Counts one sending of each; those sent `limit` times are old news.
  package mutating func sent(_ slots: borrowing ContiguousArray<UInt32>, limit: Int) {
    for index in slots.indices {
      let slot = Int(slots[index])
      guard isWaiting(slot) else { continue }
      let level = Int(links[slot].level)
      unlink(slot)
      if level % Rumours.levels + 1 < min(limit, Rumours.levels) {
        append(slot, level + 1)
      } else {
        count -= 1
      }
    }
  }

  /// A walk in sending order. Valid while nothing is added or removed.
  package struct Cursor {
    fileprivate var level = -1
    fileprivate var slot = Rumours.none

    package init() {}
  }

  package func next(_ cursor: inout Cursor) -> Int? {
    if cursor.slot != Rumours.none { cursor.slot = links[Int(cursor.slot)].next }
    while cursor.slot == Rumours.none {
      let above = cursor.level + 1
      guard above < 2 * Rumours.levels else { return nil }
      let rest = occupied >> UInt64(above)
      guard rest != 0 else { return nil }
      cursor.level = above + rest.trailingZeroBitCount
      cursor.slot = heads[cursor.level]
    }
    return Int(cursor.slot)
  }

  private mutating func append(_ slot: Int, _ level: Int) {
    let tail = tails[level]
    links[slot] = Link(previous: tail, next: Rumours.none, level: UInt8(level))
    if tail == Rumours.none { heads[level] = UInt32(slot) } else { links[Int(tail)].next = UInt32(slot) }
    tails[level] = UInt32(slot)
    occupied |= 1 << UInt64(level)
  }

  private mutating func unlink(_ slot: Int) {
    let link = links[slot]
    let level = Int(link.level)
    if link.previous == Rumours.none {
      heads[level] = link.next
    } else {
      links[Int(link.previous)].next = link.next
    }
    if link.next == Rumours.none {
      tails[level] = link.previous
    } else {
      links[Int(link.next)].previous = link.previous
    }
    if heads[level] == Rumours.none { occupied &= ~(1 << UInt64(level)) }
    links[slot] = Link()
  }
}
