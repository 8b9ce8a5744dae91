import SecureChannel
import Testing
import Wire

/// Members that do not keep to the rules.
@Suite struct ConductTests {
  private func violations(_ node: LabNode) -> [Int] {
    node.events.compactMap { if case .violation(_, _, let score) = $0.event { score } else { nil } }
  }

  @Test(arguments: [FrameKind.path, .streamControl, .time]) func theThirdMalformedFrameInAMinuteEndsIt(kind: FrameKind)
    throws
  {
    let lab = try Lab.pair(seed: 1)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    for round in 1...3 {
      lab.send([9, 9, 9], from: two, to: one.host, kind: kind)
      lab.run(seconds: 15)
      #expect(violations(one).count == round)
      #expect(one.channel.hasSession(with: two.host) == (round < 3))
    }
    #expect(one.counted(.malformedFrames) == 3)
    #expect(one.sessionDowns == [.banned])
    let until = one.events.compactMap { if case .banned(two.host, let until) = $0.event { until } else { nil } }
    #expect(until.count == 1)
    #expect(until.allSatisfy { (595...600).contains(($0 - lab.time + 15_000_000_000) / 1_000_000_000) })
    let sent = one.bytesSent
    lab.send("again", from: two, to: one)
    lab.run(seconds: 5)
    #expect(one.bytesSent == sent && one.counted(.droppedBanned) > 0)
  }

  @Test func twoInAMinuteAreForgiven() throws {
    let lab = try Lab.pair(seed: 2)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    for _ in 0..<6 {
      lab.send([9, 9, 9], from: two, to: one.host, kind: .path)
      lab.run(seconds: 400)
      lab.send("fine", from: two, to: one)
      lab.run(seconds: 1)
    }
    #expect(one.sessionDowns.isEmpty)
    #expect(one.counted(.bans) == 0)
  }

  @Test func announcementsAreLimited() throws {
    let lab = try Lab.pair(seed: 3)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    // Well-formed announcements of transfers that never come.
    for step in 0..<1000 {
      let body = written { writer in
        writer.u8(1)
        writer.u8(TransferPurpose.objectBatch.rawValue)
        writer.u16(0)
        writer.u64(UInt64(step))
        writer.u64(7)
        writer.u64(1000)
        writer.zeros(32)
      }
      lab.send(body, from: two, to: one.host, kind: .streamControl)
      lab.run(milliseconds: 10)
    }
    #expect(one.counted(.droppedPeerRate) >= 970)
    #expect(violations(one).count >= 9)
    #expect(one.counted(.streamsRefused) >= 10, "two at once")
    lab.run(seconds: 11)
    #expect(one.counted(.streamTimeouts) >= 2)
    lab.transfer([1, 2, 3], from: two, to: one)
    lab.run(seconds: 3)
    #expect(one.transfersReceived == [[1, 2, 3]])
  }

  @Test func aStreamIdIsTakenOnce() throws {
    let lab = try Lab.pair(seed: 4)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    var accepted = 0
    lab.tap = { datagram in
      if datagram.from == one.endpoint, datagram.bytes.count == 64 { accepted += 1 }
      return [datagram]
    }
    func announce() {
      let body = written { writer in
        writer.u8(1)
        writer.u8(TransferPurpose.objectBatch.rawValue)
        writer.u16(0)
        writer.u64(5)
        writer.u64(7)
        writer.u64(10)
        writer.zeros(32)
      }
      lab.send(body, from: two, to: one.host, kind: .streamControl)
      lab.run(milliseconds: 600)
    }
    announce()
    announce()
    #expect(accepted == 2, "an answer may be lost: while it is expected it is answered again")
    lab.run(seconds: 12)
    #expect(one.counted(.streamTimeouts) == 1)
    announce()
    #expect(accepted == 2)
  }

  @Test func deprioritisedHostsGetNoTransfers() throws {
    let lab = try Lab.pair(seed: 5)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.command(.report(two.host, .wrongRole), one)
    lab.transfer([1], from: one, to: two)
    lab.transfer([2], from: two, to: one, id: 2)
    lab.run(seconds: 3)
    #expect(one.transferFailures == [.refused] && two.transferFailures == [.refused])
    lab.run(seconds: 700)
    lab.transfer([1], from: one, to: two)
    lab.run(seconds: 3)
    #expect(two.transfersReceived == [[1]])
  }

  @Test func scoresOutliveTheSession() throws {
    let lab = try Lab.pair(seed: 6)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.command(.report(two.host, .badStream), one)
    lab.restart(two)
    lab.send("new life", from: two, to: one)
    lab.run(seconds: 1)
    #expect(one.channel.score(of: two.host, now: lab.now) >= 24)
  }
}

/// Everything at once, from a seed.
@Suite struct SoakTests {
  @Test(arguments: 0..<24 as Range<UInt64>) func nothingIsDoubledAndAllFindEachOtherAgain(seed: UInt64) throws {
    let lab = try Lab.mesh(4, seed: 3000 + seed) { $0.rekeyBytes = 30_000 }
    var chance = Chance(seed: seed)
    lab.latency = 2_000_000
    lab.jitter = 40_000_000
    lab.loss = Double(seed % 4) * 0.1
    lab.doubling = 0.1
    var number: UInt32 = 0
    var transfers: [Int: [UInt64]] = [:]
    var nextAddress: UInt32 = 0x7f00_0200
    for _ in 0..<1500 {
      let node = lab.nodes[chance.below(4)]
      let other = lab.nodes[(node.index + 1 + chance.below(3)) % 4]
      switch chance.below(200) {
      case 0:
        lab.restart(node)
        transfers[node.index] = nil
        node.events.removeAll()
      case 1:
        node.endpoint = Endpoint(ipv4: nextAddress, port: 7000)
        nextAddress += 1
        for one in lab.nodes where one !== node && chance.happens(0.5) {
          lab.command(.locate(node.host, at: node.endpoint), one)
        }
      case 2:
        number += 1
        transfers[node.index, default: []].append(UInt64(number))
        lab.transfer(lab.noise(chance.below(60_000)), from: node, to: other, id: UInt64(number))
      case 3: lab.command(.wantLink(other.host, chance.happens(0.7)), node)
      case 4...8:
        let room = node.channel.linkRoom(.register, to: other.host)
        if room > 10_000 { lab.command(.linkFrame(.register, lab.noise(1 + chance.below(9000)), to: other.host), node) }
        lab.command(.linkCredit(.register, 5000, other.host), node)
      case 9: lab.command(.drop(other.host), node)
      default:
        number += 1
        let body = withUnsafeBytes(of: number) { [UInt8]($0) } + lab.noise(chance.below(1000))
        lab.send(body, from: node, to: other.host)
      }
      lab.run(milliseconds: UInt64(chance.below(200)))
    }
    lab.loss = 0
    lab.jitter = 0
    for node in lab.nodes {
      for other in lab.nodes where other !== node { lab.command(.locate(node.host, at: node.endpoint), other) }
    }
    lab.run(seconds: 12)
    // Whoever lost a session while nobody spoke is found again by speaking.
    for _ in 0..<10 {
      for node in lab.nodes { for other in lab.nodes where other !== node { lab.send("probe", from: node, to: other) } }
      lab.run(seconds: 1)
    }
    let comment: Comment = "seed \(seed)"
    for node in lab.nodes {
      let last = node.deliveries.filter { $0.at > lab.time - 2_000_000_000 }
      #expect(Set(last.map(\.from)).count == 3, comment)
      let numbered = node.gossip.filter { $0.count != 5 }.map { word($0, 0) }
      #expect(Set(numbered).count == numbered.count, "nothing is delivered twice; \(comment)")
      #expect(node.violations == 0 && node.counted(.identityConflicts) == 0, comment)
      let ended = node.events.compactMap { event -> UInt64? in
        switch event.event {
        case .transferSent(let id), .transferFailed(let id, _): id
        default: nil
        }
      }
      #expect(ended.sorted() == (transfers[node.index] ?? []).sorted(), "each transfer ends once; \(comment)")
    }
  }
}
