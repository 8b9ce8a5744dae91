import CSodium
import Hashing
package import Wire

/// Whether two public keys are fit for use. The operator asks it before signing, everybody else before the signature.
enum PublicKeyCheck {
  /// False for keys that are zero, of small order, or a second encoding of another key.
  static func isUsable(_ key: HostKey) -> Bool {
    isCanonicalExchangeKey(key.exchange) && !isOfSmallOrder(key.exchange)
      && crypto_core_ed25519_is_valid_point(key.signing) == 1
  }

  /// Below 2^255 − 19. X25519 itself takes larger ones and reduces them, which would give one key two names.
  private static func isCanonicalExchangeKey(_ key: [UInt8]) -> Bool {
    guard key.count == 32, let first = key.first, let last = key.last, last & 0x80 == 0 else { return false }
    let isTop = last == 0x7f && key.dropFirst().dropLast().allSatisfy { $0 == 0xff }
    return !isTop || first < 0xed
  }

  /// X25519 clamps scalars to multiples of 8, so any scalar takes a point of small order to zero, and libsodium says so.
  private static func isOfSmallOrder(_ key: [UInt8]) -> Bool {
    let scalar = [UInt8](repeating: 1, count: 32)
    var product = [UInt8](repeating: 0, count: 32)
    return crypto_scalarmult(&product, scalar, key) != 0
  }
}

/// Decides on certificates for one network. Results that never change are cached by the hash of the 320 bytes;
/// the clock and revocations are asked again each time.
package final class CertificateVerifier {
  /// Certificates whose result is remembered (`security.md` 3.2).
  package static let cacheLimit = 1_024

  private enum Outcome {
    case good(Certificate)
    case refused(CertificateRefusal)
  }

  private let network: NetworkID
  private let operators: [OperatorKey]
  private var outcomes = RecentCache<Digest, Outcome>(limit: CertificateVerifier.cacheLimit)
  /// Signatures that were really checked.
  package private(set) var signatureChecks: UInt64 = 0

  package init(network: NetworkID, operators: [OperatorKey]) {
    self.network = network
    self.operators = operators
  }

  /// The certificate, if it is good at `wallSeconds`. The cheap checks come first, the signature last.
  package func verify(
    _ bytes: UnsafeRawBufferPointer, at wallSeconds: UInt64, isRevoked: (Certificate) -> Bool
  ) throws(CertificateRefusal) -> Certificate {
    guard bytes.count == Certificate.size else { throw .length }
    let digest = Digest(of: bytes)
    switch outcomes.value(of: digest) {
    case .good(let certificate):
      try checkWhatChanges(certificate, wallSeconds, isRevoked)
      return certificate
    case .refused(let refusal):
      throw refusal
    case nil:
      break
    }
    let certificate = try Certificate(bytes)
    guard certificate.network == network else { throw .otherNetwork }
    let signers = operators.filter { $0.id == certificate.operatorKeyID }
    guard !signers.isEmpty else { throw .unknownOperator }
    try checkWhatChanges(certificate, wallSeconds, isRevoked)
    do throws(CertificateRefusal) {
      guard PublicKeyCheck.isUsable(certificate.key) else { throw .weakKey }
      signatureChecks &+= 1
      let signed = UnsafeRawBufferPointer(rebasing: bytes[..<Certificate.signedSize])
      let isSigned = signers.contains { $0.verify(certificate.signature, domain: Certificate.domain, signed) }
      guard isSigned else { throw .signature }
    } catch {
      outcomes.insert(.refused(error), for: digest)
      throw error
    }
    outcomes.insert(.good(certificate), for: digest)
    return certificate
  }

  private func checkWhatChanges(
    _ certificate: Certificate, _ wallSeconds: UInt64, _ isRevoked: (Certificate) -> Bool
  ) throws(CertificateRefusal) {
    try certificate.checkWindow(at: wallSeconds)
    if isRevoked(certificate) { throw .revoked }
  }
}

extension Certificate {
  /// Whether `wallSeconds` lies in the certificate's time, give or take `clockSkew`.
  package func checkWindow(at wallSeconds: UInt64) throws(CertificateRefusal) {
    let (early, earlyOverflow) = wallSeconds.addingReportingOverflow(Certificate.clockSkew)
    if !earlyOverflow && early < notBefore { throw .notYetValid }
    let (end, endOverflow) = notAfter.addingReportingOverflow(Certificate.clockSkew)
    if !endOverflow && wallSeconds > end { throw .expired }
  }
}
