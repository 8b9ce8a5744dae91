import MapShard
import Testing
import Wire

/// Registers of three voters, changes of the voter set, a lost disk (E4, E9).
@Suite struct VoterSetTests {
  /// A record that was last changed under the first set is proven by it, also to who knows the second from its disk.
  @Test func whatAnEarlierSetHasProvenStaysProven() {
    let world = TestWorld.settled(6, list: [2, 3, 4])
    change(
      world, VoterSetDescription(number: 2, voters: seats([5]), previous: seats([1])), tell: [1, 2, 3, 4, 5, 6])
    world.run(2_000)
    world.restart(6)
    world.run(100)
    #expect(world.nodes[world.host(6)]!.core.voterSet?.number == 2)
    world.place([2, 3, 4, 6])
    #expect(world.run(atMost: 10_000) { world.view(3)?.rec?.record.members.count == 4 })
    #expect(world.nodes[world.host(6)]!.core.counters.setsUnknown == 0)
    #expect(world.violations == [])
  }

  /// Who is no voter knew the set only as long as it lived: after a restart a later world could name another one.
  @Test(arguments: [1, 2])
  func theFirstSetStaysTheFirstSet(host number: Int) {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    world.run(100)
    let host = world.host(number)
    world.crash(number)
    world.start(host, store: host.rawValue)
    let other = VoterSetDescription(number: 1, voters: [VoterSeat(host: world.host(3), store: 3)])
    world.command(host, .adopt(other))
    #expect(world.nodes[host]!.core.voterSet == world.firstSet)
  }

  private func change(_ world: TestWorld, _ set: VoterSetDescription, tell numbers: [Int]) {
    let signature = set.signedBytes().withUnsafeBytes { TestSigner.sign($0, as: TestSigner.operatorKey) }
    for number in numbers { world.command(world.host(number), .changeVoters(signed: set.signed(signature))) }
  }

  private func seats(_ numbers: [Int]) -> [VoterSeat] {
    numbers.map { VoterSeat(host: HostID(rawValue: UInt64($0)), store: UInt64($0)) }
  }

  /// What it had promised itself was not durable, and the others remember it.
  @Test func aVoterThatRestartsUsesNoBallotTwice() {
    let world = TestWorld.settled(5, voters: 3, list: [4, 5])
    world.run(500)
    var ballots: [Set<Ballot>] = [[]]
    world.holdsBack = { message in
      if case .prepare(_, _, let ballot) = message.register, message.from == world.host(1) {
        ballots[ballots.count - 1].insert(ballot)
      }
      return false
    }
    // The owner asks the first voter to drop the dead member, then to take in another one.
    world.nodes[world.host(1)]!.disk.isStuck = true
    world.crash(5)
    world.run(1_500)
    world.crash(1)
    ballots.append([])
    world.nodes[world.host(1)]!.disk.isStuck = false
    world.restart(1)
    world.place([4, 2])
    world.run(2_000)
    #expect(ballots.map(\.isEmpty) == [false, false])
    #expect(ballots[0].isDisjoint(with: ballots[1]))
  }

  @Test func threeVotersAgree() {
    let world = TestWorld.settled(5, voters: 3, list: [4, 5])
    #expect(world.acting == [4])
    #expect(world.view(4)?.rec?.proof.count ?? 0 >= 2)
    let first = world.write(4, "a", "1")
    #expect(world.run(atMost: 100) { world.isAcknowledged(first) })
    // One voter less changes nothing; without a majority nobody takes over.
    world.crash(1)
    world.crash(4)
    #expect(world.run(atMost: 3_000) { world.acts(5) })
    #expect(world.read(5, "a") == .value(Array("1".utf8), sequence: 1))
    world.crash(2)
    world.restart(4)
    world.run(3_000)
    #expect(world.view(5)?.rec?.record.members.count == 1)
    #expect(world.acts(5))
    world.restart(2)
    #expect(world.run(atMost: 5_000) { world.view(5)?.rec?.record.members.count == 2 })
    #expect(world.violations == [])
  }

  /// Nobody tells a voter again what the others have chosen without it.
  @Test func aVoterThatWasAwayReadsWhatItHasMissed() throws {
    let world = TestWorld.settled(5, voters: 3, list: [4, 5])
    for other in 2...5 { world.cut(1, other) }
    world.crash(4)
    #expect(world.run(atMost: 3_000) { world.acts(5) })
    for other in [2, 3, 5] { world.heal(1, other) }
    world.run(3_000)
    let newest = try #require(world.view(5)?.rec?.record)
    func known() -> Record? { world.nodes[world.host(1)]!.core.newestRecord(of: world.shard) }
    #expect(known()?.version ?? 0 < newest.version)
    world.command(world.host(1), .refresh(world.shard))
    #expect(world.run(atMost: 500) { known() == newest })
    #expect(world.violations == [])
  }

  @Test func votersThatProposeAtOnceEndUpEqual() {
    let world = TestWorld(hosts: 5, voters: 3)
    for shard in 1...20 { world.place([1, 2, 3, 4, 5], ShardID(rawValue: UInt64(shard))) }
    world.run(10_000)
    for shard in 1...20 {
      let records = world.hosts_.compactMap {
        world.nodes[$0]!.core.view(of: ShardID(rawValue: UInt64(shard)))?.rec?.record
      }
      #expect(records.count == 5)
      #expect(Set(records).count == 1)
      #expect(records.first?.members.count == 5)
    }
    #expect(world.violations == [])
  }

  @Test func oneVoterBecomesThree() {
    let world = TestWorld.settled(5, list: [4, 5])
    let set = VoterSetDescription(number: 2, voters: seats([1, 2, 3]), previous: seats([1]))
    change(world, set, tell: [2])
    func seat(_ number: Int) -> SeatState { world.nodes[world.host(number)]!.core.seat }
    #expect(seat(2) == .copying(from: [world.host(1)]) && seat(4) == .none)
    #expect(
      world.run(atMost: 5_000) { (1...3).allSatisfy { world.nodes[world.host($0)]!.core.votingSet == 2 } })
    #expect((1...3).allSatisfy { seat($0) == .voting })
    world.crash(1)
    world.crash(4)
    #expect(world.run(atMost: 5_000) { world.acts(5) })
    #expect(world.view(5)?.rec?.voterSet == 2)
    #expect(world.violations == [])
  }

  @Test func aVoterIsReplacedAndTheOldOneClosed() {
    let world = TestWorld.settled(6, voters: 3, list: [5, 6])
    world.crash(3)
    let set = VoterSetDescription(number: 2, voters: seats([1, 2, 4]), previous: seats([1, 2, 3]))
    change(world, set, tell: [4])
    #expect(
      world.run(atMost: 5_000) { [1, 2, 4].allSatisfy { world.nodes[world.host($0)]!.core.votingSet == 2 } })
    #expect(world.nodes[world.host(4)]!.core.voted(world.shard)?.members.count == 2)
    world.restart(3)
    world.run(1_000)
    #expect(world.nodes[world.host(3)]!.core.votingSet == nil)
    world.crash(1)
    world.crash(5)
    #expect(world.run(atMost: 5_000) { world.acts(6) })
    #expect(world.violations == [])
  }

  @Test func aChangeGoesOnAfterACrashInTheMiddle() {
    let world = TestWorld.settled(5, list: [4, 5])
    let set = VoterSetDescription(number: 2, voters: seats([1, 2, 3]), previous: seats([1]))
    change(world, set, tell: [2])
    world.run(3)
    for number in 1...3 { world.restart(number) }
    world.run(500)
    // Whoever was told tells it again, as the operator's node does.
    change(world, set, tell: [2, 3])
    #expect(
      world.run(atMost: 5_000) { (1...3).allSatisfy { world.nodes[world.host($0)]!.core.votingSet == 2 } })
    for number in 1...3 {
      world.restart(number)
      world.run(500)
      #expect(world.nodes[world.host(number)]!.core.votingSet == 2)
    }
    world.crash(4)
    #expect(world.run(atMost: 5_000) { world.acts(5) })
    #expect(world.violations == [])
  }

  @Test func theOnlyVoterLosesItsDiskAndLearnsTheRegisterAnew() {
    let world = TestWorld.settled(4, list: [2, 3])
    let before = world.view(2)!.rec!.record
    world.restart(1, store: 77)
    world.run(1_000)
    #expect(world.nodes[world.host(1)]!.core.votingSet == nil)
    #expect(world.acting == [2], "play goes on without a voter")
    let set = VoterSetDescription(
      number: 2, voters: [VoterSeat(host: world.host(1), store: 77)], previous: seats([1]), isRebuild: true)
    change(world, set, tell: [1, 2, 3, 4])
    #expect(world.run(atMost: 5_000) { world.view(2)?.rec?.voterSet == 2 })
    let after = world.view(2)!.rec!.record
    #expect(after.epoch.rawValue > before.epoch.rawValue + 1 << 20 - 1)
    #expect(after.version == before.version + 1 << 20)
    #expect(after.members == before.members)
    #expect(world.run(atMost: 2_000) { world.acts(2) })
    world.crash(2)
    #expect(world.run(atMost: 5_000) { world.acts(3) })
    #expect(world.violations == [])
  }

  @Test func ofSetsOnlyTheOperatorsCount() {
    let world = TestWorld.settled(4, list: [2, 3])
    let set = VoterSetDescription(number: 2, voters: seats([4]), previous: seats([1]))
    let signature = set.signedBytes().withUnsafeBytes { TestSigner.sign($0, as: world.host(4)) }
    world.command(world.host(4), .changeVoters(signed: set.signed(signature)))
    world.deliver(.close(next: set.signed(signature)), to: 1, from: 4)
    world.run(1_000)
    #expect(world.nodes[world.host(1)]!.core.votingSet == 1)
    #expect(world.nodes[world.host(4)]!.core.voterSet?.number == 1)
  }
}
