import Wire

/// Owners: a pin, else whoever owns the shard already, else the in-sync host that carries least for its weight.
extension Drafting {
  mutating func chooseOwners() {
    var open: [Int] = []
    for row in shards.indices {
      if let owner = livingOwner(shards[row]) {
        ledger.add(shards[row], to: owner)
        owners[row] = owner
        reasons[row] = .incumbent
      }
      if !keepsOwner(row) { open.append(row) }
    }
    open += shedAboveCap(open)
    open.sort { isHeavier($0, than: $1) }
    for row in open { chooseOwner(row) }
    settle(open.filter { shards[$0].standing == nil && pinned(shards[$0]) == nil })
  }

  /// Whether the incumbent may simply stay.
  private func keepsOwner(_ row: Int) -> Bool {
    guard let owner = owners[row] else { return false }
    if let pin = pinned(shards[row]) { return pin == owner }
    return lists[row].contains(owner) && table.owns(owner, shards[row].kind)
  }

  /// Shards that hosts above `max_maps_per_host` should give, those with the fewest players first.
  private func shedAboveCap(_ open: [Int]) -> [Int] {
    let limit = table.rules.maximumMapsPerHost
    guard limit > 0 else { return [] }
    var surplus = ledger.maps.map { $0 - limit }
    for row in open where shards[row].kind == .maps {
      if let owner = owners[row] { surplus[owner] -= shards[row].maps }
    }
    guard surplus.contains(where: { $0 > 0 }) else { return [] }
    let isOpen = Set(open)
    let order = shards.indices.filter { shards[$0].kind == .maps && !isOpen.contains($0) && shards[$0].pin == nil }
      .sorted { left, right in
        let (mine, others) = (shards[left], shards[right])
        return (mine.players, mine.weighedLoad, left) < (others.players, others.weighedLoad, right)
      }
    var shed: [Int] = []
    for row in order {
      guard let owner = owners[row], surplus[owner] > 0 else { continue }
      surplus[owner] -= shards[row].maps
      shed.append(row)
    }
    return shed
  }

  private mutating func chooseOwner(_ row: Int) {
    let shard = shards[row]
    let incumbent = owners[row]
    let candidates = candidates(for: row)
    let reason = self.reason(leaving: incumbent, row)
    if let pin = pinned(shard), candidates.contains(pin) {
      give(row, to: pin, from: incumbent, .pin)
      return
    }
    if let incumbent { ledger.remove(shard, from: incumbent) }
    let best = best(of: candidates, for: row)
    if let incumbent { ledger.add(shard, to: incumbent) }
    // A wait for the pinned host's copy is no reason to move twice.
    if let incumbent, reason == .pin, table.owns(incumbent, shard.kind) {
      reasons[row] = .waitsForCopy
      return
    }
    guard let best else {
      reasons[row] = incumbent == nil ? .nobody : .waitsForCopy
      return
    }
    if let incumbent, reason == .cap, !hasRoom(best, for: shard, ledger) {
      reasons[row] = .incumbent
      owners[row] = incumbent
      return
    }
    give(row, to: best, from: incumbent, reason)
  }

  mutating func give(_ row: Int, to host: Int, from incumbent: Int?, _ reason: OwnerReason) {
    if let incumbent { ledger.remove(shards[row], from: incumbent) }
    ledger.add(shards[row], to: host)
    owners[row] = host
    reasons[row] = host == incumbent ? .incumbent : reason
  }

  /// Who could own it now: in-sync members that are on the list; all of the list for a shard that nobody has created yet.
  /// When the recorded owner's life is over, in-sync members outside the list too: the shard must not wait for copies.
  /// Hosts that have just come back only where there is nobody else.
  private func candidates(for row: Int) -> [Int] {
    let shard = shards[row]
    let fit = lists[row].filter { table.owns($0, shard.kind) }
    let trusted = fit.filter(table.takesNew)
    guard let standing = shard.standing else { return trusted.isEmpty ? fit : trusted }
    let members = standing.members.compactMap(table.index(of:)).filter { table.hosts[$0].presence != .gone }
    let listed = trusted.filter(members.contains)
    if !listed.isEmpty || owners[row] != nil { return listed }
    let others = members.filter { table.owns($0, shard.kind) }
    let trustedOthers = others.filter(table.takesNew)
    return !trustedOthers.isEmpty ? trustedOthers : others.isEmpty ? members : others
  }

  /// Who takes it best: not suspected, with room for its maps, a lasting place in the list, and then the least load for
  /// its weight. Candidates come in the order of their rank, which decides ties.
  private func best(of candidates: [Int], for row: Int) -> Int? {
    let shard = shards[row]
    func drawbacks(_ host: Int) -> Int {
      (table.hosts[host].presence == .suspect ? 4 : 0) + (hasRoom(host, for: shard, ledger) ? 0 : 2)
        + (isLasting(host, row) ? 0 : 1)
    }
    var best: Int?
    var least = Int.max
    for host in candidates {
      let mine = drawbacks(host)
      if let current = best,
        mine > least || (mine == least && !ledger.isLighter(host, than: current, with: shard.weighedLoad))
      {
        continue
      }
      best = host
      least = mine
    }
    return best
  }

  private func reason(leaving incumbent: Int?, _ row: Int) -> OwnerReason {
    guard let incumbent else { return shards[row].standing == nil ? .initial : .death }
    let host = table.hosts[incumbent]
    if host.isDraining || host.weight <= 0 { return .drain }
    if pinned(shards[row]) != nil { return .pin }
    if !table.owns(incumbent, shards[row].kind) { return .unfit }
    return lists[row].contains(incumbent) ? .cap : .placement
  }

  /// Nobody plays on shards that nobody has created yet: they go from the fullest host to whoever of their list has
  /// more room, until that helps no more.
  private mutating func settle(_ rows: [Int]) {
    guard rows.count > 1 else { return }
    var owned = [[Int]](repeating: [], count: table.hosts.count)
    for row in rows { if let owner = owners[row] { owned[owner].append(row) } }
    var isStuck = [Bool](repeating: false, count: table.hosts.count)
    for _ in 0..<4 * rows.count {
      guard let fullest = fullestHost(owned, isStuck) else { return }
      guard let step = bestStep(from: fullest, owned[fullest]) else {
        isStuck[fullest] = true
        continue
      }
      let row = owned[fullest].remove(at: step.position)
      give(row, to: step.taker, from: fullest, reasons[row])
      owned[step.taker].append(row)
      isStuck[step.taker] = false
    }
  }

  private func fullestHost(_ owned: [[Int]], _ isStuck: [Bool]) -> Int? {
    var fullest: Int?
    for host in owned.indices where !owned[host].isEmpty && !isStuck[host] {
      if let current = fullest, !ledger.isHeavier(host, than: current) { continue }
      fullest = host
    }
    return fullest
  }

  /// The move from `giver` after which the fuller of the pair is least full, if that is less than `giver` is now.
  private func bestStep(from giver: Int, _ rows: [Int]) -> (position: Int, taker: Int)? {
    var best: (position: Int, taker: Int)?
    // Over the weight of the giver in all of them: only the taker's is left in the denominators.
    var least: UInt64 = ledger.loads[giver]
    var leastWeight: UInt64 = 1
    for (position, row) in rows.enumerated() {
      for taker in lists[row] where taker != giver && table.owns(taker, shards[row].kind) {
        let peak = ledger.pairMaximum(moving: weighed[row], from: giver, to: taker)
        // peak / weight(taker) < least / leastWeight
        guard peak * leastWeight < least * ledger.weights[taker], hasRoom(taker, for: shards[row], ledger),
          isLasting(taker, row), table.hosts[taker].presence == .alive
        else { continue }
        best = (position, taker)
        least = peak
        leastWeight = ledger.weights[taker]
      }
    }
    return best
  }
}
