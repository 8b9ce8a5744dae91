import EventLoop
import Glibc
import Synchronization
import Testing
import Wire

/// All tests that run loops: one after the other, each on threads of its own, so that neither the machine nor the
/// cooperative pool is taken from other suites.
@Suite("Event loop", .serialized)
struct EventLoopTests {}

/// No test of this suite takes longer; what does hangs.
private let hangLimit = 30

/// Runs a body on a new thread and awaits it without blocking the caller's. It stays part of the caller's task, so its
/// issues belong to the test.
func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
  try await withTaskExecutorPreference(OwnThread()) { try body() }
}

/// Runs every piece of a task on a new thread.
private final class OwnThread: TaskExecutor {
  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    startThread { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Starts a detached thread.
func startThread(_ body: @escaping @Sendable () -> Void) {
  var thread = pthread_t()
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
  let argument = Unmanaged.passRetained(ThreadBody(body)).toOpaque()
  let result = pthread_create(
    &thread, &attributes,
    { argument in
      if let argument { Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run() }
      return nil
    }, argument)
  pthread_attr_destroy(&attributes)
  precondition(result == 0, "no thread")
}

func sleepMilliseconds(_ count: Int) { usleep(UInt32(count) * 1000) }

/// A loop on a thread of its own, closed afterwards; a loop that hangs is stopped and fails the test.
///
/// It waits for events only: whatever needs the loop's own regular wake-up to be noticed shows as a hang.
func withLoop(longestWait: UInt64 = Nanoseconds.seconds(3600), _ body: @escaping @Sendable (Bench) throws -> Void)
  async throws
{
  try await onThread {
    let loop = try Loop(longestWait: longestWait)
    let wakeup = try loop.wakeup { loop.stop() }
    let bell = wakeup.bell
    let flags = Flags()
    startThread {
      for _ in 0..<(hangLimit * 100) {
        if flags.isDone.load(ordering: .acquiring) { return }
        sleepMilliseconds(10)
      }
      flags.hung.store(true, ordering: .releasing)
      bell.ring()
    }
    let bench = Bench(loop, flags)
    let result = Result { try body(bench) }
    bench.forgetReactions()
    flags.isDone.store(true, ordering: .releasing)
    wakeup.close()
    let hung = flags.hung.load(ordering: .acquiring)
    #expect(!hung, "the loop hung; trace: \(bench.trace)")
    do { try loop.close() } catch { #expect(bench.expectsLeftOvers, "\(error)") }
    try result.get()
  }
}

final class Flags: Sendable {
  let isDone = Atomic<Bool>(false)
  let hung = Atomic<Bool>(false)
}

/// The client of a test's loop: writes down what happens and lets the test react.
final class Bench: LoopClient {
  let loop: Loop
  var trace: [String] = []
  var received: ((UnsafeMutableRawBufferPointer, Endpoint, Datagrams) -> Void)?
  var due: ((Wire.Timer, Now) -> Void)?
  var turnEnd: (() -> Void)?
  var expectsLeftOvers = false

  private let flags: Flags
  private static let tick: UInt8 = 255

  fileprivate init(_ loop: Loop, _ flags: Flags) {
    self.loop = loop
    self.flags = flags
  }

  /// Runs turns until something holds; looks at the end of each turn, every few milliseconds at least, because much
  /// happens after a turn's end.
  func run(until condition: @escaping () -> Bool) {
    schedule(Bench.tick, inMilliseconds: 2)
    runUndisturbed(until: condition)
  }

  /// The same with no deadlines but the test's own.
  func runUndisturbed(until condition: @escaping () -> Bool) {
    if flags.hung.load(ordering: .acquiring) { return }
    let earlier = turnEnd
    turnEnd = { [loop] in
      earlier?()
      if condition() { loop.stop() }
    }
    loop.run(self)
    turnEnd = earlier
  }

  /// They hold what they were made of, often this bench.
  fileprivate func forgetReactions() {
    received = nil
    due = nil
    turnEnd = nil
  }

  func schedule(_ kind: UInt8, inMilliseconds delay: UInt64) {
    loop.schedule(
      Deadline(at: loop.now.monotonic + Nanoseconds.milliseconds(delay), timer: Timer(kind: kind)))
  }

  func stalled(by: UInt64, now: Now) { trace.append("stall") }

  func received(_ datagram: UnsafeMutableRawBufferPointer, from: Endpoint, on socket: Datagrams, now: Now) {
    trace.append("datagram")
    received?(datagram, from, socket)
  }

  func due(_ timer: Wire.Timer, at: UInt64, now: Now) {
    if timer.kind == Bench.tick { return schedule(Bench.tick, inMilliseconds: 2) }
    trace.append("due \(timer.kind)")
    #expect(now.monotonic >= at, "fired before its time")
    due?(timer, now)
  }

  func turnEnded(now: Now) { turnEnd?() }
}

/// A stream's client that writes down what happens.
final class StreamLog: StreamClient {
  var text: [UInt8] = []
  var count = 0
  var events: [String] = []
  var error: UVError?
  var onConnected: ((EventLoop.Stream) -> Void)?
  var onReceived: ((UnsafeRawBufferPointer, EventLoop.Stream) -> Void)?
  var onEnded: ((EventLoop.Stream) -> Void)?
  var onDrained: ((EventLoop.Stream) -> Void)?
  var onClosed: (() -> Void)?
  var isClosed: Bool { events.last == "closed" }

  func connected(_ stream: EventLoop.Stream) {
    events.append("connected")
    onConnected?(stream)
  }

  func received(_ bytes: UnsafeRawBufferPointer, on stream: EventLoop.Stream) {
    if events.last != "received" { events.append("received") }
    count += bytes.count
    if let onReceived { onReceived(bytes, stream) } else { text += bytes }
  }

  func drained(_ stream: EventLoop.Stream) {
    events.append("drained")
    onDrained?(stream)
  }

  func ended(_ stream: EventLoop.Stream) {
    events.append("ended")
    onEnded?(stream)
  }

  func closed(_ stream: EventLoop.Stream, _ error: UVError?) {
    events.append("closed")
    self.error = error
    onClosed?()
    // They hold what they were made of, often this log.
    onConnected = nil
    onReceived = nil
    onEnded = nil
    onDrained = nil
    onClosed = nil
  }
}

/// Gives every accepted stream a log.
final class Acceptor: ListenerClient {
  var logs: [StreamLog] = []
  var streams: [EventLoop.Stream] = []
  var errors: [UVError] = []
  var make: () -> StreamLog? = { StreamLog() }

  func accepted(_ stream: EventLoop.Stream, by listener: Listener) -> (any StreamClient)? {
    guard let log = make() else { return nil }
    logs.append(log)
    streams.append(stream)
    return log
  }

  func acceptFailed(_ error: UVError, by listener: Listener) { errors.append(error) }

  func closeAll() { for stream in streams { stream.close() } }
}

extension String {
  var bytes: [UInt8] { Array(utf8) }
}

extension Datagrams {
  func send(_ bytes: [UInt8], to endpoint: Endpoint) { bytes.withUnsafeBytes { _ = send($0, to: endpoint) } }
}

/// A directory for one test, removed afterwards.
func withDirectory(_ body: (String) throws -> Void) throws {
  var template = Array("/tmp/eventloop-XXXXXX".utf8CString)
  try #require(mkdtemp(&template) != nil)
  let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  defer {
    for name in (try? Files.list(path)) ?? [] { try? Files.remove("\(path)/\(name)") }
    try? Files.removeDirectory(path)
  }
  try body(path)
}

let hasIPv6: Bool = {
  let descriptor = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue), 0)
  guard descriptor >= 0 else { return false }
  defer { close(descriptor) }
  var address = sockaddr_in6()
  address.sin6_family = sa_family_t(AF_INET6)
  address.sin6_addr.__in6_u.__u6_addr8.15 = 1
  return withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
    }
  }
}()
