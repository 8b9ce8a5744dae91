import Wire

/// One placement in the making: shards and hosts by index, what is chosen so far.
struct Drafting {
  let table: HostTable
  /// Sorted by id.
  let shards: [PlacementShard]
  /// `weighedLoad` of each.
  let weighed: [UInt64]
  let totalLoad: UInt64
  /// Replica list of each shard.
  var lists: [[Int]]
  var degraded: [Degraded]
  /// Somebody is gone, or has just come back.
  private let anybodyIsAway: Bool
  /// Members of the list that will stay in it when hosts that are gone come back.
  private var lasting: [[Int]]
  var owners: [Int?]
  var reasons: [OwnerReason]
  var ledger: Ledger

  init(_ view: PlacementView, ranking: inout Ranking) {
    let table = HostTable(view.hosts, view.rules)
    self.table = table
    let sorted = Drafting.sorted(view.shards)
    shards = sorted
    weighed = sorted.map(\.weighedLoad)
    var total: UInt64 = 0
    for row in sorted.indices where sorted[row].kind == .maps { total += weighed[row] }
    totalLoad = total
    anybodyIsAway = table.hosts.contains { $0.presence == .gone || $0.presence == .returning }
    lists = [[Int]](repeating: [], count: sorted.count)
    lasting = anybodyIsAway ? lists : []
    degraded = [Degraded](repeating: [], count: sorted.count)
    owners = [Int?](repeating: nil, count: sorted.count)
    reasons = [OwnerReason](repeating: .nobody, count: sorted.count)
    ledger = Ledger(weights: table.weights)
    if ranking.salt != view.salt { ranking = Ranking(salt: view.salt) }
    ranking.update(shards: sorted.map(\.id), hosts: table.rankable)
    drawLists(&ranking)
  }

  /// By id; of one shard given twice the first counts. Only keys are moved about: the shards are large.
  private static func sorted(_ given: [PlacementShard]) -> [PlacementShard] {
    var isSorted = given.count <= PlacementView.shardsLimit
    for row in given.indices.dropFirst() where isSorted {
      isSorted = given[row - 1].id.rawValue < given[row].id.rawValue
    }
    if isSorted { return given }
    var keys: [(id: ShardID, place: Int)] = given.indices.map { (given[$0].id, $0) }
    keys.sort { ($0.id.rawValue, $0.place) < ($1.id.rawValue, $1.place) }
    var result: [PlacementShard] = []
    result.reserveCapacity(keys.count)
    var last: ShardID?
    for key in keys where key.id != last && result.count < PlacementView.shardsLimit {
      result.append(given[key.place])
      last = key.id
    }
    return result
  }

  // MARK: Replica lists

  private mutating func drawLists(_ ranking: inout Ranking) {
    var indexOfSlot = [Int](repeating: -1, count: ranking.slotCount)
    for (index, host) in table.hosts.enumerated() {
      if let slot = ranking.slot(of: host.id) { indexOfSlot[slot] = index }
    }
    let wanted = min(Record.membersLimit, max(1, table.rules.replicationFactor))
    for row in shards.indices {
      var walk = ReplicaWalk(
        table: table, kind: shards[row].kind, leastWeight: table.leastWeight(for: shards[row], of: totalLoad),
        wanted: wanted)
      let best = ranking.best(row)
      var whole: [Int]?
      func choose(_ walk: ReplicaWalk) -> ReplicaWalk.Choice {
        if whole == nil,
          let choice = walk.choose(from: best.slots.lazy.map { indexOfSlot[Int($0)] }, isWhole: best.isWhole)
        {
          return choice
        }
        let all = whole ?? ranking.whole(row).map { indexOfSlot[Int($0)] }
        whole = all
        return walk.choose(from: all, isWhole: true) ?? ReplicaWalk.Choice()
      }
      if anybodyIsAway {
        walk.countsGone = true
        lasting[row] = choose(walk).hosts
        walk.countsGone = false
        walk.placesOfReturning = lasting[row]
      }
      var choice = choose(walk)
      if let pin = pinned(shards[row]), !choice.hosts.contains(pin) {
        if choice.hosts.count == wanted { choice.hosts.removeLast() }
        choice.hosts.insert(pin, at: 0)
        choice.degraded = walk.judge(choice.hosts)
      }
      lists[row] = choice.hosts
      degraded[row] = choice.degraded
    }
    extendForCap(&ranking, indexOfSlot, wanted)
  }

  /// The host of a pin that can be followed.
  func pinned(_ shard: PlacementShard) -> Int? {
    guard let pin = shard.pin, let host = table.index(of: pin), table.owns(host, shard.kind),
      table.takesNew(host) || shard.standing?.owner == pin
    else { return nil }
    return host
  }

  func isLasting(_ host: Int, _ row: Int) -> Bool { !anybodyIsAway || lasting[row].contains(host) }

  /// With `max_maps_per_host` the hosts of a list can all be full. Then the best ranked host with room takes the last
  /// place; whoever owns the shard already keeps it.
  private mutating func extendForCap(_ ranking: inout Ranking, _ indexOfSlot: [Int], _ wanted: Int) {
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
        let ranked = ranking.whole(row).map { indexOfSlot[Int($0)] }
        if let host = (further + ranked).first(where: { $0 >= 0 && table.takesNew($0) && hasRoom($0) }) {
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
    shards.indices.sorted { isHeavier($0, than: $1) }
  }

  func isHeavier(_ one: Int, than other: Int) -> Bool {
    weighed[one] != weighed[other] ? weighed[one] > weighed[other] : one < other
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
        loads[owner] += weighed[row]
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
