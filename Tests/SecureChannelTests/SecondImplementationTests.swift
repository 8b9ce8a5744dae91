import SecureChannel
import Testing
import Wire

/// Golden transcripts: both implementations give the same bytes for the same keys, and each reads the other's.
@Suite struct SecondImplementationTests {
  private struct Transcript {
    let initiatorStatic, initiatorEphemeral, responderStatic, responderEphemeral, psk, prologue: [UInt8]
    let payload1, payload2: [UInt8]

    init(_ chance: inout Chance, payloads: (Int, Int)) {
      func random(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: chance.next()) } }
      initiatorStatic = random(32)
      initiatorEphemeral = random(32)
      responderStatic = random(32)
      responderEphemeral = random(32)
      psk = random(32)
      prologue = Array("mesh/1".utf8) + random(8)
      payload1 = random(payloads.0)
      payload2 = random(payloads.1)
    }

    var question: [String: JSONValue] {
      [
        "topic": "noise", "initiator_static": .bytes(initiatorStatic),
        "initiator_ephemeral": .bytes(initiatorEphemeral), "responder_static": .bytes(responderStatic),
        "responder_ephemeral": .bytes(responderEphemeral), "psk": .bytes(psk), "prologue": .bytes(prologue),
        "payload_1": .bytes(payload1), "payload_2": .bytes(payload2),
      ]
    }

    func side(_ role: NoiseRole, _ arena: SecretArena) throws -> NoiseHandshake {
      func pair(_ key: [UInt8]) throws -> ExchangeKeyPair {
        try #require(ExchangeKeyPair(privateKey: arena.store(key)))
      }
      let isInitiator = role == .initiator
      let remote = try pair(responderStatic).publicKey
      let credentials = NoiseCredentials(
        staticKey: try pair(isInitiator ? initiatorStatic : responderStatic), remoteStatic: isInitiator ? remote : nil,
        psks: [arena.store(psk)], ephemeral: try pair(isInitiator ? initiatorEphemeral : responderEphemeral))
      return try prologue.withUnsafeBytes {
        try NoiseHandshake(
          .ikPSK2, role: role, prologue: $0, credentials: credentials, arena: arena, entropy: SeededEntropy(0))
      }
    }
  }

  @Test func sixtyFourHandshakesAreEqualByteForByte() async throws {
    var chance = Chance(seed: 121)
    let arena = try #require(SecretArena())
    // Mostly the payload sizes of HELLO and RESPONSE, some others.
    let transcripts = (0..<64).map { index in
      Transcript(&chance, payloads: index % 4 == 0 ? (chance.below(400), chance.below(64)) : (352, 16))
    }
    var questions: [JSONValue] = []
    var expected: [JSONValue] = []
    for transcript in transcripts {
      let initiator = try transcript.side(.initiator, arena)
      let responder = try transcript.side(.responder, arena)
      let message1 = try initiator.write(transcript.payload1)
      #expect(try responder.read(message1, inTwoSteps: true) == transcript.payload1)
      let message2 = try responder.write(transcript.payload2)
      #expect(try initiator.read(message2) == transcript.payload2)
      let keys = try initiator.split()
      questions.append(.object(transcript.question))
      expected.append([
        "message_1": .bytes(message1), "message_2": .bytes(message2), "hash": .bytes(initiator.handshakeHash),
        "keys": .list(
          [keys.initiatorToResponder, keys.responderToInitiator, keys.exporter].map { .bytes($0.octets) }),
      ])
      // Our message read and answered by the other implementation.
      var reading = transcript.question
      reading["topic"] = "noise_read"
      reading["message_1"] = .bytes(message1)
      questions.append(.object(reading))
      let key = try #require(responder.remoteStatic)
      expected.append([
        "payload_1": .bytes(transcript.payload1), "remote_static": .bytes(key), "message_2": .bytes(message2),
        "keys": try #require(expected.last?["keys"]),
      ])
    }
    let answers = try await SecondImplementation.answers(to: questions)
    for (answer, wanted) in zip(answers, expected) { #expect(answer == wanted) }

    // The other implementation's messages, read by us.
    for (transcript, answer) in zip(transcripts, stride(from: 0, to: answers.count, by: 2).map { answers[$0] }) {
      let initiator = try transcript.side(.initiator, arena)
      let responder = try transcript.side(.responder, arena)
      #expect(try responder.read(try #require(answer["message_1"]?.octets)) == transcript.payload1)
      _ = try initiator.write(transcript.payload1)
      #expect(try initiator.read(try #require(answer["message_2"]?.octets)) == transcript.payload2)
    }
  }

  @Test func alteredMessagesAreRefusedThereToo() async throws {
    var chance = Chance(seed: 122)
    let arena = try #require(SecretArena())
    let transcript = Transcript(&chance, payloads: (352, 16))
    let message = try transcript.side(.initiator, arena).write(transcript.payload1)
    let questions: [JSONValue] = stride(from: 0, to: message.count, by: 5).map { index in
      var altered = message
      altered[index] ^= 4
      var question = transcript.question
      question["topic"] = "noise_read"
      question["message_1"] = .bytes(altered)
      return .object(question)
    }
    for answer in try await SecondImplementation.answers(to: questions) { #expect(answer["refused"] != nil) }
  }

  // MARK: Identities and what the operator signs

  private struct Keys {
    let test: TestNetwork
    let operatorSeed: [UInt8]
    let exchangePrivate: [UInt8]
    let signingSeed: [UInt8]
    let identity: Identity

    /// The seeds are drawn from the same entropy in the same order as the keys.
    init(seed: UInt64) {
      test = TestNetwork(seed: seed)
      let twin = SeededEntropy(seed)
      func next() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 32)
        bytes.withUnsafeMutableBytes { twin.fill($0) }
        return bytes
      }
      operatorSeed = next()
      _ = next()
      exchangePrivate = next()
      signingSeed = next()
      identity = test.identity()
    }
  }

  private func fields(_ request: CertificateRequest) -> JSONValue {
    [
      "network": .number(request.network.rawValue), "serial": .number(request.serial),
      "not_before": .number(request.notBefore), "not_after": .number(request.notAfter),
      "roles": .number(UInt64(request.roles.rawValue)), "class": .number(UInt64(request.trustClass)),
      "capacity": .number(UInt64(request.capacity)), "contributor": .number(UInt64(request.contributor)),
      "ring_seed": .bytes(request.ringSeed), "exchange": .bytes(request.key.exchange),
      "signing": .bytes(request.key.signing), "name": .text(request.name),
      "addresses": .list(request.addresses.map { address($0) }),
    ]
  }

  private func address(_ address: CertifiedAddress) -> JSONValue {
    let endpoint = address.endpoint
    let words = [endpoint.high, endpoint.low]
    let ip = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) } }
    return [
      "family": endpoint.isIPv4 ? 4 : 6, "prefix": .number(UInt64(address.prefixBits)),
      "port": .number(UInt64(endpoint.port)), "ip": .bytes(ip),
    ]
  }

  @Test func identitiesCertificatesAndRecordsAreEqualByteForByte() async throws {
    var questions: [JSONValue] = []
    var expected: [JSONValue] = []
    func ask(_ question: JSONValue, _ answer: JSONValue) {
      questions.append(question)
      expected.append(answer)
    }
    for seed in UInt64(130)..<146 {
      let keys = Keys(seed: seed)
      let test = keys.test
      let key = keys.identity.key
      ask(
        [
          "topic": "identity", "exchange": .bytes(key.exchange), "signing": .bytes(key.signing),
          "founder": .bytes(test.signer.key.bytes), "name": .text(test.network.name),
        ],
        [
          "host_id": .number(key.hostID.rawValue), "text": .text(key.description),
          "network_id": .number(test.network.id.rawValue), "operator_key_id": .number(UInt64(test.signer.key.id)),
        ])

      var request = test.request(for: keys.identity, name: String(repeating: "n", count: Int(seed % 31) + 1))
      request.capacity = UInt16(seed % 65)
      request.contributor = UInt32(truncatingIfNeeded: seed &* 2_654_435_761)
      request.roles = Roles(rawValue: UInt8(seed % 31) + 1)
      request.addresses = [
        CertifiedAddress(Endpoint("192.0.2.9:7000")!, prefixBits: 24)!,
        CertifiedAddress(Endpoint("[2001:db8::17]:0")!, prefixBits: 64)!,
      ].suffix(Int(seed % 3))
      let certificate = try request.signed(by: test.signer)
      ask(
        ["topic": "certificate", "fields": fields(request), "operator_seed": .bytes(keys.operatorSeed)],
        ["certificate": .bytes(certificate.bytes)])
      ask(
        [
          "topic": "certificate_read", "certificate": .bytes(certificate.bytes),
          "operator": .bytes(test.signer.key.bytes),
        ],
        ["fields": fields(request)])

      let revocation = Revocation(
        of: key, in: test.network.id, reason: .misbehaviour, issued: TestNetwork.now, by: test.signer)
      ask(
        [
          "topic": "revocation", "exchange": .bytes(key.exchange), "signing": .bytes(key.signing),
          "network": .number(test.network.id.rawValue), "issued": .number(TestNetwork.now), "reason": 2,
          "operator_seed": .bytes(keys.operatorSeed),
        ],
        ["revocation": .bytes(written { revocation.write(to: &$0) })])

      let roster = Roster(network: test.network, identity: keys.identity)
      let facts = [UInt8](0..<32)
      roster.publish(
        certificate,
        facts: try #require(HostFacts(configuration: Array(facts[..<16]), build: Array(facts[16...]))), version: seed)
      ask(
        [
          "topic": "metadata", "certificate": .bytes(certificate.bytes), "facts": .bytes(facts),
          "network": .number(test.network.id.rawValue), "version": .number(seed),
          "signing_seed": .bytes(keys.signingSeed),
        ],
        ["metadata": .bytes(written { _ = roster.writeMetadata(of: key.hostID, into: &$0) })])

      for (record, domain) in [(RosterRecord.selfRecord, "mesh-self/1"), (.accusation, "mesh-accuse/1")] {
        let body = Array(facts.prefix(Int(seed % 32)))
        let signature = body.withUnsafeBytes { roster.sign(record, $0) }
        ask(
          [
            "topic": "record", "domain": .text(domain), "network": .number(test.network.id.rawValue),
            "body": .bytes(body), "signing_seed": .bytes(keys.signingSeed),
          ],
          ["signature": .bytes(signature.octets)])
      }
    }
    let answers = try await SecondImplementation.answers(to: questions)
    for (answer, wanted) in zip(answers, expected) { #expect(answer == wanted) }
    #expect(answers.count == 16 * 7)
  }

  // MARK: Admission lines

  @Test func admissionLinesAreReadBothWays() async throws {
    let keys = Keys(seed: 150)
    let test = keys.test
    let identity = keys.identity
    let certificate = try test.certificate(for: identity, name: "prt-2")
    let requestLine = try AdmissionRequest.line(for: identity, name: "prt-2")
    let sent = ["192.0.2.1:7000", "[2001:db8::5]:7010"].map {
      WelcomePeer(key: test.identity().key, endpoint: Endpoint($0)!, name: "geffen")
    }
    let (welcomeLine, included) = try Welcome.line(
      certificate: certificate, network: test.network, peers: sent, signer: test.signer)
    #expect(included == sent)
    let peers = JSONValue.list(
      sent.map { peer in
        let address = address(CertifiedAddress(peer.endpoint))
        let ip = address["ip"]?.octets ?? []
        return [
          "ip": .bytes(peer.endpoint.isIPv4 ? Array(ip.suffix(4)) : ip), "port": .number(UInt64(peer.endpoint.port)),
          "key": .bytes(peer.key.exchange + peer.key.signing), "name": .text(peer.name ?? ""),
        ]
      })
    let answers = try await SecondImplementation.answers(to: [
      [
        "topic": "request_line", "exchange_private": .bytes(keys.exchangePrivate),
        "signing_seed": .bytes(keys.signingSeed), "name": "prt-2",
      ],
      ["topic": "request_line_read", "line": .text(requestLine)],
      [
        "topic": "welcome_line_read", "line": .text(welcomeLine), "exchange_private": .bytes(keys.exchangePrivate),
        "signing": .bytes(identity.key.signing),
      ],
      [
        "topic": "welcome_line", "certificate": .bytes(certificate.bytes),
        "founder": .bytes(test.signer.key.bytes), "name": .text(test.network.name),
        "secret": .bytes(test.network.secret.octets), "peers": peers, "operator_seed": .bytes(keys.operatorSeed),
      ],
    ])
    #expect(answers[0] == ["line": .text(requestLine)])
    #expect(
      answers[1]
        == ["exchange": .bytes(identity.key.exchange), "signing": .bytes(identity.key.signing), "name": "prt-2"])
    #expect(
      answers[2] == [
        "certificate": .bytes(certificate.bytes), "founder": .bytes(test.signer.key.bytes),
        "name": .text(test.network.name), "secret": .bytes(test.network.secret.octets), "peers": peers,
      ])
    let line = try #require(answers[3]["line"]?.text)
    #expect(line.utf8.count == welcomeLine.utf8.count)
    let read = try Welcome(
      line: line, identity: identity, current: nil, at: TestNetwork.now, arena: test.arena)
    #expect(read.certificate == certificate)
    #expect(read.network.secret.equals(test.network.secret))
    #expect(read.peers == sent)
  }
}
