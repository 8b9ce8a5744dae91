import Gossip
package import SecureChannel
package import Wire

/// Judges and takes over renewed certificates of this host; the roster does it in a node.
package protocol CertificateRenewal: AnyObject {
  /// Which host a certificate of our network is for; `nil` when it is not valid now.
  func subject(of certificate: [UInt8], at wall: UInt64) -> HostID?
  /// Whether it begins later than the one that this host uses.
  func isNewer(_ certificate: [UInt8], at wall: UInt64) -> Bool
  /// Makes a later certificate for our own keys ours; `nil` when it is not valid or not later.
  func adoptOwn(_ certificate: [UInt8], at wall: UInt64) -> (certificate: Certificate, version: UInt64)?
}

/// The joint that brings renewed certificates to their hosts (DESIGN 4.2).
extension Node {
  /// From the operator: for ourselves, or a transfer to its host.
  mutating func bring(_ certificate: [UInt8], now: Now, into effects: inout NodeEffects) {
    guard let renewal, let subject = renewal.subject(of: certificate, at: now.wall) else {
      effects.events.append(.certificateRefused(from: nil, "it is not valid for this network now"))
      return
    }
    if subject == membership.host {
      adopt(certificate, from: nil, now: now, into: &effects)
    } else {
      transfer(.certificate, certificate, to: subject, now: now, into: &effects)
    }
  }

  /// A certificate that came for us. It is used once it is durable, so that a restart cannot bring back the older one
  /// after peers saw the newer.
  mutating func adopt(_ certificate: [UInt8], from host: HostID?, now: Now, into effects: inout NodeEffects) {
    guard let renewal, renewal.subject(of: certificate, at: now.wall) == membership.host else {
      effects.events.append(.certificateRefused(from: host, "it is not for this host, or not valid now"))
      return
    }
    guard renewal.isNewer(certificate, at: now.wall) else {
      effects.events.append(.certificateRefused(from: host, "the one in use begins as late or later"))
      return
    }
    keepCertificate(certificate, into: &effects)
  }

  mutating func useRenewed(_ certificate: [UInt8], now: Now, into effects: inout NodeEffects) {
    // Not newer any more: another renewal was adopted while this one was being written.
    guard let adopted = renewal?.adoptOwn(certificate, at: now.wall) else { return }
    channel.handle(.command(.adopt(adopted.certificate)), now: now, into: &effects.channel)
    membership.handle(.command(.metadataChanged(version: adopted.version)), now: now, into: &effects.membership)
    effects.events.append(.certificateRenewed(notAfter: adopted.certificate.notAfter))
  }
}
