import EventLoop
import Glibc
import Synchronization
import Testing
import Wire

extension EventLoopTests {
  @Suite("Wake-up from other threads")
  struct WakeupTests {
    private final class Shared: Sendable {
      let mail = Mutex<[Int]>([])
      let finished = Atomic<Int>(0)
    }

    @Test("what was left before a ring is found after it, whoever rings")
    func ring() async throws {
      try await withLoop { bench in
        let shared = Shared()
        var found: [Int] = []
        var calls = 0
        let wakeup = try bench.loop.wakeup {
          calls += 1
          found += shared.mail.withLock { mail in
            defer { mail = [] }
            return mail
          }
        }
        let bell = wakeup.bell
        for thread in 0..<4 {
          startThread {
            for number in 0..<500 {
              shared.mail.withLock { $0.append(thread * 500 + number) }
              bell.ring()
            }
          }
        }
        bench.run { found.count == 2000 }
        #expect(found.sorted() == Array(0..<2000))
        #expect(calls <= 2000)
        wakeup.close()
        bell.ring()
      }
    }

    @Test("ringing a bell whose loop is gone does nothing")
    func afterTheEnd() async throws {
      let shared = Shared()
      try await onThread {
        let loop = try Loop()
        let wakeup = try loop.wakeup {}
        let bell = wakeup.bell
        for _ in 0..<2 {
          startThread {
            for _ in 0..<20_000 { bell.ring() }
            shared.finished.add(1, ordering: .releasing)
          }
        }
        wakeup.close()
        try loop.close()
      }
      try await onThread {
        while shared.finished.load(ordering: .acquiring) < 2 { sleepMilliseconds(1) }
      }
    }
  }
}
