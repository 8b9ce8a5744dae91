import Gossip
import MapShard
import NodeCore
package import SecureChannel
import Wire
import WorldData

package typealias SecureSimulation = Simulation<SecureChannel.Channel>

extension Simulation where Channel == SecureChannel.Channel {
  /// A world whose nodes talk over the real secure channel, with real signatures: for up to about 32 nodes.
  package convenience init?(secure settings: WorldSettings) {
    let total = settings.hosts + settings.spares
    guard
      let secure = SecureDirectory(
        count: total, contributors: settings.contributors, seed: mix64(settings.seed ^ 0x6b65_7973))
    else { return nil }
    var whole: WholeMesh?
    if let wanted = settings.whole {
      guard
        let made = WholeMesh(
          wanted, hosts: secure.directory.identities.map(\.host), network: secure.network.id, signer: secure.signer,
          seed: mix64(settings.seed ^ 0x7768_6f6c))
      else { return nil }
      whole = made
    }
    self.init(settings, directory: secure.directory, revocation: secure.revocation, whole: whole) { birth in
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
  if let whole = birth.whole { return wholeNode(birth, whole, secure, channel, membership, signer) }
  return Node(membershipOnly: channel, membership, seed: mix64(birth.seed &+ 3), now: birth.now, renewal: signer)
}

/// The same with everything that a host's disk holds: its log, its worlds.
private func wholeNode(
  _ birth: Birth, _ whole: WholeBirth, _ secure: SecureDirectory, _ channel: SecureChannel.Channel,
  _ membership: Membership, _ signer: RosterSigner
) -> Node<SecureChannel.Channel> {
  var lifeNumber = mix64(birth.seed &+ 2)
  if birth.sabotage.joints.contains(.livesNotTold) { lifeNumber = membership.host.rawValue }
  let life = Life(rawValue: lifeNumber)
  let shards = ShardHost(
    me: Member(host: membership.host, life: life), store: whole.log.store, settings: whole.core, signer: signer,
    seed: mix64(birth.seed &+ 4), recovered: whole.recovered.shards, now: birth.now)
  let operators = secure.network.operators
  var worlds = WorldStore(network: secure.network.id) { key, signature, body in
    operators.first { $0.id == key }?.verify(signature, domain: SignedWorld.domain, body) ?? false
  }
  let refused = whole.store.recover(into: &worlds)
  precondition(refused == 0, "a document that was taken once is refused")
  var node = Node(
    channel: channel, membership: membership, shards: shards,
    store: NodeStore(
      whole.log, entropy: SeededEntropy(seed: mix64(birth.seed &+ 5)), recovered: whole.recovered, now: birth.now),
    worlds: WorldSync(store: worlds, seed: mix64(birth.seed &+ 6)), seed: mix64(birth.seed &+ 3), renewal: signer,
    hosts: signer)
  #if MESH_PLANTED_BUGS
    node.planted = birth.sabotage.joints
  #endif
  return node
}
