import RathenaLink
import Testing
import Wire

/// A host's link with everything that it has sent.
struct HostLinkRig {
  var link: HostLink
  var toBridge: [Numbered] = []
  var saves: [Kept] = []
  var toMapServer: [[UInt8]] = []
  var events: [HostLinkEvent] = []
  var closes = 0
  var asks = 0
  /// A bridge that answers the handshake at once, and an outbox that has nothing.
  var answers = false
  private let effects = HostLinkEffects(buffer: MessageBuffer())

  struct Numbered: Equatable {
    var bytes: [UInt8]
    var sequence: UInt64
  }

  struct Kept: Equatable {
    var bytes: [UInt8]
    var sequence: UInt64
    var isSent: Bool
  }

  init(_ link: HostLink = HostLink(reign: Rig.reign(1))) { self.link = link }

  mutating func handle(_ input: HostLinkInput) {
    var effects = effects
    effects.removeAll()
    link.handle(input, into: &effects)
    func bytes(_ message: MessageRange) -> [UInt8] { [UInt8](effects.buffer.bytes(of: message)) }
    let sent = effects.toBridge.map { Numbered(bytes: bytes($0.message), sequence: $0.sequence) }
    toBridge += sent
    saves += effects.saves.map { Kept(bytes: bytes($0.message), sequence: $0.sequence, isSent: $0.isSent) }
    toMapServer += effects.toMapServer.map(bytes)
    events += effects.events
    if effects.closesMapServer { closes += 1 }
    let asksForSaves = effects.asksForSaves
    if asksForSaves { asks += 1 }
    guard answers else { return }
    if asksForSaves { handle(.resent) }
    for frame in sent {
      switch frame.bytes.command {
      case Command.login:
        down([UInt8](hex: "f92a 00"))
        down(Made.storageTable)
      case Command.mapList:
        down(Made.welcome)
        down(Made.fameLists)
      default: break
      }
    }
  }

  mutating func up(_ bytes: [UInt8]) { bytes.withUnsafeBytes { handle(.mapServer($0)) } }

  mutating func down(_ frame: [UInt8]) { frame.withUnsafeBytes { handle(.bridge($0)) } }

  mutating func forget() {
    (toBridge, saves, toMapServer, events) = ([], [], [], [])
    (closes, asks) = (0, 0)
  }

  /// A map-server that plays, at a bridge that is there.
  static func serving() -> HostLinkRig {
    var rig = HostLinkRig()
    rig.answers = true
    rig.handle(.bridgeOpened)
    rig.up(HostLinkTests.login)
    rig.up(HostLinkTests.maps)
    rig.forget()
    return rig
  }
}

@Suite("The char-link of a map-server at its host")
struct HostLinkTests {
  static let login = Made.login(LinkAddress(ipv4: 0x7f00_0001, port: 17_001))
  static let maps = Made.mapList(Rig.shardMaps(1))
  private let player = Made.player(1)
  private let keepalive = [UInt8](hex: "232b")
  private let keepaliveAnswer = [UInt8](hex: "242b")
  private let castles = [UInt8](hex: "4030 0400")

  @Test(
    "from the start to play: nothing that it says of itself is numbered, all else is, and saves go to the outbox too")
  func start() {
    var rig = HostLinkRig(HostLink(reign: Rig.reign(1), after: 40))
    rig.up(Self.login)
    #expect(rig.toBridge.isEmpty && rig.link.state == .notLoggedIn)
    rig.handle(.bridgeOpened)
    #expect(rig.toBridge == [.init(bytes: Self.login, sequence: 0)])
    rig.down([UInt8](hex: "f92a 00"))
    rig.down(Made.storageTable)
    #expect(rig.link.state == .standby && rig.events == [.loggedIn])
    rig.up(Self.maps + castles + keepalive)
    #expect(rig.toBridge.suffix(2) == [.init(bytes: Self.maps, sequence: 0), .init(bytes: castles, sequence: 0)])
    #expect(rig.link.state == .standby && rig.asks == 0)
    rig.down([UInt8](hex: "4038 0500 01"))
    rig.down(Made.welcome)
    rig.down(Made.fameLists)
    #expect(rig.link.state == .serving && rig.events == [.loggedIn, .serving] && rig.asks == 1)
    #expect(
      rig.toMapServer == [
        [UInt8](hex: "f92a 00"), Made.storageTable, keepaliveAnswer, [UInt8](hex: "4038 0500 01"), Made.welcome,
        Made.fameLists,
      ])
    // The outbox has not said that it is through: a save waits there, the rest here.
    rig.forget()
    rig.up(Made.users([]))
    rig.up(Made.save(player, value: 1))
    rig.up(Made.authRequest(Made.player(2)))
    #expect(rig.toBridge == [.init(bytes: Made.users([]), sequence: 0)])
    #expect(rig.saves == [.init(bytes: Made.save(player, value: 1), sequence: 41, isSent: false)])
    rig.handle(.resent)
    #expect(rig.toBridge.last == .init(bytes: Made.authRequest(Made.player(2)), sequence: 42))
    rig.up(Made.save(player, value: 2))
    #expect(rig.toBridge.last == .init(bytes: Made.save(player, value: 2), sequence: 43))
    #expect(rig.saves.last == .init(bytes: Made.save(player, value: 2), sequence: 43, isSent: true))
    rig.handle(.taken(90))
    rig.up(Made.offline(player))
    #expect(rig.toBridge.last == .init(bytes: Made.offline(player), sequence: 91))
  }

  @Test("a bridge that is away: keepalive answered, saves kept, what has a key held, the rest dropped")
  func away() {
    var rig = HostLinkRig.serving()
    rig.down(Made.authAccepted(player))
    rig.down(Made.authAccepted(Made.player(2)))
    rig.down(Made.authAccepted(Made.player(3)))
    rig.handle(.bridgeClosed)
    rig.forget()
    let registry = [UInt8](hex: "0430 1400 81841e00 f1490200 0000 00000000 0000")
    rig.up(keepalive + Made.save(player, value: 1) + Made.save(Made.player(2), final: true) + registry)
    rig.up(Made.offline(Made.player(3)) + Made.authRequest(Made.player(4)) + [UInt8](hex: "082b 01000000 fe2a 0500"))
    #expect(rig.toMapServer == [keepaliveAnswer])
    #expect(rig.toBridge.isEmpty && rig.closes == 0 && rig.link.state == .serving)
    #expect(rig.saves.map(\.sequence) == [1, 2, 3] && rig.saves.allSatisfy { !$0.isSent })
    #expect(rig.link.counters.held == 2 && rig.link.counters.droppedAway == 2)
    rig.down(Made.kick(player))
    #expect(rig.toMapServer.count == 1)

    // Another bridge: it hears who this is, who plays here, what the outbox has, and then what was held.
    rig.forget()
    rig.handle(.bridgeOpened)
    #expect(
      rig.toBridge == [
        .init(bytes: Self.login, sequence: 0), .init(bytes: Self.maps, sequence: 0),
        .init(bytes: Made.users([player]), sequence: 0), .init(bytes: Made.offline(Made.player(3)), sequence: 4),
        .init(bytes: Made.authRequest(Made.player(4)), sequence: 5),
      ])
    #expect(rig.asks == 1 && rig.events.isEmpty)
    // The map-server is not told a second time what it must hear once; fame lists may come again.
    #expect(rig.toMapServer == [Made.fameLists])
    rig.down(Made.welcome)
    #expect(rig.asks == 1 && rig.toMapServer.count == 1)
  }

  @Test("with outbox and multiplexer: a bridge without a table takes over, and every save arrives once and in order")
  func anotherBridge() {
    var host = HostLinkRig.serving()
    host.down(Made.authAccepted(player))
    host.handle(.bridgeClosed)
    host.answers = false
    var outbox = OutboxRig()
    outbox.handle(.owner(Rig.reign(1)))
    host.forget()
    let saves = [
      Made.save(player, value: 1), Made.save(player, value: 2), Made.save(Made.player(2), final: true, value: 3),
    ]
    for save in saves { host.up(save) }
    for save in host.saves { outbox.frame(save.bytes, Rig.reign(1), save.sequence, isSent: save.isSent) }

    var rig = Rig.stage(serving: 0)
    rig.handle(.owner(ShardID(rawValue: 1), Rig.reign(1)))
    rig.handle(.streamOpened(StreamID(5), Rig.reign(1), process: ProcessNumber(1), door: Made.door(1)))
    rig.forget()
    func carry() {
      for frame in host.toBridge {
        frame.bytes.withUnsafeBytes { rig.handle(.frame($0, StreamID(5), Epoch(1), sequence: frame.sequence)) }
      }
      host.toBridge = []
      for frame in rig.takeDownstream(StreamID(5)) { host.down(frame) }
    }
    host.handle(.bridgeOpened)
    outbox.handle(.bridgeOpened)
    for _ in 0..<3 { carry() }
    #expect(host.asks == 1)
    // By its list he is taken in; 2 has played out meanwhile.
    #expect(rig.takeUpstream() == [Made.online(player)])
    outbox.handle(.resend(Rig.reign(1)))
    for case .kept(_, let sequence, let bytes) in outbox.takeToBridge() {
      bytes.withUnsafeBytes { rig.handle(.frame($0, StreamID(5), Epoch(1), sequence: sequence)) }
    }
    host.handle(.resent)
    host.up(Made.save(player, value: 9))
    carry()
    // What nobody knows to be there is refused, and journaled; a bridge with a table would have passed it.
    #expect(rig.upstream == [saves[1], Made.save(player, value: 9)])
    #expect(rig.journal.map(\.bytes) == [saves[2]])
    for taken in rig.taken { outbox.handle(.taken(taken.reign, sequence: taken.sequence)) }
    #expect(outbox.log.isEmpty)
  }

  @Test("an answer about castles that is lost with a bridge: it begins anew; so it does when it asks nobody")
  func castlesLost() {
    var rig = HostLinkRig.serving()
    rig.up(castles)
    rig.handle(.bridgeClosed)
    #expect(rig.closes == 1 && rig.events == [.beginsAnew] && rig.link.state == .gone)
    rig = HostLinkRig.serving()
    rig.up(castles)
    rig.down([UInt8](hex: "4038 0500 01"))
    rig.handle(.bridgeClosed)
    #expect(rig.closes == 0)
    rig.up(castles + Made.save(player))
    #expect(rig.closes == 1 && rig.saves.isEmpty)
  }

  @Test("an unknown command closes the link and is reported; what came before it counts, nothing after it does")
  func fault() {
    var rig = HostLinkRig.serving()
    rig.up(Made.save(player) + [UInt8](hex: "992b 0000") + Made.save(player))
    #expect(rig.saves.count == 1 && rig.closes == 1)
    #expect(rig.events == [.fault(.unknown(0x2b99))] && rig.link.state == .gone)
    rig.up(Made.save(player))
    rig.handle(.bridgeOpened)
    rig.down(Made.welcome)
    #expect(rig.saves.count == 1 && rig.closes == 1 && rig.toBridge.count == 1)
    // What the map-server could not frame does not reach it.
    rig = HostLinkRig.serving()
    rig.down([UInt8](hex: "992b"))
    rig.down([UInt8](hex: "212b 00"))
    #expect(rig.toMapServer.isEmpty && rig.link.counters.malformed == 2)
  }

  @Test("what is held has a limit, and reaching it is told")
  func heldLimit() {
    var rig = HostLinkRig.serving()
    rig.handle(.bridgeClosed)
    let frame = Made.offline(player)
    let room = HostLink.heldLimit / frame.count
    for _ in 0..<(room + 3) { rig.up(frame) }
    #expect(rig.link.counters.held == UInt64(room) && rig.link.counters.heldFull == 3)
    #expect(rig.events.last == .heldFull)
  }

  @Test(
    "every segmentation of what recorded map-servers said gives the same",
    .enabled(if: Capture.isThere, Capture.absence))
  func everySegmentation() throws {
    for stream in try Capture().charLinks where stream.table.length(of: Command.login) != .unknown {
      let whole = try frames(stream.bytes, stream.table)
      let expected = whole.filter { $0 != keepalive && $0.command != Command.ownAddress }
      var once = HostLinkRig()
      once.answers = true
      once.handle(.bridgeOpened)
      // It waits for answers twice; all else came as it liked.
      #expect(whole[..<2].map(\.command) == [Command.login, Command.mapList])
      let handshake = whole[0].count + whole[1].count
      once.up(whole[0])
      once.up(whole[1])
      once.up(Array(stream.bytes[handshake...]))
      #expect(once.toBridge.map(\.bytes) == expected, "\(stream.name)")
      let numbers = once.toBridge.map(\.sequence).filter { $0 > 0 }
      #expect(numbers == Array(1...UInt64(numbers.count)))
      #expect(once.saves.count > 3 && once.link.counters.toBridge == UInt64(expected.count))

      // Byte by byte.
      var grown = HostLinkRig()
      grown.answers = true
      grown.handle(.bridgeOpened)
      var (place, start) = (0, 0)
      for split in 1...stream.bytes.count {
        grown.up([stream.bytes[split - 1]])
        if split == start + whole[place].count {
          (place, start) = (place + 1, split)
          continue
        }
        let end = start + whole[place].count
        // The rest in one piece, from the first and last bytes of a frame and every 61st between: the cutter's own tests try all.
        guard split - start < 8 || end - split < 8 || split % 61 == 0 else { continue }
        var second = grown
        second.up(Array(stream.bytes[split..<end]))
        let sent = second.toBridge.count - grown.toBridge.count
        let isQuiet = whole[place] == keepalive || whole[place].command == Command.ownAddress
        if sent != (isQuiet ? 0 : 1) || (!isQuiet && second.toBridge.last?.bytes != whole[place]) {
          Issue.record("\(stream.name): split after \(split)")
        }
      }
      #expect(grown.toBridge == once.toBridge && grown.saves == once.saves, "\(stream.name)")
      #expect(grown.toMapServer == once.toMapServer)
    }
  }
}
