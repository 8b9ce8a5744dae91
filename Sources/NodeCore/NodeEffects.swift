package import Gossip
package import SecureChannel
package import Wire

/// What one turn of a node wants done: filled by any number of `Node.handle` calls, carried out by the shell, then
/// emptied by `removeAll`.
package struct NodeEffects {
  /// Something to make durable; nothing that depends on it leaves before `.persisted(token)` comes in.
  package struct Persist: Sendable {
    package enum Content: Sendable {
      /// The life of this node, from membership (`gossip.md` 5.1).
      case generation(UInt64)
      /// The peers to join through after a restart.
      case peers([KnownPeer])
      case revocation([UInt8])
      /// Floor of our handshake labels.
      case labelFloor(UInt64)
      /// Our own renewed certificate.
      case certificate([UInt8])
    }

    package var token: UInt64
    package var content: Content
  }

  package let buffer: MessageBuffer
  package var deadlines: [Deadline] = []
  package var persists: [Persist] = []
  package var events: [NodeEvent] = []

  var channel: ChannelEffects
  var membership: MembershipEffects

  package init(buffer: MessageBuffer = MessageBuffer()) {
    self.buffer = buffer
    channel = ChannelEffects(buffer: buffer)
    membership = MembershipEffects(buffer: buffer)
  }

  /// Datagrams to put on the wire as they are.
  package var sends: [ChannelEffects.Send] { channel.sends }
  package var connections: [ChannelEffects.ConnectionAction] { channel.connections }

  package mutating func removeAll() {
    deadlines.removeAll(keepingCapacity: true)
    persists.removeAll(keepingCapacity: true)
    events.removeAll(keepingCapacity: true)
    channel.removeAll()
    membership.removeAll()
    buffer.removeAll()
  }
}

/// What a node tells its shell: for logs, the event stream and exit codes.
package enum NodeEvent: Sendable {
  case membership(MembershipEvent)
  case channel(ChannelEvent)
  /// A renewed certificate for this host is in use and spread.
  case certificateRenewed(notAfter: UInt64)
  /// A certificate came that is not for this host, not newer, or not valid.
  case certificateRefused(from: HostID?, String)
  /// A transfer of ours is whole at its host, or failed.
  case transferEnded(TransferPurpose, to: HostID, TransferFailure?)
  /// A persist failed: what depends on it is withheld.
  case persistFailed
}

/// The rooms that `Timer.room` names.
enum TimerRoom {
  static let gossip: UInt8 = 0
  static let channel: UInt8 = 1
  static let node: UInt8 = 2
}
