import SecureChannel
import Testing
import Wire

/// What strangers, bystanders and replays can do: nothing but raise counters.
@Suite struct ResponderTests {
  /// Everything of a node that a datagram could have changed, but counters.
  private func state(_ node: LabNode) -> String {
    "\(node.channel.sessionCount) \(node.events.count) \(node.deliveries.count) \(node.bytesSent)"
  }

  /// Flips every bit of a datagram, hands each to the receiver, and expects silence; then the true one must still work.
  private func flipAll(
    _ bytes: [UInt8], from: Endpoint, into node: LabNode, _ lab: Lab, _ comment: Comment
  ) {
    let before = state(node)
    for bit in 0..<bytes.count * 8 {
      // What mac1 does not cover is a HELLO of a member for the gauge: too many of those in a second are load.
      if bytes.count == 488, bit >= 472 * 8 { lab.pass(11_000_000) }
      var altered = bytes
      altered[bit / 8] ^= 1 << UInt8(bit % 8)
      lab.inject(altered, from: from, into: node)
      if state(node) != before {
        Issue.record("bit \(bit) of \(comment): \(before) -> \(state(node))")
        return
      }
    }
  }

  @Test func everyFlippedBitOfEveryMessageIsDropped() throws {
    let lab = try Lab.mesh(2, seed: 1)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    var held: [Lab.Datagram] = []
    lab.tap = { datagram in
      held.append(datagram)
      return []
    }
    lab.send("the frame", from: one, to: two)
    let hello = try takeLast(&held)
    #expect(hello.bytes.count == 488)
    flipAll(hello.bytes, from: one.endpoint, into: two, lab, "HELLO")
    lab.inject(hello.bytes, from: one.endpoint, into: two)
    let response = try takeLast(&held)
    #expect(response.bytes.count == 108)
    flipAll(response.bytes, from: two.endpoint, into: one, lab, "RESPONSE")
    lab.inject(response.bytes, from: two.endpoint, into: one)
    lab.send("the frame", from: one, to: two)
    let data = try takeLast(&held)
    #expect(data.bytes.count == 64)
    flipAll(data.bytes, from: one.endpoint, into: two, lab, "DATA")
    lab.inject(data.bytes, from: one.endpoint, into: two)
    #expect(two.gossip == [[UInt8]("the frame".utf8)])
    #expect(two.violations == 0 && one.violations == 0)
  }

  @Test func everyFlippedBitOfACookieIsDropped() throws {
    let lab = try Lab.mesh(2, seed: 2)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    Flood(lab, two).strain()
    var held: [Lab.Datagram] = []
    lab.tap = { datagram in
      held.append(datagram)
      return []
    }
    lab.send("the frame", from: one, to: two)
    lab.inject(try takeLast(&held).bytes, from: one.endpoint, into: two)
    let cookie = try takeLast(&held)
    #expect(cookie.bytes.count == 64)
    flipAll(cookie.bytes, from: two.endpoint, into: one, lab, "COOKIE")
    #expect(held.isEmpty)
    lab.inject(cookie.bytes, from: two.endpoint, into: one)
    lab.pass(200_000_000)
    let hello = try takeLast(&held)
    #expect(hello.bytes.count == 488, "asked again at once, with the cookie")
    lab.inject(hello.bytes, from: one.endpoint, into: two)
    let answer = try takeLast(&held)
    #expect(answer.bytes.count == 108)
  }

  @Test func truncatedAndExtendedMessagesAreDropped() throws {
    let lab = try Lab.mesh(2, seed: 3)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.keepsTrace = true
    lab.send("the frame", from: one, to: two)
    lab.run(seconds: 1)
    let trace = lab.trace
    #expect(Set(trace.map(\.type)) == [1, 2, 4])
    let before = (state(one), state(two))
    for datagram in trace {
      let target = datagram.to == one.endpoint ? one : two
      for length in 0..<1300 where length != datagram.bytes.count {
        let filler = (0..<max(0, length - datagram.bytes.count)).map { UInt8(truncatingIfNeeded: $0) }
        lab.inject(Array(datagram.bytes.prefix(length)) + filler, from: datagram.from, into: target)
      }
    }
    #expect(before == (state(one), state(two)))
  }

  /// A million probes: types × lengths × random content. In the suite a part of them; all with
  /// `MESH_PROBES=1000000 swift test -c release --filter aStrangerGetsNothingBack`.
  @Test func aStrangerGetsNothingBack() throws {
    let lab = try Lab.mesh(2, seed: 4)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.send("busy", from: two, to: one)
    lab.run(seconds: 1)
    lab.keepsTrace = true
    lab.send("busy", from: two, to: one)
    lab.run(seconds: 1)
    let index = try #require(lab.trace.first { $0.type == 4 && $0.to == one.endpoint }).bytes[4..<8]
    let stranger = Endpoint(ipv4: 0x7f00_00ee, port: 9)
    let before = state(one)
    var chance = Chance(seed: 4)
    let pool = (0..<65_536).map { _ in UInt8(truncatingIfNeeded: chance.next()) }
    let probes = environment("MESH_PROBES").flatMap { Int($0) } ?? 60_000
    let tag = lab.net.network.tag
    for probe in 0..<probes {
      let length = probe % 1500
      let start = chance.below(pool.count - 1500)
      var bytes = Array(pool[start..<start + length])
      // All kinds, right and wrong versions and tags, known indices.
      let head: [UInt8] = [
        UInt8(truncatingIfNeeded: probe / 1500 % 7), chance.happens(0.9) ? 1 : UInt8(truncatingIfNeeded: chance.next()),
        UInt8(truncatingIfNeeded: tag), UInt8(truncatingIfNeeded: tag >> 8),
      ]
      if length >= 4, !chance.happens(0.1) { bytes.replaceSubrange(0..<4, with: head) }
      if length >= 8, chance.happens(0.5) { bytes.replaceSubrange(4..<8, with: index) }
      if length >= 16, chance.happens(0.5) { bytes.replaceSubrange(10..<16, with: [0, 0, 0, 0, 0, 0]) }
      lab.inject(bytes, from: stranger, into: one)
    }
    #expect(state(one) == before)
    #expect(lab.trace.allSatisfy { $0.to != stranger })
    for reason in [.droppedMac1, .droppedForged, .droppedType, .droppedLength, .droppedUnknownIndex] as [ChannelCounter]
    {
      #expect(one.counted(reason) > 0, "\(reason)")
    }
    lab.send("still there", from: two, to: one)
    lab.run(seconds: 1)
    #expect(one.gossip.last == [UInt8]("still there".utf8))
  }

  @Test func replaysAreNeverAcceptedTwice() throws {
    let lab = try Lab.mesh(2, seed: 5)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.keepsTrace = true
    for index in 0..<50 as Range<UInt8> {
      lab.send([index], from: one, to: two.host)
      lab.send([index], from: two, to: one.host)
      lab.run(milliseconds: 30)
    }
    let counts = (one.gossip.count, two.gossip.count)
    let before = (state(one), state(two))
    let trace = lab.trace
    for _ in 0..<10 {
      for datagram in trace {
        lab.inject(datagram.bytes, from: datagram.from, into: datagram.to == one.endpoint ? one : two)
      }
      lab.run(seconds: 1)
    }
    #expect((one.gossip.count, two.gossip.count) == counts)
    #expect(before == (state(one), state(two)))
    #expect(
      two.counted(.droppedReplay) >= 500 && two.counted(.droppedReplayedHello) + two.counted(.droppedHelloRate) >= 10)
  }

  /// A responder that lost its memory answers an old HELLO once more, and that is all: nobody can use the session.
  @Test func replaysToARestartedResponderBringNothing() throws {
    let lab = try Lab.mesh(2, seed: 6)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.keepsTrace = true
    lab.send("once", from: one, to: two)
    lab.run(seconds: 1)
    let trace = lab.trace.filter { $0.to == two.endpoint }
    #expect(trace.count >= 2)
    lab.restart(two)
    lab.stop(one)
    two.events.removeAll()
    two.deliveries.removeAll()
    let attacker = Endpoint(ipv4: 0x7f00_00ee, port: 9)
    var received = 0
    lab.tap = { datagram in
      if datagram.to == attacker { received += datagram.bytes.count }
      return [datagram]
    }
    var given = 0
    for _ in 0..<10 {
      for datagram in trace {
        given += datagram.bytes.count
        lab.inject(datagram.bytes, from: attacker, into: two)
      }
      lab.run(seconds: 1)
    }
    #expect(two.deliveries.isEmpty && two.sessionUps == 0)
    #expect(received <= 108 && received < given)
    lab.run(seconds: 10)
    #expect(two.channel.sessionCount == 0)
  }

  @Test func hostileKeysAndReflectionsAreDropped() throws {
    let lab = try Lab.mesh(2, seed: 7)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    var held: [Lab.Datagram] = []
    lab.tap = { datagram in
      held.append(datagram)
      return []
    }
    lab.send("the frame", from: one, to: two)
    let hello = held[0].bytes
    let before = (state(one), state(two))
    // Back to its author, whose mac1 it is not.
    lab.inject(hello, from: two.endpoint, into: one)
    let mac1 = try #require(GreetingKeys(of: two.identity.key.exchange, network: lab.net.network, arena: lab.net.arena))
    let smallOrder: [[UInt8]] = [
      [UInt8](repeating: 0, count: 32), [1] + [UInt8](repeating: 0, count: 31),
      octets("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
      octets("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
      octets("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ]
    for key in smallOrder {
      var forged = hello
      forged.replaceSubrange(8..<40, with: key)
      lab.inject(signed(forged, mac1), from: one.endpoint, into: two)
    }
    #expect(two.counted(.droppedStaticKey) == 5)
    #expect(before == (state(one), state(two)))
  }

  /// HELLOs of hosts that may not talk to us, all with the right network secret.
  @Test func certificatesAreJudgedBeforeAnyAnswer() throws {
    let lab = Lab(seed: 8)
    let two = try lab.add()
    let other = TestNetwork(seed: 99, name: "geffen")
    func hello(
      _ change: (inout CertificateRequest) -> Void, signedBy signer: OperatorSigner? = nil, other: Identity? = nil
    )
      throws -> UInt64
    {
      let identity = lab.net.identity()
      var request = lab.net.request(for: other ?? identity)
      change(&request)
      let node = LabNode(
        index: lab.nodes.count, endpoint: Endpoint(ipv4: 0x7f00_0100 + UInt32(lab.nodes.count), port: 7000),
        identity: identity, certificate: try request.signed(by: signer ?? lab.net.signer), net: lab.net,
        seed: UInt64(lab.nodes.count), settings: two.settings)
      lab.nodes.append(node)
      lab.introduce(two, to: node)
      let before = two.bytesSent
      lab.send("let me in", from: node, to: two)
      lab.run(seconds: 2)
      return UInt64(two.bytesSent - before)
    }
    #expect(try hello { _ in } > 0, "a good one")
    let refused = two.counted(.droppedCertificate)
    #expect(try hello { ($0.notBefore, $0.notAfter) = (TestNetwork.now - 1000, TestNetwork.now - 200) } == 0, "expired")
    #expect(try hello { $0.notBefore = TestNetwork.now + 200 } == 0, "not yet valid")
    #expect(try hello { $0.network = other.network.id } == 0, "other network")
    #expect(try hello({ _ in }, signedBy: other.signer) == 0, "other operator")
    #expect(try hello({ _ in }, other: lab.net.identity()) == 0, "a certificate of another host")
    #expect(two.counted(.droppedCertificate) >= refused + 5)
    #expect(two.gossip.count == 1)
  }

  @Test func anotherNetworkSecretIsSilence() throws {
    let lab = Lab(seed: 9)
    let two = try lab.add()
    let expelled = Network(
      name: lab.net.network.name, operators: lab.net.network.operators,
      secret: Network.newSecret(arena: lab.net.arena, entropy: lab.net.entropy)!)!
    let identity = lab.net.identity()
    let roster = Roster(network: expelled, identity: identity)
    var channel = try #require(
      Channel(
        roster: roster, certificate: lab.net.certificate(for: identity), arena: lab.net.arena, entropy: lab.net.entropy,
        seed: 1, bootID: 1, labelFloor: 0, settings: two.settings))
    var effects = ChannelEffects(buffer: MessageBuffer())
    channel.handle(.command(.introduce(two.identity.key, at: two.endpoint)), now: lab.now, into: &effects)
    let message = try #require(effects.buffer.append(maximum: 4) { $0.u32(7) })
    channel.send(.gossip, message, to: two.host, at: nil, now: lab.now, into: &effects)
    let hello = try #require(effects.sends.first).message
    lab.inject(
      [UInt8](UnsafeRawBufferPointer(effects.buffer.bytes(of: hello))), from: Endpoint(ipv4: 0x7f00_0077, port: 1),
      into: two)
    #expect(two.bytesSent == 0 && two.counted(.droppedMac1) == 1)
  }

  @Test func aRevokedHostIsDeadAtOnce() throws {
    let lab = try Lab.mesh(3, seed: 10)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.send("up", from: two, to: one)
    lab.run(seconds: 1)
    #expect(one.gossip.count == 1)
    let revocation = Revocation(
      of: two.identity.key, in: lab.net.network.id, reason: .keyStolen, issued: TestNetwork.now, by: lab.net.signer)
    let bytes = written { revocation.write(to: &$0) }
    #expect(bytes.withUnsafeBytes { one.roster.adopt(revocation: $0) } == .adopted(two.host))
    let bytesSent = one.bytesSent
    // Even before `drop`: nothing of it is delivered, nothing sent to it.
    lab.send("old session", from: two, to: one)
    lab.send("to the expelled", from: one, to: two)
    lab.run(milliseconds: 100)
    #expect(one.gossip.count == 1 && two.gossip.isEmpty)
    lab.command(.drop(two.host), one)
    #expect(one.sessionDowns == [.dropped])
    lab.restart(two)
    lab.send("new session", from: two, to: one)
    lab.run(seconds: 5)
    #expect(one.gossip.count == 1)
    #expect(one.bytesSent == bytesSent, "not one byte to an expelled host")
    // Refused by its key, before its certificate is even read.
    #expect(one.counted(.droppedRevoked) > 0 && one.counted(.droppedCertificate) == 0)
    // Everybody else goes on.
    lab.send("honest", from: lab.nodes[2], to: one)
    lab.run(seconds: 1)
    #expect(one.gossip.count == 2)
  }

  /// Bytes to an address that has proven nothing are never more than it has sent.
  @Test func nothingIsAmplified() throws {
    let lab = try Lab.mesh(2, seed: 11)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    let victim = Endpoint(ipv4: 0x7f00_00aa, port: 53)
    var given = 0
    var reflected = 0
    lab.tap = { datagram in
      if datagram.to == victim { reflected += datagram.bytes.count }
      return [datagram]
    }
    lab.keepsTrace = true
    lab.send("a", from: one, to: two)
    lab.run(seconds: 1)
    let trace = lab.trace
    lab.restart(two)
    for _ in 0..<3 {
      for datagram in trace {
        given += datagram.bytes.count
        lab.inject(datagram.bytes, from: victim, into: datagram.to == one.endpoint ? one : two)
        #expect(reflected <= given)
      }
      Flood(lab, two).strain()
    }
    #expect(reflected > 0, "a first HELLO is answered")
    #expect(reflected < given / 2)
  }
}

/// HELLOs with a right mac1 and nothing else right: what an expelled host can make without limit.
struct Flood {
  let lab: Lab
  let node: LabNode
  let keys: GreetingKeys

  init(_ lab: Lab, _ node: LabNode) {
    self.lab = lab
    self.node = node
    keys = GreetingKeys(of: node.identity.key.exchange, network: lab.net.network, arena: lab.net.arena)!
  }

  func hello(_ chance: inout Chance, mac2: Bool = false) -> [UInt8] {
    let tag = lab.net.network.tag
    var bytes = (0..<488).map { _ in UInt8(truncatingIfNeeded: chance.next()) }
    bytes.replaceSubrange(0..<4, with: [1, 1, UInt8(truncatingIfNeeded: tag), UInt8(truncatingIfNeeded: tag >> 8)])
    if !mac2 { bytes.replaceSubrange(472..<488, with: [UInt8](repeating: 0, count: 16)) }
    return signed(bytes, keys)
  }

  /// Brings the node under load.
  func strain() {
    var chance = Chance(seed: 5)
    for index in 0..<101 as Range<UInt32> {
      lab.inject(hello(&chance), from: Endpoint(ipv4: 0x0a00_0001 + index << 8, port: 9), into: node)
    }
  }
}

/// The message with the mac1 that it should have.
func signed(_ bytes: [UInt8], _ keys: GreetingKeys) -> [UInt8] {
  var bytes = bytes
  var mac = [UInt8](repeating: 0, count: 16)
  bytes[..<456].withUnsafeBytes { message in mac.withUnsafeMutableBytes { keys.writeMac1(of: message, into: $0) } }
  bytes.replaceSubrange(456..<472, with: mac)
  return bytes
}

@Suite struct FloodTests {
  @Test func theCookieHoldsUnderAValidMac1Flood() throws {
    let lab = try Lab.mesh(4, seed: 20)
    let (target, friend, known) = (lab.nodes[0], lab.nodes[1], lab.nodes[2])
    lab.send("friend", from: friend, to: target)
    lab.run(seconds: 1)
    let flood = Flood(lab, target)
    var chance = Chance(seed: 20)
    // A pool, because making them costs more than refusing them.
    let hellos = (0..<200).map { _ in flood.hello(&chance) }
    var cookiesToFlood = 0
    lab.tap = { datagram in
      if datagram.to.ipv4 >> 24 == 0x0a { cookiesToFlood += 1 }
      return [datagram]
    }
    let seconds = 5
    var arrived = 0
    let work = {
      target.counted(.droppedStaticKey) + target.counted(.droppedHelloPayload) + target.counted(.responsesSent)
    }
    var hardest: UInt64 = 0
    for second in 0..<seconds {
      let before = work()
      for step in 0..<1000 {
        // 10 kpps from a /8, among it every second the same neighbourhood.
        for _ in 0..<10 {
          let source = Endpoint(
            ipv4: 0x0a00_0000 | UInt32(truncatingIfNeeded: chance.next()) & (step % 2 == 0 ? 0xff_ffff : 0xff), port: 99
          )
          lab.inject(hellos[chance.below(hellos.count)], from: source, into: target)
        }
        if step % 100 == 0 {
          lab.send([UInt8(second), UInt8(step / 100)], from: friend, to: target.host)
          arrived += 1
        }
        if second == 1, step == 500 { lab.send("newcomer", from: known, to: target) }
        lab.run(milliseconds: 1)
      }
      if second > 0 { hardest = max(hardest, work() - before) }
    }
    lab.run(seconds: 1)
    let fromFriend = target.deliveries.count { $0.from == friend.host } - 1
    #expect(fromFriend == arrived, "sessions do not notice a flood")
    #expect(target.deliveries.contains { $0.from == known.host }, "a new handshake completes")
    #expect(hardest <= 500, "handshake work per second")
    #expect(target.counted(.cookiesSent) <= 2000 * UInt64(seconds + 1))
    #expect(cookiesToFlood <= 1756 * (seconds + 1), "a part is kept for known neighbourhoods")
    #expect(target.counted(.droppedCookieBudget) > 10_000)
    #expect(target.violations == 0)
  }

  /// Proven sources are held to 20/s each, and all together to the budget of the node.
  @Test func provenSourcesAreLimitedToo() throws {
    let lab = try Lab.mesh(1, seed: 21)
    let target = lab.nodes[0]
    let flood = Flood(lab, target)
    var chance = Chance(seed: 21)
    for round in 0..<40 {
      for _ in 0..<100 {
        lab.inject(flood.hello(&chance), from: Endpoint(ipv4: 0x7f00_0002, port: UInt16(1000 + round)), into: target)
      }
      lab.run(milliseconds: 25)
    }
    // Before it is known to be under load, the budget of the node is the limit.
    #expect(target.counted(.droppedStaticKey) <= 64 + 500)
    #expect(target.counted(.cookiesSent) <= 50 * 2 + 1, "50 cookies a second for one neighbourhood")
  }

  @Test func workForHandshakesHasABudget() throws {
    let lab = Lab(seed: 25)
    let target = try lab.add {
      $0.handshakesPerSecond = 5
      $0.handshakeBurst = 5
    }
    let flood = Flood(lab, target)
    var chance = Chance(seed: 25)
    // Too few to be load.
    for index in 0..<50 as Range<UInt32> {
      lab.inject(flood.hello(&chance), from: Endpoint(ipv4: 0x7f00_0100 + index, port: 9), into: target)
      lab.run(milliseconds: 20)
    }
    #expect((5...10).contains(target.counted(.droppedStaticKey)))
    #expect(target.counted(.droppedWorkBudget) >= 40)
    #expect(target.counted(.cookiesSent) == 0)
  }

  @Test func forgedDataAtALiveIndexCostsNothing() throws {
    let lab = try Lab.mesh(2, seed: 22)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.keepsTrace = true
    lab.send("up", from: one, to: two)
    lab.run(seconds: 1)
    let index = try #require(lab.trace.first { $0.type == 4 && $0.to == two.endpoint }).bytes[0..<8]
    lab.keepsTrace = false
    var chance = Chance(seed: 22)
    let forged = (0..<64).map { _ in
      Array(index) + (0..<88).map { _ in UInt8(truncatingIfNeeded: chance.next() & 0x3f) }
    }
    for step in 0..<200 {
      for _ in 0..<100 { lab.inject(forged[chance.below(64)], from: one.endpoint, into: two) }
      lab.send([UInt8(step)], from: one, to: two.host)
      lab.run(milliseconds: 10)
    }
    #expect(two.gossip.count == 201)
    #expect(two.counted(.droppedForged) + two.counted(.droppedExpired) == 20_000)
    #expect(two.violations == 0 && two.sessionDowns.isEmpty)
  }

  @Test func onePeerBeyondItsBudgetIsCutAndOthersAreNot() throws {
    let lab = try Lab.mesh(3, seed: 23)
    let (target, greedy, honest) = (lab.nodes[0], lab.nodes[1], lab.nodes[2])
    lab.send("up", from: greedy, to: target)
    lab.send("up", from: honest, to: target)
    lab.run(seconds: 1)
    for step in 0..<1000 {
      for _ in 0..<20 { lab.send([1], from: greedy, to: target.host) }
      if step % 10 == 0 { lab.send([2], from: honest, to: target.host) }
      lab.run(milliseconds: 1)
    }
    lab.run(seconds: 1)
    #expect(target.deliveries.count { $0.from == honest.host } == 101)
    #expect(target.deliveries.count { $0.from == greedy.host } <= 2000 + 500 + 1)
    #expect(target.counted(.droppedPeerRate) > 5000)
    #expect(target.count { if case .violation(greedy.host, .overRate, _) = $0 { true } else { false } } > 20)
  }

  @Test func atMost128SessionsAreUnconfirmed() throws {
    let lab = Lab(seed: 24)
    let target = try lab.add {
      $0.handshakesPerSecond = 5000; $0.handshakeBurst = 5000
    }
    var responses = 0
    lab.tap = { datagram in
      if datagram.type == 2 { responses += 1 }
      // Nobody ever gets the RESPONSE.
      return datagram.type == 2 ? [] : [datagram]
    }
    for _ in 0..<200 {
      let node = try lab.add()
      lab.introduce(target, to: node)
      lab.send("knock", from: node, to: target)
      lab.run(milliseconds: 20)
      lab.stop(node)
    }
    #expect(responses == 128)
    #expect(target.channel.sessionCount == 128)
    #expect(target.counted(.droppedUnconfirmedLimit) == 72)
    lab.run(seconds: 7)
    #expect(target.channel.sessionCount == 0)
    #expect(target.sessionUps == 0)
  }
}
