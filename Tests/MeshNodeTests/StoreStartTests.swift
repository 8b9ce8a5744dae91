import Control
import Glibc
import KeyStore
import MapShard
import MeshNode
import SecureChannel
import Testing
import Wire

/// What a start makes of a store whose files are damaged, and what is said of it.
@Suite("Start of a store")
struct StoreStartTests {
  private let host = HostID(rawValue: 0x1122_3344_5566_7788)

  private func entropy() throws -> SodiumEntropy { try #require(SodiumEntropy()) }

  private func start(_ folder: String) throws -> StoreStart {
    let state = try SavedState(folder: folder, host: host)
    return try StoreStart(dataFolder: folder, host: host, state: state, entropy: entropy())
  }

  /// A segment as a life with this store leaves one.
  private func addSegment(store: UInt64, in folder: String) throws {
    var effects = LogEffects()
    var settings = LogSettings(store: store)
    settings.segmentSize = 64 << 10
    let disk = StoreFolder(folder + "/store")
    let recovered = LogRecovery.run(disk, settings: settings)
    let now = Now(monotonic: 1, wall: 1)
    var writer = LogWriter(settings, entropy: try entropy(), recovered: recovered, now: now, into: &effects)
    writer.append(.register(key: 1, [1]), urgency: .urgent, token: 1, now: now, into: &effects)
    while !effects.jobs.isEmpty {
      let jobs = effects.jobs
      effects.removeAll()
      for job in jobs {
        let reads = try disk.perform(job).get()
        writer.handle(.done(job.lane, job.number, reads: reads), now: now, into: &effects)
      }
    }
  }

  private func damage(_ path: String) throws {
    let file = try #require(fopen(path, "r+"))
    defer { fclose(file) }
    fseek(file, 26, SEEK_SET)
    let byte = fgetc(file)
    fseek(file, 26, SEEK_SET)
    fputc(byte ^ 4, file)
  }

  @Test("a flipped bit in the file with the id does not orphan the store: its segments name it")
  func idFromSegments() throws {
    let folder = ScratchFolder()
    let first = try start(folder.path)
    #expect(!first.hasFoundID)
    try addSegment(store: first.id, in: folder.path)
    try damage(folder.path + "/store-id")
    let again = try start(folder.path)
    #expect(again.id == first.id && again.hasFoundID)
    #expect(again.recovered.shards.register == [1: [1]] && again.recovered.shards.faults == [])
    // It is written anew.
    let third = try start(folder.path)
    #expect(third.id == first.id && !third.hasFoundID)
  }

  @Test("segments that do not agree, or of a host whose file was another's, name no store")
  func noIDFromSegments() throws {
    let folder = ScratchFolder()
    let first = try start(folder.path)
    try addSegment(store: first.id, in: folder.path)
    try addSegment(store: first.id ^ 1, in: folder.path)
    try damage(folder.path + "/store-id")
    let again = try start(folder.path)
    #expect(again.id != first.id && again.id != first.id ^ 1 && !again.hasFoundID)

    let copied = ScratchFolder()
    let other = HostID(rawValue: 1)
    let state = try SavedState(folder: copied.path, host: other)
    let foreign = try StoreStart(dataFolder: copied.path, host: other, state: state, entropy: entropy())
    try addSegment(store: foreign.id, in: copied.path)
    #expect(try start(copied.path).id != foreign.id)
  }

  @Test("what is said of damage names what is hurt, and promises nothing that does not come")
  func consequences() {
    #expect(StoreStart.consequence([], isStray: false) == "nothing that counts is missing")
    let two = StoreStart.consequence(["prontera", "geffen"], isStray: false)
    #expect(two.contains("prontera, geffen") && two.contains("comes again from other hosts"))
    let stray = StoreStart.consequence([], isStray: true)
    #expect(!stray.contains("comes again") && stray.contains("nobody can tell"))
  }

  @Test("a failed store stays in the status; a file that was written is forgotten")
  func faultsOfTheDisk() {
    var seen = SeenFaults()
    seen.store = Fault(.stateNotWritten, ["file": "log", "reason": "EIO"])
    seen.state = Fault(.stateNotWritten, ["file": "peers", "reason": "EIO"])
    seen.world = Fault(.stateNotWritten, ["file": "world", "reason": "EIO"])
    #expect(seen.ofDisk.count == 3)
    seen.stateIsWritten()
    #expect(seen.ofDisk.count == 2 && seen.state == nil && seen.store != nil && seen.world != nil)
  }

  @Test("an owner in another life than the recorded one does not act")
  func sight() {
    let (old, new) = (Life(rawValue: 1), Life(rawValue: 2))
    func why(_ state: MemberState, _ recorded: Life?, _ present: Life?) -> String? {
      OwnerSight(host: "prt-2", state: state, recorded: recorded, present: present).whyNot
    }
    #expect(why(.alive, old, old) == nil)
    #expect(why(.alive, nil, new) == nil)
    #expect(why(.alive, old, nil) == nil)
    #expect(why(.alive, old, new) == "prt-2 has restarted")
    #expect(why(.dead, old, old) == "prt-2 is dead")
  }
}
