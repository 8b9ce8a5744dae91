import MapShard
import Wire

/// Which message bytes hold, without reading more than their first one.
package enum MessageKind: Hashable, Sendable {
  case heartbeat, heartbeatAnswer
  case propose, read, record, closed, who, iAm, release, moved
  case prepare, promise, accept, accepted, outbid
  case close, copy, copied, forward, forwarded
  case append, appended, other

  /// `carrier` is `nil` for datagrams.
  init(_ carrier: ShardCarrier?, _ bytes: [UInt8]) {
    let type = bytes.first ?? 0
    switch carrier {
    case nil: self = type == 1 ? .heartbeat : .heartbeatAnswer
    case .register?:
      let kinds: [MessageKind] = [
        .other, .propose, .read, .record, .closed, .who, .iAm, .release, .moved, .prepare, .promise, .accept, .accepted,
        .outbid, .close, .copy, .copied, .forward, .forwarded,
      ]
      self = kinds.indices.contains(Int(type)) ? kinds[Int(type)] : .other
    case .replication?, .catchUp?: self = type == 1 ? .append : type == 2 ? .appended : .other
    }
  }

  /// What the message says, for people.
  static func text(_ carrier: ShardCarrier?, _ bytes: [UInt8]) -> String {
    bytes.withUnsafeBytes { raw in
      var reader = Reader(raw)
      do {
        switch carrier {
        case nil: return "\(try HeartbeatMessage(&reader))"
        case .register?: return "\(try RegisterMessage(&reader))"
        case .replication?, .catchUp?: return "\(try ReplicaMessage(&reader))"
        }
      } catch {
        return "unreadable: \(error)"
      }
    }
  }
}
