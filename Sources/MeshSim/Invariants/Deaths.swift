import Gossip
import Wire

/// Checks 3 and 6: a death is found by the observer's own suspicion, which lasts at least its minimum, or it is believed
/// from enough distinct accusers after half of that; and no suspicion outlasts its maximum, except by stalls that the
/// node was told of.
///
/// What is allowed depends on how many live at the moment of a suspicion. Several things can happen in one turn, so the
/// living are counted along with the events, and the count is compared with the table at the end of each turn.
struct Deaths: Invariant {
  static let number = 3
  static let name = "deaths need accusers or an expired suspicion"

  private struct Suspicion {
    /// The observer's monotonic clock; 0 = not suspected.
    var since: UInt64 = 0
    /// Members that the observer held alive or suspect just then, itself included.
    var live: Int32 = 0
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
  /// Others that each machine's node says are alive.
  private var lives: PerPair<Bool>
  private var others: ContiguousArray<Int>
  /// Stalls that each machine's node was told of, in all.
  private var stalls: ContiguousArray<UInt64>

  init(directory: HostDirectory, settings: MembershipSettings) {
    self.directory = directory
    factor = settings.suspicionFactor
    interval = settings.probeInterval
    suspicions = PerPair(machines: directory.count, identities: directory.count, empty: Suspicion())
    lives = PerPair(machines: directory.count, identities: directory.count, empty: false)
    others = ContiguousArray(repeating: 0, count: directory.count)
    stalls = ContiguousArray(repeating: 0, count: directory.count)
  }

  mutating func begin(machine: Int, identity: Int) {
    suspicions.clear(machine)
    lives.clear(machine)
    others[machine] = 0
  }

  /// What the events have told and what the table holds must be the same.
  func endTurn(in step: Step, _ membership: borrowing Membership) -> String? {
    let live = others[step.machine] + own(in: step, membership)
    guard live != membership.liveCount else { return nil }
    return "\(membership.liveCount) live hosts in the table, \(live) by what was told"
  }

  /// A node that leaves or is expelled does not count itself.
  private func own(in step: Step, _ membership: borrowing Membership) -> Int {
    membership.status(of: directory.identities[step.identity].host)?.isLive == true ? 1 : 0
  }

  mutating func stalled(machine: Int, for span: UInt64) { stalls[machine] += span }

  mutating func hear(
    _ event: MembershipEvent, about subject: Int?, in step: Step, _ membership: borrowing Membership,
    _ truth: borrowing Truth
  ) -> String? {
    guard let subject, subject != step.identity else { return nil }
    let live = others[step.machine] + own(in: step, membership)
    switch event {
    case .alive:
      suspicions[step.machine, subject] = Suspicion()
      count(subject, isLive: true, at: step.machine)
    case .suspected:
      if suspicions[step.machine, subject].since == 0 {
        suspicions[step.machine, subject] = Suspicion(
          since: max(1, step.now.monotonic), live: Int32(live), stalled: stalls[step.machine])
      }
    case .dead(let host, let incarnation, let accusers):
      let suspicion = suspicions[step.machine, subject]
      suspicions[step.machine, subject] = Suspicion()
      count(subject, isLive: false, at: step.machine)
      return judge(host, incarnation, accusers, suspicion, in: step, live: live)
    case .refuted:
      suspicions[step.machine, subject] = Suspicion()
    case .left, .revoked, .forgotten:
      suspicions[step.machine, subject] = Suspicion()
      count(subject, isLive: false, at: step.machine)
    default: break
    }
    return nil
  }

  private mutating func count(_ subject: Int, isLive: Bool, at machine: Int) {
    guard lives[machine, subject] != isLive else { return }
    lives[machine, subject] = isLive
    others[machine] += isLive ? 1 : -1
  }

  private func judge(
    _ host: HostID, _ incarnation: Incarnation, _ accusers: [HostID], _ suspicion: Suspicion, in step: Step, live: Int
  ) -> String? {
    let whence = "\(host) \(incarnation) was declared dead with \(live) live hosts by \(accusers.count) accusers"
    guard suspicion.since != 0 else { return whence + " and without having been suspected" }
    let isVouchedFor = Formulas.quorum(live: live).map { distinct(accusers) >= $0 } ?? false
    let shortest = shortest(live: Int(suspicion.live)) / (isVouchedFor ? 2 : 1)
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

  /// In a mesh of two nobody can confirm; there is one time.
  private func shortest(live: Int) -> UInt64 {
    Formulas.suspicionMinimum(live: live, factor: factor, interval: interval) * (live <= 2 ? 2 : 1)
  }

  private func longest(live: Int) -> UInt64 {
    live <= 2 ? shortest(live: live) : Formulas.suspicionSpread * shortest(live: live)
  }

  /// Check 6 proper: the deadline of a running suspicion lies between its shortest and longest time, plus the stalls
  /// that the node was told of, and it is not over.
  mutating func look(at entry: EntryView, of subject: Int, in step: Step, _ membership: borrowing Membership)
    -> String?
  {
    guard entry.status == .suspect, !membership.hasLeft else { return nil }
    let told = suspicions[step.machine, subject]
    guard told.since != 0, let suspicion = membership.suspicion(of: entry.host) else {
      return "\(entry.host) is suspect, but no suspicion of it was told"
    }
    let stalled = stalls[step.machine] - told.stalled
    let length = suspicion.deadline &- suspicion.start
    let shortest = shortest(live: Int(told.live))
    let longest = longest(live: Int(told.live)) + stalled + Deaths.patience
    if length + Deaths.patience < shortest || length > longest {
      return "the suspicion of \(entry.host) lasts \(seconds(length)) s, with \(told.live) live hosts "
        + "\(seconds(shortest)) to \(seconds(longest)) s are allowed"
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
