import Control
import Foundation
import Glibc
import MapShard
import SecureChannel
import Synchronization
import Testing
import Wire

/// `voters` and `takeover`: what is shown, what is refused, and that what reaches the node is what the operator signed.
@Suite(.serialized)
struct VotersCommandsTests {
  private final class Recorder: Sendable {
    let voters = Mutex(ShardSamples.voters)
    let left = Mutex(ShardSamples.leftOver)
    let requests = Mutex<[OperatorRequest]>([])

    func node() throws -> FakeNode {
      try FakeNode(
        .answer { [self] request in
          if case .word(let word) = request, word.changesSomething { requests.withLock { $0.append(word) } }
          switch request {
          case .members: return [Samples.members.line()]
          case .word(.takeover), .word(.takeUncleanly): return [left.withLock { $0 }.line()]
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

  private func take(_ arguments: String...) async throws -> Program.Outcome {
    try await Program.run(
      ["--socket", node.path, "--timeout", "20s", "takeover", "geffen", "--unclean"] + arguments
        + ["--passphrase-file", "passphrase"], in: folder.path)
  }

  @Test func whatIsLeftOfAShardIsShown() async throws {
    for (name, terminal) in Golden.terminals {
      Golden.expect(ShardSamples.leftOver.text(for: terminal), is: "takeover-\(name)")
    }
    let shown = try await run("takeover", "geffen")
    #expect(shown.code == 3 && shown.output == ShardSamples.leftOver.text(for: Terminal(isTerminal: false)))
    #expect(try await run("takeover", "geffen", "-q").output == "gef is unowned: gef-2 is dead\n")
    #expect(try await run("takeover", "geffen", "--host", "mor-1").code == 64)
    recorder.left.withLock { $0.state = .acting }
    #expect(try await run("takeover", "geffen").code == 0)
    #expect(recorder.take() == [])
  }

  @Test func anUncleanTakeoverIsTypedSignedAndHasAReason() async throws {
    let dry = try await take("--dry-run")
    #expect(dry.code == 0 && dry.errors.contains("pay-1 takes shard gef (2 maps), past the rules (record 88, epoch 7)"))
    #expect(dry.errors.contains("its log is damaged") && dry.errors.contains("gef-2: no answer;"))
    let other = try await take("--host", "mor-1", "--dry-run")
    #expect(other.errors.contains("pay-1 has more: up to sequence 1377 of epoch 7; 174 entries less here"))
    #expect(try await take().errors.contains("give --reason"))
    #expect(try await take("--reason", "fire").code == 64)
    #expect(try await take("--reason", "fire", "--confirm", "12345678").code == 5)
    #expect(try await take("--host", "gef-2", "--dry-run").errors.contains("gef-2 does not answer"))
    #expect(try await take("--host", "tiny", "--dry-run").errors.contains("tiny has nothing of it"))
    let typed = try await Program.runOnTerminal(
      [
        "--socket", node.path, "takeover", "geffen", "--unclean", "--reason", "fire", "--passphrase-file", "passphrase",
      ], in: folder.path, answers: [("to go on: ", "y")])
    #expect(typed.code == 5 && recorder.take() == [])

    let number = String(try #require(dry.errors.firstMatch(of: /Plan ([0-9a-f]{8}):/)).1)
    let done = try await take("--reason", "fire", "--confirm", number)
    #expect(done.code == 0 && done.output == "gef is owned by pay-1 (epoch 7)\n", "\(done.errors)")
    guard case .takeUncleanly("geffen", let signed, "fire")? = recorder.take().first else {
      Issue.record("no order came")
      return
    }
    let host = try #require(HostID(ShardSamples.pay1.id))
    let expected = UncleanOrder(shard: ShardID(rawValue: 0xb7), version: 88, host: host)
    try expectSigned(signed, expected.signed(Signature()), over: expected.signedBytes())
  }

  @Test func noOrderIsGivenWhereTheRulesSuffice() async throws {
    recorder.left.withLock { $0.copies[0].state = .inSync }
    let refused = try await take("--dry-run")
    #expect(refused.code == 5 && refused.errors.contains("is in sync and alive: with a voter it goes on by itself"))
    recorder.left.withLock { $0 = ShardSamples.leftOver }
    recorder.left.withLock { $0.state = .acting }
    #expect(try await take("--dry-run").errors.contains("its owner acts"))
    recorder.left.withLock { $0 = ShardSamples.leftOver }
    recorder.left.withLock { $0.copies[0].current = false }
    #expect(try await take("--dry-run").errors.contains("does not know the newest record yet"))
    recorder.left.withLock { $0.version = 0 }
    #expect(try await take("--dry-run").errors.contains("no host has ever owned it"))
  }

  private func expectSigned(_ bytes: [UInt8], _ expected: VoterSetDescription) throws {
    try expectSigned(bytes, expected.signed(Signature()), over: expected.signedBytes())
  }

  /// `bytes` are `unsigned`, with the operator's signature over `covered` at their end.
  private func expectSigned(_ bytes: [UInt8], _ unsigned: [UInt8], over covered: [UInt8]) throws {
    #expect(bytes.dropLast(Signature.size) == unsigned.dropLast(Signature.size))
    let signature = try bytes.suffix(Signature.size).withUnsafeBytes { raw in
      var reader = Reader(raw)
      return try reader.signature()
    }
    let isSigned = covered.withUnsafeBytes { covered in
      network.operators.contains { $0.verify(signature, domain: OperatorSigner.orderDomain, covered) }
    }
    #expect(isSigned)
  }

  @Test func requestsSurviveTheLine() throws {
    for request: OperatorRequest in [
      .voters, .adoptVoters(signed: [1, 2, 0xff], reason: "why"), .takeover(map: "geffen"),
      .takeUncleanly(map: "geffen", signed: [0xff], reason: "fire"),
    ] {
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
