package import Gossip
import SecureChannel
package import Wire

/// The signer of large simulations: a keyed 64-bit hash in place of Ed25519, with the bookkeeping of a roster.
///
/// Metadata has its real size on the wire but is not kept: it follows from the directory and a version, so what a node
/// knows of a host is a version number (2,000 nodes that know 2,000 hosts take 16 MB).
package final class SimulatedSigner: RecordSigner {
  /// {certificate 320, facts 32, signature 64}.
  package static let metadataSize = 416
  /// {host 8, key 64, signature 64}.
  package static let revocationSize = 136

  private let directory: HostDirectory
  private let own: Int
  /// Version + 1 of the metadata held, by host; 0 when none is.
  private var versions: ContiguousArray<UInt32>
  private var revoked: Set<Int> = []
  /// Signatures verified: what a real node would have paid 60 µs each for.
  package private(set) var verifications: UInt64 = 0

  package init(directory: HostDirectory, own: Int, version: UInt64 = 1) {
    self.directory = directory
    self.own = own
    versions = ContiguousArray(repeating: 0, count: directory.count)
    versions[own] = UInt32(truncatingIfNeeded: version &+ 1)
  }

  package func sign(_ domain: RecordDomain, _ body: UnsafeRawBufferPointer) -> Signature {
    signature(of: body, domain, secret: directory.identities[own].secret)
  }

  package func verify(
    _ signature: Signature, _ domain: RecordDomain, _ body: UnsafeRawBufferPointer, by host: HostID
  ) -> RecordVerdict {
    guard let index = directory.index(of: host), versions[index] > 0 else { return .unknownKey }
    verifications &+= 1
    return signature == self.signature(of: body, domain, secret: directory.identities[index].secret) ? .valid : .invalid
  }

  package func adoptMetadata(
    _ metadata: UnsafeRawBufferPointer, version: UInt64, of host: HostID, at wall: UInt64
  ) -> MetadataVerdict {
    guard let index = directory.index(of: host), !revoked.contains(index), version < UInt64(UInt32.max),
      metadata.count == SimulatedSigner.metadataSize,
      metadata.elementsEqual(self.metadata(of: index, version: version))
    else { return .refused }
    guard versions[index] < UInt32(version) + 1 else { return .known }
    versions[index] = UInt32(version) + 1
    return .adopted
  }

  package func writeMetadata(of host: HostID, into writer: inout Writer) -> Bool {
    guard let index = directory.index(of: host), versions[index] > 0 else { return false }
    writer.append(metadata(of: index, version: UInt64(versions[index] - 1)))
    return true
  }

  package func metadataVersion(of host: HostID) -> UInt64? {
    guard let index = directory.index(of: host), versions[index] > 0 else { return nil }
    return UInt64(versions[index] - 1)
  }

  package func forget(_ host: HostID) {
    guard let index = directory.index(of: host), index != own else { return }
    versions[index] = 0
  }

  package func contributor(of host: HostID) -> UInt32 {
    guard let index = directory.index(of: host), versions[index] > 0 else { return 0 }
    return directory.identities[index].contributor
  }

  package func adoptRevocation(_ revocation: UnsafeRawBufferPointer) -> (RevocationVerdict, HostID?) {
    var reader = Reader(revocation)
    guard revocation.count == SimulatedSigner.revocationSize, let host = try? reader.hostID(),
      let index = directory.index(of: host),
      revocation.elementsEqual(SimulatedSigner.revocation(of: index, in: directory))
    else { return (.refused, nil) }
    return (revoked.insert(index).inserted ? .adopted : .known, host)
  }

  package func isRevoked(_ host: HostID) -> Bool {
    guard !revoked.isEmpty, let index = directory.index(of: host) else { return false }
    return revoked.contains(index)
  }

  package func writeRevocation(of host: HostID, into writer: inout Writer) -> Bool {
    guard let index = directory.index(of: host), revoked.contains(index) else { return false }
    writer.append(SimulatedSigner.revocation(of: index, in: directory))
    return true
  }

  /// A new version of our own metadata (a renewed certificate).
  package func renew(to version: UInt64) { versions[own] = UInt32(truncatingIfNeeded: version &+ 1) }

  /// Whether a handshake with this host is possible: its keys are known.
  func knowsKeys(of index: Int) -> Bool { versions[index] > 0 }

  /// The operator's revocation of a host.
  package static func revocation(of index: Int, in directory: HostDirectory) -> [UInt8] {
    let identity = directory.identities[index]
    return signed(size: revocationSize, secret: directory.operatorSecret) { writer in
      writer.hostID(identity.host)
      writer.append(identity.key.exchange)
      writer.append(identity.key.signing)
    }
  }

  private func metadata(of index: Int, version: UInt64) -> [UInt8] {
    let identity = directory.identities[index]
    return SimulatedSigner.signed(size: SimulatedSigner.metadataSize, secret: identity.secret) { writer in
      writer.hostID(identity.host)
      writer.u64(version)
      writer.u32(identity.contributor)
    }
  }

  /// `size` bytes: the fields, zeros, and a simulated signature in the last 64.
  private static func signed(size: Int, secret: UInt64, _ fields: (inout Writer) -> Void) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: size) { bytes, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(bytes))
      fields(&writer)
      writer.zeros(size - Signature.size - writer.count)
      writer.u64(keyedHash(writer.written, key: secret))
      writer.zeros(size - writer.count)
      count = size
    }
  }

  private func signature(of body: UnsafeRawBufferPointer, _ domain: RecordDomain, secret: UInt64) -> Signature {
    let hash = keyedHash(body, key: domain == .selfRecord ? secret : mix64(secret))
    return Signature { $0.storeBytes(of: hash.littleEndian, as: UInt64.self) }
  }
}
