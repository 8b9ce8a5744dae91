import Gossip
import Testing
import Wire

/// What hostile or broken hosts, late timers and floods can do: nothing but cost themselves.
@Suite struct HostileTests {
  private let life = Incarnation(generation: 60_000_000, refutation: 0)

  // MARK: Liars

  @Test func aLiarThatAccusesEverybodyEvictsNobody() {
    let mesh = TestMesh.joined(10, seed: 81)
    mesh.run(until: 10)
    let liar = mesh.nodes[9]
    for _ in 0..<60 {
      for subject in 0..<9 {
        for observer in 0..<9 {
          let held = mesh.nodes[observer].membership.member(mesh.nodes[subject].host)?.incarnation ?? life
          let lie = Forge(5).dead(mesh.nodes[subject].host, held, by: [liar.host])
          lie.bytes.withUnsafeBytes {
            mesh.input(.message($0, from: liar.host, at: liar.endpoint), to: observer)
          }
        }
      }
      mesh.run(until: 1)
    }
    for node in mesh.nodes {
      #expect(node.count { if case .dead = $0 { true } else { false } } == 0, "node \(node.index)")
    }
    #expect(mesh.run(until: 20) { mesh.allAgree })
    #expect(mesh.nodes[0].membership.counters.refutations > 10)
  }

  @Test func aFalseAccusationIsRefutedEverywhere() {
    let mesh = TestMesh.joined(16, seed: 82)
    mesh.run(until: 10)
    // Nobody but node 3 fails to reach node 5, and nobody helps it.
    mesh.isBlocked = { from, to in (from == 3 && to != 2) || (to == 3 && from != 2) }
    mesh.run(until: 4)
    mesh.isBlocked = { _, _ in false }
    #expect(mesh.nodes.contains { $0.count { if case .suspected = $0 { true } else { false } } > 0 })
    #expect(mesh.run(until: 20) { mesh.allAgree && mesh.nodes.allSatisfy { $0.membership.suspicionCount == 0 } })
    #expect(mesh.evictionsOfRunning() == 0)
  }

  // MARK: Timers

  /// A shell that fires timers twice, late, or long after they mean anything.
  @Test func staleTimersAreHarmless() {
    let mesh = TestMesh.joined(8, seed: 83)
    mesh.run(until: 5)
    var chance = Chance(seed: 83)
    var seen: [Timer] = []
    for kind in UInt8(0)...UInt8(40) {
      for token in 0..<40 {
        seen.append(
          Timer(kind: kind, subject: TestMesh.host(chance.below(8)).rawValue, token: UInt32(token)))
      }
    }
    let before = mesh.nodes.map(\.membership.incarnation)
    for _ in 0..<100 {
      for index in 0..<8 { for _ in 0..<40 { mesh.input(.deadline(seen[chance.below(seen.count)]), to: index) } }
      mesh.run(until: 0.5)
    }
    #expect(mesh.allAgree)
    #expect(mesh.evictionsOfRunning() == 0)
    #expect(mesh.nodes.map(\.membership.incarnation) == before, "nobody had to refute anything")
  }

  @Test func aRepeatedTimerIsIgnored() {
    let stage = Stage(peers: 5)
    let first = stage.deadlines.filter { $0.timer.kind == TimerKind.probe.rawValue }
    #expect(first.count == 1)
    stage.now = first[0].at
    for _ in 0..<5 { stage.input(.deadline(first[0].timer)) }
    #expect(stage.takeSent().filter { $0 == 1 }.count == 1)
    #expect(stage.membership.counters.timersLate == 4)
  }

  // MARK: Floods

  @Test func aMillionFakeRecordsKeepMemoryBounded() {
    let stage = Stage(peers: 4)
    var chance = Chance(seed: 84)
    // The address sanitizer sees with fewer what it can see, in a tenth of the time.
    #if MESH_SANITIZED
      let wanted = 50_000
    #else
      let wanted = 1_000_000
    #endif
    var records = 0
    while records < wanted {
      var bytes: [UInt8] = [5]
      bytes.reserveCapacity(1_188)
      for _ in 0..<13 {
        bytes.append(1)
        bytes += Forge.u64(chance.next())
        bytes += [0x80, 0x8e, 0xce, 0x1c, 0, 4, 10, 0, 0, 1, 0x58, 0x1b, 1, 1]
        bytes += [UInt8](repeating: 9, count: 64)
      }
      stage.receive(bytes, from: Stage.peer(records % 4))
      records += 13
      stage.now += 10_000
      stage.events.removeAll()
      stage.deadlines.removeAll()
      _ = stage.takeSent()
    }
    #expect(stage.membership.entryCount == 5)
    #expect(stage.membership.awaitedCount <= 256)
    #expect(stage.membership.counters.awaitedFull > wanted / 10 * 9)
    #expect(stage.membership.counters.signaturesChecked < 100)
  }

  @Test func signatureChecksAreLimitedPerForwarder() {
    let stage = Stage(peers: 6)
    let before = stage.membership.counters.signaturesChecked
    for refutation in 1...3_000 {
      stage.receive(
        Forge(5).alive(
          Stage.peer(0), Incarnation(generation: 60_000_000, refutation: UInt64(refutation)), signedBy: Stage.peer(3)),
        from: 1)
    }
    #expect(stage.membership.counters.signaturesChecked - before == 500)
    #expect(stage.membership.counters.checksRefused == 2_500)
    // Others are still heard, as far as all together may cost.
    stage.receive(Forge(5).alive(Stage.peer(0), Incarnation(generation: 60_000_000, refutation: 1)), from: 2)
    #expect(stage.membership.member(Stage.peer(0))?.incarnation.refutation == 1)
    stage.now += 1_000_000_000
    stage.receive(Forge(5).alive(Stage.peer(0), Incarnation(generation: 60_000_000, refutation: 2)), from: 1)
    #expect(stage.membership.member(Stage.peer(0))?.incarnation.refutation == 2)
  }

  @Test func newMembersAreLimitedToTwoHundredASecond() {
    let stage = Stage(peers: 4)
    for id in 100..<700 {
      stage.signer.adopt(HostID(rawValue: UInt64(id)))
      stage.receive(Forge(5).alive(HostID(rawValue: UInt64(id)), life), from: id % 4)
    }
    #expect(stage.membership.entryCount <= 5 + 200)
    #expect(stage.membership.counters.newMembersRefused >= 400)
  }

  @Test func helpIsLimited() {
    let stage = Stage(peers: 4)
    for sequence in 0..<200 {
      var forge = Forge(3)
      forge.bytes += [UInt8(sequence), 0, 0, 0] + Forge.u64(Stage.peer(2).rawValue) + Forge.varint(600)
      stage.receive(forge, from: 1)
    }
    let sent = stage.takeSent()
    #expect(sent.filter { $0 == 1 }.count == 64)
    #expect(sent.filter { $0 == 4 }.count == 136, "the others are refused, and told so")
    #expect(stage.membership.relayCount == 64)
  }

  @Test func exchangesAreLimited() {
    let stage = Stage(peers: 4)
    for _ in 0..<50 { stage.receive([8] + [UInt8](repeating: 3, count: 264), from: Stage.peer(1)) }
    #expect(stage.membership.counters.syncsServed == 4)
    #expect(stage.membership.counters.syncsRefused == 46)
    #expect(stage.takeSent().filter { $0 == 9 }.count <= 4 * 8)
  }

  /// Real messages of a mesh, damaged, from hosts that are members: no trap, no flood of answers, and the mesh lives on.
  @Test func damagedMessagesOfMembers() {
    let seed: UInt64 = 85
    let mesh = TestMesh(seed: seed)
    var heard: [[UInt8]] = []
    mesh.watch = { _, _, bytes in if heard.count < 4_000 { heard.append(bytes) } }
    for index in 0..<8 { mesh.add(contributor: UInt32(index)) }
    for index in 0..<8 { mesh.start(index, through: index == 0 ? [] : [0]) }
    mesh.run(until: 5)
    mesh.crash(7)
    mesh.run(until: 20)
    mesh.watch = nil
    var chance = Chance(seed: seed)
    for _ in 0..<20_000 {
      var bytes = heard[chance.below(heard.count)]
      for _ in 0..<1 + chance.below(4) where !bytes.isEmpty {
        switch chance.below(4) {
        case 0: bytes[chance.below(bytes.count)] ^= UInt8(1 << chance.below(8))
        case 1: bytes[chance.below(bytes.count)] = UInt8(chance.below(256))
        case 2: bytes.removeLast(chance.below(bytes.count))
        default: bytes.insert(UInt8(chance.below(256)), at: chance.below(bytes.count + 1))
        }
      }
      let from = mesh.nodes[chance.below(7)]
      bytes.withUnsafeBytes { mesh.input(.message($0, from: from.host, at: from.endpoint), to: chance.below(7)) }
      if chance.below(100) == 0 { mesh.run(until: 0.05) }
    }
    #expect(mesh.nodes[0].membership.counters.malformed > 100)
    #expect(mesh.run(until: 40) { mesh.allAgree }, "seed \(seed)")
  }

  @Test func aDamagedRosterIsRefusedOrReadAsFarAsItGoes() {
    let seed: UInt64 = 86
    let mesh = TestMesh.joined(8, seed: seed)
    let good = mesh.nodes[0].membership.roster()
    var chance = Chance(seed: seed)
    for round in 0..<300 {
      var bytes = good
      for _ in 0..<1 + chance.below(5) { bytes[chance.below(bytes.count)] ^= UInt8(1 << chance.below(8)) }
      if round % 3 == 0 { bytes.removeLast(chance.below(bytes.count)) }
      let stage = Stage(peers: 0)
      stage.signer.adopt(mesh.nodes[0].host)
      var welcome = Forge(7)
      stage.input(.command(.introduce([Peer(host: mesh.nodes[0].host, endpoint: mesh.nodes[0].endpoint)])))
      welcome.bytes += Forge.endpoint(Endpoint(ipv4: 0x0a00_00ff, port: 7000)) + Forge.u64(7) + [8, 0]
      stage.receive(welcome.alive(mesh.nodes[0].host, life).bytes, from: mesh.nodes[0].host)
      #expect(stage.takeSent().contains(13))
      bytes.withUnsafeBytes { stage.input(.roster($0, from: mesh.nodes[0].host)) }
      for _ in 0..<10 {
        stage.now += 2_000_000
        if let turn = stage.deadlines.last(where: { $0.timer.kind == TimerKind.rosterTurn.rawValue }) {
          stage.input(.deadline(turn.timer))
        }
      }
      #expect(stage.membership.entryCount <= 9)
      let counters = stage.membership.counters
      #expect(counters.rostersRead + counters.malformed >= 1, "round \(round), seed \(seed)")
    }
  }

  @Test func aRosterThatNobodyAskedForIsRefused() {
    let mesh = TestMesh.joined(4, seed: 87)
    let roster = mesh.nodes[0].membership.roster()
    let stage = Stage(peers: 3)
    roster.withUnsafeBytes { stage.input(.roster($0, from: Stage.peer(0))) }
    #expect(stage.membership.counters.rostersRefused == 1)
    #expect(stage.membership.entryCount == 4)
  }
}
