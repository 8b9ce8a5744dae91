import MapShard
import Wire

/// What must come back when nothing is wrong any more.
extension ShardWorld {
  /// Time that connections take to stand again: sessions, links, and the processes that were down.
  private static let reconnecting = Nanoseconds.milliseconds(1_500)

  mutating func heal() { apply(.heal) }

  /// E11: within GIVE + 2 × OUT + 1 s of a healed network every shard with a life of a member has an acting owner; all
  /// of them are served, completely, by `end`, and clients got on.
  mutating func expectHealed(by end: UInt64) {
    let began = time
    let bound = settings.core.give + 2 * settings.core.out + Nanoseconds.seconds(1)
    var seated = shards.indices.filter { hasLivingMember($0) }
    run(until: began + ShardWorld.reconnecting + bound + bound / 100)
    guard violation == nil else { return }
    seated = seated.filter { hasLivingMember($0) }
    for shard in seated where !isServed(shard) {
      return fail(
        .healed, "nobody acts for shard \(shard) \(seconds(time - began)) s after healing: \(situation(shard))")
    }
    let clientsFrom = time
    run(until: end)
    guard violation == nil else { return }
    for shard in shards.indices {
      guard isServed(shard) else {
        return fail(.healed, "nobody acts for shard \(shard) at the end: \(situation(shard))")
      }
      let members = ledger.shards[shard].newest?.members.count ?? 0
      if members < replicas[shard].count {
        return fail(.healed, "shard \(shard) has \(members) of \(replicas[shard].count) copies: \(situation(shard))")
      }
    }
    for (index, client) in clients.enumerated() where client.lastCompletedAt < clientsFrom {
      fail(.healed, "client \(index) has done nothing since \(seconds(client.lastCompletedAt)) s: \(client)")
    }
  }

  func hasLivingMember(_ shard: Int) -> Bool {
    guard let record = ledger.shards[shard].newest else { return false }
    return record.members.contains { member in
      machineOf[member.host].map { machines[$0].isRunning && machines[$0].life == member.life } ?? false
    }
  }

  /// Whether somebody acts for the shard now.
  package func isServed(_ shard: Int) -> Bool { actingMachine(shard) != nil }

  package func actingMachine(_ shard: Int) -> Int? {
    machines.indices.first { machine in
      machines[machine].isResponsive(at: time)
        && machines[machine].core?.acts(for: shards[shard], at: machines[machine].clock.now(at: time)) == true
    }
  }

  /// For people: the newest record and what each host thinks.
  func situation(_ shard: Int) -> String {
    var text = ledger.shards[shard].newest.map { "\(self.text($0))" } ?? "no record"
    for machine in machines.indices {
      guard let view = machines[machine].core?.view(of: shards[shard]) else { continue }
      text += "; host \(machine): \(view.rec.map { self.text($0.record) } ?? "no record")"
    }
    return text
  }

  func text(_ record: Record) -> String {
    let members = record.members.map { text($0) }.joined(separator: ",")
    return "e\(record.epoch) v\(record.version) owner \(text(record.owner)) of {\(members)} by \(record.reason)"
  }

  private func text(_ member: Member) -> String {
    guard let machine = machineOf[member.host] else { return "\(member.host)" }
    return machines[machine].life == member.life ? "\(machine)" : "\(machine)'"
  }
}
