package import Wire

/// What the steward sees when it decides.
package struct StewardView: Sendable {
  package var placement: PlacementView
  /// Admitted hosts that may hold copies, there or not: the minimum is never more than these.
  package var admittedHolders: Int
  package var relief = ReliefRules()

  package init(placement: PlacementView, admittedHolders: Int) {
    self.placement = placement
    self.admittedHolders = admittedHolders
  }
}

/// Something that the steward asks of a shard's owner. Advice: the protocol's guards decide.
package struct WantedAction: Hashable, Sendable {
  package enum Step: Hashable, Sendable {
    /// Catch this host up, then take it into the in-sync set.
    case invite(HostID)
    /// Leave this host out of the in-sync set, or stop catching it up.
    case drop(HostID)
    /// Give the shard to this member, losing nothing.
    case move(HostID)
  }

  package var shard: ShardID
  package var step: Step
  package var reason: OwnerReason
  /// 0: no plan.
  package var plan: UInt64
}

/// The replica list as the shard's hosts are told it.
package struct ToldList: Hashable, Sendable {
  package var shard: ShardID
  /// Who holds it or should: the owner (or who may create it), its heir, the others by rank; then members that stay until
  /// others have caught up.
  package var replicas: [HostID]
  package var minimum: Int
}

package struct StewardDecision: Sendable {
  package var placement = Placement()
  /// Lists that differ from what was told last.
  package var lists: [ToldList] = []
  /// In the order in which they should begin.
  package var actions: [WantedAction] = []

  package init() {}

  /// What the shards' hosts are commanded; `request` numbers the moves.
  package func commands(firstRequest: UInt64 = 0) -> [ShardCommand] {
    var commands = lists.map { ShardCommand.place($0.shard, replicas: $0.replicas, minimum: $0.minimum) }
    var request = firstRequest
    for action in actions {
      guard case .move(let host) = action.step, let change = action.reason.change else { continue }
      commands.append(.move(action.shard, to: host, reason: change, plan: action.plan, request: request))
      request &+= 1
    }
    return commands
  }
}

/// Computes, every second and after every change, what should be different from what is. It may forget everything: what
/// it keeps only spares haste and repetition. Never needed for safety or for takeovers.
package struct Steward: Sendable {
  /// At most one list change per shard in this span, except where copies are missing.
  package static let listSpan: UInt64 = 60_000_000_000
  /// A move that has not happened by then has failed (its own deadline is 2 s).
  package static let moveSpan: UInt64 = 10_000_000_000
  /// Moves under way from one host, and to one: each pauses its players for some 20 ms and costs a few syncs.
  package static let movesPerHost = 4
  /// Shards that one host catches up with at a time: more would only share its link.
  package static let learnersPerHost = 4
  /// After this span an adopted plan is over, done or not.
  package static let planSpan: UInt64 = 600_000_000_000
  package static let plansLimit = 16

  package struct Counters: Hashable, Sendable {
    package var moves: UInt64 = 0
    package var reliefs: UInt64 = 0
    package var invitations: UInt64 = 0
    package var drops: UInt64 = 0
    package var movesExpired: UInt64 = 0
    package var plansExpired: UInt64 = 0
  }

  private struct OpenMove {
    var from: HostID
    var to: HostID
    var since: UInt64
  }

  package private(set) var counters = Counters()
  private var ranking: Ranking?
  private var nextPlan: UInt64
  private var membershipVersion: UInt64 = 0
  private var membershipChanged: UInt64 = 0
  private var lastRelief: UInt64 = 0
  private var openMoves: [ShardID: OpenMove] = [:]
  private var listChanged: [ShardID: UInt64] = [:]
  private var told: [ShardID: ToldList] = [:]
  private var plans: [(plan: Plan, until: UInt64)] = []

  /// - Parameter firstPlan: greater than any number that a steward has used before, such as Unix milliseconds.
  package init(firstPlan: UInt64) { nextPlan = max(1, firstPlan) }

  // MARK: Plans

  package mutating func draw(_ purpose: PlanPurpose, on view: StewardView) throws(PlanRefusal) -> Plan {
    var ranking = takeRanking(view)
    defer { self.ranking = ranking }
    let plan = try Plan.draw(purpose, id: nextPlan, on: view.placement, ranking: &ranking)
    nextPlan &+= 1
    return plan
  }

  /// Makes the moves of a plan that was drawn before. Drains and pins are the caller's to remember: they come back in the
  /// view; what they ask for follows by itself.
  package mutating func adopt(_ plan: Plan, on view: StewardView, now: Now) throws(PlanRefusal) -> Plan {
    var ranking = takeRanking(view)
    defer { self.ranking = ranking }
    let redrawn = try plan.redrawn(on: view.placement, ranking: &ranking)
    guard plans.count < Steward.plansLimit else { throw .tooManyPlans }
    plans.append((redrawn, now.monotonic &+ Steward.planSpan))
    return redrawn
  }

  package mutating func cancel(plan: UInt64) { plans.removeAll { $0.plan.id == plan } }

  /// Plans whose moves are not all made.
  package var openPlans: [Plan] { plans.map(\.plan) }

  private mutating func takeRanking(_ view: StewardView) -> Ranking {
    let kept = ranking
    ranking = nil
    return kept ?? Ranking(salt: view.placement.salt)
  }

  // MARK: Decisions

  package mutating func decide(_ view: StewardView, now: Now) -> StewardDecision {
    noteMembership(view.placement, now)
    closeMoves(view.placement, now)
    var ranking = takeRanking(view)
    var draft = Drafting(view.placement, ranking: &ranking)
    self.ranking = ranking
    draft.chooseOwners()

    var decision = StewardDecision()
    changeLists(draft, view, now, &decision)
    let plan = nextPlan
    var moves = MoveList(openMoves.values.map { ($0.from, $0.to) })
    makeForcedMoves(&draft, plan, &moves, now, &decision)
    makePlannedMoves(&draft, &moves, now, &decision)
    makeVoluntaryMoves(&draft, view, plan, &moves, now, &decision)
    if decision.actions.contains(where: { $0.plan == plan }) { nextPlan &+= 1 }
    tell(draft, view, &decision)
    decision.placement = draft.placement
    return decision
  }

  private mutating func noteMembership(_ view: PlacementView, _ now: Now) {
    let version = view.membershipVersion
    if version != membershipVersion {
      membershipVersion = version
      membershipChanged = now.monotonic
    }
  }

  private mutating func closeMoves(_ view: PlacementView, _ now: Now) {
    if !openMoves.isEmpty {
      var owners: [ShardID: HostID] = [:]
      for shard in view.shards { if let owner = shard.standing?.owner { owners[shard.id] = owner } }
      for (shard, move) in openMoves {
        if owners[shard] != move.from {
          openMoves[shard] = nil
        } else if now.monotonic >= move.since &+ Steward.moveSpan {
          openMoves[shard] = nil
          counters.movesExpired &+= 1
        }
      }
    }
    counters.plansExpired &+= UInt64(plans.filter { now.monotonic >= $0.until }.count)
    plans.removeAll { now.monotonic >= $0.until }
    let known = Set(view.shards.map(\.id))
    listChanged = listChanged.filter { known.contains($0.key) }
    told = told.filter { known.contains($0.key) }
  }

  // MARK: Moves

  /// Moves under way, per host.
  private struct MoveList {
    var from: [HostID: Int] = [:]
    var to: [HostID: Int] = [:]

    init(_ open: [(from: HostID, to: HostID)]) { for move in open { add(move.from, move.to) } }

    mutating func add(_ giver: HostID, _ taker: HostID) {
      from[giver, default: 0] += 1
      to[taker, default: 0] += 1
    }

    func hasRoom(_ giver: HostID, _ taker: HostID) -> Bool {
      from[giver, default: 0] < Steward.movesPerHost && to[taker, default: 0] < Steward.movesPerHost
    }
  }

  private mutating func begin(
    _ move: Plan.Move, _ plan: UInt64, _ moves: inout MoveList, _ now: Now, _ decision: inout StewardDecision
  ) -> Bool {
    guard openMoves[move.shard] == nil, move.reason.change != nil, moves.hasRoom(move.from, move.to) else {
      return false
    }
    moves.add(move.from, move.to)
    openMoves[move.shard] = OpenMove(from: move.from, to: move.to, since: now.monotonic)
    decision.actions.append(WantedAction(shard: move.shard, step: .move(move.to), reason: move.reason, plan: plan))
    counters.moves &+= 1
    if move.reason == .relief { counters.reliefs &+= 1 }
    return true
  }

  /// Away from hosts that drain or may not own any more, and to where pins point: fewest players first.
  private mutating func makeForcedMoves(
    _ draft: inout Drafting, _ plan: UInt64, _ moves: inout MoveList, _ now: Now, _ decision: inout StewardDecision
  ) {
    let forced: Set<OwnerReason> = [.drain, .unfit, .pin]
    for move in draft.moves.filter({ forced.contains($0.reason) }).sorted(by: Steward.fewestPlayersFirst) {
      _ = begin(move, plan, &moves, now, &decision)
    }
  }

  private mutating func makePlannedMoves(
    _ draft: inout Drafting, _ moves: inout MoveList, _ now: Now, _ decision: inout StewardDecision
  ) {
    var finished: Set<UInt64> = []
    for (plan, _) in plans {
      var isDone = true
      for move in plan.moves {
        guard let row = draft.row(of: move.shard), let standing = draft.shards[row].standing,
          standing.owner == move.from
        else { continue }
        // Drains and pins are in the view already; the plan stays open until they are done.
        isDone = false
        guard move.reason == .order || move.reason == .relief else { continue }
        guard standing.members.contains(move.to), let taker = draft.table.index(of: move.to),
          draft.table.owns(taker, draft.shards[row].kind), draft.table.takesNew(taker)
        else { continue }
        if begin(move, plan.id, &moves, now, &decision) { draft.order(move.shard, to: move.to) }
      }
      if isDone { finished.insert(plan.id) }
    }
    plans.removeAll { finished.contains($0.plan.id) }
  }

  /// What nobody waits for: owners that left their lists, and relief. Only in calm.
  private mutating func makeVoluntaryMoves(
    _ draft: inout Drafting, _ view: StewardView, _ plan: UInt64, _ moves: inout MoveList, _ now: Now,
    _ decision: inout StewardDecision
  ) {
    guard view.placement.rules.movesByItself, isCalm(view, now),
      now.monotonic >= lastRelief &+ ReliefRules.period || lastRelief == 0
    else { return }
    lastRelief = max(1, now.monotonic)
    var budget = ReliefRules.budget(shards: draft.shards.count)
    let voluntary = draft.moves.filter { $0.reason == .placement || $0.reason == .cap }
    for move in voluntary.sorted(by: Steward.fewestPlayersFirst) {
      // One that is not made now is not counted on either.
      guard let row = draft.row(of: move.shard) else { continue }
      if budget > 0, mayMove(draft.shards[row], now), !draft.overfillsItsTaker(row),
        begin(move, plan, &moves, now, &decision)
      {
        budget -= 1
      } else {
        draft.stay(row)
      }
    }
    let open = Set(openMoves.keys)
    let relieved = draft.relieve(budget: budget) { !open.contains($0.id) && mayMove($0, now) }
    let changes = draft.moves
    for row in relieved {
      guard let move = changes.first(where: { $0.shard == draft.shards[row].id }) else { continue }
      if !begin(move, plan, &moves, now, &decision) { draft.stay(row) }
    }
  }

  private func isCalm(_ view: StewardView, _ now: Now) -> Bool {
    now.monotonic >= membershipChanged &+ ReliefRules.calmSpan
      && !view.placement.hosts.contains { $0.presence == .suspect }
      && !view.relief.isQuiet(wallSeconds: now.wallSeconds)
  }

  private func mayMove(_ shard: PlacementShard, _ now: Now) -> Bool {
    guard let standing = shard.standing else { return false }
    return now.monotonic >= standing.since &+ ReliefRules.residence
  }

  private static func fewestPlayersFirst(_ left: Plan.Move, _ right: Plan.Move) -> Bool {
    (left.players, left.maps, left.shard) < (right.players, right.maps, right.shard)
  }

  // MARK: Copies

  /// Copy first: a new host is caught up and in sync before an old one leaves.
  private mutating func changeLists(
    _ draft: Drafting, _ view: StewardView, _ now: Now, _ decision: inout StewardDecision
  ) {
    var learning: [HostID: Int] = [:]
    for shard in draft.shards { for host in shard.standing?.learners ?? [] { learning[host, default: 0] += 1 } }
    // Shards with the fewest copies first.
    let order = draft.shards.indices.sorted { left, right in
      let (mine, others) = (draft.shards[left], draft.shards[right])
      return (mine.standing?.members.count ?? 0, mine.id) < (others.standing?.members.count ?? 0, others.id)
    }
    for row in order {
      let shard = draft.shards[row]
      guard let standing = shard.standing else { continue }
      let wanted = draft.lists[row].map { draft.table.hosts[$0].id }
      let missing = wanted.filter { !standing.members.contains($0) }
      let isShort = standing.members.count < wanted.count
      guard isShort || now.monotonic >= (listChanged[shard.id] ?? 0) &+ Steward.listSpan || listChanged[shard.id] == nil
      else { continue }
      var changed = false
      func act(_ step: WantedAction.Step, _ reason: OwnerReason) {
        decision.actions.append(WantedAction(shard: shard.id, step: step, reason: reason, plan: 0))
        changed = true
      }
      let reason: OwnerReason = isShort ? .death : .placement
      for host in missing where !standing.learners.contains(host) {
        guard learning[host, default: 0] < Steward.learnersPerHost,
          standing.members.count + standing.learners.count < Record.membersLimit + Record.learnersLimit
        else { continue }
        learning[host, default: 0] += 1
        counters.invitations &+= 1
        act(.invite(host), reason)
      }
      for host in standing.learners where !wanted.contains(host) {
        counters.drops &+= 1
        act(.drop(host), .placement)
      }
      if missing.isEmpty {
        for host in standing.members where !wanted.contains(host) && host != standing.owner {
          counters.drops &+= 1
          act(.drop(host), .placement)
        }
      }
      if changed { listChanged[shard.id] = now.monotonic }
    }
  }

  /// Lists that hosts have not been told: the wanted ones in the order of succession, and members that have to stay until
  /// all the wanted are in sync.
  private mutating func tell(_ draft: Drafting, _ view: StewardView, _ decision: inout StewardDecision) {
    let orders = draft.orderOfSuccession()
    let minimum = max(1, min(view.placement.rules.minimumReplication, view.admittedHolders))
    for (row, shard) in draft.shards.enumerated() {
      var replicas = orders[row].map { draft.table.hosts[$0].id }
      if let standing = shard.standing {
        let isComplete = replicas.allSatisfy(standing.members.contains)
        for host in standing.members where !replicas.contains(host) && (!isComplete || host == standing.owner) {
          replicas.append(host)
        }
      }
      let list = ToldList(shard: shard.id, replicas: replicas, minimum: minimum)
      guard told[shard.id] != list else { continue }
      told[shard.id] = list
      decision.lists.append(list)
    }
  }

  /// Tells everything again: after a change of the steward, or when a host has come back without memory.
  package mutating func forgetTold() { told = [:] }
}

extension Drafting {
  func row(of shard: ShardID) -> Int? {
    var low = 0
    var high = shards.count
    while low < high {
      let middle = (low + high) / 2
      if shards[middle].id < shard { low = middle + 1 } else { high = middle }
    }
    return low < shards.count && shards[low].id == shard ? low : nil
  }
}
