import SecureChannel
import Testing
import Wire

private let second: UInt64 = 1_000_000_000

@Suite struct SessionTests {
  /// Sends a numbered frame each way every `gap` seconds, and expects every one of them to arrive, in order.
  private func converse(
    _ lab: Lab, seconds: UInt64, every gap: UInt64, size: Int = 8, oneWay: Bool = false, _ comment: Comment = ""
  ) {
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    var sent: [[UInt8]] = []
    let before = (one.gossip.count, two.gossip.count)
    for number in 0..<(seconds / gap) {
      let body =
        [UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)] + [UInt8](repeating: 7, count: size)
      sent.append(body)
      lab.send(body, from: one, to: two.host)
      if !oneWay { lab.send(body, from: two, to: one.host) }
      lab.run(seconds: gap)
    }
    #expect(Array(two.gossip.dropFirst(before.1)) == sent, comment)
    if !oneWay { #expect(Array(one.gossip.dropFirst(before.0)) == sent, comment) }
  }

  @Test func aQuietSessionIsRenewedOnceInFiftyMinutes() throws {
    let lab = try Lab.mesh(2, seed: 1)
    converse(lab, seconds: 4 * 3600, every: 10)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    let hellos = one.counted(.hellosSent) + two.counted(.hellosSent)
    #expect((4...6).contains(hellos), "3,000 s each: \(hellos)")
    #expect(one.sessionDowns.isEmpty && two.sessionDowns.isEmpty)
    #expect(one.sessionUps == 1 && two.sessionUps == 1)
  }

  @Test func aBusySessionIsRenewedEveryTwoMinutes() throws {
    let lab = try Lab.mesh(2, seed: 2)
    converse(lab, seconds: 1200, every: 1, size: 1000)
    let hellos = lab.nodes.reduce(0) { $0 + $1.counted(.hellosSent) }
    #expect((9...11).contains(hellos), "120 s each: \(hellos)")
  }

  @Test func aSessionWithALinkIsRenewedEveryTenMinutes() throws {
    let lab = try Lab.mesh(2, seed: 3)
    lab.command(.wantLink(lab.nodes[1].host, true), lab.nodes[0])
    lab.run(seconds: 1)
    converse(lab, seconds: 3600, every: 10)
    let hellos = lab.nodes.reduce(0) { $0 + $1.counted(.hellosSent) }
    #expect((6...7).contains(hellos), "600 s each: \(hellos)")
    #expect(lab.nodes.allSatisfy { $0.linkUps == 1 && $0.linkDowns == 0 })
  }

  @Test(arguments: 0..<6 as Range<UInt64>) func renewalUnderTrafficLosesNothing(seed: UInt64) throws {
    let lab = try Lab.mesh(2, seed: 40 + seed)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.latency = 20 * second / 1000
    lab.jitter = 30 * second / 1000
    lab.send("up", from: one, to: two)
    lab.run(seconds: 1)
    var sent = 0
    for step in 0..<8000 {
      lab.send([UInt8](repeating: UInt8(truncatingIfNeeded: step), count: 300), from: one, to: two.host)
      lab.send([UInt8](repeating: UInt8(truncatingIfNeeded: step), count: 300), from: two, to: one.host)
      sent += 1
      lab.run(milliseconds: 100)
    }
    lab.run(seconds: 1)
    #expect(one.counted(.sessionsRenewed) >= 5)
    #expect(one.gossip.count == sent && two.gossip.count == sent + 1, "seed \(seed)")
  }

  /// Renewals go on when half of everything is lost; what is lost is what the network lost.
  @Test func renewalSurvivesALossyNetwork() throws {
    let lab = try Lab.mesh(2, seed: 50)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.loss = 0.5
    for step in 0..<6000 {
      lab.send([UInt8](repeating: UInt8(truncatingIfNeeded: step), count: 200), from: one, to: two.host)
      lab.send([UInt8](repeating: UInt8(truncatingIfNeeded: step), count: 200), from: two, to: one.host)
      lab.run(milliseconds: 100)
    }
    #expect((2700...3300).contains(two.gossip.count) && (2700...3300).contains(one.gossip.count))
    #expect(one.counted(.sessionsRenewed) >= 3)
    #expect(one.sessionDowns.isEmpty && two.sessionDowns.isEmpty)
  }

  @Test func anUnusedSessionIsOverAfterAnHourAndItsKeysAreWiped() throws {
    let lab = try Lab.mesh(2, seed: 5)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    let before = lab.net.arena.used
    lab.send("up", from: one, to: two)
    lab.run(seconds: 10)
    #expect(lab.net.arena.used > before)
    lab.run(seconds: 3585)
    #expect(one.channel.hasSession(with: two.host))
    lab.run(seconds: 10)
    #expect(one.sessionDowns == [.expired] && two.sessionDowns == [.expired])
    #expect(one.channel.sessionCount == 1, "still opens what was under way")
    lab.run(seconds: 100)
    #expect(one.channel.sessionCount == 0 && two.channel.sessionCount == 0)
    // The result of the two static keys is kept for the next handshake, and the cookie secrets.
    #expect(lab.net.arena.used <= before + 4 * 32)
    lab.send("again", from: two, to: one)
    lab.run(seconds: 1)
    #expect(one.gossip.last == [UInt8]("again".utf8))
    #expect(one.sessionUps == 2)
  }

  @Test func theTableOfSessionsHasALimit() throws {
    let lab = Lab(seed: 6)
    let target = try lab.add { $0.sessionLimit = 8 }
    for _ in 0..<20 {
      let node = try lab.add()
      lab.introduce(target, to: node)
      lab.send("knock", from: node, to: target)
      lab.run(seconds: 1)
    }
    #expect(target.gossip.count == 20, "the least recently used gives way")
    #expect(target.channel.sessionCount <= 8)
    #expect(target.counted(.sessionsEvicted) == 12)
    #expect(target.sessionDowns.count == 12)
  }

  /// An authenticated peer that jumps with its counter can only harm itself.
  @Test func counterJumpsAreBounded() throws {
    let lab = try Lab.mesh(2, seed: 7)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.keepsTrace = true
    lab.send("up", from: one, to: two)
    lab.run(seconds: 1)
    var jumped = try #require(lab.trace.last { $0.type == 4 && $0.to == two.endpoint }).bytes
    jumped.replaceSubrange(8..<16, with: [0, 0, 0, 0, 0, 0, 0, 0x80])
    lab.inject(jumped, from: one.endpoint, into: two)
    #expect(two.counted(.droppedExpired) == 1)
    lab.send("next", from: one, to: two)
    lab.run(seconds: 1)
    #expect(two.gossip.count == 2)
  }

  @Test func conductEndsSessionsAndBans() throws {
    let lab = try Lab.mesh(2, seed: 8)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.send("up", from: two, to: one)
    lab.run(seconds: 1)
    lab.command(.report(two.host, .wrongRole), one)
    #expect(one.channel.score(of: two.host, now: lab.now) == 50)
    #expect(one.channel.hasSession(with: two.host))
    lab.command(.report(two.host, .wrongRole), one)
    #expect(one.sessionDowns == [.banned])
    #expect(one.channel.isBanned(two.host, now: lab.now))
    let sent = one.bytesSent
    for _ in 0..<10 {
      lab.send("let me in", from: two, to: one)
      lab.send("talk", from: one, to: two)
      lab.run(seconds: 50)
    }
    #expect(one.bytesSent == sent && one.gossip.count == 1)
    lab.run(seconds: 120)
    lab.send("after ten minutes", from: two, to: one)
    lab.run(seconds: 10)
    lab.send("after ten minutes", from: two, to: one)
    lab.run(seconds: 1)
    #expect(one.gossip.count >= 2)
  }

  /// The whole conversation is a function of its seed.
  @Test func sameSeedSameBytes() throws {
    func run() throws -> [[UInt8]] {
      let lab = try Lab.mesh(3, seed: 9)
      lab.loss = 0.1
      lab.jitter = 5_000_000
      lab.keepsTrace = true
      for step in 0..<100 {
        lab.send([UInt8(step)], from: lab.nodes[step % 3], to: lab.nodes[(step + 1) % 3].host)
        lab.run(milliseconds: 77)
      }
      return lab.trace.map(\.bytes)
    }
    #expect(try run() == run())
  }
}
