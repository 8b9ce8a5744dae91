import SecureChannel
import Testing
import Wire

private let second: UInt64 = 1_000_000_000

@Suite struct TokenBucketTests {
  @Test func givesTheBurstAtOnceAndTheRateOverTime() {
    var bucket = TokenBucket(rate: 500, burst: 64)
    var now = 10 * second
    #expect((0..<1000).count { _ in bucket.take(at: now) } == 64)
    var given = 0
    for _ in 0..<10_000 {
      now += second / 10_000
      if bucket.take(at: now) { given += 1 }
    }
    #expect((499...501).contains(given))
    now += 100 * second
    #expect((0..<1000).count { _ in bucket.take(at: now) } == 64, "an idle bucket holds no more than its burst")
  }

  @Test func waitSaysWhenTheNextTokenIsThere() {
    var bucket = TokenBucket(rate: 50, burst: 2)
    #expect(bucket.wait(at: second) == 0)
    while bucket.take(at: second) {}
    let wait = bucket.wait(at: second)
    #expect(wait > 0 && wait <= second / 50)
    #expect(!bucket.has(at: second + wait - 1))
    #expect(bucket.has(at: second + wait))
    #expect(bucket.take(at: second + wait) == true)
  }

  @Test func takesSeveralOrNone() {
    var bucket = TokenBucket(rate: 10, burst: 10)
    #expect(bucket.take(11, at: second) == false)
    #expect(bucket.take(10, at: second) == true)
    #expect(bucket.take(at: second) == false)
  }
}

@Suite struct RateTableTests {
  @Test func limitsEachSourceOnItsOwn() {
    var table = RateTable(rate: 20, burst: 5, salt: 1, evicts: false)
    for key in 0..<100 as Range<UInt64> {
      #expect((0..<50).count { _ in table.take(key, at: second) } == 5)
    }
    #expect(table.take(7, at: second + second / 20) == true)
    #expect(table.take(7, at: second + second / 20) == false)
  }

  @Test func aFullSetRefusesOrGivesWay() {
    var refusing = RateTable(rate: 20, burst: 5, salt: 1, evicts: false)
    var evicting = RateTable(rate: 20, burst: 5, salt: 1, evicts: true)
    let keys = (0..<100_000 as Range<UInt64>).map { $0 &* 0x9e37_79b9 }
    let refused = keys.count { !refusing.take($0, at: second) }
    #expect(refused >= keys.count - 4096, "no more than 4,096 sources at once")
    #expect(keys.allSatisfy { evicting.take($0, at: second) })
    // Forgotten after a second.
    #expect(keys.prefix(1000).allSatisfy { refusing.take($0, at: 3 * second) })
  }
}

@Suite struct LoadGaugeTests {
  @Test func hundredHellosInASecondAreNoLoadYet() {
    var load = LoadGauge()
    for index in 0..<100 as Range<UInt64> { load.countHello(at: 5 * second + index * 5_000_000) }
    #expect(!load.isUnderLoad(at: 5 * second + 500_000_000))
    load.countHello(at: 5 * second + 500_000_000)
    #expect(load.isUnderLoad(at: 5 * second + 500_000_001))
    #expect(load.isUnderLoad(at: 6 * second + 499_999_999))
    #expect(!load.isUnderLoad(at: 6 * second + 500_000_001), "it lasts a second")
  }

  @Test func aLateLoopNeedsFewer() {
    var load = LoadGauge()
    load.observe(lateness: 30_000_000, at: 5 * second)
    for _ in 0..<32 { load.countHello(at: 5 * second) }
    #expect(!load.isUnderLoad(at: 5 * second))
    load.countHello(at: 5 * second)
    #expect(load.isUnderLoad(at: 5 * second))
  }

  @Test func aLateLoopAloneIsNoLoad() {
    var load = LoadGauge()
    load.observe(lateness: 10 * second, at: 5 * second)
    load.countHello(at: 5 * second)
    #expect(!load.isUnderLoad(at: 5 * second))
  }
}

@Suite struct ConductScoreTests {
  @Test func halvesInTenMinutes() {
    var score = ConductScore()
    #expect(score.add(80, at: second) == false)
    #expect(score.value(at: second) == 80)
    #expect(score.isDeprioritised(at: second))
    #expect(score.value(at: 601 * second) == 40)
    #expect(!score.isDeprioritised(at: 601 * second))
    #expect(score.value(at: 1201 * second) == 20)
    #expect((52...61).contains(score.value(at: 301 * second)))
    #expect(score.value(at: .max / 2) == 0)
  }

  @Test func bansDoubleUpToADay() {
    var score = ConductScore()
    var now = second
    var spans: [UInt64] = []
    for _ in 0..<10 {
      #expect(score.add(50, at: now) == false)
      #expect(score.add(50, at: now) == true)
      #expect(score.isBanned(at: now))
      #expect(score.add(100, at: now) == false, "one ban at a time")
      spans.append((score.bannedUntil - now) / second)
      now = score.bannedUntil
      #expect(!score.isBanned(at: now))
      // Points made while banned count afterwards; start from none.
      now += 7200 * second
    }
    #expect(spans == [600, 1200, 2400, 4800, 9600, 19200, 38400, 76800, 86400, 86400])
  }
}

@Suite struct TimeLabelTests {
  @Test func risesAndIsCoarse() {
    var label = TimeLabel(wall: 1_800_000_000_123_456_789)
    #expect(label == TimeLabel(wall: 1_800_000_000_123_456_790))
    #expect(label.nanoseconds % second % (1 << 24) == 0)
    for _ in 0..<1000 {
      #expect(label.next > label)
      #expect(label.next.nanoseconds - label.nanoseconds <= 1 << 24)
      label = label.next
    }
    #expect(TimeLabel(wall: .max) == TimeLabel(wall: .max - 1))
  }
}

@Suite struct SocketFilterTests {
  @Test func hasOneRuleForEachKindOfDatagram() throws {
    let rules = SocketFilterRule.rules(tag: 0xbeef)
    // type, version, tag in the order of the wire
    #expect(rules.map(\.word) == [0x0401_efbe, 0x0101_efbe, 0x0201_efbe, 0x0301_efbe])
    #expect(rules.map(\.minimum) == [48, 488, 108, 64])
    #expect(rules.map(\.maximum) == [1232, 488, 108, 64])
  }
}

@Suite struct ReachTests {
  private func endpoint(_ text: String) -> Endpoint { Endpoint(text)! }

  @Test func aNodeSendsOnlyToItsOwnKindsOfAddresses() throws {
    let lab = Lab(seed: 3)
    let targets = [
      "127.0.0.1:7000", "10.1.2.3:7000", "192.168.0.9:7000", "169.254.1.1:7000", "8.8.8.8:7000", "224.0.0.1:7000",
      "0.0.0.0:7000", "255.255.255.255:7000", "8.8.8.8:0", "[::1]:7000", "[fe80::1]:7000", "[fd00::1]:7000",
      "[2001:db8::1]:7000", "[ff02::1]:7000",
    ]
    let allowed: [([String], [Bool])] = [
      (
        ["127.0.0.1:1"], [true, false, false, false, true, false, false, false, false, true, false, false, true, false]
      ),
      (
        ["192.168.1.1:1"],
        [false, true, true, false, true, false, false, false, false, false, false, true, true, false]
      ),
      (
        ["8.8.4.4:1"], [false, false, false, false, true, false, false, false, false, false, false, false, true, false]
      ),
    ]
    for (own, expected) in allowed {
      let node = try lab.add { $0.reaches = ReachSet(listening: own.map { Endpoint($0)! }) }
      for (target, isAllowed) in zip(targets, expected) {
        let other = lab.net.identity()
        let before = node.counted(.hellosSent)
        lab.command(.introduce(other.key, at: endpoint(target)), node)
        lab.send([1], from: node, to: other.hostID)
        #expect((node.counted(.hellosSent) > before) == isAllowed, "\(own) to \(target)")
        lab.run(seconds: 2)
      }
      #expect(node.counted(.refusedTargets) > 0)
    }
  }
}
