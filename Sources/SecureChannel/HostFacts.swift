import Hashing
import Wire

/// What a host states about its own build and configuration, so that `doctor` can show who runs something else.
package struct HostFacts: Hashable, Sendable {
  package static let size = 32
  /// 16 bytes of BLAKE2b over the effective configuration.
  package let configuration: [UInt8]
  /// 16 bytes of BLAKE2b over the program.
  package let build: [UInt8]

  /// `nil` unless both have 16 bytes.
  package init?(configuration: [UInt8], build: [UInt8]) {
    guard configuration.count == 16, build.count == 16 else { return nil }
    self.configuration = configuration
    self.build = build
  }
}

/// A host's metadata in gossip, 416 bytes: certificate 320, facts 32, signature 64.
///
/// The host signs "mesh-facts/1" ‖ network id (u64) ‖ metadata version (u64) ‖ BLAKE2b-256 of the certificate ‖ facts.
/// The version is not among the 416 bytes because every self-record carries it; signing it here keeps a forwarder from
/// passing off old facts as new ones, and the certificate's hash ties the facts to the certificate they came with.
package struct HostMetadata {
  package static let size = Certificate.size + HostFacts.size + Signature.size
  package static let domain: StaticString = "mesh-facts/1"

  let certificate: UnsafeRawBufferPointer
  let facts: HostFacts
  let signature: Signature

  init(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    var reader = Reader(bytes)
    certificate = try reader.take(Certificate.size)
    let configuration = [UInt8](try reader.take(16))
    let build = [UInt8](try reader.take(16))
    guard let facts = HostFacts(configuration: configuration, build: build) else { throw .invalid }
    self.facts = facts
    signature = try reader.signature()
    try reader.expectEnd()
  }

  static func withSignedText<R>(
    network: NetworkID, version: UInt64, certificate: Digest, facts: HostFacts,
    _ body: (UnsafeRawBufferPointer) -> R
  ) -> R {
    withUnsafeTemporaryAllocation(byteCount: 128, alignment: 16) { buffer in
      var writer = Writer(buffer)
      writer.u64(network.rawValue)
      writer.u64(version)
      certificate.withBytes { writer.append($0) }
      writer.append(facts.configuration)
      writer.append(facts.build)
      return SignedText.with(domain: domain, writer.written, body: body)
    }
  }
}
