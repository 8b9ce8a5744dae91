import MapShard
import Testing
import Wire

/// The table of E4: which record may follow which, asked for by whom.
@Suite struct LegalityTests {
  private let a = LayoutTests.member(1)
  private let b = LayoutTests.member(2)
  private let c = LayoutTests.member(3)

  private var current: Record {
    Record(
      shard: LayoutTests.shard, epoch: Epoch(4), version: 9, owner: a, members: [a, b, c], reason: .expand,
      lastLoss: Epoch(2))
  }

  private func kind(by p: Member, _ change: (inout Record) -> Void) -> ChangeKind? {
    var next = current
    next.version += 1
    next.reason = .touch
    change(&next)
    return ChangeKind.of(next, after: current, by: p)
  }

  private func newReign(_ record: inout Record, _ owner: Member, _ members: [Member], _ reason: ChangeReason = .death) {
    record.epoch = Epoch(5)
    record.owner = owner
    record.members = members
    record.reason = reason
    if reason == .recover || reason == .unclean { record.lastLoss = Epoch(5) }
  }

  @Test func anOwnerChangesHisSet() {
    #expect(kind(by: a) { _ in } == .touch)
    #expect(kind(by: a) { $0.members = [a, b] } == .shrink)
    #expect(kind(by: a) { $0.members = [a] } == .shrink)
    #expect(kind(by: a) { $0.members = [a, b, c, LayoutTests.member(4)] } == .expand)
    #expect(kind(by: a) { $0.members = [a, b, c, LayoutTests.member(4), LayoutTests.member(5)] } == nil)
    #expect(kind(by: a) { $0.members = [a, b, LayoutTests.member(4)] } == nil)
    #expect(kind(by: a) { $0.members = [b, c] } == nil)
    #expect(kind(by: a) { $0.members = [a, LayoutTests.member(2, 1), c] } == nil)
    for other in [b, LayoutTests.member(1, 8), LayoutTests.member(7)] {
      #expect(kind(by: other) { _ in } == nil)
      #expect(kind(by: other) { $0.members = [a, b] } == nil)
    }
  }

  @Test func reignsChange() {
    #expect(kind(by: a) { newReign(&$0, a, [a, b, c], .renew) } == .renew)
    #expect(kind(by: a) { newReign(&$0, b, [a, b, c], .drain) } == .move)
    #expect(kind(by: a) { newReign(&$0, b, [b, c], .drain) } == nil)
    #expect(kind(by: a) { newReign(&$0, LayoutTests.member(7), [a, b, c], .drain) } == nil)
    #expect(kind(by: b) { newReign(&$0, b, [b, c]) } == .take)
    #expect(kind(by: b) { newReign(&$0, b, [b]) } == .take)
    #expect(kind(by: b) { newReign(&$0, b, [a, b]) } == nil, "the old owner stays out")
    #expect(kind(by: b) { newReign(&$0, c, [b, c]) } == nil, "nobody takes for another")
    #expect(kind(by: b) { newReign(&$0, b, [b, LayoutTests.member(4)]) } == nil)
    #expect(
      kind(by: LayoutTests.member(2, 1)) { newReign(&$0, LayoutTests.member(2, 1), [LayoutTests.member(2, 1)]) } == nil)
    #expect(
      kind(by: b) {
        newReign(&$0, b, [b])
        $0.epoch = Epoch(6)
      } == nil)
  }

  @Test func lossesSaySo() {
    let again = LayoutTests.member(2, 1)
    #expect(kind(by: again) { newReign(&$0, again, [again], .recover) } == .recover)
    #expect(kind(by: again) { newReign(&$0, again, [again, c], .recover) } == nil)
    #expect(kind(by: b) { newReign(&$0, b, [b], .recover) } == nil, "who has a seat does not recover")
    #expect(
      kind(by: LayoutTests.member(7)) { newReign(&$0, LayoutTests.member(7), [LayoutTests.member(7)], .recover) } == nil
    )
    #expect(
      kind(by: LayoutTests.member(7)) { newReign(&$0, LayoutTests.member(7), [LayoutTests.member(7)], .unclean) }
        == .unclean)
    #expect(
      kind(by: again) {
        newReign(&$0, again, [again], .recover)
        $0.lastLoss = Epoch(2)
      } == nil, "a loss is recorded")
    #expect(
      kind(by: b) {
        newReign(&$0, b, [b])
        $0.lastLoss = .none
      } == nil, "and not forgotten")
    #expect(kind(by: a) { $0.reason = .unclean } == nil)
  }

  @Test func aShardIsCreatedByOneForItself() {
    let record = Record(
      shard: LayoutTests.shard, epoch: Epoch(1), version: 1, owner: a, members: [a], reason: .initial)
    #expect(ChangeKind.of(record, after: nil, by: a) == .create)
    #expect(ChangeKind.of(record, after: nil, by: b) == nil)
    var other = record
    other.epoch = Epoch(2)
    #expect(ChangeKind.of(other, after: nil, by: a) == nil)
  }

  /// What the voter says to a proposal that the table forbids: the record as it is.
  @Test func aForbiddenProposalIsAnsweredWithTheRecord() {
    let world = TestWorld.settled(4, list: [2, 3])
    let before = world.nodes[world.host(1)]!.core.voted(world.shard)!
    var stolen = before
    stolen.version += 1
    stolen.epoch = Epoch(2)
    stolen.owner = world.member(4)
    stolen.members = [world.member(4)]
    stolen.reason = .death
    world.propose(stolen, from: 4)
    world.run(100)
    #expect(world.nodes[world.host(1)]!.core.voted(world.shard) == before)
    #expect(world.nodes[world.host(1)]!.core.counters.proposalsRefused == 1)
    // Forged records convince nobody.
    world.deliver(.record(set: 1, nonce: 0, world.shard, ProvenRecord(record: stolen, voterSet: 1, proof: [])), to: 3)
    let forged = ProvenRecord.signedByNobody(stolen)
    world.deliver(.record(set: 1, nonce: 0, world.shard, forged), to: 3)
    #expect(world.view(3)?.rec?.record == before)
    #expect(world.nodes[world.host(3)]!.core.counters.proofsBad == 2)
  }
}

extension ProvenRecord {
  fileprivate static func signedByNobody(_ record: Record) -> ProvenRecord {
    let vote = VoterSignature(voter: HostID(rawValue: 1), signature: Signature { $0[0] = 1 })
    return ProvenRecord(record: record, voterSet: 1, proof: [vote, vote])
  }
}
