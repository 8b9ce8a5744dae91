import Wire

/// What waits for the disk, in the order in which it was given to the log.
struct DurabilityQueue: Hashable, Sendable {
  enum Waiting: Hashable, Sendable {
    /// A shard's log up to this sequence.
    case entries(Int, UInt64)
    /// An answer of the voter.
    case answer(RegisterMessage, to: HostID)
    /// The voter's state of the set: what follows from it is done when it is durable.
    case voterSet
    case nothing
  }

  private var queue: ContiguousArray<(token: UInt64, waiting: Waiting)> = []
  private var head = 0
  private(set) var lastToken: UInt64 = 0
  private var durable: UInt64 = 0

  static func == (left: DurabilityQueue, right: DurabilityQueue) -> Bool {
    left.lastToken == right.lastToken && left.queue.count - left.head == right.queue.count - right.head
      && zip(left.queue[left.head...], right.queue[right.head...]).allSatisfy { $0 == $1 }
  }

  func hash(into hasher: inout Hasher) {
    for item in queue[head...] {
      hasher.combine(item.token)
      hasher.combine(item.waiting)
    }
  }

  mutating func token() -> UInt64 {
    lastToken &+= 1
    return lastToken
  }

  func isDurable(_ token: UInt64) -> Bool { token <= durable }

  mutating func reach(_ token: UInt64) { durable = max(durable, token) }

  mutating func wait(for token: UInt64, _ waiting: Waiting) { queue.append((token, waiting)) }

  /// The next one that waits for this token or an earlier one.
  mutating func popFirst(upTo token: UInt64) -> Waiting? {
    guard head < queue.count, queue[head].token <= token else { return nil }
    let waiting = queue[head].waiting
    head += 1
    if head > 64, head * 2 > queue.count {
      queue.removeFirst(head)
      head = 0
    }
    return waiting
  }

  /// A shard's log ends here now: what was on its way beyond is void.
  mutating func cut(_ index: Int, to sequence: UInt64) {
    for place in head..<queue.count {
      if case .entries(index, let end) = queue[place].waiting, end > sequence {
        queue[place].waiting = .entries(index, sequence)
      }
    }
  }

  mutating func forget(_ index: Int) {
    for place in head..<queue.count {
      if case .entries(index, _) = queue[place].waiting { queue[place].waiting = .nothing }
    }
  }
}

extension ShardHost {
  /// Gives a record to the log.
  mutating func store(
    _ record: LogRecord, _ urgency: Urgency, then waiting: DurabilityQueue.Waiting = .nothing,
    _ effects: inout ShardEffects
  ) {
    let token = durability.token()
    if waiting != .nothing { durability.wait(for: token, waiting) }
    effects.appends.append(ShardEffects.Append(token: token, urgency: urgency, record: record))
  }

  mutating func becomeDurable(_ token: UInt64, _ effects: inout ShardEffects) {
    guard !storeFailed else { return }
    durability.reach(token)
    while let waiting = durability.popFirst(upTo: token) {
      switch waiting {
      case .entries(let index, let sequence):
        if replicas[index].durable < sequence { replicas[index].durable = sequence }
        tellDurable(index, &effects)
        touch(index)
      case .answer(let message, let host): send(message, to: host, &effects)
      case .voterSet: voterSetDurable(&effects)
      case .nothing: break
      }
    }
  }

  /// Nothing later becomes durable: what needs this host's disk ends here (DESIGN: shards are released).
  mutating func failStore(_ effects: inout ShardEffects) {
    guard !storeFailed else { return }
    storeFailed = true
    for index in replicas.indices where isOwner(index) { release(index, &effects) }
    touchAll()
  }
}
