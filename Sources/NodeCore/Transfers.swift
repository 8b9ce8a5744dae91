import Gossip
import SecureChannel
import Wire

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

  mutating func transferEnded(_ id: UInt64, _ failure: TransferFailure?, into effects: inout NodeEffects) {
    guard let entry = transfers.end(id) else { return }
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
    case .worldManifest, .objectBatch, .snapshot:
      // Nobody asked for it: this node has no part that reads these purposes.
      channel.handle(.command(.report(host, .badStream)), now: now, into: &effects.channel)
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
