/// What a multiplexer has counted since it began. Shown as metrics; nothing reads them to decide.
package struct MultiplexerCounters: Hashable, Sendable {
  /// Frames that went on to the char-server, and those made here.
  package var passedUp: UInt64 = 0
  package var passedDown: UInt64 = 0
  package var answeredHere: UInt64 = 0
  package var mirrored: UInt64 = 0

  package var staleReign: UInt64 = 0
  package var notServing: UInt64 = 0
  package var notHere: UInt64 = 0
  package var otherBuild: UInt64 = 0
  package var noRoom: UInt64 = 0
  package var malformed: UInt64 = 0
  /// Of all refused: saves, which were handed out to be journaled.
  package var savesRefused: UInt64 = 0
  /// Stale final saves that were answered so that the map-server forgets its player.
  package var staleFinalsAnswered: UInt64 = 0
  /// Saves that were left of an earlier reign and went on.
  package var leftSavesPassed: UInt64 = 0
  package var leftSavesRefused: UInt64 = 0
  /// Of a reign that the register has not named here yet, or while another bridge serves: to be handed in again.
  package var leftSavesEarly: UInt64 = 0
  /// Frames with a sequence that has been handled before.
  package var repeated: UInt64 = 0
  /// Links of map-servers whose host has a younger one for the shard.
  package var outdated: UInt64 = 0
  package var framesWithoutStream: UInt64 = 0
  /// Users of a 2aff that by the table are elsewhere or nowhere.
  package var usersRefused: UInt64 = 0
  package var usersAdopted: UInt64 = 0

  /// Frames of the char-server for a player or asker without a link.
  package var withoutReceiver: UInt64 = 0
  /// Requests that were never answered, by the order of later answers.
  package var unanswered: UInt64 = 0
  /// Requests without a key that were dropped because the char-server is away.
  package var droppedAway: UInt64 = 0
  package var keptAway: UInt64 = 0

  package var setOffline: UInt64 = 0
  package var takenOver: UInt64 = 0
  package var unionsSent: UInt64 = 0
  package var upstreamLogins: UInt64 = 0
  package var limitsHit: UInt64 = 0

  package init() {}
}
