import Wire

/// An earlier state of the shard that is being put in place (`ownership.md` 3.11).
struct PlannedRestore: Hashable, Sendable {
  let content: ShardContent
  let request: UInt64
  let since: UInt64
  /// The reign that ends for it.
  let reign: Epoch
  /// The changes that are not in the log yet; `nil` before the new reign.
  var rest: ArraySlice<ContentDifference.Change>?
  var result = ShardReply.Restored()
}

/// A restore begins a reign of the same owner and goes through the log as ordinary entries of it: they replicate, are
/// acknowledged and can be undone like all others, and nothing that stands in the log is rewritten. Other writes wait
/// meanwhile. Sequences of clients are not restored: a request that was applied once is not applied again.
extension ShardHost {
  mutating func beginRestore(
    _ shard: ShardID, _ content: ShardContent, _ request: UInt64, _ effects: inout ShardEffects
  ) {
    guard let index = index(of: shard), content.shard == shard else {
      return reply(request, .refused(.unknownShard), &effects)
    }
    guard isOwner(index) else {
      return reply(request, .refused(.notOwner(replicas[index].rec?.record.owner)), &effects)
    }
    guard !storeFailed else { return reply(request, .refused(.storeFailed), &effects) }
    guard admission == .open else { return reply(request, .refused(.noRoom(admission)), &effects) }
    guard acts(index) else { return reply(request, .refused(.held(holdReason(index))), &effects) }
    let copies = replicas[index].members.count
    guard copies >= replicas[index].minimum else {
      return reply(request, .refused(.belowMinimum(copies: copies, minimum: replicas[index].minimum)), &effects)
    }
    guard replicas[index].move == nil, replicas[index].restore == nil, !isStopping else {
      return reply(request, .refused(.busy), &effects)
    }
    replicas[index].restore = PlannedRestore(
      content: content, request: request, since: now, reign: replicas[index].epoch)
    touch(index)
  }

  /// First everything that was admitted is acknowledged, then a new reign begins, then the difference is written.
  mutating func goOnRestoring(_ index: Int, _ effects: inout ShardEffects) {
    guard let restore = replicas[index].restore else { return }
    replicas[index].wake(at: now &+ settings.heartbeatPeriod / 4)
    let isSettled = replicas[index].acked >= replicas[index].log.last.sequence
    if restore.rest == nil, replicas[index].epoch == restore.reign {
      // What was asked for has no time limit: only a record tells what became of it.
      if replicas[index].proposal?.kind == .renew { return }
      guard now < restore.since &+ settings.moveLimit else {
        replicas[index].restore = nil
        reply(restore.request, .refused(.busy), &effects)
        return resumeQueue(index, &effects)
      }
      guard isSettled, replicas[index].proposal == nil, canAskVoters, acts(index),
        let record = next(index, reason: .renew, isNewReign: true)
      else { return }
      return propose(index, .renew, record, &effects)
    }
    guard acts(index) else { return }
    if restore.rest == nil {
      reachFloor(index, &effects)
      guard isSettled, replicas[index].state.position.sequence == replicas[index].log.last.sequence else { return }
      let difference = ContentDifference(
        from: replicas[index].state.content(of: restore.content.shard), to: restore.content)
      replicas[index].restore?.rest = difference.changes[...]
      let epoch = replicas[index].epoch
      replicas[index].restore?.result = ShardReply.Restored(
        epoch: epoch, added: difference.added, changed: difference.changed,
        removed: difference.removed)
    }
    writeRestored(index)
    guard replicas[index].restore?.rest?.isEmpty == true,
      replicas[index].acked >= replicas[index].log.last.sequence, var result = replicas[index].restore?.result
    else { return }
    result.sequence = replicas[index].log.last.sequence
    replicas[index].restore = nil
    reply(restore.request, .restored(result), &effects)
    resumeQueue(index, &effects)
  }

  /// As many of the changes as copies and disks take now.
  private mutating func writeRestored(_ index: Int) {
    while let change = replicas[index].restore?.rest?.first {
      guard unansweredBytes(index) < settings.credit, isRoomOnDisks(index), admission == .open else { return }
      _ = replicas[index].restore?.rest?.removeFirst()
      switch change {
      case .put(let item):
        append(
          index, WriteRequest(entryClass: item.entryClass, change: .put, key: item.key, value: item.value), nil)
      case .delete(let key, let entryClass):
        append(index, WriteRequest(entryClass: entryClass, change: .delete, key: key), nil)
      }
    }
  }
}
