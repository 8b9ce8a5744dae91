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
  /// Down to which it gives: a host that stops at the tolerance is above it again with the next wave.
  static let target: (over: UInt64, under: UInt64) = (21, 20)
  /// A shard with players moves only from a host above 1.5 times its share.
  static let toleranceWithPlayers: (over: UInt64, under: UInt64) = (3, 2)
  /// A move must lower the fullest host that it touches by a twentieth of the share.
  static let gain: UInt64 = 20
  /// Moves from one host in one round that may reach the gain together.
  static let together = Steward.movesPerHost
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
      let steps = reliefSteps(from: giver, owned[giver], atMost: budget - moved.count, hasTaken, mayMove)
      guard !steps.isEmpty else { continue }
      for step in steps {
        give(step.row, to: step.taker, from: giver, .relief)
        hasTaken[step.taker] = true
        moved.append(step.row)
      }
      // What it has just given away could make it a taker in the same round: shards would go round in circles.
      hasTaken[giver] = true
    }
    return moved
  }

  /// One move that helps enough or, where one shard is too heavy to move and the others are light, a few that do so
  /// together.
  private func reliefSteps(
    from giver: Int, _ rows: [Int], atMost limit: Int, _ hasTaken: [Bool], _ mayMove: (PlacementShard) -> Bool
  ) -> [ReliefStep] {
    var draft = self
    var rows = rows.filter { row in
      let shard = shards[row]
      return pinned(shard) == nil && shard.standing != nil && mayMove(shard)
        && (shard.players == 0 || isAbove(giver, ReliefRules.toleranceWithPlayers))
    }
    var hasTaken = hasTaken
    var steps: [ReliefStep] = []
    var worthwhile: [ReliefStep] = []
    var peak: (load: UInt64, weight: UInt64) = (0, 1)
    while steps.count < min(limit, ReliefRules.together) {
      guard let step = draft.bestRelief(from: giver, rows, hasTaken) else { break }
      draft.give(step.row, to: step.taker, from: giver, .relief)
      rows.removeAll { $0 == step.row }
      hasTaken[step.taker] = true
      steps.append(step)
      let taken = draft.ledger.loads[step.taker]
      if taken * peak.weight > peak.load * ledger.weights[step.taker] { peak = (taken, ledger.weights[step.taker]) }
      let left = draft.ledger.loads[giver]
      let after = left * peak.weight > peak.load * ledger.weights[giver] ? (left, ledger.weights[giver]) : peak
      if isWorthIt(giver, after) {
        worthwhile = steps
        if !draft.isAbove(giver, ReliefRules.target) { break }
      }
    }
    return worthwhile
  }

  private func fullest(_ owned: [[Int]], besides given: [Bool]) -> Int? {
    var fullest: Int?
    for host in owned.indices where !given[host] && !owned[host].isEmpty && isAbove(host, ReliefRules.tolerance) {
      if let current = fullest, !ledger.isHeavier(host, than: current) { continue }
      fullest = host
    }
    return fullest
  }

  /// Whether the owner that this draft gives a shard is above the tolerance with it, and fuller than the former one was.
  func overfillsItsTaker(_ row: Int) -> Bool {
    guard let giver = livingOwner(shards[row]), let taker = owners[row], giver != taker else { return false }
    let before = ledger.loads[giver] + shards[row].weighedLoad
    return isAbove(taker, ReliefRules.tolerance)
      && ledger.loads[taker] * ledger.weights[giver] > before * ledger.weights[taker]
  }

  /// Takes a change of owner back.
  mutating func stay(_ row: Int) {
    guard let incumbent = livingOwner(shards[row]), let owner = owners[row], owner != incumbent else { return }
    give(row, to: incumbent, from: owner, .incumbent)
  }

  /// load / weight > over / under · totalLoad / totalWeight
  private func isAbove(_ host: Int, _ bound: (over: UInt64, under: UInt64)) -> Bool {
    UInt128(ledger.loads[host]) * UInt128(table.totalWeight) * UInt128(bound.under)
      > UInt128(totalLoad) * UInt128(ledger.weights[host]) * UInt128(bound.over)
  }

  /// The move after which the fuller of the pair is least full; of equal ones that to the emptier host.
  private func bestRelief(from giver: Int, _ rows: [Int], _ hasTaken: [Bool]) -> ReliefStep? {
    var best: ReliefStep?
    var least: UInt64 = ledger.loads[giver]
    var leastWeight: UInt64 = 1
    for row in rows {
      let shard = shards[row]
      guard let members = shard.standing?.members else { continue }
      for taker in lists[row]
      where taker != giver && !hasTaken[taker] && table.owns(taker, .maps) && table.takesNew(taker) {
        let peak = ledger.pairMaximum(moving: shard.weighedLoad, from: giver, to: taker)
        let (mine, others) = (peak * leastWeight, least * ledger.weights[taker])
        guard mine <= others, members.contains(table.hosts[taker].id),
          hasRoom(taker, for: shard, ledger)
        else { continue }
        if mine == others {
          guard let best, ledger.isLighter(taker, than: best.taker, with: shard.weighedLoad) else { continue }
        }
        best = ReliefStep(row: row, taker: taker)
        least = peak
        leastWeight = ledger.weights[taker]
      }
    }
    return best
  }

  /// Whether a maximum of `after` instead of what `giver` carries now is at least a twentieth of the fair share less.
  private func isWorthIt(_ giver: Int, _ after: (load: UInt64, weight: UInt64)) -> Bool {
    let before = ledger.loads[giver] * after.weight
    let then = after.load * ledger.weights[giver]
    guard then < before else { return false }
    return UInt128(before - then) * UInt128(table.totalWeight) * UInt128(ReliefRules.gain)
      >= UInt128(totalLoad) * UInt128(ledger.weights[giver]) * UInt128(after.weight)
  }
}

private struct ReliefStep {
  let row: Int
  let taker: Int
}
