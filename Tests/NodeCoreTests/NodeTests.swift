import Gossip
import NodeCore
import SecureChannel
import Testing
import Wire

/// Which core hears what, and what is left of a turn.
@Suite struct NodeTests {
  @Test func timersGoToTheRoomThatSetThem() throws {
    let stage = try Stage(TestNetwork(), number: 7_001)
    stage.script.deadlines = [Deadline(at: 5_000_000_000, timer: Timer(kind: 9, subject: 4, token: 3))]
    stage.command(.start(peers: []))
    stage.answerPersists()
    var rooms: [UInt8: Int] = [:]
    while let (_, timer) = stage.deadlines.popFirst() {
      rooms[timer.room, default: 0] += 1
      if timer.room == 1 { #expect(timer == Timer(room: 1, kind: 9, subject: 4, token: 3)) }
    }
    // Nothing was told to the channel yet, so its deadline has not come out.
    #expect(rooms[0] ?? 0 > 0 && rooms[1] == nil)
    stage.handle(.stall(300_000_000))
    #expect(stage.deadlines.popFirst()?.element == Timer(room: 1, kind: 9, subject: 4, token: 3))

    stage.script.inputs = []
    stage.handle(.deadline(Timer(room: 1, kind: 9)))
    #expect(stage.script.inputs == ["deadline 9"])
    let late = stage.node.membership.counters.timersLate
    stage.handle(.deadline(Timer(room: 0, kind: 1, token: 77)))
    #expect(stage.node.membership.counters.timersLate == late + 1)
    stage.handle(.deadline(Timer(room: 200, kind: 9)))
    #expect(stage.script.inputs == ["deadline 9"], "a room that this version does not have")
  }

  @Test func connectionsConcernTheChannelAlone() throws {
    let stage = try Stage(TestNetwork(), number: 7_001)
    let connection = ConnectionID(rawValue: 5)
    stage.handle(.accepted(connection, from: stage.endpoint))
    stage.handle(.connected(connection))
    [UInt8](repeating: 1, count: 3).withUnsafeBytes { stage.handle(.received(connection, $0)) }
    stage.handle(.drained(connection))
    stage.handle(.closed(connection))
    stage.handle(.stall(1_000_000_000))
    #expect(
      stage.script.inputs
        == ["accepted 5", "connected 5", "received 5 3", "drained 5", "closed 5", "stall 1000000000"])
  }

  /// Deliveries point into the datagram, so none may outlive the call.
  @Test func nothingOfACallIsLeftForTheNext() throws {
    let (own, peer) = try Stage.acquainted(TestNetwork())
    for _ in 0..<3 {
      let before = own.node.membership.counters.messagesReceived
      var bytes = ScriptedChannel.datagram(.gossip, from: peer.host, [5])
      bytes.withUnsafeMutableBytes {
        own.node.handle(.datagram($0, from: peer.endpoint), now: own.now, into: &own.effects)
      }
      #expect(own.node.membership.counters.messagesReceived == before + 1)
    }
    // Three calls into one set of effects, as in a turn of the loop.
    own.effects.removeAll()
  }
}
