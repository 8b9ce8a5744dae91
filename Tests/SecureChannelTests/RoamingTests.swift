import SecureChannel
import Testing
import Wire

@Suite struct RoamingTests {
  private func moves(_ node: LabNode) -> [Endpoint] {
    node.events.compactMap { if case .moved(_, let endpoint) = $0.event { endpoint } else { nil } }
  }

  @Test func aPeerIsFollowedToItsNewAddress() throws {
    let lab = try Lab.mesh(2, seed: 1)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.send("up", from: one, to: two)
    lab.run(seconds: 5)
    one.endpoint = Endpoint(ipv4: 0x7f00_0055, port: 7001)
    lab.send("from elsewhere", from: one, to: two)
    lab.run(milliseconds: 50)
    #expect(two.gossip.count == 2, "delivered at once; only the way back waits for the proof")
    #expect(moves(two) == [one.endpoint])
    lab.send("there you are", from: two, to: one)
    lab.run(milliseconds: 50)
    #expect(one.gossip.last == [UInt8]("there you are".utf8))
    #expect(one.counted(.hellosSent) + two.counted(.hellosSent) == 1)
  }

  /// Someone on the path sends a captured datagram on from an address of his own, before the true one arrives.
  @Test func aCapturedDatagramMovesNothing() throws {
    let lab = try Lab.mesh(2, seed: 2)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.send("up", from: one, to: two)
    lab.run(seconds: 5)
    let thief = Endpoint(ipv4: 0x7f00_00ee, port: 666)
    var stolen = 0
    var toThief = 0
    lab.tap = { datagram in
      if datagram.to == thief {
        toThief += datagram.bytes.count
        return []
      }
      guard datagram.to == two.endpoint, datagram.from == one.endpoint, datagram.type == 4 else { return [datagram] }
      stolen += datagram.bytes.count
      return [Lab.Datagram(from: thief, to: datagram.to, bytes: datagram.bytes), datagram]
    }
    for index in 0..<100 as Range<UInt8> {
      lab.send([index], from: one, to: two.host)
      lab.run(milliseconds: 100)
      lab.send([index], from: two, to: one.host)
      lab.run(milliseconds: 100)
    }
    #expect(moves(two).isEmpty)
    #expect(one.gossip.count == 100, "everything still goes to the true address")
    #expect(two.gossip.count == 101)
    #expect(toThief > 0 && toThief <= 3 * stolen)
    #expect(two.counted(.pathChallenges) <= 21, "once a second")
  }

  @Test func oldDatagramsAndWrongAnswersMoveNothing() throws {
    let lab = try Lab.mesh(2, seed: 3)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    var held: [Lab.Datagram] = []
    lab.send("up", from: one, to: two)
    lab.run(seconds: 5)
    lab.tap = { datagram in
      held.append(datagram)
      return []
    }
    lab.send("older", from: one, to: two)
    lab.send("newer", from: one, to: two)
    lab.tap = nil
    let elsewhere = Endpoint(ipv4: 0x7f00_00ee, port: 1)
    lab.inject(held[1].bytes, from: one.endpoint, into: two)
    lab.inject(held[0].bytes, from: elsewhere, into: two)
    #expect(two.gossip.count == 3)
    #expect(two.counted(.pathChallenges) == 0, "an older counter is no sign of a move")
    // The answer must come from the address that was challenged.
    var challenge: [Lab.Datagram] = []
    lab.tap = { datagram in
      challenge.append(datagram)
      return []
    }
    lab.send("again", from: one, to: two)
    lab.inject(try takeLast(&challenge).bytes, from: elsewhere, into: two)
    let sent = try takeLast(&challenge)
    #expect(sent.to == elsewhere)
    lab.inject(sent.bytes, from: two.endpoint, into: one)
    let answer = try takeLast(&challenge)
    lab.inject(answer.bytes, from: one.endpoint, into: two)
    #expect(moves(two).isEmpty && two.counted(.droppedPathAnswer) == 1)
  }

  @Test func atMostOneMoveASecond() throws {
    let lab = try Lab.mesh(2, seed: 4)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.send("up", from: one, to: two)
    lab.run(seconds: 5)
    for hop in 0..<40 as Range<UInt32> {
      one.endpoint = Endpoint(ipv4: 0x7f00_0100 + hop, port: 7000)
      lab.send("hop", from: one, to: two)
      lab.run(milliseconds: 100)
    }
    #expect((2...5).contains(moves(two).count))
  }

  @Test func aCertificateWithAddressesHoldsItsHostThere() throws {
    let lab = Lab(seed: 5)
    let two = try lab.add()
    let identity = lab.net.identity()
    var request = lab.net.request(for: identity)
    request.addresses = [CertifiedAddress(Endpoint(ipv4: 0x7f00_0100, port: 0), prefixBits: 24)!]
    let one = LabNode(
      index: 1, endpoint: Endpoint(ipv4: 0x7f00_0101, port: 7000), identity: identity,
      certificate: try request.signed(by: lab.net.signer), net: lab.net, seed: 5, settings: two.settings)
    lab.nodes.append(one)
    lab.introduce(two, to: one)
    lab.send("up", from: one, to: two)
    lab.run(seconds: 2)
    one.endpoint = Endpoint(ipv4: 0x7f00_0201, port: 7000)
    lab.send("outside", from: one, to: two)
    lab.run(seconds: 2)
    #expect(moves(two).isEmpty)
    one.endpoint = Endpoint(ipv4: 0x7f00_0177, port: 7000)
    lab.send("inside", from: one, to: two)
    lab.run(seconds: 2)
    #expect(moves(two) == [one.endpoint])
  }

  @Test func addressesOfAKindThatIsNotOursAreNotFollowed() throws {
    let lab = Lab(seed: 6)
    let (one, two) = (try lab.add(), try lab.add { $0.reaches = .loopback })
    lab.introduce(two, to: one)
    lab.send("up", from: one, to: two)
    lab.run(seconds: 2)
    let sent = lab.strays.count
    one.endpoint = Endpoint(ipv4: 0x0a00_0001, port: 7000)
    lab.send("from a private network", from: one, to: two)
    lab.run(seconds: 2)
    #expect(two.gossip.count == 2)
    #expect(two.counted(.pathChallenges) == 0)
    #expect(lab.strays.count == sent)
  }

  @Test func aPeerThatMovedWhileWeSleptIsFoundWhereGossipSaysItIs() throws {
    let lab = try Lab.mesh(2, seed: 7)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.send("up", from: one, to: two)
    lab.run(seconds: 20)
    two.endpoint = Endpoint(ipv4: 0x7f00_0066, port: 7000)
    lab.restart(two)
    lab.command(.locate(two.host, at: two.endpoint), one)
    for _ in 0..<10 {
      lab.send("probe", from: one, to: two)
      lab.run(seconds: 1)
    }
    #expect(two.gossip.last == [UInt8]("probe".utf8))
  }
}
