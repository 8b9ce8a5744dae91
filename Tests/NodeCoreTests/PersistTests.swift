import Gossip
import NodeCore
import SecureChannel
import Testing
import Wire

/// The joint to the disk.
@Suite struct PersistTests {
  private func kinds(_ stage: Stage) -> [String] {
    stage.persists.map {
      switch $0.content {
      case .generation: "generation"
      case .peers: "peers"
      case .revocation: "revocation"
      case .labelFloor: "label floor"
      case .certificate: "certificate"
      }
    }
  }

  @Test func nothingIsSaidBeforeTheGenerationIsDurable() throws {
    let network = try TestNetwork()
    let (own, peer) = (try Stage(network, number: 7_001), try Stage(network, number: 7_002))
    own.command(.setEndpoint(own.endpoint))
    own.command(.start(peers: [peer.known]))
    #expect(kinds(own) == ["generation"])
    own.run(seconds: 0)
    #expect(own.script.sent.isEmpty)
    own.answerPersists()
    #expect(!own.script.sent.isEmpty)
  }

  @Test func aFailedPersistIsToldAndTriedAgain() throws {
    let network = try TestNetwork()
    let (own, peer) = (try Stage(network, number: 7_001), try Stage(network, number: 7_002))
    own.command(.setEndpoint(own.endpoint))
    own.command(.start(peers: [peer.known]))
    for attempt in 1...3 {
      own.answerPersists(durable: false)
      #expect(own.events.count { if case .persistFailed = $0 { true } else { false } } == attempt)
      #expect(own.script.sent.isEmpty, "attempt \(attempt)")
      let next = own.deadlines.popFirst()
      let due = try #require(next)
      own.now.monotonic = due.at
      own.handle(.deadline(due.element))
      #expect(kinds(own) == ["generation"])
    }
    own.answerPersists()
    #expect(!own.script.sent.isEmpty)
  }

  @Test func anAnswerCountsOnce() throws {
    let own = try Stage(TestNetwork(), number: 7_001)
    own.command(.setEndpoint(own.endpoint))
    own.command(.start(peers: []))
    let token = try #require(own.persists.first?.token)
    own.handle(.persisted(token: token &+ 1))
    #expect(own.node.membership.incarnation.rawValue == 0, "a token that nobody has")
    own.handle(.persisted(token: token))
    let life = own.node.membership.incarnation
    #expect(life.rawValue > 0)
    own.handle(.persistFailed(token: token))
    #expect(own.node.membership.incarnation == life)
    #expect(!own.events.contains { if case .persistFailed = $0 { true } else { false } })
  }

  @Test func labelFloorsAreKept() throws {
    let own = try Stage(TestNetwork(), number: 7_001)
    own.channelSays(.labelFloor(77))
    guard case .labelFloor(77)? = own.persists.first?.content else {
      Issue.record("\(own.persists)")
      return
    }
    own.answerPersists(durable: false)
    #expect(own.events.contains { if case .persistFailed = $0 { true } else { false } })
  }

  @Test func onlyPeersWithKnownKeysAreWrittenDown() throws {
    let network = try TestNetwork()
    let (own, peer, third) = (
      try Stage(network, number: 7_001), try Stage(network, number: 7_002), try Stage(network, number: 7_003)
    )
    own.script.keys[peer.host] = peer.identity.key
    own.start()
    for joiner in [peer, third] {
      joiner.start(through: [own.known])
      Stage.exchange(joiner, own)
    }
    for _ in 0..<320 {
      for stage in [own, peer, third] { stage.run(milliseconds: 100) }
      for other in [peer, third] { Stage.exchange(other, own) }
    }
    let written = own.asked.compactMap { persist -> [KnownPeer]? in
      if case .peers(let peers) = persist.content { peers } else { nil }
    }
    #expect(own.node.membership.peers.map(\.host).sorted() == [peer.host, third.host].sorted())
    #expect(written.last == [peer.known])
  }

  /// The disk answers nothing any more.
  @Test func tooManyPersistsAreRefused() throws {
    let own = try Stage(TestNetwork(), number: 7_001)
    for floor in 1...300 as ClosedRange<UInt64> { own.channelSays(.labelFloor(floor)) }
    #expect(own.persists.count == 256)
    #expect(own.events.count { if case .persistFailed = $0 { true } else { false } } == 44)
    // Gossip hears of it and goes on asking.
    own.command(.setEndpoint(own.endpoint))
    own.command(.start(peers: []))
    #expect(own.node.membership.counters.persistsFailed == 1)
    own.answerPersists()
    own.run(seconds: 2)
    #expect(own.node.membership.isRunning && own.node.membership.incarnation.rawValue > 0)
  }
}
