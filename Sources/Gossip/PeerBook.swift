import Wire

/// Up to 64 peers that a restart can begin with. Kept by the shell; written at most every 30 s, and only when the set
/// has changed or the endpoints have.
struct PeerBook {
  private(set) var peers: [Peer] = []
  fileprivate var writtenAt: UInt64?

  static let writePause = Span.seconds(30)

  /// Living peers stay and new ones fill up; the dead keep what room is left, because they may be all that is left
  /// after a partition. True when anything changed.
  fileprivate mutating func refresh(from table: borrowing MemberTable, _ chance: inout Chance) -> Bool {
    var living: [Peer] = []
    var others: [Peer] = []
    var known: Set<HostID> = []
    func peer(_ slot: Int) -> Peer { Peer(host: table[slot].host, endpoint: table[slot].record.endpoint) }
    for old in peers {
      known.insert(old.host)
      guard let slot = table.slot(of: old.host) else {
        others.append(old)
        continue
      }
      switch table[slot].status {
      case .alive, .suspect: living.append(peer(slot))
      case .dead: others.append(peer(slot))
      case .left, .revoked: break
      }
    }
    let start = chance.below(max(1, table.live.count))
    for step in 0..<table.live.count where living.count < Limits.peerBook {
      let slot = Int(table.live[(start + step) % table.live.count])
      if known.insert(table[slot].host).inserted { living.append(peer(slot)) }
    }
    let updated = Array((living + others).prefix(Limits.peerBook))
    defer { peers = updated }
    return updated != peers
  }
}

extension Membership {
  mutating func peerBookTick(_ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running else { return }
    timers.arm(.peerBook, at: now.monotonic &+ PeerBook.writePause, into: &effects)
    writePeerBook(now, into: &effects)
  }

  mutating func writePeerBook(_ now: Now, into effects: inout MembershipEffects) {
    if let written = book.writtenAt, now.monotonic &- written < PeerBook.writePause { return }
    guard book.refresh(from: table, &chance) else { return }
    book.writtenAt = now.monotonic
    _ = persist(.peerBook(book.peers), into: &effects)
  }
}
