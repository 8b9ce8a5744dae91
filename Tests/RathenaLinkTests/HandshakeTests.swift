import RathenaLink
import Testing
import Wire

@Suite("Multiplexer: who is let in and who knows whose maps")
struct HandshakeTests {
  private let one = StreamID(1)
  private let two = StreamID(2)

  @Test("it logs in under the virtual address, with the union of all owned shards, then names its users")
  func login() {
    var rig = Rig.stage(serving: 0)
    #expect(
      rig.takeUpstream() == [
        Made.login(LinkAddress(ipv4: 0xc000_0201, port: 5_121)), Made.mapList([]), Made.users([]),
        [UInt8](hex: "fe2a 0000"),
      ])
    rig.handle(.owner(ShardID(rawValue: 2), Rig.reign(2)))
    rig.handle(.owner(ShardID(rawValue: 1), Rig.reign(1)))
    #expect(rig.takeUpstream() == [Made.mapList(["map2", "in2"]), Made.mapList(["map1", "in1", "map2", "in2"])])
    #expect(rig.events.contains(.upstreamReady))
  }

  @Test("a newcomer hears 2af9 and 388c, 2afb and 2b1b, then of all others by their doors, and they of it")
  func newcomer() {
    var rig = Rig.stage(serving: 1)
    let welcome = [[UInt8](hex: "f92a 00"), Made.storageTable, Made.welcome, Made.fameLists]
    #expect(rig.takeDownstream(one) == welcome)
    rig.start(2)
    let first = written(42) { $0.othersMapsFrame(Made.door(1), ["map1", "in1"].map(Made.map)) }
    let second = written(42) { $0.othersMapsFrame(Made.door(2), ["map2", "in2"].map(Made.map)) }
    #expect(rig.takeDownstream(two) == welcome + [first])
    #expect(rig.takeDownstream(one) == [second])
    // Network order: 10.0.0.2, port 7001.
    #expect(Array(second[4..<10]) == [10, 0, 0, 2, 0x1b, 0x59])
  }

  @Test("a resent union brings another 2afb, which is no reconnect")
  func secondWelcome() {
    var rig = Rig.stage(serving: 2)
    rig.forget()
    rig.down(Made.welcome + Made.fameLists)
    #expect(rig.upstream.isEmpty && rig.downstream.isEmpty && rig.events.isEmpty)
  }

  @Test("a warm standby gets everything but 2afb, may ask for castles and clans, and is let in by the register alone")
  func standby() {
    var rig = Rig.stage(serving: 2)
    let standby = StreamID(9)
    let waiting = Made.reign(1, host: 9)
    rig.forget()
    rig.handle(.streamOpened(standby, waiting, process: ProcessNumber(standby.rawValue), door: Made.door(9)))
    rig.up(standby, waiting, Made.login(LinkAddress(ipv4: 0x7f00_0001, port: 17_009)))
    rig.up(standby, waiting, Made.mapList(Rig.shardMaps(1)))
    rig.up(standby, waiting, [UInt8](hex: "a030"))
    rig.up(standby, waiting, [UInt8](hex: "232b"))
    rig.up(standby, waiting, Made.authRequest(Made.player(1)))
    #expect(rig.commandsDown(standby) == [Command.loginAnswer, Command.storageTable, Command.keepaliveAnswer])
    #expect(rig.commandsUp == [Command.askClans])
    #expect(rig.multiplexer.counters.staleReign == 1)
    #expect(rig.downstream[one] == nil && rig.downstream[two] == nil)
    rig.down([UInt8](hex: "a038 0400"))
    #expect(rig.commandsDown(standby).last == Command.clans)

    rig.forget()
    let next = Made.reign(1, host: 9, epoch: 2)
    rig.handle(.owner(next.shard, next))
    #expect(rig.commandsDown(standby) == [Command.welcome, Command.fameLists, Command.othersMaps])
    // The old owner's routes go first, so that those of the new one stand.
    #expect(rig.commandsDown(two) == [Command.serverGone, Command.othersMaps])
    #expect(rig.events == [.fenced(one, Rig.reign(1)), .serving(standby, next)])
    // Same maps, same union: nothing for the char-server.
    #expect(rig.upstream.isEmpty)
  }

  @Test("others forget a map-server in host byte order, once for each time that they were told")
  func goneInHostOrder() {
    var rig = Rig.stage(serving: 3)
    rig.forget()
    rig.handle(.streamClosed(two))
    let gone = written(42) { $0.serverGoneFrame(Made.door(2), ["map2", "in2"].map(Made.map)) }
    #expect(Array(gone[4..<10]) == [2, 0, 0, 10, 0x59, 0x1b])
    #expect(rig.takeDownstream(one) == [gone])
    #expect(rig.takeDownstream(StreamID(3)) == [gone])
    // The register has not changed: its maps stay, for it may come back.
    #expect(rig.upstream.isEmpty)
    rig.handle(.streamClosed(StreamID(3)))
    // 1 has been told of two and of two that are gone: its counter of others stands at 0, as there are none.
    #expect(rig.commandsDown(one) == [Command.serverGone])
    rig.start(2, stream: StreamID(12))
    #expect(rig.commandsDown(one) == [Command.serverGone, Command.othersMaps])
  }

  @Test("a map-server is never told its own address with maps that it has not loaded")
  func ownAddress() {
    var rig = Rig.stage(serving: 1)
    let reign = Rig.reign(2)
    rig.handle(.owner(reign.shard, reign))
    // Its door is what map-server 1 takes for its own address.
    let address = LinkAddress(ipv4: 0x7f00_0001, port: 17_001)
    rig.handle(.streamOpened(two, reign, process: ProcessNumber(two.rawValue), door: address))
    rig.up(two, reign, Made.login(LinkAddress(ipv4: 0x7f00_0001, port: 17_002)))
    rig.forget()
    rig.up(two, reign, Made.mapList(Rig.shardMaps(2)))
    #expect(rig.downstream[one] == nil)
    #expect(rig.events.contains(.ownAddress(one, address)))
    // What it was not told it need not forget.
    rig.handle(.streamClosed(two))
    #expect(rig.downstream[one] == nil)
  }

  @Test("never more than 2,040 maps, and what is left out is told")
  func mapLimit() {
    var rig = Rig.stage(serving: 0)
    func shard(_ number: UInt64, maps: Int) -> ServedShard {
      ServedShard(shard: ShardID(rawValue: number), maps: (0..<maps).map { Made.map("m\(number)_\($0)") })
    }
    rig.forget()
    rig.handle(.world([shard(1, maps: 1_500), shard(2, maps: 1_000)]))
    for number: UInt64 in 1...2 { rig.handle(.owner(ShardID(rawValue: number), Rig.reign(number))) }
    #expect(rig.upstream.last?.count == 4 + 2_040 * 16)
    #expect(rig.events.contains(.mapsLeftOut(460)))
    rig.handle(.owner(ShardID(rawValue: 1), nil))
    #expect(rig.upstream.last?.count == 4 + 1_000 * 16)
    #expect(rig.events.last == .mapsLeftOut(0))
  }

  @Test("maps that a map-server has beside those of its shard are not believed")
  func foreignMaps() {
    var rig = Rig.stage(serving: 1)
    let reign = Rig.reign(2)
    rig.handle(.owner(reign.shard, reign))
    rig.handle(.streamOpened(two, reign, process: ProcessNumber(two.rawValue), door: Made.door(2)))
    rig.up(two, reign, Made.login(LinkAddress(ipv4: 0x7f00_0001, port: 17_002)))
    rig.forget()
    rig.up(two, reign, Made.mapList(["map2", "map1", "izlude"]))
    #expect(rig.events.contains(.foreignMaps(two, count: 2)))
    #expect(rig.takeDownstream(one) == [written(26) { $0.othersMapsFrame(Made.door(2), [Made.map("map2")]) }])
  }

  @Test("a second link of the same reign takes the place of the first")
  func replaced() {
    var rig = Rig.stage(serving: 2)
    rig.forget()
    rig.start(1, stream: StreamID(11))
    #expect(rig.closedStreams == [one])
    #expect(rig.commandsDown(two) == [Command.serverGone, Command.othersMaps])
    rig.up(one, Rig.reign(1), [UInt8](hex: "fe2a 0700"))
    #expect(rig.multiplexer.counters.staleReign == 1)
  }

  @Test(
    "an older process of a host never takes the place of a younger one, however often it links; a replaced link neither"
  )
  func outdated() {
    var rig = Rig.stage(serving: 2)
    let reign = Rig.reign(1)
    func link(_ stream: UInt64, process: UInt64, epoch: UInt64) {
      let reign = Rig.reign(1, epoch: epoch)
      let door = Made.door(1)
      rig.handle(.streamOpened(StreamID(stream), reign, process: ProcessNumber(process), door: door))
      rig.up(StreamID(stream), reign, Made.login(LinkAddress(ipv4: 0x7f00_0001, port: 17_001)))
      rig.up(StreamID(stream), reign, Made.mapList(Rig.shardMaps(1)))
    }
    // 1 loses the shard and gets it again, and starts a younger map-server; the first thaws and links anew.
    rig.handle(.owner(reign.shard, Made.reign(1, host: 7, epoch: 2)))
    let again = Rig.reign(1, epoch: 3)
    link(11, process: 5, epoch: 3)
    rig.handle(.owner(reign.shard, again))
    #expect(rig.events.last == .serving(StreamID(11), again))
    #expect(rig.closedStreams.isEmpty)
    rig.enter(Made.player(1), at: 1, stream: StreamID(11), reign: again)
    rig.forget()
    for (stream, epoch) in [(12, 1), (13, 3), (14, 4)] as [(UInt64, UInt64)] {
      link(stream, process: 1, epoch: epoch)
      #expect(rig.events == [.outdated(StreamID(stream))])
      #expect(rig.closedStreams == [StreamID(stream)])
      #expect(rig.downstream.isEmpty && rig.upstream.isEmpty)
      rig.forget()
    }
    // Nor while the younger one makes its link anew.
    rig.handle(.streamClosed(StreamID(11)))
    rig.forget()
    link(15, process: 1, epoch: 3)
    #expect(rig.closedStreams == [StreamID(15)])
    link(16, process: 5, epoch: 3)
    #expect(rig.events.last == .serving(StreamID(16), again))
    // Its link that never broke: what it says late is stale, and counts for no sequence of the reign.
    rig.forget()
    let save = Made.save(Made.player(1), final: true)
    save.withUnsafeBytes { rig.handle(.frame($0, one, Epoch(3), sequence: 1_000)) }
    #expect(rig.takeDownstream(one) == [Made.saveAnswer(Made.player(1))])
    #expect(rig.upstream.isEmpty && rig.taken.isEmpty)
    rig.up(StreamID(16), again, save)
    #expect(rig.upstream == [save])
    // Another link of the same process takes the place of the first, which does not come back.
    rig.forget()
    link(17, process: 5, epoch: 3)
    #expect(rig.closedStreams == [StreamID(16)])
    rig.forget()
    rig.up(StreamID(16), again, Made.login(LinkAddress(ipv4: 0x7f00_0001, port: 17_001)))
    rig.up(StreamID(16), again, Made.mapList(Rig.shardMaps(1)))
    rig.handle(.active(true))
    #expect(rig.downstream.isEmpty && rig.closedStreams.isEmpty)
    #expect(rig.multiplexer.counters.outdated == 4)
  }

  @Test("of two processes of a host that get ready, only the younger is let in; one that serves does so until then")
  func youngerGetsReady() {
    var rig = Rig.stage(serving: 1)
    let reign = Rig.reign(1)
    rig.forget()
    rig.handle(.streamOpened(StreamID(2), reign, process: ProcessNumber(2), door: Made.door(1)))
    rig.up(StreamID(2), reign, Made.login(LinkAddress(ipv4: 0x7f00_0001, port: 17_001)))
    rig.handle(.streamOpened(StreamID(3), reign, process: ProcessNumber(3), door: Made.door(1)))
    #expect(rig.closedStreams == [StreamID(2)])
    #expect(rig.events == [.outdated(StreamID(2))])
    rig.up(StreamID(2), reign, Made.mapList(Rig.shardMaps(1)))
    rig.up(one, reign, [UInt8](hex: "fe2a 0300"))
    #expect(rig.upstream == [[UInt8](hex: "fe2a 0300")])
    rig.up(StreamID(3), reign, Made.login(LinkAddress(ipv4: 0x7f00_0001, port: 17_001)))
    rig.up(StreamID(3), reign, Made.mapList(Rig.shardMaps(1)))
    #expect(rig.events.last == .serving(StreamID(3), reign))
    #expect(rig.closedStreams == [StreamID(2), one])
  }

  @Test("a map-server of its host follows it into the next reign; one that was fenced begins anew")
  func furtherReigns() {
    var rig = Rig.stage(serving: 2)
    let player = Made.player(1)
    rig.enter(player, at: 1)
    rig.forget()
    let next = Rig.reign(1, epoch: 4)
    rig.handle(.owner(next.shard, next))
    #expect(rig.events.isEmpty && rig.upstream.isEmpty && rig.downstream.isEmpty)
    #expect(rig.row(player)?.reign == next)
    rig.up(one, next, Made.save(player))
    #expect(rig.commandsUp == [Command.saveCharacter])
    // Its frames of the reign before are late.
    rig.up(one, Rig.reign(1), Made.save(player))
    #expect(rig.multiplexer.counters.staleReign == 1)

    rig.handle(.owner(next.shard, Made.reign(1, host: 7, epoch: 5)))
    rig.forget()
    rig.handle(.owner(next.shard, Rig.reign(1, epoch: 6)))
    #expect(rig.closedStreams == [one])
    #expect(rig.commandsDown(one).isEmpty)
    // An older record of the register says nothing.
    rig.handle(.owner(next.shard, Made.reign(1, host: 7, epoch: 5)))
    #expect(rig.closedStreams == [one])
  }

  @Test("a standby bridge holds its slot with an equal list, serves nobody, and answers whispers with not here")
  func standbyBridge() {
    var rig = Rig.stage(serving: 2)
    var other = Rig()
    other.handle(
      .world((1...3).map { ServedShard(shard: ShardID(rawValue: $0), maps: Rig.shardMaps($0).map(Made.map)) }))
    for number: UInt64 in 1...2 { other.handle(.owner(ShardID(rawValue: number), Rig.reign(number))) }
    other.connect()
    #expect(other.upstream.last == Made.mapList(["map1", "in1", "map2", "in2"]))
    #expect(rig.upstream.last { $0.command == Command.mapList } == other.upstream.last)
    other.forget()
    other.start(1)
    other.down([UInt8](hex: "1f2b 81841e00 02"))
    other.down([UInt8](hex: "0138 0c00 07000000 00000000"))
    #expect(other.upstream == [[UInt8](hex: "0230 07000000 01")])
    #expect(other.commandsDown(one) == [Command.loginAnswer, Command.storageTable])
    other.up(one, Rig.reign(1), Made.authRequest(Made.player(1)))
    #expect(other.multiplexer.counters.staleReign == 1)

    // It gets the key, and the table that the other one has kept.
    other.forget()
    other.handle(.restore([PresenceRow(player: Made.player(5), reign: Rig.reign(1))]))
    other.handle(.active(true))
    #expect(
      other.takeUpstream() == [
        Made.users([Made.player(5)]), Made.online(Made.player(5)), [UInt8](hex: "fe2a 0000"),
      ])
    #expect(other.commandsDown(one) == [Command.welcome, Command.fameLists])
    // The one before falls silent.
    rig.enter(Made.player(5), at: 1)
    rig.forget()
    rig.handle(.active(false))
    rig.up(one, Rig.reign(1), Made.save(Made.player(5)))
    #expect(rig.upstream.isEmpty)
    #expect(rig.multiplexer.presence.count == 0)
  }

  @Test("a standby bridge passes nothing to its streams, not even answers to what was asked while it was active")
  func standbyPassesNothing() {
    var rig = Rig.stage(serving: 2)
    let player = Made.player(1)
    let asked = Made.changeServer(player, map: "map2", address: Made.door(2))
    rig.enter(player, at: 1)
    rig.up(one, Rig.reign(1), [UInt8](hex: "4030 0400"))
    rig.up(one, Rig.reign(1), asked)
    rig.up(two, Rig.reign(2), Made.authRequest(Made.player(2)))
    rig.up(two, Rig.reign(2), Made.save(player))
    rig.handle(.active(false))
    // It is told what the active one keeps.
    rig.handle(.restore([PresenceRow(player: player, reign: Rig.reign(1))]))
    rig.forget()
    let frames = [
      [UInt8](hex: "4038 0500 01"), Made.changeAnswer(Made.changeServer(player, map: "map2", address: .virtual)),
      Made.authAccepted(Made.player(2)), Made.saveAnswer(player), Made.kick(player),
      [UInt8](hex: "0138 0c00 07000000 00000000"),
      [UInt8](hex: "0038 0600 0000"), [UInt8](hex: "222b 00 00 01000000"), [UInt8](hex: "002b 05000000"),
      [UInt8](hex: "242b"),
    ]
    for frame in frames { rig.down(frame) }
    #expect(rig.downstream.isEmpty)
    #expect(rig.row(player)?.reign == Rig.reign(1))
    #expect(rig.row(Made.player(2)) == nil)
    #expect(rig.takeUpstream() == [[UInt8](hex: "0230 07000000 01")])
  }

  @Test("the other bridge's maps are ours; a real map-server in the other slot is passed on, and crossed to as it is")
  func neighbour() {
    var rig = Rig.stage(serving: 1)
    rig.forget()
    let maps = [Made.map("izlude")]
    rig.down(written(26) { $0.othersMapsFrame(.virtual, maps) })
    #expect(rig.downstream.isEmpty)
    let real = LinkAddress(ipv4: 0x0a09_0909, port: 5_121)
    let told = written(26) { $0.othersMapsFrame(real, maps) }
    rig.down(told)
    #expect(rig.takeDownstream(one) == [told])
    rig.start(2)
    #expect(rig.takeDownstream(two).last == told)

    let player = Made.player(1)
    rig.enter(player, at: 1)
    rig.forget()
    let request = Made.changeServer(player, map: "izlude", address: real)
    rig.up(one, Rig.reign(1), request)
    #expect(rig.takeUpstream() == [request])
    rig.down(Made.changeAnswer(request))
    #expect(rig.takeDownstream(one) == [Made.changeAnswer(request)])
    #expect(rig.row(player) == nil)

    rig.forget()
    // The char-server names the address in network order.
    rig.down([UInt8](hex: "202b") + told[2...])
    let gone = written(26) { $0.serverGoneFrame(real, maps) }
    #expect(rig.takeDownstream(one) == [gone])
    #expect(rig.takeDownstream(two) == [gone])
  }
}
