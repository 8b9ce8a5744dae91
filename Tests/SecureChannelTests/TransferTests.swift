import SecureChannel
import Testing
import Wire

@Suite struct TransferTests {
  @Test(arguments: [0, 1, 511, 512, 16_382, 16_383, 16_384, 100_000, 1 << 20]) func aContentArrivesWhole(size: Int)
    throws
  {
    let lab = try Lab.pair(seed: 1)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    let noise = lab.noise(size)
    lab.transfer(noise, from: one, to: two, id: 5)
    lab.run(seconds: 5)
    lab.transfer(lab.prose(size), from: two, to: one, id: 6)
    lab.run(seconds: 5)
    #expect(two.transfersReceived == [noise])
    #expect(one.transfersReceived == [lab.prose(size)])
    #expect(one.transfersSent == [5] && two.transfersSent == [6])
    #expect(lab.nodes.allSatisfy { $0.transferFailures.isEmpty && $0.violations == 0 })
  }

  @Test func compressionSavesWhatItCan() throws {
    for compresses in [true, false] {
      let lab = try Lab.pair(seed: 2) { $0.compresses = compresses }
      var bytes = 0
      lab.streamTap = { _, part in
        bytes += part.count
        return part
      }
      lab.transfer(lab.prose(500_000), from: lab.nodes[0], to: lab.nodes[1])
      lab.run(seconds: 5)
      #expect(lab.nodes[1].transfersReceived == [lab.prose(500_000)])
      #expect(compresses ? bytes < 50_000 : bytes > 500_000)
    }
  }

  @Test func aTransferWaitsForASession() throws {
    let lab = try Lab.mesh(2, seed: 3)
    lab.transfer([1, 2, 3], .certificate, from: lab.nodes[0], to: lab.nodes[1])
    lab.run(seconds: 2)
    #expect(lab.nodes[1].transfersReceived == [[1, 2, 3]])
    lab.stop(lab.nodes[1])
    let lonely = try Lab.mesh(2, seed: 4)
    lonely.stop(lonely.nodes[1])
    lonely.transfer([1], from: lonely.nodes[0], to: lonely.nodes[1])
    lonely.run(seconds: 12)
    #expect(lonely.nodes[0].transferFailures == [.noSession])
  }

  @Test func capsAndLimits() throws {
    let lab = try Lab.pair(seed: 5)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    for purpose in TransferPurpose.allCases {
      lab.command(
        .transfer(purpose, [UInt8](repeating: 1, count: purpose.sizeLimit + 1), to: two.host, id: 1), one)
    }
    #expect(one.transferFailures == TransferPurpose.allCases.map { _ in .tooLarge })
    one.events.removeAll()
    for id in 1...3 as ClosedRange<UInt64> { lab.transfer(lab.noise(100_000), from: one, to: two, id: id) }
    #expect(one.transferFailures == [.limit])
    lab.run(seconds: 5)
    #expect(one.transfersSent.sorted() == [1, 2])
    #expect(two.transfersReceived.count == 2)
  }

  @Test func atMostSixteenInAll() throws {
    let lab = try Lab.mesh(12, seed: 6)
    let one = lab.nodes[0]
    for other in lab.nodes.dropFirst() {
      lab.transfer([1], from: one, to: other, id: UInt64(other.index))
      lab.transfer([2], from: one, to: other, id: UInt64(other.index) + 100)
    }
    #expect(one.transferFailures.count == 6 && one.transferFailures.allSatisfy { $0 == .limit })
    lab.run(seconds: 10)
    #expect(one.transfersSent.count == 16)
  }

  @Test func aLostAnnouncementIsRepeated() throws {
    let lab = try Lab.pair(seed: 7)
    lab.loss = 0.6
    lab.transfer(lab.noise(1000), from: lab.nodes[0], to: lab.nodes[1])
    lab.run(seconds: 11)
    #expect(lab.nodes[1].transfersReceived.count == 1)
    #expect(lab.nodes[0].transfersSent == [1])
  }

  /// Whatever is done to the bytes of the connection, the receiver takes all of the content or nothing.
  @Test(arguments: 0..<60 as Range<Int>) func alteredStreamsBringNothing(position: Int) throws {
    let lab = try Lab.pair(seed: 8)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    var offset = 0
    // Anywhere in preface, header, lengths, chunks and tags.
    let target = position < 30 ? position * 4 : 120 + (position - 30) * 1711
    lab.streamTap = { node, part in
      guard node == one.index else { return part }
      var part = part
      if target >= offset, target < offset + part.count { part[target - offset] ^= 0x10 }
      offset += part.count
      return part
    }
    lab.transfer(lab.noise(50_000), from: one, to: two)
    lab.run(seconds: 15)
    #expect(offset > target, "the byte was there")
    #expect(two.transfersReceived.isEmpty && one.transfersSent.isEmpty)
    #expect(one.transferFailures.count == 1)
    #expect(two.violations == 0 && one.violations == 0, "anyone on the path can do this")
  }

  @Test func reorderedDoubledAndMissingChunksBringNothing() throws {
    enum Fault: CaseIterable { case swap, double, drop, truncate }
    for fault in Fault.allCases {
      let lab = try Lab.pair(seed: 9)
      let (one, two) = (lab.nodes[0], lab.nodes[1])
      var count = 0
      var kept: [UInt8] = []
      lab.streamTap = { node, part in
        guard node == one.index else { return part }
        count += 1
        // 1 preface, 2 header, 3… chunks, 6 the last.
        switch (fault, count) {
        case (.swap, 3):
          kept = part
          return []
        case (.swap, 4): return part + kept
        case (.double, 4): return part + part
        case (.drop, 4): return []
        case (.truncate, 6): return []
        default: return part
        }
      }
      lab.transfer(lab.noise(60_000), from: one, to: two)
      lab.run(seconds: 30)
      #expect(count == 6, "\(fault)")
      #expect(two.transfersReceived.isEmpty && one.transfersSent.isEmpty, "\(fault)")
      #expect(one.transferFailures.count == 1, "\(fault)")
    }
  }

  @Test func aReplayedConnectionIsRefused() throws {
    let lab = try Lab.pair(seed: 10)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    var recorded: [UInt8] = []
    lab.streamTap = { node, part in
      if node == one.index { recorded += part }
      return part
    }
    lab.transfer(lab.noise(1000), from: one, to: two)
    lab.run(seconds: 2)
    #expect(two.transfersReceived.count == 1)
    for _ in 0..<3 { _ = lab.strangerConnects(to: two, from: one.endpoint, recorded) }
    lab.run(seconds: 3)
    #expect(two.transfersReceived.count == 1)
    #expect(two.counted(.droppedPreface) == 3)
  }

  @Test func aPeerThatStopsReadingOrWritingIsLeft() throws {
    let lab = try Lab.pair(seed: 11)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.stuckSenders = [one.index]
    lab.transfer(lab.noise(1 << 20), from: one, to: two)
    lab.run(seconds: 20)
    #expect(one.transferFailures == [.timedOut] || one.transferFailures == [.connectionLost])
    #expect(two.transfersReceived.isEmpty)
    #expect(one.counted(.streamTimeouts) + two.counted(.streamTimeouts) >= 1)
  }

  @Test func slowerThanSixteenKibibytesIsTooSlow() throws {
    let lab = try Lab.pair(seed: 12) { $0.compresses = false }
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    // A chunk each two seconds: 8 KiB/s.
    var held: [[UInt8]] = []
    var passed = 0
    lab.streamTap = { node, part in
      guard node == one.index else { return part }
      passed += 1
      if passed <= 2 { return part }
      held.append(part)
      return []
    }
    lab.transfer(lab.noise(1 << 20), from: one, to: two)
    lab.run(seconds: 1)
    let connection = ConnectionID(rawValue: ConnectionID.acceptedBit | two.acceptedConnections)
    var seconds = 0
    while two.counted(.streamTimeouts) == 0, seconds < 60, !held.isEmpty {
      let part = held.removeFirst()
      part.withUnsafeBytes { lab.handle(.received(connection, $0), two) }
      lab.run(seconds: 2)
      seconds += 2
    }
    #expect((4...8).contains(seconds))
    #expect(two.transfersReceived.isEmpty)
  }

  @Test func strangersOnTcpGetNoByteAndNoTime() throws {
    let lab = try Lab.pair(seed: 13)
    let two = lab.nodes[1]
    var actions = 0
    lab.streamTap = { _, part in
      actions += 1
      return part
    }
    for size in [0, 1, 47, 48, 49, 100, 5000] {
      _ = lab.strangerConnects(to: two, from: Endpoint(ipv4: 0x7f00_0099, port: UInt16(size + 1)), lab.noise(size))
      lab.run(seconds: 3)
    }
    #expect(actions == 0)
    #expect(two.counted(.droppedPreface) == 4)
    #expect(two.counted(.prefaceTimeouts) == 3)
  }

  @Test func pendingPrefacesAreBounded() throws {
    let lab = try Lab.pair(seed: 14)
    let two = lab.nodes[1]
    for index in 0..<10 {
      _ = lab.strangerConnects(to: two, from: Endpoint(ipv4: 0x7f00_0099, port: UInt16(index + 1)), [1])
    }
    #expect(two.counted(.refusedConnections) == 6, "4 of one address")
    for index in 0..<200 as Range<UInt32> {
      _ = lab.strangerConnects(to: two, from: Endpoint(ipv4: 0x7f01_0000 + index, port: 1), [1])
    }
    #expect(two.counted(.refusedConnections) == 6 + 140, "64 in all")
    lab.run(seconds: 3)
    #expect(two.counted(.prefaceTimeouts) == 64)
    // And then there is room again.
    lab.transfer([1, 2], from: lab.nodes[0], to: two)
    lab.run(seconds: 2)
    #expect(two.transfersReceived == [[1, 2]])
  }

  /// Slow prefaces of strangers do not keep honest peers out.
  @Test func aPrefaceMayComeInPieces() throws {
    let lab = try Lab.pair(seed: 15)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    var queue: [UInt8] = []
    lab.streamTap = { node, part in
      guard node == one.index else { return part }
      queue += part
      return []
    }
    lab.transfer(lab.noise(3000), from: one, to: two)
    lab.run(milliseconds: 100)
    let connection = ConnectionID(rawValue: ConnectionID.acceptedBit | two.acceptedConnections)
    for byte in queue {
      withUnsafeBytes(of: byte) { lab.handle(.received(connection, $0), two) }
    }
    lab.run(seconds: 1)
    #expect(two.transfersReceived.count == 1)
  }

  @Test func aDroppedHostsTransfersEndAtOnce() throws {
    let lab = try Lab.pair(seed: 16)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    let content = lab.noise(4 << 20)
    lab.transfer(content, from: one, to: two, id: 1)
    lab.transfer(content, from: two, to: one, id: 2)
    lab.run(milliseconds: 15)
    lab.command(.drop(two.host), one)
    #expect(one.transferFailures == [.noSession])
    lab.run(seconds: 1)
    #expect(two.transferFailures == [.connectionLost])
    #expect(one.transfersReceived.isEmpty && two.transfersReceived.isEmpty)
  }

  /// 64 MiB take some 60 ms to hash: no input may cost that. Only the announcement needs all of it.
  @Test func aSnapshotIsHashedInManyTurns() throws {
    let lab = try Lab.pair(seed: 19)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    let content = [UInt8](repeating: 5, count: TransferPurpose.snapshot.sizeLimit)
    var effects = ChannelEffects(buffer: MessageBuffer())
    var hashed: UInt64 = 0
    var turns = 0
    /// What one input costs, whether it is the command or a deadline.
    func handle(_ input: ChannelInput) {
      let now = Now(monotonic: lab.now.monotonic + UInt64(turns), wall: lab.now.wall)
      one.channel.handle(input, now: now, into: &effects)
      let cost = one.counted(.transferBytesHashed) - hashed
      hashed += cost
      turns += 1
      #expect(cost <= 1 << 20, "turn \(turns)")
    }
    handle(.command(.transfer(.snapshot, content, to: two.host, id: 1)))
    handle(.command(.transfer(.snapshot, content, to: two.host, id: 2)))
    while hashed < 2 * UInt64(content.count), turns < 1_000 {
      let due = effects.deadlines.filter { $0.at <= lab.now.monotonic + UInt64(turns) }
      effects.deadlines.removeAll()
      #expect(due.count == 1, "one part a turn")
      for deadline in due { handle(.deadline(deadline.timer)) }
    }
    #expect(hashed == 2 * UInt64(content.count))
    #expect(one.counted(.streamsAnnounced) == 2)
  }

  @Test func aDroppedTransferIsNotHashedFurther() throws {
    let lab = try Lab.pair(seed: 20)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.transfer([UInt8](repeating: 5, count: 8 << 20), from: one, to: two)
    lab.command(.drop(two.host), one)
    lab.run(seconds: 2)
    #expect(one.transferFailures == [.noSession])
    #expect(one.counted(.transferBytesHashed) == 0)
  }

  @Test func keysChangeOnTheWay() throws {
    let lab = try Lab.pair(seed: 17) {
      $0.rekeyBytes = 40_000
      $0.compresses = false
    }
    let content = lab.noise(1_000_000)
    lab.transfer(content, from: lab.nodes[0], to: lab.nodes[1])
    lab.run(seconds: 5)
    #expect(lab.nodes[1].transfersReceived == [content])
  }

  /// A stall of the loop is no silence of the peer.
  @Test func aStallTimesNothingOut() throws {
    let lab = try Lab.pair(seed: 18)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    lab.latency = 40_000_000
    lab.transfer(lab.noise(2 << 20), from: one, to: two)
    lab.run(milliseconds: 300)
    lab.pass(30_000_000_000)
    for node in lab.nodes { lab.handle(.stall(30_000_000_000), node) }
    lab.run(seconds: 10)
    #expect(two.transfersReceived.count == 1)
  }
}
