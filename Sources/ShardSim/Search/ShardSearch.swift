package import MapShard
import Wire

/// An exhaustive search of a small world: from a settled state every order of messages, deadlines, syncs and faults, up
/// to a number of steps and a budget of each kind of fault. States that were seen with as many steps left are not
/// entered again.
package struct ShardSearch {
  /// How often each kind of thing may happen on one path.
  package struct Budget: Hashable, Sendable {
    /// Steps of time, each to the next deadline of any host.
    package var ticks = 6
    package var crashes = 0
    package var restarts = 0
    package var losses = 0
    package var breaks = 0
    package var writes = 0
    package var moves = 0

    package init() {}
  }

  package struct Setting: Sendable {
    package var name: String
    package var budget: Budget
    package var depth: Int
    /// Hosts that hold the shard; the voter is one of them when there are three.
    package var replicas = 2
    package var planted: ShardBugs = []

    package init(name: String, depth: Int, budget: Budget) {
      self.name = name
      self.depth = depth
      self.budget = budget
    }
  }

  package struct Result: Sendable {
    /// Distinct states.
    package var states = 0
    package var transitions = 0
    /// Whether everything within the depth was seen.
    package var isComplete = true
    package var violation: ShardViolation?
    /// The steps that lead to the violation.
    package var path: [String] = []
  }

  private let limit: Int
  private var result = Result()
  /// Steps that were left when a state was entered, by its fingerprint.
  private var entered: [Int: UInt8] = [:]
  private var path: [ShardStep] = []

  private init(limit: Int) { self.limit = limit }

  /// - Parameter limit: transitions after which the search gives up.
  package static func run(_ setting: Setting, limit: Int) -> Result {
    var search = ShardSearch(limit: limit)
    guard let world = settled(setting) else {
      search.result.isComplete = false
      return search.result
    }
    // Deeper and deeper, so that the first violation found is among the shortest.
    for depth in stride(from: min(4, setting.depth), through: setting.depth, by: 2) {
      search.entered = [:]
      search.explore(world, depth)
      if search.result.violation != nil || search.result.transitions >= limit { break }
    }
    search.result.states = search.entered.count
    if search.result.transitions >= limit { search.result.isComplete = false }
    return search.result
  }

  /// Three hosts; host 0 is the voter; the shard has an owner and all its copies. From there on the search decides.
  private static func settled(_ setting: Setting) -> ShardWorld? {
    var settings = ShardWorldSettings(seed: 1, hosts: 3)
    settings.replicas = setting.replicas
    settings.minimum = 1
    settings.spareFirst = setting.replicas < 3
    settings.clients = 0
    settings.driftingClocks = false
    settings.core = .small
    settings.core.plant(setting.planted)
    var world = ShardWorld(settings)
    world.startAll()
    let replicas = setting.replicas
    let isSettled = world.run(until: Nanoseconds.seconds(60)) {
      $0.isServed(0) && $0.ledger.shards[0].newest?.members.count == replicas
    }
    guard isSettled else { return nil }
    world.run(until: world.time + Nanoseconds.seconds(2))
    world.beginStepping(setting.budget)
    return world
  }

  private mutating func explore(_ world: ShardWorld, _ depth: Int) {
    if depth == 0 || result.violation != nil { return }
    for step in world.steps() {
      guard result.transitions < limit, result.violation == nil else { return }
      result.transitions += 1
      var next = world
      next.take(step)
      path.append(step)
      if let violation = next.violation {
        result.violation = violation
        result.path = path.map { "\($0)" }
        return
      }
      let fingerprint = next.fingerprint()
      if let left = entered[fingerprint], left >= UInt8(depth) {
        path.removeLast()
        continue
      }
      entered[fingerprint] = UInt8(depth)
      explore(next, depth - 1)
      path.removeLast()
    }
  }
}

extension ShardSettings {
  /// Few deadlines: a promise lapses after two heartbeats, and nothing is repeated within a search.
  package static let small: ShardSettings = {
    var settings = ShardSettings()
    settings.heartbeatPeriod = Nanoseconds.milliseconds(600)
    settings.hold = Nanoseconds.milliseconds(700)
    settings.give = Nanoseconds.milliseconds(730)
    settings.out = Nanoseconds.milliseconds(650)
    settings.stagger = Nanoseconds.milliseconds(10)
    settings.patience = Nanoseconds.milliseconds(1)
    settings.proposalRetry = Nanoseconds.seconds(3)
    settings.proposalRetryLimit = Nanoseconds.seconds(6)
    settings.readPeriod = Nanoseconds.seconds(60)
    settings.retransmit = Nanoseconds.seconds(20)
    settings.vetoFresh = 0
    settings.checkPeriod = Nanoseconds.seconds(3_600)
    return settings
  }()
}
