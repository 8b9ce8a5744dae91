/// Requests on the char-link whose answer does not say, or not surely, to whom it belongs: first in, first out.
///
/// The char-server works off its link frame by frame, so answers come in the order of the requests over all kinds. An
/// answer therefore proves that every request before its own will never be answered; those are given up. So one
/// request without an answer cannot shift all later ones by one, and each keepalive sweeps the queue.
struct ExpectedAnswers {
  struct Entry: Hashable {
    let kind: AnswerKind
    /// `nil`: the bridge itself.
    let stream: StreamID?
    let reign: Reign?
    /// What the answer repeats; zeros where it repeats nothing.
    let player: PlayerKey
    /// What stood in a 2b05 before the bridge put another address there.
    let address: LinkAddress?
    /// The map-server said 2b17 before the answer came.
    var isWithdrawn = false

    init(
      _ kind: AnswerKind, stream: StreamID? = nil, reign: Reign? = nil,
      player: PlayerKey = PlayerKey(account: 0, character: 0), address: LinkAddress? = nil
    ) {
      self.kind = kind
      self.stream = stream
      self.reign = reign
      self.player = player
      self.address = address
    }
  }

  /// A 256 KiB link buffer full of the smallest request (2 bytes) would be more; a burst of 65,535 players who enter at
  /// once is less.
  static let limit = 131_072

  private var entries: [Entry] = []
  private var head = 0

  var count: Int { entries.count - head }
  var waiting: ArraySlice<Entry> { entries[head...] }

  /// False when the queue is full.
  mutating func append(_ entry: Entry) -> Bool {
    guard count < ExpectedAnswers.limit else { return false }
    entries.append(entry)
    return true
  }

  /// The request that an answer belongs to, and how many before it were given up.
  mutating func take(_ kind: AnswerKind, account: UInt32? = nil, character: UInt32? = nil) -> (Entry, givenUp: Int)? {
    let found = waiting.firstIndex {
      $0.kind == kind && (account == nil || $0.player.account == account)
        && (character == nil || $0.player.character == character)
    }
    guard let found else { return nil }
    let entry = entries[found]
    let givenUp = found - head
    head = found + 1
    // Amortized: at least half is free.
    if head > 1_024, head * 2 > entries.count {
      entries.removeFirst(head)
      head = 0
    }
    return (entry, givenUp)
  }

  /// Whether an account is on its way in, by a request that still counts.
  func hasAuth(account: UInt32, stream: StreamID? = nil) -> Bool {
    waiting.contains {
      $0.kind == .auth && $0.player.account == account && (stream == nil || $0.stream == stream) && !$0.isWithdrawn
    }
  }

  /// The map-server of `stream` has given up letting this player in.
  mutating func withdrawAuth(_ player: PlayerKey, stream: StreamID?) {
    let found = waiting.lastIndex {
      $0.kind == .auth && $0.stream == stream && $0.player == player && !$0.isWithdrawn
    }
    if let found { entries[found].isWithdrawn = true }
  }

  mutating func removeAll() {
    entries.removeAll()
    head = 0
  }
}
