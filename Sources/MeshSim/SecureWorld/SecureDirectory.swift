import SecureChannel
import Wire

/// Real keys and certificates for the hosts of a small world, all from one seed.
package final class SecureDirectory {
  let arena: SecretArena
  let network: Network
  let signer: OperatorSigner
  let identities: [Identity]
  let certificates: [Certificate]
  /// The same hosts as the world numbers them.
  package let directory: HostDirectory

  /// `nil` when libsodium or the memory for secrets fails.
  package init?(count: Int, contributors: Int, seed: UInt64) {
    let entropy = SeededEntropy(seed: seed)
    // 4 MiB: all nodes of a world share one arena.
    guard let arena = SecretArena(regionLimit: 64), let signer = OperatorSigner(arena: arena, entropy: entropy),
      let secret = Network.newSecret(arena: arena, entropy: entropy),
      let network = Network(name: "simulated", operators: [signer.key], secret: secret)
    else { return nil }
    var identities: [Identity] = []
    var certificates: [Certificate] = []
    var hosts: [HostDirectory.Identity] = []
    for number in 0..<count {
      guard let identity = Identity(arena: arena, entropy: entropy) else { return nil }
      let contributor = contributors == 0 ? 0 : UInt32(number % contributors + 1)
      let begins = HostClock.worldBegins / 1_000_000_000
      var request = CertificateRequest(
        network: network.id, serial: entropy.u64() | 1, notBefore: begins - 86_400, notAfter: begins + 89 * 86_400,
        roles: .host, trustClass: 1, ringSeed: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 16),
        key: identity.key, name: "sim-\(number)")
      request.contributor = contributor
      guard let certificate = try? request.signed(by: signer) else { return nil }
      identities.append(identity)
      certificates.append(certificate)
      hosts.append(HostDirectory.Identity(host: identity.hostID, key: identity.key, contributor: contributor))
    }
    self.arena = arena
    self.network = network
    self.signer = signer
    self.identities = identities
    self.certificates = certificates
    directory = HostDirectory(hosts)
  }

  /// The operator's revocation of a host.
  func revocation(of number: Int) -> [UInt8] {
    let revocation = Revocation(
      of: identities[number].key, in: network.id, reason: .unspecified,
      issued: HostClock.worldBegins / 1_000_000_000, by: signer)
    return [UInt8](unsafeUninitializedCapacity: Revocation.size) { bytes, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(bytes))
      revocation.write(to: &writer)
      count = writer.count
    }
  }
}

/// Repeatable "secrets".
final class SeededEntropy: Entropy {
  private var chance: Chance

  init(seed: UInt64) { chance = Chance(seed: seed) }

  func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    for offset in bytes.indices { bytes[offset] = UInt8(truncatingIfNeeded: chance.next() >> 32) }
  }
}
