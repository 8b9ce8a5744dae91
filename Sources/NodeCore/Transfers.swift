import Gossip
import MapShard
import SecureChannel
import Wire
import WorldData

/// The joint between whole transfers and those who want their content.
extension Node {
  mutating func sendRoster(to host: HostID, now: Now, into effects: inout NodeEffects) {
    transfer(.roster, membership.roster(), to: host, now: now, into: &effects)
  }

  mutating func transfer(
    _ purpose: TransferPurpose, _ content: [UInt8], to host: HostID, now: Now, into effects: inout NodeEffects
  ) {
    let id = transfers.begin(purpose, to: host)
    channel.handle(.command(.transfer(purpose, content, to: host, id: id)), now: now, into: &effects.channel)
  }

  mutating func transferEnded(
    _ id: UInt64, _ failure: TransferFailure?, now: Now, into effects: inout NodeEffects
  ) {
    guard let entry = transfers.end(id) else { return }
    if entry.purpose == .worldManifest || entry.purpose == .objectBatch {
      giveWorlds(.served(entry.to), now: now, into: &effects)
    }
    effects.events.append(.transferEnded(entry.purpose, to: entry.to, failure))
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

/// Transfers that were given to the channel, by their numbers: the channel answers each with its number alone.
struct TransferLedger {
  struct Entry {
    var purpose: TransferPurpose
    var to: HostID
  }

  /// The channel has 16 under way and refuses more at once, so this is not reached; a table has a limit anyway.
  static let limit = 64

  private var entries: [UInt64: Entry] = [:]
  private var last: UInt64 = 0

  mutating func begin(_ purpose: TransferPurpose, to host: HostID) -> UInt64 {
    last &+= 1
    if entries.count < TransferLedger.limit { entries[last] = Entry(purpose: purpose, to: host) }
    return last
  }

  mutating func end(_ id: UInt64) -> Entry? { entries.removeValue(forKey: id) }
}
