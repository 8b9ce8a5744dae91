import Gossip
import Testing
import Wire

@Suite struct RumoursTests {
  private func order(_ rumours: Rumours) -> [Int] {
    var cursor = Rumours.Cursor()
    var slots: [Int] = []
    while let slot = rumours.next(&cursor) { slots.append(slot) }
    return slots
  }

  @Test func leastSentFirstThenLongestWaiting() {
    var rumours = Rumours()
    for slot in [4, 2, 9] { rumours.add(slot) }
    #expect(order(rumours) == [4, 2, 9])
    rumours.sent([4], limit: 4)
    #expect(order(rumours) == [2, 9, 4])
    rumours.sent([2, 9], limit: 4)
    #expect(order(rumours) == [4, 2, 9])
    #expect(rumours.timesSent(9) == 1)
  }

  @Test func revocationsGoFirst() {
    var rumours = Rumours()
    rumours.add(1)
    rumours.add(2, urgent: true)
    rumours.sent([2], limit: 4)
    #expect(order(rumours) == [2, 1], "even when sent before")
  }

  @Test func aNewerFactStartsAgainInTheSamePlace() {
    var rumours = Rumours()
    rumours.add(1)
    rumours.sent([1], limit: 4)
    rumours.sent([1], limit: 4)
    rumours.add(1)
    #expect(rumours.count == 1)
    #expect(rumours.timesSent(1) == 0)
  }

  @Test func eachIsSentSoManyTimesAndNoMore() {
    var rumours = Rumours()
    rumours.add(3)
    for _ in 0..<3 { rumours.sent([3], limit: 4) }
    #expect(rumours.isWaiting(3))
    rumours.sent([3], limit: 4)
    #expect(!rumours.isWaiting(3))
    #expect(rumours.isEmpty)
    #expect(order(rumours).isEmpty)
  }

  /// Against a plain list that does the same slowly.
  @Test func agreesWithAModel() {
    let seed: UInt64 = 5
    var chance = Chance(seed: seed)
    var rumours = Rumours()
    var model: [(slot: Int, level: Int, turn: Int)] = []
    for turn in 0..<20_000 {
      let slot = chance.below(40)
      switch chance.below(4) {
      case 0:
        let urgent = chance.below(8) == 0
        rumours.add(slot, urgent: urgent)
        model.removeAll { $0.slot == slot }
        model.append((slot, urgent ? 0 : 32, turn))
      case 1:
        rumours.remove(slot)
        model.removeAll { $0.slot == slot }
      default:
        rumours.sent([UInt32(slot)], limit: 5)
        if let place = model.firstIndex(where: { $0.slot == slot }) {
          let entry = model.remove(at: place)
          if entry.level % 32 + 1 < 5 { model.append((slot, entry.level + 1, turn)) }
        }
      }
      let expected = model.sorted { $0.level != $1.level ? $0.level < $1.level : $0.turn < $1.turn }.map(\.slot)
      if order(rumours) != expected || rumours.count != expected.count {
        Issue.record("turn \(turn), seed \(seed)")
        return
      }
    }
  }
}
