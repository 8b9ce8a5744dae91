import Control
import Foundation
import Testing

struct ControlClientTests {
  private func fault(_ body: @escaping @Sendable () throws -> Void) async throws -> Fault? {
    try await onThread {
      do {
        try body()
        return nil
      } catch let fault as Fault {
        return fault
      }
    }
  }

  @Test func asksAndFollows() async throws {
    let node = try FakeNode.sample()
    let path = node.path
    try await onThread {
      let client = try ControlClient(socket: path, timeout: .seconds(10))
      #expect(try client.ask(.status) == Samples.degraded)
      // The same connection serves the next request.
      #expect(try client.ask(.members) == Samples.members)
      try client.send(.events(.init(follow: true)))
      let first = try client.next(EventsReply.self, within: .seconds(10))
      let second = try client.next(EventsReply.self, within: .seconds(10))
      #expect(first == Samples.events)
      #expect(second?.events.first?.sequence == 21)
    }
  }

  @Test func nobodyThere() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/none.sock"
    let missing = try await fault { _ = try ControlClient(socket: path, timeout: .seconds(1)) }
    #expect(missing?.code == "M001" && missing?.exitCode == .noNode)
    // A file that is no socket, and a directory that is a file.
    try Data().write(to: URL(filePath: path))
    let refused = try await fault { _ = try ControlClient(socket: path, timeout: .seconds(1)) }
    #expect(refused?.code == "M001")
    let inside = try await fault { _ = try ControlClient(socket: path + "/x", timeout: .seconds(1)) }
    #expect(inside?.code == "M001")
    withExtendedLifetime(directory) {}
  }

  @Test func pathTooLong() async throws {
    let long = "/tmp/" + String(repeating: "x", count: 103)
    let fault = try await fault { _ = try ControlClient(socket: long, timeout: .seconds(1)) }
    #expect(fault?.code == "M006" && fault?.exitCode == .configuration)
  }

  @Test func silenceIsTold() async throws {
    let node = try FakeNode(.silent)
    let path = node.path
    let fault = try await fault {
      let client = try ControlClient(socket: path, timeout: .milliseconds(700))
      nonisolated(unsafe) var notices = 0
      client.onSlow = { notices += 1 }
      defer { #expect(notices == 1) }
      let _: StatusReply = try client.ask(.status)
    }
    #expect(fault?.code == "M003" && fault?.exitCode == .noNode)
  }

  @Test func answersThatAreNone() async throws {
    let rows: [([UInt8], reason: String)] = [
      (Array("hello\n".utf8), "not a JSON object"), (Samples.members.line(), "`mesh.members/1` instead of"),
      ([], "closed the connection"), (Array(Samples.degraded.line().dropLast(5)), "ended inside an answer"),
      (Array("{}\n".utf8), "not a JSON object"), (Array("{\"schema\":\"mesh.status/1\"}\n".utf8), "instead of"),
      ([UInt8](repeating: 0x61, count: replyLineLimit + (256 << 10)), "more than \(replyLineLimit) bytes"),
    ]
    for (bytes, reason) in rows {
      let node = try FakeNode(.bytes(bytes))
      let path = node.path
      let fault = try await fault {
        let _: StatusReply = try ControlClient(socket: path, timeout: .seconds(10)).ask(.status)
      }
      #expect(fault?.code == "M005" && fault?.sentence.contains(reason) == true, "\(fault?.sentence ?? "")")
    }
  }

  @Test func refusalsComeThrough() async throws {
    let refusal = Fault(.requestNotPermitted, ["user": "1001", "request": "leave"])
    let node = try FakeNode(.answer { _ in [refusal.line()] })
    let path = node.path
    let fault = try await fault {
      let _: StatusReply = try ControlClient(socket: path, timeout: .seconds(10)).ask(.status)
    }
    #expect(fault == refusal && fault?.exitCode == .notPermitted)
  }
}
