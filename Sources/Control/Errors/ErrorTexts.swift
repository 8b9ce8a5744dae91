extension ErrorCode {
  /// What each code says; the texts stand in files by where they come from.
  package var text: Text {
    switch self {
    // MARK: Talking to a node
    case .noNode: .noNode
    case .socketNotPermitted: .socketNotPermitted
    case .noAnswer: .noAnswer
    case .controlVersion: .controlVersion
    case .badReply: .badReply
    case .socketPathTooLong: .socketPathTooLong
    case .badRequest: .badRequest
    case .tooManyClients: .tooManyClients
    case .requestNotPermitted: .requestNotPermitted

    // MARK: What a node warns about
    case .notJoined: .notJoined
    case .hostSuspect: .hostSuspect
    case .hostDead: .hostDead
    case .viewsDiffer: .viewsDiffer
    case .impaired: .impaired
    case .identityConflict: .identityConflict
    case .certificateExpiring: .certificateExpiring
    case .certificateExpired: .certificateExpired
    case .settingsDiffer: .settingsDiffer
    case .alone: .alone
    case .revokedHere: .revokedHere
    case .stateNotWritten: .stateNotWritten
    case .memoryNotLocked: .memoryNotLocked
    case .limitHit: .limitHit
    case .selfTestFailed: .selfTestFailed
    case .unsafeEnvironment: .unsafeEnvironment
    case .auditBroken: .auditBroken

    // MARK: Joining
    case .noPeerAnswers: .noPeerAnswers
    case .foreignNetwork: .foreignNetwork
    case .bootstrapLine: .bootstrapLine
    case .nameNotResolved: .nameNotResolved
    case .portInUse: .portInUse
    case .configurationBroken: .configurationBroken

    // MARK: Keys, pastes and certificates
    case .requestDamaged: .requestDamaged
    case .welcomeDamaged: .welcomeDamaged
    case .welcomeForAnother: .welcomeForAnother
    case .otherNetworkHere: .otherNetworkHere
    case .passphraseWrong: .passphraseWrong
    case .passphraseUnfit: .passphraseUnfit
    case .networkExists: .networkExists
    case .noIdentity: .noIdentity
    case .noNetwork: .noNetwork
    case .noOperatorKey: .noOperatorKey
    case .fileMode: .fileMode
    case .fileKind: .fileKind
    case .fileDamaged: .fileDamaged
    case .cannotWrite: .cannotWrite
    case .cannotRead: .cannotRead
    case .hostUnknown: .hostUnknown
    case .confirmationMissing: .confirmationMissing
    case .confirmationWrong: .confirmationWrong
    case .badName: .badName
    case .wrongOperator: .wrongOperator
    case .badOption: .badOption
    case .actionGoesOn: .actionGoesOn
    case .hostUnreachable: .hostUnreachable
    case .unknownTopic: .unknownTopic
    case .timeOut: .timeOut
    case .labFailed: .labFailed

    // MARK: Worlds
    case .worldInput: .worldInput
    case .worldFile: .worldFile
    case .worldMapsMissing: .worldMapsMissing
    case .worldShards: .worldShards
    case .worldUntrusted: .worldUntrusted
    case .worldRefused: .worldRefused
    case .worldTree: .worldTree
    case .worldUnknown: .worldUnknown
    case .worldEnding: .worldEnding
    case .worldIncomplete: .worldIncomplete

    // MARK: What doctor finds
    case .checkConfig: DoctorCheck.config.text
    case .checkClock: DoctorCheck.clock.text
    case .checkUDPOut: DoctorCheck.udpOut.text
    case .checkUDPIn: DoctorCheck.udpIn.text
    case .checkTCPIn: DoctorCheck.tcpIn.text
    case .checkMTU: DoctorCheck.mtu.text
    case .checkNAT: DoctorCheck.nat.text
    case .checkHardware: DoctorCheck.hardware.text
    case .checkDisk: DoctorCheck.disk.text
    case .checkKeys: DoctorCheck.keys.text

    // MARK: Shards
    case .mapUnknown: .mapUnknown
    case .shardElsewhere: .shardElsewhere
    case .shardHeld: .shardHeld
    case .belowMinimum: .belowMinimum
    case .stateConflict: .stateConflict
    case .stateTooLarge: .stateTooLarge
    case .shardBusy: .shardBusy
    case .noWorld: .noWorld
    case .notSteward: .notSteward
    case .storeHasFailed: .storeHasFailed
    case .moveNotMade: .moveNotMade
    case .mapsUnowned: .mapsUnowned
    case .mapsHeld: .mapsHeld
    case .copiesShort: .copiesShort
    case .orderNotConfirmed: .orderNotConfirmed
    case .votersRefused: .votersRefused
    case .votersIncomplete: .votersIncomplete
    case .takeoverRefused: .takeoverRefused
    case .snapshotMissing: .snapshotMissing
    case .planChanged: .planChanged
    }
  }
}
