import Hashing
package import Wire

/// The two kinds of record that hosts sign (DESIGN 5.1).
package enum RosterRecord: Sendable {
  case selfRecord
  case accusation

  var domain: StaticString { self == .selfRecord ? "mesh-self/1" : "mesh-accuse/1" }
}

package enum RosterVerdict: Hashable, Sendable {
  case valid
  case invalid
  /// No certificate of this host is held.
  case unknownKey
  /// The operator has expelled this host: nothing it signs counts.
  case revoked
}

package enum MetadataRefusal: Error, Hashable, Sendable {
  /// Not 416 bytes.
  case length
  case certificate(CertificateRefusal)
  /// The certificate is of another host than the one named.
  case otherHost
  /// The host's own signature over its facts is wrong.
  case signature
  /// 4,096 hosts are known.
  case full
}

package enum MetadataAdoption: Hashable, Sendable {
  case adopted
  /// This version or a later one is held.
  case known
  case refused(MetadataRefusal)
}

package enum RevocationAdoption: Hashable, Sendable {
  case adopted(HostID)
  case known(HostID)
  /// Malformed, of another network, or not signed by one of its operators.
  case refused
  /// 10,000 revocations are held.
  case full
}

package struct RosterCounters: Hashable, Sendable {
  package var adopted: UInt64 = 0
  package var refusedMetadata: UInt64 = 0
  package var refusedRevocations: UInt64 = 0
  /// Adoptions refused because a table was full.
  package var full: UInt64 = 0
  package var verified: UInt64 = 0
  /// Verifications answered from the cache.
  package var cached: UInt64 = 0
  package var forged: UInt64 = 0
}

/// What this host knows of others: certificate, facts and revocations; and the keys behind gossip's records.
///
/// One per node, shared by the channel (who may talk to us) and gossip (who has signed what). Not thread-safe.
package final class Roster {
  package static let hostLimit = 4_096
  package static let revocationLimit = 10_000
  /// An accusation comes alone and again within a Dead record: remembering its signature saves the second check.
  /// Self-records come once, because gossip drops duplicates before it asks.
  package static let recordCacheLimit = 1_024

  package let network: Network
  package let identity: Identity
  package private(set) var counters = RosterCounters()

  private struct Metadata {
    var version: UInt64
    var certificate: Certificate
    var facts: HostFacts
    var signature: Signature
  }

  private struct Host {
    /// The one that starts last of those seen.
    var certificate: Certificate
    /// As its host has signed it; `nil` when only a certificate came (in a HELLO).
    var metadata: Metadata?
  }

  private let verifier: CertificateVerifier
  private var entries: [HostID: Host] = [:]
  private var byExchangeKey: [Digest: HostID] = [:]
  /// All hosts in ascending order.
  package private(set) var hosts: [HostID] = []
  private var revocations: [HostID: Revocation] = [:]
  private var revokedExchangeKeys: Set<Digest> = []
  /// All revoked hosts in ascending order.
  package private(set) var revokedHosts: [HostID] = []
  private var verifiedRecords = RecentCache<Digest, Void>(limit: Roster.recordCacheLimit)

  package init(network: Network, identity: Identity) {
    self.network = network
    self.identity = identity
    verifier = CertificateVerifier(network: network.id, operators: network.operators)
  }

  // MARK: Hosts

  package func certificate(of host: HostID) -> Certificate? { entries[host]?.certificate }
  package func facts(of host: HostID) -> HostFacts? { entries[host]?.metadata?.facts }
  package func key(of host: HostID) -> HostKey? { entries[host]?.certificate.key }

  /// The host with this X25519 key.
  package func host(exchange key: UnsafeRawBufferPointer) -> HostID? {
    guard let key = Digest(bytes: key) else { return nil }
    return byExchangeKey[key]
  }

  /// Whose machine a host is; 0 is the operator, and a host that is not known.
  package func contributor(of host: HostID) -> UInt32 { entries[host]?.certificate.contributor ?? 0 }

  /// Checks a certificate that came in a handshake, with the clock and the revocations of now. It is not taken up yet.
  package func verify(_ certificate: UnsafeRawBufferPointer, at wallSeconds: UInt64) throws(CertificateRefusal)
    -> Certificate
  {
    try verifier.verify(certificate, at: wallSeconds) { isRevoked($0.hostID) || isRevoked(exchange: $0.key.exchange) }
  }

  /// Takes up a certificate that `verify` has returned. A later start wins over an earlier one; false when the roster is
  /// full.
  package func adopt(_ certificate: Certificate) -> Bool {
    if let held = entries[certificate.hostID]?.certificate {
      if certificate.notBefore > held.notBefore { entries[certificate.hostID]?.certificate = certificate }
      return true
    }
    guard makeRoom() else { return false }
    insert(Host(certificate: certificate, metadata: nil))
    return true
  }

  /// Forgets a host that is gone for good. Its revocation stays.
  package func forget(_ host: HostID) {
    guard host != identity.hostID, let entry = entries.removeValue(forKey: host) else { return }
    entry.certificate.key.exchange.withUnsafeBytes {
      if let key = Digest(bytes: $0), byExchangeKey[key] == host { byExchangeKey[key] = nil }
    }
    hosts.remove(host)
  }

  private func makeRoom() -> Bool {
    guard entries.count < Roster.hostLimit else {
      counters.full &+= 1
      return false
    }
    return true
  }

  private func insert(_ entry: Host) {
    let host = entry.certificate.hostID
    if entries.updateValue(entry, forKey: host) == nil { hosts.insert(host) }
    entry.certificate.key.exchange.withUnsafeBytes {
      if let key = Digest(bytes: $0) { byExchangeKey[key] = host }
    }
  }

  // MARK: Metadata

  /// Our own metadata, signed anew: at start and after a renewal. The caller raises the version each time.
  package func publish(_ certificate: Certificate, facts: HostFacts, version: UInt64) {
    precondition(certificate.key == identity.key)
    let signature = HostMetadata.withSignedText(
      network: network.id, version: version, certificate: certificate.digest, facts: facts
    ) { identity.signing.sign($0) }
    let metadata = Metadata(version: version, certificate: certificate, facts: facts, signature: signature)
    insert(Host(certificate: certificate, metadata: metadata))
  }

  /// Takes another host's metadata of 416 bytes if it is newer than what is held and everything about it is right.
  package func adopt(
    metadata bytes: UnsafeRawBufferPointer, version: UInt64, of host: HostID, at wallSeconds: UInt64
  ) -> MetadataAdoption {
    if let held = entries[host]?.metadata, held.version >= version { return .known }
    // Nobody else can tell us anything new about ourselves.
    if host == identity.hostID { return .known }
    do throws(MetadataRefusal) {
      let metadata = try checked(bytes, version: version, of: host, at: wallSeconds)
      var certificate = metadata.certificate
      if let held = entries[host]?.certificate {
        if held.notBefore > certificate.notBefore { certificate = held }
      } else if !makeRoom() {
        throw .full
      }
      insert(Host(certificate: certificate, metadata: metadata))
      counters.adopted &+= 1
      return .adopted
    } catch {
      if error != .full { counters.refusedMetadata &+= 1 }
      return .refused(error)
    }
  }

  private func checked(
    _ bytes: UnsafeRawBufferPointer, version: UInt64, of host: HostID, at wallSeconds: UInt64
  ) throws(MetadataRefusal) -> Metadata {
    let metadata: HostMetadata
    do { metadata = try HostMetadata(bytes) } catch { throw .length }
    let certificate: Certificate
    do throws(CertificateRefusal) {
      certificate = try verify(metadata.certificate, at: wallSeconds)
    } catch {
      throw .certificate(error)
    }
    guard certificate.hostID == host else { throw .otherHost }
    let isSigned = HostMetadata.withSignedText(
      network: network.id, version: version, certificate: certificate.digest, facts: metadata.facts
    ) { SigningKeyPair.verify(metadata.signature, $0, publicKey: certificate.key.signing) }
    guard isSigned else { throw .signature }
    return Metadata(
      version: version, certificate: certificate, facts: metadata.facts, signature: metadata.signature)
  }

  package func metadataVersion(of host: HostID) -> UInt64? { entries[host]?.metadata?.version }

  /// Appends 416 bytes; false when no metadata of this host is held or it does not fit.
  package func writeMetadata(of host: HostID, into writer: inout Writer) -> Bool {
    guard let metadata = entries[host]?.metadata, writer.room >= HostMetadata.size else { return false }
    writer.append(metadata.certificate.bytes)
    writer.append(metadata.facts.configuration)
    writer.append(metadata.facts.build)
    writer.signature(metadata.signature)
    return true
  }

  // MARK: Revocations

  package func isRevoked(_ host: HostID) -> Bool { revocations[host] != nil }

  package func isRevoked(exchange key: [UInt8]) -> Bool {
    key.withUnsafeBytes { bytes in Digest(bytes: bytes).map { revokedExchangeKeys.contains($0) } ?? false }
  }

  package func revocation(of host: HostID) -> Revocation? { revocations[host] }

  /// Takes an operator's revocation, which is final.
  package func adopt(revocation bytes: UnsafeRawBufferPointer) -> RevocationAdoption {
    guard let revocation = try? Revocation(bytes) else {
      counters.refusedRevocations &+= 1
      return .refused
    }
    let host = revocation.hostID
    if revocations[host] != nil { return .known(host) }
    guard revocations.count < Roster.revocationLimit else {
      counters.full &+= 1
      return .full
    }
    guard revocation.isSigned(by: network.operators, of: network.id) else {
      counters.refusedRevocations &+= 1
      return .refused
    }
    revocations[host] = revocation
    revokedHosts.insert(host)
    revocation.exchange.withUnsafeBytes { if let key = Digest(bytes: $0) { _ = revokedExchangeKeys.insert(key) } }
    return .adopted(host)
  }

  /// Appends 136 bytes; false when there is no revocation of this host or it does not fit.
  package func writeRevocation(of host: HostID, into writer: inout Writer) -> Bool {
    guard let revocation = revocations[host], writer.room >= Revocation.size else { return false }
    revocation.write(to: &writer)
    return true
  }

  // MARK: Records

  /// Signs domain ‖ network id ‖ body with this host's key.
  package func sign(_ record: RosterRecord, _ body: UnsafeRawBufferPointer) -> Signature {
    withSignedText(record, body) { identity.signing.sign($0) }
  }

  package func verify(
    _ signature: Signature, _ record: RosterRecord, _ body: UnsafeRawBufferPointer, by host: HostID
  ) -> RosterVerdict {
    if isRevoked(host) { return .revoked }
    guard let key = entries[host]?.certificate.key.signing else { return .unknownKey }
    return withSignedText(record, body) { text in
      let memory = record == .accusation ? recordDigest(text, signature, key) : nil
      if let memory, verifiedRecords.value(of: memory) != nil {
        counters.cached &+= 1
        return .valid
      }
      counters.verified &+= 1
      guard SigningKeyPair.verify(signature, text, publicKey: key) else {
        counters.forged &+= 1
        return .invalid
      }
      if let memory { verifiedRecords.insert((), for: memory) }
      return .valid
    }
  }

  private func withSignedText<R>(
    _ record: RosterRecord, _ body: UnsafeRawBufferPointer, _ use: (UnsafeRawBufferPointer) -> R
  ) -> R {
    withUnsafeBytes(of: network.id.rawValue.littleEndian) {
      SignedText.with(domain: record.domain, $0, body, body: use)
    }
  }

  private func recordDigest(_ text: UnsafeRawBufferPointer, _ signature: Signature, _ key: [UInt8]) -> Digest {
    signature.withBytes { signature in
      key.withUnsafeBytes { SignedText.with(domain: "", $0, signature, text) { Digest(of: $0) } }
    }
  }
}

extension [HostID] {
  /// Keeps ascending order: iteration is the same everywhere and never that of a dictionary.
  fileprivate mutating func insert(_ host: HostID) {
    let place = place(of: host)
    if place == count || self[place] != host { insert(host, at: place) }
  }

  fileprivate mutating func remove(_ host: HostID) {
    let place = place(of: host)
    if place < count, self[place] == host { remove(at: place) }
  }

  private func place(of host: HostID) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < host { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
