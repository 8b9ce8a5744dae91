package import Wire

/// What a call into the membership wants done, in order. Reused from call to call.
package struct MembershipEffects {
  /// A gossip message for a host. `at` is where to find it when there is no session yet.
  package struct Send: Sendable {
    package var to: HostID
    package var at: Endpoint?
    package var message: MessageRange
  }

  /// Something to make durable. Nothing that depends on it is sent before `persisted(token)` comes back.
  package struct Persist: Sendable {
    package enum Content: Sendable {
      case generation(UInt64)
      /// At most 64 recently seen peers, best first.
      case peerBook([Peer])
      /// A revocation that was adopted.
      case revocation([UInt8])
    }

    package var token: UInt64
    package var content: Content
  }

  package let buffer: MessageBuffer
  package var sends: [Send] = []
  /// Hosts that asked for the roster: send them `Membership.roster()` as a transfer.
  package var rosterTransfers: [HostID] = []
  package var deadlines: [Deadline] = []
  package var persists: [Persist] = []
  package var events: [MembershipEvent] = []

  package init(buffer: MessageBuffer) { self.buffer = buffer }

  /// Keeps the buffer's content: it belongs to the turn.
  package mutating func removeAll() {
    sends.removeAll(keepingCapacity: true)
    rosterTransfers.removeAll(keepingCapacity: true)
    deadlines.removeAll(keepingCapacity: true)
    persists.removeAll(keepingCapacity: true)
    events.removeAll(keepingCapacity: true)
  }
}

/// What the membership tells the node. `stable…` and `impaired` are what ownership follows; the rest is diagnostics.
package enum MembershipEvent: Sendable, Hashable {
  /// The first Welcome came: we are a member.
  case joined(through: HostID)
  /// Roots agreed with three peers in a row after the join (or with all there are).
  case synchronized(members: Int)
  case alive(HostID, Incarnation)
  case suspected(HostID, by: HostID)
  case refuted(HostID)
  case dead(HostID, Incarnation, accusers: [HostID])
  case left(HostID)
  case revoked(HostID)
  case forgotten(HostID)
  case metadataAdopted(HostID, version: UInt64)
  case endpointChanged(HostID, Endpoint)
  /// What peers see as our own endpoint.
  case ownEndpoint(Endpoint)
  /// Others held us suspect or dead; we raised our incarnation.
  case refutedSelf(Incarnation)
  /// A second process lives with our identity; this one must end (exit code 5).
  case identityConflict
  /// A peer's record was bad; the channel scores it.
  case badRecord(from: HostID, forged: Bool)
  /// A peer's message did not parse although its session is authentic.
  case badMessage(from: HostID)
  case stableUp(HostID)
  case stableDown([HostID])
  case impaired(HostID, Bool)
  /// Our own leave is over: sockets may be closed.
  case leaveFinished
}
