package import Wire

/// What a call into the channel wants done, in order. Reused from call to call: `removeAll` before each turn.
package struct ChannelEffects {
  /// A datagram to put on the wire as it is.
  package struct Send: Sendable {
    package var to: Endpoint
    package var message: MessageRange

    package init(to: Endpoint, message: MessageRange) {
      self.to = to
      self.message = message
    }
  }

  /// An authenticated frame. `bytes` points into the datagram that was handed in: valid until the caller drops that.
  package struct Delivery {
    package var from: HostID
    package var kind: FrameKind
    package var bytes: UnsafeRawBufferPointer
    package var endpoint: Endpoint

    package init(from: HostID, kind: FrameKind, bytes: UnsafeRawBufferPointer, endpoint: Endpoint) {
      self.from = from
      self.kind = kind
      self.bytes = bytes
      self.endpoint = endpoint
    }
  }

  /// What to do with TCP connections.
  package enum ConnectionAction: Sendable {
    case connect(ConnectionID, to: Endpoint)
    case write(ConnectionID, MessageRange)
    /// Stop or resume reading: the far side is not read beyond its credit.
    case read(ConnectionID, Bool)
    /// Close after what was written is sent, or at once with a reset.
    case close(ConnectionID, reset: Bool)
  }

  /// Outgoing bytes of `sends` and of `.write`.
  package let buffer: MessageBuffer
  package var sends: [Send] = []
  package var deliveries: [Delivery] = []
  package var connections: [ConnectionAction] = []
  package var deadlines: [Deadline] = []
  package var events: [ChannelEvent] = []

  package init(buffer: MessageBuffer) { self.buffer = buffer }

  /// Keeps the buffer's content: it belongs to the turn.
  package mutating func removeAll() {
    sends.removeAll(keepingCapacity: true)
    deliveries.removeAll(keepingCapacity: true)
    connections.removeAll(keepingCapacity: true)
    deadlines.removeAll(keepingCapacity: true)
    events.removeAll(keepingCapacity: true)
  }
}

/// What the channel tells the node.
package enum ChannelEvent: Sendable {
  /// A confirmed session: both sides proved their keys. Says whence the peer sends.
  case sessionUp(HostID, Endpoint)
  /// No usable session any more (expired, dropped, banned, or no answer to handshakes).
  case sessionDown(HostID, SessionEnd)
  /// The peer proved a new path.
  case moved(HostID, Endpoint)
  /// HELLOs were answered by nobody for 90 s.
  case unreachable(HostID, Endpoint)
  /// The same key is used from two endpoints at once (stolen or copied key file).
  case identityConflict(HostID, Endpoint, Endpoint)
  /// A peer broke the protocol; `score` is its score now. At 100 it is banned for a while.
  case violation(HostID, Violation, score: Int)
  case banned(HostID, until: UInt64)
  case linkUp(HostID)
  case linkDown(HostID)
  case linkFrame(HostID, LinkChannel, [UInt8])
  /// The channel to a host has room again after a `linkFrame` command was refused for want of credit.
  case linkReady(HostID, LinkChannel)
  /// A whole transfer whose size and hash are right.
  case transferReceived(HostID, TransferPurpose, [UInt8])
  case transferSent(id: UInt64)
  case transferFailed(id: UInt64, TransferFailure)
  /// A question of full size came back in full size: the peer's wall clock when it answered, and how long both ways took
  /// together, in nanoseconds.
  case surveyed(HostID, wall: UInt64, roundTrip: UInt64)
  /// Persist this as the floor of our TAI64N labels before the next restart (every 60 s).
  case labelFloor(UInt64)
}

package enum SessionEnd: Sendable { case expired, dropped, banned, unanswered, replaced }

package enum TransferFailure: Sendable { case refused, tooLarge, timedOut, connectionLost, noSession, limit }

/// Authenticated misbehaviour, with the points of `security.md` 3.
package enum Violation: Sendable {
  case malformedFrame, overRate, badRecord, forgedRecord, wrongRole, badStream, badMessage

  package var points: Int {
    switch self {
    case .overRate: 1
    case .badRecord: 10
    case .badStream, .malformedFrame, .badMessage: 25
    case .wrongRole: 50
    case .forgedRecord: 100
    }
  }
}
