import MapShard
import Wire

/// A program that uses the shards through any host: one operation at a time, and what is not answered is asked again,
/// under the same client and sequence, at another host.
struct MeshClient {
  enum Kind: UInt8 { case put, putNormal, delete, get, increment }

  struct Operation {
    let shard: Int
    let kind: Kind
    let key: [UInt8]
    let sequence: UInt64
    let begunAt: UInt64
    /// Of an increment: what was read. It is written once that is known.
    var found: (value: UInt64, sequence: UInt64)?
  }

  let number: Int
  var id: UInt64 { 0xc000 + UInt64(number) }
  /// Sequence of the last operation begun.
  var sequence: UInt64 = 0
  var operation: Operation?
  var attempt: UInt32 = 0
  /// The machine that it tries next, by shard.
  var target: ContiguousArray<Int>
  var completed = 0
  var lastCompletedAt: UInt64 = 0

  init(number: Int, shards: Int) {
    self.number = number
    target = ContiguousArray(repeating: 0, count: shards)
  }
}

/// One try of an operation.
struct MeshRequest {
  let client: Int
  let attempt: UInt32
  let operation: MeshClient.Operation
}

extension MeshClient.Operation {
  var isRead: Bool { kind == .get || kind == .increment && found == nil }

  /// What the entry must hold; unique among all writes but deletes.
  func value(of client: UInt64) -> [UInt8] {
    switch kind {
    case .delete, .get: []
    case .put, .putNormal: [UInt8(truncatingIfNeeded: client)] + MeshClient.bytes(sequence)
    case .increment: MeshClient.bytes((found?.value ?? 0) + 1)
    }
  }

  func request(of client: UInt64) -> WriteRequest {
    WriteRequest(
      entryClass: kind == .putNormal ? .normal : .critical, change: kind == .delete ? .delete : .put, key: key,
      value: value(of: client), expected: kind == .increment ? found?.sequence ?? 0 : nil, client: client,
      clientSequence: sequence)
  }
}

extension MeshClient {
  static func bytes(_ number: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }

  static func number(_ bytes: [UInt8]) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
}

extension Simulation {
  /// A client begins an operation, or tries the one it has again.
  func clientActs(_ index: Int) {
    guard let whole else { return }
    if whole.clients[index].operation == nil {
      guard time < whole.settings.clientsStopAt else { return }
      whole.clients[index].operation = nextOperation(of: index, whole)
    }
    guard let operation = whole.clients[index].operation else { return }
    whole.clients[index].attempt &+= 1
    let attempt = whole.clients[index].attempt
    queue.insert(
      .whole(.clientGivesUp(Int32(index), attempt: attempt)),
      at: time + Nanoseconds.milliseconds(600) + chance.below(Nanoseconds.milliseconds(500)))
    let machine = whole.clients[index].target[operation.shard]
    guard let process = machines[machine].process else { return tryElsewhere(index, operation.shard, whole) }
    let id = UInt64(index + 1) << 32 | UInt64(attempt)
    whole.requests[id] = MeshRequest(client: index, attempt: attempt, operation: operation)
    let event = WorldEvent.whole(.request(machine: Int32(machine), life: process.life, id))
    queue.insert(event, at: time + 50_000 + chance.below(UInt64(500_000)))
    // Now and then a request lies about and comes again when nobody waits for it any more.
    if !operation.isRead, chance.below(30) == 0 {
      queue.insert(event, at: time + chance.below(Nanoseconds.seconds(3)))
    }
  }

  private func nextOperation(of index: Int, _ whole: WholeMesh) -> MeshClient.Operation {
    whole.clients[index].sequence += 1
    let roll = chance.below(12)
    let kind: MeshClient.Kind =
      roll < 3 ? .put : roll < 6 ? .putNormal : roll == 6 ? .delete : roll < 9 ? .get : .increment
    let key = kind == .increment ? "n" : "k\(chance.below(4))"
    return MeshClient.Operation(
      shard: chance.below(whole.shards.count), kind: kind, key: Array(key.utf8),
      sequence: whole.clients[index].sequence, begunAt: time)
  }

  private func tryElsewhere(_ index: Int, _ shard: Int, _ whole: WholeMesh) {
    whole.clients[index].target[shard] = chance.below(settings.hosts)
  }

  func clientGivesUp(_ index: Int, attempt: UInt32) {
    guard let whole, whole.clients[index].attempt == attempt, let operation = whole.clients[index].operation else {
      return
    }
    tryElsewhere(index, operation.shard, whole)
    clientActs(index)
  }

  func command(of request: MeshRequest, id: UInt64, _ whole: WholeMesh) -> ShardCommand {
    let operation = request.operation
    let shard = whole.shards[operation.shard]
    if operation.isRead { return .read(shard, key: operation.key, request: id) }
    return .write(shard, operation.request(of: whole.clients[request.client].id), request: id)
  }

  /// What a host answered; the account has looked at it already.
  func answered(_ request: MeshRequest, _ reply: ShardReply, _ whole: WholeMesh) {
    let index = request.client
    guard whole.clients[index].attempt == request.attempt, whole.clients[index].operation != nil else { return }
    switch reply {
    case .acknowledged: complete(index, whole)
    case .value(let value, let sequence):
      guard request.operation.kind == .increment else { return complete(index, whole) }
      whole.clients[index].operation?.found = (MeshClient.number(value ?? []), sequence)
      clientActs(index)
    case .refused(.unexpected):
      // Somebody else was faster: this one is given up, nothing was applied.
      complete(index, whole)
    case .refused(.notOwner(let owner)):
      if let owner, let known = directory.index(of: owner.host), chance.below(4) > 0 {
        whole.clients[index].target[request.operation.shard] = known
      } else {
        tryElsewhere(index, request.operation.shard, whole)
      }
      retry(index, whole)
    case .refused(.unknownShard), .refused(.storeFailed):
      tryElsewhere(index, request.operation.shard, whole)
      retry(index, whole)
    case .refused, .moved, .restored: retry(index, whole)
    }
  }

  private func retry(_ index: Int, _ whole: WholeMesh) {
    // The pending give-up is of this attempt; the next attempt sets its own.
    whole.clients[index].attempt &+= 1
    queue.insert(
      .whole(.client(Int32(index))),
      at: time + Nanoseconds.milliseconds(20) + chance.below(Nanoseconds.milliseconds(150)))
  }

  private func complete(_ index: Int, _ whole: WholeMesh) {
    whole.clients[index].attempt &+= 1
    whole.clients[index].operation = nil
    whole.clients[index].completed += 1
    whole.clients[index].lastCompletedAt = time
    queue.insert(.whole(.client(Int32(index))), at: time + chance.below(whole.settings.thinkTime))
  }
}
