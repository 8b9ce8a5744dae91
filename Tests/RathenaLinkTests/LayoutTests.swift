import RathenaLink
import Testing
import Wire

@Suite("Layouts of the char-link")
struct LayoutTests {
  @Test("map names are 16 bytes; what stands behind the first zero does not count")
  func mapNames() throws {
    let bytes = written(16) { $0.linkMapName(Made.map("prontera")) }
    #expect(bytes == [UInt8]("prontera".utf8) + [UInt8](repeating: 0, count: 8))
    var dirty = bytes
    dirty[12] = 7
    let read = try dirty.withUnsafeBytes { bytes in
      var reader = Reader(bytes)
      return try reader.linkMapName()
    }
    #expect(read == Made.map("prontera"))
    #expect(read.description == "prontera")
    #expect(LinkMapName("") == nil)
    #expect(LinkMapName("abcdefghijklmnop") == nil)
    #expect(LinkMapName("abcdefghijklmno")?.description == "abcdefghijklmno")
    #expect(
      ["b", "aa", "a", "ab_c", "aaaaaaaab"].map(Made.map).sorted().map(\.description) == [
        "a", "aa", "aaaaaaaab", "ab_c", "b",
      ])
  }

  @Test("addresses in network order")
  func addresses() throws {
    let address = LinkAddress(ipv4: 0x7f00_0001, port: 5_321)
    #expect(written(6) { $0.linkAddress(address) } == [127, 0, 0, 1, 0x14, 0xc9])
    #expect(try Made.login(address).frame(.toCharServer) { try LoginFrame($0).address } == address)
    #expect(LinkAddress(Endpoint(ipv4: 1, port: 2)) == LinkAddress(ipv4: 1, port: 2))
    #expect(LinkAddress(Endpoint(high: 1, low: 2, port: 3)) == nil)
    #expect(LinkAddress.virtual.description == "192.0.2.1:5121")
  }

  @Test("a frame is exactly one frame")
  func exactlyOne() {
    func error(_ hex: String) -> WireError? {
      [UInt8](hex: hex).withUnsafeBytes { bytes in
        do throws(WireError) {
          _ = try Frame(bytes, table: .toCharServer)
          return nil
        } catch { return error }
      }
    }
    #expect(error("232b") == nil)
    #expect(error("232b00") == .trailing)
    #expect(error("23") == .truncated)
    #expect(error("fe2a01") == .truncated)
    #expect(error("fa2a") == .truncated)
    #expect(error("fa2a0500") == .truncated)
    #expect(error("fa2a0300") == .truncated || error("fa2a0300") == .trailing)
    #expect(error("242b") == .invalid)
  }

  @Test("fields behind the end are errors, not traps", arguments: [0x2afa, 0x2aff, 0x2b01, 0x2b1c, 0x308b] as [UInt16])
  func bounds(command: UInt16) throws {
    for length in 4..<40 {
      let bytes =
        [UInt8(command & 255), UInt8(command >> 8), UInt8(length), 0] + [UInt8](repeating: 9, count: length - 4)
      try bytes.frame(.toCharServer) { frame in
        _ = try? UserListFrame(frame)
        if let save = try? SaveFrame(frame) {
          #expect(length >= 13)
          #expect((try? save.status.lastMap) == nil)
        }
        #expect((try? frame.u32(at: length - 3)) == nil)
        #expect((try? frame.u32(at: -1)) == nil)
        #expect((try? frame.bytes(at: 2, count: length)) == nil)
      }
    }
  }

  @Test("the recorded characters", .enabled(if: Capture.isThere, Capture.absence))
  func recorded() throws {
    let stream = try #require(try Capture().charLinks.first { $0.name == "relay 0.0 fromServer" })
    let accepted = try frames(stream.bytes, stream.table).filter { $0.command == Command.authAccepted }
    let first = try #require(accepted.first)
    try first.frame(.toMapServer) { frame in
      let accepted = try AuthAcceptedFrame(frame)
      #expect(accepted.player == PlayerKey(account: 2_000_000, character: 150_000))
      #expect(accepted.group == 99)
      #expect(!accepted.isChangingServers)
      #expect(accepted.status.size == CharStatus.usualSize)
      #expect(try accepted.status.account == 2_000_000)
      #expect(try accepted.status.lastMap == Made.map("prontera"))
      #expect(try accepted.status.name.prefix { $0 != 0 }.count > 0)
      #expect(try accepted.status.hitPoints > 0)
      #expect(try accepted.status.baseLevel > 0)
      #expect(try !accepted.status.saveMap.isEmpty)
    }
    let up = try #require(try Capture().charLinks.first { $0.name == "relay 0.0 fromClient" })
    let change = try #require(try frames(up.bytes, up.table).first { $0.command == Command.changeServer })
    try change.frame(.toCharServer) { frame in
      let change = try ChangeServerFrame(frame)
      #expect(change.map == Made.map("geffen"))
      #expect((change.x, change.y) == (119, 59))
      #expect(change.address == LinkAddress(ipv4: 0x7f00_0001, port: 5_322))
    }
  }
}
