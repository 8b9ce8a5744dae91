import EventLoop
import Glibc
import Testing
import Wire

extension EventLoopTests {
  @Suite("Turns and deadlines")
  struct LoopTests {
    /// The loop stands still while datagrams come in and a deadline passes.
    private func stalledTrace(datagrams: Int, then stop: @escaping @Sendable (Bench) -> Bool) async throws -> [String] {
      nonisolated(unsafe) var trace: [String] = []
      try await withLoop { bench in
        let socket = try bench.loop.datagrams(on: .loopback(port: 0))
        let sender = try bench.loop.datagrams(on: .loopback(port: 0))
        bench.due = { timer, _ in
          guard timer.kind == 1 else { return }
          bench.schedule(2, inMilliseconds: 5)
          for _ in 0..<datagrams { sender.send([1, 2, 3], to: socket.local) }
          sleepMilliseconds(300)
        }
        bench.schedule(1, inMilliseconds: 0)
        bench.runUndisturbed { stop(bench) }
        #expect(socket.counters.droppedByKernel == 0)
        #expect(bench.loop.counters.stalls == 1)
        trace = bench.trace
        socket.close()
        sender.close()
      }
      return trace
    }

    @Test("a stall is told first, then the socket is emptied, then what is due fires")
    func stalledLoop() async throws {
      let trace = try await stalledTrace(datagrams: 300) { $0.trace.last == "due 2" }
      #expect(trace == ["due 1", "stall"] + [String](repeating: "datagram", count: 300) + ["due 2"])
    }

    @Test("more datagrams than one turn's budget do not hold deadlines up for ever")
    func budget() async throws {
      let trace = try await stalledTrace(datagrams: 530) { $0.trace.filter { $0 == "datagram" }.count == 530 }
      let budget = [String](repeating: "datagram", count: Loop.datagramsPerTurn)
      let rest = [String](repeating: "datagram", count: 530 - Loop.datagramsPerTurn)
      #expect(trace == ["due 1", "stall"] + budget + ["due 2"] + rest)
    }

    @Test("a datagram that came after the wait, but before the deadline fires, is taken first")
    func lateDatagram() async throws {
      try await withLoop { bench in
        let loop = bench.loop
        let socket = try loop.datagrams(on: .loopback(port: 0))
        // The wake-up's call comes after libuv has looked for readable sockets; then both happen at once.
        let wakeup = try loop.wakeup {
          socket.send([1], to: socket.local)
          loop.schedule(Deadline(at: 0, timer: Timer(kind: 7)))
        }
        wakeup.bell.ring()
        bench.runUndisturbed { bench.trace.count >= 2 }
        #expect(bench.trace == ["datagram", "due 7"])
        socket.close()
        wakeup.close()
      }
    }

    @Test("a stall is told before the streams' calls of the same turn, and the rest of it afterwards")
    func stallBeforeStreams() async throws {
      try await withLoop { bench in
        let acceptor = Acceptor()
        let listener = try bench.loop.listen(on: .loopback(port: 0), limit: 4, client: acceptor)
        acceptor.make = {
          let log = StreamLog()
          log.onReceived = { _, _ in
            bench.trace.append("bytes")
            sleepMilliseconds(300)
          }
          return log
        }
        let log = StreamLog()
        let stream = try bench.loop.connect(to: try #require(listener.local), client: log)
        bench.runUndisturbed { acceptor.logs.count == 1 && log.events == ["connected"] }
        stream.write([1])
        bench.schedule(2, inMilliseconds: 0)
        sleepMilliseconds(300)
        bench.runUndisturbed { bench.trace.contains("due 2") }
        #expect(bench.trace == ["stall", "bytes", "stall", "due 2"])
        stream.close()
        acceptor.streams[0].close()
        listener.close()
      }
    }

    @Test("a deadline is served when nothing else happens")
    func onlyADeadline() async throws {
      try await withLoop { bench in
        bench.schedule(3, inMilliseconds: 50)
        bench.runUndisturbed { !bench.trace.isEmpty }
        #expect(bench.trace == ["due 3"])
        // One turn when it is due; one or two for the millisecond that libuv rounds to.
        #expect(bench.loop.counters.turns <= 3)
        #expect(bench.loop.counters.stalls == 0 || bench.loop.counters.turns == 1)
      }
    }

    /// A stream that fails to connect: its last call comes after a turn, and nothing else happens then.
    private func failToConnect(_ bench: Bench, then closed: @escaping () -> Void) throws {
      let log = StreamLog()
      log.onClosed = closed
      _ = try bench.loop.connect(toPath: "/tmp/eventloop-nobody-is-here", client: log)
    }

    @Test("a deadline that passes between the turn and the next wait does not sleep through the wait")
    func deadlineBeforeTheWait() async throws {
      try await withLoop { bench in
        // libuv runs its timers after this call and before it waits.
        try failToConnect(bench) { sleepMilliseconds(60) }
        bench.schedule(2, inMilliseconds: 20)
        bench.runUndisturbed { bench.trace.contains("due 2") }
      }
    }

    @Test("a deadline set in a close callback, after the turn, is not forgotten")
    func deadlineAfterTheTurn() async throws {
      try await withLoop { bench in
        try failToConnect(bench) { bench.schedule(1, inMilliseconds: 0) }
        bench.runUndisturbed { bench.trace == ["due 1"] }
        try failToConnect(bench) { bench.schedule(2, inMilliseconds: 20) }
        bench.runUndisturbed { bench.trace == ["due 1", "due 2"] }
      }
    }

    @Test("a freeze is noticed when nothing is scheduled")
    func freeze() async throws {
      try await withLoop(longestWait: Nanoseconds.milliseconds(20)) { bench in
        let wakeup = try bench.loop.wakeup { sleepMilliseconds(400) }
        wakeup.bell.ring()
        bench.runUndisturbed { !bench.trace.isEmpty }
        #expect(bench.trace == ["stall"])
        #expect(bench.loop.takeWorstLateness() >= Loop.stallLimit)
        #expect(bench.loop.takeWorstLateness() == 0)
        wakeup.close()
      }
    }

    @Test("deadlines fire in order of time, equal ones in order of asking; past ones are no stall")
    func order() async throws {
      try await withLoop { bench in
        let base = bench.loop.now.monotonic
        for (kind, offset) in [(5, 30), (1, 0), (2, 10), (3, 10), (4, 10)] as [(UInt8, UInt64)] {
          bench.loop.schedule(
            Deadline(at: base + Nanoseconds.milliseconds(offset), timer: Timer(kind: kind)))
        }
        bench.loop.schedule(Deadline(at: 1, timer: Timer(kind: 0)))
        bench.runUndisturbed { bench.trace.count >= 6 }
        #expect(bench.trace.last == "due 5")
        #expect(Array(bench.trace.suffix(4)) == ["due 2", "due 3", "due 4", "due 5"])
        #expect(bench.trace.prefix(2).sorted() == ["due 0", "due 1"])
      }
    }

    @Test("a deadline that is set again and again for now does not keep a turn from ending")
    func endless() async throws {
      try await withLoop { bench in
        bench.due = { timer, now in bench.loop.schedule(Deadline(at: now.monotonic, timer: timer)) }
        bench.schedule(1, inMilliseconds: 0)
        bench.runUndisturbed { bench.loop.counters.turns >= 10 }
        #expect(bench.loop.counters.deadlines <= bench.loop.counters.turns)
      }
    }

    @Test("run can be called again, and stop before it counts")
    func again() async throws {
      try await withLoop { bench in
        for _ in 0..<3 {
          let before = bench.loop.counters.turns
          bench.schedule(1, inMilliseconds: 0)
          bench.runUndisturbed { bench.loop.counters.turns > before }
        }
        #expect(bench.loop.counters.turns == 3)
      }
    }

    @Test("whatever is left open is closed and named")
    func leftOpen() async throws {
      try await onThread {
        let loop = try Loop()
        let acceptor = Acceptor()
        let log = StreamLog()
        _ = try loop.datagrams(on: .loopback(port: 0))
        _ = try loop.datagrams(on: .loopback(port: 0))
        let listener = try loop.listen(on: .loopback(port: 0), limit: 4, client: acceptor)
        _ = try loop.connect(to: try #require(listener.local), client: log)
        _ = try loop.watch(signal: SIGUSR2) {}
        _ = try loop.wakeup {}
        let closed = try loop.wakeup {}
        closed.close()
        #expect(loop.handleCounts == [.datagrams: 2, .listener: 1, .stream: 1, .signal: 1, .wakeup: 2])
        #expect(
          throws: Loop.CloseError.leftOpen([.datagrams: 2, .listener: 1, .stream: 1, .signal: 1, .wakeup: 1])
        ) { try loop.close() }
        #expect(loop.handleCounts.isEmpty)
        #expect(log.events == ["closed"])
        #expect(throws: Never.self) { try loop.close() }
      }
    }
  }
}
