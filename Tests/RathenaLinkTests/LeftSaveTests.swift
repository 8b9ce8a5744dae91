import RathenaLink
import Testing
import Wire

/// Outboxes and a multiplexer together: what becomes of the saves of an owner that dies.
@Suite("Multiplexer: saves that were left")
struct LeftSaveTests {
  private let one = StreamID(1)
  private let player = Made.player(1)
  private let old = Rig.reign(1)
  private let next = Made.reign(1, host: 9, epoch: 2)
  private let later = Made.reign(1, host: 8, epoch: 3)
  private let registry = [UInt8](hex: "0430 1400 81841e00 f1490200 0000 00000000 0000")

  /// The owner dies; its successor has its log.
  private func succeed(_ rig: inout Rig, _ outbox: OutboxRig, as reign: Reign) -> OutboxRig {
    var successor = OutboxRig()
    successor.adopt(reign.shard, from: outbox)
    successor.handle(.owner(reign))
    rig.handle(.owner(reign.shard, reign))
    return successor
  }

  /// What the outbox sends comes to the bridge, and what the bridge tells comes back.
  private func carry(_ outbox: inout OutboxRig, _ rig: inout Rig, stream: StreamID = StreamID(0)) {
    for sent in outbox.takeToBridge() {
      switch sent {
      case .left(let reign, let sequence, let bytes):
        bytes.withUnsafeBytes { rig.handle(.leftSave($0, reign, sequence: sequence)) }
      case .caughtUp(let reign): rig.handle(.caughtUp(reign))
      case .kept(let reign, let sequence, let bytes):
        bytes.withUnsafeBytes { rig.handle(.frame($0, stream, reign.epoch, sequence: sequence)) }
      case .resent: break
      }
    }
    for taken in rig.taken { outbox.handle(.taken(taken.reign, sequence: taken.sequence)) }
    rig.taken = []
  }

  private func stage() -> (Rig, OutboxRig) {
    var rig = Rig.stage(serving: 2)
    rig.enter(player, at: 1)
    rig.ownersCatchUp = false
    rig.forget()
    var outbox = OutboxRig()
    outbox.handle(.owner(old))
    outbox.handle(.bridgeOpened)
    _ = outbox.takeToBridge()
    return (rig, outbox)
  }

  /// As the owner's host: to the bridge, unless it gets lost, and to the log.
  private func save(
    _ bytes: [UInt8], _ sequence: UInt64, _ rig: inout Rig, _ outbox: inout OutboxRig, arrives: Bool
  ) {
    outbox.frame(bytes, old, sequence, isSent: true)
    if arrives { bytes.withUnsafeBytes { rig.handle(.frame($0, one, old.epoch, sequence: sequence)) } }
  }

  @Test("those that the bridge never got reach the char-server, once and in order; those it had got are not repeated")
  func onceInOrder() {
    var (rig, outbox) = stage()
    let frames = [
      Made.save(player, value: 1), registry, Made.save(player, value: 2), registry,
      Made.save(player, final: true, value: 3),
    ]
    // The first two arrive, and the word of it is lost with the host.
    for (place, frame) in frames.enumerated() {
      save(frame, UInt64(10 + place), &rig, &outbox, arrives: place < 2)
    }
    #expect(rig.takeUpstream() == Array(frames[..<2]))
    rig.taken = []
    var successor = succeed(&rig, outbox, as: next)
    #expect(rig.takeUpstream() == [Made.offline(player)])
    successor.handle(.bridgeOpened)
    let sent = successor.toBridge
    #expect(sent.count == 6 && sent.last == .caughtUp(next))
    carry(&successor, &rig)
    // He is nowhere: an autosave of somebody offline is surely written only as a final one.
    #expect(rig.takeUpstream() == [Made.save(player, final: true, value: 2), registry, frames[4]])
    #expect(successor.log.isEmpty && successor.outbox.count == 0)
    #expect(rig.multiplexer.counters.leftSavesPassed == 3 && rig.multiplexer.counters.repeated == 2)
    // Once more, by a bridge link that broke before the answer.
    successor.toBridge = sent
    carry(&successor, &rig)
    #expect(rig.upstream.isEmpty)
    // The answers are nobody's.
    rig.forget()
    rig.down(Made.saveAnswer(player) + Made.saveAnswer(player))
    #expect(rig.downstream.isEmpty && rig.multiplexer.counters.withoutReceiver == 0)
  }

  @Test("the successor's map-server is let in when all that was left has been handed in, not before")
  func gate() {
    var (rig, outbox) = stage()
    save(Made.save(player, value: 1), 10, &rig, &outbox, arrives: false)
    let standby = StreamID(9)
    rig.handle(.streamOpened(standby, next, process: ProcessNumber(1), door: Made.door(9)))
    rig.up(standby, next, Made.login(LinkAddress(ipv4: 0x7f00_0001, port: 17_009)))
    rig.up(standby, next, Made.mapList(Rig.shardMaps(1)))
    var successor = succeed(&rig, outbox, as: next)
    rig.forget()
    rig.handle(.active(true))
    rig.handle(.caughtUp(old))
    #expect(rig.downstream[standby] == nil)
    successor.handle(.bridgeOpened)
    carry(&successor, &rig)
    #expect(rig.upstream == [Made.save(player, final: true, value: 1)])
    #expect(rig.events.last == .serving(standby, next))
  }

  @Test("of a player whom a door holds they pass as they are")
  func held() {
    var (rig, outbox) = stage()
    rig.handle(.door(account: player.account, holds: true))
    save(Made.save(player, value: 1), 10, &rig, &outbox, arrives: false)
    var successor = succeed(&rig, outbox, as: next)
    successor.handle(.bridgeOpened)
    carry(&successor, &rig)
    #expect(rig.upstream == [Made.save(player, value: 1)])
    #expect(rig.row(player)?.reign == old)
  }

  @Test("a newer save of somebody who has had the character since is never overtaken, be he there still or gone")
  func neverOvertaken() {
    for isGone in [false, true] {
      var (rig, outbox) = stage()
      save(Made.save(player, value: 1), 10, &rig, &outbox, arrives: false)
      save(Made.save(Made.player(2), value: 1), 11, &rig, &outbox, arrives: false)
      // He has found his way to 2 in the meantime.
      rig.handle(.owner(old.shard, next))
      rig.enter(player, at: 2)
      if isGone {
        rig.up(StreamID(2), Rig.reign(2), Made.save(player, final: true, value: 50))
        rig.down(Made.saveAnswer(player))
        #expect(rig.row(player) == nil)
      }
      rig.forget()
      var successor = OutboxRig()
      successor.adopt(old.shard, from: outbox)
      successor.handle(.owner(next))
      successor.handle(.bridgeOpened)
      carry(&successor, &rig)
      #expect(rig.upstream == [Made.save(Made.player(2), final: true, value: 1)])
      #expect(rig.journal.map(\.bytes) == [Made.save(player, value: 1)])
      #expect(rig.events.contains(.leftSaveRefused(old, .notHere, sequence: 10)))
      #expect(rig.multiplexer.counters.leftSavesRefused == 1)
      #expect(successor.log.isEmpty)
      #expect(isGone || rig.row(player)?.state == .playing)
    }
  }

  @Test("the successor's own newer saves stand, also when a third owner hands in those of both")
  func threeOwners() {
    var (rig, outbox) = stage()
    save(Made.save(player, value: 1), 10, &rig, &outbox, arrives: false)
    var second = succeed(&rig, outbox, as: next)
    // The second takes him in and saves; neither its save nor what was left reaches the bridge.
    rig.handle(.caughtUp(next))
    rig.handle(.streamOpened(StreamID(9), next, process: ProcessNumber(1), door: Made.door(9)))
    rig.up(StreamID(9), next, Made.login(LinkAddress(ipv4: 0x7f00_0001, port: 17_009)))
    rig.up(StreamID(9), next, Made.mapList(Rig.shardMaps(1)))
    rig.enter(player, at: 1, stream: StreamID(9), reign: next)
    second.frame(Made.save(player, value: 60), next, 5)
    second.frame(Made.save(player, final: true, value: 61), next, 6)
    var third = succeed(&rig, second, as: later)
    rig.forget()
    third.handle(.bridgeOpened)
    #expect(third.toBridge.count == 4)
    carry(&third, &rig)
    #expect(
      rig.upstream == [Made.save(player, final: true, value: 60), Made.save(player, final: true, value: 61)])
    #expect(rig.multiplexer.counters.leftSavesRefused == 1)
    #expect(third.log.isEmpty)
  }

  @Test("one who is on his way in with the data from before keeps those")
  func entering() {
    var (rig, outbox) = stage()
    save(Made.save(player, value: 1), 10, &rig, &outbox, arrives: false)
    var successor = succeed(&rig, outbox, as: next)
    rig.up(StreamID(2), Rig.reign(2), Made.authRequest(player))
    rig.forget()
    successor.handle(.bridgeOpened)
    carry(&successor, &rig)
    #expect(rig.upstream.isEmpty && rig.journal.map(\.refusal) == [.notHere])
  }

  @Test("while the char-server is away they wait, and are taken when it has them")
  func charServerAway() {
    var (rig, outbox) = stage()
    save(Made.save(player, value: 1), 10, &rig, &outbox, arrives: false)
    save(registry, 11, &rig, &outbox, arrives: false)
    rig.handle(.upstreamClosed)
    var successor = succeed(&rig, outbox, as: next)
    successor.handle(.bridgeOpened)
    carry(&successor, &rig)
    #expect(rig.upstream.isEmpty && successor.log.count == 2)
    rig.forget()
    rig.connect()
    #expect(rig.upstream.suffix(2) == [Made.save(player, final: true, value: 1), registry])
    carry(&successor, &rig)
    #expect(successor.log.isEmpty)
  }

  @Test(
    "a bridge that does not serve, or has not heard of the reign, takes nothing; noise and other frames are refused")
  func early() {
    var (rig, _) = stage()
    func hand(_ bytes: [UInt8], _ reign: Reign, _ sequence: UInt64) {
      bytes.withUnsafeBytes { rig.handle(.leftSave($0, reign, sequence: sequence)) }
    }
    hand(Made.save(player), next, 1)
    #expect(rig.taken.isEmpty && rig.multiplexer.counters.leftSavesEarly == 1)
    rig.handle(.owner(old.shard, next))
    rig.forget()
    hand(Made.offline(player), old, 100)
    hand([UInt8](hex: "992b"), old, 101)
    #expect(rig.upstream.isEmpty && rig.multiplexer.counters.malformed == 2)
    #expect(rig.taken.map(\.sequence) == [100, 101])
    rig.handle(.active(false))
    hand(Made.save(player), old, 102)
    #expect(rig.taken.count == 2 && rig.multiplexer.counters.leftSavesEarly == 2)
  }

  @Test("a bridge that was told how far the one before it got repeats nothing of that")
  func handledBefore() {
    var (rig, outbox) = stage()
    for value: UInt32 in 1...3 {
      save(Made.save(player, value: value), UInt64(9 + value), &rig, &outbox, arrives: false)
    }
    rig.handle(.active(false))
    rig.handle(.handled(old, sequence: 11))
    rig.handle(.active(true))
    var successor = succeed(&rig, outbox, as: next)
    rig.forget()
    successor.handle(.bridgeOpened)
    carry(&successor, &rig)
    #expect(rig.upstream == [Made.save(player, final: true, value: 3)])
  }

  @Test("what waited at a bridge that serves no more is not taken: the next time it comes it passes")
  func droppedByABridge() {
    var (rig, outbox) = stage()
    rig.handle(.upstreamClosed)
    save(Made.save(player, value: 1), 10, &rig, &outbox, arrives: true)
    #expect(rig.taken.isEmpty)
    rig.handle(.active(false))
    // Nor does a bridge that does not serve take anything.
    save(Made.save(player, value: 2), 11, &rig, &outbox, arrives: true)
    #expect(rig.taken.isEmpty)
    rig.handle(.active(true))
    var successor = succeed(&rig, outbox, as: next)
    rig.forget()
    rig.connect()
    rig.upstream = []
    successor.handle(.bridgeOpened)
    carry(&successor, &rig)
    #expect(
      rig.upstream == [Made.save(player, final: true, value: 1), Made.save(player, final: true, value: 2)])
  }

  @Test("a reign of long ago is forgotten: its saves are refused and its host lets go of them")
  func longAgo() {
    var (rig, _) = stage()
    for epoch: UInt64 in 2...40 { rig.handle(.owner(old.shard, Made.reign(1, host: epoch, epoch: epoch))) }
    rig.forget()
    Made.save(player).withUnsafeBytes { rig.handle(.leftSave($0, old, sequence: 10)) }
    #expect(rig.upstream.isEmpty && rig.journal.map(\.refusal) == [.staleReign])
    #expect(rig.taken.map(\.reign) == [old] && rig.taken.map(\.sequence) == [10])
    Made.save(player).withUnsafeBytes { rig.handle(.leftSave($0, Made.reign(1, host: 39, epoch: 39), sequence: 1)) }
    #expect(rig.commandsUp == [Command.saveCharacter])
  }

  @Test(
    "saves of several reigns of one host pass in order; those of the reign before do not overtake what passed since")
  func hostThatReignsAnew() {
    let again = Rig.reign(1, epoch: 2)
    for hasSaved in [false, true] {
      var (rig, outbox) = stage()
      save(Made.save(player, value: 1), 10, &rig, &outbox, arrives: false)
      outbox.handle(.owner(again))
      rig.handle(.owner(again.shard, again))
      if hasSaved { rig.up(one, again, Made.save(player, value: 3)) }
      rig.forget()
      carry(&outbox, &rig)
      #expect(rig.upstream == (hasSaved ? [] : [Made.save(player, value: 1)]))
      #expect(rig.multiplexer.counters.leftSavesRefused == (hasSaved ? 1 : 0))
      #expect(outbox.log.isEmpty)
      // Now the host dies, and what it had of the second reign is handed in.
      outbox.frame(Made.save(player, final: true, value: 4), again, 100)
      var successor = succeed(&rig, outbox, as: later)
      rig.forget()
      successor.handle(.bridgeOpened)
      carry(&successor, &rig)
      #expect(rig.upstream == [Made.save(player, final: true, value: 4)])
    }
  }

  @Test("answers that come when the host reigns anew reach it, and move its players")
  func nextReignOfTheHost() {
    var (rig, _) = stage()
    let again = Rig.reign(1, epoch: 2)
    rig.up(one, old, Made.save(player, final: true))
    rig.up(one, old, Made.authRequest(Made.player(2)))
    rig.handle(.owner(again.shard, again))
    rig.forget()
    rig.down(Made.saveAnswer(player) + Made.authAccepted(Made.player(2)))
    #expect(rig.commandsDown(one) == [Command.saveAnswer, Command.authAccepted])
    #expect(rig.row(player) == nil)
    #expect(rig.row(Made.player(2)) == PresenceRow(player: Made.player(2), reign: again))
    #expect(rig.upstream.isEmpty)
  }
}
