import Hashing
import SecureChannel
import Testing
import Wire

@Suite struct AdmissionTests {
  private func request(_ line: String) -> Result<AdmissionRequest, AdmissionError> {
    Result { () throws(AdmissionError) in try AdmissionRequest(line: line) }
  }

  private func welcome(
    _ line: String, _ identity: Identity, current: NetworkID? = nil, at wall: UInt64 = TestNetwork.now
  ) -> Result<Welcome, AdmissionError> {
    Result { () throws(AdmissionError) in
      try Welcome(line: line, identity: identity, current: current, at: wall, arena: SecretArena()!)
    }
  }

  private func failure<Value>(_ result: Result<Value, AdmissionError>) -> AdmissionError? {
    if case .failure(let error) = result { return error }
    return nil
  }

  /// The longest that a welcome can get: IPv6 peers, long names.
  private func peers(_ test: TestNetwork, _ count: Int, name: String? = nil, ipv6: Bool = false) -> [WelcomePeer] {
    (0..<count).map { index in
      WelcomePeer(
        key: test.identity().key,
        endpoint: ipv6 ? Endpoint("[2001:db8::\(index)]:7000")! : Endpoint("192.0.2.\(index):7000")!, name: name)
    }
  }

  private func line(_ test: TestNetwork, for identity: Identity) throws -> String {
    try Welcome.line(
      certificate: try test.certificate(for: identity), network: test.network, peers: peers(test, 2, name: "geffen"),
      signer: test.signer
    ).line
  }

  @Test func aRequestComesThrough() throws {
    let test = TestNetwork(seed: 91)
    let identity = test.identity()
    let line = try AdmissionRequest.line(for: identity, name: "prt-2")
    #expect(line.hasPrefix("mesh-request-1:"))
    #expect(!line.contains("\n") && line.utf8.count < 256)
    let read = try request(line).get()
    #expect(read.key == identity.key)
    #expect(read.name == "prt-2")
    #expect(
      failure(Result { () throws(AdmissionError) in try AdmissionRequest.line(for: identity, name: "A") }) == .badName)
  }

  @Test func aWelcomeComesThrough() throws {
    let test = TestNetwork(seed: 92)
    let identity = test.identity()
    let certificate = try test.certificate(for: identity)
    let sent = peers(test, 3, name: "geffen")
    let (line, included) = try Welcome.line(
      certificate: certificate, network: test.network, peers: sent, signer: test.signer)
    #expect(line.hasPrefix("mesh-welcome-1:"))
    let read = try welcome(line, identity).get()
    #expect(read.certificate == certificate)
    #expect(read.network.id == test.network.id)
    #expect(read.network.name == "prontera")
    #expect(read.network.operators == [test.signer.key])
    #expect(read.network.secret.equals(test.network.secret))
    #expect(read.peers == included)
    #expect(included.map(\.key) == sent.map(\.key))
    #expect(try welcome(line, identity, current: test.network.id).get().peers == included, "again for the same network")
  }

  /// Below 1,000 characters whatever is in it; names go first, and it says so.
  @Test func aWelcomeIsAlwaysShort() throws {
    for seed in UInt64(100)..<104 {
      let name = seed % 2 == 0 ? "a" : String(repeating: "n", count: 31)
      let test = TestNetwork(seed: seed, name: name)
      for operators in 1...4 {
        let others = (1..<operators).map { _ in OperatorSigner(arena: test.arena, entropy: test.entropy)!.key }
        let network = try #require(
          Network(name: name, operators: [test.signer.key] + others, secret: test.network.secret))
        for count in 1...3 {
          for ipv6 in [false, true] {
            let identity = test.identity()
            var request = test.request(for: identity, name: String(repeating: "h", count: 31))
            request.addresses = Array(repeating: CertifiedAddress(Endpoint("192.0.2.1:1")!), count: 4)
            let sent = peers(test, count, name: String(repeating: "p", count: 31), ipv6: ipv6)
            let (line, included) = try Welcome.line(
              certificate: try request.signed(by: test.signer), network: network, peers: sent, signer: test.signer)
            #expect(line.utf8.count < 1_000)
            #expect(!included.isEmpty)
            #expect(included.map(\.key) == sent.prefix(included.count).map(\.key))
            if operators == 1 { #expect(included.count == count) }
            #expect(try welcome(line, identity).get().peers == included)
          }
        }
      }
    }
  }

  @Test func whiteSpaceAndLineBreaksDoNotMatter() throws {
    let test = TestNetwork(seed: 93)
    let identity = test.identity()
    for line in [try AdmissionRequest.line(for: identity, name: "prt-2"), try line(test, for: identity)] {
      var wrapped = "\r\n \t"
      for (index, character) in line.enumerated() {
        wrapped.append(character)
        if index % 17 == 3 { wrapped += "\r\n   " }
        if index % 23 == 5 { wrapped += "\t" }
      }
      wrapped += "\n\n"
      if line.hasPrefix("mesh-r") {
        #expect(try request(wrapped).get().key == identity.key)
      } else {
        #expect(try welcome(wrapped, identity).get().certificate.key == identity.key)
      }
    }
  }

  @Test func everyCutIsCalledACut() throws {
    let test = TestNetwork(seed: 94)
    let identity = test.identity()
    let requestLine = try AdmissionRequest.line(for: identity, name: "prt-2")
    for count in 1..<requestLine.utf8.count {
      #expect(failure(request(String(requestLine.prefix(count)))) == .cut, "\(count) characters")
    }
    let welcomeLine = try line(test, for: identity)
    for count in 1..<welcomeLine.utf8.count {
      #expect(failure(welcome(String(welcomeLine.prefix(count)), identity)) == .cut, "\(count) characters")
    }
    // A piece missing in the middle leaves the line too short as well.
    for start in [20, 100, 400] {
      let holed = welcomeLine.prefix(start) + welcomeLine.dropFirst(start + 40)
      #expect(failure(welcome(String(holed), identity)) == .cut)
    }
  }

  @Test func everyChangedCharacterIsNoticed() throws {
    let test = TestNetwork(seed: 95)
    let identity = test.identity()
    let texts = [try AdmissionRequest.line(for: identity, name: "prt-2"), try line(test, for: identity)]
    for (kind, line) in texts.enumerated() {
      var characters = Array(line.utf8)
      for index in characters.indices {
        let before = characters[index]
        characters[index] = before == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        let altered = String(decoding: characters, as: UTF8.self)
        let error = kind == 0 ? failure(request(altered)) : failure(welcome(altered, identity))
        let isLast = index == characters.count - 1
        if index < 14 {
          #expect(error != nil, "character \(index)")
        } else if index < 18 {
          // The version, the colon and the length.
          #expect([.damaged, .cut, .tooLong, .otherVersion].contains(error), "character \(index)")
        } else if !isLast {
          #expect(error == .damaged, "character \(index)")
        }
        characters[index] = before
      }
    }
  }

  @Test func otherPastesAreTold() throws {
    let test = TestNetwork(seed: 96)
    let identity = test.identity()
    let requestLine = try AdmissionRequest.line(for: identity, name: "prt-2")
    let welcomeLine = try line(test, for: identity)
    #expect(failure(request("")) == .empty)
    #expect(failure(request(" \n\t ")) == .empty)
    #expect(failure(request("hello")) == .notAPaste(wanted: "mesh-request"))
    #expect(failure(request(welcomeLine)) == .otherKind(wanted: "mesh-request", found: "mesh-welcome"))
    #expect(failure(welcome(requestLine, identity)) == .otherKind(wanted: "mesh-welcome", found: "mesh-request"))
    #expect(failure(request("mesh-request-2:AAAA")) == .otherVersion)
    #expect(failure(request(requestLine + requestLine)) == .strangeCharacter(UInt8(ascii: ":")))
    #expect(failure(request(requestLine + "AAAA")) == .tooLong)
    #expect(failure(request(requestLine + ".")) == .strangeCharacter(UInt8(ascii: ".")))
    #expect(failure(request(requestLine + "\u{1b}[0m")) == .strangeCharacter(0x1b))
    #expect(failure(request(String(repeating: "A", count: 1_000_000))) == .tooLong)
    #expect(failure(request(identity.key.description)) == .notAPaste(wanted: "mesh-request"))
  }

  @Test func aWelcomeIsForOneMachineAndOneNetwork() throws {
    let test = TestNetwork(seed: 97)
    let identity = test.identity()
    let line = try line(test, for: identity)
    #expect(failure(welcome(line, test.identity())) == .otherHost(identity.hostID))
    let other = TestNetwork(seed: 98, name: "geffen")
    #expect(failure(welcome(line, identity, current: other.network.id)) == .otherNetwork("prontera"))
    let late = TestNetwork.now + 31 * 86_400
    #expect(failure(welcome(line, identity, at: late)) == .certificate(.expired))
    #expect(failure(welcome(line, identity, at: TestNetwork.now - 86_400)) == .certificate(.notYetValid))
  }

  /// Lines whose checksum is right, made by a hostile program: what is under them is checked all the same.
  @Test func forgedContentUnderARightChecksumIsRefused() throws {
    let test = TestNetwork(seed: 99)
    let identity = test.identity()
    let requestBody = try body("mesh-request-1:", AdmissionRequest.line(for: identity, name: "prt-2"))
    for index in requestBody.indices {
      var altered = requestBody
      altered[index] ^= 1
      let error = failure(request(paste("mesh-request-1:", altered)))
      #expect(error == .unproven || error == .malformed, "byte \(index)")
    }
    #expect(failure(request(paste("mesh-request-1:", []))) == .malformed)
    #expect(failure(request(paste("mesh-request-1:", requestBody + [0]))) == .malformed)
    let welcomeBody = try body("mesh-welcome-1:", line(test, for: identity))
    var errors: Set<AdmissionError> = []
    for index in welcomeBody.indices {
      var altered = welcomeBody
      altered[index] ^= 1
      let error = failure(welcome(paste("mesh-welcome-1:", altered), identity))
      #expect(error != nil, "byte \(index)")
      if let error { errors.insert(error) }
    }
    #expect(errors.contains(.signature) && errors.contains(.malformed))
    for count in 0..<welcomeBody.count {
      #expect(failure(welcome(paste("mesh-welcome-1:", Array(welcomeBody[..<count])), identity)) == .malformed)
    }
  }

  /// The operator signs all of it, but seals the secret to a key of another machine.
  @Test func aSecretSealedToAnotherKeyIsUnreadable() throws {
    let test = TestNetwork(seed: 110)
    let identity = test.identity()
    let mine = try body("mesh-welcome-1:", line(test, for: identity))
    let others = try body("mesh-welcome-1:", line(test, for: test.identity()))
    let sealed = 8 + 256 + 1 + 32 + 1 + 8..<8 + 256 + 1 + 32 + 1 + 8 + 80
    var mixed = mine
    mixed.replaceSubrange(sealed, with: others[sealed])
    let signature = mixed[..<(mixed.count - 64)].withUnsafeBytes { test.signer.sign(domain: "mesh-welcome/1", $0) }
    mixed.replaceSubrange((mixed.count - 64)..., with: signature.octets)
    #expect(failure(welcome(paste("mesh-welcome-1:", mixed), identity)) == .unreadableSecret)
  }

  /// The receiver does not rely on the operator's program for that either.
  @Test func aPeerThatNobodyReachesIsRefused() throws {
    let test = TestNetwork(seed: 113)
    let identity = test.identity()
    let (line, peers) = try Welcome.line(
      certificate: try test.certificate(for: identity), network: test.network, peers: peers(test, 1),
      signer: test.signer)
    var body = try body("mesh-welcome-1:", line)
    let port = 8 + 256 + 1 + 32 + 1 + 8 + 80 + 1 + 5
    #expect(body[port..<port + 2] == [0x58, 0x1b])
    body[port] = 0
    body[port + 1] = 0
    let signature = body[..<(body.count - 64)].withUnsafeBytes { test.signer.sign(domain: "mesh-welcome/1", $0) }
    body.replaceSubrange((body.count - 64)..., with: signature.octets)
    let nowhere = peers[0].endpoint.withPort(0)
    #expect(failure(welcome(paste("mesh-welcome-1:", body), identity)) == .badEndpoint(nowhere))
  }

  @Test func theOperatorCannotMakeABadWelcome() throws {
    let test = TestNetwork(seed: 111)
    let identity = test.identity()
    let certificate = try test.certificate(for: identity)
    func error(_ certificate: Certificate, _ network: Network, _ peers: [WelcomePeer], _ signer: OperatorSigner)
      -> AdmissionError?
    {
      failure(
        Result { () throws(AdmissionError) in
          try Welcome.line(certificate: certificate, network: network, peers: peers, signer: signer).line
        })
    }
    let stranger = try #require(OperatorSigner(arena: test.arena, entropy: test.entropy))
    #expect(error(certificate, test.network, [], test.signer) == .noPeers)
    #expect(error(certificate, test.network, peers(test, 4), test.signer) == .noPeers)
    #expect(error(certificate, test.network, peers(test, 1, name: "BAD"), test.signer) == .badName)
    for endpoint in ["0.0.0.0:7000", "192.0.2.1:0", "224.0.0.1:7000", "[::]:7000", "[ff02::1]:7000"].map({
      Endpoint($0)!
    }) {
      let nowhere = [WelcomePeer(key: identity.key, endpoint: endpoint)]
      #expect(error(certificate, test.network, peers(test, 1) + nowhere, test.signer) == .badEndpoint(endpoint))
    }
    #expect(error(certificate, test.network, peers(test, 1), stranger) == .certificate(.unknownOperator))
    #expect(
      error(certificate, TestNetwork(seed: 112).network, peers(test, 1), test.signer) == .certificate(.otherNetwork))
  }

  @Test func everyErrorSaysItsCause() {
    let errors: [AdmissionError] =
      [
        .empty, .notAPaste(wanted: "mesh-request"), .otherKind(wanted: "mesh-request", found: "mesh-welcome"),
        .otherVersion, .strangeCharacter(0x1b), .strangeCharacter(0x2e), .cut, .tooLong, .damaged, .malformed,
        .unproven, .otherHost(HostID(rawValue: 1)), .otherNetwork("geffen"), .signature, .unreadableSecret, .badName,
        .noPeers, .noSecretMemory, .badEndpoint(Endpoint("0.0.0.0:1")!),
      ] + CertificateRefusal.allCases.map { .certificate($0) }
    let causes = errors.map(\.cause)
    #expect(Set(causes).count == errors.count)
    #expect(causes.allSatisfy { cause in !cause.hasSuffix(".") && cause.utf8.allSatisfy { $0 >= 0x20 } })
  }

  // MARK: Pastes by hand

  private func paste(_ prefix: String, _ body: [UInt8]) -> String {
    let size = body.count + 4
    let content = [UInt8(size & 0xff), UInt8(size >> 8)] + body
    let sum = (Array(prefix.utf8) + content).withUnsafeBytes { Digest(of: $0) }.withBytes { Array($0[..<4]) }
    return prefix + Base64URL.text(of: content + sum)
  }

  private func body(_ prefix: String, _ line: String) throws -> [UInt8] {
    let content = try #require(Base64URL.bytes(of: line.dropFirst(prefix.count).utf8))
    #expect(paste(prefix, Array(content.dropFirst(2).dropLast(4))) == line)
    return Array(content.dropFirst(2).dropLast(4))
  }
}
