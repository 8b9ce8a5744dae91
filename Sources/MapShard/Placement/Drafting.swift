import Wire

/// One placement in the making: shards and hosts by index, what is chosen so far.
struct Drafting {
  let table: HostTable
  /// Sorted by id.
  let shards: [PlacementShard]
  let totalLoad: UInt64
  /// Replica list of each shard.
  var lists: [[Int]]
  var degraded: [Degraded]
  /// Members of the list that will stay in it when hosts that are gone come back.
  private let anybodyIsGone: Bool
  private var lasting: [[Int]]
  var owners: [Int?]
  var reasons: [OwnerReason]
  var ledger: Ledger

  init(_ view: PlacementView, ranking: inout Ranking) {
    let table = HostTable(view.hosts, view.rules)
    self.table = table
    var sorted: [PlacementShard] = []
    sorted.reserveCapacity(view.shards.count)
    for shard in view.shards.enumerated().sorted(by: { ($0.element.id, $0.offset) < ($1.element.id, $1.offset) })
    where sorted.last?.id != shard.element.id && sorted.count < PlacementView.shardsLimit {
      sorted.append(shard.element)
    }
    shards = sorted
    totalLoad = sorted.reduce(0) { $0 + ($1.kind == .maps ? $1.weighedLoad : 0) }
    anybodyIsGone = table.hosts.contains { $0.presence == .gone }
    lists = [[Int]](repeating: [], count: sorted.count)
    lasting = anybodyIsGone ? lists : []
    degraded = [Degraded](repeating: [], count: sorted.count)
    owners = [Int?](repeating: nil, count: sorted.count)
    reasons = [OwnerReason](repeating: .nobody, count: sorted.count)
    ledger = Ledger(weights: table.weights)
    if ranking.salt != view.salt { ranking = Ranking(salt: view.salt) }
    ranking.update(shards: sorted.map(\.id), hosts: table.rankable)
    drawLists(ranking)
  }

  // MARK: Replica lists

  private mutating func drawLists(_ ranking: Ranking) {
    var indexOfSlot = [Int](repeating: -1, count: ranking.slotCount)
    for (index, host) in table.hosts.enumerated() {
      if let slot = ranking.slot(of: host.id) { indexOfSlot[slot] = index }
    }
    let wanted = min(Record.membersLimit, max(1, table.rules.replicationFactor))
    for (row, shard) in shards.enumerated() {
      var walk = ReplicaWalk(
        table: table, kind: shard.kind, leastWeight: table.leastWeight(for: shard, of: totalLoad), wanted: wanted)
      let best = ranking.best(row)
      var whole: [Int]?
      func choose(_ walk: ReplicaWalk) -> ReplicaWalk.Choice {
        if whole == nil,
          let choice = walk.choose(from: best.slots.lazy.map { indexOfSlot[Int($0)] }, isWhole: best.isWhole)
        {
          return choice
        }
        let all = whole ?? ranking.whole(shard.id).map { indexOfSlot[Int($0)] }
        whole = all
        return walk.choose(from: all, isWhole: true) ?? ReplicaWalk.Choice()
      }
      var choice = choose(walk)
      if anybodyIsGone {
        walk.countsGone = true
        lasting[row] = choose(walk).hosts
        walk.countsGone = false
      }
      if let pin = pinned(shard), !choice.hosts.contains(pin) {
        if choice.hosts.count == wanted { choice.hosts.removeLast() }
        choice.hosts.insert(pin, at: 0)
        choice.degraded = walk.judge(choice.hosts)
      }
      lists[row] = choice.hosts
      degraded[row] = choice.degraded
    }
    extendForCap(ranking, indexOfSlot, wanted)
  }

  /// The host of a pin that can be followed.
  func pinned(_ shard: PlacementShard) -> Int? {
    guard let pin = shard.pin, let host = table.index(of: pin), table.owns(host, shard.kind) else { return nil }
    return host
  }

  func isLasting(_ host: Int, _ row: Int) -> Bool { !anybodyIsGone || lasting[row].contains(host) }

  /// With `max_maps_per_host` the hosts of a list can all be full. Then the best ranked host with room takes the last
  /// place; whoever owns the shard already keeps it.
  private mutating func extendForCap(_ ranking: Ranking, _ indexOfSlot: [Int], _ wanted: Int) {
    guard table.rules.maximumMapsPerHost > 0 else { return }
    var planned = Ledger(weights: table.weights)
    for shard in shards {
      if let owner = livingOwner(shard) { planned.add(shard, to: owner) }
    }
    for row in inOrderOfLoad() where shards[row].kind == .maps {
      let shard = shards[row]
      let incumbent = livingOwner(shard)
      if let incumbent { planned.remove(shard, from: incumbent) }
      func hasRoom(_ host: Int) -> Bool { table.owns(host, .maps) && self.hasRoom(host, for: shard, planned) }
      var taker =
        incumbent.flatMap { lists[row].contains($0) && hasRoom($0) ? $0 : nil }
        ?? lists[row].filter(hasRoom).reduce(nil) { best, host in
          best.map { planned.isLighter(host, than: $0, with: shard.weighedLoad) ? host : $0 } ?? host
        }
      if taker == nil {
        let further = incumbent.map { hasRoom($0) ? [$0] : [] } ?? []
        let ranked = ranking.whole(shard.id).map { indexOfSlot[Int($0)] }
        if let host = (further + ranked).first(where: { $0 >= 0 && hasRoom($0) }) {
          if lists[row].count == wanted { lists[row].removeLast() }
          lists[row].append(host)
          taker = host
        }
        degraded[row].insert(.cap)
      }
      if let owner = taker ?? incumbent ?? lists[row].first { planned.add(shard, to: owner) }
    }
  }

  func hasRoom(_ host: Int, for shard: PlacementShard, _ ledger: Ledger) -> Bool {
    let limit = table.rules.maximumMapsPerHost
    return limit <= 0 || shard.kind == .bridge || ledger.maps[host] + shard.maps <= limit
  }

  /// Heaviest first: what is large finds room while there is some.
  func inOrderOfLoad() -> [Int] {
    shards.indices.sorted { left, right in
      let (mine, others) = (shards[left].weighedLoad, shards[right].weighedLoad)
      return mine != others ? mine > others : left < right
    }
  }

  // MARK: Owners

  func livingOwner(_ shard: PlacementShard) -> Int? {
    guard let owner = shard.standing?.owner.flatMap(table.index(of:)), table.hosts[owner].presence != .gone else {
      return nil
    }
    return owner
  }

  /// The result, once owners are chosen.
  var placement: Placement {
    var result = Placement()
    result.totalLoad = totalLoad
    result.totalWeight = table.totalWeight
    result.isAtHome = table.eligibility.isAtHome
    result.shards.reserveCapacity(shards.count)
    var owned = [Int](repeating: 0, count: table.hosts.count)
    var loads = [UInt64](repeating: 0, count: table.hosts.count)
    for row in shards.indices {
      if let owner = owners[row], shards[row].kind == .maps {
        owned[owner] += 1
        loads[owner] += shards[row].weighedLoad
      }
      result.shards.append(
        PlacedShard(
          id: shards[row].id, replicas: lists[row].map { table.hosts[$0].id },
          owner: owners[row].map { table.hosts[$0].id }, reason: reasons[row], degraded: degraded[row]))
    }
    result.loads = table.hosts.indices.map { index in
      Placement.HostLoad(
        host: table.hosts[index].id, weight: table.owns[index] ? table.weights[index] : 0, load: loads[index],
        maps: ledger.maps[index], shards: owned[index])
    }
    return result
  }
}
