import Gossip
import Hashing
import MapShard
import NodeCore
import SecureChannel
import Testing
import Wire

/// Whom a host takes for the steward when hosts see each other differently (`Following.swift`).
@Suite struct FollowingTests {
  private let own: Stage
  private let peer: Stage
  private let network: TestNetwork

  init() throws {
    network = try TestNetwork()
    (own, peer) = try Stage.acquainted(network)
  }

  /// The voters, in order, and time enough for all that live to be stably alive.
  private func begin(_ voters: [Stage]) throws {
    let salt = try #require([UInt8](repeating: 3, count: 16).withUnsafeBytes { ShortHash(key: $0) })
    let seats = voters.map { VoterSeat(host: $0.host, store: 1) } + [VoterSeat(host: HostID(rawValue: 5), store: 1)]
    let world = ActiveWorld(
      version: 1, salt: salt, rules: PlacementRules(), voters: VoterSetDescription(number: 1, voters: seats),
      shards: [ActiveWorld.Shard(id: ShardID(rawValue: 1), maps: 1)])
    own.command(.steward(.activate(world)))
    own.script.lives[peer.host] = Life(rawValue: 9)
    own.script.lives[HostID(rawValue: 77)] = Life(rawValue: 10)
    pass(seconds: 8)
  }

  private func pass(seconds: UInt64, connected: Bool = true) {
    for _ in 0..<(10 * seconds) {
      for stage in [own, peer] { stage.run(milliseconds: 100) }
      if connected {
        Stage.exchange(own, peer)
      } else {
        for stage in [own, peer] { _ = stage.script.takeSent() }
      }
    }
  }

  /// This host is cut off and back: to it, the other one is in hold-down.
  private func cutOff() {
    pass(seconds: 20, connected: false)
    #expect(own.node.membership.status(of: peer.host) != .alive)
    // Who is dead is greeted now and then.
    for _ in 0..<60 where own.node.membership.status(of: peer.host) != .alive { pass(seconds: 1) }
    #expect(own.node.membership.status(of: peer.host) == .alive)
  }

  private var steward: HostID? { own.node.stewardship.stewardHost(seenBy: own.host) }

  /// The other one says that it is the steward.
  private func peerSpeaks() throws {
    let mark = DirectoryMark(steward: peer.host, life: Life(rawValue: 9), version: 1)
    let body = try #require(StewardMessage.directory(DirectoryPart(after: 0, mark: mark, entries: [])).encoded())
    own.channelSays(.linkFrame(peer.host, .register, body))
  }

  /// Some host says whose directory it has.
  private func somebodyFollows(_ steward: HostID) throws {
    let report = HostReport(
      weight: 8, resources: HostResources(cores: 8, memoryBytes: 16 << 30, uplinkBitsPerSecond: 1_000_000_000),
      isDraining: false, world: 1,
      directory: DirectoryMark(steward: steward, life: Life(rawValue: 1), version: 1))
    let body = try #require(StewardMessage.report(report).encoded())
    own.channelSays(.linkFrame(HostID(rawValue: 77), .register, body))
  }

  @Test func theFirstThatIsStablyAliveIsExpected() throws {
    try begin([peer, own])
    #expect(steward == peer.host)
    cutOff()
    #expect(steward == own.host, "the other one came back a moment ago")
    // Nobody else hears of that for a minute or more.
    pass(seconds: 20)
    #expect(steward == own.host)
    pass(seconds: 300)
    #expect(steward == peer.host)
  }

  @Test func anEarlierVoterThatSpeaksIsFollowed() throws {
    try begin([peer, own])
    cutOff()
    try peerSpeaks()
    #expect(steward == peer.host)
    for _ in 0..<4 {
      pass(seconds: 5)
      try peerSpeaks()
    }
    #expect(steward == peer.host)
    #expect(own.node.stewardship.counters.notFromSteward == 0)
    // Three reports without an answer.
    pass(seconds: 14)
    #expect(steward == peer.host)
    pass(seconds: 3)
    #expect(steward == own.host && own.node.membership.status(of: peer.host) == .alive)
  }

  @Test func whoIsFollowedFollowsNobody() throws {
    try begin([peer, own])
    cutOff()
    try somebodyFollows(own.host)
    try peerSpeaks()
    #expect(steward == own.host)
    #expect(own.node.stewardship.counters.notFromSteward == 1)
    // It has another steward now.
    try somebodyFollows(peer.host)
    try peerSpeaks()
    #expect(steward == peer.host)
  }

  /// Others notice only when this host has been silent for a while; if it came back before, it would never end.
  @Test func whoFollowsGoesOnWhileOthersStillFollowIt() throws {
    try begin([peer, own])
    cutOff()
    try peerSpeaks()
    for _ in 0..<4 {
      try somebodyFollows(own.host)
      pass(seconds: 5)
      try peerSpeaks()
      #expect(steward == peer.host)
    }
    #expect(own.node.stewardship.counters.notFromSteward == 0)
  }

  /// Two that follow each other would leave everybody without.
  @Test func aLaterVoterIsNotFollowed() throws {
    try begin([own, peer])
    cutOff()
    try peerSpeaks()
    #expect(steward == own.host)
    #expect(own.node.stewardship.counters.notFromSteward == 1)
  }

  @Test func whoIsDeadIsNotFollowed() throws {
    try begin([peer, own])
    cutOff()
    try peerSpeaks()
    #expect(steward == peer.host)
    pass(seconds: 10, connected: false)
    #expect(own.node.membership.status(of: peer.host) != .alive && steward == own.host)
    try peerSpeaks()
    #expect(steward == own.host)
  }
}
