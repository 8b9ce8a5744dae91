import UVShim
package import Wire

/// Who lives on a loop: what happens in a turn, in this order. The calls of one turn never overlap.
///
/// Streams, children and the like have clients of their own; their calls come before those of the same turn here,
/// except that `stalled` always comes first.
package protocol LoopClient: AnyObject {
  /// The loop was late by so many nanoseconds (>= `Loop.stallLimit`): the process was stopped, suspended, starved, or
  /// one of us computed for too long. Called before anything else of the turn: what is due proves nothing yet.
  func stalled(by: UInt64, now: Now)
  /// One datagram. Its bytes may be changed (opened in place) and are valid during the call only.
  func received(_ datagram: UnsafeMutableRawBufferPointer, from: Endpoint, on: Datagrams, now: Now)
  /// A timer of `Loop.schedule`. Late ones of earlier lives are for the client to recognise by their token.
  func due(_ timer: Timer, at: UInt64, now: Now)
  /// The last call of a turn: send what the turn has gathered.
  func turnEnded(now: Now)
}

/// One thread's event loop over libuv.
///
///     final class Echo: LoopClient {
///       func received(_ bytes: UnsafeMutableRawBufferPointer, from: Endpoint, on socket: Datagrams, now: Now) {
///         socket.send(UnsafeRawBufferPointer(bytes), to: from)
///       }
///       func due(_ timer: Timer, at: UInt64, now: Now) {}
///       func stalled(by: UInt64, now: Now) {}
///       func turnEnded(now: Now) {}
///     }
///     let loop = try Loop()
///     let socket = try loop.datagrams(on: .loopback(port: 7000))
///     let signal = try loop.watch(signal: SIGTERM) { loop.stop() }
///     loop.run(Echo())                        // until stop()
///     socket.close(); signal.close()          // whatever is still open at close() is a mistake and thrown
///     try loop.close()
///
/// A turn: wait → callbacks of streams, children, … → (1) lateness measured, `stalled`; (2) sockets emptied, at most
/// `datagramsPerTurn` datagrams; (3) due deadlines in order; (4) `turnEnded`. So nothing that is due fires while an
/// answer that came in time waits in the socket. libuv runs its timers *before* it waits, hence the loop's only
/// `uv_timer` merely starts an idle handle, which keeps the wait from sleeping, and deadlines fire after the wait.
///
/// Everything on a loop belongs to the thread that runs it; only `Wakeup.Bell` may be used from elsewhere.
package final class Loop {
  /// From here on lateness is a stall (DESIGN 3.2).
  package static let stallLimit: UInt64 = 250_000_000
  /// Datagrams handled before deadlines and streams get their turn again.
  package static let datagramsPerTurn = 512
  /// The loop wakes at least so often: a freeze or suspend is noticed by then even when nothing is scheduled, and the
  /// timer, whose clock stands still during suspend, is never wrong for longer.
  package static let longestWait: UInt64 = 1_000_000_000
  /// Size of the buffer that all streams of the loop read into, one after the other.
  static let readSlabSize = 64 << 10

  package struct Counters: Sendable {
    package var turns: UInt64 = 0
    package var datagrams: UInt64 = 0
    package var deadlines: UInt64 = 0
    package var stalls: UInt64 = 0
    /// Turns that ended with datagrams still waiting.
    package var backlogTurns: UInt64 = 0
    /// Most deadlines in the heap at once.
    package var mostDeadlines = 0
    /// Lateness of the last turn, in nanoseconds.
    package var lateness: UInt64 = 0
    /// The greatest lateness since `takeWorstLateness`.
    package var worstLateness: UInt64 = 0
  }

  private enum State { case idle, running, closing, closed, abandoned }

  package private(set) var counters = Counters()
  let uv: UnsafeMutablePointer<uv_loop_t>
  let readSlab = UnsafeMutableRawBufferPointer.allocate(byteCount: Loop.readSlabSize, alignment: 16)
  var sockets: [Datagrams] = []
  var lanes: [Lane] = []
  /// Work and name look-ups on the pool whose end has not been told yet.
  var poolJobs = 0

  private let timer = UnsafeMutablePointer<uv_timer_t>.allocate(capacity: 1)
  private let idle = UnsafeMutablePointer<uv_idle_t>.allocate(capacity: 1)
  private let prepare = UnsafeMutablePointer<uv_prepare_t>.allocate(capacity: 1)
  private let check = UnsafeMutablePointer<uv_check_t>.allocate(capacity: 1)

  private let longestWait: UInt64
  private var client: (any LoopClient)?
  private var state = State.idle
  private var deadlines = Deadlines()
  private var openHandles = [Int](repeating: 0, count: Handle.Kind.allCases.count)
  private var firstSocket = 0
  private var hasBacklog = false
  /// The latest reading of the clock.
  private var lastNow = SystemClock.now
  /// When the loop meant to be awake again.
  private var expectedWake: UInt64 = .max
  /// What the timer is set to.
  private var timerTarget: UInt64 = .max
  private var isInTurn = false
  private var hasMeasured = false
  private var reportedLateness: UInt64 = 0

  /// Also makes the process ignore SIGPIPE. (Tests wait longer, so that a wake-up that is missed shows.)
  package init(longestWait: UInt64 = Loop.longestWait) throws(UVError) {
    self.longestWait = longestWait
    uvshim_ignore_sigpipe()
    uv = .allocate(capacity: 1)
    let result = uv_loop_init(uv)
    guard result >= 0 else {
      uv.deallocate()
      readSlab.deallocate()
      state = .closed
      freeOwnHandles()
      throw UVError(code: result)
    }
    uv.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    // These four cannot fail.
    uv_timer_init(uv, timer)
    uv_idle_init(uv, idle)
    uv_prepare_init(uv, prepare)
    uv_check_init(uv, check)
    timer.pointee.data = nil
    idle.pointee.data = nil
    prepare.pointee.data = nil
    check.pointee.data = nil
    uv_prepare_start(prepare) { loopOf($0?.pointee.loop)?.hasMeasured = false }
    uv_check_start(check) { loopOf($0?.pointee.loop)?.turn() }
  }

  deinit {
    precondition(state == .closed || state == .abandoned, "a loop was dropped without close()")
  }

  private func freeOwnHandles() {
    timer.deallocate()
    idle.deallocate()
    prepare.deallocate()
    check.deallocate()
  }

  // MARK: Running

  /// Runs turns on this thread until `stop()`. Keeps the client for the time of the call only.
  package func run(_ client: any LoopClient) {
    precondition(state == .idle, "run() on a loop that runs or is closed")
    state = .running
    self.client = client
    readClock()
    settle()
    uv_run(uv, UV_RUN_DEFAULT)
    self.client = nil
    state = .idle
  }

  /// The current turn is the last one of `run`.
  package func stop() { uv_stop(uv) }

  /// The time, read anew.
  package var now: Now {
    readClock()
    return lastNow
  }

  /// `due` is called for this timer at that moment, or in the next turn when it has passed. There is no cancelling.
  package func schedule(_ deadline: Deadline) {
    deadlines.insert(deadline.timer, at: deadline.at, notBefore: lastNow.monotonic)
    deadlineInserted()
  }

  /// The greatest lateness since the last call: the loop lag of a load record.
  package func takeWorstLateness() -> UInt64 {
    let worst = counters.worstLateness
    counters.worstLateness = 0
    return worst
  }

  // MARK: A turn

  /// Callbacks between the wait and the check handler call this first, so that `stalled` comes before them.
  func wakeUp() {
    if !hasMeasured { measureLateness() }
  }

  private func turn() {
    guard let client else { return }
    isInTurn = true
    counters.turns &+= 1
    measureLateness()
    receive(client)
    fireDeadlines(client)
    client.turnEnded(now: now)
    isInTurn = false
    reportedLateness = 0
    settle()
  }

  private func measureLateness() {
    hasMeasured = true
    readClock()
    let expected = min(expectedWake, deadlines.earliest ?? .max)
    let late = lastNow.monotonic > expected ? lastNow.monotonic - expected : 0
    counters.lateness = late
    counters.worstLateness = max(counters.worstLateness, late)
    guard let client, late >= reportedLateness + Loop.stallLimit else { return }
    counters.stalls &+= 1
    let more = late - reportedLateness
    reportedLateness = late
    client.stalled(by: more, now: lastNow)
  }

  private func receive(_ client: any LoopClient) {
    hasBacklog = false
    // The wait may have ended before the last datagram came: look once more before anything fires.
    let mustLook = (deadlines.earliest ?? .max) <= lastNow.monotonic
    let sockets = sockets
    guard !sockets.isEmpty else { return }
    var budget = Loop.datagramsPerTurn
    // Another one first in each turn, so that a flooded socket does not starve the others.
    firstSocket = (firstSocket + 1) % sockets.count
    for offset in 0..<sockets.count {
      let socket = sockets[(firstSocket + offset) % sockets.count]
      guard socket.isReadable || mustLook else { continue }
      let taken = socket.receive(client, atMost: budget)
      budget -= taken
      counters.datagrams &+= UInt64(taken)
      if socket.isReadable && socket.isOpen { hasBacklog = true }
    }
    if hasBacklog { counters.backlogTurns &+= 1 }
  }

  private func fireDeadlines(_ client: any LoopClient) {
    readClock()
    let now = lastNow
    // Those that are scheduled meanwhile wait for the next turn, so a turn ends.
    var left = deadlines.count
    while left > 0, let due = deadlines.popFirst(dueBy: now.monotonic) {
      left -= 1
      counters.deadlines &+= 1
      switch due {
      case .client(let timer, let at): client.due(timer, at: at, now: now)
      case .handle(let token): deadlines.takeHandle(token: token)?.timedOut()
      }
    }
  }

  /// Prepares the wait: no sleeping while something is left to do, else until the earliest deadline.
  private func settle() {
    readClock()
    let now = lastNow.monotonic
    counters.mostDeadlines = max(counters.mostDeadlines, deadlines.count)
    let target = min(deadlines.earliest ?? .max, now &+ longestWait)
    if hasBacklog || target <= now {
      startIdle()
      expectedWake = now
    } else {
      uv_idle_stop(idle)
      setTimer(target, now: now)
      expectedWake = target
    }
  }

  private func setTimer(_ target: UInt64, now: UInt64) {
    timerTarget = target
    // libuv counts whole milliseconds from a time that it reads once per turn.
    uv_update_time(uv)
    uv_timer_start(timer, { loopOf($0?.pointee.loop)?.startIdle() }, (target - now + 999_999) / 1_000_000, 0)
  }

  private func startIdle() {
    timerTarget = .max
    uv_timer_stop(timer)
    uv_idle_start(idle) { _ in }
  }

  private func deadlineInserted() {
    // A turn ends with `settle`. Outside of one (close callbacks run after it, others before it) the wait may follow.
    guard !isInTurn, state == .running, let earliest = deadlines.earliest, earliest < timerTarget else { return }
    readClock()
    if earliest <= lastNow.monotonic { startIdle() } else { setTimer(earliest, now: lastNow.monotonic) }
  }

  private func readClock() { lastNow = SystemClock.now }

  // MARK: What handles need

  func setTimeout(_ handle: Handle, after: UInt64) -> UInt64 {
    readClock()
    let token = deadlines.insert(handle, at: lastNow.monotonic &+ after)
    deadlineInserted()
    return token
  }

  func cancelTimeout(_ token: UInt64) { deadlines.cancel(token: token) }

  var canBegin: Bool { state == .idle || state == .running }

  func handleOpened(_ kind: Handle.Kind) {
    precondition(canBegin, "a \(kind) was opened on a closed loop")
    openHandles[index(kind)] += 1
  }

  func handleClosed(_ kind: Handle.Kind) { openHandles[index(kind)] -= 1 }

  private func index(_ kind: Handle.Kind) -> Int { Handle.Kind.allCases.firstIndex(of: kind) ?? 0 }

  /// Handles that are open or closing, by kind; kinds without any are left out.
  package var handleCounts: [Handle.Kind: Int] {
    var counts: [Handle.Kind: Int] = [:]
    for kind in Handle.Kind.allCases where openHandles[index(kind)] > 0 { counts[kind] = openHandles[index(kind)] }
    return counts
  }

  // MARK: Closing

  package enum CloseError: Error, Hashable, Sendable {
    /// These were still open: a mistake of whoever opened them. They are closed now, and so is the loop.
    case leftOpen([Handle.Kind: Int])
    /// So many jobs on the pool did not end in time (a name look-up can take half a minute). The loop stays as it is,
    /// its memory is given up: end the process.
    case poolBusy(Int)
  }

  /// Closes the loop for good and everything on it; `run` must have returned. Waits for jobs on the pool, not longer
  /// than `limit` nanoseconds. The loop's deadlines are forgotten.
  package func close(waiting limit: UInt64 = 5_000_000_000) throws(CloseError) {
    if state == .closed { return }
    precondition(state == .idle, "close() on a loop that runs")
    var leftOpen: [Handle.Kind: Int] = [:]
    withUnsafeMutablePointer(to: &leftOpen) { counts in
      uv_walk(
        uv,
        { handle, counts in
          guard let handle, let counts else { return }
          withHandle(handle, as: Handle.self) { me in
            guard me.isOpen else { return }
            counts.assumingMemoryBound(to: [Handle.Kind: Int].self).pointee[me.kind, default: 0] += 1
            me.close()
          }
        }, counts)
    }
    state = .closing
    deadlines.removeAll()
    for lane in lanes { lane.cancelWaiting() }
    lanes.removeAll()

    uv_idle_stop(idle)
    uv_prepare_stop(prepare)
    uv_check_stop(check)
    let end = SystemClock.monotonic &+ limit
    while uv_loop_alive(uv) != 0 {
      let now = SystemClock.monotonic
      guard now < end else {
        state = .abandoned
        throw .poolBusy(poolJobs)
      }
      uv_update_time(uv)
      uv_timer_start(timer, { _ in }, (end - now + 999_999) / 1_000_000, 0)
      uv_unref(UnsafeMutableRawPointer(timer).assumingMemoryBound(to: uv_handle_t.self))
      uv_run(uv, UV_RUN_ONCE)
    }
    for own in [UnsafeMutableRawPointer(timer), .init(idle), .init(prepare), .init(check)] {
      uv_close(own.assumingMemoryBound(to: uv_handle_t.self), nil)
    }
    uv_run(uv, UV_RUN_DEFAULT)
    let result = uv_loop_close(uv)
    precondition(result == 0, "libuv still has handles: \(UVError(code: result))")
    state = .closed
    uv.deallocate()
    freeOwnHandles()
    readSlab.deallocate()
    if !leftOpen.isEmpty { throw .leftOpen(leftOpen) }
  }
}

@inline(__always)
private func loopOf(_ uv: UnsafeMutablePointer<uv_loop_t>?) -> Loop? {
  guard let data = uv?.pointee.data else { return nil }
  return Unmanaged<Loop>.fromOpaque(data).takeUnretainedValue()
}
