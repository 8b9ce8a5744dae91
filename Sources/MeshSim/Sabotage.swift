package import Gossip
package import MapShard
package import NodeCore

/// What is broken on purpose in a world, to see that the checks find it. Empty in every world that is not a test of the
/// checks themselves.
package struct Sabotage: Hashable, Sendable {
  package var shell: ShellBugs
  /// Without effect unless `MESH_PLANTED_BUGS` is defined.
  package var gossip: PlantedBugs
  package var shards: ShardBugs
  package var joints: JointBugs

  package init(
    shell: ShellBugs = [], gossip: PlantedBugs = [], shards: ShardBugs = [], joints: JointBugs = []
  ) {
    self.shell = shell
    self.gossip = gossip
    self.shards = shards
    self.joints = joints
  }

  /// Whether rules of the core can be broken in this build.
  package static var reachesTheCore: Bool {
    #if MESH_PLANTED_BUGS
      true
    #else
      false
    #endif
  }
}

/// Mistakes that a shell could make.
package struct ShellBugs: OptionSet, Hashable, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Deadlines fire before the socket is read, and nobody measures how late they are: the order of libuv up to 1.44.
  package static let timersBeforeSocket = ShellBugs(rawValue: 1)
  /// A life counts as durable and is not, on a machine whose clock begins anew with each start.
  package static let generationNotPersisted = ShellBugs(rawValue: 2)
  /// Deadlines fire at half their time.
  package static let deadlinesEarly = ShellBugs(rawValue: 4)
  /// Jobs of the log count as done though nothing was synced.
  package static let logNotSynced = ShellBugs(rawValue: 8)
  /// The start does not read the newest segment of the log.
  package static let lastSegmentUnread = ShellBugs(rawValue: 16)
  /// A start takes the disk for a new one: another store id, so another voter.
  package static let storeBornAgain = ShellBugs(rawValue: 32)
}
