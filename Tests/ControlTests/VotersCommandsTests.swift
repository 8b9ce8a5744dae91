import Control
import Foundation
import Glibc
import MapShard
import SecureChannel
import Synchronization
import Testing
import Wire

/// `voters`: what is shown, what is refused, and that what reaches the node is what the operator signed.
@Suite(.serialized)
struct VotersCommandsTests {
  private final class Recorder: Sendable {
    let voters = Mutex(ShardSamples.voters)
    let requests = Mutex<[OperatorRequest]>([])

    func node() throws -> FakeNode {
      try FakeNode(
        .answer { [self] request in
          if case .word(let word) = request, word.changesSomething { requests.withLock { $0.append(word) } }
          switch request {
          case .members: return [Samples.members.line()]
          case .word: return [voters.withLock { $0 }.line()]
          default: return [Fault(.badRequest, ["reason": "not asked for here"]).line()]
          }
        })
    }

    func take() -> [OperatorRequest] {
      requests.withLock { list in
        defer { list = [] }
        return list
      }
    }
  }

  private let folder: TemporaryDirectory
  private let recorder = Recorder()
  private let node: FakeNode
  private let network: Network

  init() async throws {
    folder = try TemporaryDirectory()
    let path = folder.path
    try Data("correct horse battery\n".utf8).write(to: URL(filePath: path + "/passphrase"))
    chmod(path + "/passphrase", 0o600)
    let made = try await Program.run(["network", "create", "izlude", "--passphrase-file", "passphrase"], in: path)
    try #require(made.code == 0, "\(made.errors)")
    let arena = try #require(SecretArena())
    let file = try [UInt8](Data(contentsOf: URL(filePath: path + "/mesh/keys/network")))
    network = try #require(file.withUnsafeBytes { Network(file: $0, arena: arena) })
    node = try recorder.node()
  }

  private func run(_ arguments: String...) async throws -> Program.Outcome {
    try await Program.run(["--socket", node.path, "--timeout", "20s"] + arguments, in: folder.path)
  }

  private func set(_ arguments: String...) async throws -> Program.Outcome {
    try await Program.run(
      ["--socket", node.path, "--timeout", "20s", "voters", "set"] + arguments + ["--passphrase-file", "passphrase"],
      in: folder.path)
  }

  private func seat(_ host: HostName) throws -> VoterSeat {
    VoterSeat(host: try #require(HostID(host.id)), store: 0xa1)
  }

  @Test func votersAreShown() async throws {
    for (name, terminal) in Golden.terminals {
      Golden.expect(ShardSamples.voters.text(for: terminal), is: "voters-\(name)")
      Golden.expect(ShardSamples.votersGone.text(for: terminal), is: "voters-gone-\(name)")
    }
    let shown = try await run("voters")
    #expect(shown.code == 3 && shown.output == ShardSamples.voters.text(for: Terminal(isTerminal: false)))
    #expect(try await run("voters", "-q").output == "set 2: 3 voters; prt-1 is taking its seat\n")
    #expect(
      try await run("voters", "show", "--json").output == String(decoding: ShardSamples.voters.line(), as: UTF8.self))
    recorder.voters.withLock { $0 = ShardSamples.votersGone }
    #expect(try await run("voters").code == 4)
  }

  @Test func theNextSetIsSigned() async throws {
    let dry = try await set("home", "--dry-run")
    #expect(dry.code == 0 && dry.output == "nothing was done\n")
    #expect(dry.errors.contains("voters of set 3: home instead of home prt-1 pay-1"))
    #expect(try await set("home").code == 64)
    #expect(try await set("home", "prt-1").code == 64, "an even number")
    #expect(try await set("home", "prt-1", "pay-1", "-y").errors.contains("these are the voters already"))
    #expect(try await set("home", "home", "prt-1", "-y").errors.contains("a host is named twice"))
    #expect(try await set("tiny", "-y").errors.contains("give HOST:STORE"))
    #expect(try await set("home", "--rebuild", "--reason", "x", "--confirm", "0").errors.contains("M115"))
    #expect(recorder.take() == [])

    let done = try await set("mor-1", "-y", "--reason", "moving house")
    #expect(done.code == 0 && done.output == "set 3 of voters is published\n", "\(done.errors)")
    guard case .adoptVoters(let signed, "moving house")? = recorder.take().first else {
      Issue.record("no set came")
      return
    }
    let expected = VoterSetDescription(
      number: 3, voters: [try seat(ShardSamples.mor1)],
      previous: try [ShardSamples.home, ShardSamples.prt1, ShardSamples.pay1].map(seat))
    try expectSigned(signed, expected)
  }

  @Test func aRebuildIsTypedAndHasAReason() async throws {
    recorder.voters.withLock { $0 = ShardSamples.votersGone }
    let without = try await set("home", "-y")
    #expect(without.code == 5 && without.errors.contains("no majority of the present voters"))
    #expect(try await set("home", "--rebuild").errors.contains("give --reason"))
    let unnamed = try await set("home", "--rebuild", "--reason", "fire")
    #expect(unnamed.code == 64 && unnamed.errors.contains("--confirm"))
    let wrong = try await set("home", "--rebuild", "--reason", "fire", "--confirm", "00000000")
    #expect(wrong.code == 5 && wrong.errors.contains("M057"))
    #expect(recorder.take() == [])
    let dry = try await set("home", "--rebuild", "--gone", "gef-2", "--dry-run")
    #expect(dry.errors.contains("copies that only they have are lost"))
    let number = String(try #require(dry.errors.firstMatch(of: /Plan ([0-9a-f]{8}):/)).1)
    let done = try await set(
      "home", "--rebuild", "--gone", "gef-2", "--reason", "fire", "--confirm", number)
    #expect(done.code == 0, "\(done.errors)")
    guard case .adoptVoters(let signed, "fire")? = recorder.take().first else {
      Issue.record("no set came")
      return
    }
    let gone = try #require(HostID(Samples.gef2.id))
    let expected = VoterSetDescription(
      number: 2, voters: [try seat(ShardSamples.home)], previous: [VoterSeat(host: gone, store: 0xa1)],
      isRebuild: true, gone: [gone])
    try expectSigned(signed, expected)
  }

  private func expectSigned(_ bytes: [UInt8], _ expected: VoterSetDescription) throws {
    #expect(Array(bytes.dropLast(Signature.size)) == expected.unsigned())
    let signature = try bytes.suffix(Signature.size).withUnsafeBytes { raw in
      var reader = Reader(raw)
      return try reader.signature()
    }
    let isSigned = expected.signedBytes().withUnsafeBytes { covered in
      network.operators.contains { $0.verify(signature, domain: OperatorSigner.orderDomain, covered) }
    }
    #expect(isSigned)
  }

  @Test func requestsSurviveTheLine() throws {
    for request: OperatorRequest in [.voters, .adoptVoters(signed: [1, 2, 0xff], reason: "why")] {
      #expect(try ControlRequest(line: request.asLine.dropLast()) == .word(request))
    }
    #expect(throws: Fault.self) { try ControlRequest(line: Array(#"{"control":1,"request":"voters-adopt"}"#.utf8)) }
    #expect(
      !OperatorRequest.voters.changesSomething && OperatorRequest.adoptVoters(signed: [], reason: "").changesSomething)
  }
}

extension OperatorRequest {
  var asLine: [UInt8] { ControlRequest.word(self).line() }
}
