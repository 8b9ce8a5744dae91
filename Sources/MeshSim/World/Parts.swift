import MapShard
import NodeCore
import SecureChannel
import Wire
import WorldData

/// The parts of a node that worlds about membership do not use: no store, no world, no shards.
struct IdleParts {
  let shards: ShardHost
  let worlds: WorldSync

  init(host: HostID, life: UInt64, seed: UInt64, now: Now) {
    shards = ShardHost(
      me: MapShard.Member(host: host, life: Life(rawValue: life)), store: seed, settings: .lan, signer: NoRegister(),
      seed: seed, recovered: RecoveredShards(), now: now)
    worlds = WorldSync(
      store: WorldStore(network: NetworkID(rawValue: 0)) { _, _, _ in false }, seed: seed)
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
