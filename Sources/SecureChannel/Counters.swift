/// Why something was dropped, refused or done. Each reason has its own counter, and all are shown to people and to
/// metrics under `name`; nothing else happens for what a stranger sends.
package enum ChannelCounter: Int, CaseIterable, Sendable {
  // Any datagram.
  case datagramsReceived, datagramsSent, bytesReceived, bytesSent
  case droppedLength, droppedType, droppedSource
  // HELLO, in the order of the ladder.
  case hellosReceived, droppedMac1, droppedCookie, cookiesSent, droppedCookieBudget, droppedSourceRate,
    droppedWorkBudget
  case droppedStaticKey, droppedRevoked, droppedBanned, droppedHelloRate, droppedHelloPayload, droppedReplayedHello
  case droppedCertificate, droppedUnconfirmedLimit, responsesSent, unconfirmedExpired
  // The initiator's side.
  case hellosSent, hellosDelayed, responsesReceived, droppedResponse, cookiesReceived, droppedStrayCookie
  case attemptsUnanswered, unknownHosts, refusedTargets
  // Sessions and DATA.
  case sessionsStarted, sessionsRenewed, sessionsExpired, sessionsEvicted, sessionLimitRefused, peerLimitRefused
  case droppedUnknownIndex, droppedForged, droppedReplay, droppedExpired, droppedPeerRate, malformedFrames
  case forgedBursts, droppedUnconfirmedKind, queuedDatagrams, droppedQueue, droppedOversize, droppedBuffer
  case secretMemoryRefused
  // Paths.
  case pathChallenges, pathMoves, droppedPathAnswer, droppedPathBudget
  case surveysSent, surveysRefused, droppedSurveyAnswer
  // Streams.
  case connectionsAccepted, refusedConnections, droppedPreface, prefaceTimeouts
  case streamsAnnounced, streamsRefused, streamTimeouts, streamErrors
  case transfersReceived, transfersSent, transfersFailed, transferBytesHashed
  case linksOpened, linksClosed, linkFramesRefused, linkLimitRefused
  // Conduct.
  case violations, bans, identityConflicts

  package var name: String { String(describing: self) }
}

/// All counters of a channel since it was made; they only rise.
package struct ChannelCounters: Sendable {
  private var values = ContiguousArray<UInt64>(repeating: 0, count: ChannelCounter.allCases.count)

  package init() {}

  package subscript(counter: ChannelCounter) -> UInt64 { values[counter.rawValue] }

  mutating func add(_ counter: ChannelCounter, _ amount: Int = 1) {
    values[counter.rawValue] &+= UInt64(truncatingIfNeeded: amount)
  }
}
