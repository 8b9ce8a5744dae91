import Gossip
import Testing
import Wire

@Suite struct DigestTests {
  private func member(
    _ id: UInt64, _ status: Status = .alive, refutation: UInt64 = 0, metadata: UInt64 = 1, buried: Bool = false
  ) -> Member {
    var member = Member(
      record: SelfRecord(
        host: HostID(rawValue: id), incarnation: Incarnation(generation: 5, refutation: refutation),
        endpoint: Endpoint(ipv4: 1, port: 1), metadataVersion: metadata, roles: .host),
      signature: Signature(), status: status, since: 0)
    member.isBuried = buried
    return member
  }

  private func root(_ members: [Member]) -> UInt64 {
    var digest = Digest()
    for member in members { if let leaf = Digest.leaf(member) { digest.add(leaf, of: member.host) } }
    return digest.root
  }

  @Test func theOrderDoesNotShow() {
    let members = (0..<300).map { member($0 &* 0x9e37_79b9_7f4a_7c15) }
    #expect(root(members) == root(members.reversed()))
    #expect(root(members) != root(Array(members.dropLast())))
    #expect(root([]) == 0)
  }

  @Test func whatIsTakenOutLeavesNoTrace() {
    var digest = Digest()
    let before = digest
    for id: UInt64 in 0..<100 { if let leaf = Digest.leaf(member(id)) { digest.add(leaf, of: HostID(rawValue: id)) } }
    for id: UInt64 in 0..<100 {
      if let leaf = Digest.leaf(member(id)) { digest.remove(leaf, of: HostID(rawValue: id)) }
    }
    #expect(digest == before)
  }

  @Test func statusIncarnationAndMetadataShow() {
    let alive = root([member(1)])
    #expect(root([member(1, .suspect)]) == alive, "a suspicion is an opinion")
    #expect(root([member(1, .dead)]) != alive)
    #expect(root([member(1, .left)]) != root([member(1, .dead)]))
    #expect(root([member(1, refutation: 1)]) != alive)
    #expect(root([member(1, metadata: 2)]) != alive)
    #expect(root([member(1, .revoked, refutation: 3)]) == root([member(1, .revoked)]), "final for the key")
    #expect(root([member(1, .dead, buried: true)]) == 0)
  }

  /// The table keeps root and living list from change to change.
  @Test func theTableAgreesWithARecount() {
    let seed: UInt64 = 9
    var chance = Chance(seed: seed)
    var table = MemberTable(own: member(1_000_000))
    for turn in 0..<5_000 {
      let id = UInt64(chance.below(50))
      if let slot = table.slot(of: HostID(rawValue: id)) {
        if chance.below(5) == 0 {
          table.remove(slot)
        } else {
          let status = Status(rawValue: UInt8(chance.below(5))) ?? .alive
          table.update(slot) {
            $0.status = status
            $0.isBuried = status == .dead && turn % 2 == 0
          }
        }
      } else {
        #expect(table.insert(member(id)) != nil)
      }
      let used = (0..<table.slots).filter { table.isUsed($0) }
      let living = used.filter { $0 != MemberTable.own && table[$0].status <= .suspect }
      guard table.digest.root == root(used.map { table[$0] }), table.live.map(Int.init).sorted() == living,
        table.count == used.count, table.dead == used.count(where: { table[$0].status == .dead })
      else {
        Issue.record("turn \(turn), seed \(seed)")
        return
      }
    }
    var chosen: [Int] = []
    table.sample(5, excluding: 3, &chance, into: &chosen)
    #expect(Set(chosen).count == min(5, table.live.count { $0 != 3 }) && !chosen.contains(3) && !chosen.contains(0))
  }
}
