import Control
import Foundation
import SecureChannel
import Synchronization
import Testing
import Wire

/// `revoke` and `renew`: what reaches the node is what the operator signed.
@Suite(.serialized)
struct SigningTests {
  /// Answers with one certificate and keeps what it is asked to do.
  private final class Recorder: Sendable {
    let certificate: [UInt8]
    let requests = Mutex<[ControlRequest]>([])

    init(_ certificate: [UInt8]) { self.certificate = certificate }

    func node() throws -> FakeNode {
      try FakeNode(
        .answer { [self] request in
          requests.withLock { $0.append(request) }
          let host = HostName(id: "b1130112e8f85295", name: "prt-2")
          switch request {
          case .certificates(let names):
            let isKnown = names.isEmpty || names.contains("prt-2")
            let entry = CertificatesReply.Entry(host: host, state: .alive, certificate: certificate)
            return [CertificatesReply(at: Samples.now, certificates: isKnown ? [entry] : []).line()]
          case .revoke: return [RevokeReply(at: Samples.now, host: host, state: .adopted).line()]
          case .renew: return [RenewReply(at: Samples.now, results: [.init(host: host, state: .delivered)]).line()]
          default: return []
          }
        })
    }
  }

  private let folder: TemporaryDirectory
  private let recorder: Recorder
  private let node: FakeNode
  private let network: Network
  private let certificate: Certificate

  init() async throws {
    folder = try TemporaryDirectory()
    let path = folder.path
    try Data("correct horse battery\n".utf8).write(to: URL(filePath: path + "/passphrase"))
    chmod(path + "/passphrase", 0o600)
    func run(_ arguments: String...) async throws -> Program.Outcome {
      let outcome = try await Program.run(arguments, in: path)
      try #require(outcome.code == 0, "\(outcome.errors)")
      return outcome
    }
    _ = try await run("network", "create", "izlude", "--passphrase-file", "passphrase")
    let line = try await run("init", "--name", "prt-2", "--dir", "two").lastLine
    let welcome = try await run("admit", line, "--passphrase-file", "passphrase", "--days", "1").lastLine
    _ = try await run("accept", welcome, "--dir", "two")
    let bytes = try [UInt8](Data(contentsOf: URL(filePath: path + "/two/keys/certificate")))
    certificate = try bytes.withUnsafeBytes { try Certificate($0) }
    recorder = Recorder(bytes)
    node = try recorder.node()
    let arena = try #require(SecretArena())
    let file = try [UInt8](Data(contentsOf: URL(filePath: path + "/mesh/keys/network")))
    network = try #require(file.withUnsafeBytes { Network(file: $0, arena: arena) })
  }

  private func run(_ arguments: String...) async throws -> Program.Outcome {
    try await Program.run(
      ["--socket", node.path, "--timeout", "20s"] + arguments + ["--passphrase-file", "passphrase"], in: folder.path)
  }

  private var changes: [ControlRequest] { recorder.requests.withLock { $0.filter(\.changesSomething) } }

  @Test func revocationsAreSignedAndConfirmed() async throws {
    let unasked = try await run("revoke", "prt-2", "--reason", "key-stolen")
    #expect(unasked.code == 64 && unasked.errors.contains("--confirm prt-2"))
    let wrong = try await run("revoke", "prt-2", "--reason", "key-stolen", "--confirm", "prt-1")
    #expect(wrong.code == 5 && wrong.errors.contains("M057"))
    let unknown = try await run("revoke", "prt-9", "--reason", "x", "--confirm", "prt-9")
    #expect(unknown.code == 1 && unknown.errors.contains("M055"))
    #expect(try await run("revoke", "prt-2").code == 64)
    #expect(changes.isEmpty)

    let done = try await run("revoke", "prt-2", "--reason", "key-stolen", "--confirm", "prt-2")
    #expect(done.code == 0, "\(done.errors)")
    guard case .revoke(let bytes, let reason) = changes.first else {
      Issue.record("no revocation came")
      return
    }
    #expect(reason == "key-stolen")
    let revocation = try bytes.withUnsafeBytes { try Revocation($0) }
    #expect(revocation.isSigned(by: network.operators, of: network.id))
    #expect(revocation.hostID == certificate.hostID && revocation.reason == .keyStolen)
  }

  @Test func aHostThatNobodyKnowsIsNamedByItsKey() async throws {
    let name = certificate.hostID.description
    let done = try await run(
      "revoke", certificate.key.description, "--reason", "disk stolen", "--confirm", name)
    #expect(done.code == 0, "\(done.errors)")
    guard case .revoke(let bytes, "disk stolen") = changes.first else {
      Issue.record("no revocation came")
      return
    }
    let revocation = try bytes.withUnsafeBytes { try Revocation($0) }
    #expect(revocation.hostID == certificate.hostID && revocation.reason == .unspecified)
  }

  @Test func theNameIsTypedOnATerminal() async throws {
    let arguments = [
      "--socket", node.path, "revoke", "prt-2", "--reason", "retired", "--passphrase-file", "passphrase",
    ]
    let no = try await Program.runOnTerminal(
      arguments, in: folder.path, answers: [("to go on: ", "yes")])
    #expect(no.code == 5 && changes.isEmpty, "\(no.output)")
    let yes = try await Program.runOnTerminal(
      arguments, in: folder.path, answers: [("to go on: ", "prt-2")])
    #expect(yes.code == 0 && changes.count == 1, "\(yes.output)")
  }

  @Test(arguments: ["all", "prt-2"])
  func renewalsChangeOnlyTheTime(host: String) async throws {
    let done = try await run("renew", host, "--days", "30")
    #expect(done.code == 0 && done.output.contains("prt-2\tdelivered"), "\(done.errors)")
    guard case .renew(let renewed) = changes.first, let bytes = renewed.first else {
      Issue.record("no certificate came")
      return
    }
    let new = try bytes.withUnsafeBytes { try Certificate($0) }
    let verifier = CertificateVerifier(network: network.id, operators: network.operators)
    #expect(throws: Never.self) {
      try bytes.withUnsafeBytes { try verifier.verify($0, at: new.notBefore) { _ in false } }
    }
    #expect(new.notAfter == new.notBefore + 30 * 86_400 && new.notBefore >= certificate.notBefore)
    #expect(new.serial != certificate.serial)
    #expect(new.key == certificate.key && new.name == certificate.name && new.ringSeed == certificate.ringSeed)
    #expect(new.roles == certificate.roles && new.trustClass == certificate.trustClass)
  }

  @Test func unknownHostsAreNotRenewed() async throws {
    let outcome = try await run("renew", "prt-2", "prt-9")
    #expect(outcome.code == 1 && outcome.errors.contains("prt-9") && changes.isEmpty)
  }

  @Test func doctorLooksAtKeysAndDisk() async throws {
    func doctor(_ arguments: String...) async throws -> (Program.Outcome, Finding?) {
      let outcome = try await Program.run(
        ["--json", "doctor"] + arguments + ["--dir", "two"], in: folder.path)
      return (outcome, JSONLine.decode(DoctorReply.self, from: Array(outcome.output.utf8))?.checks.first)
    }
    let (good, finding) = try await doctor("keys")
    #expect(good.code == 0 && finding?.status == .ok && finding?.name == "keys", "\(good.output)")
    chmod(folder.path + "/two/keys/identity", 0o644)
    let (open, openFinding) = try await doctor("keys")
    #expect(open.code == 4 && openFinding?.status == .fail && openFinding?.fix == "mesh-ctl doctor keys --fix")
    let (mended, mendedFinding) = try await doctor("keys", "--fix")
    #expect(mended.code == 0 && mendedFinding?.status == .ok)
    #expect(try await doctor("keys").0.code == 0)

    let (missing, missingFinding) = try await doctor("disk")
    #expect(missing.code == 0 && missingFinding?.status == .warn)
    #expect(try await doctor("disk", "--fix").1?.status == .ok)
    #expect(try await doctor("disk").1?.status == .ok)

    // Without a node its checks are skipped, not passed.
    let (all, _) = try await doctor()
    let checks = JSONLine.decode(DoctorReply.self, from: Array(all.output.utf8))?.checks ?? []
    #expect(checks.filter { $0.status == .skip }.map(\.name) == ["clock", "udp-out", "udp-in", "tcp-in", "mtu", "nat"])
  }
}
