import Control
import MeshNode
import Testing

@Suite("Event log")
struct EventLogTests {
  private func at(_ second: UInt64) -> Timestamp { Timestamp(seconds: second) }

  private func filled(_ count: Int, capacity: Int) -> EventLog {
    let log = EventLog(capacity: capacity)
    for index in 1...count { log.append(.memberAlive, text: "event \(index)", at: at(UInt64(index))) }
    return log
  }

  @Test("keeps the latest, in order, and says how many are gone")
  func ring() {
    let log = filled(10, capacity: 4)
    #expect(log.nextSequence == 11)
    #expect(log.oldestSequence == 7)
    let (events, missed) = log.events(from: 5, limit: 100)
    #expect(events.map(\.sequence) == [7, 8, 9, 10])
    #expect(events.map(\.text) == ["event 7", "event 8", "event 9", "event 10"])
    #expect(missed == 2)
    #expect(log.events(from: 8, limit: 2).events.map(\.sequence) == [8, 9])
    #expect(log.events(from: 11, limit: 2).events.isEmpty)
    #expect(log.events(from: 99, limit: 2).missed == 0)
  }

  @Test("the newest of the past are shown, up to the limit")
  func limit() {
    let reply = filled(10, capacity: 100).reply(to: EventsQuery(limit: 3), at: at(20))
    #expect(reply.events.map(\.sequence) == [8, 9, 10])
    #expect(reply.missed == 0, "nobody asked for the others")
  }

  @Test("from a moment on; what is not kept any more is counted")
  func since() {
    let log = filled(10, capacity: 6)
    let late = log.reply(to: EventsQuery(since: at(8)), at: at(20))
    #expect(late.events.map(\.sequence) == [8, 9, 10])
    #expect(late.missed == 0)
    let early = log.reply(to: EventsQuery(since: at(2)), at: at(20))
    #expect(early.events.map(\.sequence) == [5, 6, 7, 8, 9, 10])
    #expect(early.missed == 4)
    let cut = log.reply(to: EventsQuery(since: at(8), limit: 1), at: at(20))
    #expect(cut.events.map(\.sequence) == [10])
    #expect(cut.missed == 2)
  }

  @Test("a full log fits into one reply line")
  func fits() {
    let log = EventLog()
    for _ in 1...(EventLog.capacity + 5) {
      log.append(
        .memberDead, health: .degraded,
        subject: HostName(id: "0123456789abcdef", name: String(repeating: "n", count: 31)),
        text: String(repeating: "x", count: 200), code: .hostDead, at: at(1_780_000_000))
    }
    let line = log.reply(to: EventsQuery(limit: EventsQuery.limitMaximum), at: at(1_780_000_001)).line()
    #expect(line.count < replyLineLimit)
    #expect(log.events(from: 1, limit: .max).events.count == EventLog.capacity)
  }
}
