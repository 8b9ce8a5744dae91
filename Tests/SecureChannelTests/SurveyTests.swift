import SecureChannel
import Testing
import Wire

@Suite struct SurveyTests {
  private typealias Survey = (host: HostID, wall: UInt64, roundTrip: UInt64)

  private func surveys(_ node: LabNode) -> [Survey] {
    node.events.compactMap {
      if case .surveyed(let host, let wall, let roundTrip) = $0.event { (host, wall, roundTrip) } else { nil }
    }
  }

  private func joined(seed: UInt64) throws -> (Lab, LabNode, LabNode) {
    let lab = try Lab.mesh(2, seed: seed)
    lab.send("up", from: lab.nodes[0], to: lab.nodes[1])
    lab.run(seconds: 1)
    return (lab, lab.nodes[0], lab.nodes[1])
  }

  @Test func questionAndAnswerHaveFullSizeAndTellTheTime() throws {
    let (lab, one, two) = try joined(seed: 1)
    two.wallOffset = 90_000_000_000
    var sizes: [Int] = []
    lab.tap = { datagram in
      sizes.append(datagram.bytes.count)
      return [datagram]
    }
    let before = lab.now.wall
    lab.command(.survey(two.host), one)
    lab.run(milliseconds: 50)
    #expect(sizes == [1_232, 1_232])
    let answer = try #require(surveys(one).first)
    #expect(surveys(one).count == 1 && surveys(two).isEmpty)
    #expect(answer.host == two.host && answer.roundTrip == 2 * lab.latency)
    #expect(answer.wall == before + lab.latency + 90_000_000_000)
  }

  @Test func whatIsTooLongForThePathIsNotAnswered() throws {
    let (lab, one, two) = try joined(seed: 2)
    lab.tap = { $0.bytes.count > 1_200 ? [] : [$0] }
    lab.command(.survey(two.host), one)
    lab.send("small", from: one, to: two)
    lab.run(seconds: 1)
    #expect(surveys(one).isEmpty)
    #expect(two.gossip.last == [UInt8]("small".utf8))
    lab.tap = nil
    lab.command(.survey(two.host), one)
    lab.run(milliseconds: 50)
    #expect(surveys(one).count == 1)
  }

  @Test func onlyTheLastQuestionIsAnsweredAndOnlyOnce() throws {
    let (lab, one, two) = try joined(seed: 3)
    var held: [Lab.Datagram] = []
    lab.tap = { datagram in
      guard datagram.from == two.endpoint, datagram.bytes.count == 1_232 else { return [datagram] }
      held.append(datagram)
      return []
    }
    lab.command(.survey(two.host), one)
    lab.run(milliseconds: 200)
    lab.command(.survey(two.host), one)
    lab.run(milliseconds: 200)
    lab.tap = nil
    try #require(held.count == 2)
    lab.inject(held[0].bytes, from: held[0].from, into: one)
    #expect(surveys(one).isEmpty && one.counted(.droppedSurveyAnswer) == 1)
    lab.inject(held[1].bytes, from: held[1].from, into: one)
    #expect(surveys(one).count == 1)
  }

  @Test func thereIsNoSurveyWithoutASessionAndNoStormOfThem() throws {
    let lab = try Lab.mesh(2, seed: 4)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.command(.survey(two.host), one)
    lab.run(seconds: 1)
    #expect(one.bytesSent == 0 && one.counted(.surveysRefused) == 1)
    lab.send("up", from: one, to: two)
    lab.run(seconds: 1)
    for _ in 0..<50 { lab.command(.survey(two.host), one) }
    #expect(one.counted(.surveysSent) == 1)
  }

  /// Sizes and zeros are part of the form: what is not exactly so counts against its sender.
  @Test(arguments: [[UInt8]](arrayLiteral: [1], [3], [2, 0], [UInt8](repeating: 0, count: 1_188)))
  func malformedOnesAreTheSendersFault(body: [UInt8]) throws {
    let (lab, one, two) = try joined(seed: 5)
    lab.send(body, from: one, to: two.host, kind: .survey)
    lab.run(milliseconds: 50)
    #expect(two.violations == 1)
    var spoilt = [UInt8](repeating: 0, count: 1_188)
    spoilt[0] = 1
    lab.send(spoilt, from: one, to: two.host, kind: .survey)
    lab.run(milliseconds: 50)
    #expect(two.violations == 1, "a well-formed question")
    spoilt[1_187] = 1
    lab.send(spoilt, from: one, to: two.host, kind: .survey)
    lab.run(milliseconds: 50)
    #expect(two.violations == 2)
  }
}
