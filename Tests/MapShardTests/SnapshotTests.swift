import MapShard
import ShardSim
import Testing
import Wire

@Suite("Snapshots")
struct SnapshotTests {
  private static func content(_ count: Int, seed: UInt64, at sequence: UInt64 = 1) -> ShardContent {
    var chance = Chance(seed: seed)
    let items = (0..<count).map { index in
      ShardContent.Item(
        key: Array("character/\(100_000 + index)/inventory".utf8),
        value: (0..<100).map { _ in UInt8(truncatingIfNeeded: chance.next() & 15) }, entryClass: .critical,
        sequence: sequence)
    }
    return ShardContent(
      shard: shardA, position: Position(epoch: Epoch(1), sequence: sequence, hash: 5), items: items,
      clients: [ShardContent.ClientMark(client: 3, clientSequence: 9, epoch: Epoch(1), sequence: sequence)])
  }

  private static func settings() -> LogSettings {
    var settings = LogSettings(store: 77)
    settings.segmentSize = 256 << 10
    settings.batchLimit = 64 << 10
    return settings
  }

  @Test("a content travels and comes back; unsorted, doubled, cut short or oversized ones are refused")
  func contentLayout() throws {
    let content = SnapshotTests.content(50, seed: 1)
    let bytes = try #require(content.encoded())
    #expect(bytes.count == content.encodedSize)
    func read(_ bytes: [UInt8]) -> ShardContent? {
      bytes.withUnsafeBytes { buffer in
        var reader = Reader(buffer)
        guard let content = try? ShardContent(&reader), (try? reader.expectEnd()) != nil else { return nil }
        return content
      }
    }
    #expect(read(bytes) == content)
    for count in 0..<bytes.count { #expect(read(Array(bytes[..<count])) == nil) }
    var unsorted = content
    unsorted.items.swapAt(3, 4)
    #expect(try read(#require(unsorted.encoded())) == nil)
    var doubled = content
    doubled.items[4] = doubled.items[3]
    #expect(try read(#require(doubled.encoded())) == nil)
    var many = content
    many.clients = (0...UInt64(ShardContent.clientsLimit)).map {
      ShardContent.ClientMark(client: $0, clientSequence: 1, epoch: .none, sequence: 0)
    }
    #expect(many.encoded() == nil)
  }

  @Test("unchanged blocks are shared with the snapshot before, a changed value costs one block")
  func sharing() throws {
    let host = LogHost(seed: 1, SnapshotTests.settings())
    var content = SnapshotTests.content(2_000, seed: 2)
    host.append(.install(content))
    host.run(milliseconds: 200)
    let first = try #require(host.writer.history(of: shardA).last)
    #expect(first.blocks.count > 10)
    content.items[777].value = [1, 2, 3]
    content.position.sequence += 1
    host.append(.install(content))
    host.run(milliseconds: 200)
    let second = try #require(host.writer.history(of: shardA).last)
    #expect(second.blocks.filter { $0.file == second.number }.count == 1)
    #expect(second.root != first.root)
    func size(_ snapshot: Snapshot) -> Int {
      host.disk.bytes("snapshot-\(shardA)-000000000000000\(snapshot.number)").count
    }
    #expect(size(second) < size(first) / 8)
    host.restart()
    #expect(host.recovered.shards.shards[shardA]?.content == content)
  }

  @Test("content moves off files that are mostly dead; nothing is left that nobody needs")
  func collection() throws {
    let host = LogHost(seed: 3, SnapshotTests.settings())
    var content = SnapshotTests.content(1_000, seed: 3)
    for round in 0..<60 {
      for index in 0..<1_000 where index % 60 == round % 60 || host.chance.happens(0.01) {
        content.items[index].value = [UInt8(round), UInt8(index & 255)]
      }
      content.position.sequence += 1
      host.append(.install(content))
      // 10 minutes: the history keeps the last of each hour.
      host.run(milliseconds: 600_000)
    }
    let history = host.writer.history(of: shardA)
    #expect((10...16).contains(history.count), "\(history.count)")
    let needed = Set(history.flatMap { $0.blocks.map(\.file) } + history.map(\.number))
    let there = host.disk.names.filter { $0.hasPrefix("snapshot-") }
    #expect(there.count == needed.count)
    let newest = try #require(history.last)
    #expect(Set(newest.blocks.map(\.file)).count < 30)
    host.restart()
    #expect(host.complaints() == [])
    #expect(host.recovered.shards.shards[shardA]?.content == content)
  }

  @Test("history: the newest two, the last of each hour for a day, the last of each day for a week")
  func retention() {
    let hour = Nanoseconds.seconds(3_600)
    let start = hour * 24 * 20_000
    let tenMinutes = hour / 6
    var snapshots: [Snapshot] = []
    for index in 0..<1_440 as Range<UInt64> {
      snapshots.append(
        Snapshot(
          shard: shardA, number: index + 1, position: .start, covers: 0, wall: start + index * tenMinutes, keys: 0,
          size: 0, blocks: []))
    }
    let now: UInt64 = start + 240 * hour
    let kept: [UInt64] = History.kept(snapshots, wall: now)
    #expect(kept.suffix(2) == [1_439, 1_440])
    // The last 24 hours begin at number 1,297; the hours before that leave one a day.
    let hourly = kept.filter { (number: UInt64) -> Bool in number > 1_296 }
    #expect(hourly.count == 25)
    #expect(kept.count == 25 + 6)
  }

  @Test("a snapshot of the history can be read, compared and brought back as writes")
  func restore() throws {
    let host = LogHost(seed: 4, SnapshotTests.settings())
    let old = SnapshotTests.content(500, seed: 5)
    host.append(.install(old))
    host.run(milliseconds: 200)
    var new = old
    new.position.sequence = 9
    new.items[10].value = [7]
    new.items.remove(at: 20)
    new.items.append(
      ShardContent.Item(key: Array("zz".utf8), value: [1], entryClass: .normal, sequence: 9))
    host.append(.install(new))
    host.run(milliseconds: 200)
    let history = host.writer.history(of: shardA)
    #expect(history.count == 2)
    host.fetch(shardA, history[0].number, request: 1)
    host.fetch(shardA, history[1].number, request: 2)
    host.fetch(shardA, 99, request: 3)
    host.run(milliseconds: 200)
    let first = try #require(try host.fetched[1]?.get())
    let second = try #require(try host.fetched[2]?.get())
    #expect(first == old)
    #expect(second == new)
    #expect(throws: SnapshotRefusal.unknown) { try host.fetched[3]?.get() }
    let difference = ContentDifference(from: second, to: first)
    #expect(difference.added == 1 && difference.changed == 1 && difference.removed == 1)
    // Applied, they give the old content.
    var items = Dictionary(second.items.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    for change in difference.changes {
      switch change {
      case .put(let item): items[item.key] = item.value
      case .delete(let key, _): items[key] = nil
      }
    }
    #expect(items == Dictionary(old.items.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }))
    #expect(ContentDifference(from: old, to: old).changes.isEmpty)
  }

  @Test("the scrub finds a damaged file of the history and of the log, and the next snapshot repairs what is in use")
  func scrub() throws {
    var settings = SnapshotTests.settings()
    settings.scrubPeriod = Nanoseconds.seconds(2_400)
    settings.scrubRate = 1 << 30
    let host = LogHost(seed: 6, settings)
    host.write(shardA, 60, valueSize: 2_000)
    host.run(milliseconds: 70_000)
    let snapshot = try #require(host.writer.history(of: shardA).last)
    let name = StoreFile.snapshot(shardA, snapshot.number).name
    host.disk.flip(name, bit: 8 * 200)
    host.run(milliseconds: 60_000)
    #expect(host.events.contains { if case .damaged(let fault) = $0 { fault.file == name } else { false } })
    let repaired = try #require(host.writer.history(of: shardA).last)
    #expect(repaired.number > snapshot.number)
    #expect(repaired.blocks.allSatisfy { $0.file != snapshot.number })
    #expect(host.events.contains { if case .scrubbed(_, 1) = $0 { true } else { false } })
    host.restart()
    #expect(host.recovered.shards.shards[shardA]?.damaged == false)
    #expect(host.recovered.shards.shards[shardA]?.last == host.state(of: shardA).position)
  }

  @Test("a damaged newest snapshot falls back to the one before and the log")
  func fallback() throws {
    var settings = SnapshotTests.settings()
    settings.snapshotEntries = 20
    let host = LogHost(seed: 7, settings)
    for _ in 0..<12 {
      host.write(shardA, 5, valueSize: 400)
      host.run(milliseconds: 200)
    }
    #expect(host.writer.history(of: shardA).count == 2)
    let newest = try #require(host.writer.history(of: shardA).last)
    host.disk.flip(StoreFile.snapshot(shardA, newest.number).name, bit: 8 * 40)
    host.restart()
    #expect(host.recovered.shards.faults.contains { $0.kind == .snapshotSegment })
    #expect(host.recovered.shards.shards[shardA]?.damaged == false)
    #expect(host.recovered.shards.shards[shardA]?.last == host.state(of: shardA).position)
  }

  @Test("a block that claims more than it can hold is refused before memory is taken")
  func bombs() {
    let stored = [UInt8](repeating: 0, count: 100)
    let check = SnapshotBlock.check(stored)
    for size in [0, 26_000, 256 << 10, (256 << 10) + 1, 1 << 30] {
      #expect(SnapshotBlock.unpack(stored, rawSize: size, check: check) == nil)
    }
    let honest = [UInt8](repeating: 7, count: 20_000)
    #expect(SnapshotBlock.roundTrip(honest) == honest)
    #expect(SnapshotBlock.roundTrip([1]) == [1])
  }
}
