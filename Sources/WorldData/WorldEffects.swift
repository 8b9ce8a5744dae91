package import Hashing
package import Wire

/// Everything that can happen to the worlds of a host.
package enum WorldInput {
  /// What gossip says that a host has, whole; `nil`: nothing.
  case told(WorldMark?, by: HostID)
  /// A host is dead, has left or was revoked.
  case gone(HostID)
  /// A `WorldMessage`. The bytes are valid during the call only.
  case message(UnsafeRawBufferPointer, from: HostID)
  /// A transfer came whole: a document, or an object batch.
  case document([UInt8], from: HostID)
  case objects([UInt8], from: HostID)
  /// A transfer to this host has ended, well or not.
  case served(HostID)
  /// What `persists` asked for is durable, or failed.
  case stored(token: UInt64)
  case storeFailed(token: UInt64)
  /// Objects on the disk are gone or not what they should be.
  case damaged([Digest])
  /// This host's rAthena tree, once it has been read (`nil`: none).
  case tree(WorldTree?)
  case command(WorldCommand, request: UInt64)
  case deadline(Timer)
}

package enum WorldCommand: Sendable {
  /// A document from the operator is about to come with its objects: is it one that would be taken? Until `publish` its
  /// objects are not removed.
  case prepare([UInt8])
  /// A document from the operator; `objects` are those that came with it and are durable by now.
  case publish([UInt8], objects: [Digest])
  /// Make a version the active one now instead of at the next look.
  case activate(UInt64)
}

package enum WorldOutcome: Hashable, Sendable {
  case prepared(WorldMark)
  case published(WorldMark, missing: Int)
  case activated(WorldMark)
  case refused(WorldRefusal)
  /// It could not be written.
  case storeFailed
}

/// What a call into the worlds of a host wants done, in order. Reused from call to call.
package struct WorldEffects {
  package struct Send: Sendable {
    package var to: HostID
    package var message: MessageRange
  }

  /// A transfer (purpose objectBatch) of these objects, which the shell reads and encodes (`ObjectBatch.encode`). The
  /// shell says `served` when it has ended; when none of them can be read it sends nothing and says so too.
  package struct Serve: Sendable {
    package var to: HostID
    package var mark: WorldMark
    package var maps: [Int]

    package init(to: HostID, mark: WorldMark, maps: [Int]) {
      self.to = to
      self.mark = mark
      self.maps = maps
    }
  }

  package struct Persist: Sendable {
    package var token: UInt64
    package var content: Content

    package enum Content: Sendable {
      case document(SignedWorld)
      case objects([MapObject])
      case state(WorldState)
      /// To be removed. Never in haste: a failure only costs room.
      case forget([WorldMark], [Digest])
    }
  }

  package let buffer: MessageBuffer
  /// `WorldMessage`s, by datagram.
  package var sends: [Send] = []
  /// Transfers (purpose worldManifest) of whole documents.
  package var documents: [(to: HostID, bytes: [UInt8])] = []
  package var serves: [Serve] = []
  package var persists: [Persist] = []
  package var deadlines: [Deadline] = []
  package var replies: [(request: UInt64, reply: WorldOutcome)] = []
  package var events: [WorldEvent] = []
  /// Hosts that broke the rules; the channel lowers their score.
  package var reports: [HostID] = []

  package init(buffer: MessageBuffer) { self.buffer = buffer }

  /// Forgets what a joint has carried on; persists, serves and replies stay for the shell.
  package mutating func settled() {
    sends.removeAll(keepingCapacity: true)
    documents.removeAll(keepingCapacity: true)
    deadlines.removeAll(keepingCapacity: true)
    events.removeAll(keepingCapacity: true)
    reports.removeAll(keepingCapacity: true)
  }

  /// Keeps the buffer's content: it belongs to the turn.
  package mutating func removeAll() {
    sends.removeAll(keepingCapacity: true)
    documents.removeAll(keepingCapacity: true)
    serves.removeAll(keepingCapacity: true)
    persists.removeAll(keepingCapacity: true)
    deadlines.removeAll(keepingCapacity: true)
    replies.removeAll(keepingCapacity: true)
    events.removeAll(keepingCapacity: true)
    reports.removeAll(keepingCapacity: true)
  }
}

package enum WorldEvent: Hashable, Sendable {
  /// A newer document is here; its objects follow.
  case learned(WorldMark, from: HostID?)
  /// Every tenth of the objects, and the last one.
  case progress(WorldProgress)
  /// Everything of it is here: gossip tells others from now on (`WorldSync.announced`).
  case whole(WorldMark)
  case activated(WorldMark)
  /// It could be active by its time and is not, for this reason; once for each reason.
  case waits(WorldMark, WorldRefusal)
  case refused(WorldRefusal, from: HostID)
  /// The active world ends in so many seconds; once a day from 14 days before.
  case ending(WorldMark, inSeconds: UInt64)
  /// The active world has ended: it stays active, and nothing else than a newer one helps.
  case ended(WorldMark)
  /// Objects were damaged on the disk; peers are asked for them. The names of their maps in the active world.
  case healing(maps: [MapName])
  case storeFailed
}

/// How far the download of a world is.
package struct WorldProgress: Hashable, Sendable {
  package var mark: WorldMark
  /// Maps whose cells are here, of all.
  package var objects: Int
  package var total: Int
  /// Of objects that came in this life of the process.
  package var bytes: UInt64
  package var bytesPerSecond: UInt64
  /// `nil` in the first 3 s, and while nothing comes.
  package var secondsLeft: UInt64?
}

package struct WorldCounters: Hashable, Sendable {
  package var documents: UInt64 = 0
  package var objects: UInt64 = 0
  package var objectBytes: UInt64 = 0
  package var served: UInt64 = 0
  package var servedBusy: UInt64 = 0
  package var badMessages: UInt64 = 0
  package var badDocuments: UInt64 = 0
  package var badBatches: UInt64 = 0
  package var unasked: UInt64 = 0
  package var timeouts: UInt64 = 0
  /// Hosts beyond the table's limit.
  package var tellersRefused: UInt64 = 0
  package var storeFailures: UInt64 = 0
}
