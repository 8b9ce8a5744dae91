import Control
import Foundation
import Synchronization
import Testing

/// The commands of shards, against a socket that answers as a node would.
@Suite(.serialized)
struct ShardCommandsTests {
  private let node: FakeNode
  private let asked: Asked

  /// What the node was asked that changes something or reads state.
  private final class Asked: Sendable {
    private let requests = Mutex<[ShardRequest]>([])

    func note(_ request: ControlRequest) {
      guard case .shards(let request) = request, request != .ring, request != .maps else { return }
      if case .explain = request { return }
      requests.withLock { $0.append(request) }
    }

    func take() -> [ShardRequest] {
      requests.withLock { list in
        defer { list = [] }
        return list
      }
    }
  }

  init() throws {
    let asked = Asked()
    self.asked = asked
    node = try FakeNode(
      .answer { request in
        asked.note(request)
        switch request {
        case .members: return [Samples.members.line()]
        case .shards(let shards): return ShardSamples.answers(to: shards)
        default: return [Fault(.badRequest, ["reason": "not asked for here"]).line()]
        }
      })
  }

  private func run(_ arguments: String..., standardInput: String? = nil) async throws -> Program.Outcome {
    try await Program.run(["--socket", node.path, "--utc"] + arguments, standardInput: standardInput)
  }

  private func onTerminal(_ arguments: String..., answer: String) async throws -> Program.Outcome {
    try await Program.runOnTerminal(
      ["--socket", node.path, "--utc"] + arguments, environment: ["TERM": "xterm", "NO_COLOR": "1"],
      answers: [("Go on?", answer)])
  }

  // MARK: Looking

  @Test func screensAreTheGoldenOnes() async throws {
    for (command, golden) in [
      (["ring"], "ring"), (["maps"], "maps"), (["map", "prontera"], "map"), (["explain", "prontera"], "explain-map"),
    ] {
      let piped = try await Program.run(["--socket", node.path, "--utc"] + command)
      Golden.expect(piped.output, is: golden + "-piped")
      #expect(piped.code == 0 && piped.errors.isEmpty, "\(command)")
      let shown = try await Program.runOnTerminal(
        ["--socket", node.path, "--utc"] + command,
        environment: ["TERM": "xterm", "NO_COLOR": "1", "LANG": "C.UTF-8", "MESH_PAGER": ""])
      Golden.expect(shown.output.replacing("\r\n", with: "\n"), is: golden + "-80x24")
    }
  }

  @Test func jsonIsTheReply() async throws {
    func decode<Answer: Reply>(_ type: Answer.Type, _ arguments: String...) async throws -> Answer? {
      let outcome = try await Program.run(["--socket", node.path, "--json"] + arguments)
      return JSONLine.decode(type, from: Array(outcome.output.utf8))
    }
    #expect(try await decode(RingReply.self, "ring") == ShardSamples.ring)
    #expect(try await decode(MapsReply.self, "maps") == ShardSamples.maps)
    #expect(try await decode(MapsReply.self, "maps", "--state", "held")?.shards.map(\.name) == ["alde"])
    #expect(try await decode(PlacementReply.self, "explain", "prt") == ShardSamples.placement)
    #expect(try await decode(StateReply.self, "state", "get", "prt", "greeting") == ShardSamples.value)
    #expect(try await decode(StateListReply.self, "state", "list", "prt") == ShardSamples.list)
  }

  @Test func explainFindsCodesSettingsMapsAndHosts() async throws {
    #expect(try await run("explain", "M100").output.hasPrefix("M100  no such map or shard"))
    #expect(try await run("explain", "network.port_range").code == 0)
    #expect(try await run("explain", "geffen", "-q").output == "geffen has no owner: gef-2 is dead, copy on tiny\n")
    let host = try await run("explain", "mor-1")
    #expect(host.code == 0 && host.output.hasPrefix("mor-1 is alive: loop late 412 ms\n\nhost id   0a11ce0000000004\n"))
    #expect(host.output.hasSuffix("next: mesh-ctl undrain mor-1\n"))
    let nothing = try await run("explain", "pronterra")
    #expect(nothing.code == 64 && nothing.errors.contains("M063") && nothing.errors.contains("No map, shard or host"))
    let alone = try await Program.run(["--socket", "/nonexistent/s", "explain", "prontera"])
    #expect(alone.code == 69 && alone.errors.contains("no node answers on /nonexistent/s"))
    #expect(alone.errors.contains("neither a setting nor an error code"))
    let code = try await run("explain", "M999")
    #expect(code.code == 64 && !code.errors.contains("No map"))
  }

  @Test func withoutAWorldOrAMap() async throws {
    let bare = try FakeNode(
      .answer { request in
        request == .members ? [Samples.members.line()] : [Fault(.noWorld).line()]
      })
    for command in [["ring"], ["maps"], ["map", "prontera"], ["state", "get", "prt", "a"], ["drain", "-y"]] {
      let outcome = try await Program.run(["--socket", bare.path] + command)
      #expect(outcome.code == 1 && outcome.errors.contains("error[M107]: no world is active"), "\(command)")
    }
    let host = try await Program.run(["--socket", bare.path, "explain", "tiny"])
    #expect(host.code == 0 && host.output.contains("no world is active here"))
    let map = try await Program.run(["--socket", bare.path, "explain", "prontera"])
    #expect(map.code == 64 && map.errors.contains("no world is active (mesh-ctl world show)"))
    let unknown = try await run("map", "pronterra")
    #expect(unknown.code == 65 && unknown.errors.contains("no map and no shard is called `pronterra`"))
  }

  // MARK: Orders

  @Test func withoutATerminalOrdersNeedAFlag() async throws {
    for command in [["drain", "mor-1"], ["drain"], ["pin", "prontera", "pay-1"]] {
      let outcome = try await Program.run(["--socket", node.path] + command)
      #expect(outcome.code == 64 && outcome.errors.contains("M056") && outcome.errors.contains("give -y"), "\(command)")
    }
    let dry = try await run("drain", "mor-1", "--dry-run")
    #expect(dry.code == 0 && dry.output == "nothing was done\n")
    #expect(dry.errors.contains("2 shards (44 maps) and 9 copies go to other hosts"))
    #expect(dry.errors.contains("hosts that may take them: home prt-1 pay-1\n"))
    #expect(try await run("pin", "prontera", "tiny", "--dry-run").errors.contains("may not own it now: is an observer"))
    #expect(asked.take() == [])
  }

  @Test func drainingIsFollowed() async throws {
    let piped = try await run("drain", "mor-1", "-y")
    #expect(piped.code == 0 && piped.output == "mor-1 is empty and gets nothing until it is undrained\n")
    #expect(piped.errors.contains("shards [----------------] 0 of 4") && piped.errors.contains("] 1 of 6"))
    #expect(asked.take() == [.drain(host: ShardSamples.mor1.id)])
    let json = try await run("drain", "-y", "--json")
    let lines = json.output.split(separator: "\n").compactMap { JSONLine.decode(DrainReply.self, from: Array($0.utf8)) }
    #expect(lines.map(\.shards) == [4, 3, 0] && lines.map(\.done) == [false, false, true] && json.errors.isEmpty)
    #expect(asked.take() == [.drain(host: nil)])
    let detached = try await run("drain", "mor-1", "-y", "--detach")
    #expect(detached.output == "mor-1 is being drained: 4 shards and 6 copies are there\n" && detached.code == 0)
    let shown = try await onTerminal("drain", "mor-1", answer: "y")
    #expect(shown.code == 0 && shown.output.contains("Drain mor-1: 2 shards (44 maps)"))
    #expect(shown.output.hasSuffix("mor-1 is empty and gets nothing until it is undrained\r\n"))
    #expect(asked.take().count == 2)
    let stopped = try await onTerminal("drain", "mor-1", answer: "n")
    #expect(stopped.code == 5 && stopped.output.contains("M114") && asked.take() == [])
    #expect(try await run("undrain", "mor-1").output == "mor-1 gets shards again\n")
    #expect(asked.take() == [.undrain(host: "mor-1")])
  }

  @Test func patienceEndsTheWatchingOnly() async throws {
    let slow = try FakeNode(
      .answer { request in
        switch request {
        case .members: [Samples.members.line()]
        case .shards(.ring): [ShardSamples.ring.line()]
        default: [ShardSamples.drain(3, 5).line()]
        }
      })
    let outcome = try await Program.run(["--socket", slow.path, "drain", "mor-1", "-y", "--for", "300ms"])
    #expect(outcome.code == 6 && outcome.errors.contains("draining mor-1 did not finish within 300 ms; it goes on"))
    #expect(outcome.errors.contains("waits: no voter is there"))
  }

  @Test func whoIsNotTheStewardSaysSoBeforeAsking() async throws {
    var ring = ShardSamples.ringElsewhere
    ring.steward = ShardSamples.prt1
    let answer = ring
    let other = try FakeNode(
      .answer { request in
        switch request {
        case .members: [Samples.members.line()]
        case .shards(.explain): [ShardSamples.placement.line()]
        case .shards(.ring): [answer.line()]
        default: [ShardSamples.drain(0, 0).line()]
        }
      })
    for command in [["drain", "pay-1"], ["pin", "prontera", "pay-1"]] {
      let outcome = try await Program.run(["--socket", other.path] + command)
      #expect(outcome.code == 5 && outcome.errors.contains("taken by prt-1, not here"), "\(command)")
    }
    // A host may always be drained from itself.
    #expect(try await Program.run(["--socket", other.path, "drain", "home", "-y"]).code == 0)
  }

  @Test func pinsAskOnlyWhenSomethingMoves() async throws {
    let there = try await run("pin", "prontera", "prt-1")
    #expect(there.code == 0 && there.errors.contains("it is there already"))
    #expect(asked.take() == [.pin(map: "prontera", host: ShardSamples.prt1.id)])
    let moved = try await onTerminal("pin", "prontera", "pay-1", answer: "y")
    #expect(moved.code == 0 && moved.output.contains("Pin shard prt (14 maps) to pay-1: it moves there from prt-1"))
    #expect(asked.take() == [.pin(map: "prontera", host: ShardSamples.pay1.id)])
    #expect(try await run("pin", "prontera", "pay-1", "-y").output == "shard prt is pinned to pay-1\n")
    #expect(try await run("unpin", "prontera").output == "shard prt is not pinned\n")
    let unknown = try await run("pin", "prontera", "nobody", "-y")
    #expect(unknown.code == 1 && unknown.errors.contains("no host is called `nobody`"))
  }

  // MARK: State

  @Test func stateIsRead() async throws {
    #expect(try await run("state", "get", "prt", "greeting").output == "hello\n")
    #expect(try await run("state", "get", "prt", "greeting", "--plain").output == "greeting\thello\t17\n")
    #expect(try await run("state", "get", "prt", "00ff", "--hex").output == "c0ffee\n")
    #expect(asked.take().last == .get(shard: "prt", key: [0, 0xff]))
    let missing = try await run("state", "get", "prt", "nothing")
    #expect(missing.code == 1 && missing.output.isEmpty && missing.errors == "there is no key nothing in prt\n")
    let elsewhere = try await run("state", "get", "pay", "greeting")
    #expect(elsewhere.code == 5 && elsewhere.errors.contains("shard `pay` is owned by pay-1"))
    #expect(try await run("state", "get", "prt", "greeting", "--raw").output == "hello")
    let list = try await run("state", "list", "prt")
    #expect(list.output == "0x00ff     4  3\ngreeting  17  5\n")
    #expect(list.errors == "more keys follow: --after 'greeting'\n")
    #expect(try await run("state", "list", "prt", "--hex").errors == "more keys follow: --after 6772656574696e67\n")
    _ = try await run("state", "list", "prt", "--prefix", "g", "--after", "ga", "--limit", "7")
    #expect(
      asked.take().last == .list(shard: "prt", prefix: Array("g".utf8), after: Array("ga".utf8), limit: 7))
  }

  @Test func stateIsWritten() async throws {
    #expect(try await run("state", "put", "prt", "greeting", "hi").output == "written: sequence 18 in epoch 3\n")
    #expect(asked.take() == [.write(StateWrite(shard: "prt", key: Array("greeting".utf8), value: Array("hi".utf8)))])
    _ = try await run(
      "state", "put", "prt", "00ff", "c0", "--hex", "--class", "normal", "--expect", "17", "--client", "7",
      "--client-sequence", "9")
    #expect(
      asked.take() == [
        .write(
          StateWrite(
            shard: "prt", key: [0, 0xff], value: [0xc0], durability: .normal, expected: 17, client: 7, clientSequence: 9
          ))
      ])
    let volatile = try await run("state", "put", "prt", "a", "b", "--class", "volatile")
    #expect(volatile.output == "written: in epoch 3, not in the log\n")
    _ = try await run("state", "put", "prt", "a", standardInput: "from\u{0}input\n")
    #expect(asked.take().last == .write(StateWrite(shard: "prt", key: [0x61], value: Array("from\u{0}input\n".utf8))))
    _ = try await run("state", "delete", "prt", "a", "--expect", "17")
    #expect(asked.take() == [.write(StateWrite(shard: "prt", key: [0x61], value: nil, expected: 17))])
    let conflict = try await run("state", "put", "prt", "greeting", "hi", "--expect", "0")
    #expect(conflict.code == 5 && conflict.errors.contains("its sequence is 17"))
    #expect(conflict.errors.contains("mesh-ctl state get prt greeting"))
    _ = asked.take()
    let large = try await run("state", "put", "prt", "a", standardInput: String(repeating: "x", count: (128 << 10) + 1))
    #expect(large.code == 65 && large.errors.contains("M105") && asked.take() == [])
  }

  @Test func badFormsAreUsage() async throws {
    for (arguments, advice) in [
      (["put", "prt", "0g", "00", "--hex"], "hexadecimal"), (["put", "prt", "000", "00", "--hex"], "hexadecimal"),
      (["put", "prt", "a", "b", "--class", "big"], "critical"),
      (["put", "prt", "a", "b", "--client", "7"], "go together"), (["list", "prt", "--limit", "0"], "1000"),
      (["gte", "prt", "a"], "did you mean `mesh-ctl state get`?"),
    ] {
      let outcome = try await Program.run(["--socket", node.path, "state"] + arguments)
      #expect(outcome.code == 64 && (outcome.errors + outcome.output).contains(advice), "\(arguments)")
    }
    #expect(try await run("maps", "--state", "asleep").code == 64)
    #expect(asked.take() == [])
  }

  @Test func watchingPrintsALineAChange() async throws {
    let ended = try FakeNode(.bytes(ShardSamples.changes.flatMap { $0.line() }))
    let text = try await Program.run(["--socket", ended.path, "state", "watch", "prt"])
    #expect(text.output == "3.18  a\\xab = 0xc0ffee\n3.19  a is deleted\n")
    #expect(text.code == 69 && text.errors.contains("the node closed the connection"))
    let plain = try await Program.run(["--socket", ended.path, "state", "watch", "prt", "--plain"])
    #expect(plain.output == "3\t18\ta\\xab\t0xc0ffee\n3\t19\ta\t-\n")
    let json = try await Program.run(["--socket", ended.path, "state", "watch", "prt", "--json"])
    let lines = json.output.split(separator: "\n").dropLast()
    #expect(lines.compactMap { JSONLine.decode(StateChangeReply.self, from: Array($0.utf8)) } == ShardSamples.changes)
  }
}
