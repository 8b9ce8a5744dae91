import Control
import EventLoop
import Glibc
import MeshNode
import NodeCore
import SecureChannel
import Testing
import Wire

@Suite("State files")
struct StateFilesTests {
  private let host = HostID(rawValue: 0x1122_3344_5566_7788)

  static func key(_ seed: UInt8) -> HostKey? {
    HostKey(exchange: [UInt8](repeating: seed, count: 32), signing: [UInt8](repeating: seed ^ 0xff, count: 32))
  }

  static func certificate(from start: UInt64) -> [UInt8] {
    TestCertificates.certificate(notBefore: start)
  }

  private func peers() throws -> [KnownPeer] {
    let first = try #require(StateFilesTests.key(1))
    let second = try #require(StateFilesTests.key(2))
    let six = try #require(Endpoint("[2001:db8::1]:7001"))
    return [
      KnownPeer(key: first, host: first.hostID, endpoint: Endpoint(ipv4: 0x7f00_0001, port: 7000)),
      KnownPeer(key: second, host: second.hostID, endpoint: six),
    ]
  }

  /// Writes through a real disk on a real loop; what came of each token.
  private func write(_ contents: [NodeEffects.Persist.Content], in folder: String, state: SavedState = SavedState())
    async throws -> [UInt64: Bool]
  {
    let host = host
    let results = Results()
    try await onOwnThread {
      let loop = try Loop()
      let client = Recorder()
      let disk = Disk(
        loop, folder: folder, certificatePath: folder + "/certificate", certificateStart: 0, host: host, state: state)
      disk.client = client
      for (index, content) in contents.enumerated() {
        disk.keep(content, token: UInt64(index + 1))
      }
      disk.whenIdle { loop.stop() }
      loop.run(client)
      try loop.close()
      results.outcomes = client.outcomes
      results.writes = disk.writes
    }
    lastWrites.value = results.writes
    return results.outcomes
  }

  private let lastWrites = Box()

  private final class Box: @unchecked Sendable { var value: UInt64 = 0 }
  private final class Results: @unchecked Sendable {
    var outcomes: [UInt64: Bool] = [:]
    var writes: UInt64 = 0
  }

  private final class Recorder: DiskClient, LoopClient {
    var outcomes: [UInt64: Bool] = [:]
    func persisted(_ token: UInt64) { outcomes[token] = true }
    func persistFailed(_ token: UInt64, _ fault: Fault) { outcomes[token] = false }
    func stalled(by: UInt64, now: Now) {}
    func received(_ datagram: UnsafeMutableRawBufferPointer, from: Endpoint, on: Datagrams, now: Now) {}
    func due(_ timer: Wire.Timer, at: UInt64, now: Now) {}
    func turnEnded(now: Now) {}
  }

  @Test("everything that is written comes back")
  func roundTrip() async throws {
    let folder = ScratchFolder()
    let peers = try peers()
    let certificate = StateFilesTests.certificate(from: 5)
    let outcomes = try await write(
      [
        .generation(7), .labelFloor(9), .peers(peers), .revocation([1, 2, 3]), .revocation([4]),
        .certificate(certificate),
      ], in: folder.path)
    #expect(outcomes == [1: true, 2: true, 3: true, 4: true, 5: true, 6: true])
    let state = try SavedState(folder: folder.path, host: host)
    #expect(state.generation == 7)
    #expect(state.labelFloor == 9)
    #expect(state.peers == peers)
    #expect(state.revocations == [[1, 2, 3], [4]])
    #expect(folder.read("certificate") == certificate)
    #expect(state.notices.isEmpty)
    var status = stat()
    #expect(stat(folder.path + "/generation", &status) == 0 && status.st_mode & 0o777 == 0o600)
  }

  @Test("many changes of one file are few writes, the newest wins, and every persist is answered")
  func newestWins() async throws {
    let folder = ScratchFolder()
    let outcomes = try await write((1...100).map { .generation(UInt64($0)) }, in: folder.path)
    #expect(outcomes.count == 100 && outcomes.values.allSatisfy { $0 })
    #expect(lastWrites.value == 2, "the first at once, then the newest")
    #expect(try SavedState(folder: folder.path, host: host).generation == 100)
  }

  @Test("of two certificates the one that starts later stays, whatever their order")
  func laterCertificate() async throws {
    let folder = ScratchFolder()
    let later = StateFilesTests.certificate(from: 50)
    let earlier = StateFilesTests.certificate(from: 40)
    let outcomes = try await write([.certificate(later), .certificate(earlier), .certificate([1])], in: folder.path)
    #expect(outcomes == [1: true, 2: true, 3: false])
    #expect(folder.read("certificate") == later)
  }

  @Test("a folder that cannot be written to fails the persist")
  func failure() async throws {
    let folder = ScratchFolder()
    let outcomes = try await write([.generation(1)], in: folder.path + "/missing")
    #expect(outcomes == [1: false])
  }

  @Test("no more revocations are kept than may be, and the one too many is told")
  func revocationLimit() async throws {
    let folder = ScratchFolder()
    var state = SavedState()
    state.revocations = (0..<10_000).map { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
    let outcomes = try await write(
      [.revocation([9, 9, 9]), .revocation([0, 0]), .revocation([UInt8](repeating: 1, count: 513))],
      in: folder.path, state: state)
    #expect(outcomes == [1: false, 2: true, 3: false])
  }

  @Test("killed between the temporary file and its renaming: the old content stays and the leftover goes")
  func torn() async throws {
    let folder = ScratchFolder()
    _ = try await write([.generation(7)], in: folder.path)
    folder.write(".generation.4711", "half of a new fi")
    folder.write(".generation.note", "not ours")
    #expect(try SavedState(folder: folder.path, host: host).generation == 7)
    #expect(!folder.exists(".generation.4711"))
    #expect(folder.exists(".generation.note"))
  }

  @Test("any single changed byte is noticed and the file set aside")
  func damaged() async throws {
    let folder = ScratchFolder()
    _ = try await write([.generation(7)], in: folder.path)
    let good = try #require(folder.read("generation"))
    for index in good.indices {
      var bad = good
      bad[index] ^= 0x10
      folder.write("generation", bad)
      let state = try SavedState(folder: folder.path, host: host)
      #expect(state.generation == 0, "byte \(index)")
      #expect(state.notices.map(\.movedTo) == [folder.path + "/generation.damaged"])
      #expect(!folder.exists("generation") && folder.exists("generation.damaged"))
    }
    for length in 0..<good.count {
      folder.write("generation", Array(good[..<length]))
      #expect(try SavedState(folder: folder.path, host: host).notices.count == 1, "\(length) bytes")
    }
  }

  @Test("damaged revocations stop the start, and the message says how to go on")
  func damagedRevocations() async throws {
    let folder = ScratchFolder()
    _ = try await write([.revocation([1, 2, 3])], in: folder.path)
    var bad = try #require(folder.read("revocations"))
    bad[30] ^= 1
    folder.write("revocations", bad)
    let fault = #expect(throws: Fault.self) { try SavedState(folder: folder.path, host: host) }
    #expect(fault?.code == ErrorCode.fileDamaged.rawValue)
    #expect(fault?.notes.first?.contains("mv \(folder.path)/revocations") == true)
    #expect(folder.exists("revocations"))
  }

  @Test("the state of another host is set aside, revocations too")
  func foreign() async throws {
    let folder = ScratchFolder()
    _ = try await write([.generation(7), .revocation([1])], in: folder.path)
    let state = try SavedState(folder: folder.path, host: HostID(rawValue: 1))
    #expect(state.generation == 0 && state.revocations.isEmpty)
    #expect(state.notices.count == 2)
    #expect(state.notices.allSatisfy { $0.reason.contains("1122334455667788") })
  }

  @Test("a file that others may change is refused", arguments: [0o660, 0o604, 0o644] as [mode_t])
  func mode(mode: mode_t) async throws {
    let folder = ScratchFolder()
    _ = try await write([.generation(7)], in: folder.path)
    chmod(folder.path + "/generation", mode)
    let fault = #expect(throws: Fault.self) { try SavedState(folder: folder.path, host: host) }
    #expect(fault?.exitCode == .notPermitted)
    #expect(fault?.help == "chmod 600 \(folder.path)/generation")
  }

  @Test("a file of another user and a symbolic link are refused")
  func owner() async throws {
    let folder = ScratchFolder()
    _ = try await write([.generation(7)], in: folder.path)
    if geteuid() == 0 {
      chown(folder.path + "/generation", 4711, 0)
      let fault = #expect(throws: Fault.self) { try SavedState(folder: folder.path, host: host) }
      #expect(fault?.exitCode == .notPermitted)
      chown(folder.path + "/generation", 0, 0)
    } else {
      print("skipped: only root can give a file to another user")
    }
    rename(folder.path + "/generation", folder.path + "/elsewhere")
    symlink(folder.path + "/elsewhere", folder.path + "/generation")
    let fault = #expect(throws: Fault.self) { try SavedState(folder: folder.path, host: host) }
    #expect(fault?.code == ErrorCode.fileKind.rawValue)
  }
}
