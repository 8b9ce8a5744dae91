package import Wire

/// What is signed; the domain separates uses of one key (DESIGN 5.1).
package enum RecordDomain: Sendable {
  /// "mesh-self/1": a host about itself (alive or left).
  case selfRecord
  /// "mesh-accuse/1": a host about another that does not answer.
  case accusation
}

package enum RecordVerdict: Sendable { case valid, invalid, unknownKey }

package enum MetadataVerdict: Sendable {
  /// New or newer: taken.
  case adopted
  /// Known already, or older than what is known.
  case known
  /// Not for this network, expired, forged, or of a revoked key.
  case refused
}

package enum RevocationVerdict: Sendable { case adopted, known, refused }

/// The keys behind gossip's records and the metadata that brings them. The secure channel's roster is behind it in a
/// node; large simulations use a keyed 64-bit hash. `verify` is called after every cheaper check (duplicates first).
package protocol RecordSigner: AnyObject {
  func sign(_ domain: RecordDomain, _ body: UnsafeRawBufferPointer) -> Signature
  func verify(_ signature: Signature, _ domain: RecordDomain, _ body: UnsafeRawBufferPointer, by host: HostID)
    -> RecordVerdict

  /// Takes a host's metadata {certificate 320, facts 32, signature 64} if it is good; `at` is wall time in ns.
  func adoptMetadata(_ metadata: UnsafeRawBufferPointer, version: UInt64, of host: HostID, at wall: UInt64)
    -> MetadataVerdict
  /// Appends the metadata of a host to `writer`; false when it is not known.
  func writeMetadata(of host: HostID, into writer: inout Writer) -> Bool
  /// The version of the metadata that is held; `nil` when none is. A process that begins later begins with a greater
  /// one: by it two processes with one key agree which of them is the younger.
  func metadataVersion(of host: HostID) -> UInt64?
  /// Forgets a host that is gone for good (its tombstone has expired).
  func forget(_ host: HostID)

  /// Whose machine a host is: 0 is the operator. Accusers of one contributor count once.
  func contributor(of host: HostID) -> UInt32

  /// Takes an operator's revocation if its signature is right. Final for that key.
  func adoptRevocation(_ revocation: UnsafeRawBufferPointer) -> (RevocationVerdict, HostID?)
  func isRevoked(_ host: HostID) -> Bool
  /// Appends the revocation of a host to `writer`; false when there is none.
  func writeRevocation(of host: HostID, into writer: inout Writer) -> Bool
}
