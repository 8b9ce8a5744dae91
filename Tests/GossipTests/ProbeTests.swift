import Gossip
import Testing
import Wire

@Suite struct ProbeTests {
  private func probe() -> Probe {
    Probe(slot: 1, host: HostID(rawValue: 10), sequence: 7, sentAt: 0, deadline: 1_000)
  }

  @Test func onlyTheTargetAndAskedHelpersCount() {
    var probe = probe()
    #expect(probe.acked(by: HostID(rawValue: 11), relayed: false) == false)
    #expect(probe.acked(by: HostID(rawValue: 11), relayed: true) == false, "not asked")
    #expect(probe.refused(by: HostID(rawValue: 11)) == false)
    #expect(probe.answer == .none)
    probe.asked(HostID(rawValue: 11))
    #expect(probe.acked(by: HostID(rawValue: 11), relayed: true) == true)
    #expect(probe.answer == .throughHelper)
    #expect(probe.acked(by: HostID(rawValue: 10), relayed: false) == true)
    #expect(probe.answer == .direct, "a direct answer outranks a relayed one")
    #expect(probe.acked(by: HostID(rawValue: 11), relayed: true) == true)
    #expect(probe.answer == .direct)
  }

  @Test func aHelperRefusesOnce() {
    var probe = probe()
    for helper in 11...14 { probe.asked(HostID(rawValue: UInt64(helper))) }
    #expect(probe.helpersAsked == 3, "three at most")
    for _ in 0..<3 { #expect(probe.refused(by: HostID(rawValue: 12)) == true) }
    #expect(probe.nacks == 1)
    #expect(probe.refused(by: HostID(rawValue: 14)) == false)
  }

  @Test func everybodyIsAskedOnceARound() {
    let seed: UInt64 = 3
    var chance = Chance(seed: seed)
    var table = MemberTable(own: member(0))
    var order = ProbeOrder()
    for id in 1...20 { order.insert(table.insert(member(UInt64(id))) ?? 0, &chance) }
    var rounds: [[Int]] = []
    for _ in 0..<3 { rounds.append((0..<20).compactMap { _ in order.next(in: table, &chance) }) }
    for round in rounds { #expect(round.sorted() == Array(1...20), "seed \(seed)") }
    #expect(rounds[0] != rounds[1], "shuffled anew")
    // Who comes within a round is asked within it; who dies is passed over.
    _ = order.next(in: table, &chance)
    order.insert(table.insert(member(21)) ?? 0, &chance)
    table.update(5) { $0.status = .dead }
    let rest = (0..<20).compactMap { _ in order.next(in: table, &chance) }
    #expect(rest.prefix(20).contains(21))
    #expect(!rest.contains(5) || rest.firstIndex(of: 5) == nil)
  }

  @Test func nobodyToAsk() {
    var chance = Chance(seed: 1)
    var order = ProbeOrder()
    #expect(order.next(in: MemberTable(own: member(0)), &chance) == nil)
  }

  private func member(_ id: UInt64) -> Member {
    Member(
      record: SelfRecord(
        host: HostID(rawValue: id), incarnation: Incarnation(generation: 1, refutation: 0),
        endpoint: Endpoint(ipv4: 1, port: 1), metadataVersion: 1, roles: .host),
      signature: Signature(), status: .alive, since: 0)
  }
}
