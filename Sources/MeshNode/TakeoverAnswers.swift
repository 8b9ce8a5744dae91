import Control
import EventLoop
import Logging
import MapShard
import NodeCore
import SecureChannel
import Wire
import WorldData

/// A client that waits for something that comes by itself; looked at once a second.
struct ControlWait {
  static let limit = 32

  var connection: ControlConnection
  /// Monotonic.
  var until: UInt64
  /// The answer, once there is one; with `true` there has to be one now.
  var answer: (_ isLast: Bool) -> [UInt8]?
}

/// What is left of a shard, and the operator's order past the rules.
extension Shell {
  /// Hosts answer within a round trip; those that do not are silent.
  private static let inquiryTime: UInt64 = 1_500_000_000
  private static let takeoverTime: UInt64 = 15_000_000_000

  func tellWaits() {
    guard !controlWaits.isEmpty else { return }
    let now = loop.now.monotonic
    var open: [ControlWait] = []
    let waits = controlWaits
    controlWaits = []
    for wait in waits where wait.connection.isOpen {
      if let line = wait.answer(now >= wait.until) {
        wait.connection.send(line)
      } else {
        open.append(wait)
      }
    }
    controlWaits += open
  }

  private func wait(
    _ connection: ControlConnection, _ time: UInt64, for answer: @escaping (Bool) -> [UInt8]?
  ) -> ControlAnswer {
    guard controlWaits.count < ControlWait.limit else {
      return .line(Fault(.badRequest, ["reason": "this node is busy with other orders; ask again"]).line())
    }
    controlWaits.append(
      ControlWait(connection: connection, until: loop.now.monotonic &+ time, answer: answer))
    return .later
  }

  /// A shard that this node has a part in, as a voter or with a copy: others know too little of it.
  private func shardWithPart(_ map: String) throws(Fault) -> (id: ShardID, name: String, names: ShardNames) {
    guard let (_, names) = activeWorld() else { throw Fault(.noWorld) }
    let (id, name) = try names.find(map)
    guard node.shards.holds(id) else {
      throw Fault(
        .takeoverRefused, ["shard": name, "reason": "this node has no part in it; ask a voter (mesh-ctl voters)"])
    }
    return (id, name, names)
  }

  func inquire(_ map: String, for connection: ControlConnection) -> ControlAnswer {
    do throws(Fault) {
      let (id, _, names) = try shardWithPart(map)
      command(.shards(.inquire(id)))
      return wait(connection, Shell.inquiryTime) { [weak self] isLast in
        isLast ? self?.takeoverReply(id, names).line() : nil
      }
    } catch {
      return .line(error.line())
    }
  }

  private func takeoverReply(_ id: ShardID, _ names: ShardNames) -> TakeoverReply {
    let shard = names.shard(id)
    let report = shard.map { shardReport($0, names, wanted: 1) }
    let record = node.shards.newestRecord(of: id)
    let answers = node.shards.inquiry(of: id) ?? [:]
    let members = record?.members ?? []
    let hosts = Set(answers.keys).union(members.map(\.host))
    let copies = hosts.compactMap { host -> TakeoverReply.Copy? in
      let member = members.first { $0.host == host }
      guard let answer = answers[host] else {
        return TakeoverReply.Copy(host: hostName(host), member: member != nil, state: .silent)
      }
      let state: TakeoverReply.CopyState =
        member?.life == answer.life && answer.isUsable
        ? .inSync : answer.last.sequence == 0 ? .empty : answer.isUsable ? .whole : .damaged
      // Who neither has anything nor should is of no interest.
      guard member != nil || state != .empty else { return nil }
      return TakeoverReply.Copy(
        host: hostName(host), member: member != nil, state: state, epoch: answer.last.epoch.rawValue,
        sequence: answer.last.sequence, current: answer.version == record?.version)
    }
    return TakeoverReply(
      at: Timestamp(nanoseconds: loop.now.wall), shard: shard?.name.text ?? id.description, id: id.description,
      maps: report?.maps ?? [], state: report?.state ?? .unowned, why: report?.why, epoch: record?.epoch.rawValue ?? 0,
      version: record?.version ?? 0, owner: record.map { hostName($0.owner.host) }, copies: copies)
  }

  /// Brings the order to its host; answers when the register has it.
  func takeUncleanly(_ map: String, _ signed: [UInt8], for connection: ControlConnection) -> (ControlAnswer, Change) {
    do throws(Fault) {
      let (id, name, names) = try shardWithPart(map)
      guard let order = UncleanOrder(signed, signer), order.shard == id else {
        throw Fault(
          .takeoverRefused, ["shard": name, "reason": "the order is not signed by an operator of this network"])
      }
      let version = node.shards.newestRecord(of: id)?.version ?? 0
      guard order.version == version else {
        throw Fault(
          .takeoverRefused,
          [
            "shard": name,
            "reason": "its record has changed meanwhile (\(order.version) is now \(version)); look again",
          ])
      }
      let taker = self.name(of: order.host)
      tell(
        Announcement(
          name: .controlChange, level: .warning, subject: order.host,
          text: "\(taker) is to take shard \(name) by the operator's word, whatever is lost"))
      command(.steward(.carry(signed)))
      let answer = wait(connection, Shell.takeoverTime) { [weak self] isLast in
        guard let self else { return nil }
        if let record = node.shards.newestRecord(of: id), record.version > version, record.owner.host == order.host {
          return takeoverReply(id, names).line()
        }
        guard isLast else { return nil }
        return Fault(.actionGoesOn, ["action": "the takeover of \(name) by \(taker)", "time": "15 s"]).line()
      }
      return (answer, Change(.begun, target: name, detail: "to \(taker), for version \(version)"))
    } catch {
      return (.line(error.line()), Change(error, target: map.printable(limit: 32)))
    }
  }
}
