import Wire

/// What the shell, placement and clients ask.
extension ShardHost {
  mutating func obey(_ command: ShardCommand, _ effects: inout ShardEffects) {
    switch command {
    case .adopt(let set): adopt(set, signed: [], &effects)
    case .changeVoters(let signed): close(signed, &effects)
    case .place(let shard, let replicas, let minimum): place(shard, replicas, minimum, &effects)
    case .write(let shard, let request, let id): write(shard, request, Asker(request: id), &effects)
    case .read(let shard, let key, let request): read(shard, key, request, &effects)
    case .move(let shard, let target, let reason, let plan, let request):
      beginMove(shard, to: target, reason, plan, request, &effects)
    case .restore(let shard, let content, let request): beginRestore(shard, content, request, &effects)
    case .cancelMove(let shard): if let index = index(of: shard) { cancelMove(index, &effects) }
    case .releaseAll:
      isStopping = true
      for index in replicas.indices { release(index, &effects) }
    case .refresh(let shard): if let index = index(of: shard) { wantRead(index) }
    case .inquire(let shard): inquire(shard, &effects)
    case .unclean(let shard, let signed): takeUncleanly(shard, signed, &effects)
    }
  }

  /// The replica list of a shard, as placement wants it.
  private mutating func place(
    _ shard: ShardID, _ hosts: [HostID], _ minimum: Int, _ effects: inout ShardEffects
  ) {
    guard let index = makeIndex(of: shard) else { return }
    var unique: [HostID] = []
    for host in hosts where !unique.contains(host) { unique.append(host) }
    replicas[index].replicas = Array(unique.prefix(Record.membersLimit))
    replicas[index].isSetStale = true
    replicas[index].minimum = max(1, min(minimum, Record.membersLimit))
    touch(index)
  }
}
