import Hashing
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

  // MARK: Streams

  /// A session that the second implementation has opened with ours, and what goes on in it.
  private struct ForeignSession {
    let lab: Lab
    let two: LabNode
    let from: Endpoint
    var question: [String: JSONValue]
    var counter: UInt64 = 1
  }

  private func foreignSession(seed: UInt64) async throws -> ForeignSession {
    let lab = try Lab.mesh(2, seed: seed)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.stop(one)
    var question = shared(lab, one, two)
    question["initiator_ephemeral"] = .bytes(lab.noise(32))
    question["responder_ephemeral"] = .bytes(lab.noise(32))
    question["initiator_index"] = 0x0102_0304
    question["wall"] = .number(lab.now.wall)
    question["topic"] = "channel_hello"
    let hello = try await SecondImplementation.answers(to: [.object(question)])[0]
    lab.keepsTrace = true
    lab.inject(try #require(hello["hello"]?.octets), from: one.endpoint, into: two)
    question["response"] = .bytes(try #require(lab.trace.last).bytes)
    question["topic"] = "channel_session"
    question["body"] = .bytes([1])
    question["datagrams"] = []
    let session = try await SecondImplementation.answers(to: [.object(question)])[0]
    lab.inject(try #require(session["data"]?.octets), from: one.endpoint, into: two)
    #expect(two.sessionUps == 1)
    question["topic"] = "channel_stream"
    return ForeignSession(lab: lab, two: two, from: one.endpoint, question: question)
  }

  private struct ForeignStream {
    var name: String
    var purpose: UInt64 = 4
    var content: [UInt8]
    /// What the announcement says, when not the truth.
    var size: UInt64?
    var hash: [UInt8]?
    var chunks: [[UInt8]]
    var isFinal = true
    var isGood = false
    /// The peer broke the rules, as opposed to a connection that just ends.
    var isScored = true
  }

  private func hash(_ bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { Digest(of: $0).withBytes { Array($0) } } }

  private func block(_ raw: [UInt8], claiming size: Int? = nil) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: Compression.bound(raw.count))
    let count = raw.withUnsafeBytes { raw in
      output.withUnsafeMutableBytes { Compression.compress(raw, into: $0) ?? 0 }
    }
    let size = size ?? raw.count
    return [1, UInt8(truncatingIfNeeded: size), UInt8(truncatingIfNeeded: size >> 8)] + output[..<count]
  }

  @Test func transfersOfTheOtherImplementation() async throws {
    let noise = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 3) }
    let zeros = [UInt8](repeating: 0, count: 16_383)
    let cases = [
      ForeignStream(name: "good", content: noise, chunks: [[0] + noise], isGood: true),
      ForeignStream(
        name: "good, in pieces", content: noise, chunks: [[0] + noise[..<7], [0] + noise[7...]], isGood: true),
      ForeignStream(name: "good, lz4", content: zeros, chunks: [block(zeros)], isGood: true),
      ForeignStream(name: "wrong hash", content: noise, hash: [UInt8](repeating: 9, count: 32), chunks: [[0] + noise]),
      ForeignStream(name: "shorter than announced", content: noise, size: 3001, chunks: [[0] + noise]),
      ForeignStream(name: "longer than announced", content: noise, size: 2999, chunks: [[0] + noise]),
      ForeignStream(name: "not marked as last", content: noise, chunks: [[0] + noise], isFinal: false, isScored: false),
      ForeignStream(name: "unknown flags", content: noise, chunks: [[2] + noise]),
      ForeignStream(name: "a block that claims more", content: zeros, chunks: [block(zeros, claiming: 16_382)]),
      ForeignStream(name: "a block that claims less", content: noise, chunks: [block(noise, claiming: 3001)]),
      // 64 KiB of zeros in 270 bytes, and the claim of them in 4.
      ForeignStream(
        name: "a bomb", content: [UInt8](repeating: 0, count: 65_535),
        chunks: [block([UInt8](repeating: 0, count: 65_535))]),
      ForeignStream(name: "a claim without bytes", content: zeros, chunks: [[1, 0xff, 0x3f, 0, 0]]),
      ForeignStream(name: "an empty block", content: [], chunks: [[1, 0, 0]]),
      ForeignStream(
        name: "larger than its purpose", purpose: 5, content: noise, chunks: [[0] + noise], isScored: false),
    ]
    for (index, stream) in cases.enumerated() {
      var session = try await foreignSession(seed: UInt64(700 + index))
      let (lab, two) = (session.lab, session.two)
      session.question["sequence"] = 1
      session.question["counter"] = 1
      session.question["purpose"] = .number(stream.purpose)
      session.question["size"] = .number(stream.size ?? UInt64(stream.content.count))
      session.question["content_hash"] = .bytes(stream.hash ?? hash(stream.content))
      session.question["chunks"] = .list(stream.chunks.map { .bytes($0) })
      session.question["final"] = stream.isFinal ? 1 : 0
      let answer = try await SecondImplementation.answers(to: [.object(session.question)])[0]
      lab.inject(try #require(answer["announcement"]?.octets), from: session.from, into: two)
      var said: [UInt8] = []
      lab.onWrite = { said += $1 }
      let connection = lab.strangerConnects(to: two, from: session.from, try #require(answer["stream"]?.octets))
      if !stream.isFinal {
        lab.run(milliseconds: 100)
        lab.handle(.closed(connection), two)
      }
      lab.run(seconds: 1)
      let comment: Comment = "\(stream.name)"
      #expect(two.transfersReceived == (stream.isGood ? [stream.content] : []), comment)
      #expect((two.violations > 0) == (!stream.isGood && stream.isScored), comment)
      guard stream.isGood else { continue }
      session.question["said"] = .bytes(said)
      let heard = try await SecondImplementation.answers(to: [.object(session.question)])[0]["said"]
      #expect(heard?["chunks"] == .list([.bytes([1])]), comment)
    }
  }

  @Test func linksOfTheOtherImplementation() async throws {
    func frame(_ channel: UInt8, _ flags: UInt8, _ body: [UInt8], claiming size: UInt32? = nil) -> [UInt8] {
      let size = size ?? UInt32(body.count)
      return [channel, channel, flags] + withUnsafeBytes(of: size.littleEndian) { [UInt8]($0) } + body
    }
    func raw(_ size: UInt32, _ block: [UInt8]) -> [UInt8] {
      withUnsafeBytes(of: size.littleEndian) { [UInt8]($0) } + block
    }
    let zeros = [UInt8](repeating: 0, count: 15_000)
    let packed = Array(block(zeros)[3...])
    struct Case {
      var name: String
      var chunks: [[UInt8]]
      var frames: [[UInt8]] = []
      var isGood = false
    }
    let mebibyte = [UInt8](repeating: 5, count: 1 << 20)
    func cut(_ channel: UInt8, _ bytes: [UInt8]) -> [[UInt8]] {
      stride(from: 0, to: bytes.count, by: 16_383).map { [channel] + bytes[$0..<min($0 + 16_383, bytes.count)] }
    }
    let whole = Array(frame(1, 0, mebibyte).dropFirst())
    let cases = [
      Case(
        name: "good", chunks: [[0, 0, 0, 2, 0, 0, 0, 1, 1], frame(1, 0, [1, 2, 3])], frames: [[1, 2, 3]], isGood: true),
      Case(
        name: "two frames in a chunk", chunks: [frame(1, 0, [1]) + frame(1, 0, [2, 3]).dropFirst()],
        frames: [[1], [2, 3]], isGood: true),
      Case(name: "good, lz4", chunks: [frame(2, 1, raw(15_000, packed))], frames: [zeros], isGood: true),
      Case(name: "a mebibyte", chunks: cut(1, whole), frames: [mebibyte], isGood: true),
      Case(name: "beyond the credit", chunks: cut(1, whole) + [frame(1, 0, [1])], frames: [mebibyte]),
      Case(name: "larger than a mebibyte", chunks: [frame(2, 0, [1], claiming: 1 << 20 + 1)]),
      Case(name: "a channel that is none", chunks: [frame(6, 0, [1])]),
      Case(name: "another channel's frame", chunks: [[1, 2, 0, 1, 0, 0, 0, 9]]),
      Case(name: "unknown flags", chunks: [frame(1, 2, [1])]),
      Case(name: "an empty frame", chunks: [frame(1, 0, [])]),
      Case(name: "a bomb", chunks: [frame(1, 1, raw(1 << 20, [0x1f, 0, 0, 0, 0xff]))]),
      Case(name: "a block that claims more", chunks: [frame(1, 1, raw(15_001, packed))]),
      Case(name: "a block that claims less", chunks: [frame(1, 1, raw(14_999, packed))]),
      Case(name: "credit for nothing", chunks: [[0, 0, 0, 6, 0, 0, 0, 2, 1, 1, 0, 0, 0]]),
      Case(name: "an unknown word", chunks: [[0, 0, 0, 1, 0, 0, 0, 7]]),
    ]
    for (index, link) in cases.enumerated() {
      var session = try await foreignSession(seed: UInt64(800 + index))
      let (lab, two) = (session.lab, session.two)
      session.question["sequence"] = 9
      session.question["counter"] = 1
      session.question["purpose"] = 0
      session.question["size"] = 0
      session.question["content_hash"] = .bytes([UInt8](repeating: 0, count: 32))
      session.question["chunks"] = .list(link.chunks.map { .bytes($0) })
      session.question["final"] = 0
      let answer = try await SecondImplementation.answers(to: [.object(session.question)])[0]
      lab.inject(try #require(answer["announcement"]?.octets), from: session.from, into: two)
      _ = lab.strangerConnects(to: two, from: session.from, try #require(answer["stream"]?.octets))
      lab.run(seconds: 1)
      let comment: Comment = "\(link.name)"
      #expect(two.linkUps == 1, comment)
      #expect(two.linkFrames.map(\.body) == link.frames, comment)
      #expect((two.violations == 0) == link.isGood, comment)
      #expect((two.linkDowns == 0) == link.isGood, comment)
    }
  }
}
