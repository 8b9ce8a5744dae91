import EventLoop
import Glibc
import Testing
import Wire

extension EventLoopTests {
  @Suite("Streams and listeners")
  struct StreamTests {
    /// A pair of connected TCP streams: the one that connected, the accepted one.
    private struct Pair {
      let listener: Listener
      let acceptor = Acceptor()
      let log = StreamLog()
      let stream: EventLoop.Stream
      var far: EventLoop.Stream { acceptor.streams[0] }
      var farLog: StreamLog { acceptor.logs[0] }

      init(_ bench: Bench) throws {
        listener = try bench.loop.listen(on: .loopback(port: 0), limit: 8, client: acceptor)
        stream = try bench.loop.connect(to: try #require(listener.local), client: log)
        bench.run { [acceptor, log] in acceptor.streams.count == 1 && log.events == ["connected"] }
      }

      func close() {
        stream.close()
        acceptor.closeAll()
        listener.close()
      }
    }

    @Test("each side ends in its own time: question, end, answer, end")
    func halfClose() async throws {
      try await withLoop { bench in
        let pair = try Pair(bench)
        #expect(pair.far.peer?.ipv4 == 0x7f00_0001)
        #expect(pair.stream.peer == pair.listener.local)
        pair.farLog.onEnded = { far in
          #expect(pair.farLog.text == "question".bytes)
          #expect(far.write("answer".bytes) == .sent)
          far.finish()
        }
        pair.log.onEnded = { $0.close() }
        #expect(pair.stream.write("question".bytes) == .sent)
        pair.stream.endWriting()
        #expect(pair.stream.write("too late".bytes) == .refused)
        bench.run { pair.log.isClosed && pair.farLog.isClosed }
        #expect(pair.log.text == "answer".bytes)
        #expect(pair.log.events == ["connected", "received", "ended", "closed"])
        #expect(pair.farLog.events == ["received", "ended", "closed"])
        #expect(pair.log.error == nil && pair.farLog.error == nil)
        #expect(pair.listener.openStreams == 0)
        pair.close()
      }
    }

    @Test("a reader that pauses holds the writer back; nothing is lost and the queue has a limit")
    func backpressure() async throws {
      try await withLoop { bench in
        let pair = try Pair(bench)
        pair.far.pauseReading()
        var next: UInt8 = 0
        var accepted = 0
        func chunk() -> [UInt8] { (0..<65_536).map { UInt8(truncatingIfNeeded: ($0 &+ Int(next)) % 251) } }
        var outcome = Stream.WriteOutcome.sent
        while true {
          outcome = pair.stream.write(chunk())
          if outcome == .refused { break }
          accepted += 65_536
          next &+= 1
          try #require(pair.stream.queuedBytes <= pair.stream.writeLimit)
          try #require(accepted < 1 << 28)
        }
        let turns = bench.loop.counters.turns
        bench.run { bench.loop.counters.turns > turns + 5 }
        #expect(pair.stream.isOpen && accepted > pair.stream.writeLimit / 2)
        #expect(pair.stream.queuedBytes > 0)
        #expect(!pair.log.events.contains("drained") && pair.farLog.count == 0)

        var position = 0
        var isRight = true
        pair.farLog.onReceived = { bytes, _ in
          for byte in bytes {
            let (block, offset) = position.quotientAndRemainder(dividingBy: 65_536)
            if byte != UInt8((offset + block & 0xff) % 251) { isRight = false }
            position += 1
          }
        }
        pair.far.resumeReading()
        bench.run { pair.farLog.count == accepted && pair.log.events.contains("drained") }
        #expect(isRight)
        #expect(pair.log.events == ["connected", "drained"])
        #expect(pair.stream.queuedBytes == 0 && pair.stream.bytesSent == UInt64(accepted))
        #expect(pair.stream.write([1]) == .sent)
        pair.close()
      }
    }

    @Test("a write larger than the limit is refused whole, and may begin before the connection stands")
    func writeLimits() async throws {
      try await withLoop { bench in
        let acceptor = Acceptor()
        let listener = try bench.loop.listen(on: .loopback(port: 0), limit: 8, client: acceptor)
        let log = StreamLog()
        let stream = try bench.loop.connect(to: try #require(listener.local), client: log)
        stream.writeLimit = 1000
        #expect(stream.write([UInt8](repeating: 1, count: 1001)) == .refused)
        #expect(stream.write([UInt8](repeating: 2, count: 600)) == .queued)
        #expect(stream.write([UInt8](repeating: 3, count: 600)) == .refused)
        #expect(stream.write([UInt8](repeating: 4, count: 400)) == .queued)
        bench.run { log.events.contains("drained") && acceptor.logs.first?.count == 1000 }
        #expect(acceptor.logs[0].text == [UInt8](repeating: 2, count: 600) + [UInt8](repeating: 4, count: 400))
        stream.close()
        acceptor.closeAll()
        listener.close()
      }
    }

    @Test("finish brings everything over, even when the far side is still talking")
    func finish() async throws {
      try await withLoop { bench in
        let pair = try Pair(bench)
        let payload = [UInt8](repeating: 5, count: 900_000)
        pair.far.pauseReading()
        pair.farLog.onEnded = { $0.close() }
        // Unread bytes at our side: a plain close would reset the connection.
        #expect(pair.far.write([UInt8](repeating: 6, count: 100_000)) != .refused)
        #expect(pair.stream.write(payload) != .refused)
        pair.stream.finish(within: Nanoseconds.seconds(20))
        #expect(pair.stream.write([1]) == .refused)
        pair.far.resumeReading()
        bench.run { pair.log.isClosed && pair.farLog.isClosed }
        // Compared outside: the difference of two such arrays takes minutes to work out.
        let isWhole = pair.farLog.text == payload
        #expect(isWhole)
        #expect(pair.log.error == nil && pair.farLog.error == nil)
        #expect(pair.log.events == ["connected", "closed"])
        pair.close()
      }
    }

    @Test("finish does not wait for ever")
    func finishLimit() async throws {
      try await withLoop { bench in
        let pair = try Pair(bench)
        pair.far.pauseReading()
        pair.stream.finish(within: Nanoseconds.milliseconds(20))
        bench.run { pair.log.isClosed }
        #expect(pair.log.error == nil)
        pair.close()
      }
    }

    @Test("a reset is told as one")
    func reset() async throws {
      try await withLoop { bench in
        let pair = try Pair(bench)
        pair.stream.endWriting()
        pair.stream.reset()
        bench.run { pair.log.isClosed && pair.farLog.isClosed }
        #expect(pair.farLog.error == .connectionReset)
        #expect(pair.log.error == nil)
        pair.close()
      }
    }

    @Test("writing to a side that has gone ends the stream, not the process")
    func writeToNobody() async throws {
      signal(SIGPIPE, SIG_DFL)
      try await withLoop { bench in
        let pair = try Pair(bench)
        pair.stream.pauseReading()
        pair.far.close()
        bench.turnEnd = { pair.stream.write([UInt8](repeating: 1, count: 1000)) }
        bench.schedule(1, inMilliseconds: 1)
        bench.due = { _, _ in bench.schedule(1, inMilliseconds: 1) }
        bench.run { pair.log.isClosed }
        // Which of the two the kernel reports depends on whether the reset came before the write.
        #expect(["EPIPE", "ECONNRESET"].contains(pair.log.error?.name))
        pair.close()
      }
    }

    @Test("nobody listens: refused")
    func refused() async throws {
      try await withLoop { bench in
        let listener = try bench.loop.listen(on: .loopback(port: 0), limit: 1, client: Acceptor())
        let endpoint = try #require(listener.local)
        listener.close()
        bench.run { bench.loop.handleCounts[.listener] == nil }
        let log = StreamLog()
        _ = try bench.loop.connect(to: endpoint, client: log)
        bench.run { log.isClosed }
        #expect(log.events == ["closed"] && log.error == .connectionRefused)
      }
    }

    @Test("nobody answers: timed out")
    func connectTimeout() async throws {
      try await withLoop { bench in
        // A queue of one that nobody takes from: later connections hang.
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        try #require(listen(descriptor, 0) == 0)
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let named = withUnsafeMutablePointer(to: &address) { pointer in
          pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        try #require(named == 0)
        let endpoint = Endpoint.loopback(port: UInt16(bigEndian: address.sin_port))
        let logs = (0..<4).map { _ in StreamLog() }
        var streams: [EventLoop.Stream] = []
        for log in logs {
          streams.append(try bench.loop.connect(to: endpoint, within: Nanoseconds.milliseconds(150), client: log))
        }
        bench.run { logs.contains { $0.isClosed } && logs.allSatisfy { !$0.events.isEmpty } }
        for log in logs where log.isClosed { #expect(log.events == ["closed"] && log.error == .timedOut) }
        #expect(logs[0].events == ["connected"])
        for stream in streams { stream.close() }
      }
    }

    @Test("a closed stream that was still connecting tells nothing but that")
    func closeWhileConnecting() async throws {
      try await withLoop { bench in
        let acceptor = Acceptor()
        acceptor.make = { nil }
        let listener = try bench.loop.listen(on: .loopback(port: 0), limit: 1, client: acceptor)
        let log = StreamLog()
        let stream = try bench.loop.connect(to: try #require(listener.local), client: log)
        stream.write([1, 2, 3])
        stream.close()
        bench.run { log.isClosed }
        #expect(log.events == ["closed"] && log.error == nil)
        listener.close()
      }
    }

    @Test("connections above the limit are reset and counted; a closed one makes room")
    func listenerLimit() async throws {
      try await withLoop { bench in
        let acceptor = Acceptor()
        let listener = try bench.loop.listen(on: .loopback(port: 0), limit: 2, client: acceptor)
        let endpoint = try #require(listener.local)
        let logs = (0..<3).map { _ in StreamLog() }
        let streams = try logs.map { try bench.loop.connect(to: endpoint, client: $0) }
        bench.run { logs.contains { $0.isClosed } && acceptor.streams.count == 2 }
        #expect(logs.filter(\.isClosed).count == 1)
        #expect(logs.first(where: \.isClosed)?.error == .connectionReset)
        #expect(listener.refused == 1 && listener.accepted == 2 && listener.openStreams == 2)
        acceptor.streams[0].close()
        bench.run { listener.openStreams == 1 }
        let late = StreamLog()
        let stream = try bench.loop.connect(to: endpoint, client: late)
        bench.run { acceptor.streams.count == 3 }
        #expect(listener.refused == 1)
        stream.close()
        for stream in streams { stream.close() }
        acceptor.closeAll()
        listener.close()
      }
    }

    @Test("a client that declines a connection resets it")
    func declined() async throws {
      try await withLoop { bench in
        let acceptor = Acceptor()
        acceptor.make = { nil }
        let listener = try bench.loop.listen(on: .loopback(port: 0), limit: 2, client: acceptor)
        let log = StreamLog()
        _ = try bench.loop.connect(to: try #require(listener.local), client: log)
        bench.run { log.isClosed }
        #expect(log.error == .connectionReset)
        #expect(listener.openStreams == 0)
        listener.close()
      }
    }

    @Test("a taken port is refused")
    func addressInUse() async throws {
      try await withLoop { bench in
        let listener = try bench.loop.listen(on: .loopback(port: 0), limit: 1, client: Acceptor())
        #expect(throws: UVError.addressInUse) {
          try bench.loop.listen(on: try #require(listener.local), limit: 1, client: Acceptor())
        }
        listener.close()
      }
    }

    @Test("dual stack", .enabled(if: hasIPv6, "no IPv6 on this machine"))
    func dualStack() async throws {
      try await withLoop { bench in
        let acceptor = Acceptor()
        let listener = try bench.loop.listen(on: .anyAddress(port: 0), limit: 2, client: acceptor)
        let port = try #require(listener.local).port
        let logs = [StreamLog(), StreamLog()]
        let four = try bench.loop.connect(to: .loopback(port: port), client: logs[0])
        let six = try bench.loop.connect(to: Endpoint(high: 0, low: 1, port: port), client: logs[1])
        bench.run { acceptor.streams.count == 2 && logs.allSatisfy { $0.events == ["connected"] } }
        let peers = acceptor.streams.compactMap { $0.peer?.addressText }
        #expect(peers.sorted() == ["127.0.0.1", "::1"])
        four.close()
        six.close()
        acceptor.closeAll()
        listener.close()
      }
    }

    // MARK: Unix sockets

    @Test("a Unix socket has its rights, knows who calls, and leaves no file")
    func unixSocket() async throws {
      try await withLoop { bench in
        try withDirectory { directory in
          let path = directory + "/control"
          let acceptor = Acceptor()
          let listener = try bench.loop.listen(onPath: path, limit: 2, client: acceptor)
          var status = stat()
          try #require(lstat(path, &status) == 0)
          #expect(status.st_mode & 0o7777 == 0o660)
          let log = StreamLog()
          let stream = try bench.loop.connect(toPath: path, client: log)
          bench.run { acceptor.streams.count == 1 && log.events == ["connected"] }
          #expect(
            try acceptor.streams[0].peerCredentials()
              == PeerCredentials(process: getpid(), user: getuid(), group: getgid()))
          stream.write("hello".bytes)
          stream.finish()
          acceptor.logs[0].onEnded = { $0.close() }
          bench.run { log.isClosed && acceptor.logs[0].isClosed }
          #expect(acceptor.logs[0].text == "hello".bytes)
          #expect(throws: UVError.addressInUse) {
            try bench.loop.listen(onPath: path, limit: 2, client: acceptor)
          }
          listener.close()
          bench.run { bench.loop.handleCounts[.listener] == nil }
          #expect(try Files.list(directory).isEmpty)
        }
      }
    }

    @Test("a socket file that a killed process left is replaced, another file is not")
    func staleSocket() async throws {
      try await withLoop { bench in
        try withDirectory { directory in
          let path = directory + "/control"
          let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
          var address = sockaddr_un()
          address.sun_family = sa_family_t(AF_UNIX)
          withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
          let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
              bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
          }
          try #require(bound == 0)
          close(descriptor)
          let listener = try bench.loop.listen(onPath: path, limit: 2, client: Acceptor())
          listener.close()

          let other = directory + "/file"
          try Files.replace(other, with: [1])
          #expect(throws: UVError.addressInUse) {
            try bench.loop.listen(onPath: other, limit: 2, client: Acceptor())
          }
          #expect(try Files.read(other, atMost: 10) == [1])
        }
      }
    }

    @Test("a path that libuv would cut off is refused")
    func longPath() async throws {
      try await withLoop { bench in
        let path = "/tmp/" + String(repeating: "x", count: 110)
        #expect(throws: UVError.nameTooLong) { try bench.loop.listen(onPath: path, limit: 1, client: Acceptor()) }
        #expect(throws: UVError.nameTooLong) { try bench.loop.connect(toPath: path, client: StreamLog()) }
      }
    }

    @Test("connecting to a path where nobody is")
    func noSocket() async throws {
      try await withLoop { bench in
        let log = StreamLog()
        _ = try bench.loop.connect(toPath: "/tmp/eventloop-nobody-is-here", client: log)
        bench.run { log.isClosed }
        #expect(log.events == ["closed"] && log.error == .notFound)
      }
    }
  }
}
