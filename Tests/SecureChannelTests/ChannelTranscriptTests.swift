import SecureChannel
import Testing
import Wire

/// Golden transcripts of the channel's datagrams: the second implementation makes the same bytes from the same keys, and
/// each understands the other's.
@Suite struct ChannelTranscriptTests {
  private func privateKey(_ identity: Identity) -> [UInt8] { identity.withFile { Array($0[8..<40]) } }

  private func number(_ bytes: [UInt8]) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func shared(_ lab: Lab, _ one: LabNode, _ two: LabNode) -> [String: JSONValue] {
    [
      "network": .number(lab.net.network.id.rawValue), "secret": .bytes(lab.net.network.secret.octets),
      "initiator_static": .bytes(privateKey(one.identity)), "responder_static": .bytes(privateKey(two.identity)),
      "certificate": .bytes(one.certificate.bytes), "initiator_boot": .number(one.bootID),
      "responder_boot": .number(two.bootID), "responder_serial": .number(two.certificate.serial),
    ]
  }

  /// HELLO without and with a cookie, COOKIE, RESPONSE, and DATA of both sides: sixteen of each.
  @Test func datagramsAreEqualByteForByte() async throws {
    var questions: [JSONValue] = []
    var expected: [[String: JSONValue]] = []
    for seed in 500..<516 as Range<UInt64> {
      let lab = try Lab.mesh(2, seed: seed)
      let (one, two) = (lab.nodes[0], lab.nodes[1])
      for node in lab.nodes { node.entropy.records = true }
      Flood(lab, two).strain()
      lab.pass(lab.chance.below(UInt64(900_000_000)))
      var held: [Lab.Datagram] = []
      lab.tap = { datagram in
        held.append(datagram)
        return []
      }
      var question = shared(lab, one, two)
      _ = one.entropy.take(8)
      // The last cookie was sealed for the flood: its secret stays.
      let cookieSecret = try #require(two.entropy.take(32).first)
      _ = (two.entropy.take(24), two.entropy.take(8))
      let body = lab.noise(1 + lab.chance.below(1187))
      lab.send(body, from: one, to: two.host)
      let plainHello = try takeLast(&held)
      question["plain_wall"] = .number(lab.now.wall)
      question["plain_index"] = .number(number(Array(one.entropy.take(8)[0][..<4])))
      question["plain_ephemeral"] = .bytes(one.entropy.take(32)[0])
      lab.inject(plainHello.bytes, from: one.endpoint, into: two)
      let cookie = try takeLast(&held)
      question["nonce"] = .bytes(two.entropy.take(24)[0])
      lab.pass(100_000_000)
      lab.inject(cookie.bytes, from: two.endpoint, into: one)
      let hello = try takeLast(&held)
      question["wall"] = .number(lab.now.wall)
      question["initiator_index"] = .number(number(Array(one.entropy.take(8)[0][..<4])))
      question["initiator_ephemeral"] = .bytes(one.entropy.take(32)[0])
      lab.inject(hello.bytes, from: one.endpoint, into: two)
      let response = try takeLast(&held)
      question["responder_index"] = .number(number(Array(two.entropy.take(8)[0][..<4])))
      question["responder_ephemeral"] = .bytes(two.entropy.take(32)[0])
      lab.inject(response.bytes, from: two.endpoint, into: one)
      let data = try takeLast(&held)
      question["time"] = .number(lab.time / 1_000_000 & 0xffff)
      lab.pass(7_000_000)
      lab.inject(data.bytes, from: one.endpoint, into: two)
      // The confirmation first, then a frame.
      _ = try takeLast(&held)
      lab.pass(20_000_000)
      let answer = lab.noise(1 + lab.chance.below(1187))
      lab.send(answer, from: two, to: one.host)
      let reply = try takeLast(&held)
      let milliseconds = lab.time / 1_000_000
      question["reply_time"] = .number(milliseconds & 0xffff)
      // The peer's time, older by what it was held.
      question["reply_echo"] = .number((milliseconds - 7) & 0xffff)
      question["topic"] = "channel"
      question["cookie_secret"] = .bytes(cookieSecret)
      question["source_ip"] = .bytes(octets("00000000000000000000ffff7f000001"))
      question["source_port"] = 7000
      question["local_port"] = 7000
      question["body"] = .bytes(body)
      question["answer"] = .bytes(answer)
      questions.append(.object(question))
      expected.append([
        "plain_hello": .bytes(plainHello.bytes), "cookie": .bytes(cookie.bytes), "hello": .bytes(hello.bytes),
        "response": .bytes(response.bytes), "data": .bytes(data.bytes), "reply": .bytes(reply.bytes),
      ])
    }
    let answers = try await SecondImplementation.answers(to: questions)
    for (answer, expected) in zip(answers, expected) {
      for name in ["plain_hello", "cookie", "hello", "response", "data", "reply"] {
        #expect(answer[name] == expected[name], "\(name)")
      }
    }
  }

  /// The second implementation asks, ours answers, and they talk.
  @Test func theOtherImplementationTalksToOurs() async throws {
    let lab = try Lab.mesh(2, seed: 600)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.stop(one)
    var question = shared(lab, one, two)
    question["initiator_ephemeral"] = .bytes(lab.noise(32))
    question["responder_ephemeral"] = .bytes(lab.noise(32))
    question["initiator_index"] = 0xdead_beef
    question["wall"] = .number(lab.now.wall)
    question["topic"] = "channel_hello"
    let asked = try await SecondImplementation.answers(to: [.object(question)])
    let hello = try #require(asked[0]["hello"]?.octets)
    lab.keepsTrace = true
    lab.inject(hello, from: one.endpoint, into: two)
    let response = try #require(lab.trace.last).bytes
    #expect(response.count == 108)

    // Ours speaks only once the session is confirmed: first hear theirs, then let them read ours.
    let body = lab.noise(999)
    question["topic"] = "channel_session"
    question["response"] = .bytes(response)
    question["body"] = .bytes(body)
    question["datagrams"] = []
    let session = try await SecondImplementation.answers(to: [.object(question)])[0]
    #expect(session["boot"] == .number(two.bootID))
    #expect(session["flags"] == .number(0))
    #expect(session["serial"] == .number(two.certificate.serial & 0xffff_ffff))
    lab.inject(try #require(session["data"]?.octets), from: one.endpoint, into: two)
    #expect(two.gossip == [body])
    #expect(two.deliveries.map(\.kind) == [.gossip, .heartbeat])
    #expect(two.sessionUps == 1)
    let said = lab.noise(500)
    lab.send(said, from: two, to: one.host)
    question["datagrams"] = .list(lab.trace.filter { $0.type == 4 }.map { .bytes($0.bytes) })
    let read = try await SecondImplementation.answers(to: [.object(question)])[0]
    guard case .list(let datagrams)? = read["read"] else {
      Issue.record("\(read)")
      return
    }
    #expect(datagrams.count == 2)
    #expect(datagrams.map { $0["counter"] } == [.number(0), .number(1)])
    #expect(datagrams.allSatisfy { $0["index"] == .number(0xdead_beef) })
    guard case .list(let frames)? = datagrams.last?["frames"] else { return }
    #expect(frames.map { $0["kind"] } == [.number(5), .number(1)])
    #expect(frames.last?["body"] == .bytes(said))
  }
}
