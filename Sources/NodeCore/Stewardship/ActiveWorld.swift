package import Hashing
package import MapShard
package import Wire

/// What a node needs of the active world to share in ownership: placement's rules, the voters, the shards.
package struct ActiveWorld: Sendable {
  package struct Shard: Hashable, Sendable {
    package var id: ShardID
    /// How many maps it has.
    package var maps: Int

    package init(id: ShardID, maps: Int) {
      self.id = id
      self.maps = maps
    }
  }

  /// Rises with each new world; 0: none.
  package var version: UInt64
  package var salt: ShortHash
  package var rules: PlacementRules
  package var voters: VoterSetDescription
  /// Sorted by id.
  package var shards: [Shard]

  package init(
    version: UInt64, salt: ShortHash, rules: PlacementRules, voters: VoterSetDescription, shards: [Shard]
  ) {
    self.version = version
    self.salt = salt
    self.rules = rules
    self.voters = voters
    self.shards = shards.sorted { $0.id < $1.id }
  }
}
