import ArgumentParser
import EventLoop
import FoundationEssentials
import Glibc
import MapShard
import MeshNode
import Wire

/// The shard log against the raw disk, in one run on one file system: a loop that writes as many bytes to a file of the
/// same size, made the same way, and syncs as often.
struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Durable updates per second of the shard log, beside raw writes with a sync each.")

  @Option(help: "A folder on the disk that is measured; a new folder is made in it and removed.") var folder = "."
  @Option(help: "For how long each figure is taken.") var seconds = 3.0
  @Option(help: "Bytes of a value.") var valueSize = 60
  @Flag(help: "Print JSON.") var json = false

  static let groups = [1, 16, 128]

  struct Row: Encodable {
    var group: Int
    var logUpdatesPerS: Double
    var logMsPerCommit: Double
    var rawUpdatesPerS: Double
    var rawMsPerCommit: Double
    /// Updates of the log for each one of the raw disk.
    var ratio: Double
  }

  func run() throws { try report(measured()) }

  /// The same for the one table.
  func benchRows() throws -> [BenchRow] {
    try measured().map { row in
      BenchRow(
        what: "shard log, \(row.group) updates per commit, durable", measured: row.logUpdatesPerS, unit: "/s",
        reference: "raw write + fdatasync", referenceMeasured: row.rawUpdatesPerS)
    }
  }

  private func measured() throws -> [Row] {
    var template = Array("\(folder)/mesh-bench-log-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw ValidationError("cannot make a folder in \(folder)") }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { removeAll(path) }
    var rows: [Row] = []
    for group in LogCommand.groups {
      let log = try measureLog(path, group)
      let raw = try measureRaw(path, group, bytes: log.bytesPerCommit)
      rows.append(
        Row(
          group: group, logUpdatesPerS: log.commits * Double(group) / log.seconds,
          logMsPerCommit: log.seconds / log.commits * 1_000, rawUpdatesPerS: raw.commits * Double(group) / raw.seconds,
          rawMsPerCommit: raw.seconds / raw.commits * 1_000,
          ratio: (log.commits / log.seconds) / (raw.commits / raw.seconds)))
    }
    return rows
  }

  private func report(_ rows: [Row]) throws {
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      encoder.keyEncodingStrategy = .convertToSnakeCase
      print(String(decoding: try encoder.encode(rows), as: UTF8.self))
      return
    }
    print(
      "| updates per commit | shard log, updates/s | ms per commit | raw write + fdatasync, updates/s | ms per commit | log / raw |"
    )
    print("|---|---|---|---|---|---|")
    for row in rows {
      print(
        "| \(row.group) | \(Int(row.logUpdatesPerS)) | \(rounded(row.logMsPerCommit)) | \(Int(row.rawUpdatesPerS)) | "
          + "\(rounded(row.rawMsPerCommit)) | \(rounded(row.ratio)) |")
    }
  }

  private func rounded(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }

  private struct Measure {
    var commits: Double
    var seconds: Double
    var bytesPerCommit = 0
  }

  /// Groups of entries, each durable before the next one is given: what one shard with so many writers at once sees.
  private func measureLog(_ path: String, _ group: Int) throws -> Measure {
    let place = path + "/store-\(group)"
    try Files.makeDirectory(place)
    let disk = StoreFolder(place)
    var settings = LogSettings(store: 1)
    // Snapshots would be measured with it.
    settings.snapshotEntries = .max
    settings.snapshotBytes = .max
    settings.snapshotAge = .max
    var effects = LogEffects()
    var writer = LogWriter(
      settings, entropy: BenchEntropy(), recovered: LogRecovery.run(disk, settings: settings), now: SystemClock.now,
      into: &effects)
    var position = Position.start
    let shard = ShardID(rawValue: 1)
    let value = [UInt8](repeating: 7, count: valueSize)
    var token: UInt64 = 0
    func commit() throws {
      var entries: [Entry] = []
      for index in 0..<group {
        let entry = Entry(
          after: position, epoch: Epoch(1), entryClass: .critical, change: .put, key: Array("character-\(index)".utf8),
          value: value, wall: SystemClock.now.wall)
        entries.append(entry)
        position = entry.position
      }
      token += 1
      writer.append(.entries(shard, entries), urgency: .urgent, token: token, now: SystemClock.now, into: &effects)
      var isDurable = false
      while !isDurable {
        let taken = effects
        effects.removeAll()
        guard !taken.jobs.isEmpty || taken.durable.contains(token) else { throw ValidationError("the log has stopped") }
        isDurable = taken.durable.contains(token)
        for job in taken.jobs {
          switch disk.perform(job) {
          case .success(let reads):
            writer.handle(.done(job.lane, job.number, reads: reads), now: SystemClock.now, into: &effects)
          case .failure(let failure): throw ValidationError("the disk refuses: error \(failure.code)")
          }
        }
      }
    }
    // The first commits wait for a segment.
    for _ in 0..<20 { try commit() }
    let before = writer.counters
    let start = SystemClock.now.monotonic
    var commits = 0.0
    while Double(SystemClock.now.monotonic - start) < seconds * 1e9 {
      try commit()
      commits += 1
    }
    let elapsed = Double(SystemClock.now.monotonic - start) / 1e9
    let bytes = writer.counters.batchBytes - before.batchBytes
    return Measure(commits: commits, seconds: elapsed, bytesPerCommit: Int(Double(bytes) / commits))
  }

  /// The same bytes to a reserved file that was written with zeros once, with a sync after each write.
  private func measureRaw(_ path: String, _ group: Int, bytes: Int) throws -> Measure {
    let size = 64 << 20
    let file = try File.open(path + "/raw-\(group)", [.write, .create])
    defer { file.close() }
    let zeros = [UInt8](repeating: 0, count: 1 << 20)
    for offset in stride(from: 0, to: size, by: zeros.count) { try file.write(zeros, at: UInt64(offset)) }
    try file.synchronizeData()
    let block = [UInt8](repeating: 5, count: bytes)
    let start = SystemClock.now.monotonic
    var commits = 0.0
    var offset = 0
    while Double(SystemClock.now.monotonic - start) < seconds * 1e9 {
      if offset + bytes > size { offset = 0 }
      try file.write(block, at: UInt64(offset))
      try file.synchronizeData()
      offset += bytes
      commits += 1
    }
    return Measure(commits: commits, seconds: Double(SystemClock.now.monotonic - start) / 1e9)
  }

  private func removeAll(_ path: String) {
    for name in (try? Files.list(path)) ?? [] {
      let inner = path + "/" + name
      for file in (try? Files.list(inner)) ?? [] { try? Files.remove(inner + "/" + file) }
      if (try? Files.remove(inner)) == nil { try? Files.removeDirectory(inner) }
    }
    try? Files.removeDirectory(path)
  }
}

private final class BenchEntropy: Entropy {
  private var chance = Chance(seed: 1)
  func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: chance.next()) }
  }
}
