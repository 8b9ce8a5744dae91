package import Wire

/// Everything that can happen to the char-link of one local map-server. Bytes are valid during the call only.
package enum HostLinkInput {
  /// Bytes of the map-server, as they came.
  case mapServer(UnsafeRawBufferPointer)
  case mapServerClosed
  /// The reign that its host has now, or stands by for.
  case reign(Reign)
  /// Its stream to the bridge that serves has begun; nothing has gone on it.
  case bridgeOpened
  case bridgeClosed
  /// One whole frame of the bridge.
  case bridge(UnsafeRawBufferPointer)
  /// The outbox has sent all that it kept of this reign.
  case resent
  /// How far the bridge has got in this reign.
  case taken(UInt64)
}

/// What a call into a host's link wants done. The caller empties it after each call.
package struct HostLinkEffects {
  package struct ToBridge: Sendable {
    package var message: MessageRange
    /// 0: not numbered.
    package var sequence: UInt64
  }

  /// For the outbox's `frame`.
  package struct Save: Sendable {
    package var message: MessageRange
    package var sequence: UInt64
    /// It has gone to the bridge as well.
    package var isSent: Bool
  }

  package let buffer: MessageBuffer
  /// Frames for the bridge, in order, in the link's reign.
  package var toBridge: [ToBridge] = []
  package var saves: [Save] = []
  /// Behind `toBridge`: the outbox sends what it keeps of this reign (`resend`), then `resent` is awaited.
  package var asksForSaves = false
  package var toMapServer: [MessageRange] = []
  package var closesMapServer = false
  package var events: [HostLinkEvent] = []

  package init(buffer: MessageBuffer) { self.buffer = buffer }

  package mutating func removeAll() {
    buffer.removeAll()
    toBridge.removeAll(keepingCapacity: true)
    saves.removeAll(keepingCapacity: true)
    asksForSaves = false
    toMapServer.removeAll(keepingCapacity: true)
    closesMapServer = false
    events.removeAll(keepingCapacity: true)
  }
}

package enum HostLinkEvent: Hashable, Sendable {
  /// 2af9 has been passed on: everything is loaded, or about to be.
  case loggedIn
  /// 2afb has been passed on: it plays.
  case serving
  /// Its stream cannot be cut into frames; the link is closed.
  case fault(FrameFault)
  /// It waits for an answer that will not come, and asks only in its start; the link is closed so that it begins anew.
  case beginsAnew
  /// A frame for the bridge had no room while that is away.
  case heldFull
  /// The buffer of the call was full.
  case bufferFull
}

/// What a link has counted since it began.
package struct HostLinkCounters: Hashable, Sendable {
  package var fromMapServer: UInt64 = 0
  package var toMapServer: UInt64 = 0
  package var toBridge: UInt64 = 0
  package var saves: UInt64 = 0
  package var answeredHere: UInt64 = 0
  /// Kept while the bridge is away.
  package var held: UInt64 = 0
  package var heldFull: UInt64 = 0
  /// Requests that could not be answered after a break.
  package var droppedAway: UInt64 = 0
  /// Of the bridge: what the map-server has had already.
  package var swallowed: UInt64 = 0
  package var malformed: UInt64 = 0
  package var usersNotListed: UInt64 = 0
  package var bufferFull: UInt64 = 0

  package init() {}
}
