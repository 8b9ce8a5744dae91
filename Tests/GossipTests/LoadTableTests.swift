import Gossip
import Testing

@Suite struct LoadTableTests {
  private func order(_ loads: LoadTable) -> [Int] {
    var slots: [Int] = []
    var next = loads.newestSlot
    while let slot = next {
      slots.append(slot)
      next = loads.slot(before: slot)
    }
    return slots
  }

  @Test func newestFirstAndOnlyNewer() {
    var loads = LoadTable()
    let record = LoadRecord(processor: 9)
    #expect(loads.learn(record, sequence: 1, life: 1, age: 0, of: 2, at: 10) == true)
    #expect(loads.learn(record, sequence: 1, life: 1, age: 0, of: 5, at: 11) == true)
    #expect(order(loads) == [5, 2])
    #expect(loads.learn(record, sequence: 1, life: 1, age: 0, of: 2, at: 12) == false)
    #expect(order(loads) == [5, 2])
    #expect(loads.learn(record, sequence: 2, life: 1, age: 3, of: 2, at: 13) == true)
    #expect(order(loads) == [2, 5])
    #expect(loads[2]?.born == 10)
    #expect(
      loads.learn(record, sequence: 1, life: 2, age: 0, of: 2, at: 14) == true, "a new life counts from the start")
    loads.forget(5)
    #expect(order(loads) == [2])
    #expect(loads[5] == nil && loads[77] == nil)
  }

  @Test func smallChangesWait() {
    let record = LoadRecord(processor: 100, memory: 50, players: 100)
    var other = record
    other.processor = 108
    other.players = 104
    #expect(!record.differsMuch(from: other))
    other.players = 106
    #expect(record.differsMuch(from: other))
    other = record
    other.flags = .draining
    #expect(record.differsMuch(from: other))
  }
}
