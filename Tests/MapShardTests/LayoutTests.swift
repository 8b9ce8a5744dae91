import MapShard
import Testing
import Wire

/// Bytes of records, entries and messages: there and back, and what is refused.
@Suite struct LayoutTests {
  static let shard = ShardID(rawValue: 0x0102_0304_0506_0708)

  static func member(_ host: UInt64, _ life: UInt64 = 9) -> Member {
    Member(host: HostID(rawValue: host), life: Life(rawValue: life))
  }

  static let record = Record(
    shard: shard, epoch: Epoch(3), version: 8, owner: member(2), members: [member(1), member(2), member(5)],
    learners: [HostID(rawValue: 7)], reason: .relief, plan: 77, lastLoss: Epoch(2))

  static let proven = ProvenRecord(
    record: record, voterSet: 4, ballot: Ballot(counter: 6, host: HostID(rawValue: 1)),
    proof: [
      VoterSignature(voter: HostID(rawValue: 1), signature: Signature { $0[0] = 1 }),
      VoterSignature(voter: HostID(rawValue: 2), signature: Signature { $0[3] = 2 }),
    ])

  static let entry = Entry(
    after: Position(epoch: Epoch(2), sequence: 6, hash: 99), epoch: Epoch(3), entryClass: .critical, change: .put,
    key: [1, 2, 3], value: [4, 5], client: 11, clientSequence: 12, wall: 13)

  static let write = WriteRequest(
    entryClass: .normal, change: .delete, key: [9], value: [], expected: 4, client: 1, clientSequence: 2)

  static let registerMessages: [RegisterMessage] = [
    .propose(RegisterMessage.Propose(set: 1, nonce: 2, record: record, isFreed: true, order: [1, 2, 3])),
    .read(set: 1, nonce: 2, shards: [shard, ShardID(rawValue: 5)]),
    .record(set: 1, nonce: 2, shard, proven), .record(set: 1, nonce: 2, shard, nil),
    .closed(number: 3, next: [1, 2]), .who(shard), .release(shard, Epoch(4)), .moved(proven),
    .prepare(set: 1, shard, Ballot(counter: 2, host: HostID(rawValue: 3))),
    .promise(set: 1, shard, .none, accepted: Ballot(counter: 1, host: HostID(rawValue: 3)), record),
    .promise(set: 1, shard, .none, accepted: .none, nil), .accept(set: 1, .none, record),
    .accepted(set: 1, shard, .none, Signature { $0[1] = 1 }), .outbid(set: 1, shard, .none, by: .none),
    .close(next: [7]), .copy(set: 3, after: 4), .forward(shard, id: 5, write),
    .forwarded(shard, id: 5, .acknowledged(Epoch(1), 2)), .forwarded(shard, id: 5, .unexpected(2)),
    .forwarded(shard, id: 5, .outdated(2)), .forwarded(shard, id: 5, .belowMinimum(1, 2)),
    .forwarded(shard, id: 5, .again), .forwarded(shard, id: 5, .tooLarge),
  ]

  static let replicaMessages: [ReplicaMessage] = [
    .append(
      ReplicaMessage.Append(
        toLife: Life(rawValue: 1), shard: shard, epoch: Epoch(3), version: 8, record: proven, floor: 2,
        previous: Position(epoch: Epoch(2), sequence: 6, hash: 99), commit: 1, isUrgent: true, entries: [entry])),
    .appended(
      ReplicaMessage.Appended(
        shard: shard, epoch: Epoch(3), version: 8, status: .ok, match: 1, durable: 1, life: Life(rawValue: 1), series: 2
      )),
    .appended(
      ReplicaMessage.Appended(
        shard: shard, epoch: Epoch(3), version: 8, status: .gap(last: entry.position, hint: .start), match: 1,
        durable: 1, life: Life(rawValue: 1), series: 2)),
    .appended(
      ReplicaMessage.Appended(
        shard: shard, epoch: Epoch(3), version: 8, status: .stale(proven), match: 0, durable: 0,
        life: Life(rawValue: 1), series: 2)),
    .appended(
      ReplicaMessage.Appended(
        shard: shard, epoch: Epoch(3), version: 8, status: .doubt, match: 0, durable: 0, life: Life(rawValue: 1),
        series: 2)),
    .check(shard, Epoch(3), sequence: 5), .root(shard, Epoch(3), sequence: 5, [UInt8](repeating: 3, count: 32)),
    .volatile(
      shard, Epoch(3), [ReplicaMessage.Volatile(key: [1], value: [2]), ReplicaMessage.Volatile(key: [1], value: nil)]),
    .wantSnapshot(shard, Epoch(3)),
  ]

  private func bytes(_ body: (inout Writer) -> Void) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = bytes.withUnsafeMutableBytes { memory in
      var writer = Writer(memory)
      body(&writer)
      return writer.overflowed ? 0 : writer.count
    }
    return Array(bytes.prefix(count))
  }

  /// Reads bytes to their end; `nil` when they are refused.
  private func read<T>(_ bytes: [UInt8], _ body: (inout Reader) throws -> T) -> T? {
    bytes.withUnsafeBytes { raw in
      var reader = Reader(raw)
      guard let value = try? body(&reader), reader.isAtEnd else { return nil }
      return value
    }
  }

  @Test func recordsComeBack() {
    let written = bytes { Self.proven.write(into: &$0) }
    #expect(read(written) { try ProvenRecord(&$0) } == Self.proven)
    #expect(written.count <= ProvenRecord.sizeLimit)
  }

  @Test(arguments: LayoutTests.registerMessages.indices) func registerMessagesComeBack(_ place: Int) {
    let message = Self.registerMessages[place]
    let written = bytes { message.write(into: &$0) }
    #expect(read(written) { try RegisterMessage(&$0) } == message)
    for count in 0..<written.count { #expect(read(Array(written.prefix(count))) { try RegisterMessage(&$0) } == nil) }
  }

  @Test(arguments: LayoutTests.replicaMessages.indices) func replicaMessagesComeBack(_ place: Int) {
    let message = Self.replicaMessages[place]
    let written = bytes { message.write(into: &$0) }
    #expect(read(written) { try ReplicaMessage(&$0) } == message)
    for count in 0..<written.count { #expect(read(Array(written.prefix(count))) { try ReplicaMessage(&$0) } == nil) }
  }

  @Test func recordsThatNoVoterKeepsAreRefused() {
    func isRefused(_ change: (inout Record) -> Void) -> Bool {
      var record = Self.record
      change(&record)
      return read(bytes { record.write(into: &$0) }) { try Record(&$0) } == nil
    }
    #expect(!isRefused { _ in })
    #expect(isRefused { $0.members = [] })
    #expect(isRefused { $0.members.remove(at: 1) })
    #expect(isRefused { $0.members.reverse() })
    #expect(isRefused { $0.members.append(Self.member(5, 10)) })
    #expect(isRefused { $0.members = (1...8).map { Self.member($0) } })
    #expect(isRefused { $0.version = 0 })
    #expect(isRefused { $0.epoch = .none })
    #expect(isRefused { $0.lastLoss = Epoch(4) })
    #expect(isRefused { $0.learners = (1...8).map { HostID(rawValue: $0) } })
  }

  @Test func anEntryKnowsItsPredecessor() {
    let entry = Self.entry
    #expect(entry.follows(Position(epoch: Epoch(2), sequence: 6, hash: 99)))
    #expect(!entry.follows(Position(epoch: Epoch(2), sequence: 6, hash: 98)))
    #expect(!entry.follows(Position(epoch: Epoch(4), sequence: 6, hash: 99)))
    #expect(!entry.follows(Position(epoch: Epoch(2), sequence: 5, hash: 99)))
    var other = entry
    other.value = [4, 6]
    #expect(!other.follows(Position(epoch: Epoch(2), sequence: 6, hash: 99)))
  }

  /// Random bytes, and good messages with random changes: refused or taken, never a trap.
  @Test func nonsenseDoesNoHarm() {
    var chance = Chance(seed: 5)
    let world = TestWorld.settled()
    for _ in 0..<3_000 {
      var message: [UInt8]
      switch chance.below(3) {
      case 0: message = (0..<chance.below(200)).map { _ in UInt8(truncatingIfNeeded: chance.next()) }
      case 1: message = bytes { Self.registerMessages[chance.below(Self.registerMessages.count)].write(into: &$0) }
      default: message = bytes { Self.replicaMessages[chance.below(Self.replicaMessages.count)].write(into: &$0) }
      }
      for _ in 0..<chance.below(4) where !message.isEmpty {
        message[chance.below(message.count)] = UInt8(truncatingIfNeeded: chance.next())
      }
      // Some speak of the shard that is there.
      if chance.happens(0.5), message.count > 20 {
        for (place, byte) in withUnsafeBytes(of: world.shard.rawValue.littleEndian, Array.init).enumerated() {
          message[1 + place] = byte
        }
      }
      let carrier = ShardCarrier.allCases[chance.below(3)]
      let number = 1 + chance.below(3)
      message.withUnsafeBytes { raw in
        world.input(world.host(number), .frame(carrier, raw, from: world.member(number % 3 + 1)))
        world.input(world.host(number), .heartbeat(raw, from: world.member(number % 3 + 1)))
      }
      world.input(world.host(number), .snapshot(message, from: world.member(number % 3 + 1)))
    }
    world.run(3_000)
    let request = world.write(1, "still", "here")
    world.run(200)
    #expect(world.isAcknowledged(request))
    #expect(world.violations == [])
  }
}
