import Gossip
import MapShard
import NodeCore
import SecureChannel
import Testing
import Wire
import WorldData

/// The joint between whole transfers and those who want their content.
@Suite struct TransferTests {
  private func endings(_ stage: Stage) -> [String] {
    stage.events.compactMap {
      guard case .transferEnded(let purpose, let host, let failure) = $0 else { return nil }
      return "\(purpose) \(host) \(failure.map { "\($0)" } ?? "done")"
    }
  }

  private func start(_ stage: Stage, _ peer: Stage, _ network: TestNetwork) throws {
    let later = try network.certificate(for: peer.identity.key, from: TestNetwork.begins - 10)
    stage.command(.renew(later.bytes))
  }

  @Test func eachHasANumberAndIsToldWhenItEnds() throws {
    let network = try TestNetwork()
    let (own, peer) = try Stage.acquainted(network)
    for _ in 0..<3 { try start(own, peer, network) }
    #expect(
      own.script.takeCommands().map(\.words) == (1...3).map { "transfer \($0) certificate 320 \(peer.host)" })
    own.channelSays(.transferSent(id: 2))
    own.channelSays(.transferFailed(id: 3, .timedOut))
    #expect(endings(own) == ["certificate \(peer.host) done", "certificate \(peer.host) timedOut"])
    own.channelSays(.transferFailed(id: 3, .timedOut), .transferSent(id: 2), .transferSent(id: 1_000))
    #expect(endings(own).count == 2, "numbers that nobody has, or has any more")
    own.channelSays(.transferSent(id: 1))
    #expect(endings(own).count == 3)
  }

  @Test func theLedgerIsBounded() throws {
    let network = try TestNetwork()
    let (own, peer) = try Stage.acquainted(network)
    for _ in 0..<70 { try start(own, peer, network) }
    #expect(own.script.takeCommands().count == 70)
    for id in 1...70 as ClosedRange<UInt64> { own.channelSays(.transferSent(id: id)) }
    #expect(endings(own).count == 64)
  }

  @Test func aRosterThatWasAskedForIsSentAndRead() throws {
    let network = try TestNetwork()
    let (own, peer) = try Stage.acquainted(network)
    // Somebody whom only `own` knows.
    let third = try Stage(network, number: 7_003)
    third.start(through: [own.known])
    Stage.exchange(third, own)
    own.script.commands = []
    let joiner = try Stage(network, number: 7_004)
    joiner.start(through: [own.known])
    Stage.exchange(joiner, own)
    let transfers = own.script.takeCommands().compactMap { command -> (purpose: TransferPurpose, content: [UInt8])? in
      guard case .transfer(let purpose, let content, joiner.host, _) = command else { return nil }
      return (purpose, content)
    }
    let roster = try #require(transfers.first { $0.purpose == .roster })
    joiner.channelSays(.transferReceived(own.host, .roster, roster.content))
    joiner.run(seconds: 1)
    #expect(joiner.node.membership.status(of: third.host) == .alive)
    #expect(joiner.node.membership.status(of: peer.host) == .alive)
  }

  @Test func whatNobodyAskedForIsNotTaken() throws {
    let (own, peer) = try Stage.acquainted(TestNetwork())
    own.script.lives[peer.host] = Life(rawValue: 5)
    own.channelSays(.transferReceived(peer.host, .worldManifest, [1, 2, 3]))
    #expect(own.script.takeCommands().map(\.words) == ["report \(peer.host) badMessage"], "that is no document at all")
    // Both may have been wanted once and come too late: they count against nobody.
    own.channelSays(.transferReceived(peer.host, .objectBatch, [1, 2, 3]))
    own.channelSays(.transferReceived(peer.host, .snapshot, [1, 2, 3]))
    #expect(own.script.takeCommands().isEmpty)
    #expect(own.node.worlds.counters.unasked == 1)
    #expect(own.node.shards.shards.isEmpty)
  }
}
