package import Wire

// Typed views of the frames that a bridge must read. Each checks its bounds once, when it is made; offsets are those of
// PACKETVER 20211103.

/// 2af8.
package struct LoginFrame: Hashable, Sendable {
  package let address: LinkAddress

  package init(_ frame: Frame) throws(WireError) { address = try frame.address(at: 54) }
}

/// 2b04 and 2b20 (whose address a map-server reads in host order).
package struct ServerMapsFrame: Hashable, Sendable {
  package let address: LinkAddress
  package let maps: [LinkMapName]

  package init(_ frame: Frame) throws(WireError) {
    address = try frame.address(at: 4)
    maps = try frame.mapNames(from: 10)
  }
}

/// 2b26.
package struct AuthRequestFrame: Hashable, Sendable {
  package let player: PlayerKey
  package let loginID1: UInt32
  package let sex: UInt8
  /// As it stands there.
  package let clientAddress: UInt32
  package let isAutotrade: Bool

  package init(_ frame: Frame) throws(WireError) {
    player = PlayerKey(account: try frame.u32(at: 2), character: try frame.u32(at: 6))
    loginID1 = try frame.u32(at: 10)
    sex = try frame.u8(at: 14)
    clientAddress = try frame.u32(at: 15)
    isAutotrade = try frame.u8(at: 19) != 0
  }
}

/// 2afd.
package struct AuthAcceptedFrame {
  package let player: PlayerKey
  package let loginID1: UInt32
  package let loginID2: UInt32
  package let group: UInt32
  package let isChangingServers: Bool
  package let status: CharStatus

  package init(_ frame: Frame) throws(WireError) {
    status = CharStatus(frame, from: 25)
    player = PlayerKey(account: try frame.u32(at: 4), character: try status.character)
    loginID1 = try frame.u32(at: 8)
    loginID2 = try frame.u32(at: 12)
    group = try frame.u32(at: 20)
    isChangingServers = try frame.u8(at: 24) != 0
  }
}

/// 2b01.
package struct SaveFrame {
  package let player: PlayerKey
  /// The player is quitting; the char-server answers with 2b21.
  package let isFinal: Bool
  package let status: CharStatus

  package static let finalOffset = 12

  package init(_ frame: Frame) throws(WireError) {
    player = PlayerKey(account: try frame.u32(at: 4), character: try frame.u32(at: 8))
    isFinal = try frame.u8(at: SaveFrame.finalOffset) != 0
    status = CharStatus(frame, from: 13)
  }
}

/// 2b05, and 2b06, which repeats its first 44 bytes.
package struct ChangeServerFrame: Hashable, Sendable {
  package let player: PlayerKey
  /// 0 in a 2b06 that refuses.
  package let loginID1: UInt32
  package let map: LinkMapName
  package let x: UInt16
  package let y: UInt16
  package let address: LinkAddress

  package static let addressOffset = 38

  package init(_ frame: Frame) throws(WireError) {
    player = PlayerKey(account: try frame.u32(at: 2), character: try frame.u32(at: 14))
    loginID1 = try frame.u32(at: 6)
    map = try frame.mapName(at: 18)
    x = try frame.u16(at: 34)
    y = try frame.u16(at: 36)
    address = try frame.address(at: ChangeServerFrame.addressOffset)
  }
}

/// 2aff.
package struct UserListFrame: Hashable, Sendable {
  package let players: [PlayerKey]

  /// What 65,535 bytes hold.
  package static let capacity = (FrameTable.largest - 6) / 8

  /// - Throws: `invalid` when the count is not that of the entries.
  package init(_ frame: Frame) throws(WireError) {
    let count = Int(try frame.u16(at: 4))
    guard frame.count == 6 + count * 8 else { throw .invalid }
    var players: [PlayerKey] = []
    players.reserveCapacity(count)
    for index in 0..<count {
      players.append(
        PlayerKey(account: try frame.u32(at: 6 + index * 8), character: try frame.u32(at: 10 + index * 8)))
    }
    self.players = players
  }
}

/// A player as the link names him. Some frames have only one of the two.
package struct PlayerKey: Hashable, Sendable {
  package let account: UInt32
  package let character: UInt32

  package init(account: UInt32, character: UInt32) {
    self.account = account
    self.character = character
  }
}

// Frames that a bridge makes itself.
extension Writer {
  package mutating func command(_ command: UInt16) { u16(command) }

  /// 2af8, 60 bytes.
  package mutating func loginFrame(user: String, password: String, address: LinkAddress) {
    command(Command.login)
    linkText(user, size: 24)
    linkText(password, size: 24)
    u32(0)
    linkAddress(address)
  }

  /// 2afa. At most 4,095 names fit; a char-server dies of more than 2,047.
  package mutating func mapListFrame(_ maps: [LinkMapName]) {
    command(Command.mapList)
    u16(UInt16(truncatingIfNeeded: Frame.variableHeader + maps.count * LinkMapName.size))
    for map in maps { linkMapName(map) }
  }

  /// 2b04.
  package mutating func othersMapsFrame(_ address: LinkAddress, _ maps: [LinkMapName]) {
    command(Command.othersMaps)
    u16(UInt16(truncatingIfNeeded: 10 + maps.count * LinkMapName.size))
    linkAddress(address)
    for map in maps { linkMapName(map) }
  }

  /// 2b20 as a map-server takes it: it compares address and port without swapping them, while it stores them swapped.
  /// In network order, which a char-server sends, its routes are never erased.
  package mutating func serverGoneFrame(_ address: LinkAddress, _ maps: [LinkMapName]) {
    command(Command.serverGone)
    u16(UInt16(truncatingIfNeeded: 10 + maps.count * LinkMapName.size))
    u32(address.ipv4)
    u16(address.port)
    for map in maps { linkMapName(map) }
  }

  /// 2afe.
  package mutating func userCountFrame(_ users: UInt16) {
    command(Command.userCount)
    u16(users)
  }

  /// 2aff of at most `UserListFrame.capacity` players.
  package mutating func userListFrame(_ players: some Collection<PlayerKey>) {
    command(Command.userList)
    u16(UInt16(truncatingIfNeeded: 6 + players.count * 8))
    u16(UInt16(truncatingIfNeeded: players.count))
    for player in players {
      u32(player.account)
      u32(player.character)
    }
  }

  /// 2b17 and 2b19: character first.
  package mutating func characterFrame(_ command: UInt16, _ player: PlayerKey) {
    self.command(command)
    u32(player.character)
    u32(player.account)
  }

  /// 2b21: account first.
  package mutating func saveAnswerFrame(_ player: PlayerKey) {
    command(Command.saveAnswer)
    u32(player.account)
    u32(player.character)
  }

  /// 2b1f.
  package mutating func kickFrame(account: UInt32, reason: UInt8) {
    command(Command.kick)
    u32(account)
    u8(reason)
  }

  /// 2b27: the beginning of the request.
  package mutating func authRefusedFrame(_ request: AuthRequestFrame) {
    command(Command.authRefused)
    u32(request.player.account)
    u32(request.player.character)
    u32(request.loginID1)
    u8(request.sex)
    u32(request.clientAddress)
  }

  /// 3002: 0 said, 1 not here, 2 ignored.
  package mutating func whisperResultFrame(_ whisper: UInt32, _ result: UInt8) {
    command(Command.whisperResult)
    u32(whisper)
    u8(result)
  }

  /// 38a2.
  package mutating func clanCountFrame(_ clan: UInt32, _ members: UInt16) {
    command(Command.clanCount)
    u32(clan)
    u16(members)
  }

  /// A frame with another command.
  package mutating func frame(_ frame: Frame, command: UInt16) {
    self.command(command)
    if let rest = try? frame.bytes(at: 2, count: frame.count - 2) { append(rest) }
  }

  /// A frame with another address at `offset`, in network order.
  package mutating func frame(_ frame: Frame, address: LinkAddress, at offset: Int) {
    guard let head = try? frame.bytes(at: 0, count: offset),
      let tail = try? frame.bytes(at: offset + 6, count: frame.count - offset - 6)
    else { return }
    append(head)
    linkAddress(address)
    append(tail)
  }
}
