import MapShard
import Testing
import Wire

/// The counterexamples that `docs/ownership.md` lists: for each rule the shortest trace that breaks without it. Every
/// scenario is run with all rules (nothing may be wrong) and, where the build has planted bugs, without its rule (the
/// scenario must notice).
///
/// Host 1 is the voter; A = 2, B = 3, C = 4.
struct Scenario: Sendable, CustomTestStringConvertible {
  let name: String
  let bug: ShardBugs
  var voters = 1
  var hosts = 4
  /// What went wrong, in words; `nil`: nothing.
  let run: @Sendable (TestWorld) -> String?

  var testDescription: String { name }

  func world(_ bugs: ShardBugs) -> TestWorld {
    var settings = ShardSettings.lanFast
    #if MESH_PLANTED_BUGS
      settings.planted = bugs
    #endif
    return TestWorld(hosts: hosts, voters: voters, settings: settings)
  }

  func outcome(_ bugs: ShardBugs) -> String? {
    let world = world(bugs)
    return run(world) ?? world.violations.first
  }
}

@Suite struct CounterexampleTests {
  @Test(arguments: Scenario.all) func withAllRulesNothingGoesWrong(_ scenario: Scenario) {
    #expect(scenario.outcome([]) == nil)
  }

  #if MESH_PLANTED_BUGS
    @Test(arguments: Scenario.all) func withoutItsRuleItGoesWrong(_ scenario: Scenario) {
      #expect(scenario.outcome(scenario.bug) != nil)
    }
  #endif
}

private let a = 2
private let b = 3
private let c = 4

extension TestWorld {
  /// Creates the shard on these hosts, the first one owner, all in sync.
  func settle(_ list: [Int]) -> String? {
    place(list)
    let isSettled = run(atMost: 5_000) {
      view(list[0])?.rec?.record.members.count == list.count && acts(list[0])
    }
    return isSettled ? nil : "the shard did not settle"
  }

  /// Everything of the register between two hosts is kept back.
  func holdRegister(from first: Int, to second: Int) {
    let before = holdsBack
    holdsBack = { message in
      before(message)
        || message.from == HostID(rawValue: UInt64(first)) && message.to == HostID(rawValue: UInt64(second))
          && message.register != nil
    }
  }

  func isRecord(_ message: Message, to number: Int) -> Bool {
    if case .record(_, _, _, .some) = message.register { return message.to == host(number) }
    return false
  }

  func isAcknowledged(_ request: UInt64) -> Bool {
    if case .acknowledged = reply(request) { return true }
    return false
  }

  func holds(_ number: Int, _ key: String) -> Bool {
    guard let view = view(number) else { return false }
    let isApplied = view.state.content(of: shard).items.contains { $0.key == Array(key.utf8) }
    return isApplied
      || (view.log.base.sequence..<view.log.last.sequence).contains { view.log[$0 + 1]?.key == Array(key.utf8) }
  }

  /// The owner that comes to act holds the key, or an acknowledged write is lost.
  func lost(_ key: String, atMost milliseconds: UInt64 = 5_000) -> String? {
    guard run(atMost: milliseconds, until: { !acting.isEmpty }) else { return nil }
    return acting.allSatisfy { holds($0, key) } ? nil : "acknowledged \(key) is not at the acting host \(acting)"
  }
}

extension Scenario {
  static let all: [Scenario] = [
    Scenario(name: "C5: a pending expansion counts for promises", bug: .recordedSetForPromises) { world in
      if let problem = world.settle([a, b]) { return problem }
      world.holdsBack = { world.isRecord($0, to: a) }
      world.place([a, b, c])
      guard world.run(atMost: 3_000, until: { world.nodes[world.host(1)]!.core.voted(world.shard)?.version == 3 })
      else {
        return "no expansion"
      }
      world.cut(a, c)
      world.cut(a, 1)
      world.run(6_000)
      return nil
    },
    Scenario(name: "C6: a pending expansion counts for acknowledgements", bug: .recordedSetForAcks) { world in
      if let problem = world.settle([a, b]) { return problem }
      world.cut(a, b)
      world.run(700)
      guard world.view(a)?.rec?.record.members.count == 1 else { return "no shrink" }
      world.holdsBack = { world.isRecord($0, to: a) }
      world.heal(a, b)
      guard world.run(atMost: 3_000, until: { world.nodes[world.host(1)]!.core.voted(world.shard)?.version == 4 })
      else {
        return "no expansion"
      }
      world.holdsBack = { message in
        if case .append = message.replica { return message.from == world.host(a) }
        return world.isRecord(message, to: a)
      }
      let request = world.write(a, "w1", "1", .normal)
      world.run(400)
      let isAcknowledged = world.isAcknowledged(request)
      world.run(2_500)
      world.crash(a)
      return isAcknowledged ? world.lost("w1") : nil
    },
    Scenario(name: "C7: a candidate in doubt acknowledges nothing", bug: .doubtMissing) { takeInFlight($0) },
    Scenario(name: "C7: a candidate withdraws its promise to the host", bug: .seriesMissing) { takeInFlight($0) },
    Scenario(name: "a time-out resolves nothing", bug: .timeOutResolves) { takeInFlight($0) },
    Scenario(name: "C8: a seat belongs to a life", bug: .lifeIgnored) { world in
      if let problem = world.settle([a, b]) { return problem }
      world.run(200)
      world.cut(a, b)
      world.cut(a, 1)
      world.restart(b)
      world.run(1_000)
      return nil
    },
    Scenario(name: "C9: acknowledgements need the promises too", bug: .acknowledgeWithoutAct) { world in
      if let problem = world.settle([a, b]) { return problem }
      world.holdsBack = { message in
        if case .appended = message.replica { return message.to == world.host(a) }
        return false
      }
      world.nodes[world.host(b)]!.disk.isStuck = true
      let request = world.write(a, "w1", "1", .normal)
      world.run(5)
      world.cut(a, 1)
      world.cut(a, b)
      guard world.run(atMost: 4_000, until: { world.acts(b) }) else { return "no takeover" }
      world.nodes[world.host(b)]!.disk.isStuck = false
      world.restart(b)
      guard world.run(atMost: 4_000, until: { world.acts(b) }) else { return "no recovery" }
      // A never heard of any of it.
      world.cut.removeAll()
      world.letGo()
      world.run(2)
      if world.isAcknowledged(request), !world.holds(b, "w1") { return "acknowledged after it was lost" }
      return nil
    },
    Scenario(name: "C10: a voter with another disk does not vote", bug: .storeIgnored, voters: 3, hosts: 5) { world in
      if let problem = world.settle([4, 5]) { return problem }
      // Voter 1 is with A (4), voter 2 with B (5), voter 3 with both.
      for (first, second) in [(1, 2), (4, 2), (5, 1), (4, 5)] { world.cut(first, second) }
      world.holdRegister(from: 4, to: 1)
      world.holdRegister(from: 4, to: 3)
      world.holdRegister(from: 1, to: 3)
      guard world.run(atMost: 6_000, until: { world.acts(5) }) else { return "no takeover" }
      world.cut(5, 3)
      world.cut(2, 3)
      world.restart(3, store: 99)
      world.holdsBack = { _ in false }
      world.letGo()
      world.run(6_000)
      return nil
    },
    Scenario(name: "C11: a new owner's log counts as committed", bug: .floorMissing) { learnerWithoutEntries($0) },
    Scenario(name: "an expansion asks for everything that is committed", bug: .expandWithoutCatchUp) {
      learnerWithoutEntries($0)
    },
    Scenario(name: "the old owner stops before a planned move", bug: .moveWithoutStop) { world in
      if let problem = world.settle([a, b]) { return problem }
      world.run(100)
      world.holdsBack = { world.isRecord($0, to: a) }
      _ = world.move(a, to: b)
      guard world.run(atMost: 500, until: { !world.held.isEmpty }) else { return "no move" }
      world.cut(a, b)
      world.cut(a, 1)
      world.deliverHeld(to: b)
      world.run(1_200)
      return nil
    },
    Scenario(name: "the old owner stops before a release", bug: .releaseWithoutStop) { world in
      if let problem = world.settle([a, b]) { return problem }
      world.command(world.host(a), .releaseAll)
      world.run(2)
      world.cut(a, b)
      world.cut(a, 1)
      world.run(1_200)
      return world.run(atMost: 500, until: { world.acts(b) }) ? nil : "nobody took over"
    },
    Scenario(name: "pipelining needs the previous entry", bug: .previousEntryUnchecked) { world in
      if let problem = world.settle([a, b]) { return problem }
      var isFirst = true
      world.holdsBack = { message in
        guard isFirst, case .append(let append) = message.replica, !append.entries.isEmpty else { return false }
        isFirst = false
        return true
      }
      world.write(a, "w1", "1", .normal)
      world.run(3)
      let request = world.write(a, "w2", "2", .normal)
      world.run(10)
      return world.isAcknowledged(request) && !world.holds(b, "w1") ? "acknowledged what B does not hold" : nil
    },
    Scenario(name: "cut at the first match of a reign", bug: .cutNotAtFirstMatch) { world in
      if let problem = world.settle([a, b, c]) { return problem }
      world.holdsBack = { message in
        if case .append(let append) = message.replica { return message.to == world.host(b) && append.epoch == Epoch(1) }
        return false
      }
      world.write(a, "w1", "1")
      world.run(10)
      world.crash(a)
      world.pauseTakeover(of: c)
      guard world.run(atMost: 5_000, until: { world.acts(b) }) else { return "no takeover" }
      let request = world.write(b, "w2", "2")
      world.run(200)
      guard world.isAcknowledged(request) else { return nil }
      world.crash(b)
      world.holdsBack = { _ in false }
      return world.lost("w2")
    },
    Scenario(name: "a promise counts from the sending of the question", bug: .promiseFromReceipt) { world in
      if let problem = world.settle([a, b]) { return problem }
      world.cut(a, 1)
      world.holdsBack = { message in
        guard case .heartbeat(let bytes, _) = message.event else { return false }
        return message.to == world.host(a) && bytes[0] == 2
      }
      world.run(1_150)
      world.holdsBack = { _ in false }
      world.cut(a, b)
      world.cut.removeAll()
      world.letGo()
      world.cut(a, b)
      world.cut(a, 1)
      world.run(2_000)
      return nil
    },
    Scenario(name: "a promise is kept longer than it is counted", bug: .giveShorterThanHold) { world in
      if let problem = world.settle([a, b]) { return problem }
      world.run(250)
      world.cut(a, 1)
      world.cut(a, b)
      world.run(2_000)
      return nil
    },
    Scenario(name: "who recovers proves that all lives are dead", bug: .recoverWithoutProof) { world in
      if let problem = world.settle([a, b]) { return problem }
      world.run(200)
      world.cut(a, b)
      world.cut(a, 1)
      world.restart(b)
      world.run(1_000)
      return nil
    },
    Scenario(name: "critical entries are acknowledged when durable", bug: .criticalFromMemory) { world in
      if let problem = world.settle([a, b]) { return problem }
      world.nodes[world.host(b)]!.disk.isStuck = true
      let request = world.write(a, "w1", "1")
      world.run(300)
      return world.isAcknowledged(request) && world.view(b)!.durable == 0 ? "acknowledged from memory" : nil
    },
    Scenario(name: "a stale reign is refused", bug: .staleEpochAccepted) { world in
      if let problem = world.settle([a, b, c]) { return problem }
      world.cut(a, 1)
      world.cut(a, b)
      world.pauseTakeover(of: c)
      guard world.run(atMost: 5_000, until: { world.view(c)?.matchedEpoch == Epoch(2) }) else { return "no takeover" }
      let old = world.forgedAppend(from: a, to: c, epoch: Epoch(1))
      world.deliver(old, to: c)
      return world.view(c)!.log.last.sequence > 0 ? "an entry of an old reign was taken" : nil
    },
    Scenario(name: "a repeated request is applied once", bug: .duplicateRequestsApplied) { world in
      if let problem = world.settle([a, b]) { return problem }
      let first = world.write(a, "w1", "1", client: 5, sequence: 1)
      world.run(20)
      let second = world.write(a, "w1", "1", client: 5, sequence: 1)
      world.run(20)
      return world.reply(first) == world.reply(second) && world.reply(first) != nil ? nil : "applied twice"
    },
    Scenario(name: "a voter answers when its record is durable", bug: .voterAnswersBeforeSync) { world in
      if let problem = world.settle([a, b]) { return problem }
      world.run(100)
      world.nodes[world.host(1)]!.disk.isStuck = true
      world.cut(a, b)
      world.holdRegister(from: a, to: 1)
      guard world.run(atMost: 3_000, until: { world.acts(b) }) else { return nil }
      world.cut(b, 1)
      world.nodes[world.host(1)]!.disk.isStuck = false
      world.restart(1)
      world.holdsBack = { _ in false }
      world.letGo()
      world.run(3_000)
      return nil
    },
    Scenario(name: "a member asks after its promise only", bug: .takeWithoutLapse) { world in
      if let problem = world.settle([a, b, c]) { return problem }
      world.run(200)
      for other in [b, c] { world.input(world.host(other), .advice(world.host(a), .dead)) }
      world.cut(a, 1)
      world.cut(a, b)
      world.run(900)
      return world.view(b)?.proposal?.kind == .take || world.view(c)?.proposal?.kind == .take
        || world.view(b)?.rec?.record.epoch == Epoch(2) ? "asked within the promise" : nil
    },
    Scenario(name: "the register compares versions", bug: .versionUnchecked) { world in
      if let problem = world.settle([a, b]) { return problem }
      let record = world.nodes[world.host(1)]!.core.voted(world.shard)!
      var forged = record
      forged.version += 5
      forged.reason = .touch
      world.propose(forged, from: a)
      world.run(20)
      return world.nodes[world.host(1)]!.core.voted(world.shard) == record ? nil : "a version was left out"
    },
    Scenario(name: "reads see committed entries only", bug: .readUncommitted) { world in
      if let problem = world.settle([a, b]) { return problem }
      world.holdsBack = { message in
        if case .appended = message.replica { return true }
        return false
      }
      world.write(a, "w1", "1", .normal)
      world.run(10)
      return world.read(a, "w1") == .value(nil, sequence: 0) ? nil : "an uncommitted entry was read"
    },
    Scenario(name: "an owner never continues a reign in another life", bug: .lifeIgnored) { world in
      if let problem = world.settle([a]) { return problem }
      let first = world.write(a, "w1", "1", .normal)
      world.run(20)
      guard world.isAcknowledged(first), world.view(a)?.log.last.epoch == Epoch(1) else { return "no write" }
      let life = world.view(a)?.rec?.record.owner.life
      world.restart(a)
      world.run(2_000)
      world.write(a, "w2", "2")
      world.run(100)
      guard let view = world.view(a), view.acts(at: world.now) else { return "nobody acts" }
      return view.rec?.record.owner.life != life && view.log.last.epoch > Epoch(1) ? nil : "the reign went on"
    },
  ]

  /// B's request is committed and its answer in flight; A comes back and finds B answering.
  private static func takeInFlight(_ world: TestWorld) -> String? {
    if let problem = world.settle([a, b]) { return problem }
    world.run(100)
    world.holdsBack = { message in
      world.isRecord(message, to: b)
        || message.from == world.host(a) && message.to == world.host(1) && message.register != nil
    }
    world.cut(a, b)
    guard world.run(atMost: 4_000, until: { world.nodes[world.host(1)]!.core.voted(world.shard)?.epoch == Epoch(2) })
    else { return "no takeover" }
    world.heal(a, b)
    world.run(900)
    world.letGo { world.isRecord($0, to: b) }
    world.run(900)
    return nil
  }

  /// B takes over from A with an acknowledged entry in its log; C is to come in, and gets no entries.
  private static func learnerWithoutEntries(_ world: TestWorld) -> String? {
    if let problem = world.settle([a, b]) { return problem }
    let request = world.write(a, "w1", "1")
    guard world.run(atMost: 100, until: { world.isAcknowledged(request) }) else { return "no acknowledgement" }
    world.crash(a)
    world.holdsBack = { message in
      guard case .append(let append) = message.replica else { return false }
      return message.to == world.host(c) && !append.entries.isEmpty
    }
    world.place([b, c])
    guard world.run(atMost: 5_000, until: { world.acts(b) }) else { return "no takeover" }
    let isIn = world.run(atMost: 2_000) {
      world.view(b)?.rec?.record.members.contains { $0.host == world.host(c) } ?? false
    }
    guard isIn else { return nil }
    world.crash(b)
    return world.lost("w1")
  }
}
