import MeshSim
import Testing
import Wire

@Suite struct HostClockTests {
  @Test(arguments: [-10_000, -3_333, 0, 1, 10_000] as [Int64])
  func worldTimeIsTheFirstMomentAtWhichTheClockShowsIt(rate: Int64) {
    let clock = HostClock(rate: rate, origin: 5_000_000_000_000)
    var chance = Chance(seed: UInt64(bitPattern: rate))
    for _ in 0..<2_000 {
      let shown = clock.origin + chance.below(UInt64(86_400_000_000_000))
      let time = clock.worldTime(of: shown)
      #expect(clock.monotonic(at: time) >= shown)
      #expect(time == 0 || clock.monotonic(at: time - 1) < shown)
    }
  }

  @Test func anHourDriftsByTheRate() {
    let hour = Nanoseconds.seconds(3_600)
    #expect(HostClock(rate: 10_000).monotonic(at: hour) == Nanoseconds.seconds(3_636))
    #expect(HostClock(rate: -10_000).monotonic(at: hour) == Nanoseconds.seconds(3_564))
  }

  @Test func theWallStepsAndTheMonotonicDoesNot() {
    var clock = HostClock(origin: 7)
    let before = clock.now(at: 1_000)
    clock.wallError = -3_600_000_000_000
    let after = clock.now(at: 1_000)
    #expect(after.monotonic == before.monotonic)
    #expect(before.wall - after.wall == 3_600_000_000_000)
  }
}
