import MapShard
import Wire

/// What the register says: one record per version, never falling, well formed, and durable before anybody hears of it.
extension ShardWorld {
  /// A machine has learned a record.
  mutating func learned(_ record: Record, by machine: Int) {
    let shard = record.shard.index
    if let before = ledger.seen[machine].records[shard] {
      guard record.version > before.version, record.epoch >= before.epoch else {
        return fail(
          .neverFalls,
          "shard \(shard): version \(record.version) of reign \(record.epoch) learned after "
            + "\(before.version) of \(before.epoch)", host: machine)
      }
    }
    ledger.seen[machine].records[shard] = record
    chosen(record, host: machine)
  }

  /// What the only voter has made durable is in the register, before anybody hears of it.
  mutating func noteVotes(of machine: Int) {
    guard let core = machines[machine].core, core.votingSet != nil, core.voterSet?.voters.count == 1,
      !machines[machine].disk.hasUnsyncedVotes
    else { return }
    for shard in shards {
      if let record = core.voted(shard) { chosen(record, host: machine) }
    }
  }

  /// A record is in the register.
  mutating func chosen(_ record: Record, host: Int?) {
    let shard = record.shard.index
    if let known = ledger.shards[shard].records[record.version] {
      if known != record {
        fail(.oneRecord, "shard \(shard): two records of version \(record.version): \(known) and \(record)", host: host)
      }
      return
    }
    ledger.shards[shard].records[record.version] = record
    guard record.isWellFormed else {
      return fail(.ownerIsMember, "shard \(shard): \(record)", host: host)
    }
    guard record.version > ledger.shards[shard].newest?.version ?? 0 else { return }
    if let before = ledger.shards[shard].newest {
      guard record.epoch >= before.epoch else {
        return fail(.neverFalls, "shard \(shard): reign \(record.epoch) after \(before.epoch)", host: host)
      }
      if record.epoch > before.epoch { ledger.reigns += 1 }
    } else {
      ledger.reigns += 1
    }
    ledger.shards[shard].newest = record
    ledger.shards[shard].isDirty = true
    for member in record.members {
      // Whoever has a seat holds everything again.
      if let machine = machineOf[member.host], machines[machine].life == member.life {
        ledger.untrusted.remove(machine)
      }
    }
    if record.reason == .recover || record.reason == .unclean { mayHaveLost(shard, record, host) }
  }

  /// All members had restarted, or the operator has spoken: what the new owner lacks is gone. Of critical entries
  /// nothing may be, unless it was the operator.
  private mutating func mayHaveLost(_ shard: Int, _ record: Record, _ host: Int?) {
    ledger.recoveries += 1
    if record.reason == .unclean { ledger.shards[shard].uncleanReign = record.epoch }
    guard let owner = machineOf[record.owner.host] else { return }
    let log = machines[owner].disk.written[shard]
    var lost: [Ledger.Committed] = []
    while let last = ledger.shards[shard].committed.last, !log.holds(last.position) {
      lost.append(last)
      ledger.shards[shard].committed.removeLast()
    }
    guard !lost.isEmpty else { return }
    if record.reason == .recover, let critical = lost.first(where: { $0.entryClass == .critical }),
      critical.position.sequence <= ledger.shards[shard].criticalTop
    {
      return fail(
        .disksHold, "shard \(shard): critical entry \(critical.position.sequence) was acknowledged and is gone",
        host: host)
    }
    ledger.lostNormal += lost.count
    let kept = UInt64(ledger.shards[shard].committed.count)
    ledger.shards[shard].criticalTop = min(ledger.shards[shard].criticalTop, kept)
    ledger.shards[shard].applied = [:]
    for entry in ledger.shards[shard].committed where entry.client != 0 {
      ledger.shards[shard].applied[entry.client] = entry.clientSequence
    }
  }
}
