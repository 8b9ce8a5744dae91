import RathenaLink
import Wire

/// A map-server process as the reference describes it: it saves, crosses, repeats what was not answered, and knows
/// nothing of a mesh.
struct ModelMapServer {
  enum State: Hashable {
    /// 2b26 is sent.
    case entering(loginID1: UInt32)
    case playing
    /// The final save is sent; it is repeated until 2b21 comes.
    case saving
    /// 2b05 is sent.
    case crossing(LinkMapName, LinkAddress)
  }

  struct Player: Hashable {
    var status: ModelStatus
    var loginID1: UInt32
    var state: State
    var since: UInt64
  }

  /// What its clients see.
  enum Notice: Hashable {
    case entered(UInt32)
    case disconnected(UInt32)
    case sentTo(UInt32, LinkMapName, LinkAddress, loginID1: UInt32)
  }

  let maps: [LinkMapName]
  let address: LinkAddress
  private(set) var players: [UInt32: Player] = [:]
  private(set) var isOnline = false
  private(set) var routes: [LinkMapName: LinkAddress] = [:]
  private(set) var others = 0
  private(set) var violations: [String] = []
  /// Frames for the bridge.
  var sent: [[UInt8]] = []
  var notices: [Notice] = []

  init(maps: [LinkMapName], address: LinkAddress) {
    self.maps = maps
    self.address = address
  }

  var sortedPlayers: [(account: UInt32, player: Player)] {
    players.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  mutating func closeLink() {
    isOnline = false
    sent = []
  }

  mutating func connect() {
    isOnline = false
    routes = [:]
    others = 0
    sent = [Made.login(address)]
  }

  /// False: somebody of that account is here still.
  mutating func enter(_ player: PlayerKey, loginID1: UInt32, now: UInt64) -> Bool {
    guard isOnline, players[player.account] == nil else { return false }
    players[player.account] = Player(
      status: ModelStatus(player: player), loginID1: loginID1, state: .entering(loginID1: loginID1), since: now)
    sent.append(Made.authRequest(player, loginID1: loginID1))
    return true
  }

  mutating func earn(_ account: UInt32) {
    if players[account]?.state == .playing { players[account]?.status.value += 1 }
  }

  mutating func autosave(_ account: UInt32) {
    if isOnline, let player = players[account], player.state == .playing { save(player.status, final: false) }
  }

  /// His socket has closed.
  mutating func leave(_ account: UInt32, now: UInt64) {
    guard let player = players[account] else { return }
    switch player.state {
    case .playing:
      players[account]?.state = .saving
      players[account]?.since = now
      if isOnline { save(player.status, final: true) }
    case .entering, .crossing, .saving: break
    }
  }

  /// False when it knows no way: the warp does nothing. Below one other server it would disconnect him.
  mutating func warp(_ account: UInt32, to map: LinkMapName, now: UInt64) -> Bool {
    guard isOnline, let player = players[account], player.state == .playing, let address = routes[map] else {
      return false
    }
    if others < 1 {
      violations.append("it knows a way to \(map) and counts \(others) others")
      return false
    }
    save(player.status, final: false)
    players[account]?.state = .crossing(map, address)
    players[account]?.since = now
    change(player, map, address)
    return true
  }

  mutating func tick(_ now: UInt64) {
    for (account, player) in sortedPlayers {
      switch player.state {
      case .entering where now - player.since > Nanoseconds.seconds(30),
        .crossing where now - player.since > Nanoseconds.seconds(60):
        players[account] = nil
        if isOnline { sent.append(Made.offline(player.status.player)) }
        notices.append(.disconnected(account))
      case .saving where now - player.since > Nanoseconds.seconds(30):
        players[account]?.since = now
        if isOnline { save(player.status, final: true) }
      default: break
      }
    }
  }

  mutating func receive(_ bytes: [UInt8], now: UInt64) throws {
    try bytes.frame(.toMapServer) { frame in
      switch frame.command {
      case Command.loginAnswer:
        sent.append(written(4 + maps.count * 16) { $0.mapListFrame(maps) })
        sent.append([UInt8](hex: "4030 0400"))
      case Command.welcome: begin(now)
      case Command.othersMaps:
        let server = try ServerMapsFrame(frame)
        if server.address == address { violations.append("its own address with maps of another: it would exit") }
        for map in server.maps { routes[map] = server.address }
        others += 1
      case Command.serverGone:
        // It compares what stands there, unswapped, with what it stored.
        let host = LinkAddress(ipv4: try frame.u32(at: 4), port: try frame.u16(at: 8))
        for map in try ServerMapsFrame(frame).maps where routes[map] == host { routes[map] = nil }
        others -= 1
      case Command.authAccepted:
        let account = try frame.u32(at: 4)
        guard case .entering = players[account]?.state else { return }
        players[account]?.status = try ModelStatus(frame, at: 25)
        players[account]?.state = .playing
        notices.append(.entered(account))
      case Command.authRefused:
        let account = try frame.u32(at: 2)
        guard case .entering = players[account]?.state else { return }
        players[account] = nil
        notices.append(.disconnected(account))
      case Command.changeServerAnswer: try changed(frame)
      case Command.saveAnswer:
        let account = try frame.u32(at: 2)
        if players[account]?.state == .saving { players[account] = nil }
      case Command.kick: kicked(try frame.u32(at: 2), now: now)
      default: break
      }
    }
  }

  /// 2afb: users, then what was not answered before the link broke.
  private mutating func begin(_ now: UInt64) {
    isOnline = true
    let users = sortedPlayers.filter { $0.player.state == .playing }.map(\.player.status.player)
    sent.append(written(6 + users.count * 8) { $0.userListFrame(users) })
    for (_, player) in sortedPlayers {
      switch player.state {
      case .saving: save(player.status, final: true)
      case .crossing(let map, let address): change(player, map, address)
      case .playing, .entering: break
      }
    }
  }

  private mutating func changed(_ frame: Frame) throws(WireError) {
    let answer = try ChangeServerFrame(frame)
    let account = answer.player.account
    guard let player = players[account], case .crossing(let map, let address) = player.state else { return }
    if answer.address != address { violations.append("2b06 with the address \(answer.address)") }
    players[account] = nil
    if answer.loginID1 == 0 {
      sent.append(Made.offline(answer.player))
      notices.append(.disconnected(account))
    } else {
      notices.append(.sentTo(account, map, address, loginID1: player.loginID1))
    }
  }

  private mutating func kicked(_ account: UInt32, now: UInt64) {
    guard let player = players[account] else { return }
    switch player.state {
    case .playing:
      notices.append(.disconnected(account))
      leave(account, now: now)
    case .entering:
      players[account] = nil
      notices.append(.disconnected(account))
    case .crossing, .saving: break
    }
  }

  private mutating func change(_ player: Player, _ map: LinkMapName, _ address: LinkAddress) {
    sent.append(
      written(53) {
        $0.command(Command.changeServer)
        $0.u32(player.status.player.account)
        $0.u32(player.loginID1)
        $0.u32(1)
        $0.u32(player.status.player.character)
        $0.linkMapName(map)
        $0.u32(0)
        $0.linkAddress(address)
        $0.zeros(9)
      })
  }

  private mutating func save(_ status: ModelStatus, final: Bool) {
    sent.append(
      written(13 + ModelStatus.size) {
        $0.command(Command.saveCharacter)
        $0.u16(UInt16(13 + ModelStatus.size))
        $0.u32(status.player.account)
        $0.u32(status.player.character)
        $0.u8(final ? 1 : 0)
        status.write(into: &$0)
      })
  }
}
