package import MapShard
package import Wire

/// A host's log and what it wanted done when it was made: the node carries that out with its first turn.
package struct NodeStore {
  var writer: LogWriter
  var effects: LogEffects

  package init(_ settings: LogSettings, entropy: any Entropy, recovered: RecoveredLog, now: Now) {
    effects = LogEffects()
    writer = LogWriter(settings, entropy: entropy, recovered: recovered, now: now, into: &effects)
  }

  package var admission: LogAdmission { writer.admission }
  package var counters: LogCounters { writer.counters }
  /// Bytes that the files of the store take.
  package var used: UInt64 { writer.used }
  package func history(of shard: ShardID) -> [Snapshot] { writer.history(of: shard) }
}

/// The joint between shards and their log: what must be kept goes down, what is durable comes up.
extension Node {
  /// Gives the log what shards want kept. Returns whether there was any.
  mutating func append(from first: Int, now: Now, into effects: inout NodeEffects) -> Int {
    var index = first
    while index < effects.shards.appends.count {
      let append = effects.shards.appends[index]
      store.writer.append(
        append.record, urgency: append.urgency, token: append.token, now: now, into: &store.effects)
      index += 1
    }
    return index
  }

  /// Carries on what the log has said; returns whether it said anything.
  mutating func followLog(now: Now, into effects: inout NodeEffects) -> Bool {
    guard !store.effects.isEmpty else { return false }
    // Taken out whole, because the shards' answers make the log speak again.
    let said = store.effects
    store.effects.removeAll()
    effects.jobs.append(contentsOf: said.jobs)
    for var deadline in said.deadlines {
      deadline.timer.room = TimerRoom.log
      effects.deadlines.append(deadline)
    }
    for token in said.durable { shards.handle(.durable(token: token), now: now, into: &effects.shards) }
    for shard in said.contentsWanted {
      store.writer.handle(.content(shard, shards.content(of: shard)), now: now, into: &store.effects)
    }
    for event in said.events {
      if case .failed = event { shards.handle(.storeFailed, now: now, into: &effects.shards) }
      effects.events.append(.log(event))
    }
    effects.fetched.append(contentsOf: said.fetched)
    return true
  }
}

extension LogEffects {
  fileprivate var isEmpty: Bool {
    jobs.isEmpty && durable.isEmpty && contentsWanted.isEmpty && fetched.isEmpty && deadlines.isEmpty && events.isEmpty
  }
}
