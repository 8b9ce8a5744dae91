import Control
import Foundation
import Synchronization
import Testing

/// `state history` and `state restore`, against a socket that answers as a node would.
@Suite(.serialized)
struct HistoryCommandsTests {
  private let node: FakeNode
  private let asked: Asked

  private final class Asked: Sendable {
    private let requests = Mutex<[StateRestore]>([])

    func note(_ request: ControlRequest) {
      guard case .shards(.restore(let restore)) = request else { return }
      requests.withLock { $0.append(restore) }
    }

    /// What was not only to be shown.
    var carriedOut: [StateRestore] { requests.withLock { $0.filter { $0.plan != nil } } }
    var snapshots: [UInt64] { requests.withLock { $0.map(\.snapshot) } }
  }

  init() throws {
    let asked = Asked()
    self.asked = asked
    node = try FakeNode(
      .answer { request in
        asked.note(request)
        guard case .shards(let shards) = request else {
          return [Fault(.badRequest, ["reason": "not asked for here"]).line()]
        }
        return ShardSamples.answers(to: shards)
      })
  }

  private func run(_ arguments: String...) async throws -> Program.Outcome {
    try await Program.run(["--socket", node.path, "--utc"] + arguments)
  }

  @Test func theHistoryIsListed() async throws {
    let piped = try await run("state", "history", "prt")
    Golden.expect(piped.output, is: "state-history-piped")
    #expect(piped.code == 0 && piped.errors.isEmpty)
    let plain = try await run("state", "history", "prt", "--plain")
    Golden.expect(plain.output, is: "state-history-plain")
    let json = try await run("state", "history", "prt", "--json")
    #expect(JSONLine.decode(StateHistoryReply.self, from: Array(json.output.utf8)) == ShardSamples.history)
    let elsewhere = try await run("state", "history", "pay")
    #expect(elsewhere.output == "home has no snapshot of pay yet\n" && elsewhere.errors.contains("does not own pay"))
  }

  @Test func aRestoreIsShownAndWantsItsSentence() async throws {
    let shown = try await run("state", "restore", "prt", "--snapshot", "388", "--dry-run")
    #expect(shown.code == 0 && asked.carriedOut.isEmpty)
    Golden.expect(shown.errors, is: "state-restore-plan")
    // Nobody can be asked, or no reason is given: the flag is named.
    let silent = try await run("state", "restore", "prt", "--snapshot", "388", "--reason", "doubled")
    #expect(silent.code == 64 && silent.errors.contains("--confirm"))
    let without = try await run("state", "restore", "prt", "--snapshot", "388", "--confirm", "388-41")
    #expect(without.code == 64 && without.errors.contains("--reason"))
    let wrong = try await run("state", "restore", "prt", "--snapshot", "388", "--confirm", "412-41", "--reason", "x")
    #expect(wrong.code == 5 && asked.carriedOut.isEmpty)
    let both = try await run("state", "restore", "prt", "--snapshot", "388", "--at", "1h")
    #expect(both.code == 64)
    let typed = try await Program.runOnTerminal(
      ["--socket", node.path, "--utc", "state", "restore", "prt", "--snapshot", "388", "--reason", "doubled"],
      environment: ["TERM": "xterm", "NO_COLOR": "1"], answers: [("to go on:", "yes")])
    #expect(typed.code == 5 && asked.carriedOut.isEmpty)
  }

  @Test func aConfirmedRestoreIsCarriedOut() async throws {
    let done = try await run(
      "state", "restore", "prt", "--snapshot", "388", "--confirm", "388-41", "--reason", "items doubled")
    #expect(done.code == 0 && done.output.contains("epoch 42, sequence 90033"))
    #expect(
      asked.carriedOut == [StateRestore(shard: "prt", snapshot: 388, plan: "388-41", reason: "items doubled")])
    let moment = Timestamp(seconds: Samples.now.seconds - 3_700)
    let typed = try await Program.runOnTerminal(
      ["--socket", node.path, "--utc", "state", "restore", "prt", "--at", "\(moment)", "--reason", "doubled"],
      environment: ["TERM": "xterm", "NO_COLOR": "1"], answers: [("to go on:", "restore prt to \(moment)")])
    #expect(typed.code == 0 && asked.carriedOut.count == 2)
  }

  @Test func theSnapshotOfAMomentIsTheLastBeforeIt() async throws {
    let between = Timestamp(seconds: Samples.now.seconds - 61)
    _ = try await run("state", "restore", "prt", "--at", "\(between)", "--dry-run")
    _ = try await run("state", "restore", "prt", "--at", "\(Samples.now)", "--dry-run")
    #expect(asked.snapshots == [388, 412])
    let before = try await run("state", "restore", "prt", "--at", "2001-01-01T00:00:00Z", "--dry-run")
    #expect(before.code == 65 && before.errors.contains("M120") && before.errors.contains("the first one is of"))
  }
}
