import MapShard
import NodeCore
import Wire

/// What hosts say to each other about shards, as their decoders see it.
enum FuzzShards {
  private static let shard = ShardID(rawValue: 0x5ca1_ab1e)
  private static let owner = MapShard.Member(host: HostID(rawValue: 1), life: Life(rawValue: 7))
  private static let follower = MapShard.Member(host: HostID(rawValue: 2), life: Life(rawValue: 9))
  private static let record = Record(
    shard: shard, epoch: Epoch(3), version: 5, owner: owner, members: [owner, follower],
    learners: [HostID(rawValue: 3)], reason: .drain, plan: 4)

  private static var entries: [Entry] {
    let first = Entry(
      after: .start, epoch: Epoch(3), entryClass: .critical, change: .put, key: [1, 2], value: [3, 4, 5], client: 6,
      clientSequence: 1, wall: 8)
    return [
      first,
      Entry(
        after: first.position, epoch: Epoch(3), entryClass: .normal, change: .delete, key: [1, 2], value: [], wall: 9),
    ]
  }

  static var registerMessages: [[UInt8]] {
    let ballot = Ballot(counter: 2, host: owner.host)
    let messages: [RegisterMessage] = [
      .propose(.init(set: 1, nonce: 2, record: record, order: [1])), .read(set: 1, nonce: 2, shards: [shard]),
      .record(set: 1, nonce: 2, shard, nil), .closed(number: 3, next: [1, 2]), .who(shard), .release(shard, Epoch(3)),
      .prepare(set: 1, shard, ballot), .promise(set: 1, shard, ballot, accepted: .none, record),
      .accept(set: 1, ballot, record), .accepted(set: 1, shard, ballot, Signature { $0[0] = 1 }),
      .outbid(set: 1, shard, ballot, by: ballot), .close(next: [3]), .copy(set: 1, after: 0),
      .forward(
        shard, id: 4,
        WriteRequest(
          entryClass: .critical, change: .put, key: [1], value: [2, 3], expected: 9, client: 4, clientSequence: 5)),
      .forwarded(shard, id: 4, .acknowledged(Epoch(3), 12)), .forwarded(shard, id: 4, .belowMinimum(1, 2)),
    ]
    return messages.map { message in written(RegisterMessage.sizeLimit) { message.write(into: &$0) } }
  }

  static var replicaMessages: [[UInt8]] {
    let messages: [ReplicaMessage] = [
      .append(
        .init(
          toLife: follower.life, shard: shard, epoch: Epoch(3), version: 5, record: nil, floor: 0, previous: .start,
          commit: 1, entries: entries)),
      .appended(
        .init(
          shard: shard, epoch: Epoch(3), version: 5, status: .gap(last: .start, hint: entries[0].position), match: 1,
          durable: 1, life: follower.life, series: 2)),
      .appended(
        .init(
          shard: shard, epoch: Epoch(3), version: 5, status: .stale(nil), match: 1, durable: 1, life: follower.life,
          series: 2)),
      .check(shard, Epoch(3), sequence: 1), .root(shard, Epoch(3), sequence: 1, .init(repeating: 1, count: 32)),
      .volatile(shard, Epoch(3), [.init(key: [1], value: [2]), .init(key: [3], value: nil)]),
      .wantSnapshot(shard, Epoch(3)),
    ]
    let heartbeats: [HeartbeatMessage] = [
      .heartbeat(toLife: follower.life, stamp: 4), .answer(stamp: 4, life: follower.life, series: 1),
    ]
    return messages.map { message in [0] + written(1 << 16) { message.write(into: &$0) } }
      + heartbeats.map { message in [1] + written(64) { message.write(into: &$0) } }
  }

  static var content: [UInt8]? {
    ShardContent(
      shard: shard, position: entries[1].position,
      items: [
        .init(key: [1], value: [2, 3], entryClass: .critical, sequence: 1),
        .init(key: [1, 2], value: [], entryClass: .normal, sequence: 2),
      ], clients: [.init(client: 6, clientSequence: 1, epoch: Epoch(3), sequence: 1)]
    ).encoded()
  }

  static var stewardMessages: [[UInt8]] {
    let mark = DirectoryMark(steward: owner.host, life: owner.life, version: 2)
    var entry = DirectoryEntry(shard: shard)
    entry.replicas = [owner.host, follower.host]
    entry.owner = owner.host
    let messages: [StewardMessage] = [
      .report(
        HostReport(
          weight: 8,
          resources: HostResources(
            cores: 4, memoryBytes: 8 << 30, uplinkBitsPerSecond: 1_000_000_000, uptimePerMille: 990),
          isDraining: false, world: 3, directory: mark,
          loads: [.init(shard: shard, load: 100, players: 3)])),
      .directory(DirectoryPart(after: 0, mark: mark, entries: [entry])),
      .move(MoveWish(shard: shard, to: follower.host, reason: .relief, plan: 4)),
      .order([UInt8](repeating: 3, count: UncleanOrder.size)),
    ]
    return messages.compactMap { $0.encoded() }
  }
}

/// What can be read can be written, and is then the same.
func fuzzRegisterMessage(_ bytes: UnsafeRawBufferPointer) {
  var reader = Reader(bytes)
  guard let message = try? RegisterMessage(&reader) else { return }
  let taken = bytes.count - reader.remaining
  withUnsafeTemporaryAllocation(byteCount: RegisterMessage.sizeLimit, alignment: 8) { memory in
    var writer = Writer(memory)
    message.write(into: &writer)
    var again = Reader(writer.written)
    precondition(taken > 0 && (try? RegisterMessage(&again)) == message, "one message, one meaning")
  }
}

/// The first byte chooses between messages of replication and heartbeats.
func fuzzReplicaMessage(_ bytes: UnsafeRawBufferPointer) {
  var reader = Reader(bytes)
  switch try? reader.u8() {
  case 0:
    guard case .append(let append)? = try? ReplicaMessage(&reader) else { return }
    var previous = append.previous
    for entry in append.entries where entry.follows(previous) { previous = entry.position }
    keep(previous.hash)
  case 1: keep((try? HeartbeatMessage(&reader)) == nil ? 0 : 1)
  default: break
  }
}

func fuzzShardContent(_ bytes: UnsafeRawBufferPointer) {
  var reader = Reader(bytes)
  guard let content = try? ShardContent(&reader) else { return }
  let again = content.encoded() ?? []
  precondition(!again.isEmpty, "what is within the limits can be written")
  again.withUnsafeBytes { encoded in
    var reader = Reader(encoded)
    precondition((try? ShardContent(&reader)) == content, "one content, one meaning")
  }
}

func fuzzStewardMessage(_ bytes: UnsafeRawBufferPointer) {
  switch try? StewardMessage(bytes) {
  case .report(let report)?: keep(report.loads.count)
  case .directory(let part)?:
    var directory = Directory()
    keep(directory.take(part).count)
  case .move(let wish)?: keep(wish.plan)
  case .order(let order)?: precondition(order.count == UncleanOrder.size, "an order has one size")
  case nil: break
  }
}
