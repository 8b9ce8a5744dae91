import RathenaLink
import Testing
import Wire

@Suite("Multiplexer: the link to the char-server")
struct UpstreamTests {
  private let one = StreamID(1)
  private let two = StreamID(2)
  private let player = Made.player(1)

  @Test("a char-server that restarts: map-servers stay, users are named, and what waited follows in order")
  func restart() {
    var rig = Rig.stage(serving: 2)
    for number: UInt32 in 1...3 { rig.enter(Made.player(number), at: 1) }
    rig.forget()
    rig.handle(.upstreamClosed)
    #expect(rig.events == [.upstreamLost])
    #expect(rig.downstream.isEmpty && rig.closedStreams.isEmpty)
    let registry = [UInt8](hex: "0430 1400 82841e00 f2490200 0000 00000000 0000")
    rig.up(one, Rig.reign(1), Made.save(Made.player(1), value: 1))
    rig.up(one, Rig.reign(1), registry)
    rig.up(one, Rig.reign(1), [UInt8](hex: "232b"))
    rig.up(one, Rig.reign(1), [UInt8](hex: "fe2a 0300"))
    rig.up(one, Rig.reign(1), [UInt8](hex: "4030 0400"))
    rig.up(one, Rig.reign(1), Made.save(Made.player(2), final: true, value: 2))
    rig.up(one, Rig.reign(1), Made.save(Made.player(1), value: 3))
    rig.up(one, Rig.reign(1), registry)
    // The castles were nobody's to answer.
    #expect(rig.multiplexer.counters.droppedAway == 1)
    #expect(rig.downstream == [one: [[UInt8](hex: "242b")]])
    #expect(rig.upstream.isEmpty)
    // Login and list were handled before; what waits has not been taken by anybody yet.
    #expect(rig.taken.isEmpty)

    rig.forget()
    rig.connect()
    #expect(
      rig.upstream == [
        Made.login(.virtual), Made.mapList(["map1", "in1", "map2", "in2"]),
        Made.users([Made.player(1), Made.player(3)]), Made.online(Made.player(1)), Made.online(Made.player(3)),
        [UInt8](hex: "fe2a 0300"), registry, Made.save(Made.player(2), final: true, value: 2),
        Made.save(Made.player(1), value: 3), registry,
      ])
    #expect(rig.taken.map(\.sequence) == [13])
    rig.down(Made.saveAnswer(Made.player(2)))
    #expect(rig.downstream == [one: [Made.saveAnswer(Made.player(2))]])
    #expect(rig.multiplexer.presence.count == 2)
  }

  @Test("after a break, answers to what was asked before go nowhere")
  func pendingAreDropped() {
    var rig = Rig.stage(serving: 2)
    rig.up(one, Rig.reign(1), [UInt8](hex: "4030 0400"))
    rig.handle(.upstreamClosed)
    rig.connect()
    rig.up(two, Rig.reign(2), [UInt8](hex: "4030 0400"))
    rig.forget()
    rig.down([UInt8](hex: "4038 0500 01"))
    #expect(rig.downstream == [two: [[UInt8](hex: "4038 0500 01")]])
  }

  @Test("a map-server that has lost the answer about its castles in its start begins anew")
  func castlesLost() {
    var rig = Rig.stage(serving: 0)
    let reign = Rig.reign(1)
    rig.handle(.streamOpened(one, reign, process: ProcessNumber(one.rawValue), door: Made.door(1)))
    rig.up(one, reign, Made.login(LinkAddress(ipv4: 0x7f00_0001, port: 17_001)))
    rig.up(one, reign, Made.mapList(["map1"]))
    rig.up(one, reign, [UInt8](hex: "4030 0400"))
    rig.forget()
    rig.handle(.upstreamClosed)
    #expect(rig.closedStreams == [one])
  }

  @Test("a map-server that comes while the char-server is away waits for it; a standby is let in from what is known")
  func comesWhileAway() {
    var rig = Rig.stage(serving: 1)
    let waiting = Made.reign(1, host: 9)
    let standby = StreamID(9)
    rig.handle(.streamOpened(standby, waiting, process: ProcessNumber(standby.rawValue), door: Made.door(9)))
    rig.up(standby, waiting, Made.login(LinkAddress(ipv4: 0x7f00_0001, port: 17_009)))
    rig.up(standby, waiting, Made.mapList(Rig.shardMaps(1)))
    rig.handle(.upstreamClosed)
    rig.forget()
    rig.start(2)
    #expect(rig.downstream[two] == nil)
    rig.handle(.owner(waiting.shard, Made.reign(1, host: 9, epoch: 2)))
    #expect(rig.commandsDown(standby) == [Command.welcome, Command.fameLists])
    rig.connect()
    #expect(rig.commandsDown(two) == [Command.loginAnswer, Command.storageTable])
  }

  @Test("keepalive: asked when it is time, given up when nothing comes")
  func keepalive() {
    var rig = Rig.stage(serving: 1)
    rig.forget()
    for _ in 0..<2 {
      rig.deadlines = rig.deadlines.isEmpty ? [Deadline(at: 0, timer: Timer(kind: 1, token: 1))] : rig.deadlines
      rig.now.monotonic += Nanoseconds.seconds(20)
      rig.fireKeepalive()
    }
    #expect(rig.upstream == [[UInt8](hex: "232b"), [UInt8](hex: "232b")])
    rig.down([UInt8](hex: "242b"))
    rig.now.monotonic += Nanoseconds.seconds(59)
    rig.fireKeepalive()
    #expect(rig.upstreamCloses == 0)
    rig.now.monotonic += Nanoseconds.seconds(1)
    rig.fireKeepalive()
    #expect(rig.upstreamCloses == 1)
    #expect(rig.events.contains(.upstreamSilent))
    // A timer of the old link says nothing about a new one.
    rig.connect()
    rig.forget()
    rig.now.monotonic += Nanoseconds.seconds(100)
    rig.handle(.deadline(Timer(kind: 1, token: 1)))
    #expect(rig.upstreamCloses == 1 && rig.upstream.isEmpty)
  }

  @Test("refusals and noise end the link", arguments: ["f92a 03", "f92a 00 fb2a 0500 01", "f92a 00 99 2b"])
  func refusals(bytes: String) {
    var rig = Rig()
    rig.handle(.active(true))
    rig.handle(.upstreamOpened)
    rig.down([UInt8](hex: bytes))
    #expect(rig.upstreamCloses == 1)
    rig.down(Made.welcome)
    #expect(!rig.events.contains(.upstreamReady))
    rig.connect()
    #expect(rig.events.last == .upstreamReady)
  }

  @Test("what waits has a limit; a save that does not fit is journaled, and newer ones of the same kind take its place")
  func waitingLimit() {
    var rig = Rig.stage(serving: 1) { $0.waitingLimit = 500 }
    rig.enter(player, at: 1)
    rig.enter(Made.player(2), at: 1)
    rig.enter(Made.player(3), at: 1)
    rig.handle(.upstreamClosed)
    rig.forget()
    rig.up(one, Rig.reign(1), Made.save(player, value: 1))
    rig.up(one, Rig.reign(1), Made.save(Made.player(2), value: 1))
    rig.up(one, Rig.reign(1), Made.save(Made.player(3), value: 1))
    #expect(rig.journal.map(\.refusal) == [.noRoom])
    #expect(rig.events.contains(.limitHit(.waitingFrames)))
    for value: UInt32 in 2...5_000 { rig.up(one, Rig.reign(1), Made.save(player, value: value)) }
    rig.forget()
    rig.connect()
    #expect(rig.upstream.suffix(2) == [Made.save(Made.player(2), value: 1), Made.save(player, value: 5_000)])
  }

  @Test("a final save that waits is never replaced, neither by a later save nor by its own repetition")
  func waitingFinals() {
    var rig = Rig.stage(serving: 1)
    rig.enter(player, at: 1)
    rig.handle(.upstreamClosed)
    rig.forget()
    let saves = [(false, 1), (true, 2), (true, 3), (false, 4), (false, 5)].map { isFinal, value in
      Made.save(player, final: isFinal, value: UInt32(value))
    }
    for save in saves { rig.up(one, Rig.reign(1), save) }
    rig.connect()
    #expect(rig.upstream.filter { $0.command == Command.saveCharacter } == [saves[1], saves[2], saves[4]])
  }

  @Test("much that waits goes out in slices, and later frames stay behind it")
  func slices() {
    var rig = Rig.stage(serving: 1) { $0.flushSlice = 1_000 }
    for number: UInt32 in 1...20 { rig.enter(Made.player(number), at: 1) }
    rig.handle(.upstreamClosed)
    for number: UInt32 in 1...20 { rig.up(one, Rig.reign(1), Made.save(Made.player(number))) }
    rig.forget()
    rig.connect()
    #expect(rig.upstream.count { $0.command == Command.saveCharacter } == 5)
    #expect(rig.taken.isEmpty)
    let last = Made.save(Made.player(1), final: true)
    rig.up(one, Rig.reign(1), last)
    // A request without a key is not dropped now: its answer will find its way.
    rig.up(one, Rig.reign(1), [UInt8](hex: "4030 0400"))
    while let place = rig.deadlines.firstIndex(where: { $0.timer.kind == 2 }) {
      rig.handle(.deadline(rig.deadlines.remove(at: place).timer))
    }
    let saves = rig.upstream.filter { $0.command == Command.saveCharacter }
    #expect(saves == (1...20).map { Made.save(Made.player($0)) } + [last])
    #expect(rig.commandsUp.last == Command.askCastles)
    #expect(rig.taken.last?.sequence == 44)
  }

  @Test("an owner that dies while saves of its player wait: offline comes behind them")
  func offlineBehindSaves() {
    var rig = Rig.stage(serving: 2)
    rig.enter(player, at: 1)
    rig.handle(.upstreamClosed)
    rig.up(one, Rig.reign(1), Made.save(player))
    rig.handle(.owner(ShardID(rawValue: 1), Made.reign(1, host: 9, epoch: 2)))
    rig.forget()
    rig.connect()
    #expect(rig.upstream.suffix(2) == [Made.save(player), Made.offline(player)])
    #expect(rig.upstream.contains(Made.users([])))
  }

  @Test("more users than a list holds are named one by one")
  func manyUsers() {
    var rig = Rig.stage(serving: 1)
    rig.handle(.restore((1...9_000).map { PresenceRow(player: Made.player($0), reign: Rig.reign(1)) }))
    rig.handle(.upstreamClosed)
    rig.forget()
    rig.connect()
    let list = rig.upstream.first { $0.command == Command.userList }
    #expect(list?.count == 6 + 8_191 * 8)
    #expect(rig.upstream.count { $0.command == Command.characterOnline } == 809 + 9_000)
  }

  @Test("too many map-servers: the last one is sent away")
  func streamLimit() {
    var rig = Rig.stage(serving: 2) { $0.streamLimit = 2 }
    rig.start(3)
    #expect(rig.closedStreams == [StreamID(3)])
    #expect(rig.multiplexer.counters.limitsHit == 1)
    #expect(rig.multiplexer.counters.framesWithoutStream == 2)
  }
}
