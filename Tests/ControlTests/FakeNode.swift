import Control
import Foundation
import Glibc

/// Something that answers on a control socket as a node would, or as a broken one would.
final class FakeNode: @unchecked Sendable {
  enum Behaviour: Sendable {
    /// Lines to write for a request; the connection stays open.
    case answer(@Sendable (ControlRequest) -> [[UInt8]])
    /// Raw bytes after the first request, then the connection is closed.
    case bytes([UInt8])
    /// Reads and says nothing.
    case silent
  }

  let path: String
  private let directory: TemporaryDirectory
  private let listener: Int32

  init(_ behaviour: Behaviour) throws {
    directory = try TemporaryDirectory()
    path = directory.path + "/control.sock"
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard bound == 0, listen(listener, 8) == 0 else { throw CocoaError(.fileWriteUnknown) }
    let descriptor = listener
    Thread.detachNewThread {
      while true {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0 else { return }
        Thread.detachNewThread { FakeNode.serve(connection, behaviour) }
      }
    }
  }

  /// Wakes the thread in `accept`, which then ends.
  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  private static func serve(_ connection: Int32, _ behaviour: Behaviour) {
    defer { close(connection) }
    var pending: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = recv(connection, &chunk, chunk.count, 0)
      guard count > 0 else { return }
      pending += chunk[..<count]
      while let end = pending.firstIndex(of: 0x0a) {
        let line = Array(pending[..<end])
        pending.removeSubrange(...end)
        switch behaviour {
        case .silent: break
        case .bytes(let bytes):
          write(bytes, connection)
          return
        case .answer(let answers):
          guard let request = try? ControlRequest(line: line) else { return }
          for answer in answers(request) { write(answer, connection) }
        }
      }
    }
  }

  private static func write(_ bytes: [UInt8], _ connection: Int32) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return }
      sent += count
    }
  }

  /// A node of the samples' mesh.
  static func sample() throws -> FakeNode {
    try FakeNode(
      .answer { request in
        switch request {
        case .status: [Samples.degraded.line()]
        case .members: [Samples.members.line()]
        case .events(let query):
          query.follow
            ? [Samples.events.line(), EventsReply(at: Samples.now, events: [later]).line()] : [Samples.events.line()]
        case .doctor:
          [DoctorReply(at: Samples.now, checks: Samples.doctor.checks.filter { nodeChecks.contains($0.name) }).line()]
        case .leave:
          [
            LeaveReply(at: Samples.now, state: .leaving, drainSeconds: 1).line(),
            LeaveReply(at: Samples.now, state: .left, drainSeconds: 0).line(),
          ]
        case .revoke: [RevokeReply(at: Samples.now, host: Samples.gef2, state: .adopted).line()]
        case .reload:
          [
            ReloadReply(
              at: Samples.now, origin: "p2p_athena.conf", changed: ["p2p_settings.node.log_level"],
              afterRestart: ["p2p_settings.network.listen"], warnings: ["C031: `x` is not known"]
            ).line()
          ]
        case .certificates: [CertificatesReply(at: Samples.now, certificates: []).line()]
        case .renew: [RenewReply(at: Samples.now, results: []).line()]
        case .world: [Fault(.badRequest, ["reason": "no worlds here"]).line()]
        case .shards(let request): ShardSamples.answers(to: request)
        case .word(.takeover): [ShardSamples.leftOver.line()]
        case .word: [ShardSamples.voters.line()]
        }
      })
  }

  private static let nodeChecks = DoctorCheck.allCases.filter(\.isMadeByNode).map(\.rawValue)
  private static let later = EventReport(
    sequence: 21, at: Samples.now, name: .memberAlive, subject: Samples.gef2, text: "is back")
}

/// A directory of its own that goes with its owner.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/mesh-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw CocoaError(.fileWriteUnknown) }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Runs what blocks on a thread of its own, so that the pool of the tests goes on.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
  }
}
