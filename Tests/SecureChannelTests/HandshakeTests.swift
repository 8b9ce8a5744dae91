import SecureChannel
import Testing
import Wire

@Suite struct HandshakeTests {
  @Test func aFrameOpensASessionAndArrives() throws {
    let lab = try Lab.mesh(2, seed: 1)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.send("hello", from: one, to: two)
    lab.run(milliseconds: 100)
    #expect(two.gossip == [[UInt8]("hello".utf8)])
    #expect(one.sessionUps == 1 && two.sessionUps == 1)
    lab.send("and back", from: two, to: one)
    lab.run(milliseconds: 100)
    #expect(one.gossip == [[UInt8]("and back".utf8)])
    #expect(one.counted(.hellosSent) == 1 && two.counted(.hellosSent) == 0)
    #expect(one.channel.roundTrip(to: two.host) == 2)
  }

  @Test func everySizeOfFrameArrives() throws {
    let lab = try Lab.mesh(2, seed: 2)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.send("first", from: one, to: two)
    lab.run(milliseconds: 100)
    var bodies: [[UInt8]] = []
    for size in 1...1188 {
      let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ size) }
      bodies.append(body)
      lab.send(body, from: one, to: two.host)
      if size % 100 == 0 { lab.run(seconds: 1) }
    }
    lab.run(seconds: 1)
    #expect(Array(two.gossip.dropFirst()) == bodies)
    #expect(one.bytesSent < 2_000_000)
    lab.send([UInt8](repeating: 1, count: 1189), from: one, to: two.host)
    #expect(one.counted(.droppedOversize) == 1)
  }

  @Test func theNewestFourWaitForASession() throws {
    let lab = try Lab.mesh(2, seed: 3)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    for index in 1...6 as ClosedRange<UInt8> { lab.send([index], from: one, to: two.host) }
    lab.run(milliseconds: 100)
    #expect(two.gossip == [[6], [5], [4], [3]])
    #expect(one.counted(.droppedQueue) == 2)
    #expect(one.counted(.hellosSent) == 1, "one HELLO outstanding per peer")
  }

  /// The initiator's ephemeral key and index stay the same only within one HELLO; retries come as DESIGN 4.1 says.
  @Test func retriesComeRarerUntilNinetySeconds() throws {
    let lab = try Lab.mesh(2, seed: 4)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.stop(two)
    var sent: [UInt64] = []
    lab.tap = { datagram in
      sent.append(lab.elapsed / 1_000_000)
      return [datagram]
    }
    // Something waits all the time.
    for _ in 0..<1000 {
      lab.send("still waiting", from: one, to: two)
      lab.run(milliseconds: 100)
    }
    #expect(Array(sent.prefix(6)) == [0, 200, 600, 1400, 3000, 6200])
    for (earlier, later) in zip(sent.dropFirst(5), sent.dropFirst(6)) where later < 90_000 {
      #expect((5000...5334).contains(later - earlier))
    }
    let told = one.events.filter { if case .unreachable(two.host, two.endpoint) = $0.event { true } else { false } }
    #expect(told.count == 1)
    #expect(told.allSatisfy { (90_000...95_400).contains(($0.at - Lab.start) / 1_000_000) })
    #expect(one.sessionUps == 0)
  }

  @Test func nothingIsAskedWhenNothingWaits() throws {
    let lab = try Lab.mesh(2, seed: 5)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.stop(two)
    lab.send("a second is its life", from: one, to: two)
    lab.run(seconds: 120)
    #expect(one.counted(.hellosSent) == 3)  // 0, 200, 600 ms; at 1,400 ms nothing waits
    #expect(one.counted(.droppedQueue) == 1)
  }

  @Test func aLostResponseCostsOneRetry() throws {
    let lab = try Lab.mesh(2, seed: 6)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    var dropped = 0
    lab.tap = { datagram in
      if datagram.type == 2, dropped == 0 {
        dropped += 1
        return []
      }
      return [datagram]
    }
    lab.send("over a lossy wire", from: one, to: two)
    lab.run(milliseconds: 230)
    #expect(dropped == 1)
    #expect(two.gossip.count == 1)
    #expect(one.sessionUps == 1 && two.sessionUps == 1)
  }

  /// The first datagrams of the initiator are lost: it repeats them, and nothing it sends goes into the void.
  @Test func aLostConfirmationIsRepeated() throws {
    let lab = try Lab.mesh(2, seed: 7)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.tap = { datagram in datagram.type == 4 && lab.elapsed < 1_000_000_000 ? [] : [datagram] }
    lab.send("lost", from: one, to: two)
    lab.run(seconds: 3)
    #expect(two.sessionUps == 1, "confirmed by a repetition")
    #expect(one.counted(.hellosSent) == 1)
    lab.run(seconds: 10)
    lab.send("found", from: one, to: two)
    lab.run(milliseconds: 100)
    #expect(two.gossip == [[UInt8]("found".utf8)])
    #expect(one.counted(.hellosSent) == 1)
  }

  @Test(arguments: 0..<40 as Range<UInt64>) func bothSidesAtOnceAgreeQuickly(seed: UInt64) throws {
    let lab = try Lab.mesh(2, seed: 100 + seed)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.latency = 5_000_000
    lab.jitter = [0, 1_000_000, 30_000_000][Int(seed % 3)]
    lab.loss = seed >= 20 ? 0.2 : 0
    lab.send("a", from: one, to: two)
    lab.later(lab.chance.below(UInt64(12_000_000))) { lab.send("b", from: two, to: one) }
    lab.run(seconds: 3)
    lab.loss = 0
    lab.jitter = 0
    // Every frame arrives, whichever session a side uses.
    let before = (one.gossip.count, two.gossip.count)
    for _ in 0..<10 {
      lab.send("to two", from: one, to: two)
      lab.send("to one", from: two, to: one)
      lab.run(milliseconds: 50)
    }
    let comment: Comment = "seed \(seed)"
    #expect(two.gossip.count - before.1 == 10, comment)
    #expect(one.gossip.count - before.0 == 10, comment)
    if seed < 20 {
      #expect(one.counted(.hellosSent) + two.counted(.hellosSent) <= 2, comment)
      #expect(one.sessionUps == 1 && two.sessionUps == 1, comment)
      #expect(one.sessionDowns.isEmpty && two.sessionDowns.isEmpty, comment)
    }
  }

  /// Two sessions that crossed: both sides go on with the one that the lower host id asked for.
  @Test func ofTwoCrossedSessionsTheLowerHostsStays() throws {
    let lab = try Lab.mesh(2, seed: 8)
    let (lower, higher) = lab.inOrder(lab.nodes[0], lab.nodes[1])
    var sessionsOfHellos: [Endpoint: UInt32] = [:]
    lab.tap = { datagram in
      if datagram.type == 1 { sessionsOfHellos[datagram.from] = word(datagram.bytes, 4) }
      return [datagram]
    }
    lab.send("a", from: lower, to: higher)
    lab.send("b", from: higher, to: lower)
    lab.run(seconds: 1)
    var indices: Set<UInt32> = []
    lab.tap = { datagram in
      if datagram.type == 4, datagram.to == lower.endpoint { indices.insert(word(datagram.bytes, 4)) }
      return [datagram]
    }
    for _ in 0..<5 {
      lab.send("a", from: lower, to: higher)
      lab.send("b", from: higher, to: lower)
      lab.run(milliseconds: 20)
    }
    #expect(indices == [sessionsOfHellos[lower.endpoint]])
    #expect(lower.gossip.count == 6 && higher.gossip.count == 6)
  }

  @Test func aRestartedPeerReplacesItsFormerLife() throws {
    let lab = try Lab.mesh(2, seed: 9)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.send("before", from: one, to: two)
    lab.run(seconds: 5)
    lab.restart(two)
    lab.send("after", from: two, to: one)
    lab.run(seconds: 1)
    #expect(one.gossip.last == [UInt8]("after".utf8))
    #expect(one.sessionDowns == [.replaced])
    #expect(one.sessionUps == 2)
    lab.send("to the new life", from: one, to: two)
    lab.run(seconds: 1)
    #expect(two.gossip.last == [UInt8]("to the new life".utf8))
    #expect(one.counted(.identityConflicts) == 0)
  }

  @Test func aPeerThatForgotUsIsAskedAgainWithinSeconds() throws {
    let lab = try Lab.mesh(2, seed: 10)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.send("before", from: one, to: two)
    lab.run(seconds: 20)
    lab.restart(two)
    let restartedAt = lab.time
    // A probe a second, none answered: the old session is dead.
    for _ in 0..<8 {
      lab.send("probe", from: one, to: two)
      lab.run(seconds: 1)
    }
    let heard = two.deliveries.first { $0.at > restartedAt }
    #expect(heard.map { ($0.at - restartedAt) <= 5_000_000_000 } ?? false)
  }

  @Test func aCopiedKeyFileIsNoticedWithinTenSeconds() throws {
    let lab = try Lab.mesh(2, seed: 11)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.send("honest", from: two, to: one)
    lab.run(seconds: 5)
    // The same keys elsewhere.
    let thief = LabNode(
      index: 2, endpoint: Endpoint(ipv4: 0x7f00_0063, port: 7000), identity: two.identity, certificate: two.certificate,
      net: lab.net, seed: 999, settings: two.settings)
    lab.nodes.append(thief)
    lab.introduce(one, to: thief)
    let stolenAt = lab.time
    lab.send("stolen", from: thief, to: one)
    for _ in 0..<10 {
      lab.run(seconds: 1)
      lab.send("honest", from: two, to: one)
    }
    let alarm = one.events.first { if case .identityConflict(two.host, _, _) = $0.event { true } else { false } }
    #expect(alarm.map { $0.at - stolenAt <= 10_000_000_000 } ?? false)
  }

  /// Bootstrap line: we know the peer's keys, and it knows nothing of us but what our HELLO carries.
  @Test func keysAloneAreEnoughForTheInitiator() throws {
    let lab = Lab(seed: 12)
    let (one, two) = (try lab.add(), try lab.add())
    lab.introduce(two, to: one, withCertificate: false)
    lab.send("join", from: one, to: two)
    lab.run(milliseconds: 100)
    #expect(two.gossip.count == 1)
    #expect(two.roster.certificate(of: one.host) == one.certificate, "taken from the HELLO")
    #expect(one.roster.certificate(of: two.host) == nil)
    lab.send("welcome", from: two, to: one)
    lab.run(milliseconds: 100)
    #expect(one.gossip.count == 1)
    #expect(two.channel.key(of: one.host) == one.identity.key)
    #expect(one.channel.key(of: two.host) == two.identity.key)
  }

  @Test func aHostWithoutAKeyIsCounted() throws {
    let lab = Lab(seed: 13)
    let one = try lab.add()
    lab.send([1], from: one, to: HostID(rawValue: 77), at: Endpoint(ipv4: 0x7f00_0009, port: 7000))
    lab.run(seconds: 1)
    #expect(one.counted(.unknownHosts) == 1 && one.bytesSent == 0)
  }

  /// A forged member list makes no flooder of us.
  @Test func helloesAreLimitedInAll() throws {
    let lab = Lab(seed: 14)
    let one = try lab.add()
    for index in 0..<400 {
      let key = lab.net.identity().key
      lab.command(.introduce(key, at: Endpoint(ipv4: 0x7f01_0000 + UInt32(index), port: 7000)), one)
      lab.send([1], from: one, to: key.hostID)
    }
    lab.run(seconds: 1)
    #expect(one.counted(.hellosSent) <= 100)
    #expect(one.counted(.hellosDelayed) > 0)
  }

  @Test func labelsRiseAlsoWhenTheClockStepsBack() throws {
    let lab = try Lab.mesh(2, seed: 15)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.send("now", from: one, to: two)
    lab.run(seconds: 1)
    #expect(one.labelFloor > TestNetwork.now * 1_000_000_000)
    // An hour back, and a new process that knows only what was kept.
    one.wallOffset = -3_600_000_000_000
    let kept = one.labelFloor
    lab.restart(one)
    #expect(one.labelFloor >= kept, "a floor never sinks")
    lab.send("from the past", from: one, to: two)
    lab.run(seconds: 1)
    #expect(two.gossip.last == [UInt8]("from the past".utf8))
    #expect(two.counted(.droppedReplayedHello) == 0)
  }

  @Test func labelFloorsAreKeptEveryMinute() throws {
    let lab = try Lab.mesh(2, seed: 16)
    lab.run(seconds: 600)
    let floors = lab.nodes[0].events.filter { if case .labelFloor = $0.event { true } else { false } }
    #expect((10...12).contains(floors.count))
  }

  @Test func aStallIsNotSilence() throws {
    let lab = try Lab.mesh(2, seed: 17)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.latency = 50_000_000
    lab.send("patience", from: one, to: two)
    lab.run(milliseconds: 60)
    // The answer is under way while both processes are stopped for 20 s.
    lab.pass(20_000_000_000)
    for node in lab.nodes { lab.handle(.stall(20_000_000_000), node) }
    lab.run(seconds: 1)
    #expect(two.gossip.count == 1, "the frame that waited is not a second old for us")
    #expect(one.counted(.droppedQueue) == 0)
  }

  @Test func droppingAHostEndsEverythingAtOnce() throws {
    let lab = try Lab.mesh(2, seed: 18)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.send("up", from: one, to: two)
    lab.run(seconds: 1)
    lab.command(.drop(two.host), one)
    #expect(one.sessionDowns == [.dropped])
    #expect(!one.channel.hasSession(with: two.host))
    let before = one.gossip.count
    lab.send("after the drop", from: two, to: one)
    lab.run(milliseconds: 500)
    #expect(one.gossip.count == before)
    #expect(one.counted(.droppedUnknownIndex) > 0)
  }
}

func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
  bytes.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
}
