import Control
import Foundation
import Glibc
import KeyStore
import Testing

/// A folder of its own that goes with its owner.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/mesh-keys-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw CocoaError(.fileWriteUnknown) }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

struct PrivateFileTests {
  private let folder: TemporaryFolder
  private var file: String { folder.path + "/key" }

  init() throws { folder = try TemporaryFolder() }

  private func write(_ text: String, replacing: PrivateFile.Replacing = .always) throws {
    try Array(text.utf8).withUnsafeBytes { try PrivateFile.write(file, $0, replacing: replacing) }
  }

  private func read(_ path: String, limit: Int = 100) throws -> String? {
    try PrivateFile.read(path, limit: limit) { bytes in String(decoding: bytes, as: UTF8.self) }
  }

  private func code(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch {
      return (error as? Fault)?.code ?? "\(error)"
    }
  }

  private func mode(_ path: String) -> mode_t {
    var status = stat()
    lstat(path, &status)
    return status.st_mode & 0o7777
  }

  @Test func writesWholeAndPrivate() throws {
    let before = umask(0)
    defer { umask(before) }
    try write("one")
    #expect(mode(file) == 0o600)
    #expect(try read(file) == "one")
    try write("two")
    #expect(try read(file) == "two")
    // Nothing is left beside it.
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["key"])
  }

  @Test func neverReplacesWhatIsThere() throws {
    try write("one", replacing: .never)
    #expect(code { try write("two", replacing: .never) } == "M046")
    #expect(try read(file) == "one")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["key"])
  }

  @Test func missingIsNoError() throws {
    #expect(try read(file) == nil)
    #expect(try read(folder.path + "/no/such/folder") == nil)
  }

  @Test(arguments: [mode_t(0o644), 0o640, 0o604, 0o610, 0o606, 0o666])
  func othersMayNotHaveAccess(mode: mode_t) throws {
    try write("secret")
    chmod(file, mode)
    #expect(code { _ = try read(file) } == "M050")
    let fault = #expect(throws: Fault.self) { try read(file) }
    #expect(fault?.help == "chmod 600 \(file)" && fault?.exitCode == .notPermitted)
    // The content is never told.
    #expect(fault.map { "\($0)".contains("secret") } == false)
  }

  @Test func folderOfOthersIsRefused() throws {
    try write("secret")
    chmod(folder.path, 0o777)
    #expect(code { _ = try read(file) } == "M050")
    chmod(folder.path, 0o1777)
    #expect(code { _ = try read(file) } == nil)
    chmod(folder.path, 0o700)
  }

  @Test func onlyRegularFiles() throws {
    try write("secret")
    let link = folder.path + "/link"
    symlink(file, link)
    #expect(code { _ = try read(link) } == "M051")
    let pipe = folder.path + "/pipe"
    mkfifo(pipe, 0o600)
    // Also proves that opening it does not wait for ever.
    #expect(code { _ = try read(pipe) } == "M051")
    #expect(code { _ = try read(folder.path) } == "M051")
    #expect(code { _ = try read("/dev/null") } == "M051")
  }

  @Test func sizeHasALimit() throws {
    try write(String(repeating: "x", count: 101))
    #expect(code { _ = try read(file) } == "M052")
    #expect(try read(file, limit: 101)?.count == 101)
  }

  @Test func foldersAreMadePrivate() throws {
    let deep = folder.path + "/a/b/keys"
    try PrivateFile.makeFolder(deep)
    #expect(mode(deep) == 0o700)
    try PrivateFile.makeFolder(deep)
    try write("x")
    #expect(code { try PrivateFile.makeFolder(file) } == "M051")
    #expect(code { try PrivateFile.makeFolder(file + "/below") } == "M053")
  }

  @Test func unwritableIsTold() throws {
    #expect(
      code {
        try Array("x".utf8).withUnsafeBytes { try PrivateFile.write(folder.path + "/no/file", $0, replacing: .always) }
      } == "M053")
    #expect(
      code { try Array("x".utf8).withUnsafeBytes { try PrivateFile.write("/proc/mesh", $0, replacing: .always) } }
        == "M053")
  }
}
