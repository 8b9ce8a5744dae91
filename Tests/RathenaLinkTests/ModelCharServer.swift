import RathenaLink
import Wire

/// What a character's data are to the models: a value that grows as he plays, and the session that he plays in.
struct ModelStatus: Hashable {
  static let size = 64
  var player: PlayerKey
  /// Each 2afd begins one. It lets the char-server model see a save of an earlier life.
  var session: UInt32 = 0
  var value: UInt32 = 0

  func write(into writer: inout Writer) {
    writer.u32(player.character)
    writer.u32(player.account)
    writer.u32(session)
    writer.zeros(28)
    writer.u32(value)
    writer.zeros(ModelStatus.size - 44)
  }

  init(player: PlayerKey, session: UInt32 = 0, value: UInt32 = 0) {
    self.player = player
    self.session = session
    self.value = value
  }

  /// From a 2afd or a 2b01.
  init(_ frame: Frame, at start: Int) throws(WireError) {
    player = PlayerKey(account: try frame.u32(at: start + 4), character: try frame.u32(at: start))
    session = try frame.u32(at: start + 8)
    value = try frame.u32(at: start + 40)
  }
}

/// A char-server as the reference describes it, with one link and as many characters as it is asked for. It knows
/// nothing of a mesh.
struct ModelCharServer {
  enum Choice: Equatable {
    /// Where the client is sent.
    case map(LinkMapName, loginID1: UInt32)
    /// "Already online": the first attempt after a crash, and while the map-server has not let go.
    case alreadyOnline
    /// No map-server has his map.
    case noServer
  }

  private struct Node {
    var character: UInt32
    var loginID1: UInt32
    var isChanging: Bool
  }

  /// What must never happen, as text.
  private(set) var violations: [String] = []
  private(set) var maps: Set<LinkMapName> = []
  private(set) var online: [UInt32: UInt32] = [:]
  private(set) var saved: [UInt32: ModelStatus] = [:]
  private(set) var lastMap: [UInt32: LinkMapName] = [:]
  private(set) var changes = 0
  private var nodes: [UInt32: Node] = [:]
  private var sessions: [UInt32: UInt32] = [:]
  /// Kicked and not yet let go of: set offline when it is time, as stock does after 15 s.
  private var kicked: [UInt32: UInt64] = [:]
  private var cutter = FrameCutter(table: .toCharServer)
  private var nextLogin: UInt32 = 1
  private var address: LinkAddress?

  /// For the bridge.
  var sent: [UInt8] = []

  /// All that is only in memory is gone.
  mutating func restart() {
    online = [:]
    nodes = [:]
    kicked = [:]
    closeLink()
  }

  /// All characters of the link are nowhere.
  mutating func closeLink() {
    online = [:]
    maps = []
    cutter = FrameCutter(table: .toCharServer)
    sent = []
  }

  mutating func tick(_ now: UInt64) {
    for (account, due) in kicked where due <= now {
      kicked[account] = nil
      online[account] = nil
    }
  }

  /// A player chooses his character.
  mutating func choose(_ player: PlayerKey, home: LinkMapName, now: UInt64) -> Choice {
    guard online[player.account] == nil else {
      if kicked[player.account] == nil { kicked[player.account] = now + Nanoseconds.seconds(15) }
      send(7) { $0.kickFrame(account: player.account, reason: KickReason.someoneElseLoggedIn) }
      return .alreadyOnline
    }
    let map = lastMap[player.character] ?? home
    guard maps.contains(map) else { return .noServer }
    nextLogin += 1
    nodes[player.account] = Node(character: player.character, loginID1: nextLogin, isChanging: false)
    return .map(map, loginID1: nextLogin)
  }

  mutating func receive(_ bytes: UnsafeRawBufferPointer, now: UInt64) {
    var cutter = cutter
    do {
      try cutter.cut(bytes) { bytes in
        do { try receive(try Frame(bytes, table: .toCharServer)) } catch { violations.append("a bad frame: \(error)") }
      }
    } catch { violations.append("\(error): it would drop the link") }
    self.cutter = cutter
  }

  private mutating func send(_ room: Int, _ body: (inout Writer) -> Void) { sent += written(room, body) }

  private mutating func receive(_ frame: Frame) throws(WireError) {
    switch frame.command {
    case Command.login:
      address = try LoginFrame(frame).address
      sent += [UInt8](hex: "f92a 00") + Made.storageTable
    case Command.mapList:
      let names = try frame.mapNames(from: 4)
      if names.count > 2_047 { violations.append("it would die of \(names.count) maps") }
      maps = Set(names)
      sent += Made.welcome + Made.fameLists
    case Command.authRequest: letIn(try AuthRequestFrame(frame))
    case Command.changeServer: try change(frame)
    case Command.saveCharacter: try save(frame)
    case Command.characterOffline:
      let (character, account) = (try frame.u32(at: 2), try frame.u32(at: 6))
      if online[account] == character { setOffline(account) }
    case Command.characterOnline: online[try frame.u32(at: 6)] = try frame.u32(at: 2)
    case Command.userList:
      let users = try UserListFrame(frame).players
      online = [:]
      for user in users { online[user.account] = user.character }
    case Command.allOffline: violations.append("2b18 would set everybody of all map-servers offline")
    case Command.keepalive: sent += [UInt8](hex: "242b")
    case Command.askCastles: sent += [UInt8](hex: "4038 0500 01")
    default: break
    }
  }

  private mutating func setOffline(_ account: UInt32) {
    online[account] = nil
    kicked[account] = nil
  }

  private mutating func letIn(_ request: AuthRequestFrame) {
    let player = request.player
    guard let node = nodes[player.account], node.character == player.character, node.loginID1 == request.loginID1 else {
      sent += Made.authRefused(player, loginID1: request.loginID1)
      return
    }
    nodes[player.account] = nil
    online[player.account] = player.character
    kicked[player.account] = nil
    sessions[player.character, default: 0] += 1
    var status = saved[player.character] ?? ModelStatus(player: player)
    status.session = sessions[player.character] ?? 0
    send(25 + ModelStatus.size) {
      $0.command(Command.authAccepted)
      $0.u16(UInt16(25 + ModelStatus.size))
      $0.u32(player.account)
      $0.u32(request.loginID1)
      $0.u32(1)
      $0.zeros(8)
      $0.u8(node.isChanging ? 1 : 0)
      status.write(into: &$0)
    }
  }

  private mutating func change(_ frame: Frame) throws(WireError) {
    let change = try ChangeServerFrame(frame)
    let isKnown = maps.contains(change.map) && change.address == address
    if isKnown {
      changes += 1
      lastMap[change.player.character] = change.map
      nodes[change.player.account] = Node(
        character: change.player.character, loginID1: change.loginID1, isChanging: true)
      online[change.player.account] = change.player.character
    }
    sent += Made.changeAnswer([UInt8](frame.bytes), refused: !isKnown)
  }

  private mutating func save(_ frame: Frame) throws(WireError) {
    let save = try SaveFrame(frame)
    let status = try ModelStatus(frame, at: 13)
    guard save.status.size == ModelStatus.size else { return }
    let character = save.player.character
    if status.session != sessions[character] {
      violations.append("\(character): a save of session \(status.session) after \(sessions[character] ?? 0) began")
    }
    if let old = saved[character], old.session == status.session, old.value > status.value {
      violations.append("\(character): \(status.value) saved over \(old.value)")
    }
    saved[character] = status
    guard save.isFinal else { return }
    setOffline(save.player.account)
    sent += Made.saveAnswer(save.player)
  }
}
