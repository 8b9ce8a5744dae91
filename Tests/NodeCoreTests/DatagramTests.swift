import Gossip
import NodeCore
import SecureChannel
import Testing
import Wire

/// The joint between sessions and gossip.
@Suite struct DatagramTests {
  @Test func gossipGoesUpAndItsAnswersComeDown() throws {
    let network = try TestNetwork()
    let (own, peer) = (try Stage(network, number: 7_001), try Stage(network, number: 7_002))
    own.start()
    peer.start(through: [own.known])
    let join = try #require(peer.script.takeSent().first)
    #expect(join.kind == .gossip && join.to == own.host && join.at == own.endpoint && join.bytes.first == 6)
    own.deliver(join.bytes, from: peer.host, at: peer.endpoint)
    let answers = own.script.takeSent()
    #expect(answers.contains { $0.to == peer.host && $0.bytes.first == 7 }, "Welcome")
    #expect(own.node.membership.status(of: peer.host) == .alive)
    #expect(own.events.contains { if case .membership(.alive(peer.host, _)) = $0 { true } else { false } })
  }

  @Test func onlyGossipGoesUp() throws {
    let (own, peer) = try Stage.acquainted(TestNetwork())
    let before = own.node.membership.counters.messagesReceived
    for kind in [FrameKind.heartbeat, .streamControl, .path, .time, .survey] {
      own.deliver([1, 2, 3], kind, from: peer.host, at: peer.endpoint)
    }
    #expect(own.node.membership.counters.messagesReceived == before)
    #expect(own.script.commands.isEmpty)
    own.deliver([1, 2, 3], from: peer.host, at: peer.endpoint)
    #expect(own.node.membership.counters.messagesReceived == before + 1)
  }

  @Test func misbehaviourIsReportedToTheChannel() throws {
    let (own, peer) = try Stage.acquainted(TestNetwork())
    own.deliver([255], from: peer.host, at: peer.endpoint)
    #expect(own.script.takeCommands().map(\.words) == ["report \(peer.host) badMessage"])

    // A record of its own with one bit changed in the signature: it has signed it itself, so this is no accident.
    peer.command(.setEndpoint(Endpoint(ipv4: 0x0a00_0009, port: 7_009)))
    peer.run(seconds: 1)
    var news = try #require(peer.script.takeSent().last { $0.to == own.host && $0.bytes.first == 5 }?.bytes)
    news[news.count - 1] ^= 1
    own.deliver(news, from: peer.host, at: peer.endpoint)
    #expect(own.script.takeCommands().map(\.words) == ["report \(peer.host) forgedRecord"])
    #expect(own.node.membership.member(peer.host)?.endpoint == peer.endpoint)
  }

  @Test func whoMovesIsLocatedAnew() throws {
    let (own, peer) = try Stage.acquainted(TestNetwork())
    let elsewhere = Endpoint(ipv4: 0x0a00_0009, port: 7_009)
    peer.command(.setEndpoint(elsewhere))
    peer.run(seconds: 1)
    for frame in peer.script.takeSent() { own.deliver(frame.bytes, from: peer.host, at: peer.endpoint) }
    #expect(own.script.takeCommands().map(\.words) == ["locate \(peer.host) \(elsewhere)"])
  }

  /// Within the turn in which the revocation came: nothing is sent to it or taken from it any more.
  @Test func aRevokedHostsSessionEndsWithinTheSameTurn() throws {
    let network = try TestNetwork()
    let (own, peer) = try Stage.acquainted(network)
    let revocation = network.revocation(of: peer.identity.key)
    own.node.handle(.command(.revoke(revocation)), now: own.now, into: &own.effects)
    #expect(own.script.takeCommands().map(\.words) == ["drop \(peer.host)"])
    #expect(own.effects.persists.contains { if case .revocation(revocation) = $0.content { true } else { false } })
    own.effects.removeAll()
    own.deliver([255], from: peer.host, at: peer.endpoint)
    #expect(own.script.takeCommands().isEmpty, "what it says is not even read")
  }

  @Test func aRevocationThatGossipBringsEndsASessionToo() throws {
    let network = try TestNetwork()
    let (own, peer) = try Stage.acquainted(network)
    let third = try Stage(network, number: 7_003)
    third.start(through: [own.known])
    Stage.exchange(third, own)
    Stage.exchange(own, peer)
    own.run(seconds: 1)
    Stage.exchange(own, peer)
    #expect(peer.node.membership.status(of: third.host) == .alive)
    peer.script.commands = []
    own.command(.revoke(network.revocation(of: third.identity.key)))
    own.run(seconds: 1)
    let told = own.script.takeSent().filter { $0.to == peer.host }
    #expect(!told.isEmpty)
    for frame in told { peer.deliver(frame.bytes, from: own.host, at: own.endpoint) }
    #expect(peer.script.takeCommands().map(\.words).contains("drop \(third.host)"))
    #expect(peer.roster.isRevoked(third.host))
  }

  @Test func aForgottenHostIsDropped() throws {
    let (own, peer) = try Stage.acquainted(TestNetwork())
    peer.command(.leave)
    for frame in peer.script.takeSent() { own.deliver(frame.bytes, from: peer.host, at: peer.endpoint) }
    #expect(own.node.membership.status(of: peer.host) == .left)
    own.run(seconds: 3_500)
    #expect(!own.script.commands.contains { $0.words == "drop \(peer.host)" }, "it may come back")
    own.run(seconds: 200)
    #expect(own.script.commands.contains { $0.words == "drop \(peer.host)" })
    #expect(own.node.membership.status(of: peer.host) == nil)
  }

  @Test func peersAreIntroducedBeforeTheyAreAsked() throws {
    let network = try TestNetwork()
    let (own, peer) = (try Stage(network, number: 7_001), try Stage(network, number: 7_002))
    own.command(.setEndpoint(own.endpoint))
    own.command(.start(peers: [peer.known]))
    #expect(own.script.takeCommands().map(\.words) == ["introduce \(peer.host) \(peer.endpoint)"])
    #expect(own.script.takeSent().isEmpty, "not before the generation is durable")
    own.answerPersists()
    #expect(own.script.takeSent().map(\.to) == [peer.host])
    let third = try Stage(network, number: 7_003)
    own.command(.introduce([third.known]))
    #expect(own.script.takeCommands().map(\.words) == ["introduce \(third.host) \(third.endpoint)"])
  }

  @Test func surveysGoToTheChannelAndTheirAnswersToTheShell() throws {
    let (own, peer) = try Stage.acquainted(TestNetwork())
    own.command(.survey(peer.host))
    #expect(own.script.takeCommands().map(\.words) == ["survey \(peer.host)"])
    own.channelSays(.surveyed(peer.host, wall: 7, roundTrip: 9))
    guard case .channel(.surveyed(peer.host, wall: 7, roundTrip: 9))? = own.events.first else {
      Issue.record("\(own.events)")
      return
    }
  }

  @Test func channelEventsAreToldButThoseThatJointsConsume() throws {
    let (own, peer) = try Stage.acquainted(TestNetwork())
    own.channelSays(.sessionUp(peer.host, peer.endpoint), .labelFloor(5), .transferSent(id: 99))
    #expect(own.events.count == 1)
    guard case .channel(.sessionUp(peer.host, peer.endpoint))? = own.events.first else {
      Issue.record("\(own.events)")
      return
    }
  }
}

extension ChannelCommand {
  /// Short, for comparing.
  var words: String {
    switch self {
    case .introduce(let key, let endpoint): "introduce \(key.hostID) \(endpoint)"
    case .locate(let host, let endpoint): "locate \(host) \(endpoint)"
    case .drop(let host): "drop \(host)"
    case .adopt(let certificate): "adopt \(certificate.serial)"
    case .wantLink(let host, let wanted): "link \(host) \(wanted)"
    case .transfer(let purpose, let content, let host, let id): "transfer \(id) \(purpose) \(content.count) \(host)"
    case .linkFrame(let channel, let content, let host, _): "frame \(channel) \(content.count) \(host)"
    case .report(let host, let violation): "report \(host) \(violation)"
    case .survey(let host): "survey \(host)"
    case .linkCredit(let channel, let count, let host): "credit \(channel) \(count) \(host)"
    }
  }
}
