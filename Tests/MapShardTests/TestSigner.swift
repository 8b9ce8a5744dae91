import Hashing
import MapShard
import Wire

/// Signatures of a test: a hash keyed with the signer's name. The operator is host 0.
struct TestSigner: RegisterSigner {
  let host: HostID

  static let operatorKey = HostID(rawValue: 0)

  static func sign(_ bytes: UnsafeRawBufferPointer, as host: HostID) -> Signature {
    var running = Blake2b()
    running.update(host.rawValue)
    running.update(bytes)
    let hash = running.finish()
    return Signature { target in for (place, byte) in hash.enumerated() { target[place] = byte } }
  }

  func sign(_ bytes: UnsafeRawBufferPointer) -> Signature { TestSigner.sign(bytes, as: host) }

  func verify(_ signature: Signature, over bytes: UnsafeRawBufferPointer, by host: HostID) -> SignatureVerdict {
    TestSigner.sign(bytes, as: host) == signature ? .valid : .invalid
  }

  func verifyOperator(_ signature: Signature, over bytes: UnsafeRawBufferPointer) -> Bool {
    TestSigner.sign(bytes, as: TestSigner.operatorKey) == signature
  }
}
