package import MapShard
package import Wire

/// What hosts and the steward say to each other on the link's register channel, beside the register's own messages, whose
/// kinds are below 128.
package enum StewardMessage: Sendable {
  package enum Kind: UInt8, Sendable {
    case report = 128
    case directory = 129
    case move = 130
    case order = 131
  }

  case report(HostReport)
  case directory(DirectoryPart)
  case move(MoveWish)
  /// {kind 131, `UncleanOrder` 88}: the operator's order, carried to the host that it names. Whoever brings it, only the
  /// operator's signature counts.
  case order([UInt8])

  /// Shard and host of an unclean order, whether or not it is signed; `nil`: it is none.
  static func target(of order: [UInt8]) -> (ShardID, HostID)? {
    guard order.count == UncleanOrder.size else { return nil }
    return order.withUnsafeBytes { bytes in
      var reader = Reader(bytes)
      guard let shard = try? reader.shardID(), (try? reader.u64()) != nil, let host = try? reader.hostID() else {
        return nil
      }
      return (shard, host)
    }
  }

  /// Whether a frame of the register channel is one of these.
  static func isMeant(by bytes: UnsafeRawBufferPointer) -> Bool { bytes.first.map { $0 >= 128 } ?? false }

  package init(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    var reader = Reader(bytes)
    switch Kind(rawValue: try reader.u8()) {
    case .report: self = .report(try HostReport(&reader))
    case .directory: self = .directory(try DirectoryPart(&reader))
    case .move: self = .move(try MoveWish(&reader))
    case .order: self = .order(Array(try reader.take(UncleanOrder.size)))
    case nil: throw .invalid
    }
    try reader.expectEnd()
  }

  /// As a frame's body; `nil` for what would not fit into one.
  package func encoded() -> [UInt8]? {
    let size =
      switch self {
      case .report(let report): HostReport.size + report.loads.count * HostReport.loadSize
      case .directory(let part): part.sizeLimit
      case .move: MoveWish.size
      case .order(let order): 1 + order.count
      }
    let body = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(buffer))
      switch self {
      case .report(let report): report.write(into: &writer)
      case .directory(let part): part.write(into: &writer)
      case .move(let wish): wish.write(into: &writer)
      case .order(let order):
        writer.u8(Kind.order.rawValue)
        writer.append(order)
      }
      count = writer.overflowed ? 0 : writer.count
    }
    return body.isEmpty ? nil : body
  }
}

/// The steward asks an owner to give a shard to another member. {kind 130, shard 8, host 8, reason 1, plan 8}
package struct MoveWish: Hashable, Sendable {
  package var shard: ShardID
  package var to: HostID
  package var reason: ChangeReason
  package var plan: UInt64

  static let size = 26

  package init(shard: ShardID, to: HostID, reason: ChangeReason, plan: UInt64) {
    self.shard = shard
    self.to = to
    self.reason = reason
    self.plan = plan
  }

  func write(into writer: inout Writer) {
    writer.u8(StewardMessage.Kind.move.rawValue)
    writer.shardID(shard)
    writer.hostID(to)
    writer.u8(reason.rawValue)
    writer.u64(plan)
  }

  init(_ reader: inout Reader) throws(WireError) {
    shard = try reader.shardID()
    to = try reader.hostID()
    guard let reason = ChangeReason(rawValue: try reader.u8()) else { throw .invalid }
    self.reason = reason
    plan = try reader.u64()
  }
}
