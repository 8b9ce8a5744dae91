import MapShard
import Testing
import Wire

/// The data path: batches, catch-up, snapshots, repeated requests, comparison of copies, planned moves.
@Suite struct ReplicationTests {
  @Test func manyWritesAreAcknowledgedInOrder() {
    let world = TestWorld.settled()
    var requests: [UInt64] = []
    for round in 0..<20 {
      for number in 0..<100 { requests.append(world.write(1, "k\(number)", "\(round)", .normal)) }
      world.run(3)
    }
    #expect(world.run(atMost: 1_000) { world.isAcknowledged(requests.last!) })
    #expect(world.acknowledged.map(\.request) == requests)
    #expect(world.acknowledged.map(\.sequence) == Array(1...2_000))
    world.run(500)
    world.expectSame()
    #expect(world.view(2)?.commit == 2_000)
    // Batched: far fewer messages than entries.
    #expect(world.nodes[world.host(1)]!.core.counters.appendsSent < 400)
    #expect(world.violations == [])
  }

  @Test func aLearnerFarBehindGetsASnapshot() {
    var settings = ShardSettings.lanFast
    settings.ringBytes = 10_000
    let world = TestWorld.settled(3, list: [1, 2], settings: settings)
    for number in 0..<500 {
      world.write(1, "key\(number % 50)", "value \(number)", .normal)
      if number % 20 == 0 { world.run(5) }
    }
    world.run(100)
    #expect(world.view(1)!.log.base.sequence > 300)
    world.place([1, 2, 3])
    #expect(world.run(atMost: 5_000) { world.view(1)?.rec?.record.members.count == 3 })
    #expect(world.nodes[world.host(3)]!.core.counters.snapshotsTaken == 1)
    world.write(1, "after", "1")
    world.run(200)
    world.expectSame()
    // What came by snapshot survives a restart.
    world.restart(3)
    #expect(world.view(3)!.state.count == 50 && world.holds(3, "after"))
    #expect(world.violations == [])
  }

  @Test func aRetryAfterAFailoverIsAppliedOnce() {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    world.holdsBack = { message in
      if case .appended = message.replica { return true }
      return false
    }
    let lost = world.write(2, "count", "1", client: 9, sequence: 1)
    world.run(20)
    #expect(world.reply(lost) == nil)
    world.crash(2)
    world.holdsBack = { _ in false }
    #expect(world.run(atMost: 3_000) { !world.acting.isEmpty })
    let owner = world.acting[0]
    let again = world.write(owner, "count", "1", client: 9, sequence: 1)
    #expect(world.run(atMost: 500) { world.reply(again) != nil })
    #expect(world.reply(again) == .acknowledged(epoch: Epoch(1), sequence: 1))
    let older = world.write(owner, "count", "0", client: 9, sequence: 0)
    #expect(world.reply(older) == .refused(.outdated(last: 1)))
    #expect(world.violations == [])
  }

  /// Its memory keeps up, so only what is critical tells that it holds the shard up.
  @Test(arguments: [EntryClass.critical, .normal])
  func aMemberWhoseDiskStandsStillIsDropped(others: EntryClass) {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    world.nodes[world.host(4)]!.disk.isStuck = true
    let request = world.write(2, "k", "1")
    for number in 0..<40 {
      world.write(2, "other \(number)", "1", others)
      world.run(100)
    }
    #expect(world.view(2)?.rec?.record.members.map(\.host) == [world.host(2), world.host(3)])
    #expect(world.isAcknowledged(request))
    // It is a learner from now on, and does not come in again while its disk stands still.
    world.run(5_000)
    #expect(world.view(2)?.rec?.record.members.count == 2)
    #expect(world.violations == [])
  }

  /// A machine under load: its disk takes a second, and everything gets there.
  @Test func aMemberWithASlowDiskStays() {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    world.nodes[world.host(4)]!.diskStep = Nanoseconds.milliseconds(900)
    let version = world.view(2)?.rec?.record.version
    var last: UInt64 = 0
    for number in 0..<200 {
      last = world.write(2, "k\(number)", "1", number % 10 == 0 ? .critical : .normal)
      world.run(30)
    }
    #expect(world.run(atMost: 3_000) { world.isAcknowledged(last) })
    #expect(world.view(2)?.rec?.record.version == version)
    #expect(world.violations == [])
  }

  /// Datagrams are lost, the link goes on: no reason to lose a copy, unless it lasts; then it goes before promises end.
  @Test(arguments: [600, 5_000] as [UInt64])
  func lostHeartbeatsAloneDoNotDropAMember(milliseconds: UInt64) {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    world.run(1_000)
    let version = world.view(2)?.rec?.record.version
    let silent = world.host(4)
    world.holdsBack = { message in
      if case .heartbeat = message.event { return message.from == silent }
      return false
    }
    let end = world.time + Nanoseconds.milliseconds(milliseconds)
    var isHeld = false
    while world.time < end {
      world.write(2, "k", "1")
      world.run(10)
      isHeld = isHeld || !world.acts(2)
    }
    world.holdsBack = { _ in false }
    #expect(!isHeld)
    #expect((world.view(2)?.rec?.record.version == version) == (milliseconds < 1_000))
    world.run(3_000)
    #expect(world.view(2)?.rec?.record.members.count == 3)
    #expect(world.violations == [])
  }

  @Test func writesAreRefusedWhileTheLogTakesNone() {
    let world = TestWorld.settled()
    for admission in [LogAdmission.full, .slow] {
      world.input(world.host(1), .admission(admission))
      for entryClass in [EntryClass.critical, .normal] {
        #expect(world.reply(world.write(1, "k", "1", entryClass)) == .refused(.noRoom(admission)))
      }
      let volatile = world.write(1, "v", "1", .volatile)
      #expect(world.isAcknowledged(volatile))
    }
    world.input(world.host(1), .admission(.open))
    let request = world.write(1, "k", "1")
    #expect(world.run(atMost: 200) { world.isAcknowledged(request) })
  }

  /// Normal writes are acknowledged from memory; what waits for a disk stays bounded all the same, at the owner and at
  /// whoever follows it.
  @Test(arguments: [1, 2, 3])
  func noDiskFallsBehindWithoutBound(stuck: Int) {
    let world = TestWorld.settled(3, list: [1, 2])
    world.nodes[world.host(stuck)]!.disk.isStuck = true
    if stuck == 3 { world.place([1, 2, 3]) }
    let value = String(repeating: "x", count: 100_000)
    var refused = 0
    for number in 0..<120 {
      let request = world.write(1, "k\(number % 5)", value, .normal)
      if world.reply(request) == .refused(.busy) { refused += 1 }
      world.run(10)
    }
    #expect(refused > 0 || stuck == 3)
    let waits = world.nodes[world.host(stuck)]!.disk.waitingBytes
    #expect(waits > 2 << 20 && waits < 5 << 20, "\(waits)")
    #expect(world.violations == [])
  }

  @Test func compareAndSetSeesWritesThatAreUnderWay() {
    let world = TestWorld.settled()
    let first = world.write(1, "lock", "a", expected: 0)
    let second = world.write(1, "lock", "b", expected: 0)
    #expect(world.reply(second) == .refused(.unexpected(sequence: 1)))
    world.run(50)
    #expect(world.isAcknowledged(first))
    let third = world.write(1, "lock", "c", expected: 1)
    world.run(50)
    #expect(world.isAcknowledged(third))
  }

  @Test func aPlannedMoveLosesNothingAndHandsOnTheQueue() {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    var requests: [UInt64] = []
    for number in 0..<20 {
      requests.append(world.write(2, "k\(number)", "1", .normal, client: 1, sequence: UInt64(number) + 1))
    }
    let start = world.time
    let move = world.move(2, to: 3)
    for number in 20..<40 {
      requests.append(world.write(2, "k\(number)", "1", .normal, client: 1, sequence: UInt64(number) + 1))
    }
    #expect(world.run(atMost: 1_000) { world.acts(3) })
    let gap = (world.time - start) / 1_000_000
    #expect(gap <= 50, "a move takes \(gap) ms")
    world.run(100)
    guard case .moved(let record) = world.reply(move) else { return #expect(Bool(false), "the move is answered") }
    #expect(record.owner == world.member(3) && record.reason == .order && record.plan == 1)
    for request in requests { #expect(world.isAcknowledged(request)) }
    for number in 0..<40 { #expect(world.holds(3, "k\(number)")) }
    world.run(1_000)
    world.expectSame()
    #expect(world.violations == [])
  }

  @Test func aMoveToSomebodySilentIsGivenUp() {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    world.nodes[world.host(3)]!.disk.isStuck = true
    world.write(2, "k", "1", .normal)
    world.run(2)
    let move = world.move(2, to: 3)
    let queued = world.write(2, "q", "1", .normal)
    #expect(world.run(atMost: 4_000) { world.reply(move) != nil })
    #expect(world.reply(move) == .refused(.moveCancelled))
    #expect(world.run(atMost: 2_000) { world.isAcknowledged(queued) })
    #expect(world.violations == [])
  }

  @Test func writesAtAnotherHostReachTheOwner() {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    let request = world.write(4, "k", "1", client: 3, sequence: 1)
    #expect(world.run(atMost: 100) { world.isAcknowledged(request) })
    #expect(world.holds(2, "k"))
    let elsewhere = world.write(1, "k2", "1")
    world.run(10)
    #expect(world.reply(elsewhere) != nil)
  }

  @Test func aCopyThatDiffersIsRepaired() {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    for number in 0..<10 { world.write(2, "k\(number)", "1") }
    world.run(100)
    // The third copy loses a key behind everybody's back: a snapshot of another content at the same position.
    var content = world.view(4)!.state.content(of: world.shard)
    content.items[3].value = [9]
    var bytes = withUnsafeBytes(of: UInt64(1).littleEndian) { [UInt8]($0) }
    bytes.append(1)
    bytes += content.encoded()!
    world.input(world.host(4), .snapshot(bytes, from: world.member(2)))
    #expect(world.view(4)!.state.content(of: world.shard) != world.view(2)!.state.content(of: world.shard))
    #expect(world.run(atMost: 25_000) { world.nodes[world.host(2)]!.core.counters.differences == 1 })
    world.run(1_000)
    world.expectSame()
    world.run(25_000)
    #expect(world.nodes[world.host(2)]!.core.counters.differences == 1)
    #expect(world.nodes[world.host(2)]!.core.counters.comparisons >= 3)
    #expect(world.violations == [])
  }

  @Test func belowTheMinimumCriticalWritesWait() {
    let world = TestWorld(hosts: 3)
    world.place([2, 3], minimum: 2)
    #expect(world.run(atMost: 5_000) { world.view(2)?.rec?.record.members.count == 2 && world.acts(2) })
    world.crash(3)
    #expect(world.run(atMost: 3_000) { world.acts(2) && world.view(2)?.rec?.record.members.count == 1 })
    #expect(world.reply(world.write(2, "k", "1")) == .refused(.belowMinimum(copies: 1, minimum: 2)))
    let normal = world.write(2, "k", "1", .normal)
    world.run(10)
    #expect(world.isAcknowledged(normal))
  }

  @Test func volatileValuesReachTheFollowersAndNoLog() {
    let world = TestWorld.settled(3)
    for number in 0..<100 { world.write(1, "pos", "\(number)", .volatile) }
    world.run(600)
    #expect(world.read(1, "pos") == .value(Array("99".utf8), sequence: 0))
    #expect(world.view(1)?.log.last.sequence == 0)
  }
}

/// A large state goes out in slices, with the same bytes.
@Suite struct SnapshotSliceTests {
  @Test func slicesGiveTheBytesOfTheWhole() {
    var settings = ShardSettings.lanFast
    settings.ringBytes = 10_000
    settings.sliceBytes = 4_000
    let world = TestWorld.settled(3, list: [1, 2], settings: settings)
    for number in 0..<2_000 {
      world.write(
        1, "key\(number % 700)", String(repeating: "v", count: number % 90), .normal, client: UInt64(number % 9),
        sequence: UInt64(number))
      if number % 50 == 0 { world.run(5) }
    }
    world.run(100)
    var sent: [UInt8] = []
    world.holdsBack = { message in
      if case .snapshot(let bytes, _) = message.event { sent = bytes }
      return false
    }
    let state = world.view(1)!.state
    world.place([1, 2, 3])
    #expect(world.run(atMost: 5_000) { world.view(1)?.rec?.record.members.count == 3 })
    #expect(Array(sent.dropFirst(9)) == state.content(of: world.shard).encoded())
    world.run(100)
    world.expectSame()
    #expect(world.violations == [])
  }

  @Test func aCopyThatNobodyWantsGoes() {
    let world = TestWorld.settled(4, list: [2, 3])
    world.write(2, "k", "1")
    world.run(100)
    world.place([2, 4])
    #expect(world.run(atMost: 5_000) { world.view(2)?.rec?.record.members.map(\.host.rawValue) == [2, 4] })
    world.run(590_000)
    #expect(world.view(3)!.log.last.sequence == 1)
    world.run(20_000)
    #expect(world.view(3)!.log.last.sequence == 0)
    #expect(world.nodes[world.host(3)]!.disk.recovered.shards[world.shard] == nil)
    #expect(world.acting == [2])
  }
}
