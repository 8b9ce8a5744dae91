package import Gossip
package import SecureChannel
package import Wire

/// Everything that can happen to a node. Bytes are valid during the call only.
package enum NodeInput {
  /// One UDP datagram; opened in place.
  case datagram(UnsafeMutableRawBufferPointer, from: Endpoint)
  case deadline(Timer)
  /// The loop was late by so many nanoseconds (>= 250 ms).
  case stall(UInt64)

  case accepted(ConnectionID, from: Endpoint)
  case connected(ConnectionID)
  case received(ConnectionID, UnsafeRawBufferPointer)
  case drained(ConnectionID)
  case closed(ConnectionID)

  case persisted(token: UInt64)
  case persistFailed(token: UInt64)

  case command(NodeCommand)
}

package enum NodeCommand {
  /// Begin a life and join through these peers; with none the host is alone until somebody joins it.
  case start(peers: [KnownPeer])
  /// Further peers, e.g. after names were looked up again.
  case introduce([KnownPeer])
  /// Say goodbye; the event `.membership(.leaveFinished)` follows.
  case leave
  case setLoad(LoadRecord)
  /// The endpoint to advertise, when the configuration names one.
  case setEndpoint(Endpoint)
  /// An operator's revocation.
  case revoke([UInt8])
  /// Asks a host with whom a session stands for its wall clock, in datagrams of full size;
  /// `.channel(.surveyed)` follows when they pass.
  case survey(HostID)
  /// A renewed certificate (320 bytes) for this host or, when it is another's, to be brought to it.
  case renew([UInt8])
}

/// A peer that can be reached without asking anybody: its keys and where it was last.
package struct KnownPeer: Hashable, Sendable {
  package var key: HostKey
  package var host: HostID
  package var endpoint: Endpoint

  package init(key: HostKey, host: HostID, endpoint: Endpoint) {
    self.key = key
    self.host = host
    self.endpoint = endpoint
  }
}
