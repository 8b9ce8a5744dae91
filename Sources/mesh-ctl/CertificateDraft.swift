import ArgumentParser
import Configuration
import Control
import SecureChannel
import Wire

/// What the operator says about a host, before it is signed.
struct CertificateDraft {
  var key: HostKey
  var name: String
  var roles: Roles
  var trustClass: UInt8
  /// Seconds.
  var lifetime: UInt64
  var capacity: UInt16 = 0
  var contributor: UInt32 = 0
  var addresses: [CertifiedAddress] = []
  /// Kept at a renewal, so that the host keeps its place on the ring.
  var ringSeed: [UInt8]?

  init(key: HostKey, name: String, roles: Roles, trustClass: UInt8, lifetime: UInt64) {
    self.key = key
    self.name = name
    self.roles = roles
    self.trustClass = trustClass
    self.lifetime = lifetime
  }

  /// The same statement again, for a later time.
  init(renewing old: Certificate, lifetime: UInt64) {
    self.init(key: old.key, name: old.name, roles: old.roles, trustClass: old.trustClass, lifetime: lifetime)
    capacity = old.capacity
    contributor = old.contributor
    addresses = old.addresses
    ringSeed = old.ringSeed
  }

  func certificate(
    of network: Network, by signer: OperatorSigner, _ keyring: Keyring, now: Timestamp
  ) throws(Fault) -> Certificate {
    var seed = ringSeed ?? [UInt8](repeating: 0, count: 16)
    if ringSeed == nil { seed.withUnsafeMutableBytes { keyring.entropy.fill($0) } }
    var request = CertificateRequest(
      network: network.id, serial: keyring.serial(), notBefore: now.seconds, notAfter: now.seconds + lifetime,
      roles: roles, trustClass: trustClass, ringSeed: seed, key: key, name: name)
    request.capacity = capacity
    request.contributor = contributor
    request.addresses = addresses
    do throws(CertificateRefusal) {
      return try request.signed(by: signer)
    } catch {
      throw Fault(.requestDamaged, ["reason": error.cause])
    }
  }
}

extension Certificate {
  var shown: HostName { HostName(id: hostID.description, name: name) }
}

extension BootstrapPeer {
  init(_ name: String?, _ endpoint: Endpoint, _ key: HostKey) {
    self.init(
      name: name ?? key.hostID.description, host: endpoint.addressText, port: endpoint.port,
      publicKey: key.exchange + key.signing)
  }
}

/// `192.0.2.7:7000`
struct EndpointArgument: ExpressibleByArgument {
  var endpoint: Endpoint

  init?(argument: String) {
    guard let endpoint = Endpoint(argument), endpoint.port != 0, endpoint.reach != .unusable else { return nil }
    self.endpoint = endpoint
  }
}
