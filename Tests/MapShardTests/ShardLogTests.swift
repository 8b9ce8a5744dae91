import MapShard
import Testing
import Wire

/// The log of a follower and the state that follows from it.
@Suite struct ShardLogTests {
  @Test func equalEntriesGiveEqualStatesWhateverTheWay() {
    let world = TestWorld.settled(4, list: [2, 3, 4])
    var chance = Chance(seed: 3)
    for number in 0..<300 {
      world.write(
        2, "k\(chance.below(40))", String(repeating: "v", count: chance.below(50)), .normal,
        client: UInt64(chance.below(5)),
        sequence: UInt64(number))
      if chance.happens(0.1) { world.run(UInt64(chance.below(5))) }
    }
    world.run(300)
    world.expectSame()
    // By content, as a snapshot brings it.
    let state = world.view(2)!.state
    let again = ShardState(state.content(of: world.shard))
    #expect(again.content(of: world.shard) == state.content(of: world.shard))
    #expect(again.count == state.count)
    #expect(again.bytes == state.bytes)
  }

  @Test func theOldestClientMakesRoom() {
    var state = ShardState()
    var position = Position.start
    for client in 1...UInt64(ClientSequences.limit + 10) {
      let entry = Entry(
        after: position, epoch: Epoch(1), entryClass: .normal, change: .put, key: [1], value: [], client: client,
        clientSequence: 1, wall: 0)
      state.apply(entry)
      position = entry.position
    }
    let marks = state.content(of: ShardID(rawValue: 1)).clients
    #expect(marks.count == ClientSequences.limit)
    #expect(marks.first?.client == 11)
  }

  @Test func aDeletedKeyIsGone() {
    let world = TestWorld.settled()
    world.write(1, "k", "1")
    world.run(50)
    world.command(
      world.host(1),
      .write(world.shard, WriteRequest(entryClass: .normal, change: .delete, key: Array("k".utf8)), request: 900))
    world.run(50)
    #expect(world.read(1, "k") == .value(nil, sequence: 0))
    #expect(world.view(1)?.state.count == 0)
    #expect(world.view(1)?.state.bytes == 0)
  }

  @Test func whatIsTooLargeIsRefused() {
    let world = TestWorld.settled()
    let key = String(repeating: "k", count: Entry.keyLimit + 1)
    #expect(world.reply(world.write(1, key, "1")) == .refused(.tooLarge))
    #expect(world.reply(world.write(1, "", "1")) == .refused(.tooLarge))
    let value = String(repeating: "v", count: Entry.valueLimit + 1)
    #expect(world.reply(world.write(1, "k", value)) == .refused(.tooLarge))
    // A megabyte waits for acknowledgement; more is not admitted.
    let large = String(repeating: "v", count: Entry.valueLimit)
    var isBusy = false
    for number in 0..<20 { isBusy = world.reply(world.write(1, "k\(number)", large)) == .refused(.busy) || isBusy }
    #expect(isBusy)
    #expect(world.run(atMost: 2_000) { world.view(1)?.acked == world.view(1)?.log.last.sequence })
    world.run(200)
    world.expectSame()
  }
}
