import Control
import EventLoop
import MapShard
import NodeCore
import SecureChannel
import Wire

/// What the operator has ordered of shards and hosts, kept by the node that was told.
///
/// A host's own drain goes to the steward with its reports; pins and drains of other hosts count at the steward only.
struct OrderBook: Equatable {
  static let limit = 4_096

  /// This host gives everything away.
  var drainsHere = false
  var drained: Set<HostID> = []
  var pins: [ShardID: HostID] = [:]

  init() {}

  init(_ content: [UInt8]?) {
    guard let content else { return }
    content.withUnsafeBytes { bytes in
      var reader = Reader(bytes)
      guard let book = try? OrderBook(&reader) else { return }
      self = book
    }
  }

  var steward: StewardOrders {
    var orders = StewardOrders()
    orders.drained = drained
    orders.pins = pins
    return orders
  }

  /// {drains here 1, drained hosts (varint, 8 each), pins (varint, {shard 8, host 8} each)}, sorted.
  var encoded: [UInt8] {
    let size = 1 + 2 * 10 + drained.count * 8 + pins.count * 16
    return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(buffer))
      writer.u8(drainsHere ? 1 : 0)
      writer.varint(UInt64(drained.count))
      for host in drained.sorted() { writer.hostID(host) }
      writer.varint(UInt64(pins.count))
      for (shard, host) in pins.sorted(by: { $0.key < $1.key }) {
        writer.shardID(shard)
        writer.hostID(host)
      }
      count = writer.count
    }
  }

  static let sizeLimit = 1 + 20 + limit * 24

  private init(_ reader: inout Reader) throws(WireError) {
    switch try reader.u8() {
    case 0: drainsHere = false
    case 1: drainsHere = true
    default: throw .invalid
    }
    for _ in 0..<(try reader.count(atMost: OrderBook.limit)) { drained.insert(try reader.hostID()) }
    for _ in 0..<(try reader.count(atMost: OrderBook.limit)) {
      let shard = try reader.shardID()
      pins[shard] = try reader.hostID()
    }
    try reader.expectEnd()
  }
}

/// Orders at the control socket.
extension Shell {
  private var at: Timestamp { Timestamp(nanoseconds: loop.now.wall) }

  /// Orders about others are taken where they are carried out: whoever may use that node's socket is trusted with it.
  private func requireSteward() throws(Fault) {
    guard let steward = node.stewardship.stewardHost(seenBy: identity.host) else {
      throw Fault(.notSteward, ["steward": "the first living voter, and none is there now"])
    }
    guard steward == identity.host else { throw Fault(.notSteward, ["steward": name(of: steward)]) }
  }

  private func host(named text: String) throws(Fault) -> HostID {
    if let id = HostID(text), identity.roster.certificate(of: id) != nil { return id }
    let found = identity.roster.hosts.filter { name(of: $0) == text }
    guard let host = found.first, found.count == 1 else {
      throw Fault(.hostUnknown, ["name": text.printable(limit: 40)])
    }
    return host
  }

  func drain(_ named: String?, _ wanted: Bool, for connection: ControlConnection) throws(Fault) -> ControlAnswer {
    let target = if let named { try host(named: named) } else { identity.host }
    if target == identity.host {
      orders.drainsHere = wanted
    } else {
      try requireSteward()
      if wanted {
        guard orders.drained.contains(target) || orders.drained.count < OrderBook.limit else {
          throw Fault(.badRequest, ["reason": "\(OrderBook.limit) hosts are drained already"])
        }
        orders.drained.insert(target)
      } else {
        orders.drained.remove(target)
      }
    }
    keepOrders()
    reportToSteward()
    guard wanted else { return .line(drainReply(target, before: nil, wanted: false).line()) }
    drains.append(DrainProgress(connection: connection, host: target, before: holdings(of: target)))
    tellDrains()
    return .later
  }

  func pin(_ map: String, _ named: String?, _ names: ShardNames) throws(Fault) -> ControlAnswer {
    let (id, shard) = try names.find(map)
    let host: HostID? = if let named { try self.host(named: named) } else { nil }
    try requireSteward()
    guard host == nil || orders.pins.count < OrderBook.limit else {
      throw Fault(.badRequest, ["reason": "\(OrderBook.limit) shards are pinned already"])
    }
    orders.pins[id] = host
    keepOrders()
    let maps = names.shard(id).map(names.maps(of:)) ?? []
    return .line(PinReply(at: at, shard: shard, maps: maps, host: host.map(hostName)).line())
  }

  private func keepOrders() {
    disk.keep(orders: orders.encoded)
    command(.steward(.order(orders.steward)))
  }

  // MARK: Progress of drains

  /// Shards that a host owns, and copies that it holds, as far as this node knows.
  func holdings(of host: HostID) -> (shards: Int, copies: Int) {
    var shards = 0
    var copies = 0
    for entry in node.stewardship.directory.all {
      if entry.owner == host { shards += 1 }
      if entry.members.contains(host) { copies += 1 }
    }
    return (shards, copies)
  }

  private func drainReply(_ host: HostID, before: (shards: Int, copies: Int)?, wanted: Bool) -> DrainReply {
    let now = holdings(of: host)
    let isDone = now.shards == 0 && now.copies == 0
    // Its own word, which only that host takes back, or its leaving.
    let drainsItself = !wanted && host != identity.host && node.stewardship.isDraining(host)
    return DrainReply(
      at: at, host: hostName(host), draining: wanted || drainsItself, shards: now.shards, copies: now.copies,
      shardsBefore: before?.shards ?? now.shards, copiesBefore: before?.copies ?? now.copies,
      done: !wanted || isDone,
      waitsFor: drainsItself
        ? "\(name(of: host)) drains by its own order or leaves: `mesh-ctl undrain` there ends that"
        : wanted && !isDone ? waitsFor(host, now.shards) : nil)
  }

  /// Why a drain has not come to its end.
  private func waitsFor(_ host: HostID, _ owned: Int) -> String? {
    guard node.stewardship.stewardHost(seenBy: identity.host) != nil else {
      return "no voter is there to decide where shards go"
    }
    if let scarcity = node.stewardship.scarcity(without: host) {
      return "a copy has to stay: \(Plural.of(scarcity.holders, "other host")) can hold copies, "
        + "and \(Plural.of(scarcity.minimum, "copy")) are the least (min_replication); add a host"
    }
    let entry = node.stewardship.directory.all.first { entry in
      entry.members.contains(host) && entry.replicas.contains { $0 != host && !entry.members.contains($0) }
    }
    if let entry { return "\(name(of: entry.shard)) is being copied to another host" }
    if owned > 0 { return "its shards move one after the other" }
    return nil
  }

  /// Called with each change of the directory and once a second.
  func tellDrains() {
    guard !drains.isEmpty else { return }
    var open: [DrainProgress] = []
    for var drain in drains where drain.connection.isOpen {
      let reply = drainReply(drain.host, before: drain.before, wanted: true)
      if reply.done {
        drain.connection.send(reply.line())
        continue
      }
      let state = [reply.shards, reply.copies]
      if drain.told != state {
        drain.told = state
        drain.connection.send(reply.line(), isLast: false)
      }
      open.append(drain)
    }
    drains = open
  }
}

/// Somebody who watches a drain.
struct DrainProgress {
  var connection: ControlConnection
  var host: HostID
  var before: (shards: Int, copies: Int)
  var told: [Int] = []
}
