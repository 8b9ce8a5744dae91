package import Wire

/// What a DATA datagram carries (DESIGN 4.5). Each frame is {kind 1, flags 1, length 2, body}; kind 0 ends the frames
/// (the rest is padding).
package enum FrameKind: UInt8, Sendable {
  /// One gossip message, at most 1,188 bytes.
  case gossip = 1
  /// Announcements of links and transfers.
  case streamControl = 2
  /// Path challenges and their answers.
  case path = 3
  /// Heartbeats of the ownership protocol.
  case heartbeat = 4
  /// The coarse time that opens every datagram; used for round trips only.
  case time = 5
  /// Questions of full size and their answers, for `doctor`.
  case survey = 6
}

/// A TCP connection. The shell numbers the ones it accepts (highest bit set), the channel numbers the ones it opens.
package struct ConnectionID: Hashable, Sendable {
  package let rawValue: UInt64
  package static let acceptedBit: UInt64 = 1 << 63

  package init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// What a transfer carries; each purpose has its own cap on the total size.
package enum TransferPurpose: UInt8, Sendable, CaseIterable {
  case roster = 1
  case worldManifest = 2
  case objectBatch = 3
  case snapshot = 4
  case certificate = 5

  /// Largest total size in bytes (DESIGN 4.4; a certificate transfer is the certificate alone).
  package var sizeLimit: Int {
    switch self {
    case .roster: 2 << 20
    case .worldManifest: 1 << 20
    case .objectBatch: 64 << 10
    case .snapshot: 64 << 20
    case .certificate: 320
    }
  }
}

/// The channels of a link, most urgent first: chunks are cut round-robin within a priority, lower numbers first.
package enum LinkChannel: UInt8, Sendable, CaseIterable {
  case keepalive = 0
  case register = 1
  case charLink = 2
  case players = 3
  case replication = 4
  case catchUp = 5

  /// Bytes that may be under way unacknowledged (DESIGN 4.4).
  package var credit: Int { self == .charLink ? 4 << 20 : 1 << 20 }
}

/// Everything that can happen to the secure channel. Bytes are valid during the call only.
package enum ChannelInput {
  /// One UDP datagram. It is opened in place, so its bytes change.
  case datagram(UnsafeMutableRawBufferPointer, from: Endpoint)
  case deadline(Timer)
  /// The loop was late by so many nanoseconds (>= 250 ms): deadlines that passed meanwhile prove nothing.
  case stall(UInt64)

  /// A TCP connection came in on the mesh port.
  case accepted(ConnectionID, from: Endpoint)
  /// A connection that `ChannelEffects` asked for is established.
  case connected(ConnectionID)
  case received(ConnectionID, UnsafeRawBufferPointer)
  /// All bytes handed to the connection so far are with the kernel.
  case drained(ConnectionID)
  /// The connection ended, or could not be established. It is never named again.
  case closed(ConnectionID)

  case command(ChannelCommand)
}

/// What the node asks of the channel.
package enum ChannelCommand {
  /// A way to a host that may not be in the roster yet: the bootstrap list, the peer book, a gossip record.
  case introduce(HostKey, at: Endpoint)
  /// Where gossip says that a host lives now. Used for handshakes only; a session moves by its own path challenge.
  case locate(HostID, at: Endpoint)
  /// The roster holds a revocation of this host, or it has left: sessions, links and transfers with it end.
  case drop(HostID)
  /// Our own certificate was renewed: new handshakes carry it.
  case adopt(Certificate)
  /// Keep a link to this host, or do no longer. The number of needs is the caller's to count.
  case wantLink(HostID, Bool)
  /// Send `content` whole. `id` comes back in `.transferSent` or `.transferFailed`.
  case transfer(TransferPurpose, [UInt8], to: HostID, id: UInt64)
  /// One frame on the link to a host (body of 1 byte to 1 MiB). Refused, and counted, when `linkRoom` is too small;
  /// `.linkReady` follows then. A `secret` frame (login ids next to text that others choose) is never compressed.
  case linkFrame(LinkChannel, [UInt8], to: HostID, secret: Bool = false)
  /// A joint above found authenticated misbehaviour: it counts like the channel's own findings.
  case report(HostID, Violation)
  /// Asks a host with whom a session stands for its wall clock, in datagrams of full size: `.surveyed` follows when they
  /// pass.
  case survey(HostID)
  /// So many bytes of that channel were consumed: the sender may go on.
  case linkCredit(LinkChannel, Int, HostID)
}
