import Wire

/// The sets of voters that this host knows: the present one, and earlier ones whose proofs still count.
struct VoterSets: Hashable, Sendable {
  /// What was chosen under an earlier set stays true; more than these few are never met.
  static let kept = 8

  private var sets: [VoterSetDescription] = []
  /// The signed form of the present set; empty for the world's first one.
  var signed: [UInt8] = []
  /// A voter answered last; for decisions that may be wrong (release) only.
  var answeredAt: UInt64 = 0
  /// Reads sent so far: they go to the voters in turn.
  var reads = 0
  /// Old voters that this host copies from.
  var copyingFrom: [HostID] = []

  var current: VoterSetDescription? { sets.last }

  func known(_ number: UInt64) -> VoterSetDescription? { sets.last { $0.number == number } }

  func isVoter(_ host: HostID) -> Bool { current?.voters.contains { $0.host == host } ?? false }

  /// Takes a later set. False when it is not later or not a set.
  mutating func adopt(_ set: VoterSetDescription, signed: [UInt8]) -> Bool {
    guard set.number > (current?.number ?? 0), set.isWellFormed else { return false }
    sets.append(set)
    if sets.count > VoterSets.kept { sets.removeFirst() }
    self.signed = signed
    if !set.previous.isEmpty { remember(VoterSetDescription(number: set.number - 1, voters: set.previous)) }
    return true
  }

  /// An earlier set than the present one: what was proven under it stays proven.
  mutating func remember(_ set: VoterSetDescription) {
    guard set.isWellFormed, known(set.number) == nil, sets.count < VoterSets.kept,
      let place = sets.firstIndex(where: { $0.number > set.number })
    else { return }
    sets.insert(set, at: place)
  }
}

extension VoterSetDescription {
  /// 1, 3 or 5 voters, each host once.
  package var isWellFormed: Bool {
    guard number > 0, voters.count == 1 || voters.count == 3 || voters.count == 5 else { return false }
    let hosts = voters.map(\.host).sorted()
    return !zip(hosts, hosts.dropFirst()).contains { $0 == $1 }
  }
}
