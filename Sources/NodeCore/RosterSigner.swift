package import Gossip
package import MapShard
package import SecureChannel
package import Wire

/// The roster as gossip sees it: keys behind records, metadata, revocations. Also judges renewed certificates.
package final class RosterSigner: RecordSigner, CertificateRenewal, CertifiedHosts, RegisterSigner {
  private let roster: Roster
  private var facts: HostFacts
  private var ownVersion: UInt64

  /// Publishes our own metadata, from `firstVersion` on.
  package init(roster: Roster, certificate: Certificate, facts: HostFacts, version: UInt64) {
    self.roster = roster
    self.facts = facts
    ownVersion = version
    roster.publish(certificate, facts: facts, version: version)
  }

  /// The first metadata version of a life: its generation in the upper bits, so it is above that of every earlier life;
  /// then the 1,024th of the second, because of two processes with one key the later one has to end, and a copy may be
  /// started soon after the original; then 6 random bits, which tell them apart all the same; then room for renewals.
  package static func firstVersion(after generation: UInt64, at now: Now, draw: UInt64) -> UInt64 {
    let fraction = ((now.wall % 1_000_000_000) << 10) / 1_000_000_000
    return Incarnation(
      generation: Incarnation.generation(after: generation, at: now),
      refutation: (fraction << 6 | draw & 0x3f) << 8
    ).rawValue
  }

  /// Says what program this is, before anybody has been told anything: the version stays the same.
  package func state(_ facts: HostFacts) {
    self.facts = facts
    if let certificate = roster.certificate(of: roster.identity.hostID) {
      roster.publish(certificate, facts: facts, version: ownVersion)
    }
  }

  package func sign(_ domain: RecordDomain, _ body: UnsafeRawBufferPointer) -> Signature {
    roster.sign(domain.record, body)
  }

  package func verify(
    _ signature: Signature, _ domain: RecordDomain, _ body: UnsafeRawBufferPointer, by host: HostID
  ) -> RecordVerdict {
    switch roster.verify(signature, domain.record, body, by: host) {
    case .valid: .valid
    case .unknownKey: .unknownKey
    case .invalid, .revoked: .invalid
    }
  }

  package func adoptMetadata(
    _ metadata: UnsafeRawBufferPointer, version: UInt64, of host: HostID, at wall: UInt64
  ) -> MetadataVerdict {
    switch roster.adopt(metadata: metadata, version: version, of: host, at: wall / 1_000_000_000) {
    case .adopted: .adopted
    case .known: .known
    case .refused: .refused
    }
  }

  package func writeMetadata(of host: HostID, into writer: inout Writer) -> Bool {
    roster.writeMetadata(of: host, into: &writer)
  }

  package func metadataVersion(of host: HostID) -> UInt64? { roster.metadataVersion(of: host) }
  package func forget(_ host: HostID) { roster.forget(host) }
  package func contributor(of host: HostID) -> UInt32 { roster.contributor(of: host) }

  package func adoptRevocation(_ revocation: UnsafeRawBufferPointer) -> (RevocationVerdict, HostID?) {
    switch roster.adopt(revocation: revocation) {
    case .adopted(let host): (.adopted, host)
    case .known(let host): (.known, host)
    case .refused, .full: (.refused, nil)
    }
  }

  package func isRevoked(_ host: HostID) -> Bool { roster.isRevoked(host) }

  package func writeRevocation(of host: HostID, into writer: inout Writer) -> Bool {
    roster.writeRevocation(of: host, into: &writer)
  }

  // MARK: Register

  package func sign(_ bytes: UnsafeRawBufferPointer) -> Signature { roster.sign(.register, bytes) }

  package func verify(_ signature: Signature, over bytes: UnsafeRawBufferPointer, by host: HostID) -> SignatureVerdict {
    switch roster.verify(signature, .register, bytes, by: host) {
    case .valid: .valid
    case .unknownKey: .unknownKey
    case .invalid, .revoked: .invalid
    }
  }

  package func verifyOperator(_ signature: Signature, over bytes: UnsafeRawBufferPointer) -> Bool {
    roster.network.operators.contains { $0.verify(signature, domain: OperatorSigner.orderDomain, bytes) }
  }

  // MARK: Placement

  package var admitted: [HostID] { roster.hosts }

  package func certified(_ host: HostID) -> CertifiedHost? {
    guard let certificate = roster.certificate(of: host), let seed = RingSeed(certificate.ringSeed) else { return nil }
    return CertifiedHost(
      ringSeed: seed, roles: certificate.roles, trustClass: certificate.trustClass,
      contributor: certificate.contributor, capacity: Int(certificate.capacity))
  }

  // MARK: Renewal

  package func subject(of certificate: [UInt8], at wall: UInt64) -> HostID? {
    parse(certificate, at: wall)?.hostID
  }

  package func adoptOwn(_ certificate: [UInt8], at wall: UInt64) -> (certificate: Certificate, version: UInt64)? {
    guard let renewed = parse(certificate, at: wall), isNewer(renewed) else { return nil }
    ownVersion &+= 1
    roster.publish(renewed, facts: facts, version: ownVersion)
    return (renewed, ownVersion)
  }

  package func isNewer(_ certificate: [UInt8], at wall: UInt64) -> Bool {
    parse(certificate, at: wall).map(isNewer) ?? false
  }

  private func isNewer(_ certificate: Certificate) -> Bool {
    guard certificate.key == roster.identity.key, let own = roster.certificate(of: roster.identity.hostID) else {
      return false
    }
    return certificate.notBefore > own.notBefore
  }

  private func parse(_ certificate: [UInt8], at wall: UInt64) -> Certificate? {
    certificate.withUnsafeBytes { try? roster.verify($0, at: wall / 1_000_000_000) }
  }
}

extension RecordDomain {
  fileprivate var record: RosterRecord {
    switch self {
    case .selfRecord: .selfRecord
    case .accusation: .accusation
    }
  }
}
