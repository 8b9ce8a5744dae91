/// Everything that a program of the mesh can tell a person to worry about, by number. Numbers are never given again.
/// (`C0xx`, about the configuration's text, belong to `Configuration`.)
package enum ErrorCode: String, CaseIterable, Sendable {
  // Talking to a node.
  case noNode = "M001"
  case socketNotPermitted = "M002"
  case noAnswer = "M003"
  case controlVersion = "M004"
  case badReply = "M005"
  case socketPathTooLong = "M006"
  case badRequest = "M007"
  case tooManyClients = "M008"
  case requestNotPermitted = "M009"

  // What a node warns about.
  case notJoined = "M010"
  case hostSuspect = "M011"
  case hostDead = "M012"
  case viewsDiffer = "M013"
  case impaired = "M014"
  case identityConflict = "M015"
  case certificateExpiring = "M016"
  case certificateExpired = "M017"
  case settingsDiffer = "M018"
  case alone = "M019"
  case revokedHere = "M020"
  case stateNotWritten = "M021"
  case memoryNotLocked = "M022"
  case limitHit = "M023"
  case selfTestFailed = "M024"
  case unsafeEnvironment = "M025"
  case auditBroken = "M026"

  // Joining.
  case noPeerAnswers = "M030"
  case foreignNetwork = "M031"
  case bootstrapLine = "M032"
  case nameNotResolved = "M033"
  case portInUse = "M034"
  case configurationBroken = "M035"

  // Keys, pastes and certificates.
  case requestDamaged = "M040"
  case welcomeDamaged = "M041"
  case welcomeForAnother = "M042"
  case otherNetworkHere = "M043"
  case passphraseWrong = "M044"
  case passphraseUnfit = "M045"
  case networkExists = "M046"
  case noIdentity = "M047"
  case noNetwork = "M048"
  case noOperatorKey = "M049"
  case fileMode = "M050"
  case fileKind = "M051"
  case fileDamaged = "M052"
  case cannotWrite = "M053"
  case cannotRead = "M054"
  case hostUnknown = "M055"
  case confirmationMissing = "M056"
  case confirmationWrong = "M057"
  case badName = "M058"
  case wrongOperator = "M059"
  case badOption = "M060"
  case actionGoesOn = "M061"
  case hostUnreachable = "M062"
  case unknownTopic = "M063"
  case timeOut = "M064"
  case labFailed = "M065"

  // Worlds.
  case worldInput = "M070"
  case worldFile = "M071"
  case worldMapsMissing = "M072"
  case worldShards = "M073"
  case worldUntrusted = "M074"
  case worldRefused = "M075"
  case worldTree = "M076"
  case worldUnknown = "M077"
  case worldEnding = "M078"
  case worldIncomplete = "M079"

  // What `doctor` finds; one code a check, whatever the check's result.
  case checkConfig = "M080"
  case checkClock = "M081"
  case checkUDPOut = "M082"
  case checkUDPIn = "M083"
  case checkTCPIn = "M084"
  case checkMTU = "M085"
  case checkNAT = "M086"
  case checkHardware = "M087"
  case checkDisk = "M088"
  case checkKeys = "M089"

  // Shards and their state.
  case mapUnknown = "M100"
  case shardElsewhere = "M101"
  case shardHeld = "M102"
  case belowMinimum = "M103"
  case stateConflict = "M104"
  case stateTooLarge = "M105"
  case shardBusy = "M106"
  case noWorld = "M107"
  case notSteward = "M108"
  case storeHasFailed = "M109"
  case moveNotMade = "M110"
  case mapsUnowned = "M111"
  case mapsHeld = "M112"
  case copiesShort = "M113"
  case orderNotConfirmed = "M114"
  case votersRefused = "M115"
  case votersIncomplete = "M116"
  case takeoverRefused = "M117"
  case snapshotMissing = "M120"
  case planChanged = "M121"

  /// How bad a warning with this code makes the verdict.
  package enum Severity: Int, Comparable, Sendable {
    case notice, degraded, unhealthy
    package static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }
  }

  package struct Text: Sendable {
    /// Short name for lists.
    package var title: String
    /// One sentence; `{name}` is filled by whoever reports it.
    package var sentence: String
    /// The command to run next; starts with a program's name.
    package var help: String
    /// A paragraph for `mesh-ctl explain`.
    package var explanation: String
    package var exit: ExitCode
    package var severity: Severity

    init(
      _ title: String, _ sentence: String, help: String, exit: ExitCode = .failed, severity: Severity = .degraded,
      _ explanation: String
    ) {
      self.title = title
      self.sentence = sentence
      self.help = help
      self.explanation = explanation
      self.exit = exit
      self.severity = severity
    }
  }
}
