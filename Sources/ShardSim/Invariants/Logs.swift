import MapShard
import Wire

/// LM, dense logs, P4: what the hosts hold beside what was acknowledged.
extension ShardWorld {
  /// A machine gives a record to its log.
  mutating func checkAppend(_ record: LogRecord, on machine: Int) {
    switch record {
    case .entries(let shard, let entries):
      var previous = machines[machine].disk.written[shard.index].last
      for entry in entries {
        checkEntry(entry, after: previous, shard.index, machine)
        previous = entry.position
      }
    case .truncate(let shard, let position): checkCut(shard.index, to: position, machine)
    case .install(let content):
      let top = ledger.shards[content.shard.index].acknowledgedTop
      let log = machines[machine].disk.written[content.shard.index]
      if content.position.sequence < min(top.sequence, log.last.sequence), log.holds(top) {
        fail(.committedStays, "shard \(content.shard.index): a snapshot takes acknowledged entries back", host: machine)
      }
      ledger.shards[content.shard.index].isDirty = true
    case .reign(_, let proven, _):
      // The host has heard of it: it is in the register.
      chosen(proven.record, host: machine)
    case .register, .forget: break
    }
  }

  private mutating func checkEntry(_ entry: Entry, after previous: Position, _ shard: Int, _ machine: Int) {
    guard entry.position.sequence == previous.sequence + 1, entry.position.epoch >= previous.epoch else {
      return fail(
        .logDense,
        "shard \(shard): entry \(entry.position.sequence) of reign \(entry.position.epoch) after "
          + "\(previous.sequence) of \(previous.epoch)", host: machine)
    }
    let name = Ledger.EntryName(epoch: entry.position.epoch, sequence: entry.position.sequence)
    let content = Ledger.Content(predecessor: previous, hash: entry.position.hash)
    if let known = ledger.shards[shard].contents.updateValue(content, forKey: name), known != content {
      fail(
        .logsMatch, "shard \(shard): two logs have entry \(name.sequence) of reign \(name.epoch) and differ",
        host: machine)
    }
  }

  /// (f): what was acknowledged is cut by nobody who holds it, unless a recovery lies between.
  private mutating func checkCut(_ shard: Int, to position: Position, _ machine: Int) {
    ledger.shards[shard].isDirty = true
    let log = machines[machine].disk.written[shard]
    guard position.sequence < ledger.shards[shard].acknowledgedTop.sequence else { return }
    let sequence = position.sequence + 1
    guard log.last.sequence >= sequence else { return }
    let entry = ledger.shards[shard].committed[Int(sequence) - 1]
    if log.holds(entry.position) {
      fail(
        .committedStays, "shard \(shard): acknowledged entry \(sequence) of reign \(entry.position.epoch) is cut",
        host: machine)
    }
  }

  /// P4: every living in-sync member holds every acknowledged entry; the critical ones are on the disk of every in-sync
  /// host, alive or not.
  mutating func checkMembers() {
    for shard in shards.indices where ledger.shards[shard].isDirty {
      ledger.shards[shard].isDirty = false
      guard let record = ledger.shards[shard].newest else { continue }
      let top = ledger.shards[shard].acknowledgedTop
      let critical = ledger.shards[shard].criticalTop
      for member in record.members {
        guard let machine = machineOf[member.host] else { continue }
        if machines[machine].isRunning, machines[machine].life == member.life,
          !machines[machine].disk.written[shard].holds(top)
        {
          return fail(
            .membersHold,
            "shard \(shard): member \(machine) of version \(record.version) lacks acknowledged entry "
              + "\(top.sequence) of reign \(top.epoch)", host: machine)
        }
        guard critical > 0, !ledger.untrusted.contains(machine) else { continue }
        let entry = ledger.shards[shard].committed[Int(critical) - 1]
        if !machines[machine].disk.durable[shard].holds(entry.position) {
          return fail(
            .disksHold,
            "shard \(shard): critical entry \(critical) was acknowledged and is not on the disk of member "
              + "\(machine)", host: machine)
        }
      }
    }
  }
}
