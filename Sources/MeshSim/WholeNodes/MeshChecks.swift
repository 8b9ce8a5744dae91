import MapShard
import NodeCore
import SecureChannel
import Wire

/// Where the checks of whole nodes hang into the run.
extension Simulation {
  func fail(_ complaint: MeshComplaint, _ machine: Int?, shard: Int? = nil) {
    let text = shard.map { "shard \($0): \(complaint.text)" } ?? complaint.text
    fail(complaint.rule.rawValue, complaint.rule.name, text, machine)
  }

  /// After every turn of a machine: what its node said, who acts, what clients are told.
  func inspectShards(_ machine: Int, _ process: Process<Channel>, _ whole: WholeMesh) {
    // A read may come before what its turn commits: a host that has stood for a while takes much at once.
    let before = effects.replies.isEmpty ? [] : whole.ledger.shards.map(\.log.count)
    for event in effects.events {
      switch event {
      case .shard(let event): heard(event, from: machine, process, whole)
      case .log(.damaged(let fault)):
        if !whole.ledger.excused.contains(machine) {
          fail(.init(.diskIsWhole, "the scrub finds \(fault)"), machine)
        }
      case .log(.failed(let file, let code)):
        trace.note(.storeFailed, host: machine, at: time, UInt64(UInt32(bitPattern: code)))
        if whole.stores[machine].health == .well, !whole.ledger.excused.contains(machine) {
          fail(.init(.diskIsWhole, "the store gave up with \(code) at \(file) on a disk that does not fail"), machine)
        }
      case .channel(.violation(let host, let violation, _)):
        fail(Honesty.number, Honesty.name, "\(host) is scored for \(violation)", machine)
      default: break
      }
    }
    checkActs(machine, process, whole)
    for (id, reply) in effects.replies {
      trace.note(.reply, host: machine, at: time, id)
      guard let request = whole.requests[id] else { continue }
      judge(reply, to: request, by: machine, since: before[request.operation.shard], whole)
      if violation == nil { answered(request, reply, whole) }
    }
  }

  private func heard(_ event: ShardEvent, from machine: Int, _ process: Process<Channel>, _ whole: WholeMesh) {
    switch event {
    case .recordLearned(let proven): learned(proven.record, by: machine, whole)
    case .committed(let shard, let position): committed(shard, position, by: machine, process, whole)
    case .corrupt(let shard, let text):
      if !whole.ledger.excused.contains(machine) { fail(.init(.stopped, text), machine, shard: whole.placeOf[shard]) }
    default: break
    }
  }

  // MARK: How busy

  /// More turns in a second than any honest world needs; two hosts that answer each other at once have them in half a
  /// second.
  private var turnsLimit: Int { 3_000 }

  /// Once a second.
  func checkCalm(_ machine: Int, _ process: Process<Channel>) {
    if process.whole.turns > turnsLimit { fail(.init(.calm, "\(process.whole.turns) turns in a second"), machine) }
    process.whole.turns = 0
  }

  // MARK: Who acts

  /// Nobody begins to act without a turn of its own, so its turns are enough.
  private func checkActs(_ machine: Int, _ process: Process<Channel>, _ whole: WholeMesh) {
    let now = clock(of: machine)
    for (index, shard) in whole.shards.enumerated() where process.node.shards.acts(for: shard, at: now) {
      for other in machines.indices where other != machine {
        guard let process = machines[other].process, process.node.shards.acts(for: shard, at: clock(of: other)) else {
          continue
        }
        let reigns = [machine, other].map { whole.ledger.seen[$0].records[index].map { "\($0.epoch)" } ?? "none" }
        return fail(
          .init(.oneActs, "machines \(machine) (reign \(reigns[0])) and \(other) (reign \(reigns[1])) act"), machine,
          shard: index)
      }
    }
  }

  // MARK: History

  private func committed(
    _ shard: ShardID, _ position: Position, by machine: Int, _ process: Process<Channel>, _ whole: WholeMesh
  ) {
    guard let index = whole.placeOf[shard] else { return }
    let from = whole.ledger.seen[machine].committed[index]
    whole.ledger.seen[machine].committed[index] = position.sequence
    var sequence = max(from, 0) + 1
    while sequence <= position.sequence {
      // What came as a snapshot is looked at by its last entry alone.
      if let entry = process.node.shards.entry(shard, at: sequence),
        let complaint = whole.ledger.shards[index].commit(entry, at: time)
      {
        return fail(complaint, machine, shard: index)
      }
      sequence += 1
    }
  }

  private func learned(_ record: Record, by machine: Int, _ whole: WholeMesh) {
    guard let index = whole.placeOf[record.shard] else { return }
    if let before = whole.ledger.seen[machine].records[index],
      record.version <= before.version || record.epoch < before.epoch
    {
      let text = "version \(record.version) of reign \(record.epoch) after \(before.version) of \(before.epoch)"
      return fail(.init(.neverFalls, text), machine, shard: index)
    }
    whole.ledger.seen[machine].records[index] = record
    if let known = whole.ledger.shards[index].records[record.version] {
      if known != record {
        fail(
          .init(.neverFalls, "two records of version \(record.version): \(known) and \(record)"), machine, shard: index)
      }
      return
    }
    whole.ledger.shards[index].records[record.version] = record
    guard record.isWellFormed, record.members.contains(record.owner) else {
      return fail(.init(.neverFalls, "\(record)"), machine, shard: index)
    }
    let newest = whole.ledger.shards[index].newest
    guard record.version > newest?.version ?? 0 else { return }
    if let newest, record.epoch < newest.epoch {
      return fail(.init(.neverFalls, "reign \(record.epoch) after \(newest.epoch)"), machine, shard: index)
    }
    if record.epoch != newest?.epoch { whole.ledger.reigns += 1 }
    whole.ledger.shards[index].newest = record
    if record.reason == .recover { recovered(record, index, whole) }
  }

  /// All members had restarted: what the new owner lacks is gone.
  private func recovered(_ record: Record, _ index: Int, _ whole: WholeMesh) {
    whole.ledger.recoveries += 1
    let before = whole.ledger.shards[index].records[record.version - 1]
    whole.ledger.shards[index].isLost = before?.members.allSatisfy { whole.ledger.lostLives.contains($0.life) } ?? false
    guard let owner = directory.index(of: record.owner.host), isAlive(record.owner),
      let log = machines[owner].process?.node.shards.view(of: record.shard)?.log
    else { return }
    while let last = whole.ledger.shards[index].log.last?.position, last.sequence > log.base.sequence,
      !log.contains(last)
    {
      whole.ledger.lostNormal += 1
      if let complaint = whole.ledger.shards[index].lose(from: last.sequence) {
        return fail(complaint, owner, shard: index)
      }
    }
  }

  /// A process has ended: were all members of a shard's newest record down at once, what was only in memory is gone.
  func noteDown(of process: Process<Channel>, _ whole: WholeMesh) {
    for (index, shard) in whole.shards.enumerated() {
      if let voted = process.node.shards.voted(shard),
        voted.version > whole.ledger.shards[index].lastVoted?.version ?? 0
      {
        whole.ledger.shards[index].lastVoted = voted
      }
      var newest = whole.ledger.shards[index].newest
      if let voted = whole.ledger.shards[index].lastVoted, voted.version > newest?.version ?? 0 { newest = voted }
      for machine in machines {
        guard let voted = machine.process?.node.shards.voted(shard) else { continue }
        if voted.version > newest?.version ?? 0 { newest = voted }
      }
      guard let newest, !newest.members.contains(where: isAlive) else { continue }
      whole.ledger.shards[index].allDownAt = time
    }
  }

  func isAlive(_ member: MapShard.Member) -> Bool {
    guard let machine = directory.index(of: member.host) else { return false }
    return machines[machine].process?.node.shards.me == member
  }

  // MARK: Answers

  /// - Parameter start: how many entries were committed before this turn.
  private func judge(
    _ reply: ShardReply, to request: MeshRequest, by machine: Int, since start: Int, _ whole: WholeMesh
  ) {
    let operation = request.operation
    let index = operation.shard
    switch reply {
    case .acknowledged(let epoch, let sequence):
      let log = whole.ledger.shards[index].log
      let client = whole.clients[request.client].id
      guard sequence > 0, sequence <= UInt64(log.count) else {
        return fail(
          .init(.acknowledgedStays, "entry \(sequence) is acknowledged, the committed log has \(log.count)"), machine,
          shard: index)
      }
      let entry = log[Int(sequence) - 1]
      guard entry.position.epoch == epoch, entry.client == client, entry.clientSequence == operation.sequence,
        entry.key == operation.key, entry.value == operation.value(of: client)
      else {
        return fail(
          .init(.acknowledgedStays, "entry \(sequence) is not what client \(request.client) asked for"), machine,
          shard: index)
      }
      whole.ledger.acknowledged += 1
      whole.ledger.shards[index].toldTop = max(whole.ledger.shards[index].toldTop, sequence)
      if entry.entryClass == .critical {
        whole.ledger.shards[index].criticalTop = max(whole.ledger.shards[index].criticalTop, sequence)
      }
    case .value(let value, let sequence):
      whole.ledger.reads += 1
      let couldBe = whole.ledger.shards[index].readable(operation.key, since: start)
      guard couldBe.contains(where: { value == $0?.value && sequence == $0?.position.sequence ?? 0 }) else {
        return fail(
          .init(
            .readsCommitted,
            "a read gives entry \(sequence), the newest of its key is \(couldBe.last??.position.sequence ?? 0)"),
          machine, shard: index)
      }
    case .refused(.outdated(let last)):
      // A client has one operation at a time and its sequences rise.
      if whole.clients[request.client].attempt == request.attempt, whole.clients[request.client].operation != nil {
        fail(
          .init(.onceOnly, "request \(operation.sequence) is called older than \(last), which was never sent"), machine,
          shard: index)
      }
    case .refused, .moved, .restored: break
    }
  }
}
