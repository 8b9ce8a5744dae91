import Wire

/// Values of the volatile class: the latest of each key, in memory only; followers get what has changed now and then.
struct VolatileValues: Hashable, Sendable {
  static let keysLimit = 4096
  static let bytesLimit = 4 << 20
  static let period = Nanoseconds.milliseconds(250)

  private var values: [[UInt8]: [UInt8]] = [:]
  private var changed: Set<[UInt8]> = []
  private var bytes = 0
  var sendAt: UInt64 = 0

  var hasChanges: Bool { !changed.isEmpty }

  func value(of key: [UInt8]) -> [UInt8]? { values[key] }

  /// False when there is no room.
  mutating func put(_ request: WriteRequest) -> Bool {
    let isKept = set(request.key, request.change == .delete ? nil : request.value)
    if isKept { changed.insert(request.key) }
    return isKept
  }

  @discardableResult
  mutating func set(_ key: [UInt8], _ value: [UInt8]?) -> Bool {
    let old = values[key]
    let size = value.map { key.count + $0.count } ?? 0
    let freed = old.map { key.count + $0.count } ?? 0
    guard bytes - freed + size <= VolatileValues.bytesLimit,
      value == nil || old != nil || values.count < VolatileValues.keysLimit
    else { return false }
    bytes += size - freed
    values[key] = value
    return true
  }

  /// Sorted by key; at most as many as a message takes.
  mutating func takeChanges() -> [ReplicaMessage.Volatile] {
    var taken: [ReplicaMessage.Volatile] = []
    var size = 0
    for key in changed.sorted(by: { $0.lexicographicallyPrecedes($1) }).prefix(ReplicaMessage.volatileLimit) {
      let value = values[key]
      size += key.count + (value?.count ?? 0)
      if size > 256 << 10, !taken.isEmpty { break }
      taken.append(ReplicaMessage.Volatile(key: key, value: value))
      changed.remove(key)
    }
    return taken
  }
}

extension ShardHost {
  mutating func sendVolatile(_ index: Int, _ effects: inout ShardEffects) {
    guard replicas[index].volatile.hasChanges else { return }
    guard now >= replicas[index].volatile.sendAt else {
      return replicas[index].wake(at: replicas[index].volatile.sendAt)
    }
    replicas[index].volatile.sendAt = now &+ VolatileValues.period
    let changes = replicas[index].volatile.takeChanges()
    for progress in replicas[index].others where progress.isMember {
      send(
        .volatile(replicas[index].shard, replicas[index].epoch, changes), to: progress.member.host, &effects)
    }
    if replicas[index].volatile.hasChanges { replicas[index].wake(at: replicas[index].volatile.sendAt) }
  }

  mutating func keepVolatile(
    _ shard: ShardID, _ epoch: Epoch, _ values: [ReplicaMessage.Volatile], from: Member
  ) {
    guard let index = index(of: shard), let record = replicas[index].rec?.record, record.owner == from,
      record.epoch == epoch, !isOwner(index)
    else { return }
    for item in values where !replicas[index].volatile.set(item.key, item.value) { counters.limitsHit += 1 }
  }
}
