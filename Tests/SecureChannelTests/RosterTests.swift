import SecureChannel
import Testing
import Wire

@Suite struct RosterTests {
  /// A host with its own roster, and what others get of it.
  private struct Member {
    let identity: Identity
    let roster: Roster
    let certificate: Certificate

    init(_ test: TestNetwork, name: String, change: (inout CertificateRequest) -> Void = { _ in }) throws {
      identity = test.identity()
      roster = Roster(network: test.network, identity: identity)
      var request = test.request(for: identity, name: name)
      change(&request)
      certificate = try request.signed(by: test.signer)
      roster.publish(certificate, facts: RosterTests.facts(1), version: 1)
    }

    var host: HostID { identity.hostID }

    func metadata() throws -> [UInt8] {
      var isWritten = false
      let bytes = written { isWritten = roster.writeMetadata(of: host, into: &$0) }
      try #require(isWritten)
      return bytes
    }
  }

  private static func facts(_ value: UInt8) -> HostFacts {
    HostFacts(configuration: [UInt8](repeating: value, count: 16), build: [UInt8](repeating: value + 1, count: 16))!
  }

  private func adopt(
    _ metadata: [UInt8], _ roster: Roster, version: UInt64, of host: HostID, at wall: UInt64 = TestNetwork.now
  ) -> MetadataAdoption {
    metadata.withUnsafeBytes { roster.adopt(metadata: $0, version: version, of: host, at: wall) }
  }

  @Test func metadataTravels() throws {
    let test = TestNetwork(seed: 61)
    let one = try Member(test, name: "one") { $0.contributor = 2_000_001 }
    let two = try Member(test, name: "two")
    let metadata = try one.metadata()
    #expect(metadata.count == 416)
    #expect(Array(metadata[..<320]) == one.certificate.bytes)
    #expect(adopt(metadata, two.roster, version: 1, of: one.host) == .adopted)
    #expect(adopt(metadata, two.roster, version: 1, of: one.host) == .known)
    #expect(two.roster.certificate(of: one.host) == one.certificate)
    #expect(two.roster.facts(of: one.host) == RosterTests.facts(1))
    #expect(two.roster.contributor(of: one.host) == 2_000_001)
    #expect(two.roster.metadataVersion(of: one.host) == 1)
    #expect(one.identity.key.exchange.withUnsafeBytes { two.roster.host(exchange: $0) } == one.host)
    #expect(written { _ = two.roster.writeMetadata(of: one.host, into: &$0) } == metadata, "passed on as it came")
    #expect(two.roster.hosts == [one.host, two.host].sorted())
    two.roster.forget(one.host)
    #expect(two.roster.hosts == [two.host])
    #expect(two.roster.metadataVersion(of: one.host) == nil)
    #expect(one.identity.key.exchange.withUnsafeBytes { two.roster.host(exchange: $0) } == nil)
    two.roster.forget(two.host)
    #expect(two.roster.hosts == [two.host], "nobody forgets himself")
  }

  @Test func onlyNewerVersionsAreTaken() throws {
    let test = TestNetwork(seed: 62)
    let one = try Member(test, name: "one")
    let two = try Member(test, name: "two")
    let first = try one.metadata()
    one.roster.publish(one.certificate, facts: RosterTests.facts(7), version: 5)
    let fifth = try one.metadata()
    #expect(adopt(fifth, two.roster, version: 5, of: one.host) == .adopted)
    #expect(adopt(first, two.roster, version: 1, of: one.host) == .known)
    #expect(two.roster.facts(of: one.host) == RosterTests.facts(7))
    // A forwarder cannot give old facts a new version: the version is under the signature.
    #expect(adopt(first, two.roster, version: 6, of: one.host) == .refused(.signature))
    #expect(adopt(fifth, two.roster, version: 6, of: one.host) == .refused(.signature))
  }

  @Test func aRenewedCertificateReplacesTheOld() throws {
    let test = TestNetwork(seed: 63)
    let one = try Member(test, name: "one")
    let two = try Member(test, name: "two")
    #expect(adopt(try one.metadata(), two.roster, version: 1, of: one.host) == .adopted)
    var request = test.request(for: one.identity, name: "one")
    request.notBefore = TestNetwork.now
    request.trustClass = 0
    let renewed = try request.signed(by: test.signer)
    // It may come in a HELLO before the metadata does, and the old one may still be on its way.
    #expect(two.roster.adopt(renewed))
    #expect(two.roster.adopt(one.certificate))
    #expect(two.roster.certificate(of: one.host) == renewed)
    #expect(two.roster.metadataVersion(of: one.host) == 1)
    one.roster.publish(renewed, facts: RosterTests.facts(1), version: 2)
    #expect(adopt(try one.metadata(), two.roster, version: 2, of: one.host) == .adopted)
    #expect(two.roster.certificate(of: one.host)?.trustClass == 0)
  }

  /// The renewed certificate came in a HELLO; the first metadata to arrive still holds the old one.
  @Test func lateMetadataDoesNotBringAnOldCertificateBack() throws {
    let test = TestNetwork(seed: 76)
    let one = try Member(test, name: "one")
    let two = try Member(test, name: "two")
    var request = test.request(for: one.identity, name: "one")
    request.notBefore = TestNetwork.now
    let renewed = try request.signed(by: test.signer)
    #expect(two.roster.adopt(renewed))
    let old = try one.metadata()
    #expect(adopt(old, two.roster, version: 1, of: one.host) == .adopted)
    #expect(two.roster.certificate(of: one.host) == renewed)
    #expect(written { _ = two.roster.writeMetadata(of: one.host, into: &$0) } == old, "metadata is passed on whole")

    // Elsewhere no HELLO came: the renewal arrives as metadata and replaces the old certificate.
    let three = try Member(test, name: "three")
    #expect(adopt(old, three.roster, version: 1, of: one.host) == .adopted)
    one.roster.publish(renewed, facts: RosterTests.facts(1), version: 2)
    #expect(adopt(try one.metadata(), three.roster, version: 2, of: one.host) == .adopted)
    #expect(three.roster.certificate(of: one.host) == renewed)
  }

  @Test func aCertificateAloneIsNoMetadata() throws {
    let test = TestNetwork(seed: 64)
    let one = try Member(test, name: "one")
    let two = try Member(test, name: "two")
    let certificate = one.certificate.bytes.withUnsafeBytes { bytes in
      Result { () throws(CertificateRefusal) in try two.roster.verify(bytes, at: TestNetwork.now) }
    }
    #expect(two.roster.adopt(try certificate.get()))
    #expect(two.roster.certificate(of: one.host) == one.certificate)
    #expect(two.roster.metadataVersion(of: one.host) == nil)
    #expect(written { _ = two.roster.writeMetadata(of: one.host, into: &$0) }.isEmpty)
    #expect(adopt(try one.metadata(), two.roster, version: 1, of: one.host) == .adopted)
  }

  @Test func everyFlippedBitOfMetadataIsRefused() throws {
    let test = TestNetwork(seed: 65)
    let one = try Member(test, name: "one")
    let two = try Member(test, name: "two")
    let metadata = try one.metadata()
    for bit in 0..<metadata.count * 8 {
      var altered = metadata
      altered[bit / 8] ^= 1 << UInt8(bit % 8)
      if case .refused = adopt(altered, two.roster, version: 1, of: one.host) { continue }
      Issue.record("bit \(bit) is not noticed")
    }
    for count in [0, 1, 319, 320, 415] {
      #expect(adopt(Array(metadata[..<count]), two.roster, version: 1, of: one.host) == .refused(.length))
    }
    #expect(adopt(metadata + [0], two.roster, version: 1, of: one.host) == .refused(.length))
    let late = one.certificate.notAfter + 121
    #expect(
      adopt(metadata, two.roster, version: 1, of: one.host, at: late) == .refused(.certificate(.expired)))
    #expect(adopt(metadata, two.roster, version: 1, of: HostID(rawValue: 1)) == .refused(.otherHost))
    #expect(two.roster.hosts == [two.host])
    #expect(two.roster.counters.refusedMetadata == UInt64(metadata.count * 8 + 8))
  }

  @Test func hostsComeInTheOrderOfTheirIDs() throws {
    let test = TestNetwork(seed: 66)
    let one = try Member(test, name: "one")
    var all = [one.host]
    for _ in 0..<50 {
      let other = try Member(test, name: "other")
      #expect(adopt(try other.metadata(), one.roster, version: 1, of: other.host) == .adopted)
      all.append(other.host)
    }
    #expect(one.roster.hosts == all.sorted())
    for host in all.dropFirst().prefix(20) { one.roster.forget(host) }
    #expect(one.roster.hosts == ([one.host] + all.dropFirst(21)).sorted())
  }

  @Test func aFullRosterRefusesNewHostsButUpdatesOld() throws {
    let test = TestNetwork(seed: 67)
    let one = try Member(test, name: "one")
    let known = try Member(test, name: "known")
    #expect(adopt(try known.metadata(), one.roster, version: 1, of: known.host) == .adopted)
    while one.roster.hosts.count < Roster.hostLimit {
      #expect(one.roster.adopt(try test.certificate(for: test.identity())))
    }
    let late = try Member(test, name: "late")
    #expect(!one.roster.adopt(late.certificate))
    #expect(adopt(try late.metadata(), one.roster, version: 1, of: late.host) == .refused(.full))
    #expect(one.roster.counters.full == 2)
    known.roster.publish(known.certificate, facts: RosterTests.facts(9), version: 2)
    #expect(adopt(try known.metadata(), one.roster, version: 2, of: known.host) == .adopted)
  }

  // MARK: Records

  @Test func recordsAreBoundToDomainNetworkAndHost() throws {
    let test = TestNetwork(seed: 68)
    let other = TestNetwork(seed: 69)
    let one = try Member(test, name: "one")
    let two = try Member(test, name: "two")
    #expect(adopt(try one.metadata(), two.roster, version: 1, of: one.host) == .adopted)
    let body: [UInt8] = [1, 2, 3, 4]
    func verdict(_ signature: Signature, _ record: RosterRecord, _ body: [UInt8], _ host: HostID) -> RosterVerdict {
      body.withUnsafeBytes { two.roster.verify(signature, record, $0, by: host) }
    }
    for record in [RosterRecord.selfRecord, .accusation] {
      let signature = body.withUnsafeBytes { one.roster.sign(record, $0) }
      let text =
        Array((record == .selfRecord ? "mesh-self/1" : "mesh-accuse/1").utf8)
        + (0..<8).map { UInt8(truncatingIfNeeded: test.network.id.rawValue >> UInt64(8 * $0)) } + body
      #expect(text.withUnsafeBytes { SigningKeyPair.verify(signature, $0, publicKey: one.identity.key.signing) })
      #expect(verdict(signature, record, body, one.host) == .valid)
      #expect(verdict(signature, record, [1, 2, 3, 5], one.host) == .invalid)
      #expect(verdict(signature, record, body, two.host) == .invalid)
      #expect(verdict(signature, record, body, HostID(rawValue: 5)) == .unknownKey)
      #expect(verdict(signature, record == .selfRecord ? .accusation : .selfRecord, body, one.host) == .invalid)
      let elsewhere = Roster(network: other.network, identity: one.identity)
      let foreign = body.withUnsafeBytes { elsewhere.sign(record, $0) }
      #expect(verdict(foreign, record, body, one.host) == .invalid)
      #expect(verdict(Signature(), record, body, one.host) == .invalid)
    }
  }

  @Test func accusationsAreCheckedOnce() throws {
    let test = TestNetwork(seed: 70)
    let one = try Member(test, name: "one")
    let body: [UInt8] = [1, 2, 3, 4]
    let signature = body.withUnsafeBytes { one.roster.sign(.accusation, $0) }
    for _ in 0..<4 {
      #expect(body.withUnsafeBytes { one.roster.verify(signature, .accusation, $0, by: one.host) } == .valid)
    }
    #expect(one.roster.counters.verified == 1)
    #expect(one.roster.counters.cached == 3)
    #expect([UInt8(9)].withUnsafeBytes { one.roster.verify(signature, .accusation, $0, by: one.host) } == .invalid)
    #expect([UInt8(9)].withUnsafeBytes { one.roster.verify(signature, .accusation, $0, by: one.host) } == .invalid)
    #expect(one.roster.counters.forged == 2, "only what is right is remembered")
  }

  // MARK: Revocations

  private func revocation(_ test: TestNetwork, of key: HostKey, by signer: OperatorSigner? = nil) -> [UInt8] {
    let revocation = Revocation(
      of: key, in: test.network.id, reason: .keyStolen, issued: TestNetwork.now, by: signer ?? test.signer)
    return written { revocation.write(to: &$0) }
  }

  private func adopt(_ revocation: [UInt8], _ roster: Roster) -> RevocationAdoption {
    revocation.withUnsafeBytes { roster.adopt(revocation: $0) }
  }

  @Test func aRevocationIsFinalForItsKey() throws {
    let test = TestNetwork(seed: 71)
    let one = try Member(test, name: "one")
    let two = try Member(test, name: "two")
    let three = try Member(test, name: "three")
    let body: [UInt8] = [1, 2, 3]
    let signature = body.withUnsafeBytes { one.roster.sign(.accusation, $0) }
    #expect(adopt(try one.metadata(), two.roster, version: 1, of: one.host) == .adopted)
    #expect(body.withUnsafeBytes { two.roster.verify(signature, .accusation, $0, by: one.host) } == .valid)

    let bytes = revocation(test, of: one.identity.key)
    #expect(bytes.count == Revocation.size)
    #expect(adopt(bytes, two.roster) == .adopted(one.host))
    #expect(adopt(bytes, two.roster) == .known(one.host))
    #expect(two.roster.isRevoked(one.host))
    #expect(two.roster.isRevoked(exchange: one.identity.key.exchange))
    #expect(two.roster.revokedHosts == [one.host])
    #expect(two.roster.revocation(of: one.host)?.reason == .keyStolen)
    #expect(body.withUnsafeBytes { two.roster.verify(signature, .accusation, $0, by: one.host) } == .revoked)
    #expect(written { _ = two.roster.writeRevocation(of: one.host, into: &$0) } == bytes)
    #expect(written { _ = two.roster.writeRevocation(of: three.host, into: &$0) }.isEmpty)

    // A later certificate for the same keys does not bring it back, nor does forgetting the host.
    var request = test.request(for: one.identity)
    request.notBefore = TestNetwork.now
    one.roster.publish(try request.signed(by: test.signer), facts: RosterTests.facts(1), version: 2)
    #expect(adopt(try one.metadata(), two.roster, version: 2, of: one.host) == .refused(.certificate(.revoked)))
    two.roster.forget(one.host)
    #expect(adopt(try one.metadata(), two.roster, version: 2, of: one.host) == .refused(.certificate(.revoked)))

    // The same X25519 key under another signing key is another host id, and revoked as well.
    let mixed = try #require(HostKey(exchange: one.identity.key.exchange, signing: three.identity.key.signing))
    var disguise = test.request(for: three.identity)
    disguise.key = mixed
    let certificate = try disguise.signed(by: test.signer).bytes.withUnsafeBytes { bytes in
      Result { () throws(CertificateRefusal) in try two.roster.verify(bytes, at: TestNetwork.now) }
    }
    #expect(throws: CertificateRefusal.revoked) { try certificate.get() }
  }

  @Test func forgedRevocationsAreRefused() throws {
    let test = TestNetwork(seed: 72)
    let one = try Member(test, name: "one")
    let two = try Member(test, name: "two")
    let bytes = revocation(test, of: one.identity.key)
    for bit in 0..<bytes.count * 8 {
      var altered = bytes
      altered[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(adopt(altered, two.roster) == .refused, "bit \(bit)")
    }
    for count in 0..<bytes.count { #expect(adopt(Array(bytes[..<count]), two.roster) == .refused) }
    #expect(adopt(bytes + [0], two.roster) == .refused)
    let stranger = try #require(OperatorSigner(arena: test.arena, entropy: test.entropy))
    #expect(adopt(revocation(test, of: one.identity.key, by: stranger), two.roster) == .refused)
    #expect(adopt(revocation(TestNetwork(seed: 73), of: one.identity.key), two.roster) == .refused)
    #expect(!two.roster.isRevoked(one.host))
    #expect(two.roster.counters.refusedRevocations == UInt64(bytes.count * 9 + 3))
  }

  @Test func revocationsAreBounded() throws {
    let test = TestNetwork(seed: 74)
    let one = try Member(test, name: "one")
    var chance = Chance(seed: 74)
    func random() -> [UInt8] { (0..<32).map { _ in UInt8(truncatingIfNeeded: chance.next()) } }
    for _ in 0..<Roster.revocationLimit {
      let key = try #require(HostKey(exchange: random(), signing: random()))
      guard case .adopted = adopt(revocation(test, of: key), one.roster) else {
        Issue.record("refused below the limit")
        return
      }
    }
    let key = try #require(HostKey(exchange: random(), signing: random()))
    #expect(adopt(revocation(test, of: key), one.roster) == .full)
    #expect(one.roster.revokedHosts.count == Roster.revocationLimit)
    #expect(one.roster.revokedHosts == one.roster.revokedHosts.sorted())
  }

  @Test func unknownReasonsStillRevoke() throws {
    let test = TestNetwork(seed: 75)
    let one = try Member(test, name: "one")
    let key = test.identity().key
    let revocation = Revocation(
      of: key, in: test.network.id, reason: RevocationReason(rawValue: 200), issued: 1, by: test.signer)
    #expect(adopt(written { revocation.write(to: &$0) }, one.roster) == .adopted(key.hostID))
    #expect(one.roster.revocation(of: key.hostID)?.reason.description == "reason-200")
  }
}
