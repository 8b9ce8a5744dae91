import Gossip
import MapShard
import SecureChannel
import Wire
import WorldData

/// The joint between whole transfers and those who want their content.
extension Node {
  mutating func sendRoster(to host: HostID, now: Now, into effects: inout NodeEffects) {
    let id = transfers.begin()
    channel.handle(
      .command(.transfer(.roster, membership.roster(), to: host, id: id)), now: now, into: &effects.channel)
  }

  mutating func received(
    _ content: [UInt8], _ purpose: TransferPurpose, from host: HostID, now: Now, into effects: inout NodeEffects
  ) {
    switch purpose {
    case .roster:
      content.withUnsafeBytes {
        membership.handle(.roster($0, from: host), now: now, into: &effects.membership)
      }
    case .certificate:
      adopt(content, from: host, now: now, into: &effects)
    case .snapshot:
      guard let member = member(host) else { return }
      shards.handle(.snapshot(content, from: member), now: now, into: &effects.shards)
    case .worldManifest:
      giveWorlds(.document(content, from: host), now: now, into: &effects)
    case .objectBatch:
      giveWorlds(.objects(content, from: host), now: now, into: &effects)
    }
  }
}

/// Numbers transfers; the channel answers with the number.
struct TransferLedger {
  private(set) var underWay = 0
  private var last: UInt64 = 0

  mutating func begin() -> UInt64 {
    last &+= 1
    underWay += 1
    return last
  }

  mutating func ended(_ id: UInt64) { underWay = max(0, underWay - 1) }
}
