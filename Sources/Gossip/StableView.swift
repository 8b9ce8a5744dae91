import Wire

/// What ownership may count on: slower than SWIM on purpose, so that a host on a bad line does not drag maps back and
/// forth (`gossip.md` 5.8).
///
/// A host rises when it was alive without interruption for its hold-down: 5 s at first, after a death
/// 60 s · 2^min(f, 5), f = earlier deaths not yet forgiven; one is forgiven each 10 minutes. Falls are gathered for
/// 300 ms, so that ten crashes are one change.
package struct StableView {
  package static let firstHold = Span.seconds(5)
  package static let flapHold = Span.seconds(60)
  package static let worstFlaps: UInt8 = 5
  package static let forgiveness = Span.minutes(10)
  package static let gathering = Span.milliseconds(300)

  private struct Entry {
    /// Names the wait that counts.
    var wait: UInt32 = 0
    var isUp = false
    var isFalling = false
    /// It has been up before.
    var hasRisen = false
    /// Deaths not yet forgiven, as of `flapped`.
    var flaps: UInt8 = 0
    var flapped: UInt64 = 0
  }

  private struct Wait {
    let slot: Int
    let number: UInt32
  }

  private var entries: ContiguousArray<Entry> = []
  private var waits = DeadlineQueue<Wait>()
  private var fallen: [Int] = []
  /// When the fallen are told.
  package private(set) var fallsAt: UInt64?

  package init() {}

  /// When the next host may rise.
  package var risesAt: UInt64? { waits.earliest }

  package func isUp(_ slot: Int) -> Bool { slot < entries.count && entries[slot].isUp && !entries[slot].isFalling }

  /// It was up once; what is not up any more may be on its way back.
  package func hasRisen(_ slot: Int) -> Bool { slot < entries.count && entries[slot].hasRisen }

  /// The host is alive: new, back, or a suspicion is over.
  package mutating func alive(_ slot: Int, at now: UInt64) {
    while entries.count <= slot { entries.append(Entry()) }
    guard !entries[slot].isUp || entries[slot].isFalling else { return }
    entries[slot].wait &+= 1
    waits.insert(Wait(slot: slot, number: entries[slot].wait), at: now &+ hold(slot, at: now))
  }

  /// A suspicion stops the clock of a host that is not up yet and touches no other.
  package mutating func doubted(_ slot: Int) {
    if slot < entries.count { entries[slot].wait &+= 1 }
  }

  package mutating func gone(_ slot: Int, died: Bool, at now: UInt64) {
    guard slot < entries.count else { return }
    entries[slot].wait &+= 1
    if died {
      entries[slot].flaps = min(unforgiven(slot, at: now), StableView.worstFlaps) + 1
      entries[slot].flapped = now
    }
    if entries[slot].isUp, !entries[slot].isFalling {
      entries[slot].isFalling = true
      fallen.append(slot)
      if fallsAt == nil { fallsAt = now &+ StableView.gathering }
    }
  }

  /// The slot is free again.
  package mutating func forget(_ slot: Int) {
    guard slot < entries.count else { return }
    entries[slot] = Entry(wait: entries[slot].wait &+ 1)
    fallen.removeAll { $0 == slot }
  }

  /// The next host that has waited long enough.
  package mutating func nextRisen(at now: UInt64) -> Int? {
    while let (_, wait) = waits.popFirst(dueBy: now) {
      guard entries[wait.slot].wait == wait.number else { continue }
      entries[wait.slot].isUp = true
      entries[wait.slot].hasRisen = true
      return wait.slot
    }
    return nil
  }

  /// Those that fell, once their time has come.
  package mutating func takeFallen(at now: UInt64) -> [Int] {
    guard let fallsAt, fallsAt <= now else { return [] }
    self.fallsAt = nil
    defer { fallen.removeAll() }
    for slot in fallen {
      entries[slot].isUp = false
      entries[slot].isFalling = false
    }
    return fallen
  }

  private func hold(_ slot: Int, at now: UInt64) -> UInt64 {
    let flaps = unforgiven(slot, at: now)
    return flaps == 0 ? StableView.firstHold : StableView.flapHold << UInt64(min(flaps - 1, StableView.worstFlaps))
  }

  private func unforgiven(_ slot: Int, at now: UInt64) -> UInt8 {
    let forgiven = (now &- entries[slot].flapped) / StableView.forgiveness
    return forgiven >= UInt64(entries[slot].flaps) ? 0 : entries[slot].flaps - UInt8(forgiven)
  }
}
