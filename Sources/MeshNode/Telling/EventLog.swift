package import Control

/// The last events of this node, in the order in which they happened, for `mesh-ctl events` and its followers.
///
/// A follower holds only the number of the next event that it wants; what it is too slow for is overwritten and counted
/// as missed, so followers cost no memory of their own.
package final class EventLog {
  /// As many as a request may ask for.
  package static let capacity = EventsQuery.limitMaximum

  /// Grows to `capacity`, then the oldest place is used again.
  private var ring: [EventReport] = []
  private let capacity: Int
  /// Number of the event that comes next; the first is 1.
  package private(set) var nextSequence: UInt64 = 1

  package init(capacity: Int = EventLog.capacity) { self.capacity = max(1, capacity) }

  /// Number of the oldest event that is still here.
  package var oldestSequence: UInt64 { nextSequence - UInt64(ring.count) }

  @discardableResult
  package func append(
    _ name: EventName, health: Health = .ok, subject: HostName? = nil, text: String, code: ErrorCode? = nil,
    at: Timestamp
  ) -> EventReport {
    let event = EventReport(
      sequence: nextSequence, at: at, name: name, health: health, subject: subject, text: text, code: code)
    if ring.count < capacity {
      ring.append(event)
    } else {
      ring[place(of: nextSequence)] = event
    }
    nextSequence += 1
    return event
  }

  private func place(of sequence: UInt64) -> Int { Int((sequence - 1) % UInt64(capacity)) }

  /// Events from `sequence` on, at most `limit` of them, oldest first; and how many between `sequence` and the first of
  /// them are gone.
  package func events(from sequence: UInt64, limit: Int) -> (events: [EventReport], missed: Int) {
    let first = max(sequence, oldestSequence)
    guard first < nextSequence else { return ([], 0) }
    let end = min(nextSequence, first + UInt64(max(0, limit)))
    let events = (first..<end).map { ring[place(of: $0)] }
    return (events, Int(clamping: first - sequence))
  }

  /// The latest events that a query asks for, and how many that it asks for are left out.
  package func reply(to query: EventsQuery, at now: Timestamp) -> EventsReply {
    var first = oldestSequence
    var missed = 0
    if let since = query.since {
      // Wall time may have stepped, so events need not be sorted by it.
      while first < nextSequence, ring[place(of: first)].at < since { first += 1 }
      if first == oldestSequence { missed = Int(clamping: first - 1) }
    }
    let count = nextSequence - first
    if count > UInt64(query.limit) { first = nextSequence - UInt64(query.limit) }
    if query.since != nil, count > UInt64(query.limit) { missed += Int(clamping: count - UInt64(query.limit)) }
    return EventsReply(at: now, events: events(from: first, limit: query.limit).events, missed: missed)
  }
}
