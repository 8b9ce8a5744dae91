import Configuration
import Testing

@Suite struct BootstrapListTests {
  /// A key that begins with `first`.
  static func key(_ first: UInt8) -> [UInt8] { [first] + (1..<64).map { UInt8($0 &* 37 & 255) } }

  static func line(_ name: String, _ address: String, _ first: UInt8) -> String {
    let peer = BootstrapPeer(name: "x", host: "h", port: 1, publicKey: key(first))
    return "\(name) \(address) \(BootstrapList.line(for: peer).split(separator: " ")[2])"
  }

  static func read(_ text: String) -> (peers: [BootstrapPeer], messages: Messages) {
    BootstrapList.read(Array(text.utf8), name: "peers.txt")
  }

  @Test func readsPeers() {
    let text =
      "\u{feff}# the first three\r\n\r\n" + BootstrapListTests.line("prt-1", "192.0.2.1:7000", 1) + " # home\r\n\t"
      + BootstrapListTests.line("gef", "[2001:db8::1]:7001", 2).replacing(" ", with: "\t ") + "\r\n//\r\n"
      + BootstrapListTests.line("pay", "mesh.example.org:7000", 3) + "\r\n"
      + BootstrapListTests.line("prt-1", "198.51.100.1:7000", 1)
    let (peers, messages) = BootstrapListTests.read(text)
    #expect(messages.list.isEmpty, "\(messages.description)")
    #expect(peers.map(\.name) == ["prt-1", "gef", "pay", "prt-1"])
    #expect(peers.map(\.host) == ["192.0.2.1", "2001:db8::1", "mesh.example.org", "198.51.100.1"])
    #expect(peers.map(\.port) == [7000, 7001, 7000, 7000])
    #expect(peers.map(\.needsLookUp) == [false, false, true, false])
    #expect(peers.map(\.publicKey) == [1, 2, 3, 1].map { BootstrapListTests.key($0) })
    let again = BootstrapListTests.read(peers.map(BootstrapList.line).joined(separator: "\n"))
    #expect(again.peers == peers)
    #expect(BootstrapListTests.read("").peers.isEmpty && BootstrapListTests.read("").messages.list.isEmpty)
  }

  /// Known answers of RFC 4648's alphabet: all zeros, all ones, and the last bits in their place.
  @Test func keysAreBase64URL() {
    let zeros = String(repeating: "A", count: 86)
    let ones = String(repeating: "_", count: 85) + "w"
    #expect(BootstrapListTests.read("a h:1 \(zeros)").peers.first?.publicKey == [UInt8](repeating: 0, count: 64))
    #expect(BootstrapListTests.read("a h:1 \(ones)").peers.first?.publicKey == [UInt8](repeating: 255, count: 64))
    #expect(
      BootstrapListTests.read("a h:1 AQID\(zeros.dropFirst(4))").peers.first?.publicKey.prefix(4) == [1, 2, 3, 0])
  }

  static let key86 = String(repeating: "A", count: 86)

  @Test(
    arguments: [
      ("prt", MessageCode.badPeerLine, "1:4", "name address:port"), ("prt h:1", .badPeerLine, "1:8", "public-key"),
      ("prt h:1 \(key86) more", .badPeerLine, "1:96", "name address:port"),
      ("Prt h:1 \(key86)", .badPeerName, "1:1", "small letters"),
      ("a234567890123456789012345678901x h:1 \(key86)", .badPeerName, "1:1", "1 to 31"),
      ("\n prt h \(key86)", .badPeerAddress, "2:6", "`h:7000`"),
      ("prt ::1 \(key86)", .badPeerAddress, "1:5", "[::1]:7000"),
      ("prt 300.1.1.1:7000 \(key86)", .badPeerAddress, "1:5", "192.0.2.1:7000"),
      ("prt h:0 \(key86)", .badPeerAddress, "1:5", "write it like"),
      ("prt h:1 AAAA", .badPeerKey, "1:9", "copy it whole"), ("prt h:1 \(key86)=", .badPeerKey, "1:95", "leave it out"),
      ("prt h:1 A+\(key86)", .badPeerKey, "1:10", "`-` for `+`"),
      ("prt h:1 A!\(key86)", .badPeerKey, "1:10", "letters, digits"),
      ("prt h:1 \(key86.dropLast())B", .badPeerKey, "1:94", "copied wrongly"),
      ("a h:1 \(key86)\na h:1 \(key86)", .peerTwice, "2:1", "remove one"),
      ("a h:1 \(key86)\nb g:1 \(key86)", .peerTwice, "2:1", "remove one"),
      ("a \u{0}", .controlCharacter, "1:3", "remove it"),
    ])
  func broken(text: String, code: MessageCode, place: String, help: String) {
    let (_, messages) = BootstrapListTests.read(text)
    #expect(messages.errors.map(\.code) == [code], "\(messages.description)")
    #expect(messages.errors.first?.place?.description == "peers.txt:\(place)")
    #expect(messages.errors.first?.help?.contains(help) ?? false, "\(messages.description)")
  }

  @Test func goodLinesSurviveBadOnes() {
    let lines = [BootstrapListTests.line("a", "h:1", 1), "nonsense", BootstrapListTests.line("b", "h:2", 2), "x y z"]
    let (peers, messages) = BootstrapListTests.read(lines.joined(separator: "\n"))
    #expect(peers.map(\.name) == ["a", "b"] && messages.errorCount == 2)
    let sameName = BootstrapListTests.line("a", "h:1", 1) + "\n" + BootstrapListTests.line("a", "h:2", 2)
    #expect(BootstrapListTests.read(sameName).messages.errors.map(\.code) == [.peerTwice])
  }

  @Test func isBounded() {
    let lines = (0..<100).map { BootstrapListTests.line("a\($0)", "h:1", UInt8($0)) }
    let (peers, messages) = BootstrapListTests.read(lines.joined(separator: "\n"))
    #expect(peers.count == BootstrapList.peerLimit && messages.errors.map(\.code) == [.tooManyPeers])
    let large = BootstrapList.read([UInt8](repeating: 10, count: FileLimits.bytes + 1), name: "x")
    #expect(large.messages.errors.map(\.code) == [.fileTooLarge])
    var choices = Choices(state: 3)
    for _ in 0..<500 {
      var bytes = Array(lines[0..<3].joined(separator: "\n").utf8)
      for _ in 0...choices.below(6) { bytes[choices.below(bytes.count)] = UInt8(choices.below(256)) }
      let result = BootstrapList.read(bytes, name: "x")
      #expect(result.peers.count + result.messages.errorCount >= 1)
      for peer in result.peers { #expect(peer.publicKey.count == BootstrapList.keySize && peer.port > 0) }
    }
  }
}
