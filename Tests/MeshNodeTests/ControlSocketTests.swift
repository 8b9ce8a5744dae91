import Control
import EventLoop
import Glibc
import MeshNode
import Synchronization
import Testing
import Wire

extension ShellTests {
  @Suite("Control socket")
  struct ControlSocketTests {
    /// A node that knows a few answers, on a loop and thread of its own.
    private final class Server: ControlAnswering, LoopClient {
      let events = EventLog(capacity: 100)
      var refused: [String] = []
      var waiting: [ControlConnection] = []
      private var socket: ControlSocket?

      func answer(_ request: ControlRequest, for connection: ControlConnection) -> ControlAnswer {
        switch request {
        case .doctor:
          waiting.append(connection)
          return .later
        case .events(let query):
          return query.follow ? .follow(query) : .line(events.reply(to: query, at: Timestamp(nanoseconds: 1)).line())
        case .leave:
          waiting.append(connection)
          connection.send(
            LeaveReply(at: Timestamp(nanoseconds: 1), state: .leaving, drainSeconds: 1).line(), isLast: false)
          return .later
        default:
          return .line(
            RevokeReply(at: Timestamp(nanoseconds: 1), host: HostName(id: "x", name: nil), state: .known).line())
        }
      }

      func refusedChange(_ request: ControlRequest, by user: UInt32) { refused.append(request.verb) }

      func stalled(by: UInt64, now: Now) {}
      func received(_ datagram: UnsafeMutableRawBufferPointer, from: Endpoint, on: Datagrams, now: Now) {}
      func due(_ timer: Wire.Timer, at: UInt64, now: Now) {}
      func turnEnded(now: Now) {}

      /// Runs until `body`, on another thread, has ended; `onLoop` runs on the loop whenever the bell rings.
      static func run(
        path: String,
        _ body:
          @escaping @Sendable (@escaping @Sendable (@escaping @Sendable (Server, ControlSocket) -> Void) -> Void) ->
          Void
      ) async throws {
        try await onOwnThread {
          let loop = try Loop()
          let server = Server()
          let socket = try ControlSocket(loop, path: path, answering: server)
          server.socket = socket
          let inbox = Mutex<[@Sendable (Server, ControlSocket) -> Void]>([])
          let done = Mutex(false)
          let wakeup = try loop.wakeup {
            for job in inbox.withLock({ jobs in
              defer { jobs = [] }
              return jobs
            }) { job(server, socket) }
            if done.withLock({ $0 }) {
              socket.close()
              loop.stop()
            }
          }
          let bell = wakeup.bell
          let thread = ThreadHandle {
            body { job in
              inbox.withLock { $0.append(job) }
              bell.ring()
            }
            done.withLock { $0 = true }
            bell.ring()
          }
          loop.run(server)
          thread.join()
          wakeup.close()
          // Clients that a test leaves open are streams that are still open here.
          _ = try? loop.close()
        }
      }
    }

    private final class ThreadHandle {
      private var thread = pthread_t()
      init(_ body: @escaping () -> Void) {
        let work = Unmanaged.passRetained(Work(body))
        pthread_create(
          &thread, nil,
          { argument in
            if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
            return nil
          }, work.toOpaque())
      }
      func join() { pthread_join(thread, nil) }
      private final class Work {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
      }
    }

    /// A bare client: what it sends need not be a request.
    private final class RawClient: @unchecked Sendable {
      let descriptor: Int32
      /// The other end has closed.
      private(set) var hasEnded = false
      init?(_ path: String) {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let descriptor = descriptor
        let result = withUnsafePointer(to: &address) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
          }
        }
        guard result == 0 else { return nil }
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      }
      deinit { close(descriptor) }

      @discardableResult
      func send(_ text: String) -> Int { send(Array(text.utf8)) }
      @discardableResult
      func send(_ bytes: [UInt8]) -> Int { Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

      /// Until `lines` lines came or the other end closed.
      func read(lines: Int = .max) -> String {
        var text: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        while text.count(where: { $0 == 0x0a }) < lines {
          let count = recv(descriptor, &bytes, bytes.count, 0)
          if count <= 0 {
            hasEnded = count == 0 || errno == ECONNRESET
            break
          }
          text += bytes[..<count]
        }
        return String(decoding: text, as: UTF8.self)
      }
    }

    private func run(
      _ body:
        @escaping @Sendable (
          String, @escaping @Sendable (@escaping @Sendable (AnyObject, ControlSocket) -> Void) -> Void
        ) -> Void
    ) async throws {
      let folder = ScratchFolder()
      let path = folder.path + "/control.sock"
      try await Server.run(path: path) { onLoop in
        body(path) { job in onLoop { server, socket in job(server, socket) } }
      }
      #expect(!folder.exists("control.sock"), "the socket file outlived its socket")
    }

    @Test("a request is answered, also several on one connection, also in one write")
    func answers() async throws {
      try await run { path, _ in
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o660)
        guard let client = RawClient(path) else { return #expect(Bool(false), "no connection") as Void }
        let line = String(decoding: ControlRequest.status.line(), as: UTF8.self)
        client.send(line + line + line)
        #expect(client.read(lines: 3).split(separator: "\n").count == 3)
        client.send(line)
        #expect(client.read(lines: 1).contains("mesh.revoke/1"))
      }
    }

    @Test("thousands of requests in one write are answered one after the other")
    func pipelined() async throws {
      try await run { path, _ in
        guard let client = RawClient(path) else { return #expect(Bool(false), "no connection") as Void }
        let line = ControlRequest.status.line()
        let count = (60 << 10) / line.count
        for _ in 0..<20 {
          client.send(Array((0..<count).map { _ in line }.joined()))
          #expect(client.read(lines: count).split(separator: "\n").count == count)
        }
      }
    }

    @Test("a request in single bytes is a request")
    func bytewise() async throws {
      try await run { path, _ in
        guard let client = RawClient(path) else { return #expect(Bool(false), "no connection") as Void }
        for byte in ControlRequest.status.line() { client.send([byte]) }
        #expect(client.read(lines: 1).contains("mesh.revoke/1"))
      }
    }

    @Test(
      "what is no request gets one error and the end",
      arguments: [
        "hello\n", "{}\n", "[1,2]\n", "\n", "\u{0}\n", "{\"control\":1,\"request\":\"fly\"}\n",
        "{\"control\":9,\"request\":\"status\"}\n",
      ])
    func garbage(text: String) async throws {
      try await run { path, _ in
        guard let client = RawClient(path) else { return #expect(Bool(false), "no connection") as Void }
        client.send(text)
        let answer = client.read()
        #expect(answer.contains("mesh.error/1") && answer.split(separator: "\n").count == 1, "\(answer)")
      }
    }

    @Test("a line of a mebibyte costs a bounded buffer and ends with an error")
    func longLine() async throws {
      try await run { path, _ in
        guard let client = RawClient(path) else { return #expect(Bool(false), "no connection") as Void }
        let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 16)
        for _ in 0..<16 where client.send(chunk) > 0 {}
        let answer = client.read()
        #expect(answer.contains("longer than \(ControlRequest.lineLimit) bytes"), "\(answer.prefix(200))")
      }
    }

    @Test("a client too many is told why; a place that becomes free is given again")
    func oneTooMany() async throws {
      try await run { path, _ in
        var clients = (0..<ControlSocket.connectionLimit).compactMap { _ in RawClient(path) }
        for client in clients {
          client.send(ControlRequest.status.line())
          #expect(client.read(lines: 1).contains("mesh.revoke/1"))
        }
        guard let another = RawClient(path) else { return #expect(Bool(false), "no connection") as Void }
        #expect(another.read().contains("M008"))
        clients.removeFirst()
        var answer = ""
        for _ in 0..<200 where !answer.contains("mesh.revoke/1") {
          guard let next = RawClient(path) else { continue }
          next.send(ControlRequest.status.line())
          answer = next.read(lines: 1)
          usleep(5_000)
        }
        #expect(answer.contains("mesh.revoke/1"))
      }
    }

    @Test("who sends half a request, or asks nothing, is closed when the time is over")
    func slow() async throws {
      try await run { path, onLoop in
        guard let half = RawClient(path), let idle = RawClient(path) else {
          return #expect(Bool(false), "no connection") as Void
        }
        half.send("{\"control\":1")
        idle.send(ControlRequest.status.line())
        #expect(idle.read(lines: 1).contains("mesh.revoke/1"))
        // The node's clock, not the test's: half a request has 5 s, an idle client 60 s.
        onLoop { _, socket in socket.tick(at: SystemClock.monotonic + 6_000_000_000) }
        #expect(half.read() == "" && half.hasEnded)
        idle.send(ControlRequest.status.line())
        #expect(idle.read(lines: 1).contains("mesh.revoke/1"))
        onLoop { _, socket in socket.tick(at: SystemClock.monotonic + 61_000_000_000) }
        #expect(idle.read() == "" && idle.hasEnded)
      }
    }

    @Test("who has had one of several answers may wait for the next as long as it takes")
    func severalAnswers() async throws {
      try await run { path, onLoop in
        guard let client = RawClient(path) else { return #expect(Bool(false), "no connection") as Void }
        func answer(_ state: LeaveReply.State, isLast: Bool) {
          onLoop { server, _ in
            for connection in (server as? Server)?.waiting ?? [] {
              connection.send(
                LeaveReply(at: Timestamp(nanoseconds: 1), state: state, drainSeconds: 1).line(), isLast: isLast)
            }
          }
        }
        client.send(ControlRequest.leave.line())
        #expect(client.read(lines: 1).contains("\"leaving\""))
        answer(.leaving, isLast: false)
        #expect(client.read(lines: 1).contains("\"leaving\""))
        onLoop { _, socket in socket.tick(at: SystemClock.monotonic + 3_600_000_000_000) }
        answer(.left, isLast: true)
        #expect(client.read(lines: 1).contains("\"left\""))
        // With the last answer it is a client like any other.
        onLoop { _, socket in socket.tick(at: SystemClock.monotonic + 61_000_000_000) }
        #expect(client.read() == "" && client.hasEnded)
      }
    }

    @Test("a follower gets the past, then each event")
    func follow() async throws {
      try await run { path, onLoop in
        onLoop { server, _ in (server as? Server)?.events.append(.nodeStarted, text: "first", at: Timestamp(seconds: 1))
        }
        guard let client = try? ControlClient(socket: path, timeout: .seconds(10)) else {
          return #expect(Bool(false), "no connection") as Void
        }
        do {
          try client.send(.events(EventsQuery(follow: true)))
          let past = try client.next(EventsReply.self, within: .seconds(10))
          #expect(past?.events.map(\.text) == ["first"])
          onLoop { server, socket in
            (server as? Server)?.events.append(.memberAlive, text: "second", at: Timestamp(seconds: 2))
            socket.eventHappened()
          }
          let next = try client.next(EventsReply.self, within: .seconds(10))
          #expect(next?.events.map(\.text) == ["second"] && next?.missed == 0)
        } catch {
          #expect(Bool(false), "\(error)")
        }
      }
    }

    @Test("a follower that does not read costs no more than its backlog, and is told what it missed")
    func slowFollower() async throws {
      try await run { path, onLoop in
        guard let client = try? ControlClient(socket: path, timeout: .seconds(10)),
          let _ = try? client.send(.events(EventsQuery(follow: true))),
          let first = try? client.next(EventsReply.self, within: .seconds(10)), first.events.isEmpty
        else { return #expect(Bool(false), "no connection") as Void }
        let text = String(repeating: "x", count: 4_000)
        // 20,000 events of 4 KB are 80 MB; the log keeps 100 of them.
        for round in 0..<20 {
          onLoop { server, socket in
            for index in 0..<1_000 {
              (server as? Server)?.events.append(
                .memberAlive, text: "\(round * 1_000 + index) \(text)", at: Timestamp(seconds: 2))
              socket.eventHappened()
            }
          }
        }
        let idle = Mutex(false)
        onLoop { _, _ in idle.withLock { $0 = true } }
        while !idle.withLock({ $0 }) { usleep(1_000) }
        var got = 0
        var missed = 0
        var last: UInt64 = 0
        while last < 20_000, let reply = try? client.next(EventsReply.self, within: .seconds(10)) {
          got += reply.events.count
          missed += reply.missed
          last = max(last, reply.events.last?.sequence ?? 0)
        }
        #expect(last == 20_000 && got + missed == 20_000, "\(got) came, \(missed) missed, last \(last)")
        #expect(missed > 10_000, "\(got) came, \(missed) missed, last \(last)")
      }
    }

    @Test("leave is answered twice, and the connection ends")
    func leave() async throws {
      try await run { path, onLoop in
        guard let client = RawClient(path) else { return #expect(Bool(false), "no connection") as Void }
        client.send(ControlRequest.leave.line())
        #expect(client.read(lines: 1).contains("\"leaving\""))
        onLoop { server, _ in
          guard let server = server as? Server else { return }
          for connection in server.waiting {
            connection.finish(
              LeaveReply(at: Timestamp(nanoseconds: 1), state: .left, drainSeconds: 1).line())
          }
          server.waiting = []
        }
        #expect(client.read().contains("\"left\""))
      }
    }

    @Test("a path that is too long is named")
    func longPath() async throws {
      try await onOwnThread {
        let loop = try Loop()
        let path = "/tmp/" + String(repeating: "x", count: 120)
        let server = Server()
        #expect(throws: Fault.self) { try ControlSocket(loop, path: path, answering: server) }
        try loop.close()
      }
    }
  }
}
