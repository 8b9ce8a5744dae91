import Wire

/// The comparison of copies (`ownership.md` 3.9): owner and followers freeze their states at one sequence, hash them in
/// slices, and the owner compares.
struct Comparison: Hashable, Sendable {
  /// To be frozen when the state reaches this sequence.
  var wanted: UInt64?
  /// What is being hashed, or was.
  var frozen: ShardState?
  var root: [UInt8]?
  /// Who asked (the owner).
  var asker: Member?
  /// Owner: when the next one begins; who has answered otherwise.
  var nextAt: UInt64 = 0
  var different: [HostID] = []
  var equal: [HostID] = []
  /// Answers that came before the own hash was ready.
  var early: [HostID: [UInt8]] = [:]
}

extension ShardHost {
  /// A follower: the owner wants the hash at this sequence.
  mutating func beginCheck(_ shard: ShardID, _ epoch: Epoch, sequence: UInt64, from: Member) {
    guard let index = index(of: shard), replicas[index].epoch == epoch, !isOwner(index),
      replicas[index].rec?.record.owner == from, replicas[index].state.position.sequence <= sequence
    else { return }
    replicas[index].comparison.wanted = sequence
    replicas[index].comparison.asker = from
    replicas[index].comparison.frozen = nil
    replicas[index].comparison.root = nil
    checkPassed(index)
    touch(index)
  }

  /// The state has moved on by one entry.
  mutating func checkPassed(_ index: Int) {
    guard let wanted = replicas[index].comparison.wanted,
      replicas[index].state.position.sequence == wanted
    else { return }
    replicas[index].comparison.wanted = nil
    replicas[index].comparison.frozen = replicas[index].state
  }

  /// Goes on with hashing; begins a comparison at an owner when it is time.
  mutating func compare(_ index: Int, _ effects: inout ShardEffects) {
    if isOwner(index) { beginComparison(index, &effects) }
    guard replicas[index].comparison.frozen != nil, replicas[index].comparison.root == nil else { return }
    let slice = settings.sliceBytes
    let isDone = replicas[index].comparison.frozen?.hashSlice(bytes: slice) ?? true
    guard isDone else { return replicas[index].wake(at: now &+ ShardHost.sliceGap) }
    guard let frozen = replicas[index].comparison.frozen, let root = frozen.hashes.root else { return }
    replicas[index].comparison.root = root
    // What was hashed need not be hashed again.
    replicas[index].state.keepHashes(of: frozen)
    let sequence = frozen.position.sequence
    if let asker = replicas[index].comparison.asker, !isOwner(index) {
      send(
        .root(replicas[index].shard, replicas[index].epoch, sequence: sequence, root), to: asker.host, &effects)
      replicas[index].comparison = Comparison()
    } else {
      let early = replicas[index].comparison.early
      replicas[index].comparison.early = [:]
      for (host, theirs) in early.sorted(by: { $0.key < $1.key }) { judge(index, host, theirs == root, &effects) }
    }
  }

  static let sliceGap = Nanoseconds.milliseconds(2)

  private mutating func beginComparison(_ index: Int, _ effects: inout ShardEffects) {
    let next = replicas[index].comparison.nextAt
    if next == 0 {
      replicas[index].comparison.nextAt = now &+ settings.checkPeriod
    } else if now >= next, acts(index), replicas[index].commit > 0 {
      replicas[index].comparison = Comparison()
      replicas[index].comparison.nextAt = now &+ settings.checkPeriod
      replicas[index].comparison.frozen = replicas[index].state
      counters.comparisons += 1
      for progress in replicas[index].others where progress.isMember {
        send(
          .check(replicas[index].shard, replicas[index].epoch, sequence: replicas[index].commit),
          to: progress.member.host, &effects)
      }
    }
    if replicas[index].others.contains(where: \.isMember) {
      replicas[index].wake(at: max(replicas[index].comparison.nextAt, now &+ settings.batchTime))
    }
  }

  mutating func compareRoot(
    _ shard: ShardID, _ epoch: Epoch, sequence: UInt64, _ root: [UInt8], from: Member, _ effects: inout ShardEffects
  ) {
    guard let index = index(of: shard), isOwner(index), replicas[index].epoch == epoch,
      let frozen = replicas[index].comparison.frozen, frozen.position.sequence == sequence,
      replicas[index].others.contains(where: { $0.member == from && $0.isMember })
    else { return }
    guard let mine = replicas[index].comparison.root else {
      replicas[index].comparison.early[from.host] = root
      return
    }
    judge(index, from.host, mine == root, &effects)
  }

  /// One copy that differs is repaired by a snapshot. Two or more against the owner: nobody knows who is right, and a
  /// person must look.
  private mutating func judge(_ index: Int, _ host: HostID, _ isEqual: Bool, _ effects: inout ShardEffects) {
    if isEqual {
      if !replicas[index].comparison.equal.contains(host) { replicas[index].comparison.equal.append(host) }
      return
    }
    guard !replicas[index].comparison.different.contains(host) else { return }
    counters.differences += 1
    replicas[index].comparison.different.append(host)
    effects.events.append(.differs(replicas[index].shard, host))
    if replicas[index].comparison.different.count >= 2 {
      return stop(index, "two copies differ from the owner's", &effects)
    }
    if let place = replicas[index].others.firstIndex(where: { $0.member.host == host }) {
      replicas[index].others[place].snapshotUntil = nil
      replicas[index].others[place].wantsSnapshot = true
      replicas[index].others[place].isRepair = true
      touch(index)
    }
  }
}
