import Foundation
import Hashing
import MapShard
import Testing
import Wire

@Suite struct PlacementValueTests {
  @Test func scoresAreThoseOfFloatingPoint() {
    var sample = PlacementSample(seed: 1)
    let salt = sample.salt()
    for _ in 0..<20_000 {
      let host = sample.host()
      let shard = ShardID(rawValue: sample.chance.next())
      let score = Score(of: shard, for: host.ringSeed, host: host.id, weight: host.weight, salt: salt)
      let words = (shard.rawValue.bigEndian, host.ringSeed.low, host.ringSeed.high)
      let uniform = (Double(withUnsafeBytes(of: words) { salt($0) }) + 1) * 0x1p-64
      let cost = Double(score.cost) * 0x1p-48
      #expect(abs(cost + log2(uniform)) <= max(1.2e-8, 2e-4 * cost))
      let shown = Int(1_000 * pow(uniform, 1 / Double(host.weight)))
      #expect(abs(score.thousandths - shown) <= 1)
    }
  }

  @Test func theLowerHostWinsATie() {
    var sample = PlacementSample(seed: 2)
    let salt = sample.salt()
    let seed = RingSeed(low: 1, high: 2)
    let shard = ShardID(rawValue: 3)
    let low = Score(of: shard, for: seed, host: HostID(rawValue: 1), weight: 3, salt: salt)
    let high = Score(of: shard, for: seed, host: HostID(rawValue: 2), weight: 3, salt: salt)
    #expect(low.ranksBefore(high))
    #expect(!high.ranksBefore(low))
    #expect(!low.ranksBefore(low))
    let heavy = Score(of: shard, for: seed, host: HostID(rawValue: 2), weight: 4, salt: salt)
    #expect(heavy.ranksBefore(low))
  }

  @Test func theBindingResourceIsTheWeight() {
    func weight(_ cores: Int, _ memory: UInt64, _ megabits: UInt64, _ uptime: Int = 1_000, cap: Int = 0) -> Int {
      Weight.measured(
        HostResources(
          cores: cores, memoryBytes: memory << 30, uplinkBitsPerSecond: megabits * 1_000_000, uptimePerMille: uptime),
        cap: cap)
    }
    #expect(weight(4, 64, 1_000) == 4)
    #expect(weight(16, 8, 1_000) == 4)
    #expect(weight(16, 64, 50) == 5)
    #expect(weight(16, 64, 1_000, 500) == 12)
    #expect(weight(16, 64, 1_000, 0) == 8)
    #expect(weight(16, 64, 1_000, cap: 6) == 6)
    #expect(weight(0, 0, 0) == 1)
    #expect(weight(Int.max, 1 << 33, 1 << 40) == 64)
    #expect(weight(-1, 1, 1, -5) == 1)
  }

  @Test func aNewHostBeginsWithAQuarter() {
    #expect(Weight.ramped(16, ageSeconds: 0) == 4)
    #expect(Weight.ramped(16, ageSeconds: 300) == 10)
    #expect(Weight.ramped(16, ageSeconds: 600) == 16)
    #expect(Weight.ramped(1, ageSeconds: 0) == 1)
  }

  @Test func smallAndFrequentChangesOfAWeightAreNotTold() {
    let minute = Nanoseconds.seconds(60)
    var weight = PublishedWeight()
    let start = 100 * minute
    func isTold(_ measured: Int, isDraining: Bool = false, after minutes: UInt64) -> Bool {
      weight.update(measured: measured, isDraining: isDraining, monotonic: start + minutes * minute)
    }
    #expect(isTold(10, after: 0))
    #expect(!isTold(11, after: 10))
    #expect(!isTold(20, after: 4))
    #expect(isTold(12, after: 5))
    #expect(isTold(12, isDraining: true, after: 6))
    #expect(weight.weight == 0)
    #expect(isTold(12, after: 6))
    #expect(weight.weight == 12)
    #expect(weight.version == 4)
  }

  @Test func loadsAreSmoothedLikeAnExponential() {
    var load = ShardLoad()
    load.report(1_000_000, monotonic: 0)
    #expect(load.value == 1_000_000)
    var time: UInt64 = 0
    for _ in 0..<180 {
      time += Nanoseconds.seconds(5)
      load.report(0, monotonic: time)
    }
    #expect(abs(Int(load.lastingValue) - 500_000) <= 50)
    #expect(load.value == 0)
    // Steps of other lengths give the same.
    var other = ShardLoad()
    other.report(1_000_000, monotonic: 0)
    other.report(0, monotonic: Nanoseconds.seconds(900))
    #expect(abs(Int(other.lastingValue) - 500_000) <= 50)
    // Fractions of seconds are not lost.
    var often = ShardLoad()
    often.report(1_000_000, monotonic: 0)
    for tick in 1...2_000 { often.report(0, monotonic: UInt64(tick) * Nanoseconds.milliseconds(450)) }
    #expect(abs(Int(often.lastingValue) - 500_000) <= 500)
    // A clock that stands still or runs back changes nothing.
    other.report(9, monotonic: 5)
    #expect(abs(Int(other.lastingValue) - 500_000) <= 50)
  }

  @Test func aClassRisesAtOnceAndFallsAfterHalfAnHour() {
    var load = ShardLoad()
    load.report(1_000, monotonic: 0)
    #expect(load.classExponent == 10)
    var time: UInt64 = 0
    func pass(_ seconds: Int, at value: UInt64) {
      for _ in 0..<seconds / 5 {
        time += Nanoseconds.seconds(5)
        load.report(value, monotonic: time)
      }
    }
    pass(900, at: 1_100)
    #expect(load.classExponent == 11)
    // The average comes below 1,024 after 63 s; half an hour from then.
    pass(900, at: 500)
    #expect(load.classExponent == 11)
    pass(900, at: 500)
    #expect(load.classExponent == 11)
    pass(600, at: 500)
    #expect(load.classExponent == 10)
    #expect(ShardLoad.classExponent(of: 0) == 0)
    #expect(ShardLoad.classExponent(of: 1) == 0)
    #expect(ShardLoad.classExponent(of: 1_024) == 10)
    #expect(ShardLoad.classExponent(of: 1_025) == 11)
    #expect(ShardLoad.classExponent(of: .max) == 32)
  }

  @Test func hugeValuesFromOutsideTrapNothing() {
    var sample = PlacementSample(seed: 8)
    var view = sample.view(hosts: 5, shards: 20)
    for index in view.shards.indices {
      view.shards[index].load = .max
      view.shards[index].classExponent = index.isMultiple(of: 2) ? .max : .min
      view.shards[index].maps = index.isMultiple(of: 2) ? 1 << 40 : 0
    }
    for index in view.hosts.indices { view.hosts[index].weight = [Int.max, 64, 1, 0, Int.min][index] }
    let placement = view.placed()
    #expect(placement.shards.count == 20)
    #expect(placement.shards.allSatisfy { $0.owner != nil })
    _ = view.membershipVersion
    var empty = view
    empty.hosts = []
    #expect(empty.placed().shards.allSatisfy { $0.owner == nil && $0.degraded.contains(.nobody) })
  }
}
