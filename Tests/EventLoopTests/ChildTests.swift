import EventLoop
import Glibc
import Synchronization
import Testing
import Wire

extension EventLoopTests {
  @Suite("Children and signals")
  struct ChildTests {
    private func exit(of plan: ChildPlan, _ started: @escaping @Sendable (Child) throws -> Void = { _ in })
      async throws -> ChildExit?
    {
      let box = Box()
      try await withLoop { bench in
        let child = try bench.loop.spawn(plan) { child, exit in
          #expect(child.exit == exit)
          box.exit.withLock { $0 = exit }
        }
        #expect(child.processID > 0)
        try started(child)
        bench.run { !child.isOpen }
        #expect(throws: UVError.noSuchProcess) { try child.kill(signal: SIGTERM) }
      }
      return box.exit.withLock { $0 }
    }

    private final class Box: Sendable {
      let exit = Mutex<ChildExit?>(nil)
    }

    @Test("the exit code is told") func exitCode() async throws {
      #expect(try await exit(of: ChildPlan("/bin/sh", ["-c", "exit 7"])) == .code(7))
    }

    @Test("the signal that ended it is told") func killed() async throws {
      #expect(try await exit(of: ChildPlan("sleep", ["600"])) { try $0.kill(signal: SIGTERM) } == .signal(SIGTERM))
      #expect(try await exit(of: ChildPlan("sleep", ["600"])) { try $0.kill(signal: SIGKILL) } == .signal(SIGKILL))
    }

    @Test("a program that is not there is an error, and nothing stays open") func notThere() async throws {
      try await withLoop { bench in
        var plan = ChildPlan("/nowhere/program")
        #expect(throws: UVError.notFound) { try bench.loop.spawn(plan) { _, _ in } }
        plan.input = .piped
        plan.output = .piped
        #expect(throws: UVError.notFound) { try bench.loop.spawn(plan, pipes: StreamLog()) { _, _ in } }
      }
    }

    @Test("piped streams carry both ways; environment and directory are the plan's")
    func pipes() async throws {
      try await withLoop { bench in
        var plan = ChildPlan("/bin/sh", ["-c", "read line; echo $line $NAME $(pwd); echo problem >&2"])
        plan.environment = ["NAME=value"]
        plan.directory = "/"
        plan.input = .piped
        plan.output = .piped
        plan.errors = .piped
        var exit: ChildExit?
        let pipes = Pipes()
        let child = try bench.loop.spawn(plan, pipes: pipes) { _, result in exit = result }
        pipes.output = child.output
        child.input?.write("spoken\n".bytes)
        child.input?.endWriting()
        bench.run { exit != nil && pipes.closed == 3 }
        #expect(exit == .code(0))
        #expect(String(decoding: pipes.outputText, as: UTF8.self) == "spoken value /\n")
        #expect(String(decoding: pipes.errorText, as: UTF8.self) == "problem\n")
      }
    }

    private final class Pipes: StreamClient {
      var output: EventLoop.Stream?
      var outputText: [UInt8] = []
      var errorText: [UInt8] = []
      var closed = 0
      func received(_ bytes: UnsafeRawBufferPointer, on stream: EventLoop.Stream) {
        if stream === output { outputText += bytes } else { errorText += bytes }
      }
      func ended(_ stream: EventLoop.Stream) { stream.close() }
      func closed(_ stream: EventLoop.Stream, _ error: UVError?) { closed += 1 }
    }

    @Test("a child dies with the thread of its loop, if its plan says so")
    func diesWithParent() async throws {
      let pids = try await onThread {
        let loop = try Loop()
        var plan = ChildPlan("sleep", ["600"])
        plan.output = .null
        plan.errors = .null
        let first = try loop.spawn(plan) { _, _ in }
        plan.diesWithParent = false
        let second = try loop.spawn(plan) { _, _ in }
        #expect(throws: Loop.CloseError.leftOpen([.child: 2])) { try loop.close() }
        return [first.processID, second.processID]
      }
      try await onThread {
        var status: Int32 = 0
        var ended: Int32 = 0
        for _ in 0..<3000 where ended == 0 {
          ended = waitpid(pids[0], &status, WNOHANG)
          if ended == 0 { sleepMilliseconds(10) }
        }
        #expect(ended == pids[0])
        #expect(status & 0x7f == SIGKILL)
        #expect(waitpid(pids[1], &status, WNOHANG) == 0)
        kill(pids[1], SIGKILL)
        #expect(waitpid(pids[1], &status, 0) == pids[1])
      }
    }

    @Test("a child has a session of its own and default signals")
    func session() async throws {
      try await withLoop { bench in
        // Fields 5 to 6 of stat: process group, session. SigIgn: what it ignores.
        var plan = ChildPlan("/bin/sh", ["-c", "cut -d' ' -f1,6 /proc/$$/stat; grep SigIgn /proc/$$/status"])
        plan.output = .piped
        var exit: ChildExit?
        let log = StreamLog()
        log.onEnded = { $0.close() }
        let child = try bench.loop.spawn(plan, pipes: log) { _, result in exit = result }
        bench.run { exit != nil && log.isClosed }
        let lines = String(decoding: log.text, as: UTF8.self).split(separator: "\n")
        #expect(lines.first == "\(child.processID) \(child.processID)")
        // Signal 32 and above are not for programs.
        let ignored = lines.last.flatMap { UInt64($0.dropFirst("SigIgn:\t".count), radix: 16) }
        #expect(ignored.map { $0 & 0x7fff_ffff } == 0, "\(lines)")
      }
    }

    private static let mayDump: Bool = {
      var limit = rlimit()
      return getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0 && limit.rlim_max > 0
    }()

    @Test(
      "core dumps are off for us and, if the plan says so, on for a child",
      .enabled(if: mayDump, "the hard limit forbids core dumps to everybody"))
    func coreDumps() async throws {
      // In a process of its own: it would hold for the rest of the tests.
      await #expect(processExitsWith: .success) {
        var limit = rlimit()
        try Hardening.forbidCoreDumps()
        getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
        try #require(limit.rlim_cur == 0 && !Hardening.isDumpable)
        for allowed in [true, false] {
          let loop = try Loop()
          let log = StreamLog()
          log.onEnded = { $0.close() }
          log.onClosed = { loop.stop() }
          var plan = ChildPlan("/bin/sh", ["-c", "set -- $(grep core /proc/self/limits); echo $5"])
          plan.allowsCoreDumps = allowed
          plan.output = .piped
          var exit: ChildExit?
          _ = try loop.spawn(plan, pipes: log) { _, result in exit = result }
          while exit == nil || !log.isClosed {
            let client = Quiet { if exit != nil && log.isClosed { loop.stop() } }
            loop.run(client)
          }
          // Its soft limit, in bytes.
          let text = String(decoding: log.text, as: UTF8.self)
          try #require(allowed ? text != "0\n" : text == "0\n")
          try loop.close()
        }
      }
    }

    @Test("no new privileges")
    func noNewPrivileges() async throws {
      await #expect(processExitsWith: .success) {
        try Hardening.forbidNewPrivileges()
        let status = try Files.read("/proc/thread-self/status", atMost: 1 << 16)
        try #require(String(decoding: status, as: UTF8.self).contains("NoNewPrivs:\t1"))
      }
    }

    // MARK: Signals

    @Test("signals arrive as calls, until the watch is closed")
    func signals() async throws {
      try await withLoop { bench in
        var first = 0
        var second = 0
        let one = try bench.loop.watch(signal: SIGUSR1) { first += 1 }
        let two = try bench.loop.watch(signal: SIGUSR1) { second += 1 }
        kill(getpid(), SIGUSR1)
        bench.run { first == 1 && second == 1 }
        one.close()
        kill(getpid(), SIGUSR1)
        bench.run { second == 2 }
        #expect(first == 1)
        two.close()
      }
    }

    @Test("a signal that nobody can watch is an error")
    func impossibleSignal() async throws {
      try await withLoop { bench in
        #expect(throws: UVError.invalid) { try bench.loop.watch(signal: SIGKILL) {} }
      }
    }
  }
}

/// A client of a loop that only looks at the end of each turn.
final class Quiet: LoopClient {
  private let look: () -> Void
  init(_ look: @escaping () -> Void) { self.look = look }
  func stalled(by: UInt64, now: Now) {}
  func received(_ datagram: UnsafeMutableRawBufferPointer, from: Endpoint, on socket: Datagrams, now: Now) {}
  func due(_ timer: Wire.Timer, at: UInt64, now: Now) {}
  func turnEnded(now: Now) { look() }
}
