package import Wire

/// The keys behind the register. The secure channel's roster stands behind it in a node; simulations use a keyed hash.
package protocol RegisterSigner: Sendable {
  func sign(_ bytes: UnsafeRawBufferPointer) -> Signature
  func verify(_ signature: Signature, over bytes: UnsafeRawBufferPointer, by host: HostID) -> SignatureVerdict
  /// Whether the operator has signed these bytes.
  func verifyOperator(_ signature: Signature, over bytes: UnsafeRawBufferPointer) -> Bool
}

package enum SignatureVerdict: Sendable, Hashable { case valid, invalid, unknownKey }
