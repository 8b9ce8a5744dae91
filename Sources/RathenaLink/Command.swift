/// Commands of the frames that a bridge must know. The others pass by the key tables (`AnswerRoutes`, `RequestKeys`).
package enum Command {
  package static let login: UInt16 = 0x2af8
  package static let loginAnswer: UInt16 = 0x2af9
  package static let mapList: UInt16 = 0x2afa
  package static let welcome: UInt16 = 0x2afb
  package static let authAccepted: UInt16 = 0x2afd
  package static let userCount: UInt16 = 0x2afe
  package static let userList: UInt16 = 0x2aff
  package static let worldCount: UInt16 = 0x2b00
  package static let saveCharacter: UInt16 = 0x2b01
  package static let changeServer: UInt16 = 0x2b05
  package static let changeServerAnswer: UInt16 = 0x2b06
  package static let othersMaps: UInt16 = 0x2b04
  package static let askName: UInt16 = 0x2b08
  package static let nameAnswer: UInt16 = 0x2b09
  package static let ownAddress: UInt16 = 0x2b13
  package static let saveCooldowns: UInt16 = 0x2b15
  package static let characterOffline: UInt16 = 0x2b17
  package static let allOffline: UInt16 = 0x2b18
  package static let characterOnline: UInt16 = 0x2b19
  package static let fameLists: UInt16 = 0x2b1b
  package static let saveStatusChanges: UInt16 = 0x2b1c
  package static let askAddress: UInt16 = 0x2b1e
  package static let kick: UInt16 = 0x2b1f
  package static let serverGone: UInt16 = 0x2b20
  package static let saveAnswer: UInt16 = 0x2b21
  package static let famePoints: UInt16 = 0x2b22
  package static let keepalive: UInt16 = 0x2b23
  package static let keepaliveAnswer: UInt16 = 0x2b24
  package static let authRequest: UInt16 = 0x2b26
  package static let authRefused: UInt16 = 0x2b27
  package static let saveBonusScripts: UInt16 = 0x2b2e
  package static let announcement: UInt16 = 0x3000
  package static let whisper: UInt16 = 0x3001
  package static let whisperResult: UInt16 = 0x3002
  package static let saveRegistry: UInt16 = 0x3004
  package static let itemAnnouncement: UInt16 = 0x3009
  package static let partyMessage: UInt16 = 0x3027
  package static let guildMessage: UInt16 = 0x3037
  package static let askCastles: UInt16 = 0x3040
  package static let saveStorage: UInt16 = 0x308b
  package static let askClans: UInt16 = 0x30a0
  package static let clanMessage: UInt16 = 0x30a1
  package static let clanLeft: UInt16 = 0x30a2
  package static let clanJoined: UInt16 = 0x30a3
  package static let whisperToServers: UInt16 = 0x3801
  package static let whisperAnswer: UInt16 = 0x3802
  package static let partyInfo: UInt16 = 0x3821
  package static let storageTable: UInt16 = 0x388c
  package static let clans: UInt16 = 0x38a0
  package static let clanCount: UInt16 = 0x38a2

  /// Whether a map-server's frame has a place in its reign's sequence. What it says of itself, and asks once in its start, has
  /// none: its host says it again to each bridge, in front of what is numbered.
  package static func isNumbered(_ command: UInt16) -> Bool {
    switch command {
    case login, mapList, userList, ownAddress, keepalive, askCastles, askClans: false
    default: true
    }
  }

  /// The inter-server frame of the char-server that has the layout of a map-server's (3000 → 3800).
  package static func mirrored(_ request: UInt16) -> UInt16 { request &+ 0x0800 }
}

/// Reasons of 2b1f.
package enum KickReason {
  package static let someoneElseLoggedIn: UInt8 = 2
}
