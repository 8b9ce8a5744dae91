import Wire

/// Finding those again who were lost (`gossip.md` 5.8).
///
/// Now and then somebody who seems dead, or a known way in that is in no table, is greeted. Whoever answers while it is
/// held dead hears so (`tellDead`) and refutes; the same happens on its side to us. Only then do tables merge, and in
/// a merge a death is no more than an accusation (`learnDeath`): those who live raise their incarnation before anybody
/// believes it.
extension Membership {
  private static let healsPerTick = 3

  mutating func healTick(_ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running else { return }
    timers.arm(.heal, at: now.monotonic &+ chance.jittered(settings.healInterval, by: 0.1), into: &effects)
    guard chance.happens(Double(Membership.healsPerTick) / Double(table.liveCount)),
      let peer = chooseLost()
    else { return }
    greet(peer, into: &effects)
  }

  /// One of the dead, or of the ways in that nobody in the table lives at, by chance.
  private mutating func chooseLost() -> Peer? {
    var lost = (0..<table.slots).filter { table.isUsed($0) && table[$0].status == .dead }.map {
      Peer(host: table[$0].host, endpoint: table[$0].record.endpoint)
    }
    for peer in join.peers where table.slot(of: peer.host) == nil && peer.host != host { lost.append(peer) }
    for peer in book.peers where table.slot(of: peer.host) == nil && !join.peers.contains(peer) { lost.append(peer) }
    return lost.isEmpty ? nil : lost[chance.below(lost.count)]
  }

  /// A host has come back from the dead: its table may be that of another part of the mesh.
  mutating func reunited(with slot: Int, _ now: Now, into effects: inout MembershipEffects) {
    startSync(with: table[slot].host, now, into: &effects)
  }
}
