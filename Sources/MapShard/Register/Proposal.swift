import Wire

/// What a change of a record is (table of E4).
package enum ChangeKind: UInt8, Sendable, CaseIterable, Hashable {
  case create, shrink, expand, touch, renew, move, take, recover, unclean
}

/// A change that this host has asked the voters for and whose outcome it does not know. Only a record of this version
/// or a later one resolves it; never a time-out, an error or a broken connection (E5).
struct Proposal: Hashable, Sendable {
  let kind: ChangeKind
  let record: Record
  /// The operator's signed order, for `unclean`.
  var order: [UInt8] = []
  var isFreed = false
  /// When it goes out again; 0: at once.
  var resendAt: UInt64 = 0
  var interval: UInt64
  /// Which of the voters gets it next, counted from this host's favourite.
  var attempts = 0
  let since: UInt64
}

extension ChangeKind {
  /// What change `next` would be, asked for by `p`, after `current`; `nil` when it is none (`legal` of E4). Who may
  /// create, and whether an order is the operator's, is for the voter to say.
  package static func of(_ next: Record, after current: Record?, by p: Member) -> ChangeKind? {
    guard let current else {
      let isCreation =
        next.version == 1 && next.epoch.rawValue == 1 && next.owner == p && next.members == [p]
        && next.lastLoss == .none && !next.reason.isLoss
      return isCreation ? .create : nil
    }
    guard next.shard == current.shard, next.isWellFormed else { return nil }
    let loses = next.reason.isLoss
    guard next.lastLoss == (loses ? next.epoch : current.lastLoss) else { return nil }
    if next.epoch == current.epoch {
      guard p == current.owner, next.owner == p, !loses else { return nil }
      return ofSet(next.members, after: current.members)
    }
    guard next.epoch.rawValue == current.epoch.rawValue &+ 1 else { return nil }
    if next.reason == .unclean {
      return next.owner == p && next.members == [p] ? .unclean : nil
    }
    if next.reason == .recover {
      guard let seat = current.seat(of: p.host), seat.life != p.life else { return nil }
      return next.owner == p && next.members == [p] ? .recover : nil
    }
    if p == current.owner {
      guard next.members == current.members else { return nil }
      if next.owner == p { return .renew }
      return current.members.contains(next.owner) ? .move : nil
    }
    guard current.members.contains(p), next.owner == p, !next.members.contains(current.owner),
      next.members.allSatisfy({ current.members.contains($0) })
    else { return nil }
    return .take
  }

  private static func ofSet(_ next: [Member], after current: [Member]) -> ChangeKind? {
    if next == current { return .touch }
    if next.allSatisfy({ current.contains($0) }) { return .shrink }
    let added = next.filter { !current.contains($0) }
    return added.count == 1 && next.count == current.count + 1 ? .expand : nil
  }
}

extension ChangeReason {
  /// Entries that were known as committed may be gone with this change.
  var isLoss: Bool { self == .recover || self == .unclean }
}
