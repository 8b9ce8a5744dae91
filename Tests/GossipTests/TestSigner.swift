import Gossip
import Wire

/// A signer with a keyed hash in place of Ed25519 and plain bytes in place of certificates.
final class TestSigner: RecordSigner {
  struct Papers {
    var version: UInt64
    var contributor: UInt32
  }

  let host: HostID
  /// Whose machines hosts are; everybody whose metadata is held answers from here.
  private(set) var known: [HostID: Papers] = [:]
  private(set) var revoked: Set<HostID> = []
  private(set) var verifications = 0

  init(host: HostID, contributor: UInt32 = 0, version: UInt64 = 1) {
    self.host = host
    known[host] = Papers(version: version, contributor: contributor)
  }

  func renew(_ version: UInt64) { known[host]?.version = version }

  /// As if a roster had brought it.
  func adopt(_ host: HostID, contributor: UInt32 = 0) { known[host] = Papers(version: 1, contributor: contributor) }

  static func signature(_ domain: RecordDomain, _ body: UnsafeRawBufferPointer, by host: HostID) -> Signature {
    let hash = keyedHash(body, key: domain == .selfRecord ? host.rawValue : ~host.rawValue)
    return Signature { $0.storeBytes(of: hash, as: UInt64.self) }
  }

  func sign(_ domain: RecordDomain, _ body: UnsafeRawBufferPointer) -> Signature {
    TestSigner.signature(domain, body, by: host)
  }

  func verify(
    _ signature: Signature, _ domain: RecordDomain, _ body: UnsafeRawBufferPointer, by host: HostID
  ) -> RecordVerdict {
    verifications += 1
    guard known[host] != nil else { return .unknownKey }
    return signature == TestSigner.signature(domain, body, by: host) ? .valid : .invalid
  }

  static func metadata(of host: HostID, version: UInt64, contributor: UInt32) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 416) { bytes, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(bytes))
      writer.hostID(host)
      writer.u64(version)
      writer.u32(contributor)
      writer.u64(keyedHash(writer.written, key: 1))
      writer.zeros(writer.room)
      count = writer.count
    }
  }

  func adoptMetadata(_ metadata: UnsafeRawBufferPointer, version: UInt64, of host: HostID, at wall: UInt64)
    -> MetadataVerdict
  {
    var reader = Reader(metadata)
    guard !revoked.contains(host), let named = try? reader.hostID(), let written = try? reader.u64(),
      let contributor = try? reader.u32(), named == host, written == version,
      metadata.elementsEqual(TestSigner.metadata(of: host, version: version, contributor: contributor))
    else { return .refused }
    if let held = known[host], held.version >= version { return .known }
    known[host] = Papers(version: version, contributor: contributor)
    return .adopted
  }

  func writeMetadata(of host: HostID, into writer: inout Writer) -> Bool {
    guard let papers = known[host] else { return false }
    writer.append(TestSigner.metadata(of: host, version: papers.version, contributor: papers.contributor))
    return true
  }

  func metadataVersion(of host: HostID) -> UInt64? { known[host]?.version }
  func forget(_ host: HostID) { known[host] = nil }
  func contributor(of host: HostID) -> UInt32 { known[host]?.contributor ?? 0 }

  static func revocation(of host: HostID) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 152) { bytes, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(bytes))
      writer.hostID(host)
      writer.u64(keyedHash(writer.written, key: 2))
      writer.zeros(writer.room)
      count = writer.count
    }
  }

  func adoptRevocation(_ revocation: UnsafeRawBufferPointer) -> (RevocationVerdict, HostID?) {
    var reader = Reader(revocation)
    guard let host = try? reader.hostID(), revocation.elementsEqual(TestSigner.revocation(of: host)) else {
      return (.refused, nil)
    }
    return (revoked.insert(host).inserted ? .adopted : .known, host)
  }

  func isRevoked(_ host: HostID) -> Bool { revoked.contains(host) }

  func writeRevocation(of host: HostID, into writer: inout Writer) -> Bool {
    guard revoked.contains(host) else { return false }
    writer.append(TestSigner.revocation(of: host))
    return true
  }
}

func keyedHash(_ bytes: UnsafeRawBufferPointer, key: UInt64) -> UInt64 {
  var state = mix64(key &+ 0x6d65_7368)
  for byte in bytes { state = mix64(state ^ UInt64(byte)) }
  return state
}
