package import Wire

/// Layouts of records: what voters sign, what stands in messages and in the log. Little-endian.
///
/// | value | bytes |
/// |---|---|
/// | record | shard 8, epoch 8, version 8, owner 16, count 1 + members 16 each, count 1 + learners 8 each, reason 1, plan 8, last loss 8 |
/// | proven record | voter set 8, ballot 16, record, count 1 + {voter 8, signature 64} each |
extension Record {
  /// Bytes that any record takes at most.
  package static let sizeLimit = 66 + 16 * membersLimit + 8 * learnersLimit

  package func write(into writer: inout Writer) {
    writer.shardID(shard)
    writer.u64(epoch.rawValue)
    writer.u64(version)
    writer.member(owner)
    writer.u8(UInt8(truncatingIfNeeded: members.count))
    for member in members { writer.member(member) }
    writer.u8(UInt8(truncatingIfNeeded: learners.count))
    for host in learners { writer.hostID(host) }
    writer.u8(reason.rawValue)
    writer.u64(plan)
    writer.u64(lastLoss.rawValue)
  }

  /// Refuses what no voter would keep: an in-sync set that is empty, unsorted, with two seats for one host or without
  /// the owner, and version or epoch 0.
  package init(_ reader: inout Reader) throws(WireError) {
    shard = try reader.shardID()
    epoch = Epoch(try reader.u64())
    version = try reader.u64()
    owner = try reader.member()
    members = []
    let membersCount = Int(try reader.u8())
    guard membersCount <= Record.membersLimit else { throw .tooLarge }
    for _ in 0..<membersCount { members.append(try reader.member()) }
    learners = []
    let learnersCount = Int(try reader.u8())
    guard learnersCount <= Record.learnersLimit else { throw .tooLarge }
    for _ in 0..<learnersCount { learners.append(try reader.hostID()) }
    guard let reason = ChangeReason(rawValue: try reader.u8()) else { throw .invalid }
    self.reason = reason
    plan = try reader.u64()
    lastLoss = Epoch(try reader.u64())
    guard isWellFormed else { throw .invalid }
  }

  /// Invariant (g): the owner is a member; the set is sorted, one seat per host.
  package var isWellFormed: Bool {
    guard version > 0, epoch > .none, lastLoss <= epoch, !members.isEmpty, members.count <= Record.membersLimit,
      learners.count <= Record.learnersLimit, members.contains(owner)
    else { return false }
    for index in members.indices.dropFirst() where !(members[index - 1].host < members[index].host) { return false }
    return true
  }

  func seat(of host: HostID) -> Member? { members.first { $0.host == host } }
}

extension ProvenRecord {
  package static let sizeLimit = 25 + Record.sizeLimit + 72 * proofLimit
  /// A majority of 5, and the others if they answered too.
  package static let proofLimit = 5

  package func write(into writer: inout Writer) {
    writer.u64(voterSet)
    writer.ballot(ballot)
    record.write(into: &writer)
    writer.u8(UInt8(truncatingIfNeeded: proof.count))
    for vote in proof {
      writer.hostID(vote.voter)
      writer.signature(vote.signature)
    }
  }

  package init(_ reader: inout Reader) throws(WireError) {
    voterSet = try reader.u64()
    ballot = try reader.ballot()
    record = try Record(&reader)
    proof = []
    let count = Int(try reader.u8())
    guard count <= ProvenRecord.proofLimit else { throw .tooLarge }
    for _ in 0..<count {
      proof.append(VoterSignature(voter: try reader.hostID(), signature: try reader.signature()))
    }
  }

  /// What a voter signs: "mesh-record/1", set, ballot, record.
  static func withSignedBytes<R>(
    _ record: Record, voterSet: UInt64, ballot: Ballot, _ body: (UnsafeRawBufferPointer) -> R
  ) -> R {
    withUnsafeTemporaryAllocation(byteCount: 64 + Record.sizeLimit, alignment: 8) { memory in
      var writer = Writer(memory)
      writer.append(Array("mesh-record/1".utf8))
      writer.u64(voterSet)
      writer.ballot(ballot)
      record.write(into: &writer)
      return body(writer.written)
    }
  }
}

extension Writer {
  mutating func ballot(_ ballot: Ballot) {
    u64(ballot.counter)
    hostID(ballot.host)
  }

  mutating func position(_ position: Position) {
    u64(position.epoch.rawValue)
    u64(position.sequence)
    u64(position.hash)
  }

  /// A flag and, when there is one, the record.
  mutating func optional(_ record: ProvenRecord?) {
    u8(record == nil ? 0 : 1)
    record?.write(into: &self)
  }

  /// A length of two bytes and the bytes.
  mutating func short(_ bytes: [UInt8]) {
    u16(UInt16(clamping: bytes.count))
    append(bytes)
  }
}

extension Reader {
  mutating func ballot() throws(WireError) -> Ballot { Ballot(counter: try u64(), host: try hostID()) }

  mutating func position() throws(WireError) -> Position {
    Position(epoch: Epoch(try u64()), sequence: try u64(), hash: try u64())
  }

  mutating func flag() throws(WireError) -> Bool {
    switch try u8() {
    case 0: false
    case 1: true
    default: throw .invalid
    }
  }

  mutating func optionalRecord() throws(WireError) -> ProvenRecord? {
    try flag() ? try ProvenRecord(&self) : nil
  }

  mutating func short(atMost limit: Int) throws(WireError) -> [UInt8] {
    let count = Int(try u16())
    guard count <= limit else { throw .tooLarge }
    return [UInt8](try take(count))
  }
}
