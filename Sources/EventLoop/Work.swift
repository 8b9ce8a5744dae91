import UVShim

/// Blocking or heavy work on libuv's pool (4 threads), at most so many pieces at once and so many waiting. Pieces of a
/// lane with `atOnce` 1 run in the order of asking.
///
///     let disk = loop.lane(atOnce: 1, waiting: 64)
///     disk.run({ Result { () throws(UVError) in try log.append(bytes) } }) { result in … }
package final class Lane {
  package let atOnce: Int
  package let waitingLimit: Int
  /// Pieces that were refused because too many waited.
  package private(set) var refused: UInt64 = 0
  package private(set) var running = 0

  private let loop: Loop
  private var waiting: [Job] = []
  private var isClosed = false

  fileprivate init(_ loop: Loop, atOnce: Int, waiting: Int) {
    self.loop = loop
    self.atOnce = max(1, atOnce)
    waitingLimit = waiting
  }

  package var waitingCount: Int { waiting.count }

  /// Runs `body` on the pool, then `done` on the loop with what it returned, or `nil` when the loop closed before it
  /// began. `false`, and nothing happens, when too many wait already or the loop has closed.
  @discardableResult
  package func run<T: Sendable>(_ body: @escaping @Sendable () -> T, then done: @escaping (T?) -> Void) -> Bool {
    let outcome = Outcome<T>()
    let job = Job(self, body: { outcome.value = body() }, done: { done(outcome.value) })
    if isClosed || (running >= atOnce && waiting.count >= waitingLimit) {
      refused &+= 1
      return false
    }
    if running < atOnce { start(job) } else { waiting.append(job) }
    return true
  }

  private func start(_ job: Job) {
    running += 1
    loop.poolJobs += 1
    job.submit(to: loop.uv)
  }

  fileprivate func finished() {
    running -= 1
    loop.poolJobs -= 1
    if !isClosed, running < atOnce, !waiting.isEmpty { start(waiting.removeFirst()) }
  }

  /// The loop closes: what has begun is awaited, the rest is told that it will not begin.
  func cancelWaiting() {
    isClosed = true
    let rest = waiting
    waiting.removeAll()
    for job in rest { job.done() }
  }

  func wokeUp() { loop.wakeUp() }
}

/// Written on a pool thread before libuv's queue hands the job back, read on the loop afterwards.
private final class Outcome<T>: @unchecked Sendable {
  var value: T?
}

private final class Job {
  let body: @Sendable () -> Void
  let done: () -> Void
  let lane: Lane
  private let request = UnsafeMutablePointer<uv_work_t>.allocate(capacity: 1)

  init(_ lane: Lane, body: @escaping @Sendable () -> Void, done: @escaping () -> Void) {
    self.lane = lane
    self.body = body
    self.done = done
  }

  deinit { request.deallocate() }

  func submit(to uv: UnsafeMutablePointer<uv_loop_t>) {
    request.pointee.data = Unmanaged.passRetained(self).toOpaque()
    // Fails only without a callback.
    uv_queue_work(
      uv, request,
      { request in
        guard let data = request?.pointee.data else { return }
        Unmanaged<Job>.fromOpaque(data)._withUnsafeGuaranteedRef { $0.body() }
      },
      { request, _ in
        guard let data = request?.pointee.data else { return }
        let job = Unmanaged<Job>.fromOpaque(data).takeRetainedValue()
        job.lane.wokeUp()
        job.lane.finished()
        job.done()
      })
  }
}

extension Loop {
  /// A lane for one purpose: log writes, hashing, … Lives as long as the loop.
  package func lane(atOnce: Int = 1, waiting: Int) -> Lane {
    let lane = Lane(self, atOnce: atOnce, waiting: waiting)
    lanes.append(lane)
    return lane
  }
}
