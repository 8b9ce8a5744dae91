import MapShard
import Wire

/// A program that writes and reads state, one operation at a time, and repeats what was not answered under the same
/// (client, sequence), at whatever host owns the shard by then.
struct ShardClient: Sendable {
  struct Operation: Sendable {
    let shard: Int
    let kind: Kind
    let key: [UInt8]
    let value: [UInt8]
    let sequence: UInt64
    let begunAt: UInt64
  }

  enum Kind: UInt8, Sendable { case critical, normal, read }

  let id: UInt64
  /// Sequence of the last write begun.
  var sequence: UInt64 = 0
  var operation: Operation?
  /// Attempts in all; a request is (client, attempt).
  var attempt: UInt32 = 0
  /// Where it tries next, by shard.
  var owners: ContiguousArray<Int>
  var completed = 0
  var lastCompletedAt: UInt64 = 0
  var slowest: UInt64 = 0

  init(id: UInt64, shards: Int) {
    self.id = id
    owners = ContiguousArray(repeating: 0, count: shards)
  }
}

/// A request on its way or at a host.
struct ShardRequest: Sendable {
  let client: Int
  let attempt: UInt32
  let machine: Int
  let operation: ShardClient.Operation
}

extension ShardWorld {
  /// A client begins an operation, or tries the one it has again.
  mutating func clientActs(_ index: Int) {
    if clients[index].operation == nil {
      guard time < settings.clientsStopAt else { return }
      clients[index].operation = nextOperation(of: index)
    }
    guard let operation = clients[index].operation else { return }
    clients[index].attempt &+= 1
    let attempt = clients[index].attempt
    let machine = clients[index].owners[operation.shard]
    post(.clientGivesUp(Int32(index), attempt: attempt), after: Nanoseconds.milliseconds(600) + chance.below(1 << 29))
    guard machines[machine].isRunning else { return tryElsewhere(index, operation.shard) }
    let id = UInt64(index) << 32 | UInt64(attempt)
    requests[id] = ShardRequest(
      client: index, attempt: attempt, machine: machine, operation: operation)
    let event = WorldEvent.request(Int32(machine), process: machines[machine].process, id)
    post(event, after: 50_000 + chance.below(UInt64(500_000)))
    // Now and then a request lies about for long and comes again when nobody waits for it any more.
    if chance.below(40) == 0 { post(event, after: chance.below(Nanoseconds.seconds(3))) }
  }

  private mutating func nextOperation(of index: Int) -> ShardClient.Operation {
    let roll = chance.below(10)
    let kind: ShardClient.Kind = roll < 4 ? .critical : roll < 8 ? .normal : .read
    if kind != .read { clients[index].sequence += 1 }
    let sequence = clients[index].sequence
    let key: [UInt8] = [UInt8(ascii: "k"), UInt8(chance.below(4))]
    return ShardClient.Operation(
      shard: chance.below(shards.count), kind: kind, key: key,
      value: [UInt8(index), UInt8(truncatingIfNeeded: sequence), UInt8(truncatingIfNeeded: sequence >> 8)],
      sequence: sequence, begunAt: time)
  }

  private mutating func tryElsewhere(_ index: Int, _ shard: Int) {
    clients[index].owners[shard] = chance.below(machines.count)
  }

  mutating func clientGivesUp(_ index: Int, attempt: UInt32) {
    guard clients[index].attempt == attempt, let operation = clients[index].operation else { return }
    tryElsewhere(index, operation.shard)
    clientActs(index)
  }

  /// The command of a request as the core gets it.
  func command(of request: ShardRequest, id: UInt64) -> ShardCommand {
    let operation = request.operation
    let shard = shards[operation.shard]
    if operation.kind == .read { return .read(shard, key: operation.key, request: id) }
    return .write(
      shard,
      WriteRequest(
        entryClass: operation.kind == .critical ? .critical : .normal, change: .put, key: operation.key,
        value: operation.value, client: clients[request.client].id, clientSequence: operation.sequence), request: id)
  }

  /// What a host answered.
  mutating func answered(_ id: UInt64, _ reply: ShardReply, by machine: Int) {
    if id == moveRequest { return }
    guard let request = requests[id] else { return }
    switch reply {
    case .acknowledged(let epoch, let sequence):
      acknowledged(request, epoch: epoch, sequence: sequence, by: machine)
    case .value(let value, let sequence):
      answeredRead(request, value: value, sequence: sequence, by: machine)
    case .refused, .moved, .restored: break
    }
    let client = request.client
    guard clients[client].attempt == request.attempt, clients[client].operation != nil else { return }
    switch reply {
    case .acknowledged, .value: complete(client)
    case .refused(.notOwner(let owner)):
      if let owner, let known = machineOf[owner.host] {
        clients[client].owners[request.operation.shard] = known
      } else {
        tryElsewhere(client, request.operation.shard)
      }
      retry(client)
    case .refused, .moved, .restored: retry(client)
    }
  }

  private mutating func retry(_ client: Int) {
    // The pending give-up is of this attempt; the next attempt sets its own.
    clients[client].attempt &+= 1
    post(.client(Int32(client)), after: Nanoseconds.milliseconds(20) + chance.below(Nanoseconds.milliseconds(150)))
  }

  private mutating func complete(_ client: Int) {
    guard let operation = clients[client].operation else { return }
    clients[client].slowest = max(clients[client].slowest, time - operation.begunAt)
    clients[client].operation = nil
    clients[client].completed += 1
    clients[client].lastCompletedAt = time
    post(.client(Int32(client)), after: chance.below(settings.thinkTime))
  }
}
