import SecureChannel
import Wire

/// A small network with fixed keys, made once per process: what decoders need around them.
struct FuzzWorld: @unchecked Sendable {
  static let shared = FuzzWorld()
  static let wall: UInt64 = 1_800_000_000_000_000_000

  let arena: SecretArena
  let signer: OperatorSigner
  let network: Network
  let own: Identity
  let other: Identity
  let third: Identity
  let certificate: Certificate
  let otherCertificate: Certificate
  let thirdCertificate: Certificate

  private init() {
    let entropy = FixedEntropy(seed: 7)
    guard let arena = SecretArena(), let signer = OperatorSigner(arena: arena, entropy: entropy),
      let secret = Network.newSecret(arena: arena, entropy: entropy),
      let network = Network(name: "fuzz", operators: [signer.key], secret: secret),
      let own = Identity(arena: arena, entropy: entropy), let other = Identity(arena: arena, entropy: entropy),
      let third = Identity(arena: arena, entropy: entropy),
      let certificate = try? FuzzWorld.request(own, "own", network, entropy).signed(by: signer),
      let otherCertificate = try? FuzzWorld.request(other, "other", network, entropy).signed(by: signer),
      let thirdCertificate = try? FuzzWorld.request(third, "third", network, entropy).signed(by: signer)
    else { preconditionFailure("the fuzz network could not be made") }
    self.arena = arena
    self.signer = signer
    self.network = network
    self.own = own
    self.other = other
    self.third = third
    self.certificate = certificate
    self.otherCertificate = otherCertificate
    self.thirdCertificate = thirdCertificate
  }

  private static func request(
    _ identity: Identity, _ name: String, _ network: Network, _ entropy: FixedEntropy
  ) -> CertificateRequest {
    let seconds = wall / 1_000_000_000
    return CertificateRequest(
      network: network.id, serial: entropy.u64() | 1, notBefore: seconds - 60, notAfter: seconds + 86_400,
      roles: .host, trustClass: 0, ringSeed: [UInt8](repeating: 7, count: Certificate.ringSeedSize),
      key: identity.key, name: name)
  }

  var now: Now { Now(monotonic: 1_000_000_000, wall: FuzzWorld.wall) }
  var roster: Roster { Roster(network: network, identity: own) }
  static let ownEndpoint = Endpoint(ipv4: 0x7f00_0001, port: 7000)
  static let peerEndpoint = Endpoint(ipv4: 0x7f00_0001, port: 7001)
  static let thirdEndpoint = Endpoint(ipv4: 0x7f00_0001, port: 7002)

  /// The channel under test, which knows the other host.
  func channel() -> Channel { makeChannel(own, certificate, knowing: otherCertificate) }

  /// The other host's, for valid inputs.
  func otherChannel() -> Channel { makeChannel(other, otherCertificate, knowing: certificate) }

  private func makeChannel(_ identity: Identity, _ certificate: Certificate, knowing peer: Certificate) -> Channel {
    let roster = Roster(network: network, identity: identity)
    _ = roster.adopt(peer)
    guard
      let channel = Channel(
        roster: roster, certificate: certificate, arena: arena, entropy: FixedEntropy(seed: 9), seed: 1, bootID: 1,
        labelFloor: 0, settings: ChannelSettings(port: 7000, reaches: .loopback))
    else { preconditionFailure("no channel") }
    return channel
  }
}

/// Repeatable "secrets".
final class FixedEntropy: Entropy {
  private var chance: Chance
  init(seed: UInt64) { chance = Chance(seed: seed) }
  func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: chance.next() >> 32) }
  }
}
