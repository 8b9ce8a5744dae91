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
  @usableFromInline struct Entry {
    @usableFromInline var at: UInt64
    @usableFromInline var sequence: UInt64
    @usableFromInline var element: Element

    @inlinable init(at: UInt64, sequence: UInt64, element: Element) {
      self.at = at
      self.sequence = sequence
      self.element = element
    }

    @inlinable func isBefore(_ other: Entry) -> Bool { at != other.at ? at < other.at : sequence < other.sequence }
  }

  @usableFromInline var entries: ContiguousArray<Entry> = []
  @usableFromInline var sequence: UInt64 = 0

  @inlinable package init() {}

  @inlinable package var count: Int { entries.count }
  @inlinable package var isEmpty: Bool { entries.isEmpty }
  /// The earliest time in the queue.
  // Not `entries.first`: without optimisation that allocates, and the loop asks in every turn.
  @inlinable package var earliest: UInt64? { entries.isEmpty ? nil : entries[0].at }

  @inlinable package mutating func insert(_ element: Element, at: UInt64) {
    sequence &+= 1
    let entry = Entry(at: at, sequence: sequence, element: element)
    entries.append(entry)
    var place = entries.count - 1
    while place > 0 {
      let parent = (place - 1) / 2
      guard entry.isBefore(entries[parent]) else { break }
      entries[place] = entries[parent]
      place = parent
    }
    entries[place] = entry
  }

  /// The earliest element, if it is due by `limit`.
  @inlinable package mutating func popFirst(dueBy limit: UInt64 = .max) -> (at: UInt64, element: Element)? {
    guard !entries.isEmpty, entries[0].at <= limit else { return nil }
    let first = entries[0]
    let last = entries.removeLast()
    if !entries.isEmpty { sink(last) }
    return (first.at, first.element)
  }

  @inlinable package mutating func removeAll() { entries.removeAll() }

  /// Puts an entry into the free place at the top.
  @inlinable mutating func sink(_ entry: Entry) {
    var place = 0
    while true {
      var least = 2 * place + 1
      guard least < entries.count else { break }
      if least + 1 < entries.count, entries[least + 1].isBefore(entries[least]) { least += 1 }
      guard entries[least].isBefore(entry) else { break }
      entries[place] = entries[least]
      place = least
    }
    entries[place] = entry
  }
}
