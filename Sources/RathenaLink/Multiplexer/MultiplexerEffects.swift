package import Wire

/// What a call into the multiplexer wants done, in order. Reused from call to call.
///
/// The caller carries the messages on and empties the effects after each call: the buffer has a limit.
package struct MultiplexerEffects {
  package struct Downstream: Sendable {
    package var stream: StreamID
    /// Shared by all streams that get the same frame.
    package var message: MessageRange
  }

  /// Everything up to this sequence of the reign has reached the char-server or needed not to.
  package struct Taken: Hashable, Sendable {
    package var reign: Reign
    package var sequence: UInt64
  }

  /// A save that was refused, whole.
  package struct Journal: Sendable {
    /// Nil for one that was left of an earlier reign.
    package var stream: StreamID?
    package var reign: Reign
    package var refusal: FrameRefusal
    package var message: MessageRange
  }

  package enum PresenceChange: Hashable, Sendable {
    case set(PresenceRow)
    case removed(account: UInt32)
  }

  package let buffer: MessageBuffer
  /// Bytes for the char-server.
  package var upstream: [MessageRange] = []
  /// Frames for map-servers.
  package var downstream: [Downstream] = []
  package var taken: [Taken] = []
  package var journal: [Journal] = []
  /// To be kept where a bridge after this one finds it.
  package var presence: [PresenceChange] = []
  /// The char-link's TCP connection is to be closed (and opened anew, with backoff).
  package var closesUpstream = false
  /// Streams whose map-server is to be cut off, so that it begins its char-link anew.
  package var closedStreams: [StreamID] = []
  package var deadlines: [Deadline] = []
  package var events: [MultiplexerEvent] = []

  package init(buffer: MessageBuffer) { self.buffer = buffer }

  package mutating func removeAll() {
    buffer.removeAll()
    upstream.removeAll(keepingCapacity: true)
    downstream.removeAll(keepingCapacity: true)
    taken.removeAll(keepingCapacity: true)
    journal.removeAll(keepingCapacity: true)
    presence.removeAll(keepingCapacity: true)
    closesUpstream = false
    closedStreams.removeAll(keepingCapacity: true)
    deadlines.removeAll(keepingCapacity: true)
    events.removeAll(keepingCapacity: true)
  }
}

/// Why a frame of a map-server does not pass.
package enum FrameRefusal: Hashable, Sendable {
  /// Its reign is not the register's current one, or its map-server was given up.
  case staleReign
  /// The map-server has not been let in yet.
  case notServing
  /// By the presence table the player is not there.
  case notHere
  /// A character's data of another size than the char-server's build has.
  case otherBuild
  /// No room to keep it while the char-server is away.
  case noRoom
  /// It is not a frame, or one whose fields do not fit.
  case malformed
}

package enum MultiplexerEvent: Hashable, Sendable {
  case upstreamReady
  case upstreamLost
  /// 2af9 or 2afb with this result.
  case upstreamRefused(UInt8)
  case upstreamFault(FrameFault)
  /// The char-server did not answer the keepalive.
  case upstreamSilent
  /// The map-server is in; others know its maps.
  case serving(StreamID, Reign)
  case fenced(StreamID, Reign)
  /// Its host has a younger map-server for the shard: the process is to be stopped, it is never let in again.
  case outdated(StreamID)
  /// Maps that the register gives an owner and that are not announced: the list is at its limit.
  case mapsLeftOut(Int)
  /// Its 2afa has maps that its shard does not have.
  case foreignMaps(StreamID, count: Int)
  /// Not told of another map-server's maps: the address would be its own, and it would exit.
  case ownAddress(StreamID, LinkAddress)
  case refused(StreamID, FrameRefusal, command: UInt16)
  /// A save that was left of an earlier reign does not pass.
  case leftSaveRefused(Reign, FrameRefusal, sequence: UInt64)
  /// The char-server wants an account kicked whose map-server has no link now.
  case kickWithoutServer(account: UInt32, reason: UInt8)
  /// An account has arrived at one map-server while another one held it.
  case takenOver(account: UInt32, from: Reign)
  case limitHit(MultiplexerLimit)
}

package enum MultiplexerLimit: Hashable, Sendable {
  case players, streams, expectedAnswers, waitingFrames, buffer, doors
}
