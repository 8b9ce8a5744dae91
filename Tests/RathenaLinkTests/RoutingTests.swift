import RathenaLink
import Testing
import Wire

@Suite("Multiplexer: to whom frames go")
struct RoutingTests {
  private let one = StreamID(1)
  private let two = StreamID(2)
  private let three = StreamID(3)

  /// A frame of the char-server with ids at places.
  private static func frame(_ command: UInt16, _ fields: [(at: Int, value: UInt32)]) -> [UInt8] {
    let length: Int
    switch FrameTable.toMapServer.length(of: command) {
    case .fixed(let fixed): length = fixed
    default: length = 60
    }
    var bytes = [UInt8](repeating: 0, count: length)
    func put(_ value: UInt32, at place: Int, count: Int = 4) {
      for index in 0..<count { bytes[place + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index)) }
    }
    put(UInt32(command), at: 0, count: 2)
    for field in fields where field.at + 4 <= length { put(field.value, at: field.at) }
    if FrameTable.toMapServer.length(of: command) == .variable { put(UInt32(length), at: 2, count: 2) }
    return bytes
  }

  @Test("the key table: each keyed frame goes to the map-server of its player and to nobody else")
  func keyed() {
    var rig = Rig.stage(serving: 3)
    let player = Made.player(7)
    rig.enter(player, at: 2)
    let accounts: [(Int, [UInt16])] = [
      (
        2,
        [
          0x2b03, 0x2b0f, 0x2b1f, 0x2b2b, 0x3806, 0x3819, 0x3820, 0x3830, 0x3856, 0x388b, 0x3880, 0x3882, 0x3892,
        ]
      ),
      (4, [0x2b0b, 0x2b1d, 0x3804, 0x3818, 0x3881, 0x3890, 0x3891]), (5, [0x388a]), (6, [0x3822, 0x3832, 0x3808]),
      (8, [0x3807]),
    ]
    let characters: [(Int, [UInt16])] = [
      (2, [0x3852, 0x3853, 0x3855, 0x3861, 0x3863, 0x3864, 0x384b, 0x384c, 0x384e]),
      (4, [0x2b2f, 0x3848, 0x384a, 0x3850, 0x3860, 0x3862]),
    ]
    for (key, table) in [(player.account, accounts), (player.character, characters)] {
      for (offset, commands) in table {
        for command in commands {
          rig.forget()
          let frame = Self.frame(command, [(offset, key)])
          rig.down(frame)
          #expect(rig.downstream == [two: [frame]], "\(String(command, radix: 16))")
          rig.forget()
          rig.down(Self.frame(command, [(offset, key + 1)]))
          #expect(rig.downstream.isEmpty, "\(String(command, radix: 16)) of somebody unknown")
        }
      }
    }
    #expect(rig.multiplexer.counters.withoutReceiver == 40)
  }

  @Test("what goes to all goes to all, in one copy")
  func toAll() {
    var rig = Rig.stage(serving: 3)
    let commands: [UInt16] = [
      0x2b00, 0x2b0d, 0x2b12, 0x2b14, 0x2b22, 0x2b25, 0x3800, 0x3803, 0x3809, 0x3821, 0x3823, 0x3824, 0x3825, 0x3826,
      0x3827, 0x3831, 0x3834, 0x3835, 0x3836, 0x3837, 0x3839, 0x383a, 0x383b, 0x383c, 0x383d, 0x383e, 0x383f, 0x3841,
      0x3843, 0x3849, 0x3854, 0x38a1, 0x38a2,
    ]
    for command in commands {
      rig.forget()
      let frame = Self.frame(command, [])
      rig.down(frame)
      #expect(rig.downstream == [one: [frame], two: [frame], three: [frame]], "\(String(command, radix: 16))")
    }
  }

  @Test("every frame of the char-server has a route")
  func everyFrameIsRouted() {
    for command in FrameTable.toMapServer.commands {
      var rig = Rig.stage(serving: 1)
      rig.enter(Made.player(1), at: 1)
      let before = rig.multiplexer.counters.withoutReceiver
      rig.forget()
      let player = Made.player(1)
      rig.down(Self.frame(command, [(2, player.account)]))
      let isBridges = [0x2af9, 0x2afb, 0x2b04, 0x2b1b, 0x2b1e, 0x2b20, 0x388c, 0x2b24].contains(command)
      let isSeen = !rig.downstream.isEmpty || rig.multiplexer.counters.withoutReceiver > before || isBridges
      #expect(isSeen, "\(String(command, radix: 16))")
    }
  }

  @Test("no such party: the short form goes to the map-server that asked")
  func partyWithoutInfo() {
    var rig = Rig.stage(serving: 2)
    rig.enter(Made.player(7), at: 2)
    rig.forget()
    let frame = [UInt8](hex: "2138 0c00") + Self.frame(0x3852, [(2, Made.player(7).character)])[2..<6] + [9, 0, 0, 0]
    rig.down(frame)
    #expect(rig.downstream == [two: [frame]])
  }

  @Test("answers without a key: first in, first out per kind; what is skipped is given up")
  func keyless() {
    var rig = Rig.stage(serving: 3)
    rig.forget()
    let castles = [UInt8](hex: "4030 0400")
    rig.up(one, Rig.reign(1), castles)
    rig.up(two, Rig.reign(2), [UInt8](hex: "7230 01000000"))
    rig.up(three, Rig.reign(3), castles)
    rig.up(two, Rig.reign(2), castles)
    rig.down([UInt8](hex: "4038 0500 01"))
    rig.down([UInt8](hex: "7138 01"))
    rig.down([UInt8](hex: "4038 0500 02"))
    #expect(
      rig.downstream == [
        one: [[UInt8](hex: "4038 0500 01")], two: [[UInt8](hex: "7138 01")], three: [[UInt8](hex: "4038 0500 02")],
      ])
    rig.forget()
    // 2 asks for a name and gets none; the later answer to 1 shows that it never will, nor will 2's castles come.
    rig.up(two, Rig.reign(2), [UInt8](hex: "082b 05000000"))
    rig.up(one, Rig.reign(1), [UInt8](hex: "082b 06000000"))
    rig.down([UInt8](hex: "092b 06000000") + [UInt8](repeating: 65, count: 24))
    #expect(rig.downstream.keys.sorted() == [one])
    #expect(rig.multiplexer.counters.unanswered == 2)
    rig.forget()
    rig.down([UInt8](hex: "4038 0500 03"))
    #expect(rig.downstream.isEmpty)
  }

  @Test("a keepalive's answer sweeps what was not answered before it")
  func keepaliveSweeps() {
    var rig = Rig.stage(serving: 2)
    rig.up(one, Rig.reign(1), [UInt8](hex: "4030 0400"))
    rig.fireKeepalive()
    #expect(rig.upstream.last == [UInt8](hex: "232b"))
    rig.up(two, Rig.reign(2), [UInt8](hex: "4030 0400"))
    rig.forget()
    rig.down([UInt8](hex: "242b"))
    rig.down([UInt8](hex: "4038 0500 09"))
    #expect(rig.downstream == [two: [[UInt8](hex: "4038 0500 09")]])
    #expect(rig.multiplexer.counters.unanswered == 1)
  }

  @Test("one request, two shapes of answer: guild items that are retrieved")
  func boundItems() {
    var rig = Rig.stage(serving: 2)
    rig.enter(Made.player(1), at: 1)
    rig.enter(Made.player(2), at: 2)
    func ask(_ player: PlayerKey) -> [UInt8] {
      written(12) {
        $0.u16(0x3056)
        $0.u32(player.character)
        $0.u32(player.account)
        $0.u16(3)
      }
    }
    rig.up(one, Rig.reign(1), ask(Made.player(1)))
    rig.up(two, Rig.reign(2), ask(Made.player(2)))
    rig.forget()
    rig.down(Self.frame(0x3856, [(2, Made.player(1).account)]))
    let items = Self.frame(0x3857, [])
    rig.down(items)
    #expect(rig.commandsDown(one) == [0x3856])
    #expect(rig.takeDownstream(two) == [items])
  }

  @Test("talk is mirrored to the others as the char-server would send it, and goes to it as well")
  func mirrored() {
    var rig = Rig.stage(serving: 3)
    rig.enter(Made.player(1), at: 1)
    rig.forget()
    let account: [UInt8] = [0x81, 0x84, 0x1e, 0]
    let requests: [[UInt8]] = [
      [UInt8](hex: "0030 1400 000000ff 0000 0000 0000 0000 68690000"),
      [UInt8](hex: "0930 3b00 05000000 0000 01") + [UInt8](repeating: 66, count: 48),
      [UInt8](hex: "2730 1000 05000000") + account + [UInt8](hex: "68690000"),
      [UInt8](hex: "3730 1000 05000000") + account + [UInt8](hex: "68690000"),
      [UInt8](hex: "a130 1000 05000000") + account + [UInt8](hex: "68690000"),
    ]
    for request in requests {
      rig.forget()
      rig.up(one, Rig.reign(1), request)
      let mirrored = [request[0], request[1] + 8] + request[2...]
      #expect(rig.upstream == [request])
      #expect(rig.downstream == [two: [mirrored], three: [mirrored]])
    }
    #expect(rig.multiplexer.counters.mirrored == 5)
    // Nobody speaks for somebody else's player.
    rig.forget()
    rig.up(two, Rig.reign(2), requests[2])
    #expect(rig.upstream.isEmpty && rig.downstream.isEmpty)
    #expect(rig.multiplexer.counters.notHere == 1)
  }

  @Test("the number of a clan's members is counted here, from what the char-server had")
  func clanCount() {
    var rig = Rig.stage(serving: 2)
    rig.up(one, Rig.reign(1), [UInt8](hex: "a030"))
    var clans = [UInt8](repeating: 0, count: 4 + 2 * 4_272)
    clans.replaceSubrange(0..<4, with: [0xa0, 0x38, 0x64, 0x21])
    clans[4] = 1
    clans[4 + 4_272] = 2
    clans[4 + 4_272 + 70] = 5
    rig.down(clans)
    rig.forget()
    rig.up(one, Rig.reign(1), [UInt8](hex: "a330 02000000"))
    #expect(rig.downstream == [two: [[UInt8](hex: "a238 02000000 0600")]])
    rig.forget()
    rig.up(two, Rig.reign(2), [UInt8](hex: "a230 02000000"))
    #expect(rig.downstream == [one: [[UInt8](hex: "a238 02000000 0500")]])
    rig.forget()
    // Below none the char-server does not count, and says nothing.
    rig.up(two, Rig.reign(2), [UInt8](hex: "a230 01000000"))
    #expect(rig.downstream.isEmpty)
    #expect(rig.commandsUp == [Command.clanLeft])
  }

  @Test("a whisper's sender hears that nobody is there only when all map-servers have said so")
  func whispers() {
    var rig = Rig.stage(serving: 3)
    let name = [UInt8]("Alice".utf8) + [UInt8](repeating: 0, count: 19)
    rig.up(one, Rig.reign(1), [UInt8](hex: "0130 3a00 00000000") + name + name + [72, 0])
    func whisper(_ number: UInt8) -> [UInt8] { [UInt8](hex: "0138 0c00") + [number, 0, 0, 0] + [0, 0, 0, 0] }
    func result(_ number: UInt8, _ result: UInt8) -> [UInt8] { [UInt8](hex: "0230") + [number, 0, 0, 0, result] }
    rig.down(whisper(1))
    #expect(rig.downstream.values.allSatisfy { $0.last == whisper(1) })
    rig.forget()
    rig.up(two, Rig.reign(2), result(1, 1))
    rig.up(one, Rig.reign(1), result(1, 1))
    #expect(rig.upstream.isEmpty)
    rig.up(three, Rig.reign(3), result(1, 1))
    #expect(rig.takeUpstream() == [result(1, 1)])
    // Found: at once, and what the others say is of no interest any more.
    rig.down(whisper(2))
    rig.up(two, Rig.reign(2), result(2, 0))
    rig.up(one, Rig.reign(1), result(2, 1))
    #expect(rig.takeUpstream() == [result(2, 0)])
    // The last one that has not answered dies.
    rig.down(whisper(3))
    rig.up(two, Rig.reign(2), result(3, 1))
    rig.up(one, Rig.reign(1), result(3, 1))
    rig.handle(.streamClosed(three))
    #expect(rig.takeUpstream().first == result(3, 1))
    rig.forget()
    let answer = [UInt8](hex: "0238") + name + [0]
    rig.down(answer)
    #expect(rig.downstream == [one: [answer]])
  }

  @Test("the rankings that newcomers hear are today's")
  func fame() {
    var rig = Rig.stage(serving: 1)
    func record(_ character: UInt8, _ points: UInt8) -> [UInt8] {
      [character, 0, 0, 0, points, 0, 0, 0] + [UInt8](repeating: 67, count: 24)
    }
    // One smith, one alchemist, one taekwon.
    let lists = [UInt8](hex: "1b2b 6800 4800 2800") + record(1, 10) + record(2, 20) + record(3, 30)
    rig.forget()
    rig.down(lists)
    #expect(rig.takeDownstream(one) == [lists])
    rig.down([UInt8](hex: "222b 01 00 63000000"))
    // Places that are not there.
    rig.down([UInt8](hex: "222b 02 01 63000000"))
    rig.down([UInt8](hex: "222b 03 00 63000000"))
    rig.start(2)
    let today = lists[..<8] + record(1, 10) + record(2, 0x63) + record(3, 30)
    #expect(rig.takeDownstream(two)[3] == Array(today))
  }

  @Test("keepalive, own address and user count stay here; users are summed")
  func ownAffairs() {
    var rig = Rig.stage(serving: 2)
    rig.forget()
    rig.up(one, Rig.reign(1), [UInt8](hex: "232b"))
    rig.up(one, Rig.reign(1), [UInt8](hex: "132b 0a000001"))
    #expect(rig.upstream.isEmpty)
    #expect(rig.downstream == [one: [[UInt8](hex: "242b")]])
    rig.up(one, Rig.reign(1), [UInt8](hex: "fe2a 0300"))
    rig.up(two, Rig.reign(2), [UInt8](hex: "fe2a 0400"))
    rig.up(two, Rig.reign(2), [UInt8](hex: "fe2a 0400"))
    rig.handle(.streamClosed(one))
    #expect(rig.upstream == [[UInt8](hex: "fe2a 0300"), [UInt8](hex: "fe2a 0700"), [UInt8](hex: "fe2a 0400")])
  }
}

extension Rig {
  /// Lets the time of the keepalive pass.
  mutating func fireKeepalive() {
    guard let deadline = deadlines.last(where: { $0.timer.kind == 1 }) else { return }
    now.monotonic = max(now.monotonic, deadline.at)
    handle(.deadline(deadline.timer))
  }
}
