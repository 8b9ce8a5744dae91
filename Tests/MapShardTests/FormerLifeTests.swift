import MapShard
import Testing
import Wire

/// Writes that go on to the owner, and what was meant for a life that is over.
@Suite struct FormerLifeTests {
  @Test func aWriteGoesOnToTheOwner() {
    let world = TestWorld.settled()
    let write = world.write(2, "zeny", "100")
    #expect(world.run(atMost: 200) { world.reply(write) != nil })
    #expect(world.reply(write) == .acknowledged(epoch: Epoch(1), sequence: 1))
    #expect(world.violations == [])
  }

  /// The owner's host has restarted and nobody has taken the shard yet. Its new life would answer, but not as the owner:
  /// who asks is told at once that there is none, and does not wait for an answer that cannot come.
  @Test func aDeadLifeIsSentNothing() {
    let world = TestWorld.settled()
    let owner = world.member(1)
    world.holdsBack = { if case .propose? = $0.register { true } else { false } }
    world.restart(1)
    world.run(50)
    #expect(world.member(1) != owner && world.view(2)?.rec?.record.owner == owner)
    var forwarded = 0
    world.holdsBack = { message in
      if case .forward? = message.register { forwarded += 1 }
      if case .propose? = message.register { return true }
      return false
    }
    let write = world.write(2, "zeny", "100")
    #expect(world.reply(write) == .refused(.notOwner(owner)))
    #expect(forwarded == 0)
    #expect(world.violations == [])
  }

  /// The answer to a heartbeat of a former life, which a channel has kept for a moment, promises the next one nothing.
  @Test func aPromiseToAFormerLifeIsNoneToTheNext() {
    let world = TestWorld.settled()
    var answers: [[UInt8]] = []
    world.holdsBack = { message in
      guard case .heartbeat(let bytes, _) = message.event, message.to == world.host(1) else { return false }
      if bytes.first == 2 { answers.append(bytes) }
      return false
    }
    #expect(world.run(atMost: 1_000) { !answers.isEmpty })
    world.restart(1)
    let before = world.nodes[world.host(1)]!.core.counters
    answers[0].withUnsafeBytes { world.input(world.host(1), .heartbeat($0, from: world.member(2))) }
    answers[0].withUnsafeBytes { world.input(world.host(1), .heartbeat($0, from: world.member(3))) }
    let after = world.nodes[world.host(1)]!.core.counters
    #expect(after.heartbeatAnswers == before.heartbeatAnswers)
    #expect(after.otherLife == before.otherLife + 1, "one of the two is of that member's life")
  }

  /// A host forwards a write and restarts; the owner answers late. The next life has forwarded another write under the
  /// same number, and must not take the answer for that one's: its client would be told that it is written.
  @Test func anAnswerToAFormerLifeIsNoAnswerToTheNext() {
    let world = TestWorld.settled(3, list: [1, 3])
    world.place([1, 2, 3])
    #expect(world.run(atMost: 3_000) { world.view(1)?.rec?.record.members.count == 3 })
    world.holdsBack = { if case .appended? = $0.replica { true } else { false } }
    let first = world.write(2, "zeny", "100")
    world.run(20)
    #expect(world.reply(first) == nil && world.view(1)?.log.last.sequence == 1)
    world.restart(2)
    // The new life is a member only when the owner has dropped the former one; until then it can only forward.
    #expect(world.run(atMost: 3_000) { world.view(2)?.rec != nil })
    let second = world.write(2, "zeny", "200")
    world.run(20)
    world.holdsBack = { _ in false }
    world.letGo()
    #expect(world.run(atMost: 3_000) { world.reply(second) != nil })
    #expect(world.reply(second) == .acknowledged(epoch: Epoch(1), sequence: 2))
    #expect(world.violations == [])
  }
}
