package import MapShard
package import Wire

/// A host's log and what it wanted done when it was made: the node carries that out with its first turn. A host without
/// one keeps nothing and so holds no shards: simulations of membership are made of such hosts.
package struct NodeStore {
  /// None or one; in an array, because a value that is taken out of an optional is copied.
  private var writers: [LogWriter] = []
  var effects = LogEffects()

  package static var none: NodeStore { NodeStore() }

  private init() {}

  package init(_ settings: LogSettings, entropy: any Entropy, recovered: RecoveredLog, now: Now) {
    writers = [LogWriter(settings, entropy: entropy, recovered: recovered, now: now, into: &effects)]
  }

  package var admission: LogAdmission { writers.first?.admission ?? .failed }
  package var counters: LogCounters { writers.first?.counters ?? LogCounters() }
  /// Bytes that the files of the store take.
  package var used: UInt64 { writers.first?.used ?? 0 }
  package func history(of shard: ShardID) -> [Snapshot] { writers.first?.history(of: shard) ?? [] }

  mutating func append(_ append: ShardEffects.Append, now: Now) {
    guard !writers.isEmpty else { return }
    writers[0].append(append.record, urgency: append.urgency, token: append.token, now: now, into: &effects)
  }

  mutating func handle(_ input: LogInput, now: Now) {
    guard !writers.isEmpty else { return }
    writers[0].handle(input, now: now, into: &effects)
  }
}

/// The joint between shards and their log: what must be kept goes down, what is durable comes up.
extension Node {
  /// Gives the log what shards want kept. Returns whether there was any.
  mutating func append(from first: Int, now: Now, into effects: inout NodeEffects) -> Int {
    var index = first
    while index < effects.shards.appends.count {
      store.append(effects.shards.appends[index], now: now)
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
      store.handle(.content(shard, shards.content(of: shard)), now: now)
    }
    for event in said.events {
      switch event {
      case .failed: shards.handle(.storeFailed, now: now, into: &effects.shards)
      case .admission(let admission): shards.handle(.admission(admission), now: now, into: &effects.shards)
      default: break
      }
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
