package import MapShard
package import Wire

/// Signatures of worlds: a keyed 64-bit hash in 64 bytes. Whoever is on the list can sign; nobody can sign for another.
package struct SimulatedSigner: RegisterSigner {
  private let me: HostID
  private let hosts: Set<HostID>

  /// Signs the operator's words.
  package static let operatorKey = HostID(rawValue: 0xffff_ffff_0000_0001)

  package init(me: HostID, hosts: [HostID]) {
    self.me = me
    self.hosts = Set(hosts)
  }

  package func sign(_ bytes: UnsafeRawBufferPointer) -> Signature { SimulatedSigner.signature(bytes, by: me) }

  package func verify(_ signature: Signature, over bytes: UnsafeRawBufferPointer, by host: HostID) -> SignatureVerdict {
    guard hosts.contains(host) else { return .unknownKey }
    return SimulatedSigner.signature(bytes, by: host) == signature ? .valid : .invalid
  }

  package func verifyOperator(_ signature: Signature, over bytes: UnsafeRawBufferPointer) -> Bool {
    SimulatedSigner.signature(bytes, by: SimulatedSigner.operatorKey) == signature
  }

  package static func signature(_ bytes: UnsafeRawBufferPointer, by host: HostID) -> Signature {
    let value = mix64(checksum(bytes) ^ mix64(host.rawValue))
    return Signature { $0.storeBytes(of: value, as: UInt64.self) }
  }
}
