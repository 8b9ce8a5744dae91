import RathenaLink
import Testing
import Wire

/// A multiplexer with everything that it has sent, cut into frames.
struct Rig {
  var multiplexer: Multiplexer
  var now = Now(monotonic: 1_000_000_000, wall: 0)
  var upstream: [[UInt8]] = []
  var downstream: [StreamID: [[UInt8]]] = [:]
  var events: [MultiplexerEvent] = []
  var journal: [(refusal: FrameRefusal, bytes: [UInt8])] = []
  var taken: [MultiplexerEffects.Taken] = []
  var presence: [MultiplexerEffects.PresenceChange] = []
  var closedStreams: [StreamID] = []
  var upstreamCloses = 0
  var deadlines: [Deadline] = []
  /// Last sequence given to each reign.
  private var sequences: [Reign: UInt64] = [:]
  private var effects = MultiplexerEffects(buffer: MessageBuffer())

  init(_ change: (inout MultiplexerSettings) -> Void = { _ in }) {
    var settings = MultiplexerSettings(user: "s1", password: "p1")
    change(&settings)
    multiplexer = Multiplexer(settings: settings)
  }

  /// Owners say at once that nothing is left of earlier reigns, unless a test does it.
  var ownersCatchUp = true

  mutating func handle(_ input: MultiplexerInput) {
    multiplexer.handle(input, now: now, into: &effects)
    if ownersCatchUp, case .owner(_, let reign?) = input {
      multiplexer.handle(.caughtUp(reign), now: now, into: &effects)
    }
    let buffer = effects.buffer
    for message in effects.upstream { upstream.append([UInt8](buffer.bytes(of: message))) }
    for send in effects.downstream {
      downstream[send.stream, default: []].append([UInt8](buffer.bytes(of: send.message)))
    }
    for entry in effects.journal { journal.append((entry.refusal, [UInt8](buffer.bytes(of: entry.message)))) }
    events += effects.events
    taken += effects.taken
    presence += effects.presence
    closedStreams += effects.closedStreams
    deadlines += effects.deadlines
    if effects.closesUpstream { upstreamCloses += 1 }
    effects.removeAll()
  }

  /// A frame of a map-server with the next sequence.
  mutating func up(_ stream: StreamID, _ reign: Reign, _ bytes: [UInt8]) {
    sequences[reign, default: 0] += 1
    let sequence = sequences[reign] ?? 0
    bytes.withUnsafeBytes { handle(.frame($0, stream, reign.epoch, sequence: sequence)) }
  }

  /// Bytes of the char-server.
  mutating func down(_ bytes: [UInt8]) { bytes.withUnsafeBytes { handle(.upstream($0)) } }

  /// What has been sent since the last call.
  mutating func takeUpstream() -> [[UInt8]] {
    defer { upstream = [] }
    return upstream
  }

  mutating func takeDownstream(_ stream: StreamID) -> [[UInt8]] { downstream.removeValue(forKey: stream) ?? [] }

  mutating func forget() {
    upstream = []
    downstream = [:]
    events = []
    journal = []
    taken = []
    presence = []
    closedStreams = []
    deadlines = []
  }

  var commandsUp: [UInt16] { upstream.map(\.command) }
  func commandsDown(_ stream: StreamID) -> [UInt16] { (downstream[stream] ?? []).map(\.command) }
}

/// Tells the first frame that differs, not both lists.
func expectSame(_ got: [[UInt8]], _ expected: [[UInt8]], _ what: String) {
  for (place, (left, right)) in zip(got, expected).enumerated() where left != right {
    Issue.record("\(what): frame \(place) is \(hex(left)), not \(hex(right))")
    return
  }
  #expect(
    got.count == expected.count, "\(what): \(got.map { hex($0) }.suffix(3)), \(expected.map { hex($0) }.suffix(3))")
}

private func hex(_ bytes: [UInt8]) -> String {
  bytes.prefix(60).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// Names and frames that tests write down.
enum Made {
  static func map(_ text: String) -> LinkMapName {
    guard let name = LinkMapName(text) else { preconditionFailure("not a map's name: \(text)") }
    return name
  }

  static func reign(_ shard: UInt64, host: UInt64, epoch: UInt64 = 1) -> Reign {
    Reign(shard: ShardID(rawValue: shard), host: HostID(rawValue: host), epoch: Epoch(epoch))
  }

  static func door(_ number: UInt32) -> LinkAddress { LinkAddress(ipv4: 0x0a00_0000 | number, port: 7_001) }

  static func player(_ number: UInt32) -> PlayerKey {
    PlayerKey(account: 2_000_000 + number, character: 150_000 + number)
  }

  static let storageTable = [UInt8](hex: "8c38 0800 01020304")
  static let welcome = written(53) {
    $0.command(Command.welcome)
    $0.u16(53)
    $0.u8(0)
    $0.linkText("Server", size: 24)
    $0.linkText("rAthena", size: 24)
  }
  static let fameLists = [UInt8](hex: "1b2b 0800 0800 0800")

  static func login(_ address: LinkAddress) -> [UInt8] {
    written(60) { $0.loginFrame(user: "s1", password: "p1", address: address) }
  }

  static func mapList(_ maps: [String]) -> [UInt8] { written(40_000) { $0.mapListFrame(maps.map(map)) } }

  static func authRequest(_ player: PlayerKey, loginID1: UInt32 = 77, autotrade: Bool = false) -> [UInt8] {
    written(20) {
      $0.command(Command.authRequest)
      $0.u32(player.account)
      $0.u32(player.character)
      $0.u32(loginID1)
      $0.u8(1)
      $0.u32(0x0100_007f)
      $0.u8(autotrade ? 1 : 0)
    }
  }

  static func authAccepted(
    _ player: PlayerKey, loginID1: UInt32 = 77, changing: Bool = false, value: UInt32 = 0, size: Int = 200
  ) -> [UInt8] {
    written(25 + size) {
      $0.command(Command.authAccepted)
      $0.u16(UInt16(25 + size))
      $0.u32(player.account)
      $0.u32(loginID1)
      $0.u32(88)
      $0.u32(0)
      $0.u32(0)
      $0.u8(changing ? 1 : 0)
      status(player, value: value, size: size, into: &$0)
    }
  }

  static func authRefused(_ player: PlayerKey, loginID1: UInt32 = 77) -> [UInt8] {
    [UInt8](hex: "272b") + authRequest(player, loginID1: loginID1)[2..<19]
  }

  /// `value` stands where the zeny is.
  private static func status(_ player: PlayerKey, value: UInt32, size: Int, into writer: inout Writer) {
    writer.u32(player.character)
    writer.u32(player.account)
    writer.zeros(32)
    writer.u32(value)
    writer.zeros(size - 44)
  }

  static func save(_ player: PlayerKey, final: Bool = false, value: UInt32 = 0, size: Int = 200) -> [UInt8] {
    written(13 + size) {
      $0.command(Command.saveCharacter)
      $0.u16(UInt16(13 + size))
      $0.u32(player.account)
      $0.u32(player.character)
      $0.u8(final ? 1 : 0)
      status(player, value: value, size: size, into: &$0)
    }
  }

  static func changeServer(_ player: PlayerKey, map: String, address: LinkAddress, loginID1: UInt32 = 77) -> [UInt8] {
    written(53) {
      $0.command(Command.changeServer)
      $0.u32(player.account)
      $0.u32(loginID1)
      $0.u32(88)
      $0.u32(player.character)
      $0.linkMapName(Made.map(map))
      $0.u16(10)
      $0.u16(20)
      $0.linkAddress(address)
      $0.u8(1)
      $0.u32(0x0100_007f)
      $0.u32(0)
    }
  }

  /// 2b06 as the char-server makes it from a request.
  static func changeAnswer(_ request: [UInt8], refused: Bool = false) -> [UInt8] {
    var answer = [UInt8](hex: "062b") + request[2..<44]
    if refused { answer.replaceSubrange(6..<10, with: [0, 0, 0, 0]) }
    return answer
  }

  static func offline(_ player: PlayerKey) -> [UInt8] {
    written(10) { $0.characterFrame(Command.characterOffline, player) }
  }

  static func online(_ player: PlayerKey) -> [UInt8] {
    written(10) { $0.characterFrame(Command.characterOnline, player) }
  }

  static func saveAnswer(_ player: PlayerKey) -> [UInt8] { written(10) { $0.saveAnswerFrame(player) } }

  static func kick(_ player: PlayerKey) -> [UInt8] {
    written(7) { $0.kickFrame(account: player.account, reason: KickReason.someoneElseLoggedIn) }
  }

  static func users(_ players: [PlayerKey]) -> [UInt8] { written(65_535) { $0.userListFrame(players) } }
}
