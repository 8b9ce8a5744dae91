import Gossip
import Testing
import Wire

/// What the neighbours of this room rely on.
@Suite struct ContractTests {
  /// Same inputs, same seed: the same effects, byte for byte.
  @Test func twoRunsAreEqual() {
    func run(_ seed: UInt64) -> UInt64 {
      let mesh = TestMesh(seed: seed)
      var hash: UInt64 = 0
      mesh.watch = { from, to, bytes in
        hash = mix64(hash ^ UInt64(from) ^ to.rawValue)
        hash = bytes.withUnsafeBytes { keyedHash($0, key: hash) }
      }
      mesh.loss = 0.05
      for index in 0..<12 { mesh.add(contributor: UInt32(index % 4)) }
      for index in 0..<12 { mesh.start(index, through: index == 0 ? [] : [0]) }
      mesh.run(until: 10)
      mesh.crash(4)
      mesh.freeze(5, seconds: 6)
      mesh.input(.command(.setLoad(LoadRecord(processor: 40))), to: 2)
      mesh.run(until: 20)
      mesh.restart(4)
      mesh.run(until: 20)
      return hash
    }
    #expect(run(91) == run(91))
    #expect(run(91) != run(92))
  }

  /// Everything that is sent can be read, and comes out again as it went in.
  @Test func everyMessageIsReadable() {
    let mesh = TestMesh(seed: 93)
    var kinds: Set<UInt8> = []
    mesh.watch = { _, _, bytes in
      kinds.insert(bytes[0])
      if (try? CodecTests.rewrite(bytes)) != bytes { Issue.record("\(bytes)") }
    }
    for index in 0..<9 { mesh.add(contributor: UInt32(index % 4)) }
    for index in 0..<9 { mesh.start(index, through: index == 0 ? [] : [0]) }
    mesh.run(until: 10)
    for index in 0..<9 { mesh.input(.command(.setLoad(LoadRecord(players: UInt32(index)))), to: index) }
    mesh.isBlocked = { from, to in from == 7 && to <= 1 }
    mesh.run(until: 60)
    mesh.isBlocked = { from, to in (from < 4) != (to < 4) }
    mesh.run(until: 40)
    mesh.isBlocked = { _, _ in false }
    mesh.input(.command(.revoke(TestSigner.revocation(of: mesh.nodes[8].host))), to: 0)
    mesh.run(until: 100)
    mesh.input(.command(.leave), to: 6)
    mesh.run(until: 5)
    #expect(kinds.sorted() == Array(1...13), "every kind of message was seen")
  }

  @Test func nothingIsSentBeforeTheGenerationIsDurable() {
    let signer = TestSigner(host: HostID(rawValue: 5))
    var membership = Membership(
      host: signer.host, roles: .host, settings: .lan, signer: signer, persistedGeneration: 70_000_000, seed: 1)
    var effects = MembershipEffects(buffer: MessageBuffer())
    var now = Now(monotonic: 1, wall: 1_790_000_000_000_000_000)
    func handle(_ input: MembershipInput) {
      effects.removeAll()
      membership.handle(input, now: now, into: &effects)
    }
    let peer = Peer(host: HostID(rawValue: 9), endpoint: Endpoint(ipv4: 0x0a00_0001, port: 7000))
    handle(.command(.start(peers: [peer])))
    #expect(effects.sends.isEmpty)
    guard let persist = effects.persists.first, case .generation(let generation) = persist.content else {
      Issue.record("no generation is persisted")
      return
    }
    #expect(generation == 70_000_001, "greater than any earlier life's")
    [UInt8](repeating: 5, count: 1).withUnsafeBytes { handle(.message($0, from: peer.host, at: peer.endpoint)) }
    #expect(effects.sends.isEmpty)
    handle(.persisted(token: persist.token &+ 7))
    #expect(effects.sends.isEmpty)
    // The disk fails once: it is tried again, and still nothing is said.
    handle(.persistFailed(token: persist.token))
    #expect(effects.sends.isEmpty && effects.persists.isEmpty)
    guard let retry = effects.deadlines.first else {
      Issue.record("no second attempt")
      return
    }
    now.monotonic = retry.at
    handle(.deadline(retry.timer))
    #expect(effects.sends.isEmpty)
    guard let second = effects.persists.first else {
      Issue.record("no second attempt")
      return
    }
    handle(.persisted(token: second.token))
    #expect(effects.sends.map(\.to) == [peer.host])
    #expect(membership.incarnation == Incarnation(generation: 70_000_001, refutation: 0))
  }

  /// DESIGN 4.2: whoever does not hold a host's valid metadata may send it only Join and MetaPull; a stranger that asks
  /// for our own papers gets them.
  @Test func strangersGetJoinAndMetaPullOnly() {
    let mesh = TestMesh(seed: 94)
    mesh.watch = { [unowned mesh] from, to, bytes in
      if mesh.nodes[from].signer.metadataVersion(of: to) == nil, ![6, 10, 11].contains(bytes[0]) {
        Issue.record("node \(from) sent type \(bytes[0]) to a stranger")
      }
    }
    for _ in 0..<12 { mesh.add() }
    for index in 0..<12 { mesh.start(index, through: index == 0 ? [] : [index - 1]) }
    #expect(mesh.run(until: 30) { mesh.allAgree })
  }

  @Test func theRosterHasRevocationsFirst() {
    let mesh = TestMesh.joined(6, seed: 95)
    mesh.input(.command(.revoke(TestSigner.revocation(of: mesh.nodes[4].host))), to: 0)
    mesh.crash(5)
    mesh.run(until: 15)
    let roster = mesh.nodes[0].membership.roster()
    #expect(roster[0] == 1)
    #expect(roster[1] & 15 == 6, "a revocation")
    #expect(roster.count < 6 * 740)
  }

  @Test func rumoursHaveOnePlacePerSubject() {
    let stage = Stage(peers: 20)
    let life = stage.life
    for round in 1...50 {
      let incarnation = Incarnation(generation: life.generation, refutation: UInt64(round))
      for subject in 0..<20 { stage.receive(Forge(5).alive(Stage.peer(subject), incarnation), from: subject) }
      stage.now += 100_000_000
    }
    #expect(stage.membership.rumourCount <= 21)
  }

  /// Nothing new, nothing queued: the guard against rumours that live for ever.
  @Test func whatChangesNothingIsNoRumour() {
    let stage = Stage(peers: 4)
    var now = stage.deadlines.filter { $0.timer.kind == TimerKind.gossip.rawValue }
    while let tick = now.last, stage.membership.rumourCount > 0 {
      stage.now = tick.at
      stage.input(.deadline(tick.timer))
      now = stage.deadlines.filter { $0.timer.kind == TimerKind.gossip.rawValue }
    }
    #expect(stage.membership.rumourCount == 0)
    for peer in 0..<4 { stage.receive(Forge(5).alive(Stage.peer(peer), stage.life), from: peer) }
    #expect(stage.membership.rumourCount == 0)
    #expect(stage.membership.counters.duplicates >= 4)
  }
}
