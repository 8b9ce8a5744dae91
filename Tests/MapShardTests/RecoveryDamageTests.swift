import MapShard
import ShardSim
import Testing
import Wire

@Suite("Recovery from damage")
struct RecoveryDamageTests {
  /// Two shards, a voter's state, two segments, a snapshot with shared blocks and entries behind it.
  private static func smallStore() -> LogHost {
    var settings = LogSettings(store: 77)
    settings.segmentSize = 6 << 10
    settings.batchLimit = 1 << 10
    settings.snapshotEntries = 12
    let host = LogHost(seed: 11, settings)
    host.append(.register(key: 1, [9, 9, 9]))
    for _ in 0..<7 {
      host.write(shardA, 2, valueSize: 30)
      host.append(.register(key: 2, [UInt8(host.chance.below(200))]))
      host.run(milliseconds: 70)
    }
    host.write(shardB, 2, valueSize: 30)
    host.run(milliseconds: 70)
    return host
  }

  @Test("every single flipped bit of the store is found and named; no shard comes back changed without saying so")
  func everyBit() throws {
    let host = RecoveryDamageTests.smallStore()
    host.restart()
    #expect(host.complaints() == [])
    #expect(host.disk.names.contains { $0.hasPrefix("snapshot-") })
    #expect(host.disk.names.filter { $0.hasPrefix("log-") }.count >= 2)
    var flips = 0
    for name in host.disk.names {
      for bit in 0..<host.disk.bytes(name).count * 8 {
        host.disk.flip(name, bit: bit)
        defer { host.disk.flip(name, bit: bit) }
        flips += 1
        let found = LogRecovery.run(host.disk, settings: host.settings)
        let isNamed = found.shards.faults.contains { $0.file == name && $0.offset <= UInt64(bit / 8) }
        let isScrubbed = isNamed || RecoveryDamageTests.scrubFinds(name, host)
        try #require(isScrubbed, "\(name) bit \(bit): \(found.shards.faults)")
        for shard in [shardA, shardB] where found.shards.shards[shard]?.damaged != true {
          if found.shards.shards[shard] == nil, found.shards.strayLoss != nil { continue }
          let whole = found.shards.shards[shard].map { LogHost.apply([.install($0.content), .entries($0.entries)]) }
          try #require(whole == host.state(of: shard), "\(name) bit \(bit): shard \(shard) is changed")
        }
        if !found.shards.registerDamaged {
          try #require(found.shards.register == host.recovered.shards.register, "\(name) bit \(bit): register")
        }
      }
    }
    #expect(flips > 50_000)
  }

  /// A start with the damage in place, and a pass of the scrub.
  private static func scrubFinds(_ name: String, _ host: LogHost) -> Bool {
    var settings = host.settings
    settings.scrubPeriod = Nanoseconds.seconds(24)
    settings.scrubRate = 1 << 30
    let other = LogHost(seed: 5, disk: host.disk.copy(), settings)
    other.givesContents = false
    other.run(milliseconds: 4_000)
    return other.events.contains { if case .damaged(let fault) = $0 { fault.file == name } else { false } }
  }

  @Test("a damaged newest batch is not taken for a torn write")
  func damagedTail() throws {
    let host = RecoveryDamageTests.smallStore()
    host.restart()
    let logs = host.disk.names.filter {
      $0.hasPrefix("log-") && !host.disk.bytes($0).dropFirst(1024).allSatisfy { $0 == 0 }
    }
    let last = try #require(logs.last)
    let bytes = host.disk.bytes(last)
    let end = try #require(bytes.lastIndex { $0 != 0 })
    host.disk.flip(last, bit: end * 8)
    let found = LogRecovery.run(host.disk, settings: host.settings).shards
    #expect(found.tornTail == nil)
    #expect(found.shards[shardB]?.damaged == true)
    #expect(found.shards[shardB]?.damage?.file == last)
    #expect(found.shards[shardA]?.damaged == false)
    // The finding stays over further lives.
    host.restart()
    host.accept()
    host.write(shardA)
    host.run(milliseconds: 100)
    host.restart()
    #expect(host.recovered.shards.shards[shardB]?.damaged == true)
    #expect(host.recovered.shards.shards[shardA]?.damaged == false)
  }

  @Test("a loss that nobody can name is remembered when its segment is gone")
  func strayLossStays() throws {
    let host = RecoveryDamageTests.smallStore()
    host.restart()
    let log = try #require(host.disk.names.first { $0.hasPrefix("log-") })
    for bit in [0, 512 * 8] { host.disk.flip(log, bit: bit) }
    host.restart()
    #expect(host.recovered.shards.strayLoss != nil)
    host.accept()
    // Enough for further segments, each with its checkpoint.
    for _ in 0..<12 {
      host.write(shardA, 2, valueSize: 300)
      host.run(milliseconds: 70)
    }
    host.disk.remove(log)
    for other in host.disk.names.filter({ $0.hasPrefix("log-") }).dropLast(2) { host.disk.remove(other) }
    let found = LogRecovery.run(host.disk, settings: host.settings).shards
    #expect(found.strayLoss != nil)
    // What has no content but a record is not taken for empty, what a snapshot holds is whole.
    #expect(found.shards[shardA]?.damaged == false)
  }

  @Test("a torn newest batch is cut and said; what was durable stays")
  func tornTail() throws {
    let host = RecoveryDamageTests.smallStore()
    host.givesContents = false
    host.write(shardB, 11, valueSize: 100)
    host.run(milliseconds: 70)
    host.restart()
    let logs = host.disk.names.filter {
      $0.hasPrefix("log-") && !host.disk.bytes($0).dropFirst(1024).allSatisfy { $0 == 0 }
    }
    let last = try #require(logs.last)
    var bytes = host.disk.bytes(last)
    // The last sector that was written becomes as it was before.
    let sector = try #require(bytes.lastIndex { $0 != 0 }) / 512
    bytes.replaceSubrange(sector * 512..<sector * 512 + 512, with: [UInt8](repeating: 0, count: 512))
    host.disk.replace(last, bytes)
    let found = LogRecovery.run(host.disk, settings: host.settings).shards
    #expect(found.tornTail?.file == last)
    #expect(found.faults == [])
    #expect(found.shards[shardB]?.damaged == false)
    #expect(found.shards[shardB]?.last.sequence ?? 0 < host.state(of: shardB).position.sequence)
  }

  @Test("lost files are found missing: a segment in the middle, the newest snapshot")
  func lostFiles() throws {
    let host = RecoveryDamageTests.smallStore()
    host.restart()
    let logs = host.disk.names.filter { $0.hasPrefix("log-") }
    let first = host.disk.bytes(logs[0])
    host.disk.remove(logs[0])
    var found = LogRecovery.run(host.disk, settings: host.settings).shards
    #expect(found.registerDamaged || found.register == host.recovered.shards.register)
    host.disk.replace(logs[0], first)
    let snapshots = host.disk.names.filter { $0.hasPrefix("snapshot-") }
    for name in snapshots { host.disk.remove(name) }
    found = LogRecovery.run(host.disk, settings: host.settings).shards
    // The whole log is there: it gives the same state.
    #expect(found.shards[shardA]?.damaged == false)
    #expect(found.shards[shardA]?.last == host.state(of: shardA).position)
    host.disk.remove(logs[0])
    found = LogRecovery.run(host.disk, settings: host.settings).shards
    #expect(found.shards[shardA]?.damaged == true)
  }

  @Test("a segment of which a crash has left no whole batch is no damage for the scrub")
  func segmentWithoutBatches() throws {
    var settings = LogSettings(store: 77)
    settings.segmentSize = 6 << 10
    settings.batchLimit = 2 << 10
    settings.scrubPeriod = Nanoseconds.seconds(24)
    settings.scrubRate = 1 << 30
    let host = LogHost(seed: 11, settings)
    // Until a further segment has its first batch, of several sectors.
    var file = ""
    for _ in 0..<40 where file.isEmpty {
      host.write(shardA, 4, valueSize: 300, .urgent)
      host.run(milliseconds: 20)
      file =
        host.disk.names.dropFirst().last {
          $0.hasPrefix("log-") && !host.disk.bytes($0).dropFirst(1024).allSatisfy { $0 == 0 }
        } ?? ""
    }
    try #require(!file.isEmpty)
    let bytes = host.disk.bytes(file)
    host.disk.replace(file, bytes[..<1536] + [UInt8](repeating: 0, count: bytes.count - 1536))
    host.restart()
    #expect(host.recovered.shards.tornTail != nil && host.recovered.shards.faults.isEmpty)
    host.accept()
    host.run(milliseconds: 4_000)
    #expect(host.disk.bytes(file).count == 1024, "only its head is left")
    #expect(host.events.contains { if case .scrubbed(let bytes, 0) = $0 { bytes > 0 } else { false } })
    #expect(host.events.allSatisfy { if case .damaged = $0 { false } else { true } })
  }

  @Test("a segment of which a crash has left one copy of the head and no batch is no damage", arguments: [0, 1])
  func halfAHead(copy: Int) throws {
    let host = LogHost(seed: 12, LogSettings(store: 77))
    host.write(shardA, 1, valueSize: 300, .urgent)
    host.run(milliseconds: 20)
    let file = "log-0000000000000009"
    var bytes = host.disk.bytes("log-0000000000000001")
    bytes.replaceSubrange(1024..., with: [UInt8](repeating: 0, count: bytes.count - 1024))
    bytes.replaceSubrange(512 * copy..<512 * (copy + 1), with: [UInt8](repeating: 0, count: 512))
    host.disk.replace(file, bytes)
    host.restart()
    #expect(host.recovered.shards.faults.isEmpty && host.recovered.shards.shards[shardA]?.damaged == false)
    host.accept()
    host.run(milliseconds: 100)
    #expect(!host.disk.names.contains(file), "it is taken away")
  }

  @Test("a file of another store is refused and named")
  func foreignFile() throws {
    let host = RecoveryDamageTests.smallStore()
    var settings = host.settings
    settings.store = 78
    let found = LogRecovery.run(host.disk, settings: settings).shards
    #expect(found.faults.contains { $0.kind == .foreign })
    #expect(found.register.isEmpty)
    #expect(found.shards.values.allSatisfy { $0.damaged })
  }

  @Test("a disk that refuses to read is a fault with a name")
  func unreadable() throws {
    let host = RecoveryDamageTests.smallStore()
    let name = try #require(host.disk.names.first { $0.hasPrefix("log-") })
    host.disk.refusesReads = [name]
    let found = LogRecovery.run(host.disk, settings: host.settings).shards
    #expect(found.faults.contains { $0.kind == .unreadable && $0.file == name })
  }
}
