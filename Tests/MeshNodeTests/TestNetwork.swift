import Configuration
import Control
import KeyStore
import MeshLab
import SecureChannel
import Wire

/// A network made without its operator's passphrase, whose key derivation would take a second each time.
final class TestNetwork {
  let arena: SecretArena
  let entropy: SodiumEntropy
  let signer: OperatorSigner
  let network: Network

  init() throws {
    guard let arena = SecretArena(), let entropy = SodiumEntropy(),
      let signer = OperatorSigner(arena: arena, entropy: entropy),
      let secret = Network.newSecret(arena: arena, entropy: entropy),
      let network = Network(name: "test", operators: [signer.key], secret: secret)
    else { throw LabError("no memory for keys") }
    self.arena = arena
    self.entropy = entropy
    self.signer = signer
    self.network = network
  }

  /// Writes the keys of a new host into `folder`/keys; `peers` is its bootstrap list.
  @discardableResult
  func admit(
    _ name: String, into folder: String, from start: UInt64, lifetime: UInt64 = 7 * 86_400, roles: Roles = [.host],
    peers: [BootstrapPeer] = []
  ) throws -> HostKey {
    guard let identity = Identity(arena: arena, entropy: entropy) else { throw LabError("no memory for keys") }
    let files = KeyFiles(NodeFolder(folder), arena: arena)
    try files.save(identity)
    try files.save(certificate(for: identity.key, name, from: start, lifetime: lifetime, roles: roles))
    try files.save(peers)
    try files.save(network, replacing: .never)
    return identity.key
  }

  func certificate(
    for key: HostKey, _ name: String, from start: UInt64, lifetime: UInt64 = 7 * 86_400, roles: Roles = [.host]
  ) throws -> Certificate {
    try CertificateRequest(
      network: network.id, serial: entropy.u64() | 1, notBefore: start, notAfter: start + lifetime, roles: roles,
      trustClass: 0, ringSeed: [UInt8](repeating: 7, count: 16), key: key, name: name
    ).signed(by: signer)
  }
}
