import RathenaLink
import Testing
import Wire

@Suite("Multiplexer: presence and fence")
struct FenceTests {
  private let one = StreamID(1)
  private let two = StreamID(2)
  private let player = Made.player(1)

  /// Frames that only the map-server of a player may send, about `player`.
  private static func owned(_ player: PlayerKey) -> [[UInt8]] {
    func frame(_ command: UInt16, _ length: Int, _ fields: [(Int, UInt32)]) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: length)
      func put(_ value: UInt32, _ place: Int, _ count: Int) {
        for index in 0..<count { bytes[place + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index)) }
      }
      put(UInt32(command), 0, 2)
      if FrameTable.toCharServer.length(of: command) == .variable { put(UInt32(length), 2, 2) }
      for (place, value) in fields { put(value, place, 4) }
      return bytes
    }
    let (account, character) = (player.account, player.character)
    return [
      Made.save(player), frame(0x308b, 40, [(5, account), (9, character)]),
      frame(0x3004, 20, [(4, account), (8, character)]), frame(0x2b1c, 14, [(4, account), (8, character)]),
      frame(0x2b15, 14, [(4, account), (8, character)]), frame(0x2b2e, 9, [(4, character)]),
      Made.changeServer(player, map: "map2", address: Made.door(2)),
      frame(0x2afc, 10, [(2, account), (6, character)]), frame(0x2b02, 18, [(2, account)]),
      frame(0x2b0a, 10, [(2, account), (6, character)]), frame(0x2b2d, 6, [(2, character)]),
      frame(0x3005, 13, [(2, account), (6, character)]), frame(0x308a, 13, [(3, account), (7, character)]),
      frame(0x3048, 8, [(2, character)]), frame(0x3060, 6, [(2, character)]), frame(0x3062, 6, [(2, character)]),
      Made.offline(player),
    ]
  }

  @Test("what a map-server says of its own player passes; of another's or of nobody's it is refused, saves journaled")
  func onlyWhereHeIs() {
    for (place, frame) in Self.owned(player).enumerated() {
      var rig = Rig.stage(serving: 2)
      rig.enter(player, at: 1)
      rig.forget()
      rig.up(two, Rig.reign(2), frame)
      #expect(rig.upstream.isEmpty, "\(String(frame.command, radix: 16))")
      #expect(rig.journal.map(\.bytes) == (place < 6 ? [frame] : []))
      #expect(rig.events == [.refused(two, .notHere, command: frame.command)])
      #expect(rig.row(player)?.reign == Rig.reign(1))
      rig.up(one, Rig.reign(1), frame)
      #expect(rig.commandsUp == [frame.command])
      // The same account with another character is nobody.
      rig.forget()
      let other = PlayerKey(account: player.account, character: 99)
      let odd = Self.owned(other)[place]
      rig.up(one, Rig.reign(1), odd)
      #expect(rig.upstream.isEmpty || frame.command == 0x2b02)
    }
  }

  @Test("all of a stale reign is dropped and counted; its final save is answered so that it forgets its player")
  func stale() {
    var rig = Rig.stage(serving: 2)
    rig.enter(player, at: 1)
    let next = Made.reign(1, host: 9, epoch: 2)
    rig.handle(.owner(next.shard, next))
    rig.forget()
    for frame in Self.owned(player) { rig.up(one, Rig.reign(1), frame) }
    rig.up(one, Rig.reign(1), [UInt8](hex: "fe2a 0500"))
    rig.up(one, Rig.reign(1), [UInt8](hex: "182b"))
    #expect(rig.upstream.isEmpty && rig.downstream.isEmpty)
    #expect(rig.journal.count == 6)
    #expect(rig.multiplexer.counters.staleReign == 19)
    rig.up(one, Rig.reign(1), Made.save(player, final: true))
    #expect(rig.downstream == [one: [Made.saveAnswer(player)]])
    #expect(rig.upstream.isEmpty)
    #expect(rig.journal.last?.bytes == Made.save(player, final: true))
    #expect(rig.multiplexer.counters.staleFinalsAnswered == 1)
    // A keepalive is answered still: there is nothing to gain by cutting it off.
    rig.forget()
    rig.up(one, Rig.reign(1), [UInt8](hex: "232b"))
    #expect(rig.commandsDown(one) == [Command.keepaliveAnswer])
  }

  @Test(
    "the late final save of a thawed map-server whose player is elsewhere: answered, not passed; an autosave: let go")
  func thawedWithVoice() {
    var rig = Rig.stage(serving: 2)
    rig.enter(player, at: 1)
    // He comes to 2 by the char-server's word, and 1 is told to let go.
    rig.forget()
    rig.up(two, Rig.reign(2), Made.authRequest(player))
    #expect(rig.row(player)?.reign == Rig.reign(1))
    rig.down(Made.authAccepted(player))
    #expect(rig.row(player)?.reign == Rig.reign(2))
    #expect(rig.takeDownstream(one) == [Made.kick(player)])
    #expect(rig.events.contains(.takenOver(account: player.account, from: Rig.reign(1))))
    rig.forget()
    rig.up(one, Rig.reign(1), Made.save(player))
    #expect(rig.takeDownstream(one) == [Made.kick(player)])
    rig.up(one, Rig.reign(1), Made.save(player, final: true))
    #expect(rig.takeDownstream(one) == [Made.saveAnswer(player)])
    rig.up(one, Rig.reign(1), Made.offline(player))
    #expect(rig.upstream.isEmpty)
    #expect(rig.row(player)?.reign == Rig.reign(2))
  }

  @Test("a final save ends the presence when the char-server has it")
  func finalSave() {
    var rig = Rig.stage(serving: 1)
    rig.enter(player, at: 1)
    rig.forget()
    rig.up(one, Rig.reign(1), Made.save(player, final: true))
    #expect(rig.row(player)?.state == .leaving)
    // Pets and quests come behind it.
    let quests = [UInt8](hex: "6130 0800") + Made.offline(player)[2..<6]
    rig.up(one, Rig.reign(1), quests)
    rig.down(Made.saveAnswer(player))
    #expect(rig.row(player) == nil)
    rig.up(one, Rig.reign(1), quests)
    #expect(rig.upstream == [Made.save(player, final: true), quests, quests])
    #expect(rig.takeDownstream(one) == [Made.saveAnswer(player)])
    #expect(
      rig.presence == [
        .set(PresenceRow(player: player, reign: Rig.reign(1), state: .leaving)), .removed(account: player.account),
      ])
  }

  @Test("crossing: the char-server gets the virtual address, the map-server its own back")
  func crossing() {
    var rig = Rig.stage(serving: 2)
    rig.enter(player, at: 1)
    rig.forget()
    let request = Made.changeServer(player, map: "map2", address: Made.door(2))
    let sent = Made.changeServer(player, map: "map2", address: .virtual)
    rig.up(one, Rig.reign(1), request)
    #expect(rig.takeUpstream() == [sent])
    rig.down(Made.changeAnswer(sent))
    #expect(rig.takeDownstream(one) == [Made.changeAnswer(request)])
    #expect(rig.row(player) == PresenceRow(player: player, reign: Rig.reign(2), state: .crossing))
    // From now on 1 has nothing to say of him.
    rig.up(one, Rig.reign(1), Made.save(player))
    #expect(rig.upstream.isEmpty)
    rig.enter(player, at: 2)
    #expect(rig.row(player) == PresenceRow(player: player, reign: Rig.reign(2)))
    #expect(rig.multiplexer.counters.takenOver == 0)
    // A refusal leaves him where he is.
    rig.forget()
    rig.up(two, Rig.reign(2), Made.changeServer(player, map: "map1", address: Made.door(1)))
    let refusal = Made.changeAnswer(Made.changeServer(player, map: "map1", address: .virtual), refused: true)
    rig.down(refusal)
    #expect(rig.row(player) == PresenceRow(player: player, reign: Rig.reign(2)))
    rig.up(two, Rig.reign(2), Made.offline(player))
    #expect(rig.commandsUp == [Command.changeServer, Command.characterOffline])
    #expect(rig.row(player) == nil)
  }

  @Test(
    "an owner dies: its players are set offline one by one, but for those that a door holds or that are on their way")
  func ownerDies() {
    var rig = Rig.stage(serving: 2)
    for number: UInt32 in 1...4 { rig.enter(Made.player(number), at: 1) }
    rig.enter(Made.player(5), at: 2)
    rig.handle(.door(account: Made.player(2).account, holds: true))
    rig.up(two, Rig.reign(2), Made.authRequest(Made.player(3)))
    rig.handle(.streamClosed(one))
    rig.forget()
    let next = Made.reign(1, host: 9, epoch: 2)
    rig.handle(.owner(next.shard, next))
    #expect(rig.upstream == [Made.offline(Made.player(1)), Made.offline(Made.player(4))])
    #expect(rig.multiplexer.presence.sorted.map(\.player) == [2, 3, 5].map(Made.player))
    rig.forget()
    // The char-server does not let 3 in: then nobody has him.
    rig.down(Made.authRefused(Made.player(3)))
    #expect(rig.upstream == [Made.offline(Made.player(3))])
    rig.forget()
    rig.handle(.door(account: Made.player(2).account, holds: false))
    #expect(rig.upstream == [Made.offline(Made.player(2))])
    #expect(rig.multiplexer.presence.count == 1)
  }

  @Test("a map-server that is gone for good: players offline, maps out of the union until another one is in")
  func gone() {
    var rig = Rig.stage(serving: 2)
    rig.enter(player, at: 1)
    rig.handle(.streamClosed(one))
    #expect(rig.row(player) != nil)
    rig.forget()
    rig.handle(.gone(Rig.reign(1)))
    #expect(rig.upstream == [Made.offline(player), Made.mapList(["map2", "in2"])])
    rig.forget()
    rig.start(1, stream: StreamID(11))
    #expect(rig.upstream == [Made.mapList(["map1", "in1", "map2", "in2"])])
    #expect(rig.commandsDown(two) == [Command.othersMaps])
  }

  @Test("a broken link does not end a presence: late saves after the reconnect are checked by it")
  func brokenLink() {
    var rig = Rig.stage(serving: 2)
    rig.enter(player, at: 1)
    rig.enter(Made.player(2), at: 1)
    rig.handle(.streamClosed(one))
    // Meanwhile 2 has been let in elsewhere.
    rig.enter(Made.player(2), at: 2)
    rig.forget()
    rig.start(1, stream: StreamID(11))
    rig.forget()
    rig.up(StreamID(11), Rig.reign(1), Made.users([player, Made.player(2), Made.player(3)]))
    // By the table 2 is elsewhere and 3 is nowhere.
    #expect(rig.takeDownstream(StreamID(11)) == [Made.kick(Made.player(2)), Made.kick(Made.player(3))])
    rig.up(StreamID(11), Rig.reign(1), Made.save(player, final: true))
    rig.up(StreamID(11), Rig.reign(1), Made.save(Made.player(2), final: true))
    #expect(rig.upstream == [Made.save(player, final: true)])
    #expect(rig.takeDownstream(StreamID(11)) == [Made.saveAnswer(Made.player(2))])
    #expect(rig.row(Made.player(2))?.reign == Rig.reign(2))
  }

  @Test("a bridge that begins without a table takes the first list of each shard, and no second one")
  func adopts() {
    var rig = Rig.stage(serving: 2)
    rig.enter(Made.player(9), at: 2)
    rig.forget()
    rig.up(one, Rig.reign(1), Made.users([player, Made.player(9)]))
    #expect(rig.upstream == [Made.online(player)])
    #expect(rig.takeDownstream(one) == [Made.kick(Made.player(9))])
    rig.up(one, Rig.reign(1), Made.users([player, Made.player(3)]))
    #expect(rig.takeDownstream(one) == [Made.kick(Made.player(3))])
    #expect(rig.row(Made.player(3)) == nil)
    #expect(rig.multiplexer.counters.usersAdopted == 1)
    #expect(rig.multiplexer.counters.usersRefused == 2)
  }

  @Test("a map-server that stops says all are offline: only its own are, one by one")
  func stops() {
    var rig = Rig.stage(serving: 2)
    for number: UInt32 in 1...2 { rig.enter(Made.player(number), at: 1) }
    rig.enter(Made.player(3), at: 2)
    rig.forget()
    rig.up(one, Rig.reign(1), [UInt8](hex: "182b"))
    #expect(rig.upstream == [Made.offline(Made.player(1)), Made.offline(Made.player(2))])
    #expect(rig.multiplexer.presence.sorted.map(\.player) == [Made.player(3)])
  }

  @Test("a client that goes away before the char-server has answered leaves nobody behind")
  func withdrawn() {
    var rig = Rig.stage(serving: 1)
    rig.up(one, Rig.reign(1), Made.authRequest(player))
    rig.up(one, Rig.reign(1), Made.offline(player))
    #expect(rig.upstream.suffix(2).map(\.command) == [Command.authRequest, Command.characterOffline])
    rig.down(Made.authAccepted(player))
    #expect(rig.row(player) == nil)
    #expect(rig.commandsDown(one).last == Command.authAccepted)
  }

  @Test("an autotrader who is elsewhere is not given away to a starting map-server")
  func autotrade() {
    var rig = Rig.stage(serving: 2)
    rig.enter(player, at: 1)
    rig.forget()
    rig.up(two, Rig.reign(2), Made.authRequest(player, autotrade: true))
    #expect(rig.upstream.isEmpty)
    #expect(rig.takeDownstream(two) == [Made.authRefused(player)])
    rig.up(two, Rig.reign(2), Made.authRequest(Made.player(8), autotrade: true))
    #expect(rig.commandsUp == [Command.authRequest])
  }

  @Test("a save of another build is refused, and so is what is no frame; nothing of either reaches the char-server")
  func otherBuild() {
    var rig = Rig.stage(serving: 1)
    rig.enter(player, at: 1)
    rig.forget()
    rig.up(one, Rig.reign(1), Made.save(player, size: 180))
    rig.up(one, Rig.reign(1), [UInt8](hex: "992b 00"))
    rig.up(one, Rig.reign(1), [UInt8](hex: "232b 00"))
    rig.up(one, Rig.reign(1), [UInt8](hex: "ff2a 0a00 0200 01000000"))
    rig.up(one, Rig.reign(1), [])
    #expect(rig.upstream.isEmpty)
    #expect(rig.multiplexer.counters.otherBuild == 1)
    #expect(rig.multiplexer.counters.malformed == 4)
    #expect(rig.journal.map(\.refusal) == [.otherBuild])
  }

  @Test("a sequence passes once, and the last one is told when the char-server has it all")
  func sequences() {
    var rig = Rig.stage(serving: 1)
    rig.enter(player, at: 1)
    rig.forget()
    let save = Made.save(player)
    for sequence: UInt64 in [10, 11, 11, 10, 12] {
      save.withUnsafeBytes { rig.handle(.frame($0, one, Epoch(1), sequence: sequence)) }
    }
    #expect(rig.upstream == [save, save, save])
    #expect(rig.taken.map(\.sequence) == [10, 11, 11, 11, 12])
    #expect(rig.multiplexer.counters.repeated == 2)
    // A frame of an earlier reign of the same host takes no sequence away.
    save.withUnsafeBytes { rig.handle(.frame($0, one, Epoch(0), sequence: 40)) }
    save.withUnsafeBytes { rig.handle(.frame($0, one, Epoch(1), sequence: 13)) }
    #expect(rig.upstream.count == 4)
    #expect(rig.taken.last?.reign == Rig.reign(1) && rig.taken.last?.sequence == 13)
  }
}
