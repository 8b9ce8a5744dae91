import Wire

/// What is due at some moment, in the loop's one heap.
enum Due {
  /// A timer of the loop's client. `at` is what the client asked for; the heap's key is never in the past.
  case client(Timer, at: UInt64)
  /// A timeout of a handle, by its token.
  case handle(UInt64)
}

/// Every deadline of a loop, in order of time, equal ones in order of asking.
struct Deadlines {
  private var queue = DeadlineQueue<Due>()
  private var handles: [UInt64: Handle] = [:]
  private var lastToken: UInt64 = 0

  var earliest: UInt64? { queue.earliest }
  var count: Int { queue.count }

  mutating func insert(_ timer: Timer, at: UInt64, notBefore: UInt64) {
    queue.insert(.client(timer, at: at), at: max(at, notBefore))
  }

  /// A timeout that keeps its handle alive until it has passed or was cancelled.
  mutating func insert(_ handle: Handle, at: UInt64) -> UInt64 {
    lastToken &+= 1
    handles[lastToken] = handle
    queue.insert(.handle(lastToken), at: at)
    return lastToken
  }

  /// The entry stays in the heap and is ignored when its time comes.
  mutating func cancel(token: UInt64) { handles[token] = nil }

  mutating func takeHandle(token: UInt64) -> Handle? { handles.removeValue(forKey: token) }

  mutating func popFirst(dueBy limit: UInt64) -> Due? { queue.popFirst(dueBy: limit)?.element }

  mutating func removeAll() {
    queue.removeAll()
    handles.removeAll()
  }
}
