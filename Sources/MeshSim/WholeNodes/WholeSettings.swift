import MapShard
import Wire

/// What is special about a world whose nodes are whole: they have a store, a world document, shards, and clients that
/// use them.
package struct WholeSettings: Sendable {
  package var shards = 2
  package var replicationFactor = 2
  package var minimum = 1
  /// 1 or 3; the first machines are the voters.
  package var voters = 1
  package var clients = 3
  /// The document is published on the first machine in the run, and the others get it from each other; else all have it
  /// from the beginning.
  package var isPublished = false
  /// World time from which on clients begin nothing new.
  package var clientsStopAt = UInt64.max
  /// Clients wait up to so long between operations.
  package var thinkTime = Nanoseconds.milliseconds(400)

  package init() {}

  /// Small files and short times, so that all that happens to a log in a day happens in a world: new segments, snapshots,
  /// segments that go, the scrub.
  func log(store: UInt64) -> LogSettings {
    var settings = LogSettings(store: store)
    settings.segmentSize = 32 << 10
    settings.batchLimit = 8 << 10
    settings.snapshotEntries = 40
    settings.snapshotAge = Nanoseconds.seconds(5)
    settings.logWindow = Nanoseconds.seconds(3)
    // The first pass begins a 24th of it after the start.
    settings.scrubPeriod = Nanoseconds.seconds(240)
    return settings
  }

  /// `planted` is without effect unless `MESH_PLANTED_BUGS` is defined.
  func core(_ profile: Profile, planted: ShardBugs) -> ShardSettings {
    var settings: ShardSettings =
      switch profile {
      case .lan: .lan
      case .lanFast: .lanFast
      case .wan: .wan
      }
    #if MESH_PLANTED_BUGS
      settings.planted = planted
    #endif
    return settings
  }
}
