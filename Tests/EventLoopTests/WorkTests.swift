import EventLoop
import Glibc
import Synchronization
import Testing
import Wire

/// A loop that was given up with its pool busy; kept, so that the leak sanitizer knows that it is on purpose.
private let abandoned = Abandoned()

private final class Abandoned: @unchecked Sendable {
  var loops: [Loop] = []
}

extension EventLoopTests {
  @Suite("Work on the pool")
  struct WorkTests {
    private final class Gauge: Sendable {
      let running = Atomic<Int>(0)
      let most = Atomic<Int>(0)
      let isOpen = Atomic<Bool>(false)

      func enter() {
        let now = running.add(1, ordering: .acquiringAndReleasing).newValue
        most.max(now, ordering: .acquiringAndReleasing)
      }

      func leave() { running.subtract(1, ordering: .acquiringAndReleasing) }

      func waitUntilOpen() {
        while !isOpen.load(ordering: .acquiring) { sleepMilliseconds(1) }
      }
    }

    @Test("one at a time, in order, results on the loop's thread")
    func oneAtATime() async throws {
      try await withLoop { bench in
        let gauge = Gauge()
        let lane = bench.loop.lane(atOnce: 1, waiting: 100)
        let thread = pthread_self()
        var results: [Int] = []
        for number in 0..<50 {
          let taken = lane.run({
            gauge.enter()
            sleepMilliseconds(1)
            gauge.leave()
            return pthread_equal(pthread_self(), thread) == 0 ? number : -1
          }) { result in
            #expect(pthread_equal(pthread_self(), thread) != 0)
            results.append(result ?? -2)
          }
          #expect(taken)
        }
        bench.run { results.count == 50 }
        #expect(results == Array(0..<50))
        let most = gauge.most.load(ordering: .acquiring)
        #expect(most == 1)
        #expect(lane.refused == 0 && lane.running == 0)
      }
    }

    @Test("several at once, but no more; too many waiting are refused and counted")
    func limits() async throws {
      try await withLoop { bench in
        let gauge = Gauge()
        let lane = bench.loop.lane(atOnce: 2, waiting: 3)
        var done = 0
        let taken = (0..<7).map { _ in
          lane.run({
            gauge.enter()
            gauge.waitUntilOpen()
            gauge.leave()
          }) { (_: Void?) in done += 1 }
        }
        #expect(taken == [true, true, true, true, true, false, false])
        #expect(lane.refused == 2 && lane.running == 2 && lane.waitingCount == 3)
        gauge.isOpen.store(true, ordering: .releasing)
        bench.run { done == 5 }
        let most = gauge.most.load(ordering: .acquiring)
        #expect(most <= 2)
      }
    }

    @Test("work may ask for more work when it ends")
    func chained() async throws {
      try await withLoop { bench in
        let lane = bench.loop.lane(atOnce: 1, waiting: 1)
        var sum = 0
        func next(_ number: Int) {
          lane.run({ number * number }) { result in
            sum += result ?? 0
            if number < 10 { next(number + 1) }
          }
        }
        next(1)
        bench.run { sum == 385 }
      }
    }

    @Test("the closing loop waits for what has begun and says what will not begin")
    func closing() async throws {
      try await onThread {
        let loop = try Loop()
        let lane = loop.lane(atOnce: 1, waiting: 10)
        var results: [Int?] = []
        for number in 0..<3 {
          lane.run({
            sleepMilliseconds(20)
            return number
          }) { results.append($0) }
        }
        try loop.close()
        #expect(results.count == 3)
        #expect(results.filter { $0 == nil }.count == 2 && results.contains(0))
        #expect(!lane.run({ 1 }) { _ in results.append(7) })
      }
    }

    @Test("a pool that does not end in time is named instead of waited for")
    func poolBusy() async throws {
      let gauge = Gauge()
      try await onThread {
        let loop = try Loop()
        abandoned.loops.append(loop)
        let lane = loop.lane(atOnce: 1, waiting: 0)
        lane.run({ gauge.waitUntilOpen() }) { (_: Void?) in }
        #expect(throws: Loop.CloseError.poolBusy(1)) {
          try loop.close(waiting: Nanoseconds.milliseconds(20))
        }
      }
      gauge.isOpen.store(true, ordering: .releasing)
    }

    // MARK: Names

    @Test("names become addresses, one look-up at a time")
    func names() async throws {
      try await withLoop { bench in
        let names = bench.loop.nameLookup()
        var answers: [Result<[Endpoint], UVError>] = []
        try names.lookUp("127.0.0.1", port: 7000) { answers.append($0) }
        #expect(names.isBusy)
        #expect(throws: UVError.busy) { try names.lookUp("::1", port: 7000) { answers.append($0) } }
        bench.run { answers.count == 1 }
        #expect(try answers[0].get() == [.loopback(port: 7000)])
        try names.lookUp("localhost", port: 7001) { answers.append($0) }
        bench.run { answers.count == 2 }
        let found = try answers[1].get()
        #expect(found.allSatisfy { $0.reach == .loopback && $0.port == 7001 } && !found.isEmpty)
      }
    }

    @Test("a name that cannot be one is an error at once")
    func badName() async throws {
      try await withLoop { bench in
        let names = bench.loop.nameLookup()
        #expect(throws: UVError.self) {
          try names.lookUp(String(repeating: "a", count: 300), port: 1) { _ in Issue.record("called") }
        }
        #expect(!names.isBusy)
      }
    }
  }
}
