import Wire

/// Keeps the saves of a host's map-servers until the char-server has them, so that they outlive the host: each is logged as an
/// entry of its shard, and whoever owns the shard next hands in what is left.
///
/// A pure value. One for all shards of a host, because the limit is the host's.
package struct SaveOutbox {
  /// DESIGN 8.
  package static let bytesLimit = 64 << 20
  /// A shard's state has at most 100,000 keys, which others use as well.
  package static let countLimit = 65_536
  /// How much goes out in one call; the buffer of a call holds 8 MiB.
  package static let slice = 2 << 20

  private enum Job: Hashable {
    /// What is kept of earlier reigns of this reign's shard.
    case left(Reign)
    case kept(Reign)

    var reign: Reign {
      switch self {
      case .left(let reign), .kept(let reign): reign
      }
    }
  }

  package private(set) var counters = SaveOutboxCounters()
  private let bytesLimit: Int
  private let slice: Int
  private var kept: [Reign: KeptSaves] = [:]
  private var owned: [ShardID: Reign] = [:]
  private var isBridgeThere = false
  private var jobs: [Job] = []

  package init(bytesLimit: Int = SaveOutbox.bytesLimit, slice: Int = SaveOutbox.slice) {
    self.bytesLimit = bytesLimit
    self.slice = slice
  }

  package var bytes: Int { kept.values.reduce(0) { $0 + $1.bytes } }
  package var count: Int { kept.values.reduce(0) { $0 + $1.count } }

  package mutating func handle(_ input: SaveOutboxInput, into effects: inout SaveOutboxEffects) {
    switch input {
    case .logged(let shard, let key, let value): adopt(shard, key, value)
    case .owner(let reign): own(reign)
    case .lost(let shard): lose(shard)
    case .frame(let bytes, let reign, let sequence, let isSent):
      keep(bytes, reign, sequence, isSent: isSent, into: &effects)
    case .taken(let reign, let sequence): take(reign, through: sequence, into: &effects)
    case .bridgeOpened:
      isBridgeThere = true
      jobs = owned.values.sorted { $0.shard < $1.shard }.map { .left($0) }
    case .bridgeClosed: closeBridge(into: &effects)
    case .resend(let reign): if isBridgeThere, owned[reign.shard] == reign { jobs.append(.kept(reign)) }
    case .more: break
    }
    work(into: &effects)
  }

  private mutating func adopt(_ shard: ShardID, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    guard let key = try? SaveKey(key, shard: shard), let frame = try? Frame(value, table: .toCharServer),
      SaveKind.isKept(frame.command)
    else {
      counters.malformed &+= 1
      return
    }
    guard key.sequence > kept[key.reign]?.last ?? 0 else {
      counters.outOfPlace &+= 1
      return
    }
    guard bytes + frame.count <= bytesLimit, count < SaveOutbox.countLimit else {
      // It stays in the log, for when this host owns the shard anew.
      counters.full &+= 1
      return
    }
    // Nothing of it is replaced: the bridge may have been there when it was logged.
    _ = kept[key.reign, default: KeptSaves()].append(frame, key.sequence, isSent: true)
    kept[key.reign]?.forgetSent()
  }

  private mutating func own(_ reign: Reign) {
    guard owned[reign.shard].map({ $0.epoch < reign.epoch }) ?? true else { return }
    owned[reign.shard] = reign
    jobs.removeAll { $0.reign.shard == reign.shard }
    guard isBridgeThere else { return }
    // What went in the reign before may have come too late for it.
    for earlier in earlierReigns(of: reign) { kept[earlier]?.forgetSent() }
    jobs.append(.left(reign))
  }

  private mutating func lose(_ shard: ShardID) {
    owned[shard] = nil
    kept = kept.filter { $0.key.shard != shard }
    jobs.removeAll { $0.reign.shard == shard }
  }

  private mutating func keep(
    _ bytes: UnsafeRawBufferPointer, _ reign: Reign, _ sequence: UInt64, isSent: Bool,
    into effects: inout SaveOutboxEffects
  ) {
    guard let frame = try? Frame(bytes, table: .toCharServer), SaveKind.isKept(frame.command) else { return }
    guard owned[reign.shard] == reign, sequence > kept[reign]?.last ?? 0 else {
      counters.outOfPlace &+= 1
      return
    }
    let replaced = isSent ? nil : kept[reign]?.replaces(frame)
    guard self.bytes - (replaced ?? 0) + frame.count <= bytesLimit,
      replaced != nil || count < SaveOutbox.countLimit
    else {
      counters.full &+= 1
      effects.isFull = true
      return
    }
    counters.kept &+= 1
    let key = SaveKey(reign, sequence)
    if let old = kept[reign, default: KeptSaves()].append(frame, sequence, isSent: isSent) {
      counters.replaced &+= 1
      erase(SaveKey(reign, old), into: &effects)
    }
    guard let name = write(key, into: &effects), let value = effects.buffer.append(bytes) else {
      // Not logged, but kept here.
      effects.isFull = true
      return
    }
    effects.log.append(.put(reign.shard, key: name, value: value))
  }

  private mutating func take(_ reign: Reign, through sequence: UInt64, into effects: inout SaveOutboxEffects) {
    guard owned[reign.shard] != nil, let removed = kept[reign]?.remove(through: sequence) else { return }
    counters.taken &+= UInt64(removed.count)
    for sequence in removed { erase(SaveKey(reign, sequence), into: &effects) }
    if kept[reign]?.count == 0, owned[reign.shard] != reign { kept[reign] = nil }
  }

  private mutating func closeBridge(into effects: inout SaveOutboxEffects) {
    isBridgeThere = false
    jobs = []
    for reign in sortedReigns {
      guard owned[reign.shard] != nil, let replaced = kept[reign]?.unsend() else { continue }
      counters.replaced &+= UInt64(replaced.count)
      for sequence in replaced { erase(SaveKey(reign, sequence), into: &effects) }
    }
  }

  /// Sends what the jobs ask for, a slice per call.
  private mutating func work(into effects: inout SaveOutboxEffects) {
    var sent = 0
    while let job = jobs.first {
      guard let (reign, entry) = next(of: job) else {
        jobs.removeFirst()
        switch job {
        case .left(let reign): effects.toBridge.append(.caughtUp(reign))
        case .kept(let reign): effects.toBridge.append(.resent(reign))
        }
        continue
      }
      guard sent < slice, let message = entry.bytes.withUnsafeBytes({ effects.buffer.append($0) }) else {
        effects.hasMore = true
        return
      }
      sent += message.count
      kept[reign]?.sent(entry)
      switch job {
      case .left:
        counters.handedIn &+= 1
        effects.toBridge.append(.left(reign, sequence: entry.sequence, message))
      case .kept:
        counters.resent &+= 1
        effects.toBridge.append(.kept(reign, sequence: entry.sequence, message))
      }
    }
  }

  private func next(of job: Job) -> (Reign, KeptSaves.Entry)? {
    switch job {
    case .kept(let reign): return kept[reign]?.nextUnsent().map { (reign, $0) }
    case .left(let reign):
      for earlier in earlierReigns(of: reign) {
        if let entry = kept[earlier]?.nextUnsent() { return (earlier, entry) }
      }
      return nil
    }
  }

  private var sortedReigns: [Reign] {
    kept.keys.sorted { $0.shard != $1.shard ? $0.shard < $1.shard : $0.epoch < $1.epoch }
  }

  private func earlierReigns(of reign: Reign) -> [Reign] {
    sortedReigns.filter { $0.shard == reign.shard && $0.epoch < reign.epoch }
  }

  private mutating func erase(_ key: SaveKey, into effects: inout SaveOutboxEffects) {
    guard let name = write(key, into: &effects) else {
      // It stays in the log, where its sequence is known as handled.
      effects.isFull = true
      return
    }
    effects.log.append(.erase(key.reign.shard, key: name))
  }

  private func write(_ key: SaveKey, into effects: inout SaveOutboxEffects) -> MessageRange? {
    effects.buffer.append(maximum: SaveKey.size) { key.write(into: &$0) }
  }
}
