import Control
import Foundation
import Glibc
import Testing

/// From nothing to a second machine (DESIGN 15), with the real program in folders of their own.
@Suite(.serialized)
struct PastesTests {
  private let folder: TemporaryDirectory
  private var passphrase: String { folder.path + "/passphrase" }

  init() throws {
    folder = try TemporaryDirectory()
    try write("correct horse battery\n", to: folder.path + "/passphrase")
  }

  private func write(_ text: String, to path: String, mode: mode_t = 0o600) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
    chmod(path, mode)
  }

  private func run(_ arguments: String...) async throws -> Program.Outcome {
    try await Program.run(arguments, in: folder.path)
  }

  private func createNetwork(_ name: String = "izlude", in directory: String = "mesh") async throws {
    let made = try await run(
      "network", "create", name, "--dir", directory, "--passphrase-file", passphrase, "--address", "127.0.0.1:7000")
    try #require(made.code == 0, "\(made.errors)")
  }

  private func request(_ name: String, in directory: String) async throws -> String {
    let made = try await run("init", "--name", name, "--dir", directory)
    try #require(made.code == 0, "\(made.errors)")
    return made.lastLine
  }

  private func mode(_ path: String) -> mode_t {
    var status = stat()
    lstat(folder.path + "/" + path, &status)
    return status.st_mode & 0o7777
  }

  @Test func fromNothingToASecondMachine() async throws {
    try await createNetwork()
    #expect(mode("mesh/keys") == 0o700)
    for file in ["identity", "network", "certificate", "operator", "bootstrap"] {
      #expect(mode("mesh/keys/" + file) == 0o600, "\(file)")
    }
    let line = try await request("prt-2", in: "two")
    // The same command again prints the same line.
    #expect(try await request("prt-2", in: "two") == line)

    let admitted = try await run(
      "admit", line, "--passphrase-file", passphrase, "--json", "--class", "2", "--roles", "host", "--contributor",
      "2000113", "--days", "30", "--weight-cap", "4", "--address", "127.0.0.0/8")
    let reply = try #require(JSONLine.decode(AdmitReply.self, from: Array(admitted.output.utf8)))
    let welcome = try #require(reply.welcomes.first)
    #expect(welcome.host.name == "prt-2" && welcome.trustClass == 2 && welcome.contributor == 2_000_113)
    #expect(welcome.roles == ["host"])
    #expect(welcome.welcome.count < 1_000)

    let accepted = try await run("accept", welcome.welcome, "--dir", "two", "--json")
    #expect(accepted.code == 0, "\(accepted.errors)")
    let joined = try #require(JSONLine.decode(AcceptReply.self, from: Array(accepted.output.utf8)))
    #expect(joined.network == reply.network && joined.host == welcome.host)
    #expect(joined.certificateNotAfter == welcome.certificateNotAfter)
    #expect(joined.peers == ["home 127.0.0.1:7000"])
    let bootstrap = try String(contentsOfFile: folder.path + "/two/keys/bootstrap", encoding: .utf8)
    let key = try await run("key").lastLine
    #expect(bootstrap.contains("\nhome 127.0.0.1:7000 \(key)\n"))
    // Again is harmless.
    #expect(try await run("accept", welcome.welcome, "--dir", "two").code == 0)
  }

  @Test func severalLinesAtOnce() async throws {
    try await createNetwork()
    let lines = [try await request("a", in: "a"), try await request("b", in: "b")]
    let admitted = try await run("admit", lines[0], lines[1], "--passphrase-file", passphrase)
    #expect(admitted.code == 0)
    let welcomes = admitted.output.split(separator: "\n").map(String.init)
    #expect(welcomes.count == 2)
    #expect(try await run("accept", welcomes[0], "--dir", "a").code == 0)
    // A welcome for another machine.
    let wrong = try await run("accept", welcomes[0], "--dir", "b")
    #expect(wrong.code == 65 && wrong.errors.contains("M042"))
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/b/keys/network"))
  }

  @Test func damagedPastes() async throws {
    try await createNetwork()
    let line = try await request("prt-2", in: "two")
    let changed = String(line.dropLast(30)) + (line.dropLast(29).last == "A" ? "B" : "A") + line.suffix(29)
    for bad in [String(line.dropLast(9)), changed, line + "x", "hello", ""] {
      let outcome = try await run("admit", bad, "--passphrase-file", passphrase)
      #expect(outcome.code == 65 && outcome.errors.contains("M040"), "\(bad): \(outcome.errors)")
      #expect(outcome.output.isEmpty)
    }
    let welcome = try await run("admit", line, "--passphrase-file", passphrase).lastLine
    for bad in [String(welcome.dropLast(200)), line, welcome + welcome] {
      let outcome = try await run("accept", bad, "--dir", "two")
      #expect(outcome.code == 65 && outcome.errors.contains("M041"), "\(outcome.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/two/keys/network"))
  }

  @Test func anotherNetwork() async throws {
    try await createNetwork()
    try await createNetwork("payon", in: "other")
    let line = try await request("prt-2", in: "two")
    let first = try await run("admit", line, "--passphrase-file", passphrase).lastLine
    #expect(try await run("accept", first, "--dir", "two").code == 0)
    let second = try await run("admit", line, "--passphrase-file", passphrase, "--dir", "other").lastLine
    let outcome = try await run("accept", second, "--dir", "two")
    #expect(outcome.code == 5 && outcome.errors.contains("M043") && outcome.errors.contains("payon"))
    // Another operator's key is told before the passphrase is tried.
    let foreign = try await run(
      "admit", line, "--passphrase-file", passphrase, "--operator-key", "other/keys/operator")
    #expect(foreign.code == 65 && foreign.errors.contains("M059"))
  }

  @Test func passphrases() async throws {
    try await createNetwork()
    let line = try await request("prt-2", in: "two")
    try write("wrong horse battery\n", to: passphrase)
    let wrong = try await run("admit", line, "--passphrase-file", passphrase)
    #expect(wrong.code == 77 && wrong.errors.contains("M044"))
    chmod(passphrase, 0o644)
    let open = try await run("admit", line, "--passphrase-file", passphrase)
    #expect(open.code == 77 && open.errors.contains("M050"))
    let unasked = try await run("admit", line)
    #expect(unasked.code == 64 && unasked.errors.contains("--passphrase-file"))
    try write("short\n", to: passphrase)
    let short = try await run("network", "create", "x", "--dir", "x", "--passphrase-file", passphrase)
    #expect(short.code == 64 && short.errors.contains("M045"))
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/x/keys/operator"))
  }

  @Test func passphrasesAreAskedForTwice() async throws {
    let hidden = "Passphrase for the operator's key: "
    let again = "The same again: "
    let made = try await Program.runOnTerminal(
      ["network", "create", "izlude"], in: folder.path,
      answers: [(hidden, "correct horse battery"), (again, "correct horse battery")])
    #expect(made.code == 0, "\(made.output)")
    // What is typed is not shown.
    #expect(!made.output.contains("correct"))
    let line = try await request("prt-2", in: "two")
    let admitted = try await Program.runOnTerminal(
      ["admit", line], in: folder.path, answers: [(hidden, "correct horsex\u{7f} battery")])
    #expect(admitted.code == 0 && admitted.output.contains("mesh-welcome"), "\(admitted.output)")
    let other = try await Program.runOnTerminal(
      ["network", "create", "izlude", "--dir", "x"], in: folder.path,
      answers: [(hidden, "correct horse battery"), (again, "correct horse")])
    #expect(other.code == 64 && other.output.contains("not the same twice"))
    let stopped = try await Program.runOnTerminal(
      ["network", "create", "izlude", "--dir", "x"], in: folder.path, answers: [(hidden, "corr\u{3}")])
    #expect(stopped.code == 130)
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/x/keys/operator"))
  }

  @Test func keysAreNeverReplaced() async throws {
    try await createNetwork()
    let before = try Data(contentsOf: URL(filePath: folder.path + "/mesh/keys/operator"))
    let again = try await run("network", "create", "payon", "--passphrase-file", passphrase)
    #expect(again.code == 5 && again.errors.contains("M046"))
    #expect(try Data(contentsOf: URL(filePath: folder.path + "/mesh/keys/operator")) == before)
  }

  @Test func keyFilesOfOthersAreRefused() async throws {
    try await createNetwork()
    let identity = folder.path + "/mesh/keys/identity"
    chmod(identity, 0o644)
    let open = try await run("key")
    #expect(open.code == 77 && open.errors.contains("M050") && open.errors.contains("chmod 600 mesh/keys/identity"))
    #expect(open.output.isEmpty)
    chmod(identity, 0o600)
    rename(identity, identity + ".real")
    symlink(identity + ".real", identity)
    #expect(try await run("key").code == 77)
    unlink(identity)
    mkfifo(identity, 0o600)
    let pipe = try await run("key")
    #expect(pipe.code == 77 && pipe.errors.contains("M051"))
    unlink(identity)
    let missing = try await run("key")
    #expect(missing.code == 1 && missing.errors.contains("M047"))
    try write("not a key", to: identity)
    #expect(try await run("key").code == 65)
  }

  @Test func withoutKeysOrNetwork() async throws {
    let line = "mesh-request-1:x"
    let admit = try await run("admit", line, "--passphrase-file", passphrase)
    #expect(admit.code == 1 && admit.errors.contains("M048"))
    let accept = try await run("accept", "x")
    #expect(accept.code == 1 && accept.errors.contains("M047"))
    #expect(try await run("init", "--name", "Bad_Name").code == 64)
    #expect(try await run("network", "create", "izlude", "--days", "91").code == 64)
    #expect(try await run("admit", "x", "--roles", "king").code == 64)
    #expect(try await run("admit", "x", "--class", "3").code == 64)
    #expect(try await run("admit", "x", "--address", "nowhere").code == 64)
  }

  /// A host that cannot be written to leaves nothing half made.
  @Test func unwritableFolder() async throws {
    let outcome = try await run("network", "create", "izlude", "--dir", "/proc/mesh", "--passphrase-file", passphrase)
    #expect(outcome.code == 73 && outcome.errors.contains("M053"))
  }
}
