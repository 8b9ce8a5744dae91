package import Wire

/// A host's signed word that another does not answer.
package struct Accusation: Hashable {
  package var accuser: HostID
  /// Whose machine the accuser is; 0 = the operator's.
  package var contributor: UInt32
  package var signature: Signature

  package init(accuser: HostID, contributor: UInt32, signature: Signature) {
    self.accuser = accuser
    self.contributor = contributor
    self.signature = signature
  }

  package static let none = Accusation(accuser: HostID(rawValue: 0), contributor: 0, signature: Signature())
}

/// Up to three accusations of one host in one incarnation: as many as travel with a death.
package struct Accusations {
  package static let limit = 3

  private var slots = InlineArray<3, Accusation>(repeating: .none)
  package private(set) var count = 0

  package init() {}

  package subscript(position: Int) -> Accusation { slots[position] }

  /// Accusers that count: those with the same non-zero contributor count once, so that one person's machines cannot
  /// agree among themselves that somebody is dead.
  package var distinct: Int {
    var result = 0
    for position in 0..<count where !repeats(position) { result += 1 }
    return result
  }

  /// Whether an earlier accuser is of the same contributor.
  private func repeats(_ position: Int) -> Bool {
    guard slots[position].contributor != 0 else { return false }
    for earlier in 0..<position where slots[earlier].contributor == slots[position].contributor { return true }
    return false
  }

  package func contains(_ accuser: HostID) -> Bool {
    for position in 0..<count where slots[position].accuser == accuser { return true }
    return false
  }

  /// Each accuser counts once. With three held, one that counts replaces one that does not. False when nothing changed.
  package mutating func add(_ accusation: Accusation) -> Bool {
    if contains(accusation.accuser) { return false }
    if count < Accusations.limit {
      slots[count] = accusation
      count += 1
      return true
    }
    for position in 0..<count where repeats(position) {
      let before = distinct
      let replaced = slots[position]
      slots[position] = accusation
      if distinct > before { return true }
      slots[position] = replaced
    }
    return false
  }

  package var accusers: [HostID] { (0..<count).map { slots[$0].accuser } }
}
