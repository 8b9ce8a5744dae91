import Control
import MapShard
import Wire

/// Requests about shards that wait for the node's answer.
final class ShardRequests {
  /// Beyond this a client is told that the node is busy.
  static let limit = 1_024

  struct Waiting {
    enum Kind {
      case get(key: [UInt8])
      case write(key: [UInt8])
      /// As it was planned.
      case restore(StateRestoreReply)
    }

    var connection: ControlConnection
    var shard: String
    var kind: Kind
    var name: (HostID) -> String
    /// Who owns the shard by the newest that is known here; a record of a host that has left the set stays old.
    var owner: () -> String
  }

  private var waiting: [UInt64: Waiting] = [:]
  private var last: UInt64 = 0

  /// The number of the request; `nil` when too many wait.
  func begin(_ request: Waiting) -> UInt64? {
    guard waiting.count < ShardRequests.limit else { return nil }
    last &+= 1
    waiting[last] = request
    return last
  }

  func answer(_ number: UInt64, _ reply: ShardReply, at: Timestamp) {
    guard let request = waiting.removeValue(forKey: number) else { return }
    request.connection.send(request.line(reply))
  }
}

extension ShardRequests.Waiting {
  fileprivate func line(_ reply: ShardReply) -> [UInt8] {
    switch (reply, kind) {
    case (.value(let value, let sequence), .get(let key)):
      return StateReply(shard: shard, key: key, value: value, sequence: sequence).line()
    case (.acknowledged(let epoch, let sequence), _):
      return StateWriteReply(shard: shard, epoch: epoch.rawValue, sequence: sequence).line()
    case (.restored(let restored), .restore(let plan)): return plan.done(restored).line()
    case (.refused(.busy), .restore):
      return Fault(.shardBusy, ["shard": shard, "why": "it is being moved or restored, or its copies do not keep up"])
        .line()
    case (.refused(.notOwner), _): return Fault(.shardElsewhere, ["shard": shard, "owner": owner()]).line()
    case (.refused(let refusal), .get(let key)), (.refused(let refusal), .write(let key)):
      return refusal.fault(shard: shard, key: key, name: name).line()
    case (.refused(let refusal), .restore): return refusal.fault(shard: shard, name: name).line()
    case (.value, _), (.moved, _), (.restored, _):
      return Fault(.badRequest, ["reason": "the node answered something else"]).line()
    }
  }
}

extension ShardRefusal {
  func fault(shard: String, key: [UInt8] = [], name: (HostID) -> String) -> Fault {
    switch self {
    case .notOwner(let owner):
      return Fault(.shardElsewhere, ["shard": shard, "owner": owner.map { name($0.host) } ?? "nobody just now"])
    case .held(let reason): return Fault(.shardHeld, ["shard": shard, "why": reason.words(name)])
    case .belowMinimum(let copies, let minimum):
      return Fault(.belowMinimum, ["shard": shard, "copies": "\(copies)", "minimum": "\(minimum)"])
    case .unexpected(let sequence):
      return Fault(
        .stateConflict, ["shard": shard, "key": StateBytes(key).shown, "sequence": "\(sequence)"])
    case .outdated(let last):
      return Fault(
        .badRequest, ["reason": "this client has written with the later sequence \(last) already"])
    case .tooLarge: return Fault(.stateTooLarge, ["shard": shard])
    case .noRoom(.slow):
      return Fault(.shardBusy, ["shard": shard, "why": "the disk of its owner does not keep up"])
    case .noRoom: return Fault(.shardBusy, ["shard": shard, "why": "the disk of its owner is full"])
    case .busy: return Fault(.shardBusy, ["shard": shard, "why": "too many writes wait for their copies"])
    case .moveCancelled:
      return Fault(.moveNotMade, ["shard": shard, "why": "it could not begin in time"])
    case .unknownShard:
      return Fault(.shardElsewhere, ["shard": shard, "owner": "another host"])
    case .storeFailed: return Fault(.storeHasFailed, ["reason": "its shards are being given away"])
    }
  }
}

extension HoldReason {
  func words(_ name: (HostID) -> String) -> String {
    switch self {
    case .silent(let hosts, let voterAnswers):
      let who =
        hosts.isEmpty ? "a copy does" : hosts.map(name).joined(separator: ", ") + (hosts.count == 1 ? " does" : " do")
      return "\(who) not answer" + (voterAnswers ? "" : ", and no voter does")
    case .moving: return "it is being moved"
    case .released: return "this host has given it up"
    }
  }
}
