import MapShard
import Testing
import Wire

/// What happens without a voter, without members, after everybody's restart, and by order (E7, E9 "the long bridge outage").
@Suite struct HoldTests {
  private func isHeld(_ world: TestWorld, _ number: Int) -> HoldReason? {
    for item in world.events.reversed() where item.host == world.host(number) {
      switch item.event {
      case .held(_, _, let reason): return reason
      case .acting: return nil
      default: continue
      }
    }
    return nil
  }

  @Test func withoutTheVoterPlayGoesOnWhileAllMembersLive() {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    world.crash(1)
    for round in 0..<20 {
      world.run(1_000)
      let request = world.write(2, "k", "\(round)")
      world.run(50)
      #expect(world.isAcknowledged(request))
    }
    // A short break heals without the voter.
    world.cut(2, 3)
    world.run(1_500)
    #expect(world.acting == [])
    world.heal(2, 3)
    #expect(world.run(atMost: 1_200) { world.acts(2) })
    #expect(world.violations == [])
  }

  @Test func withAMemberGoneTooItIsHeldAndGoesOnWithTheVoter() {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    world.crash(1)
    world.crash(4)
    world.run(2_500)
    #expect(world.acting == [])
    #expect(isHeld(world, 2) == .silent([world.host(4)], voterAnswers: false))
    #expect(world.reply(world.write(2, "k", "1")) == .refused(.held(.silent([world.host(4)], voterAnswers: false))))
    world.restart(1)
    let start = world.time
    #expect(world.run(atMost: 1_000) { world.acts(2) || world.acts(3) })
    #expect(world.time - start < Nanoseconds.milliseconds(50))
    #expect(world.violations == [])
  }

  @Test func anOwnerThatWasReplacedHearsOfItFromItsFollowers() {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    world.cut(2, 1)
    world.run(3_000)
    world.cut(2, 4)
    #expect(world.run(atMost: 10_000) { world.acts(3) || world.acts(4) })
    world.run(1_200)
    #expect(world.view(2)?.isOwner == false)
    #expect(world.violations == [])
  }

  @Test func anOwnerWithoutVotersReleasesToMembersThatHaveOne() {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    world.cut(2, 1)
    world.run(500)
    // Its fellow dies, too: the owner is held and cannot drop it. The other member never missed a heartbeat.
    world.crash(4)
    #expect(world.run(atMost: 6_000) { world.acts(3) })
    #expect(world.nodes[world.host(2)]!.core.counters.releases == 1)
    #expect(world.violations == [])
  }

  @Test func aCleanStopHandsOverAtOnce() {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    let start = world.time
    #expect(!world.nodes[world.host(2)]!.core.isGivingAway)
    world.command(world.host(2), .releaseAll)
    #expect(world.nodes[world.host(2)]!.core.isGivingAway)
    #expect(world.run(atMost: 1_000) { world.acts(3) || world.acts(4) })
    #expect(world.time - start < Nanoseconds.milliseconds(100))
    world.run(500)
    #expect(!world.nodes[world.host(2)]!.core.isGivingAway)
    #expect(world.violations == [])
  }

  /// Its records stood where the log is lost: an empty log is no log, and may not stand although nobody has a longer one.
  @Test func whatStoodInTheLostPartOfALogDoesNotRecoverFromNothing() {
    let world = TestWorld.settled(2, list: [2])
    let request = world.write(2, "k", "1")
    #expect(world.run(atMost: 200) { world.isAcknowledged(request) })
    world.crash(2)
    world.nodes[world.host(2)]!.disk.lose(world.shard)
    world.nodes[world.host(2)]!.disk.strayLoss = StoreFault(
      kind: .segmentHead, file: "log-0000000000000001", offset: 0, shards: nil)
    world.restart(2)
    world.run(5_000)
    #expect(world.view(2)?.rec != nil)
    #expect(world.acting == [])
    #expect(world.view(2)?.isDamaged == true)
  }

  @Test func afterEverybodysRestartTheLongestLogIsFound() {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    var critical: UInt64 = 0
    for number in 0..<10 { critical = world.write(2, "c\(number)", "1") }
    #expect(world.run(atMost: 200) { world.isAcknowledged(critical) })
    world.nodes[world.host(2)]!.disk.isStuck = true
    world.nodes[world.host(4)]!.disk.isStuck = true
    let normal = world.write(2, "n", "1", .normal)
    world.run(200)
    #expect(world.isAcknowledged(normal))
    for number in 2...4 { world.crash(number) }
    for number in 2...4 {
      world.nodes[world.host(number)]!.disk.isStuck = false
      world.restart(number)
    }
    #expect(world.run(atMost: 10_000) { !world.acting.isEmpty })
    // Only host 3 had the normal entry on its disk.
    #expect(world.acting == [3])
    #expect(world.holds(3, "n"))
    for number in 0..<10 { #expect(world.holds(3, "c\(number)")) }
    #expect(world.run(atMost: 10_000) { world.view(3)?.rec?.record.members.count == 3 })
    world.run(500)
    world.expectSame()
    #expect(world.view(3)?.rec?.record.lastLoss == Epoch(2))
    #expect(world.violations == [])
  }

  @Test func whileOneMemberIsMissingNobodyRecovers() {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    world.crash(2)
    world.crash(3)
    world.crash(4)
    world.restart(3)
    world.restart(4)
    world.run(10_000)
    #expect(world.acting == [])
    world.restart(2)
    #expect(world.run(atMost: 5_000) { !world.acting.isEmpty })
    #expect(world.violations == [])
  }

  /// It answered when it still seemed to be a member: nobody waits for a log that recovers nothing any more.
  @Test func whoWasDroppedIsNotWaitedFor() {
    let world = TestWorld.settled(4, list: [3, 2, 4])
    let request = world.write(3, "k", "1")
    #expect(world.run(atMost: 200) { world.isAcknowledged(request) })
    // The owner drops 2, and nobody but the voter hears of it before all restart.
    world.holdsBack = { if case .record = $0.register { true } else { false } }
    world.cut(2, 3)
    world.run(1_200)
    for number in 2...4 { world.crash(number) }
    world.heal(2, 3)
    for number in 2...4 { world.restart(number) }
    world.run(1_000)
    #expect(world.view(3)?.rec?.record.members.count == 3)
    world.holdsBack = { _ in false }
    world.held = []
    #expect(world.run(atMost: 5_000) { world.acts(3) })
    #expect(world.holds(3, "k"))
    #expect(world.violations == [])
  }

  @Test func theOperatorsOrderTakesAShardFromTheDead() {
    let world = TestWorld.settled(4, list: [2, 3])
    world.run(500)
    world.crash(2)
    world.crash(3)
    world.restart(3)
    world.run(3_000)
    #expect(world.acting == [])
    let version = world.view(3)!.rec!.record.version
    // Asked for what is left: the dead one is silent, the other says what it has.
    world.command(world.host(1), .inquire(world.shard))
    world.run(200)
    let left = world.nodes[world.host(1)]!.core.inquiry(of: world.shard) ?? [:]
    #expect(left[world.host(2)] == nil && left[world.host(3)]?.version == version)
    #expect(left[world.host(3)]?.isUsable == true && left[world.host(3)]?.last == world.view(3)?.last)
    #expect(world.view(3)?.rec?.record.members.contains { $0.life == left[world.host(3)]?.life } == false)
    #expect(
      UncleanOrder(shard: world.shard, version: version, host: world.host(3)).signedBytes()
        == Array("mesh-unclean/1".utf8) + order(TestSigner.operatorKey, version).dropLast(64))
    func order(_ key: HostID, _ version: UInt64) -> [UInt8] {
      var bytes: [UInt8] = []
      for value in [world.shard.rawValue, version, UInt64(3)] {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
      }
      let signature = (Array("mesh-unclean/1".utf8) + bytes).withUnsafeBytes { TestSigner.sign($0, as: key) }
      return bytes + signature.withBytes { [UInt8]($0) }
    }
    world.command(world.host(3), .unclean(world.shard, signed: order(world.host(3), version)))
    world.command(world.host(3), .unclean(world.shard, signed: order(TestSigner.operatorKey, version + 1)))
    world.run(1_000)
    #expect(world.acting == [])
    world.command(world.host(3), .unclean(world.shard, signed: order(TestSigner.operatorKey, version)))
    #expect(world.run(atMost: 1_000) { world.acts(3) })
    #expect(world.view(3)?.rec?.record.reason == .unclean)
  }

  @Test func aFailedStoreGivesTheShardAway() {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    world.input(world.host(2), .storeFailed)
    #expect(world.run(atMost: 1_000) { world.acts(3) || world.acts(4) })
    #expect(world.violations == [])
  }

  /// Held without hope, an owner gives up his reign. When no other member lives, there is nobody to
  /// wait for.
  @Test func anOwnerWithoutHeirsBeginsItsReignAnewAtOnce() {
    let world = TestWorld.settled(3, list: [2, 3])
    world.cut(2, 1)
    world.restart(3)
    #expect(
      world.run(atMost: 8_000) { world.events.contains { $0.host == world.host(2) && $0.event.isHeldAsReleased } })
    world.heal(2, 1)
    #expect(world.run(atMost: 2_000) { world.acts(2) })
    #expect(world.violations == [])
  }
}

extension ShardEvent {
  fileprivate var isHeldAsReleased: Bool {
    if case .held(_, _, .released) = self { true } else { false }
  }
}
