import Gossip
import Wire

/// Checks 3 and 6: a death is found by the observer's own suspicion, which lasts at least its minimum, or it is believed
/// from enough distinct accusers; and no suspicion outlasts its maximum, except by stalls that the node was told of.
struct Deaths: Invariant {
  static let number = 3
  static let name = "deaths need accusers or an expired suspicion"

  private struct Suspicion {
    /// The observer's monotonic clock; 0 = not suspected.
    var since: UInt64 = 0
    /// Live members around its start: before and after the turn in which it began.
    var fewest: Int32 = 0
    var most: Int32 = 0
    /// Stalls reported until its start.
    var stalled: UInt64 = 0
    /// When it was first seen to be over: a confirmation may move the end into the past, and then it is served at once.
    var over: UInt64 = 0
  }

  /// Room for rounding, and within which a deadline is served unless the loop stands.
  private static let patience = Nanoseconds.milliseconds(1)

  private let directory: HostDirectory
  private let factor: UInt64
  private let interval: UInt64
  private var suspicions: PerPair<Suspicion>
  /// Stalls that each machine's node was told of, in all.
  private var stalls: ContiguousArray<UInt64>
  /// Live members of each machine's view after its last turn.
  private var live: ContiguousArray<Int32>

  init(directory: HostDirectory, settings: MembershipSettings) {
    self.directory = directory
    factor = settings.suspicionFactor
    interval = settings.probeInterval
    suspicions = PerPair(machines: directory.count, identities: directory.count, empty: Suspicion())
    stalls = ContiguousArray(repeating: 0, count: directory.count)
    live = ContiguousArray(repeating: 1, count: directory.count)
  }

  mutating func begin(machine: Int, identity: Int) {
    suspicions.clear(machine)
    live[machine] = 1
  }

  mutating func endTurn(of machine: Int, live count: Int) { live[machine] = Int32(count) }

  mutating func stalled(machine: Int, for span: UInt64) { stalls[machine] += span }

  mutating func hear(
    _ event: MembershipEvent, about subject: Int?, in step: Step, _ membership: borrowing Membership,
    _ truth: borrowing Truth
  ) -> String? {
    guard let subject else { return nil }
    switch event {
    case .suspected:
      if suspicions[step.machine, subject].since == 0 {
        suspicions[step.machine, subject] = Suspicion(
          since: max(1, step.now.monotonic), fewest: min(live[step.machine], Int32(membership.liveCount)),
          most: max(live[step.machine], Int32(membership.liveCount)), stalled: stalls[step.machine])
      }
    case .dead(let host, let incarnation, let accusers):
      let suspicion = suspicions[step.machine, subject]
      suspicions[step.machine, subject] = Suspicion()
      return judge(
        host, incarnation, accusers, suspicion, in: step, live: max(Int(live[step.machine]), membership.liveCount + 1))
    case .refuted, .alive, .left, .revoked, .forgotten:
      suspicions[step.machine, subject] = Suspicion()
    default: break
    }
    return nil
  }

  private func judge(
    _ host: HostID, _ incarnation: Incarnation, _ accusers: [HostID], _ suspicion: Suspicion, in step: Step, live: Int
  ) -> String? {
    if let quorum = Formulas.quorum(live: live), distinct(accusers) >= quorum { return nil }
    let whence = "\(host) \(incarnation) was declared dead with \(live) live hosts by \(accusers.count) accusers"
    guard suspicion.since != 0 else { return whence + " and without having been suspected" }
    let shortest = minimum(live: min(live, Int(suspicion.fewest)))
    let lasted = step.now.monotonic &- suspicion.since
    guard lasted >= shortest else {
      return whence + " after a suspicion of \(seconds(lasted)) s, the shortest is \(seconds(shortest)) s"
    }
    return nil
  }

  /// Accusers of one person count once; those of the operator each.
  private func distinct(_ accusers: [HostID]) -> Int {
    var contributors: Set<UInt32> = []
    var count = 0
    for accuser in Set(accusers) {
      let contributor = directory.index(of: accuser).map { directory.identities[$0].contributor } ?? 0
      if contributor == 0 || contributors.insert(contributor).inserted { count += 1 }
    }
    return count
  }

  private func minimum(live: Int) -> UInt64 {
    Formulas.suspicionMinimum(live: live, factor: factor, interval: interval)
  }

  /// Check 6 proper: the deadline of a running suspicion lies between its shortest and longest time, plus the stalls
  /// that the node was told of, and it is not over.
  mutating func look(at entry: EntryView, of subject: Int, in step: Step, _ membership: borrowing Membership)
    -> String?
  {
    guard entry.status == .suspect else { return nil }
    let told = suspicions[step.machine, subject]
    guard told.since != 0, let suspicion = membership.suspicion(of: entry.host) else {
      return "\(entry.host) is suspect, but no suspicion of it was told"
    }
    let stalled = stalls[step.machine] - told.stalled
    let length = suspicion.deadline &- suspicion.start
    let longest = Formulas.suspicionSpread * minimum(live: Int(told.most)) + stalled + Deaths.patience
    if length + Deaths.patience < minimum(live: Int(told.fewest)) || length > longest {
      return
        "the suspicion of \(entry.host) lasts \(seconds(length)) s with \(told.most) live hosts; at most \(seconds(longest)) s"
    }
    guard step.now.monotonic > suspicion.deadline, !step.isBehind else {
      suspicions[step.machine, subject].over = 0
      return nil
    }
    if told.over == 0 {
      suspicions[step.machine, subject].over = step.now.monotonic
    } else if step.now.monotonic > told.over &+ Deaths.patience {
      return "the suspicion of \(entry.host) is over since \(seconds(step.now.monotonic &- suspicion.deadline)) s"
    }
    return nil
  }
}
