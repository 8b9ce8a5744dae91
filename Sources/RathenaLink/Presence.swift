package import Wire

/// One reign over a shard, with the host that has it: what a char-link stream speaks for.
package struct Reign: Hashable, Sendable {
  package let shard: ShardID
  package let host: HostID
  package let epoch: Epoch

  package init(shard: ShardID, host: HostID, epoch: Epoch) {
    self.shard = shard
    self.host = host
    self.epoch = epoch
  }
}

/// Where a player is. It outlives the link that said so.
package struct PresenceRow: Hashable, Sendable {
  package enum State: UInt8, Hashable, Sendable {
    case playing
    /// The char-server has let him go to this reign's map-server; he has not arrived.
    case crossing
    /// His final save is on its way to the char-server; 2b21 ends the row.
    case leaving
  }

  package let player: PlayerKey
  package var reign: Reign
  package var state: State

  package init(player: PlayerKey, reign: Reign, state: State = .playing) {
    self.player = player
    self.reign = reign
    self.state = state
  }
}

/// Account → (character, shard, host, epoch): the one answer to "where is this player".
///
/// Behind one shared link the char-server cannot see that two map-servers claim one player: its check compares link
/// numbers, which are equal. So every frame about a player is checked here.
package struct Presence: Sendable {
  /// The user count of a map-server (2afe) is a 16-bit number.
  package static let limit = 65_535

  private var rows: [UInt32: PresenceRow] = [:]
  /// Character → account.
  private var accounts: [UInt32: UInt32] = [:]

  package init() {}

  package var count: Int { rows.count }

  package func row(account: UInt32) -> PresenceRow? { rows[account] }

  package func row(character: UInt32) -> PresenceRow? { accounts[character].flatMap { rows[$0] } }

  /// By account.
  package var sorted: [PresenceRow] { rows.values.sorted { $0.player.account < $1.player.account } }

  /// The rows of a reign, by account.
  package func rows(of reign: Reign) -> [PresenceRow] {
    rows.values.filter { $0.reign == reign }.sorted { $0.player.account < $1.player.account }
  }

  /// False when the table is full: the player is not taken in.
  package mutating func set(_ row: PresenceRow) -> Bool {
    let account = row.player.account
    if let old = rows[account] {
      if accounts[old.player.character] == account { accounts[old.player.character] = nil }
    } else if rows.count >= Presence.limit {
      return false
    }
    rows[account] = row
    accounts[row.player.character] = account
    return true
  }

  @discardableResult
  package mutating func remove(account: UInt32) -> PresenceRow? {
    guard let row = rows.removeValue(forKey: account) else { return nil }
    if accounts[row.player.character] == account { accounts[row.player.character] = nil }
    return row
  }

  package mutating func removeAll() {
    rows.removeAll()
    accounts.removeAll()
  }

  /// Whether a map-server of `reign` may send a frame about these ids.
  func allows(_ ids: (account: UInt32?, character: UInt32?), rule: RequestKey.Rule, from reign: Reign) -> Bool {
    var found: PresenceRow?
    if let account = ids.account { found = row(account: account) }
    if found == nil, let character = ids.character { found = row(character: character) }
    switch rule {
    case .notElsewhere:
      return found.map { $0.reign == reign } ?? true
    case .here:
      guard let row = found, row.reign == reign else { return false }
      if let account = ids.account, account != row.player.account { return false }
      if let character = ids.character, character != row.player.character { return false }
      return true
    }
  }
}
