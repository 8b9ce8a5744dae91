package import Hashing
package import Wire

/// The best hosts of every shard by score, kept from call to call: a host that joins costs one score per shard, one that
/// leaves only touches the rows that named it.
///
/// A row is always an exact beginning of the shard's whole ranking. Hosts have slots that do not move while they stay.
package struct Ranking: Sendable {
  /// Kept per shard: three copies, spread over contributors and zones, and a few deaths.
  package static let depth = 8
  /// A row that deaths have made shorter is computed anew.
  private static let leastDepth = 5

  package let salt: ShortHash
  /// Sorted.
  package private(set) var shards: [ShardID] = []
  private var slots: [Entry?] = []
  private var free: [Int] = []
  private var slotOfHost: [HostID: Int] = [:]
  /// `depth` places per shard, of which `counts` are filled.
  private var costs: [UInt64] = []
  private var rows: [Int32] = []
  private var counts: [UInt8] = []
  /// Scores computed so far: what an update costs, for tests and measurements.
  package private(set) var scoresComputed: UInt64 = 0

  /// Whole rankings of the shards that needed more than a row: the very heavy ones. Bounded, sorted, kept up like rows.
  private var deep: [Int: [Deep]] = [:]
  private static let deepLimit = 256

  private struct Deep: Sendable {
    var cost: UInt64
    var slot: Int32
  }

  package struct Entry: Hashable, Sendable {
    package var id: HostID
    package var seed: RingSeed
    package var weight: UInt64

    /// - Parameter weight: 1...64.
    package init(id: HostID, seed: RingSeed, weight: UInt64) {
      self.id = id
      self.seed = seed
      self.weight = weight
    }
  }

  package init(salt: ShortHash) { self.salt = salt }

  package var hostCount: Int { slots.count - free.count }
  var slotCount: Int { slots.count }
  package func slot(of host: HostID) -> Int? { slotOfHost[host] }

  /// Makes it the ranking of these shards and hosts, both sorted by id and without repetition; weights 1...64.
  package mutating func update(shards wanted: [ShardID], hosts: [Entry]) {
    var joined: [Entry] = []
    var isWanted = [Bool](repeating: false, count: slots.count)
    for entry in hosts {
      if let slot = slotOfHost[entry.id], slots[slot] == entry {
        isWanted[slot] = true
      } else {
        joined.append(entry)
      }
    }
    let left = isWanted.indices.filter { slots[$0] != nil && !isWanted[$0] }
    let isMostlyNew = joined.count + left.count > max(2, hosts.count / 4)
    let isOther = shards.count != wanted.count || zip(shards, wanted).contains { $0.rawValue != $1.rawValue }
    if isOther || isMostlyNew {
      rebuild(shards: wanted, hosts: hosts)
      return
    }
    remove(left)
    for entry in joined { insert(entry) }
  }

  private mutating func rebuild(shards wanted: [ShardID], hosts: [Entry]) {
    shards = wanted
    slots = hosts
    free = []
    slotOfHost = [:]
    slotOfHost.reserveCapacity(hosts.count)
    for (slot, entry) in hosts.enumerated() { slotOfHost[entry.id] = slot }
    costs = [UInt64](repeating: 0, count: wanted.count * Ranking.depth)
    rows = [Int32](repeating: 0, count: wanted.count * Ranking.depth)
    counts = [UInt8](repeating: 0, count: wanted.count)
    deep = [:]
    for row in wanted.indices { computeRow(row) }
  }

  private mutating func computeRow(_ row: Int) {
    counts[row] = 0
    let shard = shards[row]
    scoresComputed &+= UInt64(hostCount)
    Log2Table.entries.withUnsafeBufferPointer { table in
      guard let entries = table.baseAddress else { return }
      for slot in slots.indices {
        guard let host = slots[slot] else { continue }
        place(slot, host, cost: Score.cost(of: shard, for: host.seed, salt: salt, entries), in: row, isComplete: true)
      }
    }
  }

  private mutating func insert(_ entry: Entry) {
    let slot: Int
    if let reused = free.popLast() {
      slot = reused
      slots[slot] = entry
    } else {
      slot = slots.count
      slots.append(entry)
    }
    slotOfHost[entry.id] = slot
    let others = hostCount - 1
    scoresComputed &+= UInt64(shards.count)
    Log2Table.entries.withUnsafeBufferPointer { table in
      guard let entries = table.baseAddress else { return }
      for row in shards.indices {
        let cost = Score.cost(of: shards[row], for: entry.seed, salt: salt, entries)
        place(slot, entry, cost: cost, in: row, isComplete: Int(counts[row]) == others)
        if !deep.isEmpty { insertDeep(slot, entry, cost, row) }
      }
    }
  }

  private mutating func remove(_ left: [Int]) {
    guard !left.isEmpty else { return }
    let isLeft = Set(left)
    for row in deep.keys { deep[row]?.removeAll { isLeft.contains(Int($0.slot)) } }
    for slot in left {
      if let entry = slots[slot] { slotOfHost[entry.id] = nil }
      slots[slot] = nil
      free.append(slot)
    }
    for row in shards.indices {
      let start = row * Ranking.depth
      let count = Int(counts[row])
      var kept = 0
      for place in 0..<count where slots[Int(rows[start + place])] != nil {
        rows[start + kept] = rows[start + place]
        costs[start + kept] = costs[start + place]
        kept += 1
      }
      guard kept != count else { continue }
      counts[row] = UInt8(kept)
      if kept < min(Ranking.leastDepth, hostCount) { computeRow(row) }
    }
  }

  /// Puts a host where it belongs in a row, if anywhere. Behind the last place of a row that is not the whole ranking
  /// there may be others before it: then it stays out.
  @inline(__always)
  private mutating func place(_ slot: Int, _ host: Entry, cost: UInt64, in row: Int, isComplete: Bool) {
    let start = row * Ranking.depth
    let count = Int(counts[row])
    var position = count
    while position > 0, ranksBefore(host, cost, start + position - 1) { position -= 1 }
    guard position < count || (isComplete && count < Ranking.depth) else { return }
    let last = min(count, Ranking.depth - 1)
    var moving = last
    while moving > position {
      rows[start + moving] = rows[start + moving - 1]
      costs[start + moving] = costs[start + moving - 1]
      moving -= 1
    }
    rows[start + position] = Int32(truncatingIfNeeded: slot)
    costs[start + position] = cost
    counts[row] = UInt8(last + 1)
  }

  @inline(__always)
  private func ranksBefore(_ host: Entry, _ cost: UInt64, _ place: Int) -> Bool {
    guard let other = slots[Int(rows[place])] else { return true }
    return Score.ranksBefore(cost, host.weight, host.id, costs[place], other.weight, other.id)
  }

  /// Slots of the best hosts of a shard, best first, and whether they are all there are.
  func best(_ row: Int) -> (slots: ArraySlice<Int32>, isWhole: Bool) {
    let start = row * Ranking.depth
    let count = Int(counts[row])
    return (rows[start..<start + count], count == hostCount)
  }

  /// Slots of all hosts, best first. Costs a score per host the first time.
  mutating func whole(_ row: Int) -> [Int32] {
    if let kept = deep[row] { return kept.map(\.slot) }
    let shard = shards[row]
    scoresComputed &+= UInt64(hostCount)
    var all: [Deep] = []
    all.reserveCapacity(hostCount)
    Log2Table.entries.withUnsafeBufferPointer { table in
      guard let entries = table.baseAddress else { return }
      for slot in slots.indices {
        guard let host = slots[slot] else { continue }
        let cost = Score.cost(of: shard, for: host.seed, salt: salt, entries)
        all.append(Deep(cost: cost, slot: Int32(truncatingIfNeeded: slot)))
      }
    }
    all.sort(by: ranksBefore)
    if deep.count < Ranking.deepLimit { deep[row] = all }
    return all.map(\.slot)
  }

  private mutating func insertDeep(_ slot: Int, _ host: Entry, _ cost: UInt64, _ row: Int) {
    guard let kept = deep[row] else { return }
    let new = Deep(cost: cost, slot: Int32(truncatingIfNeeded: slot))
    var low = 0
    var high = kept.count
    while low < high {
      let middle = (low + high) / 2
      if ranksBefore(kept[middle], new) { low = middle + 1 } else { high = middle }
    }
    deep[row]?.insert(new, at: low)
  }

  private func ranksBefore(_ one: Deep, _ other: Deep) -> Bool {
    guard let mine = slots[Int(one.slot)], let others = slots[Int(other.slot)] else { return one.slot < other.slot }
    return Score.ranksBefore(one.cost, mine.weight, mine.id, other.cost, others.weight, others.id)
  }
}
