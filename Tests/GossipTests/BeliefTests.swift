import Gossip
import Testing
import Wire

/// What is believed of whom: one membership, and hosts that the test plays.
@Suite struct BeliefTests {
  private let life = Incarnation(generation: 60_000_000, refutation: 0)
  private let refuted = Incarnation(generation: 60_000_000, refutation: 1)
  private let reborn = Incarnation(generation: 60_000_001, refutation: 0)
  private func peer(_ index: Int) -> HostID { Stage.peer(index) }
  /// Half of the shortest suspicion in a small `lan` mesh: what a suspect must have had to answer before the word of
  /// others is enough.
  private static let timeToAnswer: UInt64 = 1_500_000_000

  // MARK: Ourselves

  /// A host that starts again and does not know yet where others see it has nothing signed to show, whatever they ask.
  @Test func whoDoesNotKnowItsEndpointShowsNoRecord() {
    let stage = Stage(peers: 2, endpoint: nil)
    let doubt = Forge.ping(sequence: 7, incarnation: life).suspect(
      stage.host, stage.membership.incarnation, by: peer(1))
    stage.receive(doubt, from: 0)
    #expect(!stage.sent.isEmpty, "the ping was answered")
    let record = [1] + Forge.u64(stage.host.rawValue)
    for message in stage.sent {
      let places = message.bytes.indices.dropLast(record.count)
      #expect(!places.contains { message.bytes[$0..<$0 + record.count].elementsEqual(record) })
    }
  }

  // MARK: Deaths

  @Test func aDeathNeedsTwoAccusers() {
    let stage = Stage(peers: 6)
    stage.receive(Forge(5).dead(peer(0), life, by: [peer(1)]), from: 1)
    #expect(stage.status(0) == .suspect)
    stage.receive(Forge(5).dead(peer(0), life, by: [peer(1)]), from: 2)
    #expect(stage.status(0) == .suspect, "the same again, by another mouth")
    stage.now += BeliefTests.timeToAnswer
    stage.receive(Forge(5).dead(peer(0), life, by: [peer(1)]), from: 2)
    #expect(stage.status(0) == .suspect, "nor with time")
    stage.receive(Forge(5).dead(peer(0), life, by: [peer(2)]), from: 2)
    #expect(stage.status(0) == .dead)
    #expect(stage.events.contains(.dead(peer(0), life, accusers: [peer(1), peer(2)])))
  }

  /// After a partition the other side's rumours bury everybody on ours.
  @Test func whoIsNotSuspectedMayAnswerFirst() {
    let stage = Stage(peers: 6)
    let rumour = Forge(5).dead(peer(0), life, by: [peer(1), peer(2)])
    stage.receive(rumour, from: 3)
    #expect(stage.status(0) == .suspect)
    stage.now += BeliefTests.timeToAnswer - 1
    stage.receive(rumour, from: 3)
    #expect(stage.status(0) == .suspect)
    stage.now += 1
    stage.receive(rumour, from: 3)
    #expect(stage.status(0) == .dead, "it had its time, and two vouch for it")
    #expect(stage.events.contains(.dead(peer(0), life, accusers: [peer(1), peer(2)])))
  }

  @Test func aRefutationInTimeEndsTheRumour() {
    let stage = Stage(peers: 6)
    let rumour = Forge(5).dead(peer(0), life, by: [peer(1), peer(2)])
    stage.receive(rumour, from: 3)
    stage.receive(Forge(5).alive(peer(0), refuted), from: 0)
    stage.now += 2 * BeliefTests.timeToAnswer
    stage.receive(rumour, from: 3)
    #expect(stage.status(0) == .alive)
  }

  @Test func onePersonsMachinesCountOnce() {
    let stage = Stage(peers: 6) { $0 == 1 || $0 == 2 || $0 == 3 ? 77 : 0 }
    stage.receive(Forge(5).dead(peer(0), life, by: [peer(1), peer(2), peer(3)]), from: 1)
    #expect(stage.status(0) == .suspect)
    stage.now += BeliefTests.timeToAnswer
    stage.receive(Forge(5).dead(peer(0), life, by: [peer(1), peer(2), peer(3)]), from: 1)
    #expect(stage.status(0) == .suspect)
    stage.receive(Forge(5).dead(peer(0), life, by: [peer(1), peer(4)]), from: 1)
    #expect(stage.status(0) == .dead)
  }

  /// DESIGN 5.3.
  @Test func inAMeshOfThreeOneAccuserIsEnough() {
    let stage = Stage(peers: 2)
    stage.receive(Forge(5).suspect(peer(0), life, by: peer(1)), from: 1)
    stage.now += BeliefTests.timeToAnswer
    stage.receive(Forge(5).dead(peer(0), life, by: [peer(1)]), from: 1)
    #expect(stage.status(0) == .dead)
  }

  @Test func ofTwoNobodyIsDeadByHearsay() {
    let stage = Stage(peers: 1)
    stage.signer.adopt(peer(7))
    stage.signer.adopt(peer(8))
    for _ in 0..<3 {
      stage.receive(Forge(5).dead(peer(0), life, by: [peer(7), peer(8)]), from: 7)
      #expect(stage.status(0) == .suspect)
      stage.now += BeliefTests.timeToAnswer
    }
  }

  @Test func forgedAndUnknownAccusersDoNotCount() {
    let stage = Stage(peers: 6)
    var forged = Forge(5).dead(peer(0), life, by: [peer(1), peer(2)])
    forged.bytes[forged.bytes.count - 60] ^= 1
    stage.receive(forged, from: 1)
    #expect(stage.status(0) == .suspect)
    #expect(stage.events.contains(.badRecord(from: peer(1), forged: true)))
    let other = Stage(peers: 6)
    other.receive(Forge(5).dead(peer(0), life, by: [HostID(rawValue: 901), HostID(rawValue: 902)]), from: 1)
    #expect(other.status(0) == .alive)
    #expect(other.membership.counters.unproven == 2)
  }

  @Test func aForgedRecordIsReported() {
    let stage = Stage(peers: 3)
    stage.receive(Forge(5).alive(peer(0), refuted, signedBy: peer(2)), from: 2)
    #expect(stage.events.contains(.badRecord(from: peer(2), forged: true)))
    #expect(stage.membership.member(peer(0))?.incarnation == life)
  }

  /// Nobody can be accused of an incarnation that it never signed.
  @Test func anIncarnationThatNobodyClaimedCannotBeAccused() {
    let stage = Stage(peers: 6)
    stage.receive(Forge(5).dead(peer(0), reborn, by: [peer(1), peer(2)]), from: 1)
    #expect(stage.status(0) == .alive)
    #expect(stage.membership.counters.unproven == 1)
  }

  @Test func inAnExchangeADeathIsOnlyAnAccusation() {
    let stage = Stage(peers: 6)
    let records: [UInt8] = [9, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]
    var forge = Forge(9)
    forge.bytes = records
    stage.receive(forge.obituary(peer(0), life, by: [peer(1), peer(2)]), from: 1)
    #expect(stage.status(0) == .suspect, "whoever lives must be able to answer first")
    #expect(stage.takeSent(to: peer(0)).contains(12), "and is told")
    stage.receive(Forge(5).alive(peer(0), refuted), from: 0)
    #expect(stage.status(0) == .alive)
    #expect(stage.events.contains(.refuted(peer(0))))
  }

  @Test func anObituaryOfAStrangerIsBelievedWithProof() {
    let stage = Stage(peers: 6)
    stage.signer.adopt(peer(40))
    stage.signer.adopt(peer(41))
    var forge = Forge(9)
    forge.bytes = [9, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]
    stage.receive(forge.obituary(peer(40), life, by: [peer(1), peer(2)], minutes: 30), from: 1)
    #expect(stage.status(40) == .dead)
    // A literal with its type: `== 30 * 60_000…` compares as AnyHashable, which the sanitizer finds at fault in Swift 6.3.
    let halfAnHour: UInt64 = 30 * 60_000_000_000
    #expect(stage.membership.member(peer(40))?.age == halfAnHour)
    stage.receive(forge.obituary(peer(41), life, by: [peer(1)]), from: 1)
    #expect(stage.status(41) == .alive, "with too little proof we ask it ourselves")
  }

  // MARK: Order

  @Test func precedence() {
    let stage = Stage(peers: 6)
    stage.receive(Forge(5).suspect(peer(0), life, by: peer(1)), from: 1)
    stage.now += BeliefTests.timeToAnswer
    stage.receive(Forge(5).dead(peer(0), life, by: [peer(1), peer(2)]), from: 1)
    stage.receive(Forge(5).alive(peer(0), life), from: 1)
    #expect(stage.status(0) == .dead, "the same incarnation does not rise")
    stage.receive(Forge(5).alive(peer(0), refuted), from: 1)
    #expect(stage.status(0) == .alive)
    stage.receive(Forge(5).left(peer(0), refuted), from: 1)
    #expect(stage.status(0) == .left)
    stage.receive(Forge(5).alive(peer(0), Incarnation(generation: 60_000_000, refutation: 9)), from: 0)
    #expect(stage.status(0) == .left, "a life ends with its goodbye")
    stage.receive(Forge(5).alive(peer(0), reborn), from: 0)
    #expect(stage.status(0) == .alive)
    stage.receive(Forge(5).revocation(peer(0)), from: 1)
    stage.receive(Forge(5).alive(peer(0), Incarnation(generation: 90_000_000, refutation: 0)), from: 1)
    #expect(stage.status(0) == .revoked, "final")
  }

  @Test func onlyTheSubjectSaysGoodbye() {
    let stage = Stage(peers: 3)
    var forged = Forge(5).left(peer(0), refuted)
    forged.bytes[forged.bytes.count - 60] ^= 1
    stage.receive(forged, from: 1)
    #expect(stage.status(0) == .alive)
  }

  // MARK: Ourselves

  @Test func weRefuteWhatIsProven() {
    let stage = Stage(peers: 4)
    let own = stage.membership.incarnation
    stage.receive(Forge(5).suspect(stage.host, own, by: peer(1)), from: 2)
    #expect(stage.membership.incarnation.refutation == own.refutation + 1)
    #expect(stage.membership.incarnation.generation == own.generation)
    #expect(stage.events.contains(.refutedSelf(stage.membership.incarnation)))
    // Too soon after the first, and of a life that is over.
    stage.receive(Forge(5).suspect(stage.host, stage.membership.incarnation, by: peer(3)), from: 2)
    stage.receive(Forge(5).suspect(stage.host, own, by: peer(3)), from: 2)
    #expect(stage.membership.incarnation.refutation == own.refutation + 1)
    #expect(stage.membership.counters.refutationsDelayed == 1)
  }

  @Test func anUnprovenAccusationLeavesUsUnmoved() {
    let stage = Stage(peers: 4)
    let own = stage.membership.incarnation
    var forged = Forge(5).suspect(stage.host, own, by: peer(1))
    forged.bytes[forged.bytes.count - 60] ^= 1
    stage.receive(forged, from: 2)
    stage.receive(Forge(5).suspect(stage.host, Incarnation(generation: 1 << 39, refutation: 0), by: peer(1)), from: 2)
    #expect(stage.membership.incarnation == own)
  }

  @Test func whoTellsUsThatWeAreDeadGetsOurRecord() {
    let stage = Stage(peers: 4)
    var forge = Forge(12)
    forge.bytes.append(0)
    stage.receive(forge.dead(stage.host, stage.membership.incarnation, by: [peer(1), peer(2)]), from: 3)
    let answers = stage.sent.filter { $0.to == peer(3) }
    #expect(answers.count == 1 && answers[0].bytes[0] == 5 && answers[0].bytes[1] == 1)
    #expect(stage.membership.incarnation.refutation == 1)
  }

  /// Whoever still accuses an incarnation that we have left has missed our refutation, whatever it sends.
  @Test func whoHasMissedOurRefutationGetsOurRecord() {
    let stage = Stage(peers: 4)
    let own = stage.membership.incarnation
    stage.receive(Forge(5).suspect(stage.host, own, by: peer(1)), from: 1)
    _ = stage.takeSent()
    stage.receive(Forge(5).suspect(stage.host, own, by: peer(1)), from: 3)
    let answers = stage.sent.filter { $0.to == peer(3) }
    #expect(answers.count == 1 && answers[0].bytes[0] == 5 && answers[0].bytes[1] == 1)
    #expect(stage.membership.incarnation.refutation == own.refutation + 1)
  }

  @Test func oneLiarCannotBuryUs() {
    let stage = Stage(peers: 6)
    let own = stage.membership.incarnation
    var forge = Forge(12)
    forge.bytes.append(1)
    stage.receive(forge.dead(stage.host, own, by: [peer(1)]), from: 1)
    #expect(stage.membership.incarnation.generation == own.generation)
    stage.receive(forge.dead(stage.host, own, by: [peer(1), peer(2)]), from: 1)
    #expect(stage.membership.incarnation.generation > own.generation)
  }

  /// Metadata version 0: of a process that began before this one.
  @Test func theYoungerOutlivesAForgottenLifeAndGivesWayToALivingOne() {
    let stage = Stage(peers: 3)
    let own = stage.membership.incarnation
    let first = Incarnation(generation: own.generation + 50, refutation: 3)
    stage.receive(Forge(5).alive(stage.host, first, metadata: 0), from: 1)
    #expect(stage.membership.incarnation == Incarnation(generation: own.generation + 51, refutation: 0))
    #expect(stage.membership.isRunning)
    // The same old record from others is no second process.
    stage.receive(Forge(5).alive(stage.host, first, metadata: 0), from: 2)
    #expect(stage.membership.isRunning)
    stage.now += 30_000_000_000
    let answer = Incarnation(generation: own.generation + 60, refutation: 0)
    stage.receive(Forge(5).alive(stage.host, answer, metadata: 0), from: 1)
    #expect(stage.events.contains(.identityConflict))
    #expect(!stage.membership.isRunning)
  }

  @Test func twoElderLivesFarApartAreNoLivingOne() {
    let stage = Stage(peers: 3)
    let own = stage.membership.incarnation
    for step in 1...3 as ClosedRange<UInt64> {
      let foreign = Incarnation(generation: own.generation + 1_000 * step, refutation: 0)
      stage.receive(Forge(5).alive(stage.host, foreign, metadata: 0), from: 1)
      #expect(stage.membership.incarnation.generation == foreign.generation + 1)
      stage.now += 301_000_000_000
    }
    #expect(stage.membership.isRunning)
  }

  /// Metadata version 2: of a process that began after this one.
  @Test func theElderOnlyPassesByOnceASecond() {
    let stage = Stage(peers: 3)
    let own = stage.membership.incarnation
    for step in 1...20 as ClosedRange<UInt64> {
      let foreign = Incarnation(generation: own.generation + 50 * step, refutation: 0)
      stage.receive(Forge(5).alive(stage.host, foreign, metadata: 2), from: 1)
      #expect(stage.membership.incarnation.generation == foreign.generation + 1)
      let early = Incarnation(generation: own.generation + 50 * step + 10, refutation: 0)
      stage.receive(Forge(5).alive(stage.host, early, metadata: 2), from: 1)
      #expect(stage.membership.incarnation < early, "within the same second")
      stage.now += 1_000_000_000
    }
    #expect(stage.membership.isRunning && !stage.events.contains(.identityConflict))
  }

  /// Two lives of one second differ in what they say of themselves; the greater address is the younger.
  @Test func twinsOfOneSecondAreToldApartByTheirAddresses() {
    for (address, isYounger) in [(0x0a00_0001, true), (0x0a00_0fff, false)] as [(UInt32, Bool)] {
      let stage = Stage(peers: 3)
      for _ in 0..<2 {
        let own = stage.membership.incarnation
        let twin = Forge(5).alive(stage.host, own, at: Endpoint(ipv4: address, port: 7000))
        stage.receive(twin, from: 1)
        stage.now += 2_000_000_000
      }
      #expect(stage.membership.isRunning != isYounger)
      #expect(stage.events.contains(.identityConflict) == isYounger)
    }
  }

  @Test func aGoodbyeOfOursIsPassedByAndProvesNothing() {
    let stage = Stage(peers: 3)
    for _ in 0..<3 {
      let foreign = Incarnation(generation: stage.membership.incarnation.generation + 5, refutation: 0)
      stage.receive(Forge(5).left(stage.host, foreign), from: 1)
      #expect(stage.membership.incarnation.generation == foreign.generation + 1)
      stage.now += 2_000_000_000
    }
    #expect(stage.membership.isRunning)
  }

  /// Rumours leave out their own subject, so with one witness nobody else would ever tell it.
  @Test func whoSpeaksInASmallerLifeThanItIsKnownByHearsOfIt() {
    let stage = Stage(peers: 2)
    stage.receive(Forge(5).alive(peer(1), refuted), from: 0)
    stage.sent = []
    stage.receive(Forge.ping(sequence: 1, incarnation: life), from: 1)
    let told = stage.sent.filter { $0.to == peer(1) && $0.bytes[0] == 5 }
    #expect(told.count == 1)
    #expect(told.first?.bytes.dropFirst() == Forge(5).alive(peer(1), refuted).bytes.dropFirst())
    stage.receive(Forge.ping(sequence: 2, incarnation: life), from: 1)
    stage.receive(Forge.ping(sequence: 3, incarnation: refuted), from: 1)
    #expect(stage.sent.count { $0.to == peer(1) && $0.bytes[0] == 5 } == 1, "once a second, and not when it knows")
    stage.now += 1_000_000_000
    stage.receive(Forge.ping(sequence: 4, incarnation: life), from: 1)
    #expect(stage.sent.count { $0.to == peer(1) && $0.bytes[0] == 5 } == 2)
  }

  @Test func whoDiffersFromItsRecordInTheSameLifeHearsOfIt() {
    let stage = Stage(peers: 2)
    let elsewhere = Endpoint(ipv4: 0x0a00_0002, port: 7000)
    stage.receive(Forge(5).alive(peer(1), life, at: elsewhere), from: 0)
    #expect(stage.takeSent() == [], "others repeat what they have heard")
    stage.receive(Forge(5).alive(peer(1), life), from: 1)
    #expect(stage.takeSent() == [], "the record that is held")
    stage.receive(Forge(5).alive(peer(1), life, at: elsewhere), from: 1)
    #expect(stage.takeSent(to: peer(1)) == [5])
  }

  // MARK: Strangers

  @Test func aRecordOfAStrangerWaitsForItsMetadata() {
    let stage = Stage(peers: 3)
    let stranger = HostID(rawValue: 500)
    stage.receive(Forge(5).alive(stranger, life), from: 1)
    #expect(stage.membership.status(of: stranger) == nil)
    #expect(stage.takeSent(to: peer(1)) == [10], "the forwarder is asked")
    stage.receive(Forge(11).metadata(stranger).alive(stranger, life), from: 1)
    #expect(stage.membership.status(of: stranger) == .alive)
    #expect(stage.membership.awaitedCount == 0)
  }

  @Test func metadataThatNobodyAskedForIsNotChecked() {
    let stage = Stage(peers: 3)
    stage.receive(Forge(5).metadata(HostID(rawValue: 500)), from: 1)
    #expect(stage.signer.metadataVersion(of: HostID(rawValue: 500)) == nil)
    #expect(stage.membership.counters.uninvited == 1)
  }

  @Test func strangersAreAskedWhoTheyAreAndNothingElse() {
    let stage = Stage(peers: 3)
    let stranger = HostID(rawValue: 500)
    stage.receive(Forge.ping(sequence: 1, incarnation: life).alive(stranger, life).bytes, from: stranger)
    #expect(stage.takeSent() == [10])
    stage.receive([13], from: stranger)
    stage.receive([8] + [UInt8](repeating: 0, count: 264), from: stranger)
    stage.receive([7, 4, 1, 2, 3, 4, 5, 6] + [UInt8](repeating: 0, count: 10), from: stranger)
    #expect(stage.takeSent().allSatisfy { $0 == 10 })
    #expect(stage.membership.counters.uninvited == 4)
  }

  @Test func aPingIsAnsweredWithEverythingThatWasAsked() {
    let stage = Stage(peers: 3)
    // It has a record that we lack: it is asked for it, and answered all the same.
    stage.receive(Forge.ping(sequence: 1, incarnation: refuted), from: 1)
    #expect(stage.takeSent(to: peer(1)) == [2, 10])
    stage.receive(Forge.ping(sequence: 2, incarnation: life), from: 1)
    #expect(stage.takeSent(to: peer(1)) == [2])
  }

  // MARK: One way

  @Test func twoObserversMakeAHostImpairedAndNoLiarAlone() {
    let stage = Stage(peers: 12) { $0 == 5 || $0 == 6 ? 9 : 0 }
    let number = Stage.wallSeconds + 1
    for subject in 0..<12 { stage.receive(Forge(5).oneWay(peer(subject), life, by: peer(5), number: number), from: 5) }
    #expect(stage.membership.impairedHosts.isEmpty, "one observer, however often")
    #expect(stage.membership.counters.oneWayMarksRefused > 0, "eight marks per observer")
    stage.receive(Forge(5).oneWay(peer(0), life, by: peer(6), number: number), from: 6)
    #expect(stage.membership.impairedHosts.isEmpty, "the same contributor")
    stage.receive(Forge(5).oneWay(peer(0), life, by: peer(7), number: number), from: 7)
    #expect(stage.membership.impairedHosts == [peer(0)])
    #expect(stage.events.contains(.impaired(peer(0), true)))
    stage.receive(Forge(5).oneWay(peer(1), life, by: peer(7), number: number - 4_000), from: 7)
    #expect(stage.membership.impairedHosts == [peer(0)], "an old mark is a replay")
    stage.receive(Forge(5).alive(peer(0), refuted), from: 0)
    #expect(stage.membership.impairedHosts.isEmpty, "a mark is of one incarnation")
  }
}
