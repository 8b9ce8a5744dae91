import MapShard
import Testing
import Wire

/// An earlier state of a shard is put in place: as entries of a new reign.
@Suite struct RestoreTests {
  private func content(_ world: TestWorld, _ items: [String: String]) -> ShardContent {
    ShardContent(
      shard: world.shard, position: .start,
      items: items.sorted { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }.map {
        ShardContent.Item(key: Array($0.key.utf8), value: Array($0.value.utf8), entryClass: .critical, sequence: 1)
      })
  }

  private func text(_ world: TestWorld, _ number: Int, _ key: String) -> String? {
    guard case .value(let value?, _)? = world.read(number, key) else { return nil }
    return String(decoding: value, as: UTF8.self)
  }

  private func filled() -> TestWorld {
    let world = TestWorld.settled()
    var last: UInt64 = 0
    for (key, value) in [("a", "1"), ("b", "2"), ("c", "3")] { last = world.write(1, key, value) }
    #expect(world.run(atMost: 200) { world.reply(last) != nil })
    return world
  }

  @Test func theStateIsPutInPlaceInANewReign() throws {
    let world = filled()
    // One value differs, one key is new, one is gone since; a write comes while it goes on.
    world.command(
      world.host(1), .restore(world.shard, to: content(world, ["a": "1", "b": "old", "d": "4"]), request: 900))
    let during = world.write(1, "e", "5")
    #expect(world.reply(during) == nil, "it waits")
    #expect(world.run(atMost: 1_000) { world.reply(900) != nil && world.reply(during) != nil })
    guard case .restored(let result)? = world.reply(900) else {
      Issue.record("\(String(describing: world.reply(900)))")
      return
    }
    #expect(result == ShardReply.Restored(epoch: Epoch(2), sequence: 6, added: 1, changed: 1, removed: 1))
    #expect(world.reply(during) == .acknowledged(epoch: Epoch(2), sequence: 7))
    #expect(world.view(1)?.rec?.record.owner == world.member(1) && world.view(1)?.rec?.record.epoch == Epoch(2))
    #expect(["a", "b", "c", "d", "e"].map { text(world, 1, $0) } == ["1", "old", nil, "4", "5"])
    world.run(200)
    world.expectSame()
    #expect(world.violations == [])
  }

  /// Its last entry is acknowledged like any: the next owner has it.
  @Test func whatIsRestoredOutlivesTheOwner() {
    let world = filled()
    world.command(world.host(1), .restore(world.shard, to: content(world, ["x": "y"]), request: 900))
    #expect(world.run(atMost: 1_000) { world.reply(900) != nil })
    world.crash(1)
    world.restart(1)
    #expect(world.run(atMost: 3_000) { world.acting.count == 1 && world.acting != [1] })
    #expect(text(world, world.acting[0], "x") == "y")
    #expect(text(world, world.acting[0], "a") == nil)
    #expect(world.violations == [])
  }

  /// More than copies take at once goes in portions.
  @Test func aLargeStateGoesInPortions() {
    let world = filled()
    let value = String(repeating: "v", count: 100 << 10)
    var items: [String: String] = [:]
    for number in 0..<120 { items["key\(number)"] = value }
    world.command(world.host(1), .restore(world.shard, to: content(world, items), request: 900))
    #expect(world.run(atMost: 10_000) { world.reply(900) != nil })
    guard case .restored(let result)? = world.reply(900) else {
      Issue.record("\(String(describing: world.reply(900)))")
      return
    }
    #expect(result.added == 120 && result.removed == 3)
    #expect(world.view(1)?.rec?.record.members.count == 3, "nobody was left behind")
    world.run(500)
    world.expectSame()
    #expect(world.violations == [])
  }

  @Test func whoMayNotActDoesNotRestore() {
    let world = filled()
    world.command(world.host(2), .restore(world.shard, to: content(world, [:]), request: 900))
    guard case .refused(.notOwner)? = world.reply(900) else {
      Issue.record("\(String(describing: world.reply(900)))")
      return
    }
    // The owner gives up while the voter's answer is out: who asked is told so.
    world.holdsBack = { if case .propose? = $0.register { true } else { false } }
    world.command(world.host(1), .restore(world.shard, to: content(world, [:]), request: 901))
    world.command(world.host(1), .restore(world.shard, to: content(world, [:]), request: 902))
    #expect(world.reply(902) == .refused(.busy), "one after the other")
    world.command(world.host(1), .releaseAll)
    #expect(world.run(atMost: 1_000) { world.reply(901) != nil })
    guard case .refused? = world.reply(901) else {
      Issue.record("\(String(describing: world.reply(901)))")
      return
    }
    #expect(text(world, 1, "a") == nil, "it acts no more")
    #expect(world.violations == [])
  }
}
