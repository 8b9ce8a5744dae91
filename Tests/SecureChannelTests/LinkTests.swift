import SecureChannel
import Testing
import Wire

@Suite struct LinkTests {
  private func linked(_ seed: UInt64, _ change: (inout ChannelSettings) -> Void = { _ in }) throws -> Lab {
    let lab = try Lab.mesh(2, seed: seed, change)
    lab.command(.wantLink(lab.nodes[1].host, true), lab.nodes[0])
    lab.run(seconds: 1)
    return lab
  }

  @Test func aWantedLinkComesUpAndCarriesFrames() throws {
    let lab = try linked(1)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    #expect(one.linkUps == 1 && two.linkUps == 1)
    for (index, channel) in LinkChannel.allCases.dropFirst().enumerated() {
      let body = lab.noise(1 + index * 40_000)
      lab.command(.linkFrame(channel, body, to: two.host), one)
      lab.command(.linkFrame(channel, lab.prose(5000), to: one.host), two)
      lab.run(seconds: 1)
      #expect(two.linkFrames.last?.channel == channel && two.linkFrames.last?.body == body)
      #expect(one.linkFrames.last?.channel == channel && one.linkFrames.last?.body == lab.prose(5000))
    }
    let whole = lab.noise(1 << 20)
    lab.command(.linkFrame(.catchUp, whole, to: one.host), two)
    lab.command(.linkCredit(.catchUp, 5000, two.host), one)
    lab.run(seconds: 2)
    #expect(one.linkFrames.last?.body != whole, "the credit of 1 MiB is not whole: 5,000 are out")
    lab.run(seconds: 2)
    lab.command(.linkFrame(.catchUp, whole, to: one.host), two)
    lab.run(seconds: 2)
    #expect(one.linkFrames.last?.body == whole)
    #expect(lab.nodes.allSatisfy { $0.violations == 0 && $0.linkDowns == 0 })
  }

  @Test func creditStopsTheSource() throws {
    let lab = try linked(2)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    let body = lab.noise(100_000)
    var accepted = 0
    while one.channel.linkRoom(.replication, to: two.host) >= body.count {
      lab.command(.linkFrame(.replication, body, to: two.host), one)
      accepted += 1
    }
    #expect(accepted == 10)
    lab.command(.linkFrame(.replication, body, to: two.host), one)
    #expect(one.counted(.linkFramesRefused) == 1)
    lab.run(seconds: 5)
    #expect(two.linkFrames.count == 10)
    // Other channels have credit of their own.
    lab.command(.linkFrame(.register, [1], to: two.host), one)
    lab.run(seconds: 1)
    #expect(two.linkFrames.count == 11)
    let ready = { one.count { if case .linkReady(two.host, .replication) = $0 { true } else { false } } }
    #expect(ready() == 0)
    lab.command(.linkCredit(.replication, 30_000, one.host), two)
    lab.run(seconds: 3)
    #expect(ready() == 0, "30,000 and what was left are not 100,000 yet")
    lab.command(.linkCredit(.replication, 100_000, one.host), two)
    lab.run(seconds: 3)
    #expect(ready() == 1)
    lab.command(.linkFrame(.replication, body, to: two.host), one)
    lab.run(seconds: 1)
    #expect(two.linkFrames.count == 12)
  }

  @Test func charLinkHasFourMebibytes() throws {
    let lab = try linked(3)
    #expect(lab.nodes[0].channel.linkRoom(.players, to: lab.nodes[1].host) == 1 << 20)
    var accepted = 0
    let body = lab.noise(1 << 20)
    while lab.nodes[0].channel.linkRoom(.charLink, to: lab.nodes[1].host) >= body.count {
      lab.command(.linkFrame(.charLink, body, to: lab.nodes[1].host), lab.nodes[0])
      accepted += 1
    }
    #expect(accepted == 4)
    lab.run(seconds: 5)
    #expect(lab.nodes[1].linkFrames.count == 4)
  }

  @Test func urgentFramesOvertakeBulk() throws {
    let lab = try linked(4)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.latency = 20_000_000
    lab.command(.linkFrame(.catchUp, lab.noise(1 << 20), to: two.host), one)
    lab.command(.linkFrame(.replication, lab.noise(300_000), to: two.host), one)
    lab.run(milliseconds: 1)
    lab.command(.linkFrame(.register, [9], to: two.host), one)
    lab.run(seconds: 5)
    #expect(two.linkFrames.map(\.channel) == [.register, .replication, .catchUp])
  }

  @Test(arguments: 0..<20 as Range<UInt64>) func bothSidesAtOnceEndWithOneLink(seed: UInt64) throws {
    let lab = try Lab.pair(seed: 200 + seed)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.jitter = 3_000_000
    lab.loss = seed >= 10 ? 0.2 : 0
    lab.command(.wantLink(two.host, true), one)
    lab.later(lab.chance.below(UInt64(6_000_000))) { lab.command(.wantLink(one.host, true), two) }
    lab.run(seconds: 12)
    lab.loss = 0
    for (from, to) in [(one, two), (two, one)] {
      lab.command(.linkFrame(.register, [1, 2, 3], to: to.host), from)
      lab.run(seconds: 1)
      #expect(to.linkFrames.last?.body == [1, 2, 3], "seed \(seed)")
    }
    let links = { (node: LabNode) in node.linkUps - node.linkDowns }
    #expect(links(one) == 1 && links(two) == 1, "seed \(seed)")
    if seed < 10 { #expect(one.linkUps == 1 && two.linkUps == 1) }
  }

  @Test func aBrokenLinkComesBackWhileItIsWanted() throws {
    let lab = try linked(5)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.restart(two)
    lab.run(seconds: 60)
    // One notices by its own traffic or by the other's HELLO; the link needs the session first.
    #expect(one.linkDowns == 1)
    #expect(one.linkUps == 2)
    #expect(two.linkUps == 2)
  }

  @Test func aLinkThatNobodyNeedsIsClosedAfterHalfAMinute() throws {
    let lab = try linked(6)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.run(seconds: 300)
    #expect(one.linkDowns == 0, "needed, although quiet")
    lab.command(.wantLink(one.host, true), two)
    lab.run(seconds: 60)
    lab.command(.wantLink(two.host, false), one)
    lab.run(seconds: 120)
    #expect(one.linkDowns == 0, "the other side needs it")
    lab.command(.wantLink(one.host, false), two)
    lab.run(seconds: 25)
    #expect(one.linkDowns == 0)
    lab.run(seconds: 15)
    #expect(one.linkDowns == 1 && two.linkDowns == 1)
    lab.run(seconds: 60)
    #expect(one.linkUps == 1)
  }

  @Test func keysChangeInBothDirectionsAtOnce() throws {
    let lab = try linked(7) {
      $0.rekeyBytes = 20_000
      $0.compresses = false
    }
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.latency = 5_000_000
    for index in 0..<60 {
      let body = [UInt8](repeating: UInt8(index), count: 50_000)
      lab.command(.linkFrame(.replication, body, to: two.host), one)
      lab.command(.linkFrame(.replication, body, to: one.host), two)
      lab.command(.linkCredit(.replication, 50_000, one.host), two)
      lab.command(.linkCredit(.replication, 50_000, two.host), one)
      lab.run(milliseconds: 60)
    }
    lab.run(seconds: 2)
    for node in lab.nodes {
      #expect(node.linkFrames.count == 60 && node.linkDowns == 0)
      #expect(node.linkFrames.map { $0.body.first } == (0..<60).map { UInt8($0) })
    }
  }

  @Test func secretFramesAreNeverCompressed() throws {
    let lab = try linked(8)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    var bytes = 0
    lab.streamTap = { node, part in
      if node == one.index { bytes += part.count }
      return part
    }
    lab.command(.linkFrame(.charLink, lab.prose(10_000), to: two.host), one)
    #expect(bytes > 0 && bytes < 1500)
    bytes = 0
    lab.command(.linkFrame(.charLink, lab.prose(10_000), to: two.host, secret: true), one)
    #expect(bytes >= 10_000)
    lab.run(seconds: 1)
    #expect(two.linkFrames.map(\.body) == [lab.prose(10_000), lab.prose(10_000)])
  }

  @Test func aFrameBeyondAllLimitsIsRefused() throws {
    let lab = try linked(9)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.command(.linkFrame(.charLink, [UInt8](repeating: 1, count: 1 << 20 + 1), to: two.host), one)
    lab.command(.linkFrame(.charLink, [], to: two.host), one)
    lab.command(.linkFrame(.keepalive, [1], to: two.host), one)
    lab.command(.linkFrame(.charLink, [1], to: HostID(rawValue: 5)), one)
    lab.run(seconds: 1)
    #expect(one.counted(.linkFramesRefused) == 4 && two.linkFrames.isEmpty)
  }

  @Test func aRevokedHostsLinkEndsAtOnce() throws {
    let lab = try linked(10)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.command(.drop(two.host), one)
    #expect(one.linkDowns == 1)
    lab.run(milliseconds: 50)
    #expect(two.linkDowns == 1)
  }

  @Test func aHostWithoutCertificateHasNoLink() throws {
    let lab = Lab(seed: 11)
    let (one, two) = (try lab.add(), try lab.add())
    lab.introduce(two, to: one, withCertificate: false)
    lab.send("join", from: one, to: two)
    lab.run(seconds: 1)
    lab.command(.wantLink(one.host, true), two)
    lab.run(seconds: 20)
    #expect(one.linkUps == 0 && two.linkUps == 0)
    #expect(one.counted(.streamsRefused) > 0)
    _ = one.roster.adopt(two.certificate)
    lab.run(seconds: 60)
    #expect(one.linkUps == 1 && two.linkUps == 1)
  }

  @Test func aDeadLinkIsNoticed() throws {
    let lab = try linked(12)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    // Bytes vanish, the connection stays.
    lab.streamTap = { _, _ in [] }
    lab.run(seconds: 45)
    #expect(one.linkDowns >= 1 && two.linkDowns >= 1)
  }
}
