import Foundation
import RathenaLink
import Testing
import Wire

/// A client's connection at the char door with all that came out of it.
private struct DoorRig {
  var door: CharDoor
  var toServer: [UInt8] = []
  var toClient: [UInt8] = []
  var opened = 0
  var questions: [CharDoorQuestion] = []
  var end: CharDoorEnd?
  /// Given at once when it is asked for.
  var answer: LinkAddress?
  private let effects = CharDoorEffects(buffer: MessageBuffer())

  init(_ packets: FrameTable = DoorRig.packets) { door = CharDoor(packets: packets) }

  mutating func handle(_ input: CharDoorInput) {
    var effects = effects
    effects.removeAll()
    door.handle(input, into: &effects)
    for message in effects.toServer { toServer += [UInt8](effects.buffer.bytes(of: message)) }
    for message in effects.toClient { toClient += [UInt8](effects.buffer.bytes(of: message)) }
    if let question = effects.asksForDoor { questions.append(question) }
    if let closes = effects.closes { end = closes }
    if effects.opensServer {
      opened += 1
      handle(.serverOpened)
    }
    if effects.asksForDoor != nil, let answer { handle(.door(answer)) }
  }

  mutating func client(_ bytes: [UInt8]) { bytes.withUnsafeBytes { handle(.client($0)) } }

  mutating func server(_ bytes: [UInt8]) { bytes.withUnsafeBytes { handle(.server($0)) } }

  static let packets =
    FrameTable(clientPackets: "0AC5 156\n0071 28\n006C 3\n082D -1\n")
    ?? FrameTable.toMapServer
}

@Suite("The char door")
struct CharDoorTests {
  private static let enter = [UInt8](hex: "6500 80841e00 ed061c2e cf26b651 0000 01")
  private static let accountID = [UInt8](hex: "80841e00")
  private static let route = LinkAddress(ipv4: 0x0a00_0007, port: 7_001)
  /// 0ac5 to the virtual address.
  private static let sent =
    [UInt8](hex: "c50a f0490200 70726f6e746572612e67617400000000 c0000201 0114")
    + [UInt8](repeating: 0, count: 128)
  private static let rewritten = Array(sent[..<22]) + [UInt8](hex: "0a000007 591b") + Array(sent[28...])

  private func linked(answer: LinkAddress? = route) -> DoorRig {
    var rig = DoorRig()
    rig.answer = answer
    rig.client(Self.enter)
    rig.server(Self.accountID)
    rig.toClient = []
    return rig
  }

  @Test(
    "no other packet than 0065 is the first: the char-server is not even asked",
    arguments: [
      "8701 01020304", "6600 00", "66", "6501", "0002 00", "ffff",
    ])
  func wrongFirst(hex: String) {
    var rig = DoorRig()
    rig.client([UInt8](hex: hex))
    #expect(rig.end == .wrongFirstPacket && rig.opened == 0 && rig.toServer.isEmpty)
    rig.client(Self.enter)
    #expect(rig.opened == 0)
  }

  @Test("half of 0065 waits, at any place; one connection of its own is opened, once; what came early follows")
  func halfFirst() {
    for split in 1..<Self.enter.count {
      var rig = DoorRig()
      rig.client(Array(Self.enter[..<split]))
      #expect(rig.opened == 0 && rig.end == nil && rig.toServer.isEmpty)
      rig.client(Array(Self.enter[split...]) + [0xa1, 0x09])
      #expect(rig.opened == 1 && rig.toServer == Self.enter + [0xa1, 0x09])
      rig.client(Self.enter)
      #expect(rig.opened == 1 && rig.toServer.count == 36)
    }
    var rig = DoorRig()
    rig.client(Self.enter + [UInt8](repeating: 1, count: CharDoor.earlyLimit))
    #expect(rig.end == .tooMuch && rig.opened == 0)
  }

  @Test("the address of 0ac5 becomes that of the door, at any segmentation, and what is behind it waits for it")
  func rewrites() {
    let refusal = [UInt8](hex: "6c00 00")
    for split in 0...Self.sent.count {
      var rig = linked(answer: nil)
      rig.server(refusal + Array(Self.sent[..<split]))
      rig.server(Array(Self.sent[split...]) + refusal + [0x6c])
      rig.server([0x00])
      #expect(rig.toClient == refusal)
      let player = PlayerKey(account: 2_000_000, character: 150_000)
      #expect(rig.questions.map(\.player) == [player] && rig.questions.map(\.address) == [.virtual])
      #expect(rig.questions.map(\.map) == [Made.map("prontera")])
      rig.handle(.door(Self.route))
      #expect(rig.toClient == refusal + Self.rewritten + refusal)
      // The half behind it is found again.
      rig.server([0x07] + Self.sent)
      rig.handle(.door(Self.route))
      #expect(rig.toClient == refusal + Self.rewritten + refusal + [0x6c, 0, 7] + Self.rewritten)
      #expect(rig.questions.count == 2 && rig.door.counters.rewritten == 2)
    }
  }

  @Test("0071 of old clients too; without a door the connection ends")
  func oldClients() {
    var rig = linked()
    let old = [UInt8](hex: "7100") + Self.sent[2..<28]
    rig.server(old)
    #expect(rig.toClient == [UInt8](hex: "7100") + Self.rewritten[2..<28])
    rig = linked(answer: nil)
    rig.server(Self.sent)
    rig.handle(.door(nil))
    #expect(rig.end == .noDoor && rig.toClient.isEmpty)
  }

  @Test("the char-server closes: a player whose door is asked for still hears of it; nothing follows")
  func serverCloses() {
    var rig = linked(answer: nil)
    rig.server(Self.sent)
    rig.handle(.serverClosed)
    #expect(rig.end == nil)
    rig.handle(.door(Self.route))
    #expect(rig.toClient == Self.rewritten && rig.end == .serverClosed)
    rig.server(Self.sent)
    #expect(rig.toClient == Self.rewritten)
    rig = linked()
    rig.server([0x6c, 0x00])
    rig.handle(.serverClosed)
    #expect(rig.toClient == [0x6c, 0x00] && rig.end == .serverClosed)
  }

  @Test("behind a packet that the table does not have all passes as it comes, and is counted; what is held has a limit")
  func unknown() {
    var rig = linked()
    rig.server([UInt8](hex: "6c00 00 3412 77"))
    rig.server(Self.sent)
    #expect(rig.toClient == [UInt8](hex: "6c00 00 3412 77") + Self.sent)
    #expect(rig.door.counters.unknownPackets == 1 && rig.questions.isEmpty)
    rig = linked(answer: nil)
    rig.server(Self.sent)
    for _ in 0..<9 { rig.server([UInt8](repeating: 0x6c, count: CharDoor.heldLimit / 8)) }
    #expect(rig.end == .tooMuch)
    // A char-server that does not say the account's id first.
    rig = DoorRig()
    rig.answer = Self.route
    rig.client(Self.enter)
    rig.server(Self.sent)
    #expect(rig.toClient == Self.rewritten)
  }

  @Test("lengths are data: every known client version's table is read, and a line of something else is an error")
  func tables() throws {
    #expect(FrameTable(clientPackets: "0AC5 156\nx 3") == nil)
    #expect(FrameTable(clientPackets: "0AC5 1") == nil)
    #expect(FrameTable(clientPackets: "0AC5 156 2") == nil)
    guard Capture.isThere else { return }
    for name in ["RagexeRE_2020_09_02b", "Ragexe_2018_11_14d", "Ragexe_2020_04_01b", "Ragexe_2021_11_03"] {
      let table = try #require(try Self.table(name))
      #expect(table.length(of: 0x0ac5) == .fixed(156) && table.length(of: 0x082d) == .variable, "\(name)")
      #expect(table.length(of: 0x8480) == .unknown)
    }
  }

  private static func table(_ name: String) throws -> FrameTable? {
    let file = Capture.file.deletingLastPathComponent()
      .appending(path: "../packet_lengths/\(name).txt").standardizedFileURL
    return FrameTable(clientPackets: try String(contentsOf: file, encoding: .utf8))
  }

  @Test(
    "the recorded clients, as it came and byte by byte: only the address differs",
    .enabled(if: Capture.isThere, Capture.absence))
  func capture() throws {
    let packets = try #require(try Self.table("Ragexe_2021_11_03"))
    let records = try Capture().records.filter { $0.relay == 2 }
    for connection in 0...2 {
      for isBytewise in [false, true] {
        var rig = DoorRig(packets)
        rig.answer = Self.route
        var (fromClient, fromServer): ([UInt8], [UInt8]) = ([], [])
        for record in records where record.connection == connection {
          let parts = isBytewise ? record.bytes.map { [$0] } : [record.bytes]
          switch record.kind {
          case .fromClient:
            fromClient += record.bytes
            for part in parts { rig.client(part) }
          case .fromServer:
            fromServer += record.bytes
            for part in parts { rig.server(part) }
          case .closedByClient: rig.handle(.clientClosed)
          case .opened, .closedByServer: break
          }
        }
        let place = fromServer.count - 156
        #expect(fromServer[place..<(place + 2)] == [0xc5, 0x0a])
        // 127.0.0.1:5321 as it was.
        #expect(rig.questions.map(\.address) == [LinkAddress(ipv4: 0x7f00_0001, port: 5_321)])
        #expect(rig.questions.map(\.map) == [Made.map("prontera")])
        fromServer.replaceSubrange((place + 22)..<(place + 28), with: [10, 0, 0, 7, 0x59, 0x1b])
        #expect(rig.toServer == fromClient && rig.toClient == fromServer, "connection \(connection)")
        #expect(rig.opened == 1 && rig.end == .clientClosed && rig.door.counters.unknownPackets == 0)
      }
    }
  }
}
