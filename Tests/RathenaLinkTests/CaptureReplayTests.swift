import RathenaLink
import Testing
import Wire

/// The recorded map-servers as two streams of one multiplexer, the recorded char-server as what it is linked to.
///
/// What a real char-server sends differs over one link only in this: it answers one login instead of two; what goes to
/// all comes once; its 2b06 has the virtual address; it sends no 2b04 and 2b20 of the two; variables of an account, which
/// the login-server tells all links, come once.
@Suite(.enabled(if: Capture.isThere, Capture.absence))
struct CaptureReplayTests {
  private static let a = Made.reign(1, host: 1)
  private static let b = Made.reign(2, host: 2)
  private static let streams = ["0.0": StreamID(1), "1.0": StreamID(2), "0.1": StreamID(3)]

  /// Plays the whole record.
  private struct Replay {
    var rig = Rig()
    /// What the char-server has seen from both links, in order.
    var sawUp: [[UInt8]] = []
    /// What each map-server has got.
    var sawDown: [StreamID: [[UInt8]]] = [:]

    init() throws {
      var cutters: [String: FrameCutter] = [:]
      var home: [UInt32: Int] = [:]
      rig.handle(
        .world([
          ServedShard(shard: a.shard, maps: ["prontera", "prt_in", "izlude"].map(Made.map)),
          ServedShard(shard: b.shard, maps: ["geffen", "payon"].map(Made.map)),
        ]))
      rig.handle(.owner(a.shard, a))
      rig.handle(.owner(b.shard, b))
      rig.handle(.active(true))
      rig.handle(.upstreamOpened)
      // The bridge is linked before the first map-server comes.
      let first = try Capture().charLinks.first { $0.name == "relay 0.0 fromServer" }
      for frame in try frames(try #require(first).bytes, .toMapServer).filter({ Replay.isWelcome($0) }) {
        rig.down(frame)
      }
      for record in try Capture().records where record.relay <= 1 {
        let link = "\(record.relay).\(record.connection)"
        let stream = try #require(streams[link])
        let reign = record.relay == 0 ? a : b
        switch record.kind {
        case .opened:
          let door = LinkAddress(ipv4: 0x7f00_0001, port: record.relay == 0 ? 5_321 : 5_322)
          rig.handle(.streamOpened(stream, reign, process: ProcessNumber(stream.rawValue), door: door))
        case .closedByClient:
          rig.handle(.streamClosed(stream))
          rig.handle(.gone(reign))
        case .closedByServer: break
        case .fromClient, .fromServer:
          let table: FrameTable = record.kind == .fromClient ? .toCharServer : .toMapServer
          var cutter = cutters[link + "\(record.kind)"] ?? FrameCutter(table: table)
          var frames: [[UInt8]] = []
          try record.bytes.withUnsafeBytes { bytes in try cutter.cut(bytes) { frames.append([UInt8]($0)) } }
          cutters[link + "\(record.kind)"] = cutter
          for frame in frames {
            if record.kind == .fromClient {
              sawUp.append(frame)
              rig.up(stream, reign, frame)
            } else {
              sawDown[stream, default: []].append(frame)
              if frame.command == Command.authAccepted { home[account(frame, at: 4)] = record.relay }
              if Replay.comesOverOneLink(frame, on: record, home: home) { rig.down(readdressed(frame)) }
            }
          }
        }
      }
    }

    private static func comesOverOneLink(_ frame: [UInt8], on record: Capture.Record, home: [UInt32: Int]) -> Bool {
      if isWelcome(frame) { return false }
      switch frame.command {
      case Command.othersMaps, Command.serverGone, Command.keepaliveAnswer: return false
      case Command.worldCount: return record.relay == 1
      case 0x3804: return home[account(frame, at: 4)] == record.relay
      default: return true
      }
    }

    private static func isWelcome(_ frame: [UInt8]) -> Bool {
      [Command.loginAnswer, Command.storageTable, Command.welcome, Command.fameLists].contains(frame.command)
    }

    private func readdressed(_ frame: [UInt8]) -> [UInt8] {
      guard frame.command == Command.changeServerAnswer else { return frame }
      return frame[..<38] + virtual
    }
  }

  private static let virtual: [UInt8] = [192, 0, 2, 1, 0x14, 0x01]

  private static func account(_ frame: [UInt8], at offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(frame[offset + $1]) << UInt32($1 * 8) }
  }

  /// Frames that the char-server gets from the bridge itself: login, union, users, keepalive.
  private static let ofTheBridge: Set<UInt16> = [
    Command.login, Command.mapList, Command.userList, Command.userCount, Command.keepalive, Command.allOffline,
  ]

  @Test("the char-server gets what it really saw")
  func upstream() throws {
    let replay = try Replay()
    // A 2b05 has the virtual address; all else passes byte for byte and in order.
    let expected = replay.sawUp.filter { !Self.ofTheBridge.contains($0.command) }.map { frame in
      frame.command == Command.changeServer ? frame[..<38] + Self.virtual + frame[44...] : frame
    }
    let players = [Made.player(0), PlayerKey(account: 2_000_001, character: 150_001)]
    // When A is killed its two players are set offline; the real char-server took that from the closed link.
    let ended = players.map(Made.offline)
    let passed = replay.rig.upstream.filter { !Self.ofTheBridge.contains($0.command) && !ended.contains($0) }
    #expect(passed.count == 79)
    expectSame(passed, expected, "upstream")
    #expect(replay.rig.upstream.filter { ended.contains($0) } == ended)

    let own = replay.rig.upstream.filter { Self.ofTheBridge.contains($0.command) }
    let union = [
      Made.mapList(["prontera", "prt_in", "izlude", "geffen", "payon"]), Made.mapList(["geffen", "payon"]),
      Made.mapList(["prontera", "prt_in", "izlude"]), Made.mapList([]),
    ]
    #expect(own.filter { $0.command == Command.login } == [Made.login(.virtual)])
    // Both; A is killed; A is back; B stops; A stops.
    #expect(
      own.filter { $0.command == Command.mapList } == [union[0], union[1], union[0], union[2], union[3]])
    #expect(own.filter { $0.command == Command.userList } == [Made.users([])])
    // The sum whenever it changes.
    #expect(own.filter { $0.command == Command.userCount }.map { $0[2] } == [0, 1, 2, 3, 1, 0, 1, 0])
    #expect(own.filter { $0.command == Command.allOffline || $0.command == Command.keepalive }.isEmpty)
    #expect(replay.rig.multiplexer.presence.count == 0)
    #expect(replay.rig.multiplexer.counters.limitsHit == 0)
    #expect(replay.rig.journal.isEmpty)
  }

  @Test("each map-server gets what it really got")
  func downstream() throws {
    let replay = try Replay()
    for stream in Self.streams.values.sorted() {
      // Variables of accounts that are on the other map-server were of no use there. 2b20 has its address in the order in
      // which a map-server can use it.
      var home: Set<UInt32> = []
      let expected = (replay.sawDown[stream] ?? []).compactMap { frame -> [UInt8]? in
        switch frame.command {
        case Command.authAccepted: home.insert(Self.account(frame, at: 4))
        case 0x3804 where !home.contains(Self.account(frame, at: 4)): return nil
        case Command.changeServerAnswer: home.remove(Self.account(frame, at: 2))
        case Command.serverGone: return frame[..<4] + frame[4..<8].reversed() + frame[8..<10].reversed() + frame[10...]
        default: break
        }
        return frame
      }
      let got = replay.rig.downstream[stream] ?? []
      expectSame(got, expected, "stream \(stream)")
      #expect(got.count > 20)
    }
  }
}
