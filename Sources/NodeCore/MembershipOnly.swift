package import Gossip
import MapShard
package import Wire
import WorldData

extension Node {
  /// A node that takes part in membership only: no store, no world, no shards. Simulations of membership, measurements of
  /// it and tests of its joints are made of these.
  package init(
    membershipOnly channel: Channel, _ membership: Membership, seed: UInt64, now: Now,
    renewal: (any CertificateRenewal)? = nil
  ) {
    let shards = ShardHost(
      me: MapShard.Member(host: membership.host, life: Life(rawValue: seed)), store: seed, settings: .lan,
      signer: NoRegister(), seed: seed, recovered: RecoveredShards(), now: now)
    let worlds = WorldSync(store: WorldStore(network: NetworkID(rawValue: 0)) { _, _, _ in false }, seed: seed)
    self.init(
      channel: channel, membership: membership, shards: shards, store: .none, worlds: worlds, seed: seed,
      renewal: renewal)
  }
}

/// Signs nothing and believes nothing.
private struct NoRegister: RegisterSigner {
  func sign(_ bytes: UnsafeRawBufferPointer) -> Signature { Signature() }
  func verify(_ signature: Signature, over bytes: UnsafeRawBufferPointer, by host: HostID) -> SignatureVerdict {
    .invalid
  }
  func verifyOperator(_ signature: Signature, over bytes: UnsafeRawBufferPointer) -> Bool { false }
}
