import Gossip
import NodeCore
import Wire

/// The real core of a node, with the channel model and the simulated signer around it.
func simulatedNode(_ birth: Birth) -> Node<ChannelModel> {
  let signer = SimulatedSigner(directory: birth.directory, own: birth.identity, version: UInt64(birth.life))
  var channel = ChannelModel(
    directory: birth.directory, roster: signer, own: birth.identity, boot: birth.seed,
    labelFloor: birth.disk.labelFloor, seed: mix64(birth.seed))
  for session in birth.warmSessions { channel.adopt(session, now: birth.now) }
  var settings = birth.profile.membership
  #if MESH_PLANTED_BUGS
    settings.planted = birth.sabotage.gossip
  #endif
  let membership = Membership(
    host: birth.directory.identities[birth.identity].host, roles: .host, settings: settings,
    signer: signer,
    persistedGeneration: birth.disk.generation ?? 0, seed: mix64(birth.seed &+ 1))
  return Node(membershipOnly: channel, membership, seed: mix64(birth.seed &+ 3), now: birth.now)
}
