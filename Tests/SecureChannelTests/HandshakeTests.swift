import SecureChannel
import Testing
import Wire

@Suite struct HandshakeTests {
  @Test func aFrameOpensASessionAndArrives() throws {
    let lab = try Lab.mesh(2, seed: 1)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.send("hello", from: one, to: two)
    lab.run(milliseconds: 100)
    #expect(two.gossip == [[UInt8]("hello".utf8)])
    #expect(one.sessionUps == 1 && two.sessionUps == 1)
    lab.send("and back", from: two, to: one)
    lab.run(milliseconds: 100)
    #expect(one.gossip == [[UInt8]("and back".utf8)])
    #expect(one.counted(.hellosSent) == 1 && two.counted(.hellosSent) == 0)
  }
}
