import Gossip
import MapShard
import NodeCore
import SecureChannel
import Wire

/// What must be so when nothing has been wrong for a while.
extension Simulation {
  var areShardsSettled: Bool {
    guard let whole else { return true }
    return whole.shards.indices.allSatisfy { trouble(with: $0, whole) == nil }
  }

  /// Fails the world unless every shard is owned, whole, and everybody knows by whom; and clients got on since.
  func expectShardsSettled(clientsSince since: UInt64) {
    guard violation == nil, let whole else { return }
    for index in whole.shards.indices {
      if let text = trouble(with: index, whole) {
        return fail(.init(.healed, "\(text): \(situation(index, whole))"), nil, shard: index)
      }
    }
    for client in whole.clients where client.lastCompletedAt < since {
      return fail(
        .init(
          .healed, "client \(client.number) has done nothing since \(seconds(client.lastCompletedAt)) s: \(client)"),
        nil)
    }
  }

  /// What a shard lacks; `nil`: nothing.
  func trouble(with index: Int, _ whole: WholeMesh) -> String? {
    let shard = whole.shards[index]
    let actors = running.filter { machines[$0].process?.node.shards.acts(for: shard, at: clock(of: $0)) == true }
    guard let actor = actors.first, let node = machines[actor].process?.node else { return "nobody acts" }
    guard let record = node.shards.view(of: shard)?.rec?.record else { return "the owner knows no record" }
    guard let wanted = copiesWanted(actor, whole) else { return "the owner knows no steward" }
    if record.members.count < wanted { return "\(record.members.count) of \(wanted) copies" }
    for member in record.members where !isAlive(member) { return "a member is not there" }
    let owner = host(of: actor)
    for machine in rightfulMembers {
      guard let node = machines[machine].process?.node else { continue }
      guard let told = node.stewardship.directory[shard] else { return "machine \(machine) knows nothing of it" }
      if told.owner != owner { return "machine \(machine) names another owner" }
      if told.members != record.members.map(\.host) { return "machine \(machine) names other copies" }
      if let view = node.shards.view(of: shard), view.stopped != nil || view.isDamaged {
        return "machine \(machine) has a copy that is \(view.stopped ?? "damaged")"
      }
    }
    return content(of: shard, index, record, whole)
  }

  /// As many as hosts may hold them in the eyes of the steward that the owner believes. Two who reach a host only through
  /// others keep copies from it for two minutes, which is longer than these worlds last.
  private func copiesWanted(_ owner: Int, _ whole: WholeMesh) -> Int? {
    guard let node = machines[owner].process?.node,
      let steward = node.stewardship.stewardHost(seenBy: node.membership.host).flatMap({ directory.index(of: $0) }),
      let view = machines[steward].process?.node.membership
    else { return nil }
    let holders = directory.identities.count {
      ($0.host == view.host || view.member($0.host)?.status == .alive) && !view.impairedHosts.contains($0.host)
    }
    return min(whole.settings.replicationFactor, max(1, holders))
  }

  /// All copies at one position are equal, and are what the acknowledged log makes.
  private func content(of shard: ShardID, _ index: Int, _ record: Record, _ whole: WholeMesh) -> String? {
    let log = whole.ledger.shards[index].log
    for member in record.members {
      guard let machine = directory.index(of: member.host),
        let content = machines[machine].process?.node.shards.content(of: shard)
      else { continue }
      let sequence = content.position.sequence
      guard sequence <= UInt64(log.count) else { return "machine \(machine) has more than was ever committed" }
      var items: [[UInt8]: Entry] = [:]
      for entry in log[..<Int(sequence)] { items[entry.key] = entry.change == .put ? entry : nil }
      guard content.items.count == items.count,
        content.items.allSatisfy({ $0.value == items[$0.key]?.value && $0.sequence == items[$0.key]?.position.sequence }
        )
      else { return "machine \(machine) has another content than the log makes at \(sequence)" }
      let increments = log[..<Int(sequence)].count { $0.key == Array("n".utf8) }
      let counter = MeshClient.number(items[Array("n".utf8)]?.value ?? [])
      if counter != UInt64(increments) { return "the counter is \(counter) after \(increments) increments" }
    }
    return nil
  }

  /// For people: the newest record and what each host thinks.
  func situation(_ index: Int, _ whole: WholeMesh) -> String {
    var text = whole.ledger.shards[index].newest.map { self.text($0) } ?? "no record"
    for machine in machines.indices {
      guard let node = machines[machine].process?.node else {
        text += "; machine \(machine) is down"
        continue
      }
      let view = node.shards.view(of: whole.shards[index])
      let told = node.stewardship.directory[whole.shards[index]]
      text += "; machine \(machine): \(view?.rec.map { self.text($0.record) } ?? "no record")"
      text += view.map { ", wanted on \(names($0.replicas))\($0.couldAct ? "" : ", \($0.holdReason)")" } ?? ""
      let steward = node.stewardship.stewardHost(seenBy: node.membership.host)
      text +=
        ", told \(names(told?.owner.map { [$0] } ?? [])) of {\(names(told?.members ?? []))} v\(told?.version ?? 0)"
      text += " by \(names([node.stewardship.directory.mark.steward])), steward \(names(steward.map { [$0] } ?? []))"
    }
    return text
  }

  private func text(_ record: Record) -> String {
    func name(_ member: MapShard.Member) -> String {
      guard let machine = directory.index(of: member.host) else { return "\(member.host)" }
      return isAlive(member) ? "\(machine)" : "\(machine)'"
    }
    let members = record.members.map(name).joined(separator: ",")
    return "e\(record.epoch) v\(record.version) owner \(name(record.owner)) of {\(members)} by \(record.reason)"
      + (record.learners.isEmpty ? "" : ", learning \(names(record.learners))")
  }

  private func names(_ hosts: [HostID]) -> String {
    hosts.map { directory.index(of: $0).map { "\($0)" } ?? "\($0)" }.joined(separator: ",")
  }
}
