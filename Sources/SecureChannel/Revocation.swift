package import Wire

/// Why the operator expelled a key. Others may come; an unknown reason changes nothing about the effect.
package struct RevocationReason: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  package static let unspecified = RevocationReason(rawValue: 0)
  package static let keyStolen = RevocationReason(rawValue: 1)
  package static let misbehaviour = RevocationReason(rawValue: 2)
  package static let retired = RevocationReason(rawValue: 3)

  package var description: String {
    switch self {
    case .unspecified: "unspecified"
    case .keyStolen: "key-stolen"
    case .misbehaviour: "misbehaviour"
    case .retired: "retired"
    default: "reason-\(rawValue)"
    }
  }
}

/// The operator's last word about a host: final for that key. 136 bytes:
///
/// | offset | size | field |
/// |---|---|---|
/// | 0 | 4 | magic "MR1\0" |
/// | 4 | 4 | operator key id |
/// | 8 | 8 | network id |
/// | 16 | 8 | host id |
/// | 24 | 32 | X25519 public key |
/// | 56 | 8 | issued (Unix seconds) |
/// | 64 | 1 + 7 | reason, zero |
/// | 72 | 64 | Ed25519 over "mesh-revoke/1" ‖ bytes 0..71 |
///
/// It names the key, never the hash of a certificate: a certificate could be encoded anew (`security.md` 0, D3).
package struct Revocation: Hashable, Sendable {
  package static let size = 136
  package static let signedSize = 72
  package static let domain: StaticString = "mesh-revoke/1"
  /// "MR1\0"
  package static let magic: UInt32 = 0x0031_524d

  package let operatorKeyID: UInt32
  package let network: NetworkID
  package let hostID: HostID
  package let exchange: [UInt8]
  package let issued: UInt64
  package let reason: RevocationReason
  package let signature: Signature

  /// The operator revokes a host.
  package init(
    of key: HostKey, in network: NetworkID, reason: RevocationReason, issued: UInt64, by signer: OperatorSigner
  ) {
    operatorKeyID = signer.key.id
    self.network = network
    hostID = key.hostID
    exchange = key.exchange
    self.issued = issued
    self.reason = reason
    var unsigned = [UInt8](repeating: 0, count: Revocation.signedSize)
    let header = (signer.key.id, network, key, issued, reason)
    signature = unsigned.withUnsafeMutableBytes { buffer in
      var writer = Writer(buffer)
      Revocation.writeFields(
        to: &writer, operatorKeyID: header.0, network: header.1, hostID: header.2.hostID,
        exchange: header.2.exchange, issued: header.3, reason: header.4)
      return signer.sign(domain: Revocation.domain, writer.written)
    }
  }

  /// Reads the layout; the signature is not checked yet.
  package init(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    var reader = Reader(bytes)
    guard try reader.u32() == Revocation.magic else { throw .invalid }
    operatorKeyID = try reader.u32()
    network = NetworkID(rawValue: try reader.u64())
    hostID = try reader.hostID()
    exchange = [UInt8](try reader.take(32))
    issued = try reader.u64()
    reason = RevocationReason(rawValue: try reader.u8())
    guard try reader.take(7).allSatisfy({ $0 == 0 }) else { throw .invalid }
    signature = try reader.signature()
    try reader.expectEnd()
  }

  /// True when one of these operators of this network has signed it.
  package func isSigned(by operators: [OperatorKey], of network: NetworkID) -> Bool {
    guard self.network == network else { return false }
    return withSignedBytes { signed in
      operators.contains { $0.id == operatorKeyID && $0.verify(signature, domain: Revocation.domain, signed) }
    }
  }

  package func write(to writer: inout Writer) {
    withSignedBytes { writer.append($0) }
    writer.signature(signature)
  }

  private func withSignedBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    withUnsafeTemporaryAllocation(byteCount: Revocation.signedSize, alignment: 16) { buffer in
      var writer = Writer(buffer)
      Revocation.writeFields(
        to: &writer, operatorKeyID: operatorKeyID, network: network, hostID: hostID, exchange: exchange,
        issued: issued, reason: reason)
      return body(writer.written)
    }
  }

  private static func writeFields(
    to writer: inout Writer, operatorKeyID: UInt32, network: NetworkID, hostID: HostID, exchange: [UInt8],
    issued: UInt64, reason: RevocationReason
  ) {
    writer.u32(magic)
    writer.u32(operatorKeyID)
    writer.u64(network.rawValue)
    writer.hostID(hostID)
    writer.append(exchange)
    writer.u64(issued)
    writer.u8(reason.rawValue)
    writer.zeros(7)
  }
}
