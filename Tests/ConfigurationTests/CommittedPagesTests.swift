import Configuration
import Foundation
import Testing

/// Pages that are made from the schema are committed, so that they can be read without building anything. To make them
/// again: `MESH_WRITE_PAGES=1 swift test --filter CommittedPages`.
@Suite struct CommittedPagesTests {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  @Test(
    arguments: [
      ("docs/configuration.md", ReferencePage.text), ("bootstrap/conf/p2p_athena.conf", ShippedFile.text),
      ("bootstrap/conf/import-tmpl/p2p_conf.txt", ShippedFile.template),
    ])
  func committedPageIsUpToDate(path: String, text: String) throws {
    let file = CommittedPagesTests.root.appending(path: path)
    if ProcessInfo.processInfo.environment["MESH_WRITE_PAGES"] == "1" {
      try Data(text.utf8).write(to: file)
    }
    let committed = try String(contentsOf: file, encoding: .utf8)
    #expect(
      committed == text, "\(path) is not what the schema says: MESH_WRITE_PAGES=1 swift test --filter CommittedPages")
  }

  @Test func shippedFilesLoadWithoutAWarning() throws {
    var files = MemoryFiles()
    for name in ["p2p_athena.conf", "import-tmpl/p2p_conf.txt"] {
      let data = try Data(contentsOf: CommittedPagesTests.root.appending(path: "bootstrap/conf/\(name)"))
      files.set("conf/" + name.replacing("import-tmpl", with: "import"), Array(data))
    }
    let loaded = SettingsReader.load("conf/p2p_athena.conf", from: files)
    #expect(loaded.messages.errors.isEmpty && loaded.messages.warnings.isEmpty, "\(loaded.messages.description)")
    #expect(loaded.files == ["conf/p2p_athena.conf", "conf/import/p2p_conf.txt"])
    // It says everything, and everything it says is the default.
    #expect(try #require(loaded.settings).differences(to: Settings()) == [])
    for setting in Schema.settings {
      guard case .set = loaded.origin(of: setting.path) else {
        #expect(ShippedFile.text.contains("//\(setting.name): "), "\(setting.path) is not in the shipped file")
        continue
      }
    }
  }

  @Test func shippedFileHoldsTheSeedsBlockByteForByte() throws {
    let shipped = try String(
      contentsOf: CommittedPagesTests.root.appending(path: "bootstrap/conf/p2p_athena.conf"), encoding: .utf8)
    #expect(shipped.contains(ShippedFile.seedBlock))
    let seed = CommittedPagesTests.root.appending(path: "../shared/reference/seed-todo.md")
    guard let text = try? String(contentsOf: seed, encoding: .utf8) else {
      print("skipped: \(seed.path) is not there")
      return
    }
    #expect(text.contains("```conf\n" + ShippedFile.seedBlock + "\n```"))
  }
}
