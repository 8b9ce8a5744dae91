import Wire

/// Writes of this host's clients that the owner of the shard, another host, has been given.
struct Forwards: Hashable, Sendable {
  static let limit = 4096

  struct Forward: Hashable, Sendable {
    var id: UInt64
    var request: UInt64
    var to: Member
    var index: Int
    var since: UInt64
  }

  /// By id, oldest first.
  private(set) var waiting: ContiguousArray<Forward> = []
  private var lastID: UInt64 = 0

  var hasRoom: Bool { waiting.count < Forwards.limit }

  mutating func add(_ request: UInt64, to: Member, _ index: Int, now: UInt64) -> UInt64 {
    lastID &+= 1
    waiting.append(Forward(id: lastID, request: request, to: to, index: index, since: now))
    return lastID
  }

  mutating func take(_ id: UInt64, from: Member) -> Forward? {
    guard let place = waiting.firstIndex(where: { $0.id == id && $0.to == from }) else { return nil }
    return waiting.remove(at: place)
  }

  /// Those that nobody will answer any more.
  mutating func takeAll(where isLost: (Forward) -> Bool) -> [Forward] {
    let lost = waiting.filter(isLost)
    if !lost.isEmpty { waiting.removeAll(where: isLost) }
    return Array(lost)
  }
}

extension ShardHost {
  /// A forwarded write that is not answered within this is refused: its client asks again.
  static let forwardPatience = Nanoseconds.seconds(5)

  mutating func forward(_ index: Int, _ request: WriteRequest, _ asker: Asker, _ effects: inout ShardEffects) {
    guard let owner = replicas[index].rec?.record.owner else { return }
    let shard = replicas[index].shard
    let id = forwards.add(asker.request, to: owner, index, now: now)
    if !send(.forward(shard, id: id, request), to: owner.host, &effects) {
      _ = forwards.take(id, from: owner)
      answer(asker, .refused(.notOwner(owner)), shard, &effects)
    }
  }

  mutating func hear(
    _ shard: ShardID, _ id: UInt64, _ outcome: RegisterMessage.Outcome, from: Member, _ effects: inout ShardEffects
  ) {
    guard let forward = forwards.take(id, from: from) else { return }
    let owner = replicas[forward.index].rec?.record.owner
    reply(forward.request, ShardReply(outcome, owner: owner), &effects)
  }

  /// Refuses what was forwarded to a life that is gone, over a link that broke, or too long ago.
  mutating func dropForwards(_ effects: inout ShardEffects) {
    guard !forwards.waiting.isEmpty else { return }
    let time = now
    let peers = self.peers
    let lost = forwards.takeAll {
      !peers.isLinked($0.to.host) || peers.life(of: $0.to.host) != $0.to.life
        || time >= $0.since &+ ShardHost.forwardPatience
    }
    for forward in lost {
      reply(forward.request, .refused(.notOwner(replicas[forward.index].rec?.record.owner)), &effects)
    }
  }
}

extension RegisterMessage.Outcome {
  init(_ reply: ShardReply) {
    switch reply {
    case .acknowledged(let epoch, let sequence): self = .acknowledged(epoch, sequence)
    case .refused(.unexpected(let sequence)): self = .unexpected(sequence)
    case .refused(.outdated(let last)): self = .outdated(last)
    case .refused(.belowMinimum(let copies, let minimum)): self = .belowMinimum(copies, minimum)
    case .refused(.tooLarge): self = .tooLarge
    default: self = .again
    }
  }
}

extension ShardReply {
  init(_ outcome: RegisterMessage.Outcome, owner: Member?) {
    switch outcome {
    case .acknowledged(let epoch, let sequence): self = .acknowledged(epoch: epoch, sequence: sequence)
    case .unexpected(let sequence): self = .refused(.unexpected(sequence: sequence))
    case .outdated(let last): self = .refused(.outdated(last: last))
    case .belowMinimum(let copies, let minimum): self = .refused(.belowMinimum(copies: copies, minimum: minimum))
    case .again: self = .refused(.notOwner(owner))
    case .tooLarge: self = .refused(.tooLarge)
    }
  }
}
