/// What may happen next in a world whose order a search decides: datagrams on their way, deadlines, syncs of disks.
/// Frames of links wait in their lanes.
struct SteppedEvents {
  var open: ContiguousArray<(due: UInt64, event: WorldEvent)> = []
  /// What the search may still do.
  var budget: ShardSearch.Budget
  /// Writes so far: each is a client of its own.
  var writes = 0
}
