import Wire

/// Who is to be answered about a write: a client of this host, or another host that has forwarded it.
struct Asker: Hashable, Sendable {
  var request: UInt64
  /// The other host in the life that asked: the next one counts its requests from the beginning.
  var forwarder: Member?
}

/// Requests of a shard's owner that are not answered yet.
struct WaitingRequests: Hashable, Sendable {
  struct Write: Hashable, Sendable {
    var sequence: UInt64
    var asker: Asker
  }

  struct Queued: Hashable, Sendable {
    var write: WriteRequest
    var asker: Asker
  }

  /// Writes that are in the log and not acknowledged, by sequence.
  private(set) var writes: ContiguousArray<Write> = []
  private var head = 0
  /// Writes that wait for the end of a move.
  var queued: [Queued] = []
  /// The last request of a client that is in the log and not committed.
  var pendingOfClient: [UInt64: Pending] = [:]

  struct Pending: Hashable, Sendable {
    var clientSequence: UInt64
    var sequence: UInt64
  }

  mutating func add(_ asker: Asker, at sequence: UInt64) {
    var place = writes.count
    while place > head, writes[place - 1].sequence > sequence { place -= 1 }
    writes.insert(Write(sequence: sequence, asker: asker), at: place)
  }

  /// The next asker whose write is at or below this sequence.
  mutating func popFirst(upTo sequence: UInt64) -> Write? {
    guard head < writes.count, writes[head].sequence <= sequence else { return nil }
    let write = writes[head]
    head += 1
    if head > 64, head * 2 > writes.count {
      writes.removeFirst(head)
      head = 0
    }
    return write
  }

  var count: Int { writes.count - head }
}
