/// Who plays at a map-server, as its char-link has it: what it would say in a 2aff.
struct LinkUsers {
  private var characters: [UInt32: UInt32] = [:]

  var sorted: [PlayerKey] {
    characters.sorted { $0.key < $1.key }.map { PlayerKey(account: $0.key, character: $0.value) }
  }

  /// False: a list has no room for him.
  mutating func insert(_ player: PlayerKey) -> Bool {
    guard characters.count < UserListFrame.capacity || characters[player.account] != nil else { return false }
    characters[player.account] = player.character
    return true
  }

  mutating func remove(account: UInt32) { characters[account] = nil }

  mutating func replace(_ players: [PlayerKey]) {
    characters = [:]
    for player in players { characters[player.account] = player.character }
  }
}
