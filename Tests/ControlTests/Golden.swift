import Control
import FoundationEssentials
import Testing

/// Screens as they are drawn, kept as files beside the tests. After a wanted change: `MESH_GOLDEN=write swift test …`,
/// then look at the difference before committing it.
enum Golden {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

  static func expect(_ text: String, is name: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let file = folder.appending(path: name + ".txt")
    // Escape bytes as text, so that the files can be read and compared anywhere.
    let shown = text.map { $0 == "\u{1b}" ? "␛" : String($0) }.joined()
    if ProcessInfo.processInfo.environment["MESH_GOLDEN"] == "write" {
      try? shown.write(to: file, atomically: true, encoding: .utf8)
    }
    let wanted = (try? String(contentsOf: file, encoding: .utf8)) ?? "(there is no \(name).txt)"
    #expect(shown == wanted, "\(name)", sourceLocation: sourceLocation)
  }

  /// The terminals that every screen is drawn for.
  static let terminals: [(name: String, terminal: Terminal)] = [
    ("80x24", Terminal(width: 80, height: 24, isTerminal: true, colour: false)),
    ("120x40-colour", Terminal(width: 120, height: 40, isTerminal: true, colour: true)),
    ("piped", Terminal(isTerminal: false)),
  ]
}
