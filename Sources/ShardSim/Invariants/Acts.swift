import MapShard
import Wire

/// P1, and what an answer to a client must fulfil at the moment at which it is given.
extension ShardWorld {
  /// After every turn of a machine. Nobody begins to act without a turn of its own, so its turns are enough.
  mutating func checkActs(_ machine: Int) {
    let now = machines[machine].clock.now(at: time)
    // Who has learned that he owns nothing cannot act; that is trusted most of the time and asked now and then.
    let asksAll = ledger.turns & 15 == 0
    for (index, shard) in shards.enumerated() {
      if let actor = ledger.shards[index].actor, actor != machine, !actsNow(actor, shard) {
        ledger.falls(silent: index, at: time)
      }
      guard asksAll || ledger.owns(machine, index, machines[machine].member) else { continue }
      guard machines[machine].core?.acts(for: shard, at: now) == true else {
        if ledger.shards[index].actor == machine { ledger.falls(silent: index, at: time) }
        continue
      }
      ledger.acts(machine, index, at: time)
      if let record = ledger.seen[machine].records[index], record.epoch < ledger.shards[index].uncleanReign { continue }
      for other in machines.indices where other != machine {
        guard let core = machines[other].core, core.acts(for: shard, at: machines[other].clock.now(at: time)) else {
          continue
        }
        if let record = ledger.seen[other].records[index], record.epoch < ledger.shards[index].uncleanReign { continue }
        return fail(
          .oneActs,
          "hosts \(machine) (reign \(reign(of: index, on: machine))) and \(other) (reign \(reign(of: index, on: other))) act for shard \(index)",
          host: machine)
      }
    }
  }

  /// What a turn may answer depends on whether its host acted when it began.
  mutating func noteActsBefore(_ machine: Int, now: Now) {
    for (index, shard) in shards.enumerated() {
      ledger.seen[machine].actedBefore[index] =
        ledger.owns(machine, index, machines[machine].member)
        && machines[machine].core?.acts(for: shard, at: now) == true
    }
  }

  private func actsNow(_ machine: Int, _ shard: ShardID) -> Bool {
    machines[machine].isResponsive(at: time)
      && machines[machine].core?.acts(for: shard, at: machines[machine].clock.now(at: time)) == true
  }

  private func reign(of index: Int, on machine: Int) -> String {
    ledger.seen[machine].records[index].map { "\($0.epoch)" } ?? "none"
  }

  /// (a): an answer needs `act` in the turn that gives it.
  private mutating func mayAnswer(_ shard: Int, _ machine: Int) -> Bool {
    if ledger.seen[machine].actedBefore[shard] { return true }
    let now = machines[machine].clock.now(at: time)
    if machines[machine].core?.acts(for: shards[shard], at: now) == true { return true }
    fail(.effectsNeedAct, "an answer for shard \(shard) from a host that does not act", host: machine)
    return false
  }

  // MARK: Acknowledgements

  /// A client is told that its write is acknowledged: by the owner, or by a host to which the owner has said so.
  mutating func acknowledged(_ request: ShardRequest, epoch: Epoch, sequence: UInt64, by machine: Int) {
    let shard = request.operation.shard
    let client = clients[request.client].id
    if !isCommitted(shard, epoch: epoch, sequence: sequence) {
      acknowledges(shard, epoch: epoch, sequence: sequence, by: machine)
      guard violation == nil, isCommitted(shard, epoch: epoch, sequence: sequence) else { return }
    }
    ledger.acknowledgements += 1
    let entry = ledger.shards[shard].committed[Int(sequence) - 1]
    guard entry.client == client, entry.clientSequence == request.operation.sequence,
      entry.key == request.operation.key,
      entry.value == request.operation.value
    else {
      return fail(
        .acknowledgedStays,
        "shard \(shard): entry \(sequence) is not what client \(request.client) asked for with \(request.operation.sequence)",
        host: machine)
    }
    if request.operation.kind == .critical, sequence > ledger.shards[shard].criticalTop {
      ledger.shards[shard].criticalTop = sequence
      ledger.shards[shard].isDirty = true
    }
    occasion(.acknowledges, machine, peer: (machine + 1) % machines.count)
  }

  private func isCommitted(_ shard: Int, epoch: Epoch, sequence: UInt64) -> Bool {
    guard sequence > 0, sequence <= UInt64(ledger.shards[shard].committed.count) else { return false }
    return ledger.shards[shard].committed[Int(sequence) - 1].position.epoch == epoch
  }

  /// An owner says for the first time that an entry is acknowledged.
  mutating func acknowledges(_ shard: Int, epoch: Epoch, sequence: UInt64, by machine: Int) {
    guard let record = ledger.seen[machine].records[shard] else {
      return fail(.effectsNeedAct, "an acknowledgement from a host that knows no record", host: machine)
    }
    if record.epoch < ledger.shards[shard].uncleanReign { return }
    guard mayAnswer(shard, machine) else { return }
    guard record.epoch >= ledger.shards[shard].reign else {
      return fail(
        .acknowledgedInOrder,
        "shard \(shard): acknowledged in reign \(record.epoch) after one in \(ledger.shards[shard].reign)",
        host: machine)
    }
    ledger.shards[shard].reign = record.epoch
    let log = machines[machine].disk.written[shard]
    let top = ledger.shards[shard].acknowledgedTop
    guard log.holds(top) else {
      return fail(
        .acknowledgedStays,
        "shard \(shard): the owner acknowledges \(sequence) and lacks acknowledged entry \(top.sequence) of reign \(top.epoch)",
        host: machine)
    }
    extendCommitted(shard, to: sequence, from: log, by: machine)
    if violation == nil, !isCommitted(shard, epoch: epoch, sequence: sequence) {
      fail(
        .acknowledgedStays,
        "shard \(shard): acknowledged entry \(sequence) of reign \(epoch) is not in the owner's log",
        host: machine)
    }
  }

  /// The acknowledged log grows to `sequence`: every entry below an acknowledged one is acknowledged too.
  private mutating func extendCommitted(_ shard: Int, to sequence: UInt64, from log: LogModel, by machine: Int) {
    var next = UInt64(ledger.shards[shard].committed.count) + 1
    guard next <= sequence else { return }
    ledger.shards[shard].isDirty = true
    while next <= sequence {
      guard let entry = log.entry(next) else {
        return fail(.acknowledgedStays, "shard \(shard): entry \(next) is not in the owner's log", host: machine)
      }
      if entry.client != 0 {
        if let last = ledger.shards[shard].applied[entry.client], last >= entry.clientSequence {
          return fail(
            .onceOnly,
            "shard \(shard): request \(entry.clientSequence) of client \(hexadecimal(entry.client)) is applied after \(last)",
            host: machine)
        }
        ledger.shards[shard].applied[entry.client] = entry.clientSequence
      }
      ledger.shards[shard].committed.append(
        Ledger.Committed(
          position: entry.position, entryClass: entry.entryClass, client: entry.client,
          clientSequence: entry.clientSequence, key: entry.key, value: entry.value, at: time))
      next += 1
    }
  }

  // MARK: Reads

  mutating func answeredRead(_ request: ShardRequest, value: [UInt8]?, sequence: UInt64, by machine: Int) {
    let shard = request.operation.shard
    if let record = ledger.seen[machine].records[shard], record.epoch < ledger.shards[shard].uncleanReign { return }
    guard mayAnswer(shard, machine) else { return }
    ledger.reads += 1
    let committed = ledger.shards[shard].committed
    if sequence > UInt64(committed.count) {
      // Replicated everywhere, though nobody has been told yet: legal when every living member has it.
      guard let entry = machines[machine].disk.written[shard].entry(sequence), entry.key == request.operation.key,
        entry.value == value
      else { return fail(.readsCommitted, "shard \(shard): a value that no entry put", host: machine) }
      for member in ledger.shards[shard].newest?.members ?? [] {
        guard let other = machineOf[member.host], machines[other].isRunning, machines[other].life == member.life else {
          continue
        }
        guard machines[other].disk.written[shard].holds(entry.position) else {
          return fail(
            .readsCommitted, "shard \(shard): entry \(sequence) was read and member \(other) does not have it",
            host: machine)
        }
      }
      return
    }
    if sequence > 0 {
      let entry = committed[Int(sequence) - 1]
      guard entry.key == request.operation.key, entry.value == value else {
        return fail(.readsCommitted, "shard \(shard): a value that entry \(sequence) did not put", host: machine)
      }
    } else if value != nil {
      return fail(.readsCommitted, "shard \(shard): a value of no entry", host: machine)
    }
    let later = committed[Int(sequence)...].last { $0.key == request.operation.key }
    if let later {
      fail(
        .readsCommitted,
        "shard \(shard): entry \(sequence) was read though \(later.position.sequence) was acknowledged before",
        host: machine)
    }
  }
}
