package import MapShard
import Wire

/// What a world is made of; with the faults it decides everything that happens.
package struct ShardWorldSettings: Sendable {
  package var seed: UInt64
  package var hosts: Int
  package var shards = 1
  /// Length of the replica lists.
  package var replicas = 3
  /// Fewest copies at which critical writes go on.
  package var minimum = 2
  /// Machine 0 holds no shards: a voter that is no member.
  package var spareFirst = false
  /// Machines that keep the register.
  package var voters = [0]
  package var clients = 2
  /// Longest pause of a client between two operations.
  package var thinkTime = Nanoseconds.milliseconds(200)
  /// Clients begin nothing from then on.
  package var clientsStopAt = UInt64.max
  package var network = ShardNetwork()
  /// Monotonic clocks run up to 1 % fast or slow.
  package var driftingClocks = true
  package var core: ShardSettings
  /// Every event leaves a line of text.
  package var isNarrated = false

  package init(seed: UInt64, hosts: Int) {
    self.seed = seed
    self.hosts = hosts
    core = .lanFast
  }
}
