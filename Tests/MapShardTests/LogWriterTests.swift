import MapShard
import ShardSim
import Testing
import Wire

let shardA = ShardID(rawValue: 0xa1)
let shardB = ShardID(rawValue: 0xb2)

func smallLog() -> LogSettings {
  var settings = LogSettings(store: 77)
  settings.segmentSize = 32 << 10
  settings.batchLimit = 4 << 10
  settings.snapshotEntries = 60
  settings.snapshotBytes = 8 << 10
  return settings
}

@Suite("Log writer")
struct LogWriterTests {
  @Test("a clean start gives back what was durable")
  func cleanRestart() {
    let host = LogHost(seed: 1, smallLog())
    for _ in 0..<20 {
      host.write(shardA)
      host.write(shardB, 3, .lazy)
      host.run(milliseconds: 20)
    }
    host.append(.register(key: 9, [1, 2, 3]))
    host.run(milliseconds: 100)
    #expect(host.waiting.isEmpty)
    host.restart()
    #expect(host.complaints() == [])
    #expect(host.recovered.shards.register[9] == [1, 2, 3])
    #expect(host.recovered.shards.shards[shardA]?.last.sequence == 20)
  }

  @Test("what arrives during a write forms the next batch: one sync for many")
  func groupCommit() {
    let host = LogHost(seed: 2, smallLog())
    host.run(milliseconds: 20)
    host.write(shardA)
    host.run(milliseconds: 20)
    let before = host.writer.counters.batches
    for _ in 0..<50 { host.write(shardA) }
    host.run(milliseconds: 50)
    #expect(host.waiting.isEmpty)
    #expect(host.writer.counters.batches - before <= 4)
  }

  @Test("a lazy record waits for 50 ms and no longer; an urgent one takes it along")
  func lazyRecords() {
    let host = LogHost(seed: 3, smallLog())
    host.write(shardA)
    host.run(milliseconds: 30)
    host.write(shardB, 1, .lazy)
    host.run(milliseconds: 45)
    #expect(host.waiting.count == 1)
    host.run(milliseconds: 15)
    #expect(host.waiting.isEmpty)
    host.write(shardB, 1, .lazy)
    host.write(shardA)
    host.run(milliseconds: 10)
    #expect(host.waiting.isEmpty)
  }

  @Test("a failed sync is final: nothing later is durable, everything later is refused and counted")
  func failedSync() {
    let host = LogHost(seed: 4, smallLog())
    host.write(shardA)
    host.run(milliseconds: 30)
    host.disk.refusesSync = true
    host.write(shardA)
    host.run(milliseconds: 30)
    let syncs = host.disk.syncs
    #expect(host.writer.admission == .failed)
    #expect(host.events.contains { if case .failed(_, 5) = $0 { true } else { false } })
    host.disk.refusesSync = false
    host.write(shardA)
    host.run(milliseconds: 2_000)
    #expect(host.disk.syncs == syncs)
    #expect(host.writer.counters.refusedAfterFailure > 0)
    #expect(host.durableDeeds[shardA] == 1)
    host.restart()
    #expect(host.complaints() == [])
  }

  @Test("a full disk is met before a write: what was admitted waits and is kept when space is back")
  func fullDisk() {
    let settings = smallLog()
    let host = LogHost(seed: 5, settings)
    host.givesContents = false
    host.write(shardA)
    host.run(milliseconds: 30)
    host.disk.space = host.disk.taken
    for _ in 0..<200 {
      host.write(shardA, 4)
      host.run(milliseconds: 6)
    }
    #expect(host.writer.admission == .full)
    #expect(!host.waiting.isEmpty)
    let waiting = host.waiting.count
    host.run(milliseconds: 5_000)
    #expect(host.waiting.count == waiting)
    host.disk.space = .max
    host.run(milliseconds: 3_000)
    #expect(host.waiting.isEmpty)
    #expect(host.writer.admission == .open)
    host.restart()
    #expect(host.complaints() == [])
  }

  @Test("admission is refused at 90 % of the space given, before anything fails")
  func ninetyPercent() {
    let host = LogHost(seed: 6, smallLog())
    host.write(shardA)
    host.run(milliseconds: 30)
    host.tell(.space(available: 32 << 10))
    #expect(host.writer.admission == .open)
    host.tell(.space(available: 3 << 10))
    #expect(host.writer.admission == .full)
    host.write(shardA)
    host.run(milliseconds: 30)
    #expect(host.waiting.isEmpty)
    host.tell(.space(available: 64 << 10))
    #expect(host.writer.admission == .open)
  }

  @Test("segments go once everything in them is in a snapshot and the window has passed")
  func segmentsAreFreed() {
    var settings = smallLog()
    settings.logWindow = Nanoseconds.seconds(5)
    let host = LogHost(seed: 7, settings)
    for _ in 0..<400 {
      host.write(shardA, 5)
      host.append(.register(key: 1, [UInt8(host.chance.below(256))]))
      host.run(milliseconds: 50)
    }
    #expect(host.writer.counters.segmentsFreed > 3)
    #expect(host.writer.counters.snapshots > 10)
    #expect(host.writer.counters.segmentsShared > 0)
    let logs = host.disk.names.filter { $0.hasPrefix("log-") }
    #expect(logs.count < 9)
    host.restart()
    #expect(host.complaints() == [])
  }

  @Test("an installed content is durable only when its snapshot is whole; tokens keep their order")
  func installedContent() {
    let host = LogHost(seed: 8, smallLog())
    host.write(shardA, 10)
    host.run(milliseconds: 50)
    var state = LogHost.State()
    state.position = Position(epoch: Epoch(4), sequence: 500, hash: 99)
    state.items[[1]] = ShardContent.Item(key: [1], value: [2], entryClass: .critical, sequence: 400)
    host.append(.install(LogHost.content(shardA, state)))
    host.write(shardA, 2, epoch: 4)
    host.write(shardB)
    host.run(milliseconds: 200)
    #expect(host.waiting.isEmpty)
    host.restart()
    #expect(host.complaints() == [])
    #expect(host.recovered.shards.shards[shardA]?.last.sequence == 502)
    #expect(host.recovered.shards.shards[shardA]?.content.items.first?.value == [2])
  }

  @Test("a forgotten shard stays forgotten, and can come back")
  func forgottenShard() {
    let host = LogHost(seed: 9, smallLog())
    for _ in 0..<30 {
      host.write(shardA, 5)
      host.run(milliseconds: 20)
    }
    #expect(host.writer.counters.snapshots > 0)
    host.append(.forget(shardA))
    host.run(milliseconds: 100)
    #expect(!host.disk.names.contains { $0.hasPrefix("snapshot-") })
    host.restart()
    #expect(host.recovered.shards.shards[shardA] == nil)
    host.accept()
    host.write(shardA, 3)
    host.run(milliseconds: 100)
    host.restart()
    #expect(host.complaints() == [])
    #expect(host.recovered.shards.shards[shardA]?.last.sequence == 3)
  }
}
