import Gossip
import NodeCore
package import SecureChannel
import Wire

package typealias SecureSimulation = Simulation<SecureChannel.Channel>

extension Simulation where Channel == SecureChannel.Channel {
  /// A world whose nodes talk over the real secure channel, with real signatures: for up to about 32 nodes.
  package convenience init?(secure settings: WorldSettings) {
    let total = settings.hosts + settings.spares
    guard
      let secure = SecureDirectory(
        count: total, contributors: settings.contributors, seed: mix64(settings.seed ^ 0x6b65_7973))
    else { return nil }
    self.init(settings, directory: secure.directory, revocation: secure.revocation) { birth in
      secureNode(birth, secure)
    }
  }
}

/// The real core of a node with the real channel.
private func secureNode(_ birth: Birth, _ secure: SecureDirectory) -> Node<SecureChannel.Channel> {
  let identity = secure.identities[birth.identity]
  let certificate = secure.certificates[birth.identity]
  let roster = Roster(network: secure.network, identity: identity)
  guard
    let facts = HostFacts(
      configuration: [UInt8](repeating: 1, count: 16), build: [UInt8](repeating: 2, count: 16)),
    let channel = SecureChannel.Channel(
      roster: roster, certificate: certificate, arena: secure.arena, entropy: SeededEntropy(seed: mix64(birth.seed)),
      seed: birth.seed, bootID: mix64(birth.seed &+ 2), labelFloor: birth.disk.labelFloor,
      settings: ChannelSettings(port: birth.endpoint.port, reaches: .privateRange))
  else { preconditionFailure("the memory for secrets of a simulated world is full") }
  let signer = RosterSigner(
    roster: roster, certificate: certificate, facts: facts,
    version: RosterSigner.firstVersion(after: birth.disk.generation ?? 0, at: birth.now, draw: mix64(birth.seed &+ 3)))
  let membership = Membership(
    host: identity.hostID, roles: .host, settings: birth.profile.membership, signer: signer,
    persistedGeneration: birth.disk.generation ?? 0, seed: mix64(birth.seed &+ 1))
  return Node(membershipOnly: channel, membership, seed: mix64(birth.seed &+ 3), now: birth.now, renewal: signer)
}
