import Configuration
import Testing

/// Whatever the bytes are: an answer, and soon.
@Suite struct HostileInputTests {
  /// Changes, copies and cuts of good files. The seed of a failing round is in the message; a trap would end the run.
  @Test(arguments: 0..<16) func mutatedFiles(round: Int) {
    var choices = Choices(state: UInt64(round))
    let good = [Array(ShippedFile.text.utf8), Array(ShippedFile.seedBlock.utf8)]
    let pieces: [[UInt8]] = [
      "{", "}", "[", "]", "\"", "\\", "\\u{", ":", "=", ",", ";", "//", "/*", "*/", "#", "\n", "\r\n", "\t", ".", "+",
      "import:", "import: p2p.conf\n", "@include", "p2p_settings", "network", "99999999999999999999999", "-", "\u{0}",
      "é", "\u{feff}", "ms",
    ].map { Array($0.utf8) }
    for _ in 0..<150 {
      var bytes = good[choices.below(2)]
      for _ in 0...choices.below(12) {
        let at = choices.below(bytes.count)
        switch choices.below(5) {
        case 0: bytes[at] = UInt8(choices.below(256))
        case 1: bytes.remove(at: at)
        case 2: bytes.insert(contentsOf: pieces[choices.below(pieces.count)], at: at)
        case 3: bytes.removeSubrange(at..<min(bytes.count, at + choices.below(40)))
        default:
          bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + choices.below(80))], at: choices.below(at + 1))
        }
        if bytes.isEmpty { bytes = [10] }
      }
      let loaded = load(bytes)
      #expect((loaded.settings == nil) == (loaded.messages.errorCount > 0), "round \(round)")
      #expect(loaded.messages.errors.count <= Messages.errorLimit)
      for message in loaded.messages.list where message.severity == .error {
        #expect((message.place?.line ?? 0) >= 1 && (message.place?.column ?? 0) >= 1, "round \(round)")
        #expect(message.excerpt.map { $0.line.unicodeScalars.count < 400 } ?? true, "round \(round)")
      }
      #expect(!loaded.messages.description.utf8.contains { $0 < 32 && $0 != 10 }, "round \(round)")
    }
  }

  @Test func randomBytes() {
    var choices = Choices(state: 7)
    for _ in 0..<2000 {
      let alphabet = Array("{}[]\"\\:=,;/*#+-.@ \n\tap2_".utf8)
      let bytes = (0..<choices.below(300)).map { _ in alphabet[choices.below(alphabet.count)] }
      let loaded = load(bytes)
      #expect((loaded.settings == nil) == (loaded.messages.errorCount > 0))
    }
  }

  /// Texts of one thing many times over. Work that grew with the square of the size would take minutes here
  /// (64 Ki² is 4·10⁹ steps); the greatest size that is read is in `longLines`.
  @Test(
    arguments: [
      "{", "}", "[", "a{", "a:{", "a:[", "\"", "\\", "x\n", "x:1\n", "x:\n", "/*", "// ", "#", ",", ";", "a.", ".",
      "+a:",
      "}   ", "a:1;", "é", "\t", " ", "\r", "p2p_settings.enable: yes\n", "p2p_settings.network: {", "import: x\n",
      "p2p_settings.network.bootstrap_peers: [a,",
    ])
  func oneThingManyTimes(piece: String) {
    let unit = Array(piece.utf8)
    var bytes: [UInt8] = []
    while bytes.count + unit.count <= FileLimits.bytes / 4 { bytes += unit }
    let loaded = load(bytes)
    #expect(loaded.messages.errors.count <= Messages.errorLimit)
    for name in ["p2p_settings.node.data_dir: ", "p2p_settings.network.bootstrap_peers: ["] {
      _ = load(Array(name.utf8) + bytes)
    }
  }

  @Test func longLines() throws {
    // One line of a megabyte is more than a file may have.
    let megabyte = [UInt8](repeating: UInt8(ascii: "a"), count: 1 << 20)
    let refused = load(megabyte)
    #expect(refused.messages.errors.map(\.code) == [.fileTooLarge])
    #expect(refused.messages.errors[0].place == Place(file: "p2p.conf", line: 1, column: 1))
    #expect(refused.messages.errors[0].text.contains("256 KiB"))
    // The longest that is read: the place is exact, and the excerpt fits on a screen.
    let start = "p2p_settings.enable: "
    let line = start + String(repeating: "y", count: FileLimits.bytes - start.utf8.count - 8) + "\nwrong"
    let loaded = load(line)
    #expect(loaded.messages.errors.map(\.code) == [.notATruth, .missingColon])
    #expect(loaded.messages.errors[0].place == Place(file: "p2p.conf", line: 1, column: 22))
    #expect(try #require(loaded.messages.errors[0].excerpt).line.unicodeScalars.count < 200)
    #expect(loaded.messages.errors[1].place == Place(file: "p2p.conf", line: 2, column: 6))
    // And as an option.
    let option = load("", options: [String(repeating: "x", count: 1 << 20)])
    #expect(option.messages.errors.map(\.code) == [.badOption])
  }
}
