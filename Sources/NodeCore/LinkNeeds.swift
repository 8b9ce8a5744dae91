import SecureChannel
import Wire

/// Who needs a link to whom: it stays as long as one part of the node does.
struct LinkNeeds {
  enum Part: UInt8 {
    case shards = 1
    case stewardship = 2
  }

  private var needs: [HostID: UInt8] = [:]

  /// Returns whether the link is wanted now, when that has changed.
  mutating func set(_ host: HostID, _ isWanted: Bool, by part: Part) -> Bool? {
    let before = needs[host] ?? 0
    let after = isWanted ? before | part.rawValue : before & ~part.rawValue
    needs[host] = after == 0 ? nil : after
    return (before == 0) == (after == 0) ? nil : after != 0
  }
}

extension Node {
  mutating func want(
    _ host: HostID, _ isWanted: Bool, by part: LinkNeeds.Part, now: Now, _ effects: inout NodeEffects
  ) {
    guard let wanted = linkNeeds.set(host, isWanted, by: part) else { return }
    channel.handle(.command(.wantLink(host, wanted)), now: now, into: &effects.channel)
  }
}
