package import Wire

/// Everything that can happen to the membership of one host. Bytes are valid during the call only.
package enum MembershipInput {
  /// A gossip message; the session says who sent it and whence.
  case message(UnsafeRawBufferPointer, from: HostID, at: Endpoint)
  case deadline(Timer)
  /// The loop was late by so many nanoseconds (>= 250 ms).
  case stall(UInt64)
  case command(MembershipCommand)
  /// A whole roster that a peer sent as a transfer.
  case roster(UnsafeRawBufferPointer, from: HostID)
  /// The write that `MembershipEffects.persists` asked for is durable.
  case persisted(token: UInt64)
  case persistFailed(token: UInt64)
}

package enum MembershipCommand {
  /// Begin a life: persist the generation, then join through these peers (bootstrap list and peer book, best first).
  /// With no peers the host is alone until somebody joins it.
  case start(peers: [Peer])
  /// Further peers to join through, e.g. after names were looked up again.
  case introduce([Peer])
  /// This host is at another address than before and has proven it: it is told, because it may not know.
  case peerMoved(Peer)
  /// Say goodbye; `.left` follows when the drain is over.
  case leave
  case setLoad(LoadRecord)
  /// Our own metadata changed (a renewed certificate, another configuration); the signer holds the new version already.
  case metadataChanged(version: UInt64)
  /// The endpoint to advertise, when the configuration names one.
  case setEndpoint(Endpoint)
  /// An operator's revocation, from `mesh-ctl`.
  case revoke([UInt8])
}

/// A way into the mesh.
package struct Peer: Hashable, Sendable {
  package var host: HostID
  package var endpoint: Endpoint

  package init(host: HostID, endpoint: Endpoint) {
    self.host = host
    self.endpoint = endpoint
  }
}
