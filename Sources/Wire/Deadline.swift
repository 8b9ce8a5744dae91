/// The name of a timer. It is a value: whoever set it recognises a late or stale one by its token and ignores it, so no
/// timer is ever cancelled.
package struct Timer: Hashable, Sendable {
  /// Which core's timer this is; set by the joint that collects the effects of several cores.
  package var room: UInt8
  /// What the core means by it.
  package let kind: UInt8
  /// Distinguishes lives of the same (kind, subject).
  package let token: UInt32
  /// A host, session or connection; 0 when the kind needs none.
  package let subject: UInt64

  @inlinable package init(room: UInt8 = 0, kind: UInt8, subject: UInt64 = 0, token: UInt32 = 0) {
    self.room = room
    self.kind = kind
    self.token = token
    self.subject = subject
  }
}

/// A timer and the moment at which it is due (`Now.monotonic`).
package struct Deadline: Hashable, Sendable {
  package var at: UInt64
  package var timer: Timer

  @inlinable package init(at: UInt64, timer: Timer) {
    self.at = at
    self.timer = timer
  }
}

/// A binary heap ordered by time, then by order of insertion, so that equal times are served in the order in which
/// they were asked for. The loop keeps its deadlines in one, the simulator its world.
package struct DeadlineQueue<Element> {
  private struct Entry {
    var at: UInt64
    var sequence: UInt64
    var element: Element

    func isBefore(_ other: Entry) -> Bool { at != other.at ? at < other.at : sequence < other.sequence }
  }

  private var entries: ContiguousArray<Entry> = []
  private var sequence: UInt64 = 0

  package init() {}

  package var count: Int { entries.count }
  package var isEmpty: Bool { entries.isEmpty }
  /// The earliest time in the queue.
  // Not `entries.first`: without optimisation that allocates, and the loop asks in every turn.
  package var earliest: UInt64? { entries.isEmpty ? nil : entries[0].at }

  package mutating func insert(_ element: Element, at: UInt64) {
    sequence &+= 1
    entries.append(Entry(at: at, sequence: sequence, element: element))
    var child = entries.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard entries[child].isBefore(entries[parent]) else { return }
      entries.swapAt(child, parent)
      child = parent
    }
  }

  /// The earliest element, if it is due by `limit`.
  package mutating func popFirst(dueBy limit: UInt64 = .max) -> (at: UInt64, element: Element)? {
    guard !entries.isEmpty, entries[0].at <= limit else { return nil }
    let first = entries[0]
    let last = entries.removeLast()
    if !entries.isEmpty {
      entries[0] = last
      sink()
    }
    return (first.at, first.element)
  }

  package mutating func removeAll() { entries.removeAll() }

  private mutating func sink() {
    var parent = 0
    while true {
      var least = parent
      let left = 2 * parent + 1
      if left < entries.count, entries[left].isBefore(entries[least]) { least = left }
      if left + 1 < entries.count, entries[left + 1].isBefore(entries[least]) { least = left + 1 }
      if least == parent { return }
      entries.swapAt(parent, least)
      parent = least
    }
  }
}
