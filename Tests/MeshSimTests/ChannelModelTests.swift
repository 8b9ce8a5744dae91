import MeshSim
import NodeCore
import SecureChannel
import Testing
import Wire

/// Two or more channel models with a wire between them that the test moves by hand.
private struct Pair {
  let directory: HostDirectory
  var channels: [ChannelModel] = []
  var effects: [ChannelEffects] = []
  var now = Now(monotonic: 10_000_000_000, wall: 1_767_225_600_000_000_000)
  /// Datagrams under way.
  var wire: [(to: Int, from: Int, bytes: [UInt8])] = []
  var delivered: [[[UInt8]]] = []
  var events: [[ChannelEvent]] = []

  init(count: Int = 2) {
    directory = HostDirectory(count: count, seed: 7)
    for index in 0..<count {
      let signer = SimulatedSigner(directory: directory, own: index)
      channels.append(
        ChannelModel(directory: directory, roster: signer, own: index, boot: UInt64(index) + 1, seed: UInt64(index)))
      effects.append(ChannelEffects(buffer: MessageBuffer()))
      delivered.append([])
      events.append([])
    }
  }

  static func endpoint(_ index: Int) -> Endpoint { Endpoint(ipv4: 0x0a00_0001 + UInt32(index) << 8, port: 7000) }

  mutating func introduce(_ other: Int, to index: Int) {
    channels[index].handle(
      .command(.introduce(directory.identities[other].key, at: Pair.endpoint(other))), now: now, into: &effects[index])
  }

  mutating func send(_ bytes: [UInt8], from: Int, to: Int) {
    guard let range = bytes.withUnsafeBytes({ effects[from].buffer.append($0) }) else {
      Issue.record("the buffer refused a message")
      return
    }
    channels[from].send(
      .gossip, range, to: directory.identities[to].host, at: nil, now: now, into: &effects[from])
    collect(from)
  }

  mutating func collect(_ index: Int) {
    for send in effects[index].sends {
      let target = Int(send.to.ipv4 >> 8 & 0xff)
      wire.append((target, index, Array(effects[index].buffer.bytes(of: send.message))))
    }
    for delivery in effects[index].deliveries { delivered[index].append(Array(delivery.bytes)) }
    events[index] += effects[index].events
    effects[index].removeAll()
    effects[index].buffer.removeAll()
  }

  /// Moves every datagram that is under way now; returns their sizes.
  mutating func hop() -> [Int] {
    let moving = wire
    wire = []
    for (to, from, bytes) in moving { receive(bytes, at: to, from: from) }
    return moving.map(\.bytes.count)
  }

  mutating func receive(_ bytes: [UInt8], at to: Int, from: Int) {
    var bytes = bytes
    bytes.withUnsafeMutableBytes {
      channels[to].handle(.datagram($0, from: Pair.endpoint(from)), now: now, into: &effects[to])
    }
    collect(to)
  }
}

@Suite struct ChannelModelTests {
  @Test func theFirstFrameWaitsOneRoundTrip() {
    var pair = Pair()
    pair.introduce(1, to: 0)
    pair.send([1, 2, 3], from: 0, to: 1)
    #expect(pair.hop() == [488])
    #expect(pair.hop() == [108])
    #expect(pair.delivered[1].isEmpty)
    // 16 header, 8 time frame, 4 + 3 frame, 1 padding, 16 tag.
    #expect(pair.hop() == [48])
    #expect(pair.delivered[1] == [[1, 2, 3]])
    // The other way needs no handshake now.
    pair.send([4], from: 1, to: 0)
    #expect(pair.hop() == [48])
    #expect(pair.delivered[0] == [[4]])
  }

  @Test func fourFramesWaitTheNewest() {
    var pair = Pair()
    pair.introduce(1, to: 0)
    for number in 0..<6 { pair.send([UInt8(number)], from: 0, to: 1) }
    for _ in 0..<3 { _ = pair.hop() }
    #expect(pair.delivered[1] == [[5], [4], [3], [2]])
    #expect(pair.channels[0].counters.droppedFrames == 2)
  }

  @Test func framesWaitOneSecond() {
    var pair = Pair()
    pair.introduce(1, to: 0)
    pair.send([9], from: 0, to: 1)
    _ = pair.hop()
    pair.now.monotonic += 1_100_000_000
    _ = pair.hop()
    // Only the proof that the answer came.
    #expect(pair.hop() == [48])
    #expect(pair.delivered[1].isEmpty)
  }

  @Test func duplicatesAndDamageAreDropped() {
    var pair = Pair()
    pair.introduce(1, to: 0)
    pair.send([1, 2, 3], from: 0, to: 1)
    _ = pair.hop()
    _ = pair.hop()
    let datagram = pair.wire[0].bytes
    _ = pair.hop()
    #expect(pair.delivered[1].count == 1)
    pair.receive(datagram, at: 1, from: 0)
    #expect(pair.delivered[1].count == 1)
    #expect(pair.channels[1].counters.replayed == 1)
    pair.send([7, 7], from: 0, to: 1)
    let good = pair.wire.removeFirst().bytes
    for bit in 0..<good.count * 8 {
      var bad = good
      bad[bit / 8] ^= 1 << UInt8(bit % 8)
      pair.receive(bad, at: 1, from: 0)
    }
    #expect(pair.delivered[1].count == 1)
    pair.receive(good, at: 1, from: 0)
    #expect(pair.delivered[1].count == 2)
  }

  /// Both ask at once and both are answered: they must settle on one of the two sessions, or a datagram that is under way
  /// on the other is lost at the next renewal.
  @Test(arguments: [0, 1]) func crossedHandshakesLoseNothing(renewer: Int) {
    let other = 1 - renewer
    var pair = Pair()
    pair.introduce(1, to: 0)
    pair.introduce(0, to: 1)
    pair.send([0], from: 0, to: 1)
    pair.send([1], from: 1, to: 0)
    while !pair.hop().isEmpty {}
    #expect(pair.delivered == [[[1]], [[0]]])
    // Old enough for either side to renew it.
    pair.now.monotonic += 3_400_000_000_000
    pair.send([2], from: renewer, to: other)
    _ = pair.hop()
    let response = pair.wire
    pair.wire = []
    pair.send([3], from: other, to: renewer)
    let underWay = pair.wire
    pair.wire = response
    while !pair.hop().isEmpty {}
    pair.wire = underWay
    _ = pair.hop()
    #expect(pair.delivered[other].last == [2])
    #expect(pair.delivered[renewer].last == [3], "sent before the renewal, received after it")
  }

  @Test func aHostWithoutKeysIsNotCalled() {
    var pair = Pair()
    pair.send([1], from: 0, to: 1)
    #expect(pair.wire.isEmpty)
    #expect(pair.channels[0].counters.droppedFrames == 1)
  }

  @Test func underLoadStrangersMustProveTheirAddress() {
    var pair = Pair(count: 140)
    for index in 1..<140 {
      pair.introduce(0, to: index)
      pair.send([UInt8(index)], from: index, to: 0)
    }
    #expect(pair.hop().allSatisfy { $0 == 488 })
    let answers = pair.wire.map(\.bytes.count)
    // The burst of the handshake budget is 64; from the 101st HELLO of a second on, a cookie is asked for.
    #expect(answers.filter { $0 == 108 }.count == 64)
    #expect(answers.filter { $0 == 64 }.count == 39)
    #expect(pair.channels[0].counters.cookiesSent == 39)
  }

  @Test func aTransferArrivesWholeOrNotAtAll() throws {
    var pair = Pair()
    pair.introduce(1, to: 0)
    let content = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let now = pair.now
    pair.channels[0].handle(
      .command(.transfer(.roster, content, to: pair.directory.identities[1].host, id: 5)), now: now,
      into: &pair.effects[0])
    pair.collect(0)
    // HELLO, RESPONSE, proof and announcement, acceptance.
    for _ in 0..<3 { _ = pair.hop() }
    let answer = pair.wire.removeFirst()
    var bytes = answer.bytes
    bytes.withUnsafeMutableBytes {
      pair.channels[0].handle(.datagram($0, from: Pair.endpoint(1)), now: now, into: &pair.effects[0])
    }
    guard case .connect(let opened, _) = try #require(pair.effects[0].connections.first) else {
      Issue.record("no connection was opened")
      return
    }
    pair.effects[0].removeAll()
    let accepted = ConnectionID(rawValue: ConnectionID.acceptedBit | 1)
    pair.channels[1].handle(.accepted(accepted, from: Pair.endpoint(0)), now: now, into: &pair.effects[1])
    pair.channels[0].handle(.connected(opened), now: now, into: &pair.effects[0])
    for case .write(_, let range) in pair.effects[0].connections {
      pair.channels[1].handle(
        .received(accepted, UnsafeRawBufferPointer(pair.effects[0].buffer.bytes(of: range))), now: now,
        into: &pair.effects[1])
    }
    guard case .transferReceived(_, .roster, let received) = try #require(pair.effects[1].events.last) else {
      Issue.record("nothing was received")
      return
    }
    #expect(received == content)
  }
}
