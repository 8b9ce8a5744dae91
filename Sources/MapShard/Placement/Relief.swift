/// Moves that nobody asked for: from the host that is most above its share to an in-sync host that carries less.
package struct ReliefRules: Hashable, Sendable {
  /// Between two rounds.
  package static let period: UInt64 = 10_000_000_000
  /// After every change of the membership: loads and lists have to settle first.
  package static let calmSpan: UInt64 = 30_000_000_000
  /// A shard that has moved stays for this long.
  package static let residence: UInt64 = 300_000_000_000
  /// A host gives above 1.25 times its share.
  static let tolerance: (over: UInt64, under: UInt64) = (5, 4)
  /// A shard with players moves only from a host above 1.5 times its share.
  static let toleranceWithPlayers: (over: UInt64, under: UInt64) = (3, 2)
  /// A move must lower the fuller of both by a twentieth of the share.
  static let gain: UInt64 = 20
  /// Of the shards per round, at least 1.
  static let budgetShare = 100

  /// Minutes of the day (UTC) in which nothing moves by itself; may pass midnight. `nil`: always.
  package var quietHours: (from: Int, to: Int)?

  package init(quietHours: (from: Int, to: Int)? = nil) { self.quietHours = quietHours }

  func isQuiet(wallSeconds: UInt64) -> Bool {
    guard let quietHours else { return false }
    let minute = Int(wallSeconds % 86_400 / 60)
    return quietHours.from <= quietHours.to
      ? (quietHours.from..<quietHours.to).contains(minute)
      : minute >= quietHours.from || minute < quietHours.to
  }

  package static func == (left: ReliefRules, right: ReliefRules) -> Bool {
    left.quietHours?.from == right.quietHours?.from && left.quietHours?.to == right.quietHours?.to
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(quietHours?.from)
    hasher.combine(quietHours?.to)
  }

  package static func budget(shards: Int) -> Int { max(1, shards / budgetShare) }
}

extension Drafting {
  /// Chooses the moves of one round and carries them out in this draft.
  ///
  /// - Parameters:
  ///   - budget: the most moves.
  ///   - mayMove: whether the shard has stayed long enough and is not being moved already.
  mutating func relieve(budget: Int, where mayMove: (PlacementShard) -> Bool) -> [Int] {
    guard totalLoad > 0, table.totalWeight > 0 else { return [] }
    var owned = [[Int]](repeating: [], count: table.hosts.count)
    for row in shards.indices {
      if let owner = owners[row], shards[row].kind == .maps { owned[owner].append(row) }
    }
    var hasGiven = [Bool](repeating: false, count: table.hosts.count)
    var hasTaken = hasGiven
    var moved: [Int] = []
    while moved.count < budget {
      guard let giver = fullest(owned, besides: hasGiven) else { break }
      hasGiven[giver] = true
      guard let step = bestRelief(from: giver, owned[giver], hasTaken, mayMove) else { continue }
      give(step.row, to: step.taker, from: giver, .relief)
      hasTaken[step.taker] = true
      // What it has just given away could make it a taker in the same round: shards would go round in circles.
      hasTaken[giver] = true
      moved.append(step.row)
    }
    return moved
  }

  private func fullest(_ owned: [[Int]], besides given: [Bool]) -> Int? {
    var fullest: Int?
    for host in owned.indices where !given[host] && !owned[host].isEmpty && isAbove(host, ReliefRules.tolerance) {
      if let current = fullest, !ledger.isHeavier(host, than: current) { continue }
      fullest = host
    }
    return fullest
  }

  /// load / weight > over / under · totalLoad / totalWeight
  private func isAbove(_ host: Int, _ bound: (over: UInt64, under: UInt64)) -> Bool {
    UInt128(ledger.loads[host]) * UInt128(table.totalWeight) * UInt128(bound.under)
      > UInt128(totalLoad) * UInt128(ledger.weights[host]) * UInt128(bound.over)
  }

  private func bestRelief(
    from giver: Int, _ rows: [Int], _ hasTaken: [Bool], _ mayMove: (PlacementShard) -> Bool
  ) -> (row: Int, taker: Int)? {
    let playersMayMove = isAbove(giver, ReliefRules.toleranceWithPlayers)
    var best: (row: Int, taker: Int)?
    var least: UInt64 = ledger.loads[giver]
    var leastWeight: UInt64 = 1
    for row in rows {
      let shard = shards[row]
      guard shard.players == 0 || playersMayMove, pinned(shard) == nil, let standing = shard.standing, mayMove(shard)
      else { continue }
      for taker in lists[row] where taker != giver && !hasTaken[taker] && table.owns(taker, .maps) {
        let peak = ledger.pairMaximum(moving: shard.weighedLoad, from: giver, to: taker)
        guard peak * leastWeight < least * ledger.weights[taker], isWorthIt(peak, giver, taker),
          isLasting(taker, row), standing.members.contains(table.hosts[taker].id),
          hasRoom(taker, for: shard, ledger)
        else { continue }
        best = (row, taker)
        least = peak
        leastWeight = ledger.weights[taker]
      }
    }
    return best
  }

  /// Whether the pair's maximum falls by at least a twentieth of the fair share.
  private func isWorthIt(_ peak: UInt64, _ giver: Int, _ taker: Int) -> Bool {
    let before = ledger.loads[giver] * ledger.weights[taker]
    guard peak < before else { return false }
    return UInt128(before - peak) * UInt128(table.totalWeight) * UInt128(ReliefRules.gain)
      >= UInt128(totalLoad) * UInt128(ledger.weights[giver]) * UInt128(ledger.weights[taker])
  }
}
