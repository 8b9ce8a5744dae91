import Control
import EventLoop
import Glibc
import KeyStore
import MeshNode
import Synchronization
import Testing
import Wire

extension ShellTests {
  @Suite("Audit log")
  struct AuditLogTests {
    private final class Client: LoopClient {
      func stalled(by: UInt64, now: Now) {}
      func received(_ datagram: UnsafeMutableRawBufferPointer, from: Endpoint, on: Datagrams, now: Now) {}
      func due(_ timer: Wire.Timer, at: UInt64, now: Now) {}
      func turnEnded(now: Now) {}
    }

    private static func entry(_ verb: String, _ result: AuditEntry.Result = .done) -> AuditEntry {
      AuditEntry(at: Timestamp(seconds: 1), user: 7, verb: verb, request: "00", result: result)
    }

    /// Everything that `body` appends, through a real loop; what failed.
    @discardableResult
    private static func write(in folder: String, _ body: (AuditLog) -> Void) throws -> [String] {
      let loop = try Loop()
      let log = AuditLog(loop, folder: folder)
      var failures: [String] = []
      log.failed = { failures.append($0.sentence) }
      body(log)
      log.whenIdle { loop.stop() }
      loop.run(Client())
      try loop.close()
      return failures
    }

    @Test("lines come in order, and a later process goes on where the last one ended")
    func chain() async throws {
      try await onOwnThread {
        let folder = ScratchFolder()
        for life in 1...3 {
          let failures = try AuditLogTests.write(in: folder.path) { log in
            for number in 1...5 { log.append(AuditLogTests.entry("\(life).\(number)"), monotonic: 1) }
          }
          #expect(failures.isEmpty)
        }
        let trail = AuditTrail(folder: folder.path)
        #expect(try trail.check().isWhole)
        let entries = try trail.entries(limit: 100).entries
        #expect(entries.map(\.verb) == (1...3).flatMap { life in (1...5).map { "\(life).\($0)" } })
        #expect(entries.map(\.sequence) == Array(1...15))
        var status = stat()
        #expect(stat(trail.path, &status) == 0 && status.st_mode & 0o777 == 0o600)
      }
    }

    @Test("a line that a crash cut off is ended, and vouched for by the next")
    func torn() async throws {
      try await onOwnThread {
        let folder = ScratchFolder()
        try AuditLogTests.write(in: folder.path) { $0.append(AuditLogTests.entry("first"), monotonic: 1) }
        let whole = try #require(folder.read("audit.log"))
        folder.write("audit.log", whole + Array("{\"at\":\"2026-".utf8))
        try AuditLogTests.write(in: folder.path) { $0.append(AuditLogTests.entry("second"), monotonic: 1) }
        let trail = AuditTrail(folder: folder.path)
        #expect(try trail.check().isWhole)
        #expect(try trail.entries(limit: 9).entries.map(\.verb) == ["first", "second"])
      }
    }

    @Test("lines that vanish while the node runs break the chain")
    func cut() async throws {
      try await onOwnThread {
        let folder = ScratchFolder()
        let loop = try Loop()
        let log = AuditLog(loop, folder: folder.path)
        log.append(AuditLogTests.entry("one"), monotonic: 1)
        log.append(AuditLogTests.entry("two"), monotonic: 1)
        log.whenIdle {
          folder.write("audit.log", "")
          log.append(AuditLogTests.entry("three"), monotonic: 1)
          log.append(AuditLogTests.entry("four"), monotonic: 1)
          log.whenIdle { loop.stop() }
        }
        loop.run(Client())
        try loop.close()
        let entries = try AuditTrail(folder: folder.path).entries(limit: 9).entries
        #expect(entries.map(\.verb) == ["three", "four"] && entries.first?.sequence == 3)
        #expect(try !AuditTrail(folder: folder.path).check().isWhole)
      }
    }

    @Test("a folder that cannot be written to is told, once a try")
    func failure() async throws {
      try await onOwnThread {
        let failures = try AuditLogTests.write(in: "/tmp/mesh-shell-not-there") {
          $0.append(AuditLogTests.entry("one"), monotonic: 1)
        }
        #expect(failures.count == 1 && failures.first?.contains("audit.log") == true, "\(failures)")
      }
    }

    @Test("refusals are limited, and how many were left out is told")
    func refusals() async throws {
      try await onOwnThread {
        let folder = ScratchFolder()
        try AuditLogTests.write(in: folder.path) { log in
          for _ in 0..<100 { log.append(AuditLogTests.entry("leave", .refused), monotonic: 1_000_000_000) }
          log.append(AuditLogTests.entry("leave", .refused), monotonic: 2_000_000_000)
          log.append(AuditLogTests.entry("revoke"), monotonic: 2_000_000_000)
        }
        let entries = try AuditTrail(folder: folder.path).entries(limit: 200).entries
        #expect(entries.count == 22 && entries.map(\.leftOut).compactMap { $0 } == [80])
        #expect(entries.last?.verb == "revoke")
      }
    }
  }
}
