import MapShard
import Testing
import Wire

/// A shard from its creation to its takeover, with one voter.
@Suite struct ReignTests {
  /// The only member ended before it had written the record down, and placement has changed its mind.
  @Test func whoIsNotWantedAnyMoreRecoversWhatOnlyItHeld() {
    let world = TestWorld(hosts: 3)
    world.nodes[world.host(2)]!.disk.isStuck = true
    world.place([2])
    #expect(world.run(atMost: 3_000) { world.acts(2) })
    world.crash(2)
    world.nodes[world.host(2)]!.disk.isStuck = false
    world.place([3])
    world.start(world.host(2), store: 2)
    world.connectAll()
    world.command(world.host(2), .adopt(world.firstSet))
    world.command(world.host(2), .place(world.shard, replicas: [world.host(3)], minimum: 1))
    #expect(world.run(atMost: 5_000) { world.acts(2) || world.acts(3) })
    #expect(world.violations == [])
  }

  @Test func aShardIsCreatedAndGetsItsCopies() {
    let world = TestWorld.settled()
    #expect(world.acting == [1])
    #expect(world.view(1)?.rec?.record.members.map(\.host.rawValue) == [1, 2, 3])
    #expect(world.violations == [])
  }

  @Test func aWriteIsAcknowledgedWhenAllHoldIt() {
    let world = TestWorld.settled()
    let critical = world.write(1, "zeny", "100")
    #expect(world.run(atMost: 100) { world.reply(critical) != nil })
    #expect(world.reply(critical) == .acknowledged(epoch: Epoch(1), sequence: 1))
    for number in 1...3 { #expect(world.view(number)?.durable == 1) }
    let normal = world.write(1, "seen", "1", .normal)
    #expect(world.run(atMost: 20) { world.reply(normal) != nil })
    #expect(world.read(1, "zeny") == .value(Array("100".utf8), sequence: 1))
    world.run(100)
    world.expectSame()
    #expect(world.violations == [])
  }

  @Test func aDeadOwnerIsReplacedAndNothingIsLost() {
    let world = TestWorld.settled()
    var last: UInt64 = 0
    for number in 0..<50 { last = world.write(1, "key\(number)", "value") }
    #expect(world.run(atMost: 1_000) { world.reply(last) != nil })
    world.crash(2)
    #expect(world.run(atMost: 1_500) { world.acts(1) && world.view(1)?.rec?.record.members.count == 2 })
    world.restart(2)
    #expect(world.run(atMost: 3_000) { world.view(1)?.rec?.record.members.count == 3 })
    let start = world.time
    world.crash(1)
    world.restart(1)
    // The owner is the voter, too: its restart frees the shard at once.
    #expect(world.run(atMost: 3_000) { world.acting.count == 1 && world.acting != [1] })
    #expect(world.time - start < Nanoseconds.milliseconds(1_600))
    let owner = world.acting[0]
    for number in 0..<50 {
      #expect(world.read(owner, "key\(number)") == .value(Array("value".utf8), sequence: UInt64(number) + 1))
    }
    #expect(world.run(atMost: 5_000) { world.view(owner)?.rec?.record.members.count == 3 })
    world.run(200)
    world.expectSame()
    #expect(world.violations == [])
  }

  /// The owner dies before it has acknowledged a critical write. Its successor holds that, and so do soon all members in
  /// memory; a client that asks again is told so only when it is on all their disks.
  @Test func aCriticalWriteThatIsRepeatedAtTheSuccessorWaitsForTheDisks() {
    let world = TestWorld.settled(list: [2, 1, 3])
    world.nodes[world.host(3)]!.disk.isStuck = true
    world.pauseTakeover(of: 3)
    let pausesTakeover = world.holdsBack
    world.holdsBack = { message in
      if case .append? = message.replica, message.from == world.host(2), message.to == world.host(3) { return true }
      return pausesTakeover(message)
    }
    let first = world.write(2, "zeny", "100", client: 9, sequence: 1)
    #expect(world.run(atMost: 20) { world.view(1)?.durable == 1 })
    world.crash(2)
    #expect(world.run(atMost: 3_000) { world.acts(1) && world.view(3)?.log.last.sequence == 1 })
    let again = world.write(1, "zeny", "100", client: 9, sequence: 1)
    world.run(200)
    #expect(world.reply(first) == nil && world.reply(again) == nil, "host 3 holds it in memory only")
    world.nodes[world.host(3)]!.disk.isStuck = false
    let other = world.write(1, "hp", "1", client: 8, sequence: 1)
    #expect(world.run(atMost: 200) { world.reply(other) != nil })
    #expect(world.reply(again) == .acknowledged(epoch: Epoch(1), sequence: 1))
    #expect(world.reply(other) == .acknowledged(epoch: Epoch(2), sequence: 2))
    #expect(world.view(3)?.durable == 2)
    #expect(world.violations == [])
  }
}
