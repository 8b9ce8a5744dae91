import SecureChannel
import Testing
import Wire

@Suite struct CertificateTests {
  /// One refusal expected of one altered certificate.
  private struct Bad {
    let what: String
    let bytes: [UInt8]
    let refusal: CertificateRefusal
    var wall = TestNetwork.now
  }

  private func verify(
    _ bytes: [UInt8], _ test: TestNetwork, at wall: UInt64 = TestNetwork.now, verifier: CertificateVerifier? = nil
  ) -> Result<Certificate, CertificateRefusal> {
    let verifier = verifier ?? CertificateVerifier(network: test.network.id, operators: test.network.operators)
    return bytes.withUnsafeBytes { bytes in
      Result { () throws(CertificateRefusal) in try verifier.verify(bytes, at: wall) { _ in false } }
    }
  }

  /// Twenty good ones: every role, class, edge of name, capacity, time and addresses.
  private func good(_ test: TestNetwork) throws -> [Certificate] {
    var requests: [CertificateRequest] = []
    func add(_ change: (inout CertificateRequest) -> Void = { _ in }) {
      var request = test.request(for: test.identity(), name: "host-\(requests.count)")
      change(&request)
      requests.append(request)
    }
    add()
    for role in [Roles.host, .bridge, .observer, .home, .door, .all] { add { $0.roles = role } }
    for trustClass in UInt8(0)...2 { add { $0.trustClass = trustClass } }
    for capacity in [UInt16(0), 1, 64] { add { $0.capacity = capacity } }
    add { $0.name = "a" }
    add { $0.name = String(repeating: "z", count: 31) }
    add { $0.contributor = .max }
    add {
      $0.notBefore = TestNetwork.now - 1
      $0.notAfter = TestNetwork.now
    }
    add { $0.notAfter = $0.notBefore + 90 * 86_400 }
    add { $0.addresses = [CertifiedAddress(Endpoint("192.0.2.1:7000")!)] }
    add {
      $0.addresses = [
        CertifiedAddress(Endpoint("192.0.2.0:0")!, prefixBits: 24)!,
        CertifiedAddress(Endpoint("[2001:db8::]:0")!, prefixBits: 48)!,
        CertifiedAddress(Endpoint("0.0.0.0:0")!, prefixBits: 0)!, CertifiedAddress(Endpoint("[2001:db8::1]:7000")!),
      ]
    }
    return try requests.map { try $0.signed(by: test.signer) }
  }

  @Test func twentyGoodOnes() throws {
    let test = TestNetwork(seed: 51)
    let certificates = try good(test)
    #expect(certificates.count == 20)
    for certificate in certificates {
      #expect(certificate.bytes.count == 320)
      #expect(try verify(certificate.bytes, test).get() == certificate)
    }
    let last = certificates[19]
    #expect(last.addresses.count == 4)
    #expect(last.name == "host-19")
    #expect(last.hostID == last.key.hostID)
  }

  /// The table of offsets in `security.md` 3.2, by hand.
  @Test func fieldsStandWhereTheDocumentSays() throws {
    let test = TestNetwork(seed: 52)
    let identity = test.identity()
    var request = test.request(for: identity, name: "prt-9")
    request.serial = 0x0102_0304_0506_0708
    request.capacity = 17
    request.contributor = 0x0a0b_0c0d
    request.addresses = [CertifiedAddress(Endpoint("192.0.2.7:7001")!, prefixBits: 24)!]
    let bytes = try request.signed(by: test.signer).bytes
    func field(_ range: Range<Int>) -> [UInt8] { Array(bytes[range]) }
    func number(_ range: Range<Int>) -> UInt64 { field(range).reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    #expect(field(0..<4) == [0x4d, 0x43, 0x31, 0])
    #expect(number(4..<12) == test.network.id.rawValue)
    #expect(number(12..<20) == 0x0102_0304_0506_0708)
    #expect(number(20..<24) == UInt64(test.signer.key.id))
    #expect(number(24..<32) == request.notBefore)
    #expect(number(32..<40) == request.notAfter)
    #expect(field(40..<42) == [17, 1])
    #expect(number(42..<44) == 17)
    #expect(number(44..<48) == 0x0a0b_0c0d)
    #expect(field(48..<64) == request.ringSeed)
    #expect(field(64..<96) == identity.key.exchange)
    #expect(field(96..<128) == identity.key.signing)
    #expect(field(128..<134) == [5] + Array("prt-9".utf8))
    #expect(field(134..<160).allSatisfy { $0 == 0 })
    #expect(number(160..<164) == 1)
    #expect(
      field(164..<186)
        == [4, 24, 0x59, 0x1b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7, 0, 0])
    #expect(field(186..<256).allSatisfy { $0 == 0 })
    let text = Array("mesh-cert/1".utf8) + bytes[..<256]
    let signature = Signature(octets: Array(bytes[256...]))
    #expect(text.withUnsafeBytes { SigningKeyPair.verify(signature, $0, publicKey: test.signer.key.bytes) })
  }

  @Test func everySingleBitFlipIsRefused() throws {
    let test = TestNetwork(seed: 53)
    var request = test.request(for: test.identity())
    request.addresses = [CertifiedAddress(Endpoint("192.0.2.7:7001")!)]
    let bytes = try request.signed(by: test.signer).bytes
    var flips = 0
    for bit in 0..<bytes.count * 8 {
      var altered = bytes
      altered[bit / 8] ^= 1 << UInt8(bit % 8)
      if case .success = verify(altered, test) { Issue.record("bit \(bit) of byte \(bit / 8) is not noticed") }
      flips += 1
    }
    #expect(flips == 2_560)
    #expect(throws: Never.self) { try verify(bytes, test).get() }
  }

  /// 300 bad ones, each with the one verdict it has to get. Those that are wrong in their fields are signed rightly, so
  /// that it is the field that refuses them.
  @Test func threeHundredBadOnes() throws {
    let test = TestNetwork(seed: 54)
    let bad = try lengths(test) + fields(test) + clocks(test) + signers(test) + keys(test) + signatures(test)
    for row in bad {
      switch verify(row.bytes, test, at: row.wall) {
      case .success: Issue.record("accepted: \(row.what)")
      case .failure(let refusal): #expect(refusal == row.refusal, "\(row.what)")
      }
    }
    #expect(bad.count == 300)
    let reasons = Set(bad.map(\.refusal))
    #expect(reasons == Set(CertificateRefusal.allCases).subtracting([.revoked]))
  }

  private func lengths(_ test: TestNetwork) throws -> [Bad] {
    let bytes = try test.certificate(for: test.identity()).bytes
    let cut = [0, 1, 4, 64, 128, 255, 256, 257, 318, 319].map { count in
      Bad(what: "\(count) bytes", bytes: Array(bytes[..<count]), refusal: .length)
    }
    let long = [1, 2, 64, 320].map { extra in
      Bad(what: "\(320 + extra) bytes", bytes: bytes + [UInt8](repeating: 0, count: extra), refusal: .length)
    }
    return cut + long
  }

  /// Writes `change` over a good certificate and signs the result again.
  private func resigned(
    _ what: String, _ refusal: CertificateRefusal, _ test: TestNetwork, by signer: OperatorSigner? = nil,
    _ change: (inout [UInt8]) -> Void
  ) throws -> Bad {
    var request = test.request(for: test.identity())
    request.addresses = [CertifiedAddress(Endpoint("192.0.2.7:7001")!)]
    var bytes = try request.signed(by: test.signer).bytes
    change(&bytes)
    let signature = bytes[..<256].withUnsafeBytes {
      (signer ?? test.signer).sign(domain: Certificate.domain, $0)
    }
    return Bad(what: what, bytes: bytes[..<256] + signature.octets, refusal: refusal)
  }

  private func put(_ value: UInt64, _ size: Int, at offset: Int, _ bytes: inout [UInt8]) {
    for index in 0..<size { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
  }

  private func fields(_ test: TestNetwork) throws -> [Bad] {
    var all: [Bad] = []
    func add(_ what: String, _ refusal: CertificateRefusal, _ change: (inout [UInt8]) -> Void) throws {
      all.append(try resigned(what, refusal, test, change))
    }
    for offset in 0..<4 { try add("magic \(offset)", .magic) { $0[offset] ^= 0x20 } }
    for bit in 0..<8 { try add("network \(bit)", .otherNetwork) { $0[4 + bit] ^= 1 << UInt8(bit) } }
    try add("serial 0", .serial) { put(0, 8, at: 12, &$0) }
    for bit in 5..<8 { try add("role bit \(bit)", .roles) { $0[40] |= 1 << UInt8(bit) } }
    try add("no role", .roles) { $0[40] = 0 }
    for value in [UInt8(3), 4, 128, 255] { try add("class \(value)", .trustClass) { $0[41] = value } }
    for value in [UInt64(65), 100, 1_000, 65_535] {
      try add("capacity \(value)", .capacity) { put(value, 2, at: 42, &$0) }
    }
    for value in [UInt8(0), 32, 33, 255] { try add("name length \(value)", .name) { $0[128] = value } }
    for character in Array("A_ /.\"'\u{7f}\u{1b}".utf8) + [0, 0x80, 0xff] {
      try add("name character \(character)", .name) { $0[130] = character }
    }
    for offset in 134..<160 { try add("name fill \(offset)", .padding) { $0[offset] = 1 } }
    for value in [UInt8(5), 6, 255] { try add("addresses \(value)", .address) { $0[160] = value } }
    for value in [UInt8(2), 3, 4] { try add("empty addresses \(value)", .address) { $0[160] = value } }
    for offset in 161..<164 { try add("address fill \(offset)", .padding) { $0[offset] = 1 } }
    for family in [UInt8(0), 1, 5, 6, 255] { try add("family \(family)", .address) { $0[164] = family } }
    for prefix in [UInt8(33), 64, 128, 255] { try add("IPv4 prefix \(prefix)", .address) { $0[165] = prefix } }
    for prefix in [UInt8(129), 255] {
      try add("IPv6 prefix \(prefix)", .address) {
        $0[164] = 6
        $0[165] = prefix
        $0[168] = 0x20
      }
    }
    for offset in [168, 175, 177] {
      try add("IPv4 not mapped \(offset)", .address) { $0[offset] = 0x20 }
    }
    for offset in [184, 185] { try add("address end \(offset)", .padding) { $0[offset] = 1 } }
    for offset in 186..<256 { try add("unused \(offset)", .padding) { $0[offset] = 0x80 } }
    return all
  }

  private func clocks(_ test: TestNetwork) throws -> [Bad] {
    var all: [Bad] = []
    let day: UInt64 = 86_400
    for (before, after) in [
      (UInt64(0), UInt64(0)), (5, 4), (TestNetwork.now, TestNetwork.now), (TestNetwork.now, TestNetwork.now - 1),
      (TestNetwork.now, TestNetwork.now + 90 * day + 1), (0, .max), (.max, 0), (.max, .max), (TestNetwork.now, .max),
    ] {
      all.append(
        try resigned("lifetime \(before)..\(after)", .lifetime, test) {
          put(before, 8, at: 24, &$0)
          put(after, 8, at: 32, &$0)
        })
    }
    let good = try test.request(for: test.identity()).signed(by: test.signer)
    for early in [UInt64(121), 122, 3_600, day, good.notBefore] {
      all.append(Bad(what: "\(early) s early", bytes: good.bytes, refusal: .notYetValid, wall: good.notBefore - early))
    }
    for late in [UInt64(121), 122, 3_600, day, .max - good.notAfter] {
      all.append(Bad(what: "\(late) s late", bytes: good.bytes, refusal: .expired, wall: good.notAfter + late))
    }
    // At the end of time nothing overflows.
    all.append(
      Bad(
        what: "far future",
        bytes: try resigned("", .notYetValid, test) {
          put(.max - 10, 8, at: 24, &$0)
          put(.max, 8, at: 32, &$0)
        }.bytes, refusal: .notYetValid))
    return all
  }

  private func signers(_ test: TestNetwork) throws -> [Bad] {
    var all: [Bad] = []
    for index in 0..<20 {
      let stranger = try #require(OperatorSigner(arena: test.arena, entropy: test.entropy))
      // Under its own id it is not known; under the true operator's id its signature is wrong.
      all.append(
        try resigned("stranger \(index)", .unknownOperator, test, by: stranger) {
          put(UInt64(stranger.key.id), 4, at: 20, &$0)
        })
      all.append(try resigned("impostor \(index)", .signature, test, by: stranger) { _ in })
    }
    return all
  }

  private func keys(_ test: TestNetwork) throws -> [Bad] {
    var all: [Bad] = []
    for key in SmallOrder.exchangeKeys {
      all.append(try resigned("small X25519", .weakKey, test) { $0.replaceSubrange(64..<96, with: key) })
    }
    // A second encoding of a good key: bit 255 set, or a number of at least 2^255 − 19.
    all.append(try resigned("bit 255", .weakKey, test) { $0[95] |= 0x80 })
    for first in UInt8(0xef)...0xff {
      all.append(
        try resigned("X25519 above the field, \(first)", .weakKey, test) {
          $0.replaceSubrange(64..<96, with: [first] + [UInt8](repeating: 0xff, count: 30) + [0x7f])
        })
    }
    for key in CertificateTests.badSigningKeys {
      all.append(try resigned("Ed25519 \(key)", .weakKey, test) { $0.replaceSubrange(96..<128, with: octets(key)) })
    }
    return all
  }

  /// Small order (of 1, 2, 4 and 8), not canonical, not on the curve.
  private static let badSigningKeys = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0200000000000000000000000000000000000000000000000000000000000000",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  ]

  private func signatures(_ test: TestNetwork) throws -> [Bad] {
    let good = try test.certificate(for: test.identity()).bytes
    var all: [Bad] = []
    func add(_ what: String, _ change: (inout [UInt8]) -> Void) {
      var bytes = good
      change(&bytes)
      all.append(Bad(what: what, bytes: bytes, refusal: .signature))
    }
    add("no signature") { $0.replaceSubrange(256..<320, with: [UInt8](repeating: 0, count: 64)) }
    add("S + L") { $0.replaceSubrange(288..<320, with: CertificateTests.plusOrder(Array($0[288..<320]))) }
    let other = test.signer.sign
    add("another domain") { bytes in
      let signature = bytes[..<256].withUnsafeBytes { other("mesh-cert/2", $0) }
      bytes.replaceSubrange(256..<320, with: signature.octets)
    }
    add("no domain") { bytes in
      let signature = bytes[..<256].withUnsafeBytes { other("", $0) }
      bytes.replaceSubrange(256..<320, with: signature.octets)
    }
    add("another serial") { $0[12] ^= 0xf0 }
    add("another contributor") { $0[44] ^= 1 }
    add("another ring seed") { $0[48] ^= 1 }
    add("another role") { $0[40] ^= 2 }
    add("another class") { $0[41] = 0 }
    var row = 0
    while all.count < CertificateTests.signatureRows {
      let place = 256 + row * 7 % 64
      add("signature byte \(place)") { $0[place] ^= UInt8(1 + row) }
      row += 1
    }
    return all
  }

  private static let signatureRows = 29

  /// S + L: the same number modulo the group's order, and a second signature for careless verifiers.
  private static func plusOrder(_ scalar: [UInt8]) -> [UInt8] {
    let order = octets("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
    var carry: UInt16 = 0
    return zip(scalar, order).map { digit, other in
      let sum = UInt16(digit) + UInt16(other) + carry
      carry = sum >> 8
      return UInt8(truncatingIfNeeded: sum)
    }
  }

  @Test func clocksMayDifferByTwoMinutes() throws {
    let test = TestNetwork(seed: 55)
    let certificate = try test.certificate(for: test.identity())
    for wall in [certificate.notBefore - 120, certificate.notBefore, certificate.notAfter, certificate.notAfter + 120] {
      #expect(throws: Never.self) { try verify(certificate.bytes, test, at: wall).get() }
    }
  }

  @Test func aSignatureIsCheckedOnceButTheClockEachTime() throws {
    let test = TestNetwork(seed: 56)
    let verifier = CertificateVerifier(network: test.network.id, operators: test.network.operators)
    let certificate = try test.certificate(for: test.identity())
    var forged = certificate.bytes
    forged[300] ^= 1
    for _ in 0..<5 {
      #expect(throws: Never.self) { try verify(certificate.bytes, test, verifier: verifier).get() }
      #expect(throws: CertificateRefusal.signature) { try verify(forged, test, verifier: verifier).get() }
    }
    #expect(verifier.signatureChecks == 2)
    let late = certificate.notAfter + 121
    #expect(throws: CertificateRefusal.expired) {
      try verify(certificate.bytes, test, at: late, verifier: verifier).get()
    }
    let revoked = certificate.bytes.withUnsafeBytes { bytes in
      Result { () throws(CertificateRefusal) in try verifier.verify(bytes, at: TestNetwork.now) { $0 == certificate } }
    }
    #expect(throws: CertificateRefusal.revoked) { try revoked.get() }
    #expect(verifier.signatureChecks == 2)
  }

  @Test func theCacheForgetsWhatWasNotUsedForLongest() throws {
    let test = TestNetwork(seed: 57)
    let verifier = CertificateVerifier(network: test.network.id, operators: test.network.operators)
    let identity = test.identity()
    let certificates = try (0...CertificateVerifier.cacheLimit).map { _ in try test.certificate(for: identity) }
    for certificate in certificates.dropLast() { _ = try verify(certificate.bytes, test, verifier: verifier).get() }
    _ = try verify(certificates[0].bytes, test, verifier: verifier).get()
    _ = try verify(certificates[CertificateVerifier.cacheLimit].bytes, test, verifier: verifier).get()
    let checks = verifier.signatureChecks
    #expect(checks == UInt64(certificates.count))
    _ = try verify(certificates[0].bytes, test, verifier: verifier).get()
    #expect(verifier.signatureChecks == checks, "the first one had been used again")
    _ = try verify(certificates[1].bytes, test, verifier: verifier).get()
    #expect(verifier.signatureChecks == checks + 1, "the second one had to go")
  }

  @Test func anyOfFourOperatorsMaySign() throws {
    let test = TestNetwork(seed: 58)
    let second = try #require(OperatorSigner(arena: test.arena, entropy: test.entropy))
    let network = try #require(
      Network(name: "prontera", operators: [test.signer.key, second.key], secret: test.network.secret))
    let verifier = CertificateVerifier(network: network.id, operators: network.operators)
    for signer in [test.signer, second] {
      let certificate = try test.request(for: test.identity()).signed(by: signer)
      #expect(try verify(certificate.bytes, test, verifier: verifier).get() == certificate)
    }
  }

  @Test func theOperatorCannotSignNonsense() throws {
    let test = TestNetwork(seed: 59)
    func refusal(_ change: (inout CertificateRequest) -> Void) -> CertificateRefusal? {
      var request = test.request(for: test.identity())
      change(&request)
      do throws(CertificateRefusal) { _ = try request.signed(by: test.signer) } catch { return error }
      return nil
    }
    #expect(refusal { _ in } == nil)
    #expect(refusal { $0.name = "Bad" } == .name)
    #expect(refusal { $0.name = String(repeating: "a", count: 300) } == .name)
    #expect(
      refusal { $0.addresses = Array(repeating: CertifiedAddress(Endpoint("192.0.2.1:1")!), count: 5) } == .address)
    #expect(refusal { $0.ringSeed = [] } == .length)
    #expect(refusal { $0.serial = 0 } == .serial)
    #expect(refusal { $0.capacity = 65 } == .capacity)
    #expect(refusal { $0.notAfter = $0.notBefore + 91 * 86_400 } == .lifetime)
    #expect(refusal { $0.roles = [] } == .roles)
    #expect(refusal { $0.trustClass = 3 } == .trustClass)
    let weak = try #require(HostKey(exchange: SmallOrder.exchangeKeys[1], signing: test.identity().key.signing))
    #expect(refusal { $0.key = weak } == .weakKey)
  }

  @Test func addressesContainWhatTheirPrefixSays() throws {
    func contains(_ address: String, _ bits: UInt8, _ other: String) throws -> Bool {
      let endpoint = try #require(Endpoint(address))
      let address = try #require(CertifiedAddress(endpoint, prefixBits: bits))
      return address.contains(try #require(Endpoint(other)))
    }
    #expect(try contains("192.0.2.7:0", 24, "192.0.2.200:9"))
    #expect(try !contains("192.0.2.7:0", 24, "192.0.3.7:9"))
    #expect(try contains("192.0.2.7:7000", 32, "192.0.2.7:7000"))
    #expect(try !contains("192.0.2.7:7000", 32, "192.0.2.7:7001"))
    #expect(try !contains("192.0.2.7:0", 32, "192.0.2.6:1"))
    #expect(try contains("0.0.0.0:0", 0, "203.0.113.9:1"))
    #expect(try !contains("0.0.0.0:0", 0, "[2001:db8::1]:1"))
    #expect(try !contains("[::]:0", 0, "203.0.113.9:1"))
    #expect(try contains("[2001:db8::]:0", 48, "[2001:db8:0:ffff::1]:1"))
    #expect(try !contains("[2001:db8::]:0", 48, "[2001:db8:1::1]:1"))
    #expect(try contains("[2001:db8::]:0", 64, "[2001:db8::ffff:1]:1"))
    #expect(try !contains("[2001:db8::]:0", 65, "[2001:db8::8000:0:0:0]:1"))
    #expect(try !contains("[2001:db8::1]:0", 128, "[2001:db8::2]:1"))
    #expect(CertifiedAddress(Endpoint("192.0.2.1:0")!, prefixBits: 33) == nil)
    #expect(CertifiedAddress(Endpoint("[2001:db8::]:0")!, prefixBits: 129) == nil)
  }
}
