package import Wire

/// Whom a host takes for the steward. Everybody expects the first voter that is stably alive, and what is stable each sees
/// for itself: to a host that was cut off, all others came back a moment ago, and for a minute or more it expects a later
/// voter than they do, or itself. That voter follows an earlier one and says nothing. So a steward says every few seconds
/// that it is one, and a host that does not hear the one that it expects follows an earlier voter that says so.
extension Stewardship {
  /// Answers to three reports: fewer may be missing when a link is opened anew.
  static let silence = 3 * reportPeriod

  /// The first voter that is stably alive, as this host sees it, unless that one is silent and an earlier one speaks.
  /// Where none is stable, the first that lives: a voter that has just come back is better than a minute without anybody
  /// who places shards.
  package func stewardHost(seenBy me: HostID) -> HostID? {
    if let followed, living.contains(followed) { return followed }
    return expectedSteward(seenBy: me)
  }

  private func expectedSteward(seenBy me: HostID) -> HostID? {
    voters.first { $0 == me || stable.contains($0) } ?? voters.first { living.contains($0) }
  }

  /// A host says that it is the steward; whether this one believes it. Whom it follows already it goes on following:
  /// reports of hosts that have not noticed yet still name its own directory for a while.
  mutating func hears(_ host: HostID, me: HostID, now: UInt64) -> Bool {
    guard let expected = expectedSteward(seenBy: me) else { return false }
    if host != expected {
      guard host != me, voters.prefix(while: { $0 != expected }).contains(host), living.contains(host),
        followed == host || followed == nil && isSilent(expected, me: me, now: now)
      else { return false }
    }
    let before = stewardHost(seenBy: me)
    followed = host == expected ? nil : host
    heard = (host, now)
    if before != host { isDue = true }
    return true
  }

  /// A host that expects itself is told by others' reports whether anybody follows it.
  private func isSilent(_ expected: HostID, me: HostID, now: UInt64) -> Bool {
    if expected == me {
      return !reports.contains { host, received in
        host != me && received.follows == me && now &- received.at < Stewardship.silence
      }
    }
    guard let heard, heard.host == expected else { return true }
    return now &- heard.at >= Stewardship.silence
  }

  /// Whoever is followed and says nothing any more is not the steward either.
  mutating func stopFollowingTheSilent(now: UInt64) {
    guard followed != nil, let heard, now &- heard.at >= Stewardship.silence else { return }
    followed = nil
  }
}
